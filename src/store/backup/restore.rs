//! Puts a backup in place of a state directory's databases, while no daemon has it. Everything is
//! unpacked, checked and marked beside them first; then they change places, and a cut at any
//! instruction of that is finished by whoever comes next, the daemon or another restore.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::database::{self, Layout};
use super::super::error::StoreError;
use super::super::lock::StateLock;
use super::super::{LAYOUT, usage};
use super::{BackupError, Manifest, archive, hold};

/// Where a backup is unpacked: what is in it counts for nothing.
const UNPACKING: &str = "restoring";
/// The same once it is whole: what is in it takes the place of what is there.
const WHOLE: &str = "restored";

/// Puts the databases of an archive in place of those in `state`. Nothing there changes before the
/// archive is proved to be whole; with `force`, what is there is lost then.
pub fn restore(
    from: &Path,
    state: &Path,
    force: bool,
    now: Timestamp,
) -> Result<Manifest, BackupError> {
    make_private(state)?;
    let _lock = StateLock::take(state)?;
    let owner = fs::metadata(state).map_err(|error| BackupError::io(state, &error))?;
    give(&state.join(StateLock::FILE), &owner)?;
    finish(state)?;
    let there = archive::NAMES.map(|name| state.join(name));
    if let Some(path) = there.into_iter().find(|path| !force && path.exists()) {
        return Err(BackupError::Occupied { path });
    }
    let unpacking = state.join(UNPACKING);
    make_private(&unpacking)?;
    let unpacked = unpack(from, &unpacking, &owner, now);
    if unpacked.is_err() {
        // It may hold what is known of people; the first error tells more than one of this.
        let _ = fs::remove_dir_all(&unpacking);
    }
    let manifest = unpacked?;
    rename(&unpacking, &state.join(WHOLE))?;
    sync(state)?;
    finish(state)?;
    Ok(manifest)
}

/// Unpacks an archive, proves it, and makes it ready to take its place.
fn unpack(
    from: &Path,
    unpacking: &Path,
    owner: &fs::Metadata,
    now: Timestamp,
) -> Result<Manifest, BackupError> {
    let manifest = archive::read(from, |entry, data| {
        let path = unpacking.join(&entry.name);
        let io = |error: &std::io::Error| BackupError::io(&path, error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&path).map_err(|error| io(&error))?;
        std::io::copy(data, &mut file).map_err(|error| io(&error))?;
        file.sync_all().map_err(|error| io(&error))
    })?;
    prepare(unpacking, &manifest, now)?;
    for name in archive::NAMES {
        give(&unpacking.join(name), owner)?;
    }
    give(unpacking, owner)?;
    sync(unpacking)?;
    Ok(manifest)
}

/// Finishes a restore that was cut, and throws away one that had not come to the point where it
/// counts. The caller has the state directory's lock. Whether a backup came into its place.
pub fn finish(state: &Path) -> Result<bool, BackupError> {
    let unpacking = state.join(UNPACKING);
    if unpacking.exists() {
        fs::remove_dir_all(&unpacking).map_err(|error| BackupError::io(&unpacking, &error))?;
    }
    let whole = state.join(WHOLE);
    if !whole.exists() {
        return Ok(false);
    }
    for name in archive::NAMES {
        let (new, old) = (whole.join(name), state.join(name));
        // A log of what was there must not be read into what comes, nor into what came before a cut.
        for log in ["-wal", "-shm"] {
            let log = state.join(format!("{name}{log}"));
            if log.exists() {
                fs::remove_file(&log).map_err(|error| BackupError::io(&log, &error))?;
            }
        }
        sync(state)?;
        if new.exists() {
            rename(&new, &old)?;
        }
    }
    sync(state)?;
    fs::remove_dir_all(&whole).map_err(|error| BackupError::io(&whole, &error))?;
    sync(state)?;
    Ok(true)
}

/// Proves that both are databases of ours, brings them up to this program's layout, and notes that
/// nothing is to be written before what happened since the backup is known.
fn prepare(folder: &Path, manifest: &Manifest, now: Timestamp) -> Result<(), BackupError> {
    let layouts: [(&str, &Layout); 2] = [("seatsync.db", &LAYOUT), ("usage.db", &usage::LAYOUT)];
    for (name, layout) in layouts {
        let path = folder.join(name);
        let connection = database::settled(&path, layout)?;
        if name == "seatsync.db" {
            hold::begin(&connection, manifest, now)?;
        }
        connection
            .close()
            .map_err(|(_, error)| StoreError::from_sqlite("close a restored database", error))?;
        File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|error| BackupError::io(&path, &error))?;
    }
    Ok(())
}

fn make_private(path: &Path) -> Result<(), BackupError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| BackupError::io(path, &error))
}

/// Lets the state directory's owner have a file: root restores, and the daemon is somebody else.
pub(in crate::store) fn give(path: &Path, owner: &fs::Metadata) -> Result<(), BackupError> {
    let given = || -> std::io::Result<()> {
        // The folder is the owner's, who may have put a link there to what is not.
        let held = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        let found = held.metadata()?;
        if found.uid() == owner.uid() && found.gid() == owner.gid() {
            return Ok(());
        }
        if !(found.is_dir() || found.is_file() && found.nlink() == 1) {
            let strange = "it is another's file under this name: remove it";
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                strange,
            ));
        }
        fchown(held, Some(owner.uid()), Some(owner.gid()))
    };
    given().map_err(|error| BackupError::io(path, &error))
}

fn rename(from: &Path, to: &PathBuf) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(|error| BackupError::io(from, &error))
}

fn sync(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| BackupError::io(folder, &error))
}
