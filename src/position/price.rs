//! What a right costs: the average over the entitlements that give it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::result::Money;
use crate::profile::currency::Currency;
use crate::profile::licence::{Entitlement, MONEY_DIGITS};

/// Rights that are paid for, and what they cost in a year, by currency.
#[derive(Debug, Clone, Default)]
pub(super) struct Price {
    paid: BTreeMap<Currency, Paid>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Paid {
    rights: u64,
    cost: Decimal,
}

/// An amount is beyond what a decimal can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Price {
    /// Counts an entitlement in. An unlimited one tells nothing of the cost of one right.
    pub(super) fn add(&mut self, bought: &Entitlement) -> Result<(), TooMuch> {
        let Some(year) = bought.yearly().filter(|_| !bought.unlimited) else {
            return Ok(());
        };
        let paid = self.paid.entry(year.currency).or_default();
        paid.rights += bought.quantity;
        paid.cost = paid.cost.checked_add(year.total).ok_or(TooMuch)?;
        Ok(())
    }

    /// What so many rights cost by the average (ServiceNow's "average entitlement cost"), rounded
    /// once. Where they are paid in several currencies, in the one that most of them are paid in.
    /// `None` where no price is known.
    pub(super) fn of(&self, rights: u64) -> Result<Option<Money>, TooMuch> {
        let priced = self.paid.iter().filter(|(_, paid)| paid.rights > 0);
        // Of equals the last wins: reversed, that is the first by its code.
        let Some((currency, paid)) = priced.rev().max_by_key(|(_, paid)| paid.rights) else {
            return Ok(None);
        };
        let all = paid.cost.checked_mul(rights.into()).ok_or(TooMuch)?;
        let amount = all.checked_div(paid.rights.into()).ok_or(TooMuch)?;
        Ok(Some(Money {
            amount: amount.round_dp(MONEY_DIGITS).normalize(),
            currency: *currency,
        }))
    }

    /// Whether a price is known.
    pub(super) fn is_known(&self) -> bool {
        self.paid.values().any(|paid| paid.rights > 0)
    }
}
