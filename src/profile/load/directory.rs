//! The CSV files of user directories: there, readable, and with the columns that the document
//! names. The rows are read where they are used.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::file::{self, ContentDigest, Unread};
use super::walk::Stamp;
use crate::profile::check::DirectoryFile;
use crate::yaml::diagnostic::Findings;

/// The largest directory that is read, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A directory's file as it was when it was last read.
#[derive(Debug, Clone)]
pub(super) struct Csv {
    stamp: Stamp,
    pub(super) digest: ContentDigest,
    header: Vec<String>,
}

/// Reads the file at `path` unless `known` is of the same stamp.
pub(super) fn read(path: &Path, known: Option<&Csv>) -> Result<Csv, String> {
    let metadata = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let stamp = Stamp::of(&metadata);
    if let Some(known) = known.filter(|known| known.stamp == stamp) {
        return Ok(known.clone());
    }
    let bytes = file::content(path, LARGEST).map_err(|unread| match unread {
        Unread::Vanished => "is not there".to_owned(),
        Unread::Because(reason, _) => reason,
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(Csv {
        stamp,
        digest: Sha256::digest(&bytes).into(),
        header: header(text),
    })
}

/// Reports what is wrong with the directory of one document.
pub(super) fn check(directory: &DirectoryFile, csv: &Result<Csv, String>, to: &mut Findings) {
    let name = &directory.file.value;
    let csv = match csv {
        Ok(csv) => csv,
        Err(reason) => {
            let message = format!("`{name}` {reason}");
            to.error("profile::directory_file", directory.file.region, message);
            return;
        }
    };
    for column in &directory.columns {
        if !csv.header.contains(&column.value) {
            let message = format!("`{name}` has no column `{}`", column.value);
            to.error("profile::directory_column", column.region, message)
                .help(format!("its first line names: {}", csv.header.join(", ")));
        }
    }
}

/// Where the file of a document at `document` is.
pub(super) fn path(document: &Path, directory: &DirectoryFile) -> PathBuf {
    let folder = document.parent().unwrap_or(Path::new(""));
    folder.join(&directory.file.value)
}

/// The fields of the first line, by RFC 4180.
fn header(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            '\n' | '\r' if !quoted => break,
            other => {
                if let Some(field) = fields.last_mut() {
                    field.push(other);
                }
            }
        }
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}
