//! The watcher on real folders: every way in which a folder of profiles is known to be replaced
//! must be noticed without waiting for the rescan.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use seatsync::clock::SystemClock;
use seatsync::watch::Watcher;

/// Long enough for a busy machine, far from the rescan's minute.
const PATIENCE: Duration = Duration::from_secs(20);

struct Watched {
    _temporary: tempfile::TempDir,
    root: PathBuf,
    watcher: Watcher,
}

impl Watched {
    /// Watches `folder` of a root that `prepare` fills.
    async fn new(folder: &str, prepare: impl FnOnce(&Path)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap();
        prepare(&root);
        let mut watcher = Watcher::new(root.join(folder), Arc::new(SystemClock));
        watcher.arm().await;
        Self {
            _temporary: temporary,
            root,
            watcher,
        }
    }

    /// Does `change`, waits for the hint, and arms again as a pass does.
    async fn notices(&mut self, what: &str, change: impl FnOnce(&Path)) {
        change(&self.root);
        let noticed = tokio::time::timeout(PATIENCE, self.watcher.changed()).await;
        assert!(noticed.is_ok(), "not noticed: {what}");
        self.watcher.arm().await;
    }
}

fn write(path: PathBuf, text: &str) {
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn files_made_edited_renamed_over_and_removed_are_noticed_in_new_subfolders_too() {
    let mut watched = Watched::new("p", |root| fs::create_dir(root.join("p")).unwrap()).await;
    watched
        .notices("a new file", |root| write(root.join("p/a.yaml"), "a"))
        .await;
    watched
        .notices("an edit", |root| write(root.join("p/a.yaml"), "b"))
        .await;
    let rename_over = |root: &Path| {
        write(root.join("p/.a.tmp"), "c");
        fs::rename(root.join("p/.a.tmp"), root.join("p/a.yaml")).unwrap();
    };
    watched.notices("a rename over it", rename_over).await;
    watched.notices("another rename over it", rename_over).await;
    watched
        .notices("a new subfolder", |root| {
            fs::create_dir(root.join("p/sub")).unwrap();
        })
        .await;
    watched
        .notices("a file in it", |root| write(root.join("p/sub/b.yaml"), "b"))
        .await;
    watched
        .notices("a file that goes", |root| {
            fs::remove_file(root.join("p/sub/b.yaml")).unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_folder_that_goes_and_comes_back_is_noticed_and_so_are_files_in_it() {
    let mut watched = Watched::new("p", |root| fs::create_dir(root.join("p")).unwrap()).await;
    watched
        .notices("the folder goes", |root| {
            fs::remove_dir(root.join("p")).unwrap();
        })
        .await;
    watched
        .notices("the folder comes back", |root| {
            fs::create_dir(root.join("p")).unwrap();
        })
        .await;
    watched
        .notices("a file in it", |root| write(root.join("p/a.yaml"), "a"))
        .await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_at_first_is_noticed() {
    let mut watched = Watched::new("etc/p", |_| ()).await;
    watched
        .notices("its parent", |root| {
            fs::create_dir(root.join("etc")).unwrap();
        })
        .await;
    watched
        .notices("the folder", |root| {
            fs::create_dir(root.join("etc/p")).unwrap();
        })
        .await;
    watched
        .notices("a file in it", |root| write(root.join("etc/p/a.yaml"), "a"))
        .await;
}

/// git-sync: a link above the folder is replaced by rename, again and again.
#[tokio::test]
async fn a_checkout_that_is_swapped_by_its_link_is_noticed_each_time() {
    let mut watched = Watched::new("checkout/profiles.d", |root| {
        for revision in ["rev1", "rev2"] {
            let profiles = root.join(".worktrees").join(revision).join("profiles.d");
            fs::create_dir_all(&profiles).unwrap();
            write(profiles.join("a.yaml"), revision);
        }
        symlink(".worktrees/rev1", root.join("checkout")).unwrap();
    })
    .await;
    for revision in ["rev2", "rev1", "rev2"] {
        watched
            .notices(revision, |root| {
                let link = root.join(".checkout.new");
                symlink(format!(".worktrees/{revision}"), &link).unwrap();
                fs::rename(link, root.join("checkout")).unwrap();
            })
            .await;
    }
    watched
        .notices("an edit behind the link", |root| {
            write(root.join(".worktrees/rev2/profiles.d/a.yaml"), "edited");
        })
        .await;
}

/// Kubernetes: files link through `..data`, which is replaced by rename.
#[tokio::test]
async fn a_config_map_that_is_swapped_by_its_data_link_is_noticed_each_time() {
    let mut watched = Watched::new("volume", |root| {
        let volume = root.join("volume");
        fs::create_dir_all(volume.join("..v0")).unwrap();
        write(volume.join("..v0/a.yaml"), "0");
        symlink("..v0", volume.join("..data")).unwrap();
        symlink("..data/a.yaml", volume.join("a.yaml")).unwrap();
    })
    .await;
    for version in ["..v1", "..v2"] {
        watched
            .notices(version, |root| {
                let volume = root.join("volume");
                fs::create_dir(volume.join(version)).unwrap();
                write(volume.join(version).join("a.yaml"), version);
                symlink(version, volume.join("..data_tmp")).unwrap();
                fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
            })
            .await;
    }
}
