//! One file to checked documents.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::walk::Found;
use super::{LoadedDocument, Source};
use crate::profile::check::{self, DirectoryFile};
use crate::profile::model::{DocumentId, Kind};
use crate::profile::name::Name;
use crate::profile::reach::Reach;
use crate::yaml::diagnostic::{Diagnostic, Findings, Region};
use crate::yaml::text::{Chunk, Text};
use crate::yaml::tree;

/// A file's content, told apart by SHA-256.
pub(super) type ContentDigest = [u8; 32];

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct ParsedFile {
    pub(super) documents: Vec<LoadedDocument>,
    /// Documents with errors whose identity could be read.
    pub(super) broken: BTreeSet<DocumentId>,
    /// Which profiles the rules among those are for, as far as that can be read.
    pub(super) rules: BTreeMap<Name, Reach>,
    /// Some document's identity could not be read for certain.
    pub(super) nameless: bool,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Files that belong to documents here, with the document's position in `documents`.
    pub(super) directories: Vec<(usize, DirectoryFile)>,
    /// How many documents it holds, broken ones included.
    pub(super) count: usize,
}

/// Why a file could not be read.
pub(super) enum Unread {
    /// It is gone since the folder was listed.
    Vanished,
    /// Something to tell, and what to do about it.
    Because(String, &'static str),
}

/// What to do about a file that is there and cannot be read.
pub(super) const LET_IT_BE_READ: &str = "let the user that reads it, the daemon's or yours, read the file and enter the folders above it";

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Vanished,
            _ => Self::Because(format!("cannot be read: {error}"), LET_IT_BE_READ),
        }
    }
}

/// The content of a file of at most `largest` bytes.
pub(super) fn content(path: &Path, largest: u64) -> Result<Vec<u8>, Unread> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(largest)).unwrap_or_default());
    file.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let limit = largest / (1024 * 1024);
        let reason = format!("holds {size} bytes; the limit is {limit} MiB");
        return Err(Unread::Because(reason, "split it into several files"));
    }
    Ok(bytes)
}

/// Reads and checks `found`.
pub(super) fn read(found: &Found) -> Result<(ContentDigest, ParsedFile), Unread> {
    let bytes = content(&found.real, LARGEST)?;
    let digest = Sha256::digest(&bytes).into();
    let mut parsed = parse(&found.shown, bytes);
    if found.leads_out {
        for diagnostic in &mut parsed.diagnostics {
            diagnostic.conceal();
        }
        let sources = parsed.documents.iter_mut();
        for source in sources.filter_map(|document| document.source.as_mut()) {
            source.withheld = true;
        }
    }
    Ok((digest, parsed))
}

/// Whether a link leads from `path` out of the folder that `beside` is in, or to something hidden. Such a file is read, but not
/// shown: git carries links, and one may point at a credential that only this host's daemon, or a build,
/// can read.
pub(super) fn leads_out(path: &Path, beside: &Path) -> bool {
    let folder = match beside.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (fs::canonicalize(path), fs::canonicalize(folder)) {
        (Ok(real), Ok(folder)) => !lies_open(&real, &folder),
        _ => true,
    }
}

/// Whether a file lies in a folder, and in nothing hidden there, where a checkout keeps what is not its
/// content. The folders that Kubernetes mounts begin with two dots.
pub(super) fn lies_open(real: &Path, folder: &Path) -> bool {
    let is_hidden = |part: &OsStr| {
        let name = part.as_encoded_bytes();
        name.starts_with(b".") && !name.starts_with(b"..")
    };
    real.strip_prefix(folder)
        .is_ok_and(|below| !below.iter().any(is_hidden))
}

/// What cannot be read at all, as a file without documents.
pub(super) fn unreadable(shown: &Arc<Path>, reason: &str, help: &str) -> ParsedFile {
    let message = format!("`{}` {reason}", shown.display());
    let mut found = Diagnostic::error(Arc::clone(shown), "files::unreadable", message);
    found.help(help);
    ParsedFile {
        nameless: true,
        diagnostics: vec![found],
        ..ParsedFile::default()
    }
}

/// Checks the content of one file. Never panics, whatever the content.
pub(super) fn parse(shown: &Arc<Path>, bytes: Vec<u8>) -> ParsedFile {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return not_utf8(shown, error.as_bytes(), error.utf8_error().valid_up_to()),
    };
    let text = Text::new(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    });
    let mut parsed = ParsedFile::default();
    let mut findings = Findings::of(Arc::clone(shown));
    for chunk in text.documents() {
        parsed.count += 1;
        one_document(&text, chunk, &mut parsed, &mut findings);
    }
    parsed.diagnostics = findings.into_list(&text);
    parsed
}

fn one_document(text: &Text, chunk: Chunk, parsed: &mut ParsedFile, findings: &mut Findings) {
    let Some(node) = tree::parse(text, chunk, findings) else {
        parsed.nameless = true;
        parsed.broken.extend(identity_by_eye(text.chunk(chunk)));
        return;
    };
    let checked = check::document(&node, findings);
    match (checked.id, checked.document) {
        (Some(id), Some(document)) => {
            if let Some(directory) = checked.directory {
                parsed.directories.push((parsed.documents.len(), directory));
            }
            parsed.documents.push(LoadedDocument {
                id,
                document: Arc::new(document),
                source: Some(Source {
                    file: Arc::clone(findings.file()),
                    region: node.region,
                    values: checked.places.values.into(),
                    expires: checked.places.expires.into(),
                    withheld: false,
                }),
            });
        }
        (Some(id), None) => {
            if id.kind == Kind::ReclamationRule {
                doubt(&mut parsed.rules, &id.name, Reach::read(&node));
            }
            parsed.broken.insert(id);
        }
        (None, _) => parsed.nameless = true,
    }
}

/// Adds a rule that does not load; of two with one name, either may be meant.
pub(super) fn doubt(rules: &mut BTreeMap<Name, Reach>, rule: &Name, reach: Reach) {
    let known = rules.remove(rule);
    let reach = known.into_iter().fold(reach, Reach::or);
    rules.insert(rule.clone(), reach);
}

fn not_utf8(shown: &Arc<Path>, bytes: &[u8], valid: usize) -> ParsedFile {
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    let (line, column) = (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    );
    let mut found = Diagnostic::error(
        Arc::clone(shown),
        "files::encoding",
        "this is not UTF-8 text".to_owned(),
    );
    found.at(Region {
        line,
        column,
        end_line: line,
        end_column: column + 1,
        start: valid,
        end: valid + 1,
    });
    found.help("save the file as UTF-8");
    ParsedFile {
        nameless: true,
        diagnostics: vec![found],
        count: 1,
        ..ParsedFile::default()
    }
}

/// The identity that text which is not YAML seems to have. For messages and conditions only: the
/// file counts as holding anything.
fn identity_by_eye(text: &str) -> Option<DocumentId> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let line = line.trim_start_matches(['{', '-', ' ']);
            let value = line.strip_prefix(key)?.strip_prefix(':')?.trim();
            Some(value.trim_matches(['"', '\'']))
        })
    };
    let kind = value("kind")?;
    let kinds = [
        Kind::Profile,
        Kind::Connection,
        Kind::Exclusions,
        Kind::ReclamationRule,
        Kind::SoftwareModel,
        Kind::Entitlement,
        Kind::UserDirectory,
        Kind::Approval,
    ];
    Some(DocumentId {
        kind: kinds.into_iter().find(|known| known.as_str() == kind)?,
        name: value("name")?.parse().ok()?,
    })
}
