//! How far running jobs are, for people who wait. Nothing depends on it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::profile::model::SubflowKind;
use crate::profile::name::Name;

/// How far one running job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// Of which profile.
    pub profile: Name,
    /// Which subflow.
    pub subflow: SubflowKind,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// What it is doing, in our words.
    pub step: String,
    /// Pages, days or users done in this step.
    pub done: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
}

impl fmt::Display for JobProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "{}: {} of {of}", self.step, self.done),
            None => write!(f, "{}: {}", self.step, self.done),
        }
    }
}

/// All running jobs by their id.
pub type RunningJobs = BTreeMap<String, JobProgress>;

/// Where one running job tells how far it is. It is taken off the list when this goes.
#[derive(Debug)]
pub struct Reporter {
    job: String,
    running: watch::Sender<RunningJobs>,
}

impl Reporter {
    /// Puts a job on the list.
    pub fn start(running: watch::Sender<RunningJobs>, job: String, progress: JobProgress) -> Self {
        running.send_modify(|jobs| {
            jobs.insert(job.clone(), progress);
        });
        Self { job, running }
    }

    /// A new step begins, of so many pages, days or users where that is known.
    pub fn step(&self, step: &str, of: Option<u64>) {
        self.change(|progress| {
            step.clone_into(&mut progress.step);
            progress.done = 0;
            progress.of = of;
        });
    }

    /// One more page, day or user is done.
    pub fn advance(&self) {
        self.change(|progress| progress.done += 1);
    }

    fn change(&self, change: impl FnOnce(&mut JobProgress)) {
        self.running.send_modify(|jobs| {
            if let Some(progress) = jobs.get_mut(&self.job) {
                change(progress);
            }
        });
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.running.send_modify(|jobs| {
            jobs.remove(&self.job);
        });
    }
}
