//! What running a profile needs to remember between runs: since when it counts as published, what
//! was validated, and which due times were planned last. [`crate::job`] is the only caller.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::column::{At, Word};
use super::document::ProfileId;
use super::job::JobState;
use super::{Store, StoreError};
use crate::profile::model::SubflowKind;

/// What is remembered of one profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandingRow {
    /// Since when it counts as published.
    pub published_since: Option<Timestamp>,
    /// The profile revision whose publication queued a download.
    pub published_revision: Option<String>,
    /// What was validated against the vendor: a digest that the caller makes.
    pub validated_revision: Option<String>,
    /// The last due time that a schedule planned, by subflow.
    pub last_due: BTreeMap<SubflowKind, Timestamp>,
    /// How the last run of each subflow ended that was not refused.
    pub last_end: BTreeMap<SubflowKind, JobState>,
    /// Subflows with a job that waits.
    pub waiting: BTreeSet<SubflowKind>,
    /// Subflows with a job that runs.
    pub running: BTreeSet<SubflowKind>,
    /// Of the exclusions and protections that the profile's matches were made from.
    pub matched_entries: Option<String>,
}

impl Store {
    /// What is remembered of every profile that ran or was to run.
    pub async fn standings(&self) -> Result<BTreeMap<ProfileId, StandingRow>, StoreError> {
        self.database
            .read("read standings", |t| {
                let mut standings: BTreeMap<ProfileId, StandingRow> = BTreeMap::new();
                let mut statement = t.prepare_cached(
                    "SELECT profile_id, published_since, published_revision, validated_revision
                     FROM standings",
                )?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let standing = standings.entry(ProfileId(row.get(0)?)).or_default();
                    standing.published_since = row.get::<_, Option<At>>(1)?.map(|at| at.0);
                    standing.published_revision = row.get(2)?;
                    standing.validated_revision = row.get(3)?;
                }
                let mut statement = t.prepare_cached(
                    "SELECT profile_id, subflow, max(due_at) FROM jobs
                     WHERE trigger IN ('schedule', 'catch_up') GROUP BY profile_id, subflow",
                )?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let standing = standings.entry(ProfileId(row.get(0)?)).or_default();
                    let subflow: Word<SubflowKind> = row.get(1)?;
                    let due_at: At = row.get(2)?;
                    standing.last_due.insert(subflow.0, due_at.0);
                }
                let mut statement = t.prepare_cached(
                    "SELECT profile_id, subflow, state, max(seq) FROM jobs
                     WHERE state IN ('completed', 'partially_completed', 'failed', 'interrupted')
                     GROUP BY profile_id, subflow",
                )?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let standing = standings.entry(ProfileId(row.get(0)?)).or_default();
                    let subflow: Word<SubflowKind> = row.get(1)?;
                    let state: Word<JobState> = row.get(2)?;
                    standing.last_end.insert(subflow.0, state.0);
                }
                let mut statement = t.prepare_cached(
                    "SELECT profile_id, subflow, state FROM jobs
                     WHERE state IN ('pending', 'in_progress')",
                )?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let standing = standings.entry(ProfileId(row.get(0)?)).or_default();
                    let state: Word<JobState> = row.get(2)?;
                    let subflows = match state.0 {
                        JobState::Pending => &mut standing.waiting,
                        _ => &mut standing.running,
                    };
                    subflows.insert(row.get::<_, Word<_>>(1)?.0);
                }
                let mut statement =
                    t.prepare_cached("SELECT profile_id, digest FROM matched_entries")?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let standing = standings.entry(ProfileId(row.get(0)?)).or_default();
                    standing.matched_entries = row.get(1)?;
                }
                Ok(standings)
            })
            .await
    }

    /// What was validated against the vendor: a digest that the caller makes.
    pub async fn validated_revision(
        &self,
        profile: ProfileId,
    ) -> Result<Option<String>, StoreError> {
        self.database
            .read("read validation", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT validated_revision FROM standings WHERE profile_id = ?1",
                )?;
                let revision = statement.query_row([profile.0], |row| row.get(0));
                Ok(revision.optional()?.flatten())
            })
            .await
    }

    /// Records since when a profile counts as published, and the revision whose publication queued
    /// a download; `None` when it no longer is.
    pub async fn set_published(
        &self,
        profile: ProfileId,
        since: Option<Timestamp>,
        revision: Option<&str>,
    ) -> Result<(), StoreError> {
        let revision = revision.map(str::to_owned);
        self.database
            .write("record publication", move |t| {
                t.prepare_cached(
                    "INSERT INTO standings (profile_id, published_since, published_revision)
                     VALUES (?1, ?2, ?3)
                     ON CONFLICT (profile_id) DO UPDATE SET
                         published_since = excluded.published_since,
                         published_revision = excluded.published_revision",
                )?
                .execute(params![profile.0, since.map(At), revision])?;
                Ok(())
            })
            .await
    }

    /// Records what was validated, by a digest of it; `None` makes the next job validate again.
    pub async fn set_validated(
        &self,
        profile: ProfileId,
        revision: Option<&str>,
    ) -> Result<(), StoreError> {
        let revision = revision.map(str::to_owned);
        self.database
            .write("record validation", move |t| {
                t.prepare_cached(
                    "INSERT INTO standings (profile_id, validated_revision) VALUES (?1, ?2)
                     ON CONFLICT (profile_id) DO UPDATE SET
                         validated_revision = excluded.validated_revision",
                )?
                .execute(params![profile.0, revision])?;
                Ok(())
            })
            .await
    }
}
