//! The window of days that every report asks for with `from` and `to`: at most one month, within
//! the last six.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::zoom::activity::day_of;
use crate::zoom::errors::ApiError;
use crate::zoom::options::Switches;
use crate::zoom::service::Call;

/// The days of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Date,
    pub(crate) to: Date,
    /// The first second.
    pub(crate) start: i64,
    /// The first second after it.
    pub(crate) end: i64,
}

/// Whether a report looks back or ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Back,
    Ahead,
}

impl Window {
    /// Reads `from` and `to`; both are required.
    pub(crate) fn read(
        call: &Call<'_>,
        switches: &Switches,
        looks: Looks,
    ) -> Result<Self, ApiError> {
        let from = date(call, "from")?.ok_or_else(|| missing("from"))?;
        let to = date(call, "to")?.ok_or_else(|| missing("to"))?;
        Self::new(from, to, call, switches, looks)
    }

    /// Reads `from` and `to`, of which a missing one means today.
    pub(crate) fn read_or_today(call: &Call<'_>, switches: &Switches) -> Result<Self, ApiError> {
        let to = date(call, "to")?.unwrap_or_else(|| today(call.now));
        let from = date(call, "from")?.unwrap_or(to);
        Self::new(from, to, call, switches, Looks::Back)
    }

    fn new(
        from: Date,
        to: Date,
        call: &Call<'_>,
        switches: &Switches,
        looks: Looks,
    ) -> Result<Self, ApiError> {
        let month_later = from.checked_add(1.month()).unwrap_or(Date::MAX);
        let six_months_ago = today(call.now).saturating_sub(6.months());
        if to < from {
            return Err(ApiError::bad(
                300,
                "The end date must not be before the start date.",
            ));
        }
        if to > month_later {
            return Err(ApiError::bad(
                300,
                "The date range of the report must not exceed one month.",
            ));
        }
        if looks == Looks::Back && from < six_months_ago {
            return Err(ApiError::bad(
                300,
                "Only provide report in recent 6 months.",
            ));
        }
        if from == to && !switches.single_day_reports {
            return Err(ApiError::bad(
                300,
                "The start date must be before the end date.",
            ));
        }
        let shift = i64::from(switches.report_day_starts_at_hour) * 3600;
        let midnight = |date: Date| {
            date.to_zoned(TimeZone::UTC)
                .map_or(0, |start| start.timestamp().as_second())
        };
        Ok(Self {
            from,
            to,
            start: midnight(from) + shift,
            end: midnight(to.tomorrow().unwrap_or(Date::MAX)) + shift,
        })
    }

    /// The days in UTC that reach into the window, and one more before, for what began then and
    /// ended within.
    pub(crate) const fn days(&self) -> RangeInclusive<i64> {
        day_of(self.start) - 1..=day_of(self.end - 1)
    }

    pub(crate) const fn holds(&self, second: i64) -> bool {
        self.start <= second && second < self.end
    }
}

fn today(now: i64) -> Date {
    let now = Timestamp::from_millisecond(now).unwrap_or_default();
    now.to_zoned(TimeZone::UTC).date()
}

/// A date parameter; report dates are `yyyy-mm-dd` and nothing else.
pub(crate) fn date(call: &Call<'_>, name: &str) -> Result<Option<Date>, ApiError> {
    let Some(text) = call.request.param(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let invalid = || ApiError::invalid_field(name, "Invalid field.");
    if text.len() != 10 {
        return Err(invalid());
    }
    text.parse().map(Some).map_err(|_| invalid())
}

fn missing(name: &str) -> ApiError {
    ApiError::invalid_field(name, "This field is required.")
}
