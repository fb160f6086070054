//! Which files a folder holds, links followed once.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::file::{LET_IT_BE_READ, leads_out, lies_open};

/// What tells whether a file changed without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    /// Bytes.
    pub(super) size: u64,
    /// Last change of the content, in nanoseconds.
    pub(super) modified: i128,
    changed: i128,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

/// A file that is to be read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Below the folder; what the revision is made of.
    pub(super) relative: PathBuf,
    /// As the user named it.
    pub(super) shown: Arc<Path>,
    /// Where it is read from: links of the kind that is swapped under us are resolved once.
    pub(super) real: PathBuf,
    /// A link leads to it out of the folder, so that it is not shown.
    pub(super) leads_out: bool,
    /// To tell whether it changed.
    pub(super) stamp: Stamp,
}

/// A file or folder that could not be looked at.
#[derive(Debug)]
pub(super) struct Unseen {
    /// As the user named it.
    pub(super) shown: PathBuf,
    /// Why.
    pub(super) reason: String,
    /// What to do about it.
    pub(super) help: &'static str,
    /// It was there a moment ago, or a link leads nowhere.
    pub(super) vanished: bool,
}

/// What there is to read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Sorted by path.
    pub(super) files: Vec<Found>,
    /// What could not be looked at.
    pub(super) unseen: Vec<Unseen>,
}

/// The deepest folder that is looked into.
const DEEPEST: usize = 32;

/// Lists `path`: itself when it is a file, else every `*.yaml` and `*.yml` under it, in any case. Names that
/// start with `.` are skipped, and every file is listed once however many links lead to it.
pub(super) fn list(path: &Path) -> Listing {
    let mut walk = Walk::default();
    let looked = fs::canonicalize(path).and_then(|real| Ok((fs::metadata(&real)?, real)));
    match looked {
        Ok((metadata, real)) if metadata.is_dir() => {
            walk.root.clone_from(&real);
            let leads_out = leads_from_here(path, &real);
            walk.folder(&Place::root(path, real, leads_out), &metadata, 0);
        }
        Ok((metadata, real)) => {
            let leads_out = leads_out(path, path) || leads_from_here(path, &real);
            walk.file(&Place::root(path, real, leads_out), &metadata);
        }
        Err(error) => walk.unseen(path, &error),
    }
    walk.finish()
}

/// Whether a path that is named within the working folder lies elsewhere: a checkout's links lead out of it.
fn leads_from_here(path: &Path, real: &Path) -> bool {
    let within = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let here = || std::env::current_dir().and_then(fs::canonicalize);
    path.components().all(within) && here().is_ok_and(|here| !real.starts_with(here))
}

/// One entry under its three names.
struct Place {
    relative: PathBuf,
    shown: PathBuf,
    real: PathBuf,
    /// A link leads to it out of the folder that is listed.
    leads_out: bool,
}

impl Place {
    fn root(shown: &Path, real: PathBuf, leads_out: bool) -> Self {
        // What is below the working folder is shown as everybody calls it.
        let here = shown == Path::new(".") && real.is_dir();
        Self {
            relative: PathBuf::new(),
            shown: if here {
                PathBuf::new()
            } else {
                shown.to_owned()
            },
            real,
            leads_out,
        }
    }

    fn below(&self, name: &Path, real: PathBuf, leads_out: bool) -> Self {
        Self {
            relative: self.relative.join(name),
            shown: self.shown.join(name),
            real,
            leads_out,
        }
    }
}

#[derive(Default)]
struct Walk {
    /// The folder that is listed, without links.
    root: PathBuf,
    listing: Listing,
    /// Links are looked at last, so that what they lead to is known by its own name.
    links: Vec<(Place, Metadata, usize)>,
    seen: BTreeSet<(u64, u64)>,
}

impl Walk {
    fn finish(mut self) -> Listing {
        while let Some((place, metadata, depth)) = self.links.pop() {
            if metadata.is_dir() {
                self.folder(&place, &metadata, depth);
            } else {
                self.file(&place, &metadata);
            }
        }
        let files = &mut self.listing.files;
        files.sort_by(|one, other| one.relative.cmp(&other.relative));
        self.listing
    }

    fn unseen(&mut self, shown: &Path, error: &io::Error) {
        self.listing.unseen.push(Unseen {
            shown: shown.to_owned(),
            reason: error.to_string(),
            help: match error.kind() {
                io::ErrorKind::NotFound => {
                    "name a path that is there; if it is a link, bring back what it leads to"
                }
                io::ErrorKind::PermissionDenied => LET_IT_BE_READ,
                _ => "remove it, or keep it elsewhere: only files and folders are read",
            },
            vanished: error.kind() == io::ErrorKind::NotFound,
        });
    }

    fn folder(&mut self, place: &Place, metadata: &Metadata, depth: usize) {
        if !self.seen.insert(Stamp::of(metadata).identity()) {
            return;
        }
        if depth > DEEPEST {
            let error = io::Error::other("folders are nested too deep");
            self.unseen(&place.shown, &error);
            return;
        }
        let entries = match fs::read_dir(&place.real) {
            Ok(entries) => entries,
            Err(error) => return self.unseen(&place.shown, &error),
        };
        let swapped = fs::canonicalize(place.real.join(SWAPPED)).ok();
        let mut sorted = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => sorted.push(entry),
                Err(error) => self.unseen(&place.shown, &error),
            }
        }
        sorted.sort_by_key(fs::DirEntry::file_name);
        for entry in sorted {
            self.entry(place, &entry, swapped.as_deref(), depth);
        }
    }

    fn entry(
        &mut self,
        parent: &Place,
        entry: &fs::DirEntry,
        swapped: Option<&Path>,
        depth: usize,
    ) {
        let name = PathBuf::from(entry.file_name());
        if name.to_string_lossy().starts_with('.') {
            return;
        }
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let path = entry.path();
        let real = if is_link {
            through_swapped(&path, swapped).unwrap_or(path)
        } else {
            path
        };
        let stays = || fs::canonicalize(&real).is_ok_and(|real| lies_open(&real, &self.root));
        let leads_out = parent.leads_out || is_link && !stays();
        let place = parent.below(&name, real, leads_out);
        let metadata = match fs::metadata(&place.real) {
            Ok(metadata) => metadata,
            Err(_) if !is_link && !is_yaml(&name) => return,
            Err(error) => return self.unseen(&place.shown, &error),
        };
        let wanted = metadata.is_dir() || is_yaml(&name);
        match (wanted, is_link) {
            (false, _) => {}
            (true, true) => self.links.push((place, metadata, depth + 1)),
            (true, false) if metadata.is_dir() => self.folder(&place, &metadata, depth + 1),
            (true, false) => self.file(&place, &metadata),
        }
    }

    fn file(&mut self, place: &Place, metadata: &Metadata) {
        if !metadata.is_file() {
            let error = io::Error::other("it is neither a file nor a folder");
            return self.unseen(&place.shown, &error);
        }
        let stamp = Stamp::of(metadata);
        if self.seen.insert(stamp.identity()) {
            self.listing.files.push(Found {
                relative: place.relative.clone(),
                shown: place.shown.as_path().into(),
                real: place.real.clone(),
                leads_out: place.leads_out,
                stamp,
            });
        }
    }
}

/// The link that Kubernetes swaps when a mounted ConfigMap changes; the names beside it lead
/// through it (`a.yaml -> ..data/a.yaml`).
const SWAPPED: &str = "..data";

/// Where a link through the swapped one leads, by what that one led to when the folder was listed:
/// so all files are of one version even when the swap comes in between.
fn through_swapped(link: &Path, swapped: Option<&Path>) -> Option<PathBuf> {
    let target = fs::read_link(link).ok()?;
    let rest = target.strip_prefix(SWAPPED).ok()?;
    Some(swapped?.join(rest))
}

/// Whether a file of this name holds documents, however its ending is capitalised.
pub(super) fn is_yaml(name: &Path) -> bool {
    let ending = name.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        ["yaml", "yml"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let listing = list(path);
        assert!(listing.unseen.is_empty(), "{:?}", listing.unseen);
        let files = listing.files.iter();
        files
            .map(|file| file.relative.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_mounted_config_map_is_read_through_its_swapped_link() {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join("..2026_01");
        fs::create_dir(&version).unwrap();
        fs::write(version.join("a.yaml"), "").unwrap();
        symlink("..2026_01", folder.path().join("..data")).unwrap();
        symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
        assert_eq!(names(folder.path()), ["a.yaml"]);
        let real = &list(folder.path()).files[0].real;
        assert!(real.ends_with("..2026_01/a.yaml"), "{}", real.display());
    }

    #[test]
    fn a_checkout_behind_a_link_is_read_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let checkout = folder.path().join("rev1/profiles.d/team");
        fs::create_dir_all(&checkout).unwrap();
        fs::write(checkout.join("a.yml"), "").unwrap();
        fs::write(checkout.join(".hidden.yaml"), "").unwrap();
        fs::write(checkout.join("readme.md"), "").unwrap();
        symlink("..", checkout.join("circle")).unwrap();
        symlink("a.yml", checkout.join("again.yml")).unwrap();
        symlink("rev1", folder.path().join("current")).unwrap();
        assert_eq!(
            names(&folder.path().join("current/profiles.d")),
            ["team/a.yml"]
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told() {
        let folder = tempfile::tempdir().unwrap();
        symlink("gone", folder.path().join("a.yaml")).unwrap();
        let listing = list(folder.path());
        assert_eq!(listing.unseen.len(), 1);
        assert!(listing.unseen[0].vanished);
    }
}
