//! What is collected of a model in a group, and the numbers that come of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::facts::{Candidates, Purchase, SavingsKind};
use super::price::{Price, TooMuch};
use super::result::{
    Amounts, MetricResult, ModelResult, Money, Numbers, Remediation, RemediationOption, RightsRow,
    SavingsRow, SeatsRow, Status,
};
use super::vendor;
use crate::profile::currency::Currency;
use crate::profile::identifier::Identifier;
use crate::profile::licence::{Entitlement, Metric};
use crate::profile::name::Name;
use jiff::civil::Date;

/// Rights of one model, or of a whole product.
#[derive(Debug, Default)]
pub(super) struct Rights {
    owned: u64,
    unlimited: bool,
    spend: Vec<Money>,
    rows: Vec<RightsRow>,
}

impl Rights {
    /// Counts an entitlement in, as far as it is in use on `today`.
    pub(super) fn add(&mut self, bought: &Entitlement, today: Date) {
        let yearly = bought.yearly();
        self.rows.push(RightsRow {
            entitlement: bought.name.clone(),
            state: bought.state(today),
            quantity: bought.quantity,
            unlimited: bought.unlimited,
            yearly,
        });
        if !bought.in_use(today) {
            return;
        }
        if bought.unlimited {
            self.unlimited = true;
        } else {
            self.owned += bought.quantity;
        }
        self.spend.extend(yearly.map(|year| Money {
            amount: year.total,
            currency: year.currency,
        }));
    }

    /// Takes what covers a shortage out of these rights, and says how much that is.
    pub(super) fn cover(&self, left: &mut u64, shortage: u64) -> u64 {
        if self.unlimited {
            return shortage;
        }
        let covered = shortage.min(*left);
        *left -= covered;
        covered
    }

    pub(super) fn owned(&self) -> u64 {
        self.owned
    }

    pub(super) fn unlimited(&self) -> bool {
        self.unlimited
    }

    /// What they are for the numbers of a product, where `left` of them cover nothing.
    pub(super) fn into_numbers(
        self,
        left: u64,
        price: &Price,
    ) -> Result<(Numbers, Vec<RightsRow>), TooMuch> {
        let mut numbers = Numbers {
            rights_owned: self.owned,
            unlimited: self.unlimited,
            rights_available: signed(self.owned),
            ..Numbers::default()
        };
        spend(&mut numbers.amounts, &self.spend)?;
        over_licensed(&mut numbers.amounts, left, price)?;
        Ok((numbers, self.rows))
    }
}

/// A model in a group.
#[derive(Debug, Default)]
pub(super) struct ModelDraft {
    pub(super) rights: Rights,
    used: u64,
    stale: u64,
    seats: BTreeMap<(Name, Identifier), u64>,
    savings: Vec<SavingsRow>,
    purchases: Vec<Purchase>,
}

impl ModelDraft {
    pub(super) fn add_seats(&mut self, profile: &Name, identifier: &Identifier, count: u64) {
        self.used += count;
        let key = (profile.clone(), identifier.clone());
        *self.seats.entry(key).or_default() += count;
    }

    /// Counts candidates in; `each` is what one saves in a year.
    pub(super) fn add_candidates(&mut self, alike: &Candidates, each: Option<Money>) {
        if alike.kind == SavingsKind::Potential {
            self.stale += alike.count;
        }
        // Of other owners, whom a row does not name.
        let same = |row: &&mut SavingsRow| {
            row.profile == alike.profile
                && row.identifier == alike.identifier
                && row.kind == alike.kind
                && row.each == each
        };
        if let Some(row) = self.savings.iter_mut().find(same) {
            row.candidates += alike.count;
            return;
        }
        self.savings.push(SavingsRow {
            profile: alike.profile.clone(),
            identifier: alike.identifier.clone(),
            kind: alike.kind,
            candidates: alike.count,
            each,
        });
    }

    pub(super) fn add_purchase(&mut self, purchase: &Purchase) {
        self.purchases.push(purchase.clone());
    }

    /// Seats beyond the model's own rights.
    pub(super) fn shortage(&self) -> u64 {
        if self.rights.unlimited {
            return 0;
        }
        self.used.saturating_sub(self.rights.owned)
    }

    /// Owned − used. Of unlimited rights none is ever left or lacking.
    fn available(&self) -> i64 {
        if self.rights.unlimited {
            return 0;
        }
        signed(self.rights.owned).saturating_sub(signed(self.used))
    }

    /// The result, where `covered` of the shortage is licensed by rights to the whole product.
    pub(super) fn finish(self, software_model: Name, covered: u64, price: &Price) -> ModelResult {
        let mut numbers = Numbers {
            rights_owned: self.rights.owned,
            unlimited: self.rights.unlimited,
            rights_used: self.used,
            rights_available: self.available(),
            rights_needed: self.shortage() - covered,
            covered_by_product: covered,
            rights_stale: self.stale,
            percent_stale: percent(self.stale, self.used),
            ..Numbers::default()
        };
        let status = match self.amounts(&mut numbers, price) {
            Ok(()) if numbers.rights_needed == 0 => Status::Compliant,
            Ok(()) => Status::NotCompliant,
            Err(TooMuch) => {
                numbers.amounts.clear();
                Status::Failed
            }
        };
        let remediation = remediation(&numbers, price);
        let vendor = vendor::of_model(&self.purchases, self.seats.keys(), &numbers);
        let seats = self.seats.into_iter();
        let metric = MetricResult {
            metric: Metric::UserSubscription,
            not_allocated: numbers.rights_owned,
            numbers: numbers.clone(),
            rights: self.rights.rows,
            seats: seats
                .map(|((profile, identifier), seats)| SeatsRow {
                    profile,
                    identifier,
                    seats,
                })
                .collect(),
            savings: self.savings,
        };
        ModelResult {
            software_model,
            status,
            numbers,
            vendor,
            purchases: self.purchases,
            remediation,
            metrics: vec![metric],
        }
    }

    fn amounts(&self, numbers: &mut Numbers, price: &Price) -> Result<(), TooMuch> {
        spend(&mut numbers.amounts, &self.rights.spend)?;
        let available = self.rights.owned.saturating_sub(self.used);
        over_licensed(&mut numbers.amounts, available, price)?;
        match price.of(numbers.rights_needed)? {
            Some(cost) => {
                let amounts = numbers.amounts.entry(cost.currency).or_default();
                add(&mut amounts.true_up_cost, cost.amount)?;
            }
            None => numbers.needed_without_price = numbers.rights_needed,
        }
        for row in &self.savings {
            let Some(each) = row.each else { continue };
            let all = each.amount.checked_mul(row.candidates.into());
            let amounts = numbers.amounts.entry(each.currency).or_default();
            let sum = match row.kind {
                SavingsKind::Potential => &mut amounts.potential_savings,
                SavingsKind::Realised => &mut amounts.realised_savings,
            };
            add(sum, all.ok_or(TooMuch)?)?;
        }
        Ok(())
    }
}

/// What a person can do about a model's numbers.
fn remediation(numbers: &Numbers, price: &Price) -> Vec<Remediation> {
    let short = numbers.rights_needed > 0;
    let mut options = Vec::new();
    if short {
        options.push(Remediation {
            option: RemediationOption::PurchaseRights,
            affects_compliance: true,
            actionable_rights: numbers.rights_needed,
            true_up_cost: price.of(numbers.rights_needed).ok().flatten(),
        });
    }
    if numbers.rights_stale > 0 {
        options.push(Remediation {
            option: RemediationOption::ReclaimCandidates,
            affects_compliance: short,
            actionable_rights: numbers.rights_stale,
            true_up_cost: None,
        });
    }
    options
}

/// Adds a tier below to the one above it.
pub(super) fn sum_up(above: &mut Numbers, below: &Numbers) -> Result<(), TooMuch> {
    above.rights_owned += below.rights_owned;
    above.unlimited |= below.unlimited;
    above.rights_used += below.rights_used;
    above.rights_available = above
        .rights_available
        .saturating_add(below.rights_available);
    above.rights_needed += below.rights_needed;
    above.covered_by_product += below.covered_by_product;
    above.rights_stale += below.rights_stale;
    above.percent_stale = percent(above.rights_stale, above.rights_used);
    above.needed_without_price += below.needed_without_price;
    for (currency, amounts) in &below.amounts {
        let sum = above.amounts.entry(*currency).or_default();
        add(&mut sum.total_spend, amounts.total_spend)?;
        add(&mut sum.true_up_cost, amounts.true_up_cost)?;
        add(&mut sum.over_licensed_amount, amounts.over_licensed_amount)?;
        add(&mut sum.potential_savings, amounts.potential_savings)?;
        add(&mut sum.realised_savings, amounts.realised_savings)?;
    }
    Ok(())
}

fn spend(amounts: &mut BTreeMap<Currency, Amounts>, spend: &[Money]) -> Result<(), TooMuch> {
    for cost in spend {
        let sum = &mut amounts.entry(cost.currency).or_default().total_spend;
        add(sum, cost.amount)?;
    }
    Ok(())
}

fn over_licensed(
    amounts: &mut BTreeMap<Currency, Amounts>,
    available: u64,
    price: &Price,
) -> Result<(), TooMuch> {
    if available > 0
        && let Some(cost) = price.of(available)?
    {
        let sum = amounts.entry(cost.currency).or_default();
        add(&mut sum.over_licensed_amount, cost.amount)?;
    }
    Ok(())
}

fn add(sum: &mut Decimal, amount: Decimal) -> Result<(), TooMuch> {
    *sum = sum.checked_add(amount).ok_or(TooMuch)?;
    Ok(())
}

fn signed(rights: u64) -> i64 {
    i64::try_from(rights).unwrap_or(i64::MAX)
}

fn percent(part: u64, whole: u64) -> Option<Decimal> {
    let part = Decimal::from(part).checked_mul(Decimal::ONE_HUNDRED)?;
    let percent = part.checked_div(whole.into())?;
    Some(percent.round_dp(2).normalize())
}
