//! Plans without the daemon: what it knows goes into a file, and whoever has the file gets the answer that
//! the daemon would give, by the same code. With a folder of profiles beside it, the answer is the one after
//! those files came into force.

mod answer;
pub mod format;

use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom};

pub use answer::{Answer, answer};
use format::{Header, HeaderSettings, VERSION, Writer};
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::profile::pseudonym::Pseudonyms;
use crate::reconcile::ReconcileError;
use crate::settings::Settings;
use crate::store::snapshot::layout;
use crate::store::{Store, StoreError};
use crate::subflow::SubflowError;

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is another kind of file.
    #[error("it is no snapshot: make one with `seatsync export snapshot --out FILE`")]
    NoSnapshot,
    /// Its format is another.
    #[error(
        "it has format {found} and was written by seatsync {program}; this seatsync knows format {VERSION}: make a new one, or use that version"
    )]
    OtherVersion {
        /// Its format.
        found: u32,
        /// Who wrote it.
        program: String,
    },
    /// Its rows mean something else.
    #[error(
        "its rows have layout {found} and were written by seatsync {program}; this seatsync knows layout {known}: make a new one, or use that version"
    )]
    OtherLayout {
        /// Its layout.
        found: usize,
        /// This program's.
        known: usize,
        /// Who wrote it.
        program: String,
    },
    /// A line is not what it must be.
    #[error("line {line} is wrong: {reason}: make a new snapshot")]
    Line {
        /// Which.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// It ends too early.
    #[error("it was cut after {0} rows: export or download it again")]
    Cut(u64),
    /// It is not as it was written.
    #[error("it was changed since it was written: export or download it again")]
    Changed,
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files could not be compared with what the snapshot holds.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// The seats could not be judged.
    #[error(transparent)]
    Judge(#[from] SubflowError),
}

/// What a snapshot says beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The daemon's settings.
    pub settings: &'a Settings,
    /// What stops every write now.
    pub stopped: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// Writes what plans are made from into a file that has no name, all as of one moment. With `hide_users`,
/// users stand under pseudonyms.
pub async fn export(
    store: &Store,
    surroundings: Surroundings<'_>,
    hide_users: bool,
) -> Result<File, SnapshotError> {
    let Surroundings {
        settings,
        stopped,
        now,
    } = surroundings;
    let pseudonyms = hide_users.then(drawn).transpose()?;
    let header = Header {
        seatsync_snapshot: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        layout: layout(),
        made_at: now,
        settings: HeaderSettings {
            time_zone: settings.time_zone.clone(),
            writes: settings.writes,
            stopped: stopped.map(str::to_owned),
            guards: settings.guards,
            allowed_hosts: settings.connections.allowed_hosts.clone(),
            secret_directories: settings.secrets.directories.clone(),
            allow_empty: settings.profiles.allow_empty,
        },
        pseudonyms: pseudonyms.clone(),
    };
    let file = store.scratch_file().await?;
    let writer = Writer::begin(BufWriter::new(file), &header)?;
    let (writer, written) = store
        .dump(pseudonyms, (writer, Ok(())), |(writer, written), row| {
            if written.is_ok() {
                *written = writer.row(row);
            }
            written.is_ok()
        })
        .await?;
    written?;
    let mut file = writer
        .end()?
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn drawn() -> Result<Pseudonyms, StoreError> {
    let mut key = [0; 32];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| StoreError::NoRandomness)?;
    Ok(Pseudonyms::of_key(&key))
}
