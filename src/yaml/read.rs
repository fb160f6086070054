//! Trees to typed values. A shape is declared once, with [`record!`](crate::yaml::macros::record); from
//! that declaration come the reading, which finds every mistake and not only the first, and the
//! JSON Schema, so that the two cannot part.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::diagnostic::{Findings, Region};
use super::tree::{Node, Value};

/// A value that a file can hold.
pub trait Read: Sized {
    /// Reads it. What is wrong goes to `to`, and `None` comes back.
    fn read(node: &Node, to: &mut Findings) -> Option<Self>;
}

/// Says that something else was expected here. Never repeats the value: it may be a secret.
pub fn mismatch(node: &Node, expected: &str, to: &mut Findings) {
    let message = format!("expected {expected}, found {}", node.value.describe());
    let found = to.error("yaml::type", node.region, message);
    match &node.value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) if expected.contains("text") => {
            found.help("put it in quotes");
        }
        Value::Text(text) if expected.contains("true or false") && is_yes_or_no(text) => {
            found.help("write `true` or `false`");
        }
        _ => {}
    }
}

/// Whether it is one of the words for booleans of YAML 1.1.
fn is_yes_or_no(text: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str())
}

/// A value with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands; from its first to its last character.
    pub region: Region,
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        let value = T::read(node, to)?;
        Some(Self {
            value,
            region: node.region,
        })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A field that must be there. Empty only where that was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need<T>(pub Option<T>);

impl<T: JsonSchema> JsonSchema for Need<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// What a record's field can be: an [`Option`], or a [`Need`].
pub trait Field: Sized {
    /// Reads the field `key` of the mapping at `parent`; `node` is its value where it is there.
    fn take(key: &str, node: Option<&Node>, parent: Region, to: &mut Findings) -> Self;
}

/// A key without a value counts as absent, so that a section can be left with all its lines
/// commented out.
fn present(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| node.value != Value::Null)
}

impl<T: Read> Field for Option<T> {
    fn take(_: &str, node: Option<&Node>, _: Region, to: &mut Findings) -> Self {
        present(node).and_then(|node| T::read(node, to))
    }
}

impl<T: Read> Field for Need<T> {
    fn take(key: &str, node: Option<&Node>, parent: Region, to: &mut Findings) -> Self {
        if let Some(node) = present(node) {
            return Self(T::read(node, to));
        }
        let region = node.map_or(parent, |node| node.region);
        to.error("yaml::missing", region, format!("`{key}` is missing"));
        Self(None)
    }
}

/// The entries of a mapping whose keys are known: repeated and unknown keys are reported, the
/// first of the repeated is kept.
pub fn entries<'a>(
    node: &'a Node,
    known: &[&'static str],
    to: &mut Findings,
) -> Option<Vec<(&'static str, &'a Node)>> {
    let Value::Map(map) = &node.value else {
        mismatch(node, "a mapping", to);
        return None;
    };
    let mut found: Vec<(&'static str, &Node)> = Vec::with_capacity(map.len());
    let mut seen: BTreeMap<&str, Region> = BTreeMap::new();
    for (key, value) in map {
        let Some(text) = key.text() else {
            mismatch(key, "text as the key", to);
            continue;
        };
        if let Some(first) = seen.insert(text, key.region) {
            seen.insert(text, first);
            repeated(text, key.region, first, to);
            continue;
        }
        match known.iter().find(|name| **name == text) {
            Some(name) => found.push((name, value)),
            None => unknown(text, key, value, known, to),
        }
    }
    Some(found)
}

/// Reports it unless exactly one of `choices` is among the entries.
pub fn one_of(
    node: &Node,
    choices: &[&'static str],
    entries: &[(&'static str, &Node)],
    to: &mut Findings,
) {
    let mut given = entries.iter().filter(|(key, _)| choices.contains(key));
    let (first, second) = (given.next(), given.next());
    let valued = first.is_some_and(|(_, value)| value.value != Value::Null);
    if !valued || second.is_some() {
        let wanted = listed(choices.iter().copied());
        let message = match second {
            None => format!("one of {wanted} is needed"),
            Some(_) => format!("only one of {wanted} may be given"),
        };
        to.error("yaml::one_of", node.region, message);
    }
}

fn repeated(key: &str, region: Region, first: Region, to: &mut Findings) {
    let message = format!("`{key}` is given twice");
    to.error("yaml::duplicate_key", region, message)
        .help(format!("it was first given on line {}", first.line));
}

fn unknown(text: &str, key: &Node, value: &Node, known: &[&'static str], to: &mut Findings) {
    let meant = nearest(text, known.iter().copied());
    if may_be_secret(text) || meant.is_some_and(may_be_secret) {
        to.hide(value.extent());
    }
    let found = to.error(
        "yaml::unknown_key",
        key.region,
        format!("`{text}` is not known here"),
    );
    match meant {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found.help(format!("known here: {}", listed(known.iter().copied()))),
    };
}

/// Whether the value of an unknown key had better not be shown.
fn may_be_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    [
        "secret", "secrt", "token", "password", "passwd", "key", "pat",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// The word that was probably meant.
pub fn nearest(text: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let text = text.to_lowercase().replace('-', "_");
    known
        .map(|word| (strsim::damerau_levenshtein(&text, word), word))
        .filter(|(distance, word)| *distance <= word.len() / 3 + 1 && *distance < word.len())
        .min()
        .map(|(_, word)| word)
}

/// Words as a sentence lists them.
pub fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

impl Read for bool {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        mismatch(node, "true or false", to);
        None
    }
}

impl Read for String {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        let text = node.text().map(ToOwned::to_owned);
        if text.is_none() {
            mismatch(node, "text", to);
        }
        text
    }
}

/// A whole number from `LOW` to `HIGH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const LOW: u32, const HIGH: u32>(pub u32);

impl<const LOW: u32, const HIGH: u32> Read for Whole<LOW, HIGH> {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        let Value::Int(value) = node.value else {
            mismatch(node, "a whole number", to);
            return None;
        };
        match u32::try_from(value) {
            Ok(number) if (LOW..=HIGH).contains(&number) => Some(Self(number)),
            _ => {
                let message = format!("`{value}` is out of range");
                to.error("yaml::range", node.region, message)
                    .help(format!("write a whole number from {LOW} to {HIGH}"));
                None
            }
        }
    }
}

impl<const LOW: u32, const HIGH: u32> JsonSchema for Whole<LOW, HIGH> {
    fn schema_name() -> Cow<'static, str> {
        format!("Whole{LOW}To{HIGH}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "integer", "minimum": LOW, "maximum": HIGH})
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        let Value::List(items) = &node.value else {
            mismatch(node, "a list", to);
            return None;
        };
        Some(items.iter().filter_map(|item| T::read(item, to)).collect())
    }
}

impl<T: Read> Read for Box<T> {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        T::read(node, to).map(Self::new)
    }
}

/// Reads text that parses into `T`; its error says what would be right.
pub fn parsed<T: FromStr<Err: Display>>(
    node: &Node,
    code: &'static str,
    to: &mut Findings,
) -> Option<T> {
    parsed_or(node, code, None, to)
}

/// [`parsed`], with an example of what would be right where the error does not tell it.
pub fn parsed_or<T: FromStr<Err: Display>>(
    node: &Node,
    code: &'static str,
    help: Option<&'static str>,
    to: &mut Findings,
) -> Option<T> {
    let number = match node.value {
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    };
    let Some(text) = node.text().or(number.as_deref()) else {
        mismatch(node, "text", to);
        return None;
    };
    match text.parse() {
        Ok(_) if number.is_some() => {
            mismatch(node, "text", to);
            None
        }
        Ok(value) => Some(value),
        Err(error) => {
            let found = to.error(code, node.region, error.to_string());
            found.help = help.map(str::to_owned);
            None
        }
    }
}

/// Reads one of a closed set of words.
pub fn chosen<T: Copy>(node: &Node, choices: &[(&'static str, T)], to: &mut Findings) -> Option<T> {
    let Some(text) = node.text() else {
        mismatch(node, "text", to);
        return None;
    };
    let words = || choices.iter().map(|(word, _)| *word);
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let message = format!("`{text}` is not one of {}", listed(words()));
    let found = to.error("yaml::choice", node.region, message);
    if let Some(near) = nearest(text, words()) {
        found.help(format!("did you mean `{near}`?"));
    }
    None
}

/// A text that is not what its field holds.
#[derive(Debug)]
pub struct Wrong {
    /// What stands there; `None` where it may be a secret.
    pub text: Option<String>,
    /// What would be right.
    pub what: &'static str,
}

impl Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.text {
            Some(text) if text.trim().is_empty() => {
                write!(f, "this is empty: write {}", self.what)
            }
            Some(text) => write!(f, "`{text}` is not right here: write {}", self.what),
            None => write!(
                f,
                "this is not right, and is not repeated because it may be a secret: write {}",
                self.what
            ),
        }
    }
}
