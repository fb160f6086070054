//! Both files in one archive: copied while the daemon works, and put back while it does not. The key
//! that seals tokens is never in it.

mod archive;
mod copy;
pub mod hold;
pub mod restore;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use archive::verify;
pub use copy::Backup;
pub(in crate::store) use copy::Turn;

use super::error::StoreError;

/// The version of the archive's format.
const FORMAT: u32 = 1;
/// The first member of an archive.
const MANIFEST: &str = "manifest.json";

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the archive's format.
    pub format: u32,
    /// The version of the seatsync that wrote it.
    pub seatsync: String,
    /// When it was begun.
    pub taken_at: Timestamp,
    /// The databases, in the order in which they follow.
    pub files: Vec<FileEntry>,
}

/// One database in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// `seatsync.db` or `usage.db`.
    pub name: String,
    /// The version of its layout.
    pub layout: u32,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// Why a backup was not taken, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// In a database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder cannot be read or written.
    #[error("`{}`: {reason}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Two at once would copy everything twice.
    #[error("a backup is being taken already: wait for its end, and try again")]
    UnderWay,
    /// It is another kind of file.
    #[error(
        "this is no backup of seatsync: {reason}: give a file that `seatsync backup --out` wrote"
    )]
    NotABackup {
        /// What was found.
        reason: String,
    },
    /// It was cut or changed.
    #[error(
        "the backup is damaged: {reason}: use another one; nothing of the state directory was changed"
    )]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// It is of a later seatsync.
    #[error(
        "the backup was written by seatsync {seatsync} in format {found}, and this one knows format {FORMAT}: use that version or a newer one"
    )]
    NewerFormat {
        /// Who wrote it.
        seatsync: String,
        /// Its format.
        found: u32,
    },
    /// There is something already.
    #[error(
        "`{}` is there already: give `--force` to put the backup in its place, which loses everything since", path.display()
    )]
    Occupied {
        /// Which database.
        path: PathBuf,
    },
}

impl BackupError {
    fn io(path: impl Into<PathBuf>, error: &std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            reason: error.to_string(),
        }
    }
}
