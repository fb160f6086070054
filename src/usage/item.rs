//! One item of a body: which record it is about and what it says, or everything that is wrong
//! with it. Called by `batch`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::json::{self, DUPLICATE, NameSeed};
use super::number::{NumberError, whole};
use super::record::{Change, Changes, Key, Period, ReclamationType, Reference};

/// What the settings and the sender decide about items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Two users of one configuration item have a record each.
    pub include_user_in_key: bool,
    /// The only configuration items that the sender may report for; none means any.
    pub bound_to: Option<Arc<BTreeSet<Reference>>>,
}

/// An acceptable item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which record.
    pub key: Key,
    /// What it says about it.
    pub changes: Changes,
}

/// What kind of fault an item has; the codes are those of ServiceNow's identification API, or in
/// its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// A member of the key is absent or empty.
    MissingField,
    /// The reclamation type is not one of the two.
    InvalidChoice,
    /// Not 32 hex digits.
    InvalidReference,
    /// Not a value of its column.
    InvalidValue,
    /// Above the platform's integer.
    OutOfRange,
    /// Not an object.
    InvalidItem,
    /// The sender may not report for this configuration item.
    ForbiddenConfigurationItem,
}

impl ErrorCode {
    /// As it stands in the answer.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingField => "MISSING_FIELD",
            Self::InvalidChoice => "INVALID_CHOICE",
            Self::InvalidReference => "INVALID_REFERENCE",
            Self::InvalidValue => "INVALID_VALUE",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::InvalidItem => "INVALID_ITEM",
            Self::ForbiddenConfigurationItem => "FORBIDDEN_CONFIGURATION_ITEM",
        }
    }
}

/// One fault of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemError {
    /// What kind.
    pub code: ErrorCode,
    /// What and where, for a person.
    pub message: Message,
}

/// What is wrong with an item, in words. A body of nothing but faults has many of them, so most are
/// made of text that is there anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Of a column that we know: its name and its fault.
    Column(&'static str, &'static str),
    /// Of an element that is no item, but this.
    NotAnObject(&'static str),
    /// Of anything else.
    Text(Box<str>),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name, fault) => write!(f, "`{name}` {fault}"),
            Self::NotAnObject(kind) => write!(f, "an item must be an object, this is {kind}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Columns that we keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    ConfigurationItem,
    NormProduct,
    ReclamationType,
    MonthUsed,
    Year,
    NormPublisher,
    User,
    UsageCount,
    TotalUsageTime,
    LastUsedTime,
    DiscoverySource,
    UsageType,
}

/// In the order of the enum; after the columns, the members that our answer sets itself.
const NAMES: [&str; 15] = [
    "configuration_item",
    "norm_product",
    "reclamation_type",
    "month_used",
    "year",
    "norm_publisher",
    "user",
    "usage_count",
    "total_usage_time",
    "last_used_time",
    "discovery_source",
    "usage_type",
    "sysId",
    "status",
    "errors",
];

/// Whether a member of an item is one of those that our answer sets itself.
pub(super) fn is_ours(name: &str) -> bool {
    NAMES[COLUMNS..].contains(&name)
}

/// Where in [`NAMES`] the columns end.
const COLUMNS: usize = Column::UsageType as usize + 1;

/// The longest text that we take, in characters.
const MAX_TEXT: usize = 4000;

/// An item's members, sorted by column but not yet read.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    raw: [Option<&'a str>; NAMES.len()],
    unknown: BTreeSet<Cow<'a, str>>,
    errors: Vec<ItemError>,
}

/// Sorts an item's members. An error is a fault of the whole body.
pub(super) struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let value: &RawValue = map.next_value()?;
            let value = value.get();
            // The item is at depth 3: body, items, item.
            json::check(value, 4).map_err(A::Error::custom)?;
            check_text(&name, value, &mut members.errors);
            let repeated = match NAMES.iter().position(|known| *known == name) {
                Some(column) => members.raw[column].replace(value).is_some(),
                None => !members.unknown.insert(name),
            };
            if repeated {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(members)
    }
}

fn check_text(name: &str, raw: &str, errors: &mut Vec<ItemError>) {
    let escaped = raw.as_bytes().contains(&b'\\');
    if !raw.starts_with('"') || (raw.len() <= MAX_TEXT && !escaped) {
        return;
    }
    let text = json::text(raw).unwrap_or_default();
    if text.chars().nth(MAX_TEXT).is_some() {
        errors.push(invalid(name, "is longer than 4000 characters"));
    } else if text.contains('\0') {
        errors.push(invalid(name, "contains a NUL character"));
    }
}

fn invalid(name: &str, fault: &str) -> ItemError {
    // A name that we do not know may have any length.
    let name: String = name.chars().take(80).collect();
    ItemError {
        code: ErrorCode::InvalidValue,
        message: Message::Text(format!("`{name}` {fault}").into()),
    }
}

/// A value that is not a container.
enum Scalar<'a> {
    /// null, or text without anything but blanks.
    Empty,
    Text(Cow<'a, str>),
    Number(&'a str),
    Other,
}

impl<'a> Scalar<'a> {
    fn read(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            Some(b'"') => {
                let text = json::text(raw).unwrap_or_default();
                if text.trim().is_empty() {
                    Self::Empty
                } else {
                    Self::Text(text)
                }
            }
            Some(b'n') => Self::Empty,
            Some(b'-' | b'0'..=b'9') => Self::Number(raw),
            _ => Self::Other,
        }
    }
}

impl<'a> Members<'a> {
    /// Whether the client sent members that our answer sets itself.
    pub(super) fn has_ours(&self) -> bool {
        self.raw[COLUMNS..].iter().any(Option::is_some)
    }

    /// How many columns it has that we do not keep.
    pub(super) fn unknown(&self) -> usize {
        self.unknown.len()
    }

    /// Reads the values.
    pub(super) fn into_item(mut self, rules: &Rules) -> Result<Item, Vec<ItemError>> {
        let reclamation_type = self.reclamation_type();
        let configuration_item = self.key_reference(Column::ConfigurationItem);
        let norm_product = self.key_reference(Column::NormProduct);
        let is_total = reclamation_type == Some(ReclamationType::TotalUsage);
        if is_total {
            self.demand(Column::MonthUsed);
            self.demand(Column::Year);
        }
        let changes = Changes {
            norm_publisher: self.reference(Column::NormPublisher),
            user: self.reference(Column::User),
            month_used: self.number(Column::MonthUsed, "is not a month from 1 to 12", |month| {
                u8::try_from(month)
                    .ok()
                    .filter(|month| (1..=12).contains(month))
            }),
            year: self.number(Column::Year, "is not a year from 1970 to 9999", |year| {
                u16::try_from(year)
                    .ok()
                    .filter(|year| (1970..=9999).contains(year))
            }),
            usage_count: self.count(Column::UsageCount),
            total_usage_time: self.count(Column::TotalUsageTime),
            last_used_time: self.time(Column::LastUsedTime),
            discovery_source: self.text(Column::DiscoverySource),
            usage_type: self.text(Column::UsageType),
        };
        if let (Some(bound_to), Some(item)) = (&rules.bound_to, &configuration_item)
            && !bound_to.contains(item)
        {
            self.errors.push(ItemError {
                code: ErrorCode::ForbiddenConfigurationItem,
                message: Message::Text(
                    format!("this user may not report for `configuration_item` `{item}`").into(),
                ),
            });
        }
        let period = match (is_total, changes.year.value(), changes.month_used.value()) {
            (true, Some(year), Some(month)) => Period::month(*year, *month),
            _ => Period::ALL_TIME,
        };
        match (configuration_item, norm_product) {
            (Some(configuration_item), Some(norm_product)) if self.errors.is_empty() => Ok(Item {
                key: Key {
                    configuration_item,
                    norm_product,
                    period,
                    user: changes
                        .user
                        .value()
                        .copied()
                        .filter(|_| rules.include_user_in_key),
                },
                changes,
            }),
            _ => Err(self.errors),
        }
    }

    fn scalar(&self, column: Column) -> Option<Scalar<'a>> {
        self.raw[column as usize].map(Scalar::read)
    }

    fn fault(&mut self, code: ErrorCode, column: Column, fault: &'static str) {
        self.errors.push(ItemError {
            code,
            message: Message::Column(NAMES[column as usize], fault),
        });
    }

    fn demand(&mut self, column: Column) -> bool {
        let missing = matches!(self.scalar(column), None | Some(Scalar::Empty));
        if missing {
            self.fault(
                ErrorCode::MissingField,
                column,
                "is required and must not be empty",
            );
        }
        !missing
    }

    fn reclamation_type(&mut self) -> Option<ReclamationType> {
        let column = Column::ReclamationType;
        if !self.demand(column) {
            return None;
        }
        if let Some(Scalar::Text(text)) = self.scalar(column) {
            match &*text {
                "total_usage" => return Some(ReclamationType::TotalUsage),
                "last_used_date" => return Some(ReclamationType::LastUsedDate),
                _ => {}
            }
        }
        self.fault(
            ErrorCode::InvalidChoice,
            column,
            "must be one of `total_usage`, `last_used_date`",
        );
        None
    }

    fn key_reference(&mut self, column: Column) -> Option<Reference> {
        if !self.demand(column) {
            return None;
        }
        self.reference(column).value().copied()
    }

    /// What a column says: nothing, empty, or what `read` makes of it.
    fn change<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(Scalar<'a>) -> Result<T, (ErrorCode, &'static str)>,
    ) -> Change<T> {
        match self.scalar(column) {
            None => Change::Keep,
            Some(Scalar::Empty) => Change::Clear,
            Some(scalar) => match read(scalar) {
                Ok(value) => Change::Set(value),
                Err((code, fault)) => {
                    self.fault(code, column, fault);
                    Change::Keep
                }
            },
        }
    }

    fn reference(&mut self, column: Column) -> Change<Reference> {
        self.change(column, |scalar| {
            let reference = match &scalar {
                Scalar::Text(text) => Reference::parse(text),
                Scalar::Number(digits) => Reference::parse(digits),
                Scalar::Empty | Scalar::Other => None,
            };
            reference.ok_or((
                ErrorCode::InvalidReference,
                "is not a sys_id of 32 hex digits",
            ))
        })
    }

    fn number<T>(
        &mut self,
        column: Column,
        fault: &'static str,
        narrow: impl FnOnce(i32) -> Option<T>,
    ) -> Change<T> {
        self.change(column, |scalar| {
            read_number(&scalar)
                .ok()
                .and_then(narrow)
                .ok_or((ErrorCode::InvalidValue, fault))
        })
    }

    fn count(&mut self, column: Column) -> Change<i32> {
        self.change(column, |scalar| {
            read_number(&scalar).map_err(|error| match error {
                NumberError::NotWhole => (
                    ErrorCode::InvalidValue,
                    "is not a whole number of 0 or more",
                ),
                NumberError::TooLarge => (ErrorCode::OutOfRange, "is larger than 2147483647"),
            })
        })
    }

    fn time(&mut self, column: Column) -> Change<Timestamp> {
        self.change(column, |scalar| {
            let time = match &scalar {
                Scalar::Text(text) => instant(text),
                _ => None,
            };
            time.ok_or((
                ErrorCode::InvalidValue,
                "is not a time: write `YYYY-MM-DD HH:MM:SS` in UTC, or RFC 3339",
            ))
        })
    }

    fn text(&mut self, column: Column) -> Change<Box<str>> {
        self.change(column, |scalar| match scalar {
            Scalar::Text(text) => Ok(text.into()),
            Scalar::Number(digits) => Ok(digits.into()),
            Scalar::Empty | Scalar::Other => Err((ErrorCode::InvalidValue, "is not text")),
        })
    }
}

fn read_number(scalar: &Scalar<'_>) -> Result<i32, NumberError> {
    match scalar {
        Scalar::Text(text) => whole(text),
        Scalar::Number(digits) => whole(digits),
        Scalar::Empty | Scalar::Other => Err(NumberError::NotWhole),
    }
}

/// The platform's own form, which is UTC, or RFC 3339. Whole seconds: the platform keeps no more.
fn instant(text: &str) -> Option<Timestamp> {
    let is_plain = text.len() == 19
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b' ',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    let instant = if is_plain {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()?
    } else if text
        .as_bytes()
        .get(10)
        .is_some_and(|byte| b"Tt ".contains(byte))
    {
        text.parse().ok()?
    } else {
        return None;
    };
    Timestamp::from_second(instant.as_second()).ok()
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
