//! The CSV files of user directories: there, readable, with the columns that the document names, and every
//! row as it says. The rows are kept where they are used.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::file::{self, ContentDigest, Unread};
use super::walk::Stamp;
use crate::profile::check::DirectoryFile;
use crate::profile::people::{self, PeopleError};
use crate::profile::user_directory::UserDirectory;
use crate::yaml::diagnostic::Findings;

/// The largest directory that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A directory's file as it was when it was last read, and the document that it was read by.
#[derive(Debug, Clone)]
pub(super) struct Csv {
    stamp: Stamp,
    by: UserDirectory,
    pub(super) digest: ContentDigest,
    pub(super) modified: Timestamp,
    header: Vec<String>,
    /// A link leads to it out of the document's folder, so that it is not shown.
    leads_out: bool,
    trouble: Option<PeopleError>,
}

/// A directory's file that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedDirectory {
    /// What the document says.
    pub directory: UserDirectory,
    /// Where the file is.
    pub path: PathBuf,
    /// Where the document says it is, for messages.
    pub shown: PathBuf,
    /// `sha256:…` of its content.
    pub digest: String,
    /// When it was last written.
    pub modified: Timestamp,
}

impl LoadedDirectory {
    /// The file's text, where that is still what was loaded.
    pub fn text(&self) -> Option<String> {
        let bytes = file::content(&self.path, LARGEST).ok()?;
        let same = format!("sha256:{}", super::hex(&Sha256::digest(&bytes))) == self.digest;
        same.then(|| String::from_utf8(bytes).ok()).flatten()
    }
}

/// Reads the file at `path` unless `known` is of the same stamp and the same document, which is at
/// `document`.
pub(super) fn read(
    path: &Path,
    document: &Path,
    directory: &UserDirectory,
    known: Option<&Csv>,
) -> Result<Csv, String> {
    let metadata = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let stamp = Stamp::of(&metadata);
    if let Some(known) = known.filter(|known| known.stamp == stamp && known.by == *directory) {
        return Ok(known.clone());
    }
    let bytes = file::content(path, LARGEST).map_err(|unread| match unread {
        Unread::Vanished => "is not there".to_owned(),
        Unread::Because(reason, _) => reason,
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    let modified = metadata.modified().ok();
    let header = people::header(text, directory);
    let rows = people::read(text, directory, |_| Ok::<(), PeopleError>(()));
    Ok(Csv {
        stamp,
        by: directory.clone(),
        digest: Sha256::digest(&bytes).into(),
        modified: modified
            .and_then(|at| Timestamp::try_from(at).ok())
            .unwrap_or(Timestamp::MIN),
        header: header.unwrap_or_default(),
        leads_out: file::leads_out(path, document),
        trouble: rows.err(),
    })
}

/// Reports what is wrong with the directory of one document.
pub(super) fn check(directory: &DirectoryFile, csv: &Result<Csv, String>, to: &mut Findings) {
    let name = &directory.file.value;
    let csv = match csv {
        Ok(csv) => csv,
        Err(reason) => {
            let message = format!("`{name}` {reason}");
            to.error("profile::directory_file", directory.file.region, message)
                .help("bring the file back; until then the people read last stay known, and nobody counts as having left");
            return;
        }
    };
    let mut lacks = false;
    for column in &directory.columns {
        if !csv.header.contains(&column.value) {
            lacks = true;
            let message = format!("`{name}` has no column `{}`", column.value);
            let help = if csv.leads_out {
                "name the column as its first line does, which is not shown, since it is hidden, or a link leads to it out of the folder".to_owned()
            } else {
                format!("its first line names: {}", csv.header.join(", "))
            };
            to.error("profile::directory_column", column.region, message)
                .help(help);
        }
    }
    if let Some(trouble) = csv.trouble.as_ref().filter(|_| !lacks) {
        let message = format!("`{name}` {trouble}");
        to.error("profile::directory_row", directory.file.region, message)
            .help(trouble.help());
    }
}

/// Where the file of a document at `document` is.
pub(super) fn path(document: &Path, directory: &DirectoryFile) -> PathBuf {
    let folder = document.parent().unwrap_or(Path::new(""));
    folder.join(&directory.file.value)
}
