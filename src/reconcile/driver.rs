//! When to reconcile: at start, when the watcher hints, when somebody asks, and every minute
//! whatever happens. One pass at a time; the daemon runs it beside the jobs.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::Reconciler;
use super::outcome::{Outcome, PassOptions, Preview, ReconcileError, Trigger};
use crate::clock::SharedClock;
use crate::watch::Watcher;

/// A rescan finds what no event told: on network file systems, and after lost events.
const RESCAN: SignedDuration = SignedDuration::from_secs(60);
/// Every so many rescans every file is read again, whatever its inode, size and times say.
const FULL_EVERY: u32 = 10;
/// Requests that may wait; more make their callers wait.
const QUEUE: usize = 16;

#[derive(Debug)]
enum Request {
    Reload {
        allow_empty: bool,
        answer: oneshot::Sender<Result<Arc<Outcome>, ReconcileError>>,
    },
    Plan {
        answer: oneshot::Sender<Result<Preview, ReconcileError>>,
    },
}

/// Asks the running [`Driver`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReconcileHandle {
    requests: mpsc::Sender<Request>,
    last: watch::Receiver<Option<Arc<Outcome>>>,
}

impl ReconcileHandle {
    /// Looks at the folder now, and waits until what it says is in force. SIGHUP is this too.
    pub async fn reload(&self, allow_empty: bool) -> Result<Arc<Outcome>, ReconcileError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Reload {
            allow_empty,
            answer,
        })
        .await?;
        answered.await.map_err(|_| ReconcileError::Stopping)?
    }

    /// What a pass would change now. Nothing is applied.
    pub async fn plan(&self) -> Result<Preview, ReconcileError> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Plan { answer }).await?;
        answered.await.map_err(|_| ReconcileError::Stopping)?
    }

    /// What the last pass did; `None` before the first has ended.
    pub fn last(&self) -> Option<Arc<Outcome>> {
        self.last.borrow().clone()
    }

    /// Follows what passes do.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Outcome>>> {
        self.last.clone()
    }

    async fn ask(&self, request: Request) -> Result<(), ReconcileError> {
        let sent = self.requests.send(request).await;
        sent.map_err(|_| ReconcileError::Stopping)
    }
}

/// Runs passes until it is stopped.
#[derive(Debug)]
pub struct Driver {
    reconciler: Reconciler,
    watcher: Watcher,
    clock: SharedClock,
    requests: mpsc::Receiver<Request>,
    last: watch::Sender<Option<Arc<Outcome>>>,
    applied: Arc<Notify>,
}

impl Driver {
    /// A driver and the handle to ask it. `applied` is notified after each pass that changed
    /// something, to wake whoever plans jobs.
    pub fn new(
        reconciler: Reconciler,
        clock: SharedClock,
        applied: Arc<Notify>,
    ) -> (Self, ReconcileHandle) {
        let (sender, requests) = mpsc::channel(QUEUE);
        let (last, seen) = watch::channel(None);
        let watcher = Watcher::new(reconciler.folder().to_owned(), SharedClock::clone(&clock));
        let driver = Self {
            reconciler,
            watcher,
            clock,
            requests,
            last,
            applied,
        };
        let handle = ReconcileHandle {
            requests: sender,
            last: seen,
        };
        (driver, handle)
    }

    /// Reconciles once at start, then whenever there is a reason to, until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut rescans = 0_u32;
        let mut next_rescan = self.in_a_minute();
        self.pass(Trigger::Start, PassOptions::default()).await.ok();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(request) = self.requests.recv() => self.serve(request).await,
                () = self.watcher.changed() => {
                    self.pass(Trigger::Change, PassOptions::default()).await.ok();
                }
                () = self.clock.sleep_until(next_rescan) => {
                    next_rescan = self.in_a_minute();
                    rescans = rescans.wrapping_add(1);
                    let full = rescans.is_multiple_of(FULL_EVERY);
                    let options = PassOptions { full, allow_empty: false };
                    self.pass(Trigger::Rescan, options).await.ok();
                }
            }
        }
    }

    /// One pass now, for `run --once`.
    pub async fn once(&mut self) -> Result<Arc<Outcome>, ReconcileError> {
        self.pass(Trigger::Start, PassOptions::default()).await
    }

    fn in_a_minute(&self) -> Timestamp {
        let next = self.clock.now().saturating_add(RESCAN);
        next.unwrap_or(Timestamp::MAX)
    }

    async fn serve(&mut self, request: Request) {
        // An asker that went away does not undo what it asked for.
        match request {
            Request::Reload {
                allow_empty,
                answer,
            } => {
                let options = PassOptions {
                    allow_empty,
                    full: true,
                };
                let _ = answer.send(self.pass(Trigger::Request, options).await);
            }
            Request::Plan { answer } => {
                let _ = answer.send(self.reconciler.preview().await);
            }
        }
    }

    async fn pass(
        &mut self,
        trigger: Trigger,
        options: PassOptions,
    ) -> Result<Arc<Outcome>, ReconcileError> {
        // Before the folder is read: what changes from here on is a new hint.
        self.watcher.arm().await;
        let outcome = self.reconciler.reconcile(trigger, options).await;
        match &outcome {
            Ok(outcome) => {
                let news = self
                    .last
                    .borrow()
                    .as_ref()
                    .is_none_or(|last| !Arc::ptr_eq(last, outcome));
                if news {
                    self.last.send_replace(Some(Arc::clone(outcome)));
                    if outcome.held().is_none() && !outcome.plan.is_empty() {
                        self.applied.notify_one();
                    }
                }
            }
            Err(error) => tracing::error!(%error, "profiles not reconciled"),
        }
        outcome
    }
}
