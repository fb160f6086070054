//! Jobs and their results, as everybody reads them. [`super::queue`] moves them on.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Json, Word};
use super::document::ProfileId;
use super::{Store, StoreError};
use crate::connector::ConnectorError;
use crate::profile::model::SubflowKind;
use crate::profile::name::Name;

/// Why a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The profile was published.
    Publish,
    /// Its schedule.
    Schedule,
    /// Its schedule, while the daemon was down.
    CatchUp,
    /// A person asked.
    Manual,
    /// A person decided something that the job carries out.
    Decision,
    /// The job before it in the chain ended.
    Chain,
    /// The same job was interrupted.
    Rerun,
}

impl Trigger {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Manual => "manual",
            Self::Decision => "decision",
            Self::Chain => "chain",
            Self::Rerun => "rerun",
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for a worker.
    Pending,
    /// Runs.
    InProgress,
    /// Everything was done.
    Completed,
    /// Something is missing; the message says what.
    PartiallyCompleted,
    /// Nothing of it counts; the message says why.
    Failed,
    /// It was not started; the message says why.
    Refused,
    /// It was cut by a stop or a crash.
    Interrupted,
}

impl JobState {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::PartiallyCompleted => "partially_completed",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What a run did, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Rows the vendor told.
    pub fetched: u64,
    /// Of those, new to us.
    pub inserted: u64,
    /// Of those, changed.
    pub updated: u64,
    /// Seats that are no longer there.
    pub ended: u64,
    /// Seats that an exclusion takes out.
    pub excluded: u64,
    /// Codes that are not known.
    pub unrecognized: u64,
    /// Activity that belongs to nobody we know.
    pub unresolved: u64,
    /// Calls made to the vendor, retries included.
    pub vendor_calls: u64,
    /// Of those, repeats.
    pub retries: u64,
    /// Milliseconds spent waiting for the rate budget.
    pub throttled_ms: u64,
}

/// Where and why a run failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The step in our words.
    pub step: String,
    /// HTTP status of the vendor's answer.
    pub status: Option<u16>,
    /// The vendor's error code.
    pub code: Option<String>,
    /// What happened and what to do.
    pub message: String,
    /// The vendor's trace id.
    pub trace_id: Option<String>,
}

/// A job and, once it ended, its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Ours, time-ordered.
    pub id: String,
    /// Of which profile.
    pub profile: Name,
    /// Which subflow.
    pub subflow: SubflowKind,
    /// Why it runs.
    pub trigger: Trigger,
    /// When it was due.
    pub due_at: Timestamp,
    /// How far it is.
    pub state: JobState,
    /// No worker takes it before: a rate limit or an outage put it off.
    pub not_before: Timestamp,
    /// Runs that ended for a reason that counts against it.
    pub attempts: u32,
    /// When a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it did.
    pub counts: Counts,
    /// Why it failed or is partial.
    pub failure: Option<Failure>,
}

/// Which jobs a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Of this profile.
    pub profile: Option<Name>,
    /// Of this subflow.
    pub subflow: Option<SubflowKind>,
    /// In this state.
    pub state: Option<JobState>,
    /// Ended, or not.
    pub ended: Option<bool>,
    /// Queued before the job with this id: the next page of a listing.
    pub before: Option<String>,
}

pub(super) const SELECT_JOB: &str =
    "SELECT j.*, p.name AS profile FROM jobs j JOIN profiles p ON p.id = j.profile_id";

pub(super) fn job_of(row: &Row<'_>) -> rusqlite::Result<Job> {
    let instant = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    Ok(Job {
        id: row.get("id")?,
        profile: row.get::<_, Word<_>>("profile")?.0,
        subflow: row.get::<_, Word<_>>("subflow")?.0,
        trigger: row.get::<_, Word<_>>("trigger")?.0,
        due_at: row.get::<_, At>("due_at")?.0,
        state: row.get::<_, Word<_>>("state")?.0,
        not_before: row.get::<_, At>("not_before")?.0,
        attempts: row.get("attempts")?,
        started_at: instant("started_at")?,
        ended_at: instant("ended_at")?,
        counts: row.get::<_, Json<_>>("counts")?.0,
        failure: row
            .get::<_, Option<Json<_>>>("failure")?
            .map(|failure| failure.0),
    })
}

impl Store {
    /// Jobs and their results, the one queued last first, at most `limit`.
    pub async fn job_results(&self, filter: JobFilter, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.database
            .read("list jobs", move |t| {
                let mut statement = t.prepare_cached(&format!(
                    "{SELECT_JOB}
                     WHERE (?1 IS NULL OR p.name = ?1)
                       AND (?2 IS NULL OR j.subflow = ?2)
                       AND (?3 IS NULL OR j.state = ?3)
                       AND (?4 IS NULL OR j.seq < (SELECT seq FROM jobs WHERE id = ?4))
                       AND (?5 IS NULL OR (j.ended_at IS NOT NULL) = ?5)
                     ORDER BY j.seq DESC LIMIT ?6"
                ))?;
                let rows = statement.query_map(
                    params![
                        filter.profile.map(String::from),
                        filter.subflow.map(SubflowKind::as_str),
                        filter.state.map(Word),
                        filter.before,
                        filter.ended,
                        limit,
                    ],
                    job_of,
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The last run of a subflow that went to its end.
    pub async fn last_result(
        &self,
        profile: ProfileId,
        subflow: SubflowKind,
    ) -> Result<Option<Job>, StoreError> {
        self.database
            .read("read last result", move |t| {
                Ok(t.prepare_cached(&format!(
                    "{SELECT_JOB} WHERE j.profile_id = ?1 AND j.subflow = ?2
                         AND j.state IN ('completed', 'partially_completed', 'failed')
                     ORDER BY j.seq DESC LIMIT 1"
                ))?
                .query_row(params![profile.0, subflow.as_str()], job_of)
                .optional()?)
            })
            .await
    }

    /// One job.
    pub async fn job(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let id = id.to_owned();
        self.database
            .read("read job", move |t| {
                Ok(t.prepare_cached(&format!("{SELECT_JOB} WHERE j.id = ?1"))?
                    .query_row([id], job_of)
                    .optional()?)
            })
            .await
    }
}

impl From<&ConnectorError> for Failure {
    fn from(error: &ConnectorError) -> Self {
        let context = error.context().cloned().unwrap_or_default();
        Self {
            step: context.step,
            status: context.status,
            code: context.code,
            message: error.to_string(),
            trace_id: context.trace_id,
        }
    }
}
