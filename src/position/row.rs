//! A position as rows that are alike, for tables and files.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::result::{Amounts, Numbers, ProductResult, Status, VendorCounts};
use crate::profile::currency::Currency;
use crate::profile::licence::Metric;
use crate::profile::name::Name;

/// What a row sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// A product, with everything below it.
    Product,
    /// One license metric of one of its software models.
    Metric,
}

/// The counts of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// As [`Numbers::rights_owned`].
    pub owned: u64,
    /// As [`Numbers::unlimited`].
    pub unlimited: bool,
    /// As [`Numbers::rights_used`].
    pub used: u64,
    /// As [`Numbers::rights_available`].
    pub available: i64,
    /// As [`Numbers::rights_needed`].
    pub needed: u64,
    /// As [`Numbers::covered_by_product`].
    pub covered_by_product: u64,
    /// As [`Numbers::rights_stale`].
    pub stale: u64,
    /// As [`Numbers::percent_stale`].
    pub percent_stale: Option<Decimal>,
    /// As [`Numbers::needed_without_price`].
    pub needed_without_price: u64,
}

/// A row: a tier of a product, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRow {
    /// What it sums up. Rows of one tier add up; those of the other say the same again.
    pub tier: Tier,
    /// Who publishes the product.
    pub publisher: String,
    /// The product.
    pub product: String,
    /// The group, where one is known.
    pub group: Option<String>,
    /// The model; absent for the product.
    pub software_model: Option<Name>,
    /// The metric; absent for the product.
    pub metric: Option<Metric>,
    /// Whether the rights suffice.
    pub status: Status,
    /// The counts; absent in the rows of a second currency and a third, so that no sum has them twice.
    pub rights: Option<Rights>,
    /// What the vendors say, where they do; absent where the counts are.
    pub vendor: Option<VendorCounts>,
    /// The currency of the amounts; absent where there are none.
    pub currency: Option<Currency>,
    /// The amounts, of a year.
    pub amounts: Option<Amounts>,
}

/// The rows of a product, its own first.
pub fn rows(result: &ProductResult) -> Vec<PositionRow> {
    let product = PositionRow {
        tier: Tier::Product,
        publisher: result.product.publisher.clone(),
        product: result.product.product.clone(),
        group: result.group.clone(),
        software_model: None,
        metric: None,
        status: result.status,
        rights: None,
        vendor: None,
        currency: None,
        amounts: None,
    };
    let mut rows = by_currency(&product, &result.numbers, result.vendor);
    for model in &result.models {
        for metric in &model.metrics {
            let row = PositionRow {
                tier: Tier::Metric,
                software_model: Some(model.software_model.clone()),
                metric: Some(metric.metric),
                status: model.status,
                ..product.clone()
            };
            rows.extend(by_currency(&row, &metric.numbers, model.vendor));
        }
    }
    rows
}

fn by_currency(
    row: &PositionRow,
    numbers: &Numbers,
    vendor: Option<VendorCounts>,
) -> Vec<PositionRow> {
    let mut rows: Vec<PositionRow> = numbers
        .amounts
        .iter()
        .map(|(currency, amounts)| PositionRow {
            currency: Some(*currency),
            amounts: Some(*amounts),
            ..row.clone()
        })
        .collect();
    if rows.is_empty() {
        rows.push(row.clone());
    }
    if let Some(first) = rows.first_mut() {
        first.rights = Some(rights(numbers));
        first.vendor = vendor;
    }
    rows
}

fn rights(numbers: &Numbers) -> Rights {
    Rights {
        owned: numbers.rights_owned,
        unlimited: numbers.unlimited,
        used: numbers.rights_used,
        available: numbers.rights_available,
        needed: numbers.rights_needed,
        covered_by_product: numbers.covered_by_product,
        stale: numbers.rights_stale,
        percent_stale: numbers.percent_stale,
        needed_without_price: numbers.needed_without_price,
    }
}
