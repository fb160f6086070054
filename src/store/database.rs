//! One SQLite file: its layout, the thread that alone writes to it, and readers that never wait for
//! that thread. Used by the table groups of this room only.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::checkpoint::Checkpointer;
use super::error::StoreError;
use super::fair_queue::{FairQueue, LANE, Lane, Refused};
use super::writer::{GROUP_WEIGHT, Sharing, Work, Writer};
use super::{functions, inspect};
use crate::clock::ThreadTime;
use crate::telemetry::{Notable, spans};

/// One step of a file's layout: run once, in one transaction, in order.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// What it brings, for the log.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// What a file must be.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// SQLite's `application_id`: tells our files from others.
    pub application_id: u32,
    /// Every migration; its count is the layout's version (`user_version`).
    pub migrations: &'static [Migration],
    /// What the writer keeps of the file in memory, in KiB.
    pub writer_cache: u32,
}

/// An open file. Cheap to clone; the last clone's writer thread ends with it.
#[derive(Debug, Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    queue: Arc<FairQueue<Work>>,
    /// Places for the daemon's own work in the queue.
    own: Semaphore,
    groups: Arc<AtomicU64>,
    beats: Arc<AtomicU64>,
    reads: AtomicU64,
    /// That of the writer, from its start on.
    time: Arc<OnceLock<ThreadTime>>,
    readers: Mutex<Vec<Connection>>,
    reading: Semaphore,
}

/// Whether works that meet share a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupCommit {
    /// They do, so that one sync makes all of them durable.
    #[default]
    On,
    /// Each has its own, as most servers do it; to measure what sharing gains.
    Off,
}

/// What the log may keep of the disk when it begins anew. Writing over what is there is cheaper to
/// sync than growing it.
const LOG_BYTES: u32 = 128 << 20;
/// Steps of SQLite's machine between two signs of life of a long work: some milliseconds.
const STEPS_PER_BEAT: std::ffi::c_int = 1_000_000;
/// Readers at once.
const READERS: usize = 4;

impl Database {
    /// Opens or creates the file (mode 0600), refuses one that is newer, foreign or damaged
    /// without touching it, and runs the migrations that it lacks.
    pub fn open(path: &Path, layout: &Layout, group: GroupCommit) -> Result<Self, StoreError> {
        let mut connection = prepare(path, layout)?;
        let queue = Arc::new(FairQueue::default());
        let groups = Arc::new(AtomicU64::new(0));
        let beats = Arc::new(AtomicU64::new(0));
        beat_within_works(&mut connection, &beats)
            .map_err(|error| StoreError::from_sqlite("watch the writer", error))?;
        let mut writer = Writer {
            checkpointer: Checkpointer::start(path, &mut connection)?,
            connection,
            queue: Arc::clone(&queue),
            group_weight: match group {
                GroupCommit::On => GROUP_WEIGHT,
                GroupCommit::Off => 0,
            },
            groups: Arc::clone(&groups),
            beats: Arc::clone(&beats),
        };
        let name = path.file_name().map_or_else(
            || "writer".into(),
            |name| name.to_string_lossy().into_owned(),
        );
        let time = Arc::new(OnceLock::new());
        let own_time = Arc::clone(&time);
        thread::Builder::new()
            .name(name)
            .spawn(move || {
                own_time.get_or_init(ThreadTime::of_this_thread);
                writer.run();
                settle(&writer.connection);
            })
            .map_err(|error| io_error(path, &error))?;
        Ok(Self {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                queue,
                own: Semaphore::new(LANE),
                groups,
                beats,
                reads: AtomicU64::new(0),
                time,
                readers: Mutex::new(Vec::new()),
                reading: Semaphore::new(READERS),
            }),
        })
    }

    /// Runs `work` in one transaction on the writer's thread and commits it: when this returns
    /// `Ok`, the change is durable.
    pub async fn write<T, F>(&self, step: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let written = self.with_writer(move |connection| {
            let failed = |error| StoreError::from_sqlite(step, error);
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            let value = work(&transaction)?;
            transaction.commit().map_err(failed)?;
            Ok(value)
        });
        spans::store_write(step, written).await
    }

    /// Runs `work` on the writer's thread without a transaction of its own, for work that groups
    /// commits itself.
    pub async fn with_writer<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = Work::Alone(Box::new(move |connection| {
            // A caller that went away does not undo what it asked for.
            let _ = answer.send(work(connection));
        }));
        let own = self.shared.own.acquire().await;
        let _place = own.map_err(|_| StoreError::Closed)?;
        self.shared
            .queue
            .push(Lane::Own, work)
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` in a transaction that it may share with other such works, so that one sync makes
    /// all of them durable: when this returns `Ok`, the change is durable. `weight` is roughly how
    /// many bytes it writes. `user` is the uid for whom it is done: users take turns. Fails at once,
    /// rather than wait, when too much of that user waits.
    ///
    /// An error of one undoes all that share, so `work` fails only where the file does.
    pub async fn write_shared<T, F>(
        &self,
        step: &'static str,
        user: u32,
        weight: usize,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = Work::Shared(Box::new(Sharing {
            weight,
            work: Some(work),
            value: None,
            answer,
        }));
        self.shared
            .queue
            .push(Lane::User(user), work)
            .map_err(|refused| match refused {
                Refused::Full => StoreError::Busy { step: step.into() },
                Refused::Closed => StoreError::Closed,
            })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` on a reader, in one snapshot of the last commit.
    pub async fn read<T, F>(&self, step: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let _permit = self
            .shared
            .reading
            .acquire()
            .await
            .map_err(|_| StoreError::Closed)?;
        shared.reads.fetch_add(1, Ordering::Relaxed);
        let read = move || {
            let failed = |error| StoreError::from_sqlite(step, error);
            let mut connection = match shared.take_reader() {
                Some(connection) => connection,
                None => reader(&shared.path)?,
            };
            let value = {
                let snapshot = connection.transaction().map_err(failed)?;
                work(&snapshot)?
            };
            shared.give_back(connection);
            Ok(value)
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// How many transactions of works that may share were committed since the start.
    pub fn groups(&self) -> u64 {
        self.shared.groups.load(Ordering::Relaxed)
    }

    /// Answers when the writer's thread has done what it was asked before.
    pub async fn turn(&self) -> Result<(), StoreError> {
        self.with_writer(|_| Ok(())).await
    }

    /// Grows while the writer's thread works, within a long work too: by what SQLite tells of its steps, and
    /// by the thread's time, for SQLite moves a whole file within one step, as `VACUUM` does at its end.
    pub fn beats(&self) -> u64 {
        let worked = self.shared.time.get().map_or(0, ThreadTime::tenths);
        self.shared.beats.load(Ordering::Relaxed) + worked
    }

    /// What was asked of it since the start, reads and writes.
    pub fn works(&self) -> u64 {
        self.shared.beats.load(Ordering::Relaxed) + self.shared.reads.load(Ordering::Relaxed)
    }

    /// Lets go of the pages that are kept in memory; the next works read them anew.
    pub async fn rest(&self) -> Result<(), StoreError> {
        self.shared
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.with_writer(|connection| {
            connection
                .execute_batch("PRAGMA shrink_memory")
                .map_err(|error| StoreError::from_sqlite("let go of memory", error))
        })
        .await
    }

    /// Answers when the file can be read.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read("look whether the database answers", |snapshot| {
            Ok(snapshot.query_row("SELECT 1", [], |_| Ok(()))?)
        })
        .await
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Waits for queued work, then moves the log into the file.
    pub async fn close(&self) {
        let settled = self
            .with_writer(|connection| {
                settle(connection);
                Ok(())
            })
            .await;
        if let Err(error) = settled {
            tracing::debug!(%error, "store was closed already");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Shared {
    fn take_reader(&self) -> Option<Connection> {
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    fn give_back(&self, connection: Connection) {
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }
}

fn beat_within_works(
    connection: &mut Connection,
    beats: &Arc<AtomicU64>,
) -> Result<(), rusqlite::Error> {
    let beats = Arc::clone(beats);
    let beat = move || {
        beats.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(STEPS_PER_BEAT, Some(beat))
}

fn settle(connection: &Connection) {
    let settled = connection
        .execute_batch("PRAGMA optimize;")
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    if let Err(error) = settled {
        tracing::warn!(%error, "the write-ahead log stays beside the database; the next start reads it");
    }
}

fn io_error(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// Opens a file that nobody else has, brings it up to the layout, and keeps no log beside it once it
/// is closed. Refuses one that is newer, foreign or damaged.
pub(super) fn settled(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    prepare(path, layout)
}

fn prepare(path: &Path, layout: &Layout) -> Result<Connection, StoreError> {
    let fresh = !path.exists();
    if fresh {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| io_error(path, &error))?;
    } else {
        inspect::refuse_what_is_not_ours(path, layout)?;
    }
    let failed = |error| StoreError::from_sqlite(format!("open `{}`", path.display()), error);
    let mut connection = Connection::open(path).map_err(failed)?;
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000;
             PRAGMA cache_size = -{};
             PRAGMA journal_size_limit = {LOG_BYTES};",
            layout.writer_cache
        ))
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    functions::add(&connection).map_err(failed)?;
    // Otherwise, once there are statistics, a statement is parsed anew for other values.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed)?;
    migrate(&mut connection, path, layout).map_err(failed)?;
    Ok(connection)
}

fn migrate(
    connection: &mut Connection,
    path: &Path,
    layout: &Layout,
) -> Result<(), rusqlite::Error> {
    let done: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (version, migration) in (1_u32..).zip(layout.migrations) {
        if version <= done {
            continue;
        }
        // All of a new file's are no news.
        if done > 0 {
            tracing::info!(
                message_id = %Notable::Migrated,
                database = %path.display(),
                migration = migration.name,
                "bringing the database up to date"
            );
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql)?;
        transaction.pragma_update(None, "application_id", layout.application_id)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::from_sqlite(format!("read `{}`", path.display()), error);
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection
        .execute_batch(
            "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -2000;",
        )
        .map_err(failed)?;
    functions::add(&connection).map_err(failed)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Layout = Layout {
        application_id: 7,
        migrations: &[Migration {
            name: "t",
            sql: "CREATE TABLE t (x INTEGER) STRICT;",
        }],
        writer_cache: 2_000,
    };

    #[tokio::test]
    async fn what_is_written_is_read_back_after_a_reopen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = Database::open(&path, &ONE, GroupCommit::On).unwrap();
        let insert = |t: &Transaction<'_>| Ok(t.execute("INSERT INTO t VALUES (4)", [])?);
        database.write("insert", insert).await.unwrap();
        database.close().await;
        drop(database);
        let database = Database::open(&path, &ONE, GroupCommit::On).unwrap();
        let x: i64 = database
            .read("select", |t| {
                Ok(t.query_row("SELECT x FROM t", [], |row| row.get(0))?)
            })
            .await
            .unwrap();
        assert_eq!(x, 4);
    }

    #[tokio::test]
    async fn a_writer_within_one_long_step_is_seen_to_work() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("a.db"), &ONE, GroupCommit::On).unwrap();
        let (seen, is_seen) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let long = database.with_writer(move |_| {
            begun.send(()).unwrap();
            while is_seen.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {}
            Ok(())
        });
        let looking = async {
            begins.await.unwrap();
            let before = database.beats();
            while database.beats() == before {
                tokio::task::yield_now().await;
            }
            drop(seen);
        };
        let (done, ()) = tokio::join!(long, looking);
        done.unwrap();
    }

    #[test]
    fn a_newer_file_is_refused_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        drop(Database::open(&path, &ONE, GroupCommit::On).unwrap());
        let older = Layout {
            migrations: &[],
            ..ONE
        };
        let error = Database::open(&path, &older, GroupCommit::On).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Newer {
                    found: 1,
                    known: 0,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(&path, vec![b'x'; 5000]).unwrap();
        let error = Database::open(&path, &ONE, GroupCommit::On).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 5000]);
    }
}
