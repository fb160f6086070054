//! What a pass was asked, and what came of it. The control socket shows it.

use jiff::Timestamp;
use serde::Serialize;

use super::plan::Plan;
use crate::store::StoreError;
use crate::store::revision::RevisionOutcome;
use crate::yaml::diagnostic::Diagnostic;

/// Why a pass runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The daemon started.
    Start,
    /// Something moved under the folder.
    Change,
    /// Nothing was heard for a while.
    Rescan,
    /// SIGHUP, or `seatsync reload`.
    Request,
}

/// What a pass may do beyond the ordinary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassOptions {
    /// Obey a folder that is empty or gone.
    pub allow_empty: bool,
    /// Read every file again, whatever its inode, size and times say.
    pub full: bool,
}

/// What a pass did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Why it ran.
    pub trigger: Trigger,
    /// When.
    pub at: Timestamp,
    /// `sha256:…` of the folder.
    pub revision: String,
    /// The git commit beside the files.
    pub label: Option<String>,
    /// How it ended.
    pub result: RevisionOutcome,
    /// In one sentence, for people.
    pub message: String,
    /// What was applied and what was kept; with [`RevisionOutcome::Held`], what would have been.
    pub plan: Plan,
    /// What is wrong in the files.
    pub findings: Vec<Diagnostic>,
    /// How many files were read.
    pub files: usize,
}

impl Outcome {
    /// Why the whole folder is held, when it is.
    pub fn held(&self) -> Option<&str> {
        (self.result == RevisionOutcome::Held).then_some(self.message.as_str())
    }

    /// How many findings are errors.
    pub fn errors(&self) -> usize {
        let errors = self.findings.iter().filter(|finding| finding.is_error());
        errors.count()
    }
}

/// What reconciling would do now.
#[derive(Debug, Clone)]
pub struct Preview {
    /// `sha256:…` of the folder.
    pub revision: String,
    /// The git commit beside the files.
    pub label: Option<String>,
    /// What differs.
    pub plan: Plan,
    /// What is wrong in the files.
    pub findings: Vec<Diagnostic>,
    /// Why none of it would be applied, when none would.
    pub held: Option<String>,
}

/// Why there was no pass.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The store cannot be read or written. What was in force stays so; the next pass tries again.
    #[error("the profiles were not applied, what was in force stays so: {0}")]
    Store(#[from] StoreError),
    /// The daemon is stopping.
    #[error("seatsync is stopping")]
    Stopping,
}
