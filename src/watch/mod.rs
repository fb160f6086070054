//! Something changed under the profiles folder: look again. Used by the reconciler's driver.
//!
//! Events are hints, never facts: nobody reads what an event says, the folder is read again. An
//! error or a lost event is a hint as well. On file systems that tell nothing, such as NFS when
//! another host writes, the driver's rescan is what remains.

mod points;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;

use crate::clock::SharedClock;
use points::Points;

/// So long nothing may happen before a hint is passed on, so that one save is one pass.
const QUIET: SignedDuration = SignedDuration::from_millis(300);
/// A hint is never held back longer than this, however much goes on.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);
/// A folder that changes while it is being armed is armed again, so many times.
const ATTEMPTS: u32 = 3;

/// Watches a folder of profiles through every link on its path.
#[derive(Debug)]
pub struct Watcher {
    folder: PathBuf,
    clock: SharedClock,
    hints: watch::Sender<u64>,
    seen: watch::Receiver<u64>,
    armed: Option<Armed>,
    deaf: bool,
}

#[derive(Debug)]
struct Armed {
    points: Arc<Points>,
    _watcher: RecommendedWatcher,
}

impl Watcher {
    /// Watches nothing until [`Watcher::arm`] is called.
    pub fn new(folder: PathBuf, clock: SharedClock) -> Self {
        let (hints, seen) = watch::channel(0);
        Self {
            folder,
            clock,
            hints,
            seen,
            armed: None,
            deaf: false,
        }
    }

    /// Forgets the hints so far, and sees to it that every later change is one: to be called
    /// before the folder is read. After a hint everything is watched anew, because what was
    /// watched may be gone.
    pub async fn arm(&mut self) {
        let hinted = self.seen.has_changed().unwrap_or(true);
        self.seen.mark_unchanged();
        let before = self.armed.as_ref().filter(|_| !hinted);
        let before = before.map(|armed| Arc::clone(&armed.points));
        let (folder, hints) = (self.folder.clone(), self.hints.clone());
        let arming = tokio::task::spawn_blocking(move || arm(&folder, &hints, before.as_deref()));
        match arming.await {
            Ok(Ok(Some(armed))) => {
                self.armed = Some(armed);
                self.deaf = false;
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => self.go_deaf(&error.to_string()),
            Err(error) => self.go_deaf(&error.to_string()),
        }
    }

    /// Completes when something may have changed and it has been quiet since for a moment. What
    /// was noticed is kept when this is dropped before it completes.
    pub async fn changed(&mut self) {
        // A clone, so that what was noticed is not forgotten here. The sender lives as long as
        // `self`.
        self.seen.clone().changed().await.ok();
        let latest = self.clock.now().saturating_add(LONGEST_WAIT);
        let latest = latest.unwrap_or(jiff::Timestamp::MAX);
        loop {
            let mut next = self.hints.subscribe();
            let quiet = self.clock.now().saturating_add(QUIET).unwrap_or(latest);
            let until = quiet.min(latest);
            tokio::select! {
                () = self.clock.sleep_until(until) => return,
                _ = next.changed() => {}
            }
        }
    }

    fn go_deaf(&mut self, reason: &str) {
        self.armed = None;
        if !self.deaf {
            tracing::warn!(
                "the profiles folder `{}` cannot be watched, it is looked at every minute instead: {reason}",
                self.folder.display()
            );
        }
        self.deaf = true;
    }
}

/// Watches everything that has to be, unless that is what `before` watches already.
fn arm(
    folder: &std::path::Path,
    hints: &watch::Sender<u64>,
    before: Option<&Points>,
) -> notify::Result<Option<Armed>> {
    let mut points = Points::of(folder);
    if before == Some(&points) {
        return Ok(None);
    }
    let mut armed = listen(points.clone(), hints)?;
    for _ in 1..ATTEMPTS {
        let now = Points::of(folder);
        if now == points {
            break;
        }
        armed = listen(now.clone(), hints)?;
        points = now;
    }
    Ok(Some(armed))
}

fn listen(points: Points, hints: &watch::Sender<u64>) -> notify::Result<Armed> {
    let points = Arc::new(points);
    let hear = {
        let (points, hints) = (Arc::clone(&points), hints.clone());
        move |event: notify::Result<Event>| {
            if is_hint(&event, &points) {
                hints.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
    };
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(hear, config)?;
    for folder in points.watched() {
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
                return Err(error);
            }
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "not watched; the rescan looks");
            }
            Ok(()) => {}
        }
    }
    Ok(Armed {
        points,
        _watcher: watcher,
    })
}

/// Opening and reading is no change; our own passes do it.
fn is_hint(event: &notify::Result<Event>, points: &Points) -> bool {
    let Ok(event) = event else {
        return true;
    };
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => {}
        EventKind::Access(_) => return false,
        _ => {}
    }
    event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(|p| points.matter(p))
}
