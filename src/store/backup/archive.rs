//! The archive: a tar file (POSIX ustar, which every host can look into) of `manifest.json` and the
//! databases that it names, in its order.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry, EntryType, Header};

use super::{BackupError, FORMAT, FileEntry, MANIFEST, Manifest};

/// The longest manifest that is read.
const LONGEST_MANIFEST: u64 = 64 << 10;
/// What an archive holds, in its order.
pub(super) const NAMES: [&str; 2] = ["seatsync.db", "usage.db"];

/// Writes an archive of `files`, which `manifest` tells of in the same order.
pub(super) fn write(
    manifest: &Manifest,
    files: &mut [File],
    to: &mut dyn Write,
) -> std::io::Result<()> {
    let mut archive = tar::Builder::new(to);
    let text = serde_json::to_vec_pretty(manifest)?;
    let mut add = |name: &str, bytes: u64, data: &mut dyn Read| {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(manifest.taken_at.as_second()).unwrap_or_default());
        archive.append_data(&mut header, name, data)
    };
    add(MANIFEST, text.len() as u64, &mut text.as_slice())?;
    for (entry, file) in manifest.files.iter().zip(files) {
        add(&entry.name, entry.bytes, file)?;
    }
    archive.into_inner()?.flush()
}

/// Reads an archive to its end and compares it with what it says of itself.
pub fn verify(path: &Path) -> Result<Manifest, BackupError> {
    read(path, |_, data| {
        std::io::copy(data, &mut std::io::sink())
            .map(drop)
            .map_err(|error| damaged(&error))
    })
}

/// Reads an archive; `each` takes the bytes of each database to their end. Fails where what was taken
/// is not what the manifest says.
pub(super) fn read(
    path: &Path,
    mut each: impl FnMut(&FileEntry, &mut dyn Read) -> Result<(), BackupError>,
) -> Result<Manifest, BackupError> {
    let file = File::open(path).map_err(|error| BackupError::io(path, &error))?;
    let mut archive = Archive::new(BufReader::new(file));
    let mut entries = archive.entries().map_err(|error| foreign(&error))?;
    let mut first = match entries.next() {
        Some(first) => first.map_err(|error| foreign(&error))?,
        None => return Err(foreign(&"it is empty")),
    };
    let manifest = manifest(&mut first)?;
    for expected in &manifest.files {
        let mut entry = match entries.next() {
            Some(entry) => entry.map_err(|error| damaged(&error))?,
            None => return Err(damaged(&format!("`{}` is missing", expected.name))),
        };
        if name_of(&entry) != expected.name || entry.size() != expected.bytes {
            let found = format!("`{}` is not where it belongs", expected.name);
            return Err(damaged(&found));
        }
        let mut data = Digesting {
            data: &mut entry,
            hash: Sha256::new(),
            bytes: 0,
        };
        each(expected, &mut data)?;
        let found = format!("{:x}", data.hash.finalize());
        if data.bytes != expected.bytes || found != expected.sha256 {
            let differs = format!("`{}` is not as it was written", expected.name);
            return Err(damaged(&differs));
        }
    }
    Ok(manifest)
}

fn manifest(entry: &mut Entry<'_, BufReader<File>>) -> Result<Manifest, BackupError> {
    if name_of(entry) != MANIFEST || entry.size() > LONGEST_MANIFEST {
        return Err(foreign(&format!("it does not begin with `{MANIFEST}`")));
    }
    let mut text = Vec::new();
    entry
        .read_to_end(&mut text)
        .map_err(|error| damaged(&error))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| foreign(&error))?;
    if manifest.format > FORMAT {
        return Err(BackupError::NewerFormat {
            seatsync: manifest.seatsync,
            found: manifest.format,
        });
    }
    if !manifest.files.iter().map(|file| &file.name).eq(NAMES) {
        return Err(foreign(&"it does not hold the two databases"));
    }
    Ok(manifest)
}

fn name_of(entry: &Entry<'_, BufReader<File>>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

fn foreign(reason: &dyn ToString) -> BackupError {
    BackupError::NotABackup {
        reason: reason.to_string(),
    }
}

fn damaged(reason: &dyn ToString) -> BackupError {
    BackupError::Damaged {
        reason: reason.to_string(),
    }
}

/// Counts and digests what is read through it.
struct Digesting<'a> {
    data: &'a mut dyn Read,
    hash: Sha256,
    bytes: u64,
}

impl Read for Digesting<'_> {
    fn read(&mut self, piece: &mut [u8]) -> std::io::Result<usize> {
        let count = self.data.read(piece)?;
        self.hash.update(&piece[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}
