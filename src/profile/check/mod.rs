//! Raw shapes to checked documents: what one document says by itself. What documents say of each
//! other is [`super::link`]'s.

mod connection;
mod directory;
mod entries;
mod licence;
mod profile;
mod rules;

use jiff::civil::Date;
use serde_json::Value as Json;

use super::model::{Document, DocumentId, Kind};
use super::name::Name;
use super::raw::{RawConnection, RawExclusions, RawProfile};
use crate::yaml::diagnostic::{Findings, Region};
use crate::yaml::read::{self, At, Read};
use crate::yaml::tree::{Node, Value};

/// What came of one document.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Its identity, where that could be read.
    pub(crate) id: Option<DocumentId>,
    /// The document, when nothing is wrong with it.
    pub(crate) document: Option<Document>,
    /// Where values stand that linking may have something to say about.
    pub(crate) places: Places,
    /// The file beside the document that belongs to it.
    pub(crate) directory: Option<DirectoryFile>,
}

/// Where the values stand that later steps have something to say about.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By dotted path.
    pub(crate) values: Vec<(&'static str, Region)>,
    /// Last days.
    pub(crate) expires: Vec<(Date, Region)>,
}

impl Places {
    fn note<T>(&mut self, path: &'static str, value: Option<&At<T>>) {
        if let Some(value) = value {
            self.values.push((path, value.region));
        }
    }
}

/// The CSV file of a directory, and the columns that the document says it has.
#[derive(Debug)]
pub(crate) struct DirectoryFile {
    /// Relative to the document.
    pub(crate) file: At<String>,
    /// Names in its first line.
    pub(crate) columns: Vec<At<String>>,
}

/// Checks one document.
pub(crate) fn document(node: &Node, to: &mut Findings) -> Checked {
    let before = to.errors();
    if !matches!(node.value, Value::Map(_)) {
        read::mismatch(node, "a mapping with `kind` and `name`", to);
        return Checked::default();
    }
    let Some(kind) = kind_of(node, to) else {
        return Checked::default();
    };
    let mut places = Places::default();
    let mut directory = None;
    let document = match kind {
        Kind::Profile => RawProfile::read(node, to)
            .and_then(|raw| profile::check(raw, node, &mut places, to))
            .map(|profile| Document::Profile(Box::new(profile))),
        Kind::Connection => RawConnection::read(node, to)
            .and_then(|raw| connection::check(raw, &mut places))
            .map(|connection| Document::Connection(Box::new(connection))),
        Kind::Exclusions => RawExclusions::read(node, to)
            .and_then(|raw| entries::exclusions(raw, &mut places, to))
            .map(Document::Exclusions),
        Kind::ReclamationRule => rules::reclamation_rule(node, &mut places, to),
        Kind::SoftwareModel => licence::software_model(node, &mut places, to),
        Kind::Entitlement => licence::entitlement(node, &mut places, to),
        Kind::UserDirectory => directory::user_directory(node, &mut directory, to),
        Kind::Approval => rules::approval(node, &mut places, to),
    };
    let name: Option<(Name, Region)> = node.get("name").and_then(|node| {
        let name = node.text()?.parse().ok()?;
        Some((name, node.region))
    });
    if let Some((_, region)) = &name {
        places.values.push(("name", *region));
    }
    Checked {
        id: name.map(|(name, _)| DocumentId { kind, name }),
        document: document.filter(|_| to.errors() == before),
        places,
        directory,
    }
}

fn kind_of(node: &Node, to: &mut Findings) -> Option<Kind> {
    if let Some(kind) = node.get("kind") {
        return Kind::read(kind, to);
    }
    to.error("yaml::missing", node.region, "`kind` is missing")
        .help("write `kind: Profile`, `kind: Connection` or another kind");
    None
}

/// The checked mapping as JSON, keys sorted and empty ones left out, without those named.
fn canonical(node: &Node, without: &[&str]) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::from(*value),
        Value::Text(value) => Json::from(value.as_ref()),
        Value::List(items) => items.iter().map(|item| canonical(item, &[])).collect(),
        Value::Map(entries) => {
            let mut sorted: Vec<(&str, Json)> = entries
                .iter()
                .filter(|(_, value)| value.value != Value::Null)
                .filter_map(|(key, value)| Some((key.text()?, canonical(value, &[]))))
                .filter(|(key, _)| !without.contains(key))
                .collect();
            sorted.sort_by(|one, other| one.0.cmp(other.0));
            let entries = sorted.into_iter();
            let entries = entries.map(|(key, value)| (key.to_owned(), value));
            Json::Object(entries.collect())
        }
    }
}
