//! What agents reported of one configuration item, added up from its records.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::usage::{Key, Period, Reference};

/// What a record tells, as far as it counts here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// Which record.
    pub key: Key,
    /// Seconds of use in its month.
    pub total_usage_time: Option<i64>,
    /// Times opened in its month.
    pub usage_count: Option<i64>,
    /// The last use.
    pub last_used_time: Option<Timestamp>,
    /// When it was stored first.
    pub created_at: Timestamp,
    /// When it was reported last.
    pub updated_at: Timestamp,
}

/// Use in one month, of all users of the item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthUse {
    /// Seconds.
    pub seconds: u64,
    /// A record says that it was used, and not how long.
    pub unmeasured: bool,
    /// It was used at all.
    pub used: bool,
}

/// What was reported of one product on one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFacts {
    /// Use by month, where a record is of the month.
    pub months: BTreeMap<Period, MonthUse>,
    /// The last use that any record tells.
    pub last_used: Option<Timestamp>,
    /// When its last-used date was reported last.
    pub listed_at: Option<Timestamp>,
    /// Since when it is known to be on the item: the earliest of what is reported, and when.
    pub known_since: Option<Timestamp>,
}

impl ProductFacts {
    /// The last time at which it is known to have been on the item. That an agent repeats the sum of a
    /// month does not say so: it does that after the software is gone, too.
    pub fn last_present(&self, zone: &TimeZone) -> Option<Timestamp> {
        let month = self.months.keys().next_back();
        let month = month.and_then(|period| start_of(*period, zone));
        self.listed_at.max(self.last_used).max(month)
    }

    fn take(&mut self, reported: &Reported, zone: &TimeZone) {
        let period = reported.key.period;
        let month = start_of(period, zone);
        if month.is_some() {
            let seconds = reported.total_usage_time.map(|seconds| seconds.max(0));
            let opened = reported.usage_count.is_some_and(|count| count > 0);
            let uncounted = reported.usage_count.is_none();
            let sum = self.months.entry(period).or_default();
            sum.seconds += seconds.unwrap_or_default().unsigned_abs();
            // A month that was reported without a number is use: nothing says that there was none.
            sum.unmeasured |= seconds.is_none() && (opened || uncounted);
            sum.used |= seconds.is_some_and(|seconds| seconds > 0)
                || opened
                || (seconds.is_none() && uncounted);
        } else {
            self.listed_at = self.listed_at.max(Some(reported.updated_at));
        }
        self.last_used = self.last_used.max(reported.last_used_time);
        let known = [month, reported.last_used_time, self.known_since];
        let known = known.into_iter().flatten().min();
        self.known_since =
            Some(known.map_or(reported.created_at, |known| known.min(reported.created_at)));
    }
}

/// What was reported of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemFacts {
    /// Months of which anything was reported, of whatever product.
    pub months: BTreeSet<Period>,
    /// The products that were asked for.
    pub products: BTreeMap<Reference, ProductFacts>,
}

impl ItemFacts {
    /// Takes a record of the item in. What is `wanted` of its product is kept; of any other product only
    /// that the item reports. Months begin in `zone`.
    pub fn take(&mut self, reported: &Reported, wanted: bool, zone: &TimeZone) {
        let Key {
            norm_product,
            period,
            ..
        } = reported.key;
        if period != Period::ALL_TIME {
            self.months.insert(period);
        }
        if wanted {
            let facts = self.products.entry(norm_product).or_default();
            facts.take(reported, zone);
        }
    }
}

/// The first day of a month; `None` for what is of no month.
pub fn first_day(period: Period) -> Option<Date> {
    let (year, month) = period.year_and_month()?;
    let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
    Date::new(year, month, 1).ok()
}

/// The last day of a month.
pub fn last_day(period: Period) -> Option<Date> {
    first_day(period).map(Date::last_of_month)
}

/// The month that a day is in.
pub fn month_of(day: Date) -> Option<Period> {
    let year = u16::try_from(day.year()).ok()?;
    let month = u8::try_from(day.month()).ok()?;
    Some(Period::month(year, month))
}

/// The month after another.
pub fn month_after(period: Period) -> Option<Period> {
    month_of(last_day(period)?.checked_add(1.day()).ok()?)
}

fn start_of(period: Period, zone: &TimeZone) -> Option<Timestamp> {
    let first = first_day(period)?.to_zoned(zone.clone()).ok()?;
    Some(first.timestamp())
}
