//! Text to a tree in which every value knows where it stands. The one place that calls the YAML
//! parser; [`super::read`] turns the tree into typed values.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::DuplicateKeyPolicy;
use serde_yaml::{Location, Options, Spanned};

use super::diagnostic::{Findings, Region};
use super::text::{Chunk, Text};

/// A value and where it stands. What an alias stands for is where its anchor is.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands; a list or mapping is marked by its first character alone.
    pub region: Region,
    /// What it is.
    pub value: Value,
}

/// A YAML value by the rules of YAML 1.2's core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the file, repeated keys kept.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// Where it stands from its first character to its last.
    pub fn extent(&self) -> Region {
        let mut whole = self.region;
        let mut cover = |part: Region| {
            if part.end > whole.end {
                whole.end = part.end;
                whole.end_line = part.end_line;
                whole.end_column = part.end_column;
            }
        };
        match &self.value {
            Value::List(items) => items.iter().for_each(|item| cover(item.extent())),
            Value::Map(entries) => entries.iter().for_each(|(key, value)| {
                cover(key.extent());
                cover(value.extent());
            }),
            _ => {}
        }
        whole
    }

    /// The value of the first entry with this key, when it is a mapping that has one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        let found = entries.iter().find(|(name, _)| name.text() == Some(key));
        found.map(|(_, value)| value)
    }

    /// The text, when it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Value {
    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a true-or-false value",
            Self::Int(_) => "a number",
            Self::Float(_) => "a decimal number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// The deepest nesting that is read.
const DEEPEST: usize = 16;

/// The most values in one document.
const MOST_NODES: usize = 60_000;

/// Reads one document of `text`. A document that is not YAML is one finding and `None`.
pub fn parse(text: &Text, chunk: Chunk, findings: &mut Findings) -> Option<Node> {
    match serde_yaml::from_str_with_options::<RawNode>(text.chunk(chunk), options()) {
        Ok(raw) => Some(raw.place(text, chunk)),
        Err(error) => {
            let region = match error.location() {
                Some(location) => text.region_at(chunk, location.line(), location.column()),
                None => text.start_of(chunk),
            };
            describe(&error, region, findings);
            None
        }
    }
}

fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: DEEPEST,
            max_nodes: MOST_NODES,
            max_events: 4 * MOST_NODES,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MOST_NODES,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn describe(error: &serde_yaml::Error, region: Region, findings: &mut Findings) {
    use serde_yaml::Error;
    let (message, help) = match error.without_snippet() {
        Error::Budget { breach, .. } => budget(breach),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            let help = "write the value out instead of the alias";
            (
                "an alias stands inside its own anchor".to_owned(),
                Some(help),
            )
        }
        other => {
            let text = other.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            if text.starts_with("alias") && text.contains("exceeded") {
                let message = "its aliases expand to too much".to_owned();
                let help = "write the values out, or split the document";
                return report(message, Some(help), region, findings);
            }
            (format!("this is not YAML: {text}"), Some(remedy(text)))
        }
    };
    report(message, help, region, findings);
}

/// What mostly mends what the parser says.
fn remedy(said: &str) -> &'static str {
    let remedies = [
        ("tabs", "indent with spaces"),
        ("tag", "remove the tag: plain values are enough"),
        (
            "unclosed",
            "close it, or put the text that it belongs to in quotes",
        ),
        (
            "unexpected character",
            "remove the character, or write it as an escape in double quotes",
        ),
    ];
    let known = remedies.iter().find(|(word, _)| said.contains(word));
    known.map_or(
        "look at the lines above it too: mostly a quote or a bracket is not closed, or the indentation is not that of its neighbours",
        |(_, remedy)| remedy,
    )
}

fn report(message: String, help: Option<&str>, region: Region, findings: &mut Findings) {
    let found = findings.error("yaml::syntax", region, message);
    if let Some(help) = help {
        found.help(help);
    }
}

fn budget(breach: &BudgetBreach) -> (String, Option<&'static str>) {
    match breach {
        BudgetBreach::Depth { .. } => (
            format!("values are nested deeper than {DEEPEST} levels"),
            Some("nothing here needs so many: close a bracket, or indent less"),
        ),
        BudgetBreach::Documents { .. } => (
            "a second document starts here without a `---` line".to_owned(),
            Some("put `---` on a line of its own between documents"),
        ),
        _ => (
            "the document holds too many values".to_owned(),
            Some("split it into several documents"),
        ),
    }
}

/// What the parser hands over, before places are worked out.
struct RawNode {
    location: Location,
    value: RawValue,
}

enum RawValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<RawNode>),
    Map(Vec<(RawNode, RawNode)>),
}

impl RawNode {
    fn place(self, text: &Text, chunk: Chunk) -> Node {
        let (value, scalar) = match self.value {
            RawValue::Null => (Value::Null, true),
            RawValue::Bool(value) => (Value::Bool(value), true),
            RawValue::Int(value) => (Value::Int(value), true),
            RawValue::Float(value) => (Value::Float(value), true),
            RawValue::Text(value) => (Value::Text(value.into()), true),
            RawValue::List(items) => {
                let items = items.into_iter().map(|item| item.place(text, chunk));
                (Value::List(items.collect()), false)
            }
            RawValue::Map(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| (key.place(text, chunk), value.place(text, chunk)));
                (Value::Map(entries.collect()), false)
            }
        };
        let span = self.location.span();
        let bytes = match (span.byte_offset(), span.byte_len()) {
            (Some(offset), Some(length)) if scalar => Some((offset, length)),
            (Some(offset), _) => Some((offset, 1)),
            _ => None,
        };
        let (line, column) = (self.location.line(), self.location.column());
        let region = match bytes {
            Some((offset, length)) => text.region(chunk, line, column, offset, length),
            None => text.region_at(chunk, line, column),
        };
        Node { region, value }
    }
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<RawValue>::deserialize(deserializer)?;
        Ok(Self {
            location: spanned.defined,
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        RawValue::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => RawValue::Int(value),
            Err(_) => RawValue::Float(f64::INFINITY),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<RawValue, E> {
        Ok(RawValue::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(RawValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(RawValue::Map(entries))
    }
}
