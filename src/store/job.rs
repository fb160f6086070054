//! Jobs and their results: what is due, what runs, how it ended. The unique (profile, subflow, due
//! time) decides that a due subflow runs once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The job before it in the chain ended.
    Chain,
    /// The same job was interrupted.
    Rerun,
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
    /// When a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it did.
    pub counts: Counts,
    /// Why it failed or is partial.
    pub failure: Option<Failure>,
}
