//! What a reconciling pass would do, or did: for a person to read and a program to parse. Made by
//! [`super::diff`].

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::profile::model::{DocumentId, Kind};
use crate::profile::name::Name;

/// One leaf of a document that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Where, dotted as in the file; an element of a list is `list[]`.
    pub path: String,
    /// What it was; absent when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it becomes; absent when it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => {
                write!(f, "{}: `{}` → `{}`", self.path, shown(old), shown(new))
            }
            (None, Some(new)) => write!(f, "{}: `{}` added", self.path, shown(new)),
            (Some(old), None) => write!(f, "{}: `{}` removed", self.path, shown(old)),
            (None, None) => write!(f, "{}", self.path),
        }
    }
}

/// What happens to one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Created,
    /// It says something else.
    Changed {
        /// What differs.
        fields: Vec<FieldChange>,
    },
    /// It says the same and stands in another file.
    Moved {
        /// The file before.
        from: PathBuf,
    },
    /// A profile has a new name; its history follows it.
    Renamed {
        /// The name before.
        from: Name,
        /// What else differs.
        fields: Vec<FieldChange>,
    },
    /// It is gone. A profile is orphaned: nothing runs, its data stays for the retention time.
    Removed,
    /// The folder's version cannot be used; the last good one stays in force.
    Kept {
        /// Why, and what to do.
        reason: String,
    },
}

/// One document to which something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// Where it stands, or stood.
    pub file: PathBuf,
    /// `sha256:…` of the version that comes into force; absent when none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What happens.
    #[serde(flatten)]
    pub action: Action,
}

impl Change {
    /// The document's identity.
    pub fn id(&self) -> DocumentId {
        DocumentId {
            kind: self.kind,
            name: self.name.clone(),
        }
    }

    /// Whether anything is applied for it.
    pub fn is_applied(&self) -> bool {
        !matches!(self.action, Action::Kept { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, file) = (self.kind.as_str(), &self.name, self.file.display());
        match &self.action {
            Action::Created => write!(f, "+ {kind} {name} ({file})"),
            Action::Changed { fields } => {
                write!(f, "~ {kind} {name} ({file})")?;
                list(f, fields)
            }
            Action::Moved { from } => {
                write!(f, "> {kind} {name}: {} → {file}", from.display())
            }
            Action::Renamed { from, fields } => {
                write!(f, "> {kind} {from} → {name} ({file})")?;
                list(f, fields)
            }
            Action::Removed if self.kind == Kind::Profile => {
                write!(f, "- {kind} {name} ({file}): its jobs stop, its data stays")
            }
            Action::Removed => write!(f, "- {kind} {name} ({file})"),
            Action::Kept { reason } => write!(f, "! {kind} {name} ({file}): {reason}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, fields: &[FieldChange]) -> fmt::Result {
    fields
        .iter()
        .try_for_each(|field| write!(f, "\n    {field}"))
}

/// Everything that differs between what is recorded and what is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The documents to which something happens, by kind and name.
    pub changes: Vec<Change>,
    /// Profiles whose own document is the same, and that a connection or exclusion changed.
    pub affected: Vec<Name>,
    /// How many documents stay as they are.
    pub unchanged: usize,
}

impl Plan {
    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.affected.is_empty() && !self.changes.iter().any(Change::is_applied)
    }

    /// `sha256:…` over all of it: two plans with one digest do the same.
    pub fn digest(&self) -> String {
        let text = serde_json::json!({"changes": self.changes, "affected": self.affected});
        format!("sha256:{:x}", Sha256::digest(text.to_string()))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for name in &self.affected {
            writeln!(
                f,
                "~ Profile {name}: through its connection or an organisation-wide exclusion"
            )?;
        }
        let count = |wanted: fn(&Action) -> bool| {
            let found = self.changes.iter().filter(|change| wanted(&change.action));
            found.count()
        };
        write!(
            f,
            "{} created, {} changed, {} renamed, {} removed, {} kept at the last good version, {} unchanged",
            count(|a| matches!(a, Action::Created)),
            count(|a| matches!(a, Action::Changed { .. } | Action::Moved { .. }))
                + self.affected.len(),
            count(|a| matches!(a, Action::Renamed { .. })),
            count(|a| matches!(a, Action::Removed)),
            count(|a| matches!(a, Action::Kept { .. })),
            self.unchanged,
        )
    }
}
