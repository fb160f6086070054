//! Schedules as files write them: five-field cron text, checked so that the planner can rely on it.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::civil::date;
use jiff::tz::TimeZone;

/// Cron text that parses and comes due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronText(String);

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error(
        "`{text}` is not a schedule: it has {count} fields, not five (minute hour day month weekday)"
    )]
    Fields {
        /// The text.
        text: String,
        /// How many it has.
        count: usize,
    },
    /// One field is wrong.
    #[error("`{text}` is not a schedule: {field} `{value}` must be {range}")]
    Field {
        /// The text.
        text: String,
        /// Which field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        range: &'static str,
    },
    /// The fields are right one by one and wrong together.
    #[error("`{text}` is not a schedule: {reason}")]
    Whole {
        /// The text.
        text: String,
        /// The parser's word.
        reason: String,
    },
    /// It is never due.
    #[error("`{0}` never comes: no such day is in any month it names")]
    Never(String),
}

const FIELDS: [(&str, &str); 5] = [
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day", "1-31"),
    ("month", "1-12 or jan-dec"),
    ("weekday", "0-7 or sun-sat"),
];

/// Parses five-field cron text: the one dialect of our files.
pub fn parse(text: &str) -> Result<Cron, croner::errors::CronError> {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(text)
}

impl CronText {
    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl FromStr for CronText {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(CronError::Fields {
                text: text.to_owned(),
                count: fields.len(),
            });
        }
        let cron = parse(text).map_err(|error| wrong_field(text, &fields, &error))?;
        if fields[2] != "*" && never_due(&cron) {
            return Err(CronError::Never(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CronText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The parser does not say which field it stumbled over, so each is tried alone.
fn wrong_field(text: &str, fields: &[&str], error: &croner::errors::CronError) -> CronError {
    for (position, (field, range)) in FIELDS.into_iter().enumerate() {
        let mut alone = ["*"; 5];
        alone[position] = fields[position];
        if parse(&alone.join(" ")).is_err() {
            return CronError::Field {
                text: text.to_owned(),
                field,
                value: fields[position].to_owned(),
                range,
            };
        }
    }
    CronError::Whole {
        text: text.to_owned(),
        reason: error.to_string(),
    }
}

/// Whether it does not come due in the eight years that hold every kind of calendar, leap days
/// included.
fn never_due(cron: &Cron) -> bool {
    let start = date(2024, 1, 1).to_zoned(TimeZone::UTC);
    let Ok(start) = start else { return false };
    let end = date(2032, 12, 31);
    cron.find_next_occurrence(&start, true)
        .is_ok_and(|next: Zoned| next.date() > end)
        || cron.find_next_occurrence(&start, true).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        text.parse::<CronText>().unwrap_err().to_string()
    }

    #[test]
    fn the_wrong_field_is_named() {
        assert_eq!(
            message("61 6 * * *"),
            "`61 6 * * *` is not a schedule: minute `61` must be 0-59"
        );
        assert_eq!(
            message("0 6 * * funday"),
            "`0 6 * * funday` is not a schedule: weekday `funday` must be 0-7 or sun-sat"
        );
        assert!(message("0 6 * *").contains("4 fields"));
        assert!(message("@daily").contains("1 fields"));
    }

    #[test]
    fn a_day_that_never_comes_is_refused() {
        assert!(message("0 0 31 2 *").contains("never comes"));
        "0 0 29 2 *".parse::<CronText>().unwrap();
        "15 3 * * mon-fri".parse::<CronText>().unwrap();
    }
}
