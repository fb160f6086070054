//! What is bought, and what it is of: software models and entitlements, checked.

use jiff::Unit;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::identifier::{Identifier, Vendor};
use super::name::Name;

/// `kind: SoftwareModel`: the product of a publisher, and what it goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftwareModel {
    /// Its identity.
    pub name: Name,
    /// Who publishes it.
    pub publisher: String,
    /// What it is.
    pub product: String,
    /// Whether its seats need rights; ServiceNow's "License under management".
    #[serde(default = "yes")]
    pub under_management: bool,
    /// Which identifiers belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<IdentifierMatch>,
    /// Which products in usage records it is: 32 hexadecimal digits each, lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub norm_products: Vec<String>,
}

fn yes() -> bool {
    true
}

/// Which identifiers are meant; the conditions are those of ServiceNow's product definitions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierMatch {
    /// This one.
    Is(Identifier),
    /// Every one that starts so.
    StartsWith(String),
    /// Every one of the vendor.
    Anything(Vendor),
}

impl IdentifierMatch {
    /// How closely it means `identifier`: the most for the one itself, then by the length of what
    /// is alike; `None` when it does not mean it.
    pub fn closeness(&self, identifier: &Identifier) -> Option<usize> {
        let text = identifier.as_str();
        match self {
            Self::Is(one) => (one == identifier).then_some(usize::MAX),
            Self::StartsWith(start) => text.starts_with(start.as_str()).then_some(start.len()),
            Self::Anything(vendor) => (identifier.vendor() == Some(*vendor)).then_some(0),
        }
    }
}

/// What a right licenses: ServiceNow's license metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// One seat that a user holds.
    #[default]
    UserSubscription,
}

impl Metric {
    /// The word in files and listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserSubscription => "user_subscription",
        }
    }
}

/// What a unit cost is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A month.
    Monthly,
    /// Three months.
    Quarterly,
    /// A year.
    #[default]
    Annually,
    /// The time from start to end.
    #[serde(rename = "entire_period")]
    Entire,
}

impl Period {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Annually => "annually",
            Self::Entire => "entire_period",
        }
    }
}

/// What one right costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The amount, as the file writes it.
    pub unit_cost: Decimal,
    /// In which currency.
    pub currency: Currency,
    /// What the amount is paid for.
    pub period: Period,
}

/// What an entitlement gives rights to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Licensed {
    /// One software model.
    SoftwareModel(Name),
    /// Every software model of a product.
    Product(Product),
}

impl Licensed {
    /// Whether seats of `model` may use these rights.
    pub fn covers(&self, model: &SoftwareModel) -> bool {
        match self {
            Self::SoftwareModel(name) => *name == model.name,
            Self::Product(product) => {
                product.publisher == model.publisher && product.product == model.product
            }
        }
    }
}

/// A product by its publisher's name and its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Product {
    /// Who publishes it.
    pub publisher: String,
    /// What it is.
    pub product: String,
}

/// `kind: Entitlement`: purchased rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Its identity.
    pub name: Name,
    /// What it gives rights to.
    #[serde(flatten)]
    pub licensed: Licensed,
    /// What a right licenses.
    #[serde(default)]
    pub metric: Metric,
    /// How many rights are paid for; an unlimited one may pay for one, the agreement itself.
    pub quantity: u64,
    /// Whether it gives as many rights as are used.
    #[serde(default)]
    pub unlimited: bool,
    /// What one costs, where that is known.
    #[serde(flatten)]
    pub cost: Option<Cost>,
    /// The first day it holds.
    pub start: Date,
    /// The last day it holds; until further notice when absent.
    pub end: Option<Date>,
    /// Whose rights these are, for the position of groups.
    #[serde(flatten)]
    pub owner: Owner,
}

/// To whom rights belong.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The cost centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<String>,
    /// The company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// How an entitlement stands on a day. Its dates alone say so, as with ServiceNow's subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitlementState {
    /// Its first day is ahead.
    Upcoming,
    /// Its rights count.
    InUse,
    /// Its last day is past: it has no active rights.
    Retired,
}

impl EntitlementState {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::InUse => "in_use",
            Self::Retired => "retired",
        }
    }
}

impl Entitlement {
    /// How it stands on `today`.
    pub fn state(&self, today: Date) -> EntitlementState {
        if today < self.start {
            EntitlementState::Upcoming
        } else if self.end.is_some_and(|end| end < today) {
            EntitlementState::Retired
        } else {
            EntitlementState::InUse
        }
    }

    /// Whether its rights count on `today`.
    pub fn in_use(&self, today: Date) -> bool {
        self.state(today) == EntitlementState::InUse
    }

    /// What all its rights cost in a year, and one: amounts of different periods are comparable by
    /// the year alone. `None` where no cost is known, or it is beyond all money.
    pub fn yearly(&self) -> Option<YearlyCost> {
        let cost = self.cost?;
        let unit = yearly(cost.unit_cost, cost.period, self.start, self.end)?;
        Some(YearlyCost {
            currency: cost.currency,
            unit,
            total: unit.checked_mul(Decimal::from(self.quantity))?,
        })
    }
}

/// What an entitlement costs in a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearlyCost {
    /// In which currency.
    pub currency: Currency,
    /// One right.
    pub unit: Decimal,
    /// All of them.
    pub total: Decimal,
}

/// Digits after the point that a computed amount has at most; a file writes no more.
pub const MONEY_DIGITS: u32 = 6;

/// What an amount that is paid for a period comes to in a year of it. Only `entire_period` may need
/// rounding: a term of whole months counts twelve to the year, any other 365 days.
pub fn yearly(amount: Decimal, period: Period, start: Date, end: Option<Date>) -> Option<Decimal> {
    let times = |count: u32| amount.checked_mul(Decimal::from(count));
    match period {
        Period::Monthly => times(12),
        Period::Quarterly => times(4),
        Period::Annually => Some(amount),
        Period::Entire => {
            let after = end?.tomorrow().ok()?;
            let (of_year, of_term) = term(start, after)?;
            let exact = amount.checked_mul(Decimal::from(of_year))?;
            let year = exact.checked_div(Decimal::from(of_term))?;
            Some(year.round_dp(MONEY_DIGITS).normalize())
        }
    }
}

/// A year, and the time from `start` to the day before `after`, in the same unit.
fn term(start: Date, after: Date) -> Option<(u32, u32)> {
    let months = start.until((Unit::Month, after)).ok()?;
    let whole = months.get_days() == 0 && months.get_months() > 0;
    if whole {
        return Some((12, u32::try_from(months.get_months()).ok()?));
    }
    let days = after.duration_since(start).as_hours() / 24;
    Some((365, u32::try_from(days).ok()?))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn entitlement(json: &str) -> Entitlement {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_document_is_recorded_in_the_words_of_its_file() {
        for text in [
            r#"{"name":"a","software_model":"pro","metric":"user_subscription","quantity":5,"unlimited":false,"unit_cost":"149.90","currency":"EUR","period":"monthly","start":"2027-01-01","end":null,"department":"Sales"}"#,
            r#"{"name":"b","product":{"publisher":"Zoom","product":"Phone"},"metric":"user_subscription","quantity":0,"unlimited":true,"start":"2027-01-01","end":"2027-12-31"}"#,
        ] {
            assert_eq!(serde_json::to_string(&entitlement(text)).unwrap(), text);
        }
    }

    #[test]
    fn it_stands_as_its_dates_say() {
        let text = r#"{"name":"a","software_model":"pro","quantity":5,"start":"2027-01-01","end":"2027-12-31"}"#;
        let bought = entitlement(text);
        for (day, state) in [
            (date(2026, 12, 31), EntitlementState::Upcoming),
            (date(2027, 1, 1), EntitlementState::InUse),
            (date(2027, 12, 31), EntitlementState::InUse),
            (date(2028, 1, 1), EntitlementState::Retired),
        ] {
            assert_eq!(bought.state(day), state, "{day}");
        }
        assert_eq!(bought.yearly(), None);
    }

    #[test]
    fn every_period_comes_to_its_year() {
        let (start, end) = (date(2027, 1, 1), Some(date(2027, 12, 31)));
        let table = [
            ("149.90", Period::Monthly, start, None, "1798.80"),
            ("149.90", Period::Quarterly, start, None, "599.60"),
            ("149.90", Period::Annually, start, None, "149.90"),
            ("149.90", Period::Entire, start, end, "149.9"),
            // Three years of 36 months, leap day and all.
            (
                "300",
                Period::Entire,
                start,
                Some(date(2029, 12, 31)),
                "100",
            ),
            // 73 days are the fifth part of 365.
            ("10", Period::Entire, start, Some(date(2027, 3, 14)), "50"),
            // A third part is rounded once.
            (
                "1",
                Period::Entire,
                start,
                Some(date(2028, 6, 30)),
                "0.666667",
            ),
        ];
        for (amount, period, start, end, expected) in table {
            let found = yearly(amount.parse().unwrap(), period, start, end).unwrap();
            assert_eq!(found.to_string(), expected, "{amount} {period:?} {end:?}");
        }
        assert_eq!(yearly(Decimal::ONE, Period::Entire, start, None), None);
    }
}
