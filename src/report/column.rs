//! What a column of an exported list holds.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::Value as Json;

use super::ReportError;

/// Digits behind the point of a [`Cell::Decimal`].
pub const DECIMAL_SCALE: u32 = 6;
const EPOCH: Date = date(1970, 1, 1);

/// What a column holds; every value may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// True or false.
    Boolean,
    /// An instant, UTC, to the microsecond.
    Instant,
    /// A day.
    Day,
    /// An amount with six digits behind, as many as files may have the point.
    Decimal,
    /// A value with parts, as JSON text.
    Json,
}

impl Kind {
    /// The word in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Instant => "instant",
            Self::Day => "day",
            Self::Decimal => "decimal",
            Self::Json => "JSON text",
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, which does not change.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Where that stands in a row of the API, as a JSON pointer (RFC 6901).
    pub from: &'static str,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Absent.
    Null,
    /// A text, or a value with parts as JSON.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// Microseconds since 1970-01-01 UTC.
    Instant(i64),
    /// Days since 1970-01-01.
    Day(i32),
    /// Millionths.
    Decimal(i64),
}

impl Column {
    /// The value of this column in a row of the API.
    pub fn cell(&self, row: &Json) -> Result<Cell, ReportError> {
        let value = row.pointer(self.from).unwrap_or(&Json::Null);
        if value.is_null() {
            return Ok(Cell::Null);
        }
        let cell = match (self.kind, value) {
            (Kind::Text, Json::String(text)) => Some(Cell::Text(text.clone())),
            (Kind::Text, Json::Number(number)) => Some(Cell::Text(number.to_string())),
            (Kind::Integer, Json::Number(number)) => number.as_i64().map(Cell::Integer),
            (Kind::Boolean, Json::Bool(whether)) => Some(Cell::Boolean(*whether)),
            (Kind::Instant, Json::String(text)) => instant(text),
            (Kind::Day, Json::String(text)) => day(text),
            (Kind::Decimal, Json::String(text)) => decimal(text),
            (Kind::Decimal, Json::Number(number)) => decimal(&number.to_string()),
            (Kind::Json, value) => Some(Cell::Text(value.to_string())),
            _ => None,
        };
        cell.ok_or_else(|| ReportError::Value {
            column: self.name,
            value: value.to_string(),
            wanted: self.kind.as_str(),
        })
    }
}

fn instant(text: &str) -> Option<Cell> {
    let at: Timestamp = text.parse().ok()?;
    Some(Cell::Instant(at.as_microsecond()))
}

fn day(text: &str) -> Option<Cell> {
    let day: Date = text.parse().ok()?;
    let days = day.duration_since(EPOCH).as_hours() / 24;
    i32::try_from(days).ok().map(Cell::Day)
}

/// No digit is lost: what has more of them behind the point is refused.
fn decimal(text: &str) -> Option<Cell> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let part = part.trim_end_matches('0');
    let missing = (DECIMAL_SCALE as usize).checked_sub(part.len())?;
    let scaled: i64 = format!("{whole}{part}{}", "0".repeat(missing))
        .parse()
        .ok()?;
    Some(Cell::Decimal(sign * scaled))
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(whether) => whether.fmt(f),
            Self::Instant(micros) => match Timestamp::from_microsecond(*micros) {
                Ok(at) => write!(f, "{at:.6}"),
                Err(_) => Err(fmt::Error),
            },
            Self::Day(days) => {
                let day = EPOCH.checked_add(jiff::Span::new().days(*days));
                day.map_err(|_| fmt::Error)?.fmt(f)
            }
            Self::Decimal(scaled) => {
                let scale = 10_u64.pow(DECIMAL_SCALE);
                let (whole, part) = (scaled.unsigned_abs() / scale, scaled.unsigned_abs() % scale);
                let sign = if *scaled < 0 { "-" } else { "" };
                write!(f, "{sign}{whole}.{part:06}")
            }
        }
    }
}

impl Cell {
    /// The value in a line of JSON. An amount is a text, so that no reader rounds it.
    pub fn into_json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => Json::String(text),
            Self::Integer(number) => Json::from(number),
            Self::Boolean(whether) => Json::from(whether),
            cell @ (Self::Instant(_) | Self::Day(_) | Self::Decimal(_)) => {
                Json::String(cell.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn column(kind: Kind) -> Column {
        Column {
            name: "it",
            kind,
            from: "/it",
        }
    }

    #[test]
    fn values_are_read_by_kind_and_shown_the_same() {
        for (kind, value, shown) in [
            (Kind::Text, json!("a,b"), "a,b"),
            (Kind::Text, json!(7), "7"),
            (Kind::Integer, json!(-3), "-3"),
            (Kind::Boolean, json!(true), "true"),
            (
                Kind::Instant,
                json!("2026-03-02T10:00:00+01:00"),
                "2026-03-02T09:00:00.000000Z",
            ),
            (Kind::Day, json!("1969-12-31"), "1969-12-31"),
            (Kind::Decimal, json!("149.90"), "149.900000"),
            (Kind::Decimal, json!("-0.5"), "-0.500000"),
            (Kind::Json, json!(["a"]), "[\"a\"]"),
            (Kind::Integer, json!(null), ""),
        ] {
            let cell = column(kind).cell(&json!({ "it": value })).unwrap();
            assert_eq!(cell.to_string(), shown, "{value}");
        }
        assert_eq!(column(Kind::Day).cell(&json!({})).unwrap(), Cell::Null);
    }

    #[test]
    fn what_is_of_another_kind_is_refused_with_the_columns_name() {
        for (kind, value) in [
            (Kind::Integer, json!("7")),
            (Kind::Integer, json!(1.5)),
            (Kind::Instant, json!("yesterday")),
            (Kind::Day, json!("2026-02-30")),
            (Kind::Decimal, json!("1.0000001")),
            (Kind::Decimal, json!("1e3")),
            (Kind::Decimal, json!("99999999999999999999")),
            (Kind::Boolean, json!(1)),
        ] {
            let error = column(kind).cell(&json!({ "it": value })).unwrap_err();
            assert!(error.to_string().starts_with("`it` is"), "{value}: {error}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_reads_back(scaled in -1_000_000_000_000_i64..1_000_000_000_000) {
            let shown = Cell::Decimal(scaled).to_string();
            prop_assert_eq!(decimal(&shown), Some(Cell::Decimal(scaled)));
        }
    }
}
