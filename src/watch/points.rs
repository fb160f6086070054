//! Which folders have to be watched so that no change under a folder of profiles goes unseen.
//!
//! The kernel tells what happens to the names in a folder, not what happens to a path: when a link
//! on the path is swapped, as git-sync and Kubernetes do, a watch behind the link sees nothing.
//! So every folder that holds a link on the way is watched too, for that one name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Links deeper than this are a circle.
const MOST_LINKS: u32 = 40;
/// More folders than this are left to the rescan: each is a watch, and the kernel's are counted.
const MOST_FOLDERS: usize = 4_096;

/// What to watch, and what of it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Points {
    /// Folders in which every name matters that does not start with a dot.
    folders: BTreeSet<PathBuf>,
    /// Names that matter, as full paths; the folder that holds each is watched.
    names: BTreeSet<PathBuf>,
}

impl Points {
    /// What to watch for `folder`, as the file system is now.
    pub(super) fn of(folder: &Path) -> Self {
        let mut points = Self::default();
        if let Ok(absolute) = std::path::absolute(folder)
            && let Some(real) = points.follow(&absolute, 0)
        {
            points.tree(real);
        }
        points
    }

    /// Every folder that needs a watch.
    pub(super) fn watched(&self) -> BTreeSet<&Path> {
        let parents = self.names.iter().filter_map(|name| name.parent());
        self.folders
            .iter()
            .map(PathBuf::as_path)
            .chain(parents)
            .collect()
    }

    /// Whether something that happened to `path` may change what the folder holds.
    pub(super) fn matter(&self, path: &Path) -> bool {
        let listed = || {
            path.parent()
                .is_some_and(|parent| self.folders.contains(parent))
                && path.file_name().is_some_and(|name| !is_hidden(name))
        };
        self.names.contains(path) || self.folders.contains(path) || listed()
    }

    /// Walks `path` link by link. The real path, or nothing where it ends in the void.
    fn follow(&mut self, path: &Path, links: u32) -> Option<PathBuf> {
        let mut at = PathBuf::new();
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            match component {
                Component::Normal(name) => at.push(name),
                Component::ParentDir => {
                    at.pop();
                    continue;
                }
                other => {
                    at.push(other);
                    continue;
                }
            }
            let Ok(found) = fs::symlink_metadata(&at) else {
                self.names.insert(at);
                return None;
            };
            if found.is_symlink() {
                self.names.insert(at.clone());
                if links == MOST_LINKS {
                    return None;
                }
                let target = at.parent()?.join(fs::read_link(&at).ok()?);
                at = self.follow(&target, links + 1)?;
            } else if components.peek().is_none() {
                self.names.insert(at.clone());
            }
        }
        Some(at)
    }

    /// Takes in a real folder and all below it, through links once.
    fn tree(&mut self, folder: PathBuf) {
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            if self.folders.len() == MOST_FOLDERS || !self.folders.insert(folder.clone()) {
                continue;
            }
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                if is_hidden(&entry.file_name()) {
                    continue;
                }
                if kind.is_dir() {
                    open.push(entry.path());
                } else if kind.is_symlink()
                    && let Some(real) = self.follow(&entry.path(), 0)
                    && real.is_dir()
                {
                    open.push(real);
                }
            }
        }
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_folders_that_hold_a_link_on_the_way_are_watched_for_that_name_only() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        fs::create_dir_all(root.join(".worktrees/rev1/profiles.d/sub")).unwrap();
        symlink(".worktrees/rev1", root.join("checkout")).unwrap();
        let points = Points::of(&root.join("checkout/profiles.d"));
        let real = root.join(".worktrees/rev1/profiles.d");
        assert_eq!(
            points.folders,
            BTreeSet::from([real.clone(), real.join("sub")])
        );
        assert!(points.matter(&root.join("checkout")));
        assert!(!points.matter(&root.join("other")));
        assert!(points.matter(&real.join("sub/a.yaml")));
        assert!(!points.matter(&real.join(".a.yaml.swp")));
        assert!(points.watched().contains(root.as_path()));
    }

    #[test]
    fn a_kubernetes_volume_is_watched_for_its_data_link() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        fs::create_dir(root.join("..2027_01")).unwrap();
        fs::write(root.join("..2027_01/a.yaml"), "").unwrap();
        symlink("..2027_01", root.join("..data")).unwrap();
        symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
        let points = Points::of(&root);
        assert!(points.matter(&root.join("..data")));
        assert!(!points.matter(&root.join("..data_tmp")));
        assert!(points.matter(&root.join("..2027_01/a.yaml")));
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_waited_for_where_its_path_ends() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        let points = Points::of(&root.join("etc/profiles.d"));
        assert!(points.folders.is_empty());
        assert_eq!(points.watched(), BTreeSet::from([root.as_path()]));
        assert!(points.matter(&root.join("etc")));
    }

    #[test]
    fn a_circle_of_links_ends() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        symlink(".", root.join("self")).unwrap();
        let points = Points::of(&root);
        assert_eq!(points.folders, BTreeSet::from([root]));
    }
}
