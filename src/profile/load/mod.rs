//! A folder of files to checked documents. The reconciler and the offline commands call it.

mod directory;
mod file;
mod git;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use self::directory::Csv;
pub use self::directory::LoadedDirectory;
use self::file::{ContentDigest, ParsedFile, Unread};
use self::walk::{Found, Listing, Stamp};
use super::model::{Document, DocumentId};
use super::name::Name;
use super::reach::Reach;
use crate::settings::Settings;
use crate::yaml::diagnostic::{Diagnostic, Findings, Region, Related};

/// One checked document and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedDocument {
    /// Its identity.
    pub id: DocumentId,
    /// What it says.
    pub document: Arc<Document>,
    /// Where it is written; `None` for one that was recorded earlier.
    pub source: Option<Source>,
}

/// Where a document is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it.
    pub file: Arc<Path>,
    /// Where it starts.
    pub region: Region,
    /// Where the values stand that linking may have something to say about, by dotted path, for
    /// instance `oauth.token_url`.
    pub values: Arc<[(&'static str, Region)]>,
    /// Where last days stand.
    pub expires: Arc<[(Date, Region)]>,
    /// A link leads to the file out of the folder, so that its lines are not shown.
    pub withheld: bool,
}

impl LoadedDocument {
    /// A document that was recorded when it last loaded, to stand in for one that is broken now.
    pub fn recorded(id: DocumentId, document: Document) -> Self {
        Self {
            id,
            document: Arc::new(document),
            source: None,
        }
    }
}

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Documents without an error, each identity once.
    pub documents: Vec<LoadedDocument>,
    /// The files of the user directories among them, as far as they can be used.
    pub directories: Vec<LoadedDirectory>,
    /// What did not load.
    pub broken: Broken,
    /// Every finding, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// SHA-256, in hex, over the sorted paths and contents of everything read.
    pub revision: String,
    /// The git commit beside the files (`abc123`, or `abc123+` when they differ from it), where
    /// there is one.
    pub label: Option<String>,
    /// How many files were read, broken ones included.
    pub files: usize,
}

/// What did not load: its last good version stays in force, and nothing at all is pruned while
/// anything is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// Documents whose identity could be read.
    pub documents: BTreeSet<DocumentId>,
    /// Which profiles the rules among those are for, as far as that can be read. One that is missing
    /// here may be for any.
    pub rules: BTreeMap<Name, Reach>,
    /// Files (or the folder itself) holding documents whose identity could not be read; any
    /// recorded document may be one of them.
    pub files: BTreeSet<PathBuf>,
}

impl Broken {
    /// Whether everything loaded.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.files.is_empty()
    }
}

/// What the last load of a folder found, so that unchanged files (by device, inode, size and times)
/// are not read again.
#[derive(Debug, Default)]
pub struct LoadCache {
    files: BTreeMap<PathBuf, CachedFile>,
    directories: BTreeMap<(PathBuf, Name), Csv>,
}

#[derive(Debug, Clone)]
struct CachedFile {
    shown: Arc<Path>,
    stamp: Stamp,
    digest: ContentDigest,
    parsed: Arc<ParsedFile>,
}

/// How often a folder is listed again when files vanish while it is read: somebody swaps it.
const ATTEMPTS: usize = 3;

/// Reads everything under `dir`. With `full`, every file is read and hashed again whatever the
/// cache says. Never fails: what is wrong is in [`Loaded::diagnostics`].
pub fn load(dir: &Path, settings: &Settings, cache: &mut LoadCache, full: bool) -> Loaded {
    if full {
        *cache = LoadCache::default();
    }
    let mut listing = walk::list(dir);
    for _ in 1..ATTEMPTS {
        if !read_all(&listing, cache) {
            break;
        }
        listing = walk::list(dir);
    }
    let mut loaded = assemble(&listing, cache);
    loaded.label = git::label(dir, &listing.files);
    if loaded.documents.is_empty() && loaded.broken.is_empty() && !settings.profiles.allow_empty {
        loaded.diagnostics.push(empty(dir));
    }
    loaded
}

/// Reads `paths`, files and folders, once and without a label; for the offline commands.
pub fn load_paths(paths: &[PathBuf]) -> Loaded {
    let mut listing = Listing::default();
    let mut nothing_under = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let found = walk::list(path);
        if found.files.is_empty() && found.unseen.is_empty() {
            nothing_under.push(empty(path));
        }
        listing.unseen.extend(found.unseen);
        for mut file in found.files {
            file.relative = path.join(&file.relative);
            if seen.insert(file.real.clone()) {
                listing.files.push(file);
            }
        }
    }
    let mut cache = LoadCache::default();
    read_all(&listing, &mut cache);
    let mut loaded = assemble(&listing, &mut cache);
    loaded.diagnostics.extend(nothing_under);
    loaded
}

/// The code of the finding that a folder holds no documents.
pub const NO_DOCUMENTS: &str = "files::empty";

fn empty(path: &Path) -> Diagnostic {
    let message = format!("`{}` holds no documents", path.display());
    let mut found = Diagnostic::error(path, NO_DOCUMENTS, message);
    found.help("documents are in files that end in `.yaml` or `.yml`; if nothing is meant, set `profiles: {allow_empty: true}` in the settings");
    found
}

/// A file of no bytes is what a full disk or a cut write leaves behind, so it removes nothing.
fn emptied(path: &Path) -> Diagnostic {
    let message = "the file is empty".to_owned();
    let mut found = Diagnostic::error(path, "files::empty_file", message);
    found.help("write its documents again, or remove the file if nothing in it is wanted");
    found
}

/// Brings `cache` up to date with `listing`. True when a file vanished meanwhile.
fn read_all(listing: &Listing, cache: &mut LoadCache) -> bool {
    let known = |found: &&Found| {
        let cached = cache.files.get(&found.relative);
        !cached.is_some_and(|cached| cached.stamp == found.stamp && cached.shown == found.shown)
    };
    let changed: Vec<&Found> = listing.files.iter().filter(known).collect();
    let mut vanished = listing.unseen.iter().any(|unseen| unseen.vanished);
    for (found, result) in changed.iter().zip(read_changed(&changed)) {
        let (digest, parsed) = match result {
            Ok(read) => read,
            Err(Unread::Because(reason, help)) => (
                ContentDigest::default(),
                file::unreadable(&found.shown, &reason, help),
            ),
            Err(Unread::Vanished) => {
                vanished = true;
                let reason = "vanished while it was read";
                (
                    ContentDigest::default(),
                    file::unreadable(
                        &found.shown,
                        reason,
                        "look again when nobody writes to the folder",
                    ),
                )
            }
        };
        cache.files.insert(
            found.relative.clone(),
            CachedFile {
                shown: Arc::clone(&found.shown),
                stamp: found.stamp,
                digest,
                parsed: Arc::new(parsed),
            },
        );
    }
    vanished
}

type ReadFile = Result<(ContentDigest, ParsedFile), Unread>;

/// Fewer files than this are read by one thread.
const FEW: usize = 64;

/// Reads files on all processors, in order.
fn read_changed(files: &[&Found]) -> Vec<ReadFile> {
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8);
    if files.len() < FEW || workers < 2 {
        return files.iter().map(|found| file::read(found)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done: Vec<(usize, ReadFile)> = Vec::new();
        while let Some((at, found)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            files.get(at).map(|found| (at, found))
        } {
            done.push((at, file::read(found)));
        }
        done
    };
    let mut read: Vec<(usize, ReadFile)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.filter_map(Result::ok).flatten().collect()
    });
    read.sort_by_key(|(at, _)| *at);
    read.into_iter().map(|(_, result)| result).collect()
}

/// What the listed files hold, from the cache.
fn assemble(listing: &Listing, cache: &mut LoadCache) -> Loaded {
    let mut loaded = Loaded {
        files: listing.files.len(),
        ..Loaded::default()
    };
    let mut revision = Sha256::new();
    let mut directories = BTreeMap::new();
    let mut all: Vec<LoadedDocument> = Vec::new();
    for found in &listing.files {
        let Some(cached) = cache.files.get(&found.relative) else {
            continue;
        };
        digest_file(&mut revision, &found.relative, &cached.digest);
        let parsed = &cached.parsed;
        loaded
            .diagnostics
            .extend(parsed.diagnostics.iter().cloned());
        loaded
            .broken
            .documents
            .extend(parsed.broken.iter().cloned());
        for (rule, reach) in &parsed.rules {
            file::doubt(&mut loaded.broken.rules, rule, reach.clone());
        }
        if cached.stamp.size == 0 {
            loaded.diagnostics.push(emptied(&found.shown));
        }
        if parsed.nameless || cached.stamp.size == 0 {
            loaded.broken.files.insert(found.shown.to_path_buf());
        }
        let mut documents: Vec<Option<LoadedDocument>> =
            parsed.documents.iter().cloned().map(Some).collect();
        for (at, wanted) in &parsed.directories {
            let path = directory::path(&found.real, wanted);
            let Some(document) = parsed.documents.get(*at) else {
                continue;
            };
            let Document::UserDirectory(by) = document.document.as_ref() else {
                continue;
            };
            let key = (path.clone(), by.name.clone());
            let csv = directory::read(&path, &found.real, by, cache.directories.get(&key));
            let mut findings = Findings::of(Arc::clone(&found.shown));
            directory::check(wanted, &csv, &mut findings);
            if findings.errors() > 0
                && let Some(document) = documents.get_mut(*at).and_then(Option::take)
            {
                loaded.broken.documents.insert(document.id);
            }
            let usable = findings.errors() == 0;
            let mut findings = findings.into_bare_list();
            if found.leads_out {
                for finding in &mut findings {
                    finding.withhold();
                }
            }
            loaded.diagnostics.extend(findings);
            if let Ok(csv) = csv {
                let beside = directory::path(&found.relative, wanted);
                digest_file(&mut revision, &beside, &csv.digest);
                if usable {
                    loaded.directories.push(LoadedDirectory {
                        directory: by.as_ref().clone(),
                        path,
                        shown: beside,
                        digest: format!("sha256:{}", hex(&csv.digest)),
                        modified: csv.modified,
                    });
                }
                directories.insert(key, csv);
            }
        }
        all.extend(documents.into_iter().flatten());
    }
    for unseen in &listing.unseen {
        let shown: Arc<Path> = unseen.shown.as_path().into();
        let reason = format!("cannot be read: {}", unseen.reason);
        let file = file::unreadable(&shown, &reason, unseen.help);
        loaded.diagnostics.extend(file.diagnostics);
        loaded.broken.files.insert(unseen.shown.clone());
    }
    cache.directories = directories;
    let listed: BTreeSet<&PathBuf> = listing.files.iter().map(|found| &found.relative).collect();
    cache.files.retain(|path, _| listed.contains(path));
    keep_unique(all, &mut loaded);
    let by_place = |one: &Diagnostic, other: &Diagnostic| one.order().cmp(&other.order());
    loaded.diagnostics.sort_by(by_place);
    loaded.revision = hex(&revision.finalize());
    loaded
}

fn digest_file(revision: &mut Sha256, path: &Path, content: &ContentDigest) {
    let path = path.as_os_str().as_encoded_bytes();
    revision.update((path.len() as u64).to_be_bytes());
    revision.update(path);
    revision.update(content);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Keeps documents whose identity is theirs alone. Of two with one identity neither is taken:
/// nobody can say which is meant.
fn keep_unique(all: Vec<LoadedDocument>, loaded: &mut Loaded) {
    let mut by_id: BTreeMap<DocumentId, Vec<LoadedDocument>> = BTreeMap::new();
    for document in all {
        by_id.entry(document.id.clone()).or_default().push(document);
    }
    for (id, mut documents) in by_id {
        if documents.len() == 1 {
            loaded.documents.append(&mut documents);
            continue;
        }
        let first = documents.first().and_then(|first| first.source.clone());
        for again in documents.iter().skip(1) {
            loaded
                .diagnostics
                .extend(named_twice(again, first.as_ref()));
        }
        loaded.broken.documents.insert(id);
    }
}

fn named_twice(again: &LoadedDocument, first: Option<&Source>) -> Option<Diagnostic> {
    let source = again.source.as_ref()?;
    let DocumentId { kind, name } = &again.id;
    let message = format!("there is another {} `{name}`", kind.as_str());
    let mut found = source.error("profile::duplicate_name", message);
    found.at(source.place(&["name"]));
    if let Some(first) = first {
        found.related(Related {
            file: Arc::clone(&first.file),
            region: first.place(&["name"]),
            message: "it is here".to_owned(),
        });
    }
    found.help("a name is given once per kind, in whatever file: rename or remove one; until then neither is taken, and the last good version, where there is one, stays in force");
    Some(found)
}

impl Source {
    /// An error in the document.
    pub fn error(&self, code: &'static str, message: String) -> Diagnostic {
        let mut found = Diagnostic::error(Arc::clone(&self.file), code, message);
        if self.withheld {
            found.withhold();
        }
        found
    }

    /// Where the first of `paths` that is written stands; the document's start when none is.
    pub fn place(&self, paths: &[&str]) -> Region {
        let found = paths
            .iter()
            .find_map(|path| self.values.iter().find(|(known, _)| known == path));
        found.map_or(self.region, |(_, region)| *region)
    }
}

/// A warning for every last day that is past on `today`, a day in the settings' zone.
pub fn expired(documents: &[LoadedDocument], today: Date) -> Vec<Diagnostic> {
    let sources = documents
        .iter()
        .filter_map(|document| document.source.as_ref());
    let past = sources.flat_map(|source| {
        let past = source.expires.iter().filter(move |(day, _)| *day < today);
        past.map(move |(day, region)| (source, day, region))
    });
    past.map(|(source, day, region)| {
        let message = format!("its last day, {day}, is past: it holds no more");
        let mut found = source.error("profile::expired", message);
        found
            .warn()
            .at(*region)
            .help("remove it, or give it a new last day");
        found
    })
    .collect()
}

#[cfg(test)]
pub(crate) mod tests;
