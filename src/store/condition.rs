//! Conditions: what is true of a profile now, why, and since when. Reconciling and jobs set them;
//! `status` shows them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Word};
use super::{Store, StoreError};
use crate::connector::facts::Process;
use crate::profile::name::Name;

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ConditionKind {
    /// Everything that the profile asks for works.
    Ready,
    /// A newer version of the profile is on its way to being in force.
    Reconciling,
    /// It cannot go on until a person changes something.
    Stalled,
    /// One process was proved against the vendor. Written `Validated/download` and so on.
    Validated(Process),
    /// The data gate: the last download walk was complete.
    Complete,
    /// A guard tripped; nothing is written to the vendor until it is released.
    Held,
}

impl ConditionKind {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Validated(Process::Download) => "Validated/download",
            Self::Validated(Process::Activity) => "Validated/activity",
            Self::Validated(Process::Reclaim) => "Validated/reclaim",
            Self::Complete => "Complete",
            Self::Held => "Held",
        }
    }
}

impl fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a condition")]
pub struct UnknownCondition(pub String);

impl FromStr for ConditionKind {
    type Err = UnknownCondition;

    fn from_str(text: &str) -> Result<Self, UnknownCondition> {
        [
            Self::Ready,
            Self::Reconciling,
            Self::Stalled,
            Self::Validated(Process::Download),
            Self::Validated(Process::Activity),
            Self::Validated(Process::Reclaim),
            Self::Complete,
            Self::Held,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| UnknownCondition(text.to_owned()))
    }
}

impl TryFrom<String> for ConditionKind {
    type Error = UnknownCondition;

    fn try_from(text: String) -> Result<Self, UnknownCondition> {
        text.parse()
    }
}

impl From<ConditionKind> for String {
    fn from(kind: ConditionKind) -> Self {
        kind.as_str().to_owned()
    }
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known yet.
    Unknown,
}

/// One condition of one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConditionKind,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One CamelCase word that programs may match.
    pub reason: String,
    /// What happened, to what, and what to do; for people.
    pub message: String,
    /// When the status last changed. What a caller gives counts only when it changes.
    pub at: Timestamp,
    /// The profile revision that this was found for.
    pub observed_revision: String,
}

impl Store {
    /// Sets one condition of `profile`. The time moves only when the status changes; one that
    /// says what is recorded already writes nothing. A profile that is not recorded is passed over.
    pub async fn set_condition(
        &self,
        profile: &Name,
        condition: Condition,
    ) -> Result<(), StoreError> {
        let profile = profile.clone();
        self.database
            .write("set condition", move |t| put(t, &profile, &condition))
            .await
    }

    /// The conditions of every profile that has any.
    pub async fn all_conditions(&self) -> Result<BTreeMap<Name, Vec<Condition>>, StoreError> {
        self.database
            .read("read conditions", |t| {
                let mut statement = t.prepare_cached(
                    "SELECT c.kind, status, reason, message, at, observed_revision, p.name
                     FROM conditions c JOIN profiles p ON p.id = c.profile_id
                     ORDER BY c.kind",
                )?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get::<_, Word<Name>>(6)?.0, condition(row)?))
                })?;
                let mut found: BTreeMap<Name, Vec<Condition>> = BTreeMap::new();
                for row in rows {
                    let (name, condition) = row?;
                    found.entry(name).or_default().push(condition);
                }
                Ok(found)
            })
            .await
    }

    /// The conditions of `profile`, in the order of their names.
    pub async fn conditions(&self, profile: &Name) -> Result<Vec<Condition>, StoreError> {
        let profile = profile.clone();
        self.database
            .read("read conditions", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT kind, status, reason, message, at, observed_revision
                     FROM conditions
                     WHERE profile_id = (SELECT id FROM profiles WHERE name = ?1)
                     ORDER BY kind",
                )?;
                let rows = statement.query_map([profile.as_str()], condition)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn condition(row: &Row<'_>) -> rusqlite::Result<Condition> {
    Ok(Condition {
        kind: row.get::<_, Word<_>>(0)?.0,
        status: row.get::<_, Word<_>>(1)?.0,
        reason: row.get(2)?,
        message: row.get(3)?,
        at: row.get::<_, At>(4)?.0,
        observed_revision: row.get(5)?,
    })
}

/// Sets a condition within a transaction of this room.
pub(super) fn put(
    t: &Transaction<'_>,
    profile: &Name,
    condition: &Condition,
) -> Result<(), StoreError> {
    let id: Option<i64> = t
        .prepare_cached("SELECT id FROM profiles WHERE name = ?1")?
        .query_row([profile.as_str()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else {
        return Ok(());
    };
    t.prepare_cached(
        "INSERT INTO conditions (profile_id, kind, status, reason, message, at, observed_revision)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (profile_id, kind) DO UPDATE SET
             at = CASE WHEN status = excluded.status THEN at ELSE excluded.at END,
             status = excluded.status, reason = excluded.reason, message = excluded.message,
             observed_revision = excluded.observed_revision
         WHERE (status, reason, message, observed_revision) IS NOT
             (excluded.status, excluded.reason, excluded.message, excluded.observed_revision)",
    )?
    .execute(params![
        id,
        condition.kind.as_str(),
        Word(condition.status),
        condition.reason,
        condition.message,
        At(condition.at),
        condition.observed_revision,
    ])?;
    Ok(())
}
