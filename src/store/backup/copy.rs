//! Copies of both files, each as it was at one moment, made beside the daemon's work.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::super::usage::UsageStore;
use super::super::{Store, StoreError};
use super::{BackupError, FORMAT, FileEntry, Manifest, archive};

/// A backup that is ready to be written. Its copies have no name any more: whatever becomes of this
/// process, nothing is left of them.
#[derive(Debug)]
pub struct Backup {
    manifest: Manifest,
    files: Vec<File>,
    _turn: OwnedMutexGuard<()>,
}

/// Lets one backup at a time be taken.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Turn(Arc<Mutex<()>>);

impl Store {
    /// Copies both files, each as it is now. Nobody waits for it: each copy is made by a reader of its
    /// own, from one snapshot, and takes as much of the disk as the file has content.
    pub async fn back_up(&self, usage: &UsageStore, now: Timestamp) -> Result<Backup, BackupError> {
        let turn = Arc::clone(&self.backup_turn.0)
            .try_lock_owned()
            .map_err(|_| BackupError::UnderWay)?;
        let folder = self.state.join("staging");
        let sources = [self.database_path(), usage.database_path()];
        let copied = tokio::task::spawn_blocking(move || {
            let mut entries = Vec::new();
            let mut files = Vec::new();
            for source in sources {
                let (entry, file) = copy(&source, &folder)?;
                entries.push(entry);
                files.push(file);
            }
            Ok::<_, BackupError>((entries, files))
        });
        let (entries, files) = copied.await.map_err(|_| StoreError::Closed)??;
        Ok(Backup {
            manifest: Manifest {
                format: FORMAT,
                seatsync: env!("CARGO_PKG_VERSION").to_owned(),
                taken_at: now,
                files: entries,
            },
            files,
            _turn: turn,
        })
    }
}

impl Backup {
    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes the archive, a piece at a time.
    pub fn write_to(&mut self, to: &mut dyn Write) -> std::io::Result<()> {
        archive::write(&self.manifest, &mut self.files, to)
    }
}

fn copy(source: &Path, folder: &Path) -> Result<(FileEntry, File), BackupError> {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let path = folder.join(format!("backup-{name}"));
    let io = |error: &std::io::Error| BackupError::io(&path, error);
    if !folder.is_dir() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| io(&error))?;
    }
    // Of a backup that was cut.
    if path.exists() {
        fs::remove_file(&path).map_err(|error| io(&error))?;
    }
    let named = Named(path.clone());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&path).map_err(|error| io(&error))?;
    let layout = copy_into(source, &path)?;
    drop(named);
    let (bytes, sha256) =
        digest(file.try_clone().map_err(|error| io(&error))?).map_err(|error| io(&error))?;
    let entry = FileEntry {
        name: name.into_owned(),
        layout,
        bytes,
        sha256,
    };
    Ok((entry, file))
}

/// A file that loses its name with the value.
struct Named(PathBuf);

impl Drop for Named {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a copy for a backup stays until the next start");
        }
    }
}

/// Copies a database into an empty file, without what was deleted. The version of its layout.
fn copy_into(source: &Path, target: &Path) -> Result<u32, StoreError> {
    let step = || format!("copy `{}` for a backup", source.display());
    let failed = |error| StoreError::from_sqlite(step(), error);
    let connection = Connection::open_with_flags(
        source,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection
        .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA cache_size = -2000;")
        .map_err(failed)?;
    let Some(target) = target.to_str() else {
        return Err(StoreError::Io {
            path: target.to_owned(),
            reason: "the path is not UTF-8".to_owned(),
        });
    };
    connection
        .execute("VACUUM INTO ?1", [target])
        .map_err(failed)?;
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)
}

/// Length and SHA-256 of a file from its start, where it is left.
fn digest(mut file: File) -> std::io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    let mut bytes = 0;
    file.rewind()?;
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
        bytes += count as u64;
    }
    file.rewind()?;
    Ok((bytes, format!("{:x}", hash.finalize())))
}
