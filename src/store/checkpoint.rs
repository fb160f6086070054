//! Moves the write-ahead log into the database file on a thread of its own, so that writers do not
//! wait for it. Used by `database` and `writer` only.
//!
//! SQLite's own way makes the commit that fills the log do all of it. Here that commit only asks,
//! and goes on; what is written meanwhile is moved by another pass. When little is left, the writer
//! moves that itself between two transactions, so that the log ends and begins anew. A log that
//! grows faster than it is moved, or that a long reader holds, makes the writer help at [`CAP`].

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::error::StoreError;

/// Pages in the log from which it is moved: many, for a page that is written often is moved once.
const START: u32 = 20_000;
/// Pages that the writer moves itself: a few milliseconds.
const REST: u32 = 1_000;
/// Pages in the log (256 MiB) at which the writer waits for them to be moved.
const CAP: u32 = 65_536;
/// How long nothing is written before a short log is moved too.
const QUIET: Duration = Duration::from_secs(5);

/// The log of one file, and the thread that moves it.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
}

#[derive(Debug)]
struct Log {
    /// Pages in it.
    pages: u32,
    /// Of these, the first so many are in the database file.
    moved: u32,
    /// Pages at which to look at it again.
    next: u32,
    /// Counts commits.
    commits: u64,
    /// Counts how often it has begun anew.
    begun: u64,
    task: Task,
    stopping: bool,
}

/// What the thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Waits for the first commit.
    Rest,
    /// Waits for the last one.
    Watch,
    /// Is asked to move the log.
    Asked,
    /// Moves it, or lets the writer do so.
    Move,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            pages: 0,
            moved: 0,
            next: START,
            commits: 0,
            begun: 0,
            task: Task::Rest,
            stopping: false,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, log: MutexGuard<'a, Log>) -> MutexGuard<'a, Log> {
        self.changed
            .wait(log)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit has left `pages` pages in the log.
    fn committed(&self, pages: u32) {
        let mut log = self.lock();
        if pages < log.pages {
            // It has begun anew.
            log.begun += 1;
            log.moved = 0;
            log.next = START;
        }
        log.pages = pages;
        log.commits += 1;
        if log.task == Task::Rest {
            self.changed.notify_all();
        }
    }

    /// Moves what can be moved, over `connection`, and says where the log stands then. The caller
    /// has made it the task.
    fn pass(&self, connection: &Connection, mover: Mover) {
        let before = {
            let log = self.lock();
            (log.begun, log.commits)
        };
        let passed = pass(connection);
        let mut log = self.lock();
        log.task = Task::Watch;
        self.changed.notify_all();
        if log.begun != before.0 {
            // All of it was moved, and it has begun anew.
            return;
        }
        if let Some(pass) = passed {
            log.moved = pass.moved;
            if log.commits == before.1 {
                log.pages = pass.pages;
            }
        }
        // After a failure, or where a reader holds the log, another pass at once would be in vain;
        // after one of the writer's, the log begins anew with the next commit, unless a reader is
        // about.
        let in_vain = passed.is_none_or(|pass| pass.moved < pass.pages);
        log.next = if in_vain || mover == Mover::Writer {
            log.pages + REST
        } else {
            START
        };
    }
}

/// Who moves the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mover {
    Writer,
    Thread,
}

impl Checkpointer {
    /// Takes over the log of `writer`, a connection to the file at `path`.
    pub(super) fn start(path: &Path, writer: &mut Connection) -> Result<Self, StoreError> {
        let failed = |error| StoreError::from_sqlite("open a connection for checkpoints", error);
        let connection = Connection::open(path).map_err(failed)?;
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")
            .map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        // In the place of SQLite's own hook, which would move the log within the commit.
        writer
            .wal_hook(Some(move |wal: &mut rusqlite::hooks::Wal, pages| {
                if wal.name() == rusqlite::MAIN_DB {
                    told.committed(u32::try_from(pages).unwrap_or(0));
                }
                Ok(())
            }))
            .map_err(failed)?;
        let work = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || run(&work, &connection))
            .map_err(|error| StoreError::Io {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Looks at the log after a commit of `writer`, which is between two transactions.
    pub(super) fn after_commit(&self, writer: &Connection) {
        let mut log = self.shared.lock();
        if log.pages < log.next {
            return;
        }
        if log.pages >= CAP {
            while log.task == Task::Move {
                log = self.shared.wait(log);
            }
        }
        if log.task == Task::Move {
            return;
        }
        let left = log.pages.saturating_sub(log.moved);
        if left > REST && log.pages < CAP {
            log.task = Task::Asked;
            self.shared.changed.notify_all();
            return;
        }
        log.task = Task::Move;
        drop(log);
        self.shared.pass(writer, Mover::Writer);
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there was told already.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, connection: &Connection) {
    let mut log = shared.lock();
    while !log.stopping {
        match log.task {
            Task::Asked => {
                log.task = Task::Move;
                drop(log);
                shared.pass(connection, Mover::Thread);
                log = shared.lock();
            }
            Task::Move => log = shared.wait(log),
            Task::Rest | Task::Watch if log.pages == log.moved => {
                log.task = Task::Rest;
                log = shared.wait(log);
            }
            Task::Rest | Task::Watch => {
                log.task = Task::Watch;
                let commits = log.commits;
                let (after, waited) = shared
                    .changed
                    .wait_timeout(log, QUIET)
                    .unwrap_or_else(PoisonError::into_inner);
                log = after;
                if waited.timed_out() && log.commits == commits && log.task == Task::Watch {
                    log.task = Task::Asked;
                }
            }
        }
    }
}

/// What a pass found and did.
#[derive(Debug, Clone, Copy)]
struct Pass {
    pages: u32,
    moved: u32,
}

/// Moves what no reader holds; never waits for anybody.
fn pass(connection: &Connection) -> Option<Pass> {
    tracing::debug!("moving the write-ahead log into the database");
    let pass = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        // -1 where another moves it.
        let pages = |at| {
            row.get(at)
                .map(|pages: i64| u32::try_from(pages).unwrap_or(0))
        };
        Ok(Pass {
            pages: pages(1)?,
            moved: pages(2)?,
        })
    });
    match pass {
        Ok(pass) => {
            tracing::debug!(
                pages = pass.pages,
                moved = pass.moved,
                "moved the write-ahead log into the database"
            );
            Some(pass)
        }
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database; it grows until it can");
            None
        }
    }
}
