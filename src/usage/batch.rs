//! A whole body, `{"items":[…]}`, as strict JSON. What is wrong with one item is kept with that
//! item; what is wrong with the body as such refuses all of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::item::{ErrorCode, Item, ItemError, MembersVisitor, Message, Rules, is_ours};
use super::json::{self, DUPLICATE, NameSeed};

/// Items of one body. No batch of acceptable items below the size limit can have more: the shortest
/// takes 150 bytes.
const MAX_ITEMS: usize = 100_000;
/// Bytes that an element takes while it is worked on, beside those that it was sent in: its place
/// among the others, and what is read of it. What is wrong with it takes less, for then it is not
/// read any further.
const WORK: usize = size_of::<&RawValue>() + size_of::<Entry<'_>>() + size_of::<Item>();

/// Why a body is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing was sent.
    #[error("empty body")]
    Empty,
    /// It is not text.
    #[error("invalid UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// It is not the JSON that we read.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong, without any of the content.
        reason: String,
    },
    /// It is JSON, but no object.
    #[error("the body must be an object with `items`")]
    NotAnObject,
    /// There are no items.
    #[error("the body must have an array `items`")]
    NoItems,
    /// `items` is something else.
    #[error("`items` is {found}")]
    NotAnArray {
        /// What it is.
        found: &'static str,
    },
    /// It is in the notation of the vendor's examples, and no example.
    #[error(
        "a body in single quotes may have {} bytes: send it as JSON",
        super::single_quoted::MAX_BYTES
    )]
    TooLongForSingleQuotes,
    /// More than anyone needs.
    #[error("`items` has more than {MAX_ITEMS} elements: send them in several requests")]
    TooManyItems,
}

/// The items of a body, in its order.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// One per element of `items`.
    pub entries: Vec<Entry<'a>>,
    /// What is wrong with them, in their order: one list, for there may be very many.
    errors: Vec<ItemError>,
    /// What the entries without errors say, in the same order.
    pub items: Vec<Item>,
    /// Columns in all items that we do not keep.
    pub unknown_columns: usize,
}

/// One element of `items`.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// As it was sent; an element that is no object is not kept.
    raw: Option<&'a str>,
    /// Whether it has members that our answer sets itself.
    has_ours: bool,
    /// Where in the batch's errors its own begin, and how many they are.
    errors: (usize, usize),
}

impl<'a> Entry<'a> {
    /// Whether nothing is wrong with it.
    pub fn is_accepted(&self) -> bool {
        self.errors.1 == 0
    }

    /// How many bytes it was sent in.
    pub fn sent_bytes(&self) -> usize {
        self.raw.map_or(0, str::len)
    }

    /// Its members as they were sent, in their order, without braces; members that our answer sets
    /// itself are left out.
    pub fn members(&self) -> Cow<'a, str> {
        let Some(raw) = self.raw else {
            return Cow::Borrowed("");
        };
        if self.has_ours {
            return Cow::Owned(without_ours(raw));
        }
        let inner = raw
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        Cow::Borrowed(inner.unwrap_or_default().trim())
    }
}

/// The elements of a body's `items`, found and not yet read.
#[derive(Debug)]
pub struct Elements<'a> {
    body: &'a str,
    found: Vec<&'a RawValue>,
}

impl<'a> Elements<'a> {
    /// Finds them, or says what is wrong with the body around them.
    pub fn find(body: &'a [u8]) -> Result<Self, BodyError> {
        let body = std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        // RFC 8259 section 8.1 lets a reader ignore a byte order mark.
        let body = body.strip_prefix('\u{feff}').unwrap_or(body);
        Ok(Self {
            body,
            found: elements(body)?,
        })
    }

    /// How many bytes reading them takes, roughly, beside those of the body.
    pub fn work_bytes(&self) -> usize {
        self.found.len() * WORK
    }
}

impl<'a> Batch<'a> {
    /// Everything that is wrong with an entry; nothing where it is accepted.
    pub fn errors_of(&self, entry: &Entry<'_>) -> &[ItemError] {
        let (start, count) = entry.errors;
        self.errors.get(start..start + count).unwrap_or_default()
    }

    /// The first fault of any.
    pub fn first_error(&self) -> Option<&ItemError> {
        self.errors.first()
    }

    fn note(&mut self, errors: impl IntoIterator<Item = ItemError>) -> (usize, usize) {
        let start = self.errors.len();
        self.errors.extend(errors);
        (start, self.errors.len() - start)
    }

    /// Reads a body.
    pub fn parse(body: &'a [u8], rules: &Rules) -> Result<Self, BodyError> {
        Self::read(Elements::find(body)?, rules)
    }

    /// Reads the elements of a body.
    pub fn read(elements: Elements<'a>, rules: &Rules) -> Result<Self, BodyError> {
        let Elements { body, found } = elements;
        let mut batch = Self {
            entries: Vec::with_capacity(found.len()),
            errors: Vec::new(),
            items: Vec::with_capacity(found.len()),
            unknown_columns: 0,
        };
        for element in found {
            let entry = batch.read_element(element.get(), rules);
            let entry = entry.map_err(|error| syntax_in(body, element.get(), &error))?;
            batch.entries.push(entry);
        }
        Ok(batch)
    }

    fn read_element(
        &mut self,
        raw: &'a str,
        rules: &Rules,
    ) -> Result<Entry<'a>, serde_json::Error> {
        if !raw.starts_with('{') {
            json::check(raw, 3).map_err(serde_json::Error::custom)?;
            let fault = ItemError {
                code: ErrorCode::InvalidItem,
                message: Message::NotAnObject(kind(raw)),
            };
            return Ok(Entry {
                raw: None,
                has_ours: false,
                errors: self.note([fault]),
            });
        }
        let members = serde_json::Deserializer::from_str(raw).deserialize_map(MembersVisitor)?;
        self.unknown_columns += members.unknown();
        let has_ours = members.has_ours();
        let errors = match members.into_item(rules) {
            Ok(item) => {
                self.items.push(item);
                (0, 0)
            }
            Err(errors) => self.note(errors),
        };
        Ok(Entry {
            raw: Some(raw),
            has_ours,
            errors,
        })
    }
}

/// The elements of `items`.
fn elements(body: &str) -> Result<Vec<&RawValue>, BodyError> {
    let blank = |c| matches!(c, ' ' | '\t' | '\n' | '\r');
    let trimmed = body.trim_start_matches(blank);
    if trimmed.is_empty() {
        return Err(BodyError::Empty);
    }
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let items = if trimmed.starts_with('{') {
        deserializer.deserialize_map(BodyVisitor).map(Some)
    } else {
        deserializer
            .deserialize_ignored_any(IgnoredAny)
            .map(|_| None)
    };
    let items = items.and_then(|items| deserializer.end().map(|()| items));
    match items.map_err(|error| syntax(body, 0, &error))? {
        None => Err(BodyError::NotAnObject),
        Some(Items::Absent) => Err(BodyError::NoItems),
        Some(Items::Other(found)) => Err(BodyError::NotAnArray { found }),
        Some(Items::TooMany) => Err(BodyError::TooManyItems),
        Some(Items::Elements(elements)) => Ok(elements),
    }
}

fn kind(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// An error inside `part`, which is a slice of `body`.
fn syntax_in(body: &str, part: &str, error: &serde_json::Error) -> BodyError {
    let start = part.as_ptr().addr().saturating_sub(body.as_ptr().addr());
    syntax(body, start, error)
}

/// An error whose position counts from `start` in `body`.
fn syntax(body: &str, start: usize, error: &serde_json::Error) -> BodyError {
    let before = body.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let shift = if error.line() <= 1 {
        start - line_start
    } else {
        0
    };
    BodyError::Syntax {
        line: before.matches('\n').count() + error.line().max(1),
        column: error.column().max(1) + shift,
        reason: json::reason(error),
    }
}

/// The item without the members that our answer sets, and without braces.
fn without_ours(raw: &str) -> String {
    struct Kept;
    impl<'de> Visitor<'de> for Kept {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an item")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
            let mut kept = String::new();
            while let Some(name) = map.next_key_seed(NameSeed)? {
                let value: &RawValue = map.next_value()?;
                if is_ours(&name) {
                    continue;
                }
                if !kept.is_empty() {
                    kept.push(',');
                }
                kept.push_str(&serde_json::to_string(&name).map_err(A::Error::custom)?);
                kept.push(':');
                kept.push_str(value.get());
            }
            Ok(kept)
        }
    }
    // It was read once already.
    serde_json::Deserializer::from_str(raw)
        .deserialize_map(Kept)
        .unwrap_or_default()
}

enum Items<'a> {
    Absent,
    Other(&'static str),
    Elements(Vec<&'a RawValue>),
    TooMany,
}

/// Finds `items` in the body.
struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Items<'de>, A::Error> {
        let mut items = Items::Absent;
        let mut names: BTreeSet<Cow<'_, str>> = BTreeSet::new();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            if names.contains(&name) {
                return Err(A::Error::custom(DUPLICATE));
            }
            if name == "items" {
                items = map.next_value_seed(ItemsVisitor)?;
            } else {
                let other: &RawValue = map.next_value()?;
                json::check(other.get(), 2).map_err(A::Error::custom)?;
            }
            names.insert(name);
        }
        Ok(items)
    }
}

/// Takes the elements of `items`, whatever they are.
struct ItemsVisitor;

impl<'de> DeserializeSeed<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Items<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element::<&RawValue>()? {
            if elements.len() == MAX_ITEMS {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Items::TooMany);
            }
            elements.push(element);
        }
        Ok(Items::Elements(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Items<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Items::Other("an object"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Items<'de>, E> {
        Ok(Items::Other("a string"))
    }

    fn visit_unit<E>(self) -> Result<Items<'de>, E> {
        Ok(Items::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Items<'de>, E> {
        Ok(Items::Other("a boolean"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Items<'de>, E> {
        Ok(Items::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Items<'de>, E> {
        Ok(Items::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Items<'de>, E> {
        Ok(Items::Other("a number"))
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
