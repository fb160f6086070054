//! The last months, as a licence position looks back: whole calendar months in the settings' zone,
//! the present one included.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::record::Period;

/// Months from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    /// The first.
    pub from: Period,
    /// The last.
    pub to: Period,
    /// When the first begins.
    pub start: Timestamp,
}

/// A number of months that cannot be looked back over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number of months must be from 1 to {}", Months::MOST)]
pub struct MonthsError;

impl Months {
    /// Ten years: longer than any retention makes sense.
    pub const MOST: u16 = 120;

    /// The month of `now` in `zone`, and those before it, `count` in all.
    pub fn last(count: u16, now: Timestamp, zone: &TimeZone) -> Result<Self, MonthsError> {
        if !(1..=Self::MOST).contains(&count) {
            return Err(MonthsError);
        }
        let today = now.to_zoned(zone.clone()).date();
        let first = today
            .first_of_month()
            .checked_sub(i32::from(count - 1).months())
            .map_err(|_| MonthsError)?;
        let period = |date: jiff::civil::Date| {
            let year = u16::try_from(date.year()).map_err(|_| MonthsError)?;
            let month = u8::try_from(date.month()).map_err(|_| MonthsError)?;
            Ok(Period::month(year, month))
        };
        let start = first.to_zoned(zone.clone()).map_err(|_| MonthsError)?;
        Ok(Self {
            from: period(first)?,
            to: period(today)?,
            start: start.timestamp(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_decides_which_month_it_is() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let table = [
            (
                "2026-03-31T12:00:00Z",
                1,
                202_603,
                202_603,
                "2026-02-28T23:00:00Z",
            ),
            // Half past midnight of April in Berlin, where summer has begun.
            (
                "2026-03-31T22:30:00Z",
                1,
                202_604,
                202_604,
                "2026-03-31T22:00:00Z",
            ),
            (
                "2026-03-31T12:00:00Z",
                3,
                202_601,
                202_603,
                "2025-12-31T23:00:00Z",
            ),
            (
                "2026-01-15T00:00:00Z",
                13,
                202_501,
                202_601,
                "2024-12-31T23:00:00Z",
            ),
        ];
        for (now, count, from, to, start) in table {
            let months = Months::last(count, now.parse().unwrap(), &zone).unwrap();
            assert_eq!(
                (months.from.number(), months.to.number()),
                (from, to),
                "{now}"
            );
            assert_eq!(months.start, start.parse().unwrap(), "{now}");
        }
    }

    #[test]
    fn no_months_and_too_many_are_refused() {
        for count in [0, Months::MOST + 1] {
            assert_eq!(
                Months::last(count, Timestamp::UNIX_EPOCH, &TimeZone::UTC),
                Err(MonthsError)
            );
        }
    }
}
