//! Revisions of the profiles folder: which was attempted, which was applied, and how it went.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Json, Word};
use super::{Store, StoreError};
use crate::profile::name::Name;
use crate::profile::reach::Reach;

/// How an attempt to apply a revision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevisionOutcome {
    /// All of it is in force.
    Applied,
    /// What loads is in force; of the rest, the last good version is.
    Partial,
    /// Nothing was applied: the folder is gone or empty, and that was not confirmed.
    Held,
    /// Nothing was applied: an error of the host or the store.
    Failed,
}

/// A revision that was attempted, once or several times with the same end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// `sha256:…` over the sorted paths and bytes of everything read.
    pub digest: String,
    /// The git commit beside it (`abc123`, `abc123+` when the files differ from it), a label only.
    pub label: Option<String>,
    /// How it ended.
    pub outcome: RevisionOutcome,
    /// How many findings of severity error there were.
    pub findings: u32,
    /// In one sentence, for people.
    pub message: String,
    /// When it was first attempted.
    pub first_attempted_at: Timestamp,
    /// When it was last attempted.
    pub last_attempted_at: Timestamp,
    /// When it was applied, wholly or in part.
    pub applied_at: Option<Timestamp>,
}

/// One attempt, as reconciling reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// `sha256:…` over the sorted paths and bytes of everything read.
    pub digest: String,
    /// The git commit beside it.
    pub label: Option<String>,
    /// How it ended.
    pub outcome: RevisionOutcome,
    /// How many findings of severity error there were.
    pub findings: u32,
    /// In one sentence, for people.
    pub message: String,
    /// Why it is not known what the files exclude, where something does not load that may say so.
    pub exclusions_unknown: Option<String>,
    /// The rules that do not load, each with the profiles that it may decide for.
    pub rules_in_doubt: BTreeMap<Name, Reach>,
    /// When.
    pub at: Timestamp,
}

/// The same failure or success over and over is one row; this many rows are kept.
const KEPT: u32 = 1_000;
/// Rules that do not load, each with the profiles that it may decide for.
type InDoubt = BTreeMap<Name, Reach>;

/// What to do about a document whose last good version decides.
const CORRECT: &str = "its last good version decides, correct it as `seatsync check` says";

impl Store {
    /// Records an attempt that changed nothing else.
    pub async fn record_attempt(&self, attempt: Attempt) -> Result<(), StoreError> {
        self.database
            .write("record revision", move |t| put(t, &attempt))
            .await
    }

    /// The revision that was attempted last.
    pub async fn revision_attempted(&self) -> Result<Option<RevisionRecord>, StoreError> {
        self.one_revision("SELECT * FROM revisions ORDER BY id DESC LIMIT 1")
            .await
    }

    /// The revision that was last applied, wholly or in part.
    pub async fn revision_applied(&self) -> Result<Option<RevisionRecord>, StoreError> {
        self.one_revision(
            "SELECT * FROM revisions WHERE applied_at IS NOT NULL ORDER BY id DESC LIMIT 1",
        )
        .await
    }

    /// Why it is not known what the files exclude or decide for a profile, as of the last attempt: a
    /// reclaim waits for that.
    pub async fn files_trouble(&self, profile: &Name) -> Result<Option<String>, StoreError> {
        let profile = profile.clone();
        self.database
            .read("look whether the files load", move |t| {
                let last: Option<(Option<String>, Option<Json<InDoubt>>)> = t
                    .prepare_cached(
                        "SELECT iif(outcome IN ('held', 'failed'), message, exclusions_unknown),
                             rules_in_doubt
                         FROM revisions ORDER BY id DESC LIMIT 1",
                    )?
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let (whole, rules) = last.unwrap_or_default();
                if whole.is_some() {
                    return Ok(whole);
                }
                let rules = rules.map_or_else(BTreeMap::new, |Json(rules)| rules);
                let rule = rules.iter().find(|(_, reach)| reach.includes(&profile));
                if let Some((rule, _)) = rule {
                    return Ok(Some(format!(
                        "ReclamationRule `{rule}` does not load: {CORRECT}"
                    )));
                }
                Ok(t.prepare_cached(
                    "SELECT kind || ' `' || name || '` does not load: '
                     FROM documents WHERE state = 'held'
                         AND (kind = 'Profile' AND name = ?1 OR kind = 'Exclusions')
                     ORDER BY kind, name LIMIT 1",
                )?
                .query_row([profile.as_str()], |row| row.get::<_, String>(0))
                .optional()?
                .map(|what| what + CORRECT))
            })
            .await
    }

    async fn one_revision(
        &self,
        query: &'static str,
    ) -> Result<Option<RevisionRecord>, StoreError> {
        self.database
            .read("read revision", move |t| {
                Ok(t.query_row(query, [], record).optional()?)
            })
            .await
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<RevisionRecord> {
    Ok(RevisionRecord {
        digest: row.get("digest")?,
        label: row.get("label")?,
        outcome: row.get::<_, Word<_>>("outcome")?.0,
        findings: row.get("findings")?,
        message: row.get("message")?,
        first_attempted_at: row.get::<_, At>("first_attempted_at")?.0,
        last_attempted_at: row.get::<_, At>("last_attempted_at")?.0,
        applied_at: row.get::<_, Option<At>>("applied_at")?.map(|at| at.0),
    })
}

/// Records an attempt within a transaction of this room: beside the one before when it went alike.
pub(super) fn put(t: &Transaction<'_>, attempt: &Attempt) -> Result<(), StoreError> {
    let applied = matches!(
        attempt.outcome,
        RevisionOutcome::Applied | RevisionOutcome::Partial
    );
    let in_doubt = (!attempt.rules_in_doubt.is_empty()).then_some(Json(&attempt.rules_in_doubt));
    let alike = t
        .prepare_cached(
            "UPDATE revisions SET last_attempted_at = ?1, attempts = attempts + 1
             WHERE id = (SELECT max(id) FROM revisions)
               AND (digest, label, outcome, findings, message, exclusions_unknown, rules_in_doubt)
                   IS (?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            At(attempt.at),
            attempt.digest,
            attempt.label,
            Word(attempt.outcome),
            attempt.findings,
            attempt.message,
            attempt.exclusions_unknown,
            in_doubt,
        ])?;
    if alike == 0 {
        t.prepare_cached(
            "INSERT INTO revisions (digest, label, outcome, findings, message,
                                    first_attempted_at, last_attempted_at, applied_at,
                                    exclusions_unknown, rules_in_doubt)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, iif(?7, ?6, NULL), ?8, ?9)",
        )?
        .execute(params![
            attempt.digest,
            attempt.label,
            Word(attempt.outcome),
            attempt.findings,
            attempt.message,
            At(attempt.at),
            applied,
            attempt.exclusions_unknown,
            in_doubt,
        ])?;
        t.execute(
            "DELETE FROM revisions WHERE id <= (SELECT max(id) FROM revisions) - ?1
               AND id IS NOT (SELECT max(id) FROM revisions WHERE applied_at IS NOT NULL)",
            [KEPT],
        )?;
    }
    Ok(())
}
