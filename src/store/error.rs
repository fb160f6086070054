//! What can go wrong with a database file, named so that the operator knows what to do.

use std::path::PathBuf;

use crate::profile::people::PeopleError;

/// A failed store operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file was written by a newer seatsync.
    #[error("database `{}` has layout {found}, this seatsync knows {known} at most: install the newer seatsync again, or restore a backup; the file is untouched", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The layout in the file.
        found: u32,
        /// The newest layout that this program knows.
        known: u32,
    },
    /// The file is no SQLite database of ours, or is damaged.
    #[error("database `{}` cannot be used: {reason}: restore a backup, or move the file away to start anew; the file is untouched", path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another daemon has the state directory.
    #[error("state directory `{}` is in use by another seatsync{}: stop it first, or give `--state` another directory", path.display(), holder.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Locked {
        /// Which directory.
        path: PathBuf,
        /// Who has it, where the lock file tells.
        holder: Option<u32>,
    },
    /// There is no room on the disk, or the disk fails. Nothing was stored.
    #[error(
        "the disk refuses to store ({step}): {reason}: make room or mend the disk; nothing of this was stored"
    )]
    Disk {
        /// What was being done.
        step: String,
        /// What the system said.
        reason: String,
    },
    /// The state directory or file cannot be reached.
    #[error("`{}`: {reason}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A statement failed: a mistake in this program.
    #[error("{step}: {source}")]
    Statement {
        /// What was being done.
        step: String,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// A recorded value cannot be read back: a mistake in this program, or a damaged row.
    #[error("{step}: recorded value cannot be read: {reason}")]
    Value {
        /// What was being done.
        step: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A user directory's file cannot be read. Nothing of it was stored.
    #[error("the user directory was not taken: {0}")]
    People(#[from] PeopleError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: nothing was stored")]
    NoRandomness,
    /// More work waits than the disk keeps up with. Nothing was stored.
    #[error(
        "too much work waits for the disk ({step}): try again in a moment; nothing of this was stored"
    )]
    Busy {
        /// What was to be done.
        step: String,
    },
    /// The transaction that this work shared with others failed. Nothing was stored.
    #[error("nothing was stored, because the transaction shared with others failed: {reason}")]
    Group {
        /// What the failure said.
        reason: String,
    },
    /// The store is closed: the daemon is stopping.
    #[error("the store is closed: seatsync is stopping")]
    Closed,
}

impl StoreError {
    /// The same failure, told to another who shared the transaction.
    pub(super) fn for_another(&self) -> Self {
        match self {
            Self::Disk { step, reason } => Self::Disk {
                step: step.clone(),
                reason: reason.clone(),
            },
            other => Self::Group {
                reason: other.to_string(),
            },
        }
    }

    /// Names the step in which SQLite failed, and tells a full or failing disk from our mistakes.
    pub fn from_sqlite(step: impl Into<String>, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let step = step.into();
        match source.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly,
            ) => Self::Disk {
                step,
                reason: source.to_string(),
            },
            _ => Self::Statement { step, source },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::from_sqlite("database", source)
    }
}
