//! All SQL. One file per table group; two database files, each with its own writer: `seatsync.db`
//! (configuration, subscriptions, jobs, audit) and `usage.db` (usage records). No transaction spans
//! both, so that a large merge never holds up an agent.
//!
//! The interface speaks domain verbs; nothing outside this room sees a statement or a row.

pub mod activity;
pub mod add_on;
pub mod alert;
pub mod audit;
pub mod backup;
pub mod candidate;
pub mod check;
mod checkpoint;
mod column;
pub mod condition;
mod daily_use;
pub mod database;
pub mod document;
pub mod entry_counts;
pub mod error;
pub mod event;
mod fair_queue;
pub mod forget;
mod functions;
pub mod grant;
pub mod holder;
mod inspect;
pub mod installed;
pub mod installed_run;
pub mod job;
pub mod judgement;
mod known_time;
mod licence;
pub mod lock;
pub mod matching;
mod merge;
pub mod notice;
pub mod people;
pub mod position;
pub mod queue;
pub mod reclaim;
mod recorded;
pub mod report;
pub mod retention;
pub mod revision;
pub mod snapshot;
pub mod staging;
pub mod standing;
pub mod subscription;
pub mod suite;
pub mod tally;
pub mod usage;
pub mod user_facts;
pub mod walk;
pub mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use backup::Turn;
use database::{Database, GroupCommit, Layout, Migration};
pub use error::StoreError;
use known_time::KnownTime;
use tokio::sync::Notify;

/// The migrations of `seatsync.db`, oldest first. A released one is never edited.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "documents",
        sql: include_str!("migrations/seatsync/0001_documents.sql"),
    },
    Migration {
        name: "jobs",
        sql: include_str!("migrations/seatsync/0002_jobs.sql"),
    },
    Migration {
        name: "subscriptions",
        sql: include_str!("migrations/seatsync/0003_subscriptions.sql"),
    },
    Migration {
        name: "activity",
        sql: include_str!("migrations/seatsync/0004_activity.sql"),
    },
    Migration {
        name: "grants",
        sql: include_str!("migrations/seatsync/0005_grants.sql"),
    },
    Migration {
        name: "matched entries",
        sql: include_str!("migrations/seatsync/0006_matched_entries.sql"),
    },
    Migration {
        name: "suites",
        sql: include_str!("migrations/seatsync/0007_suites.sql"),
    },
    Migration {
        name: "known time",
        sql: include_str!("migrations/seatsync/0008_known_time.sql"),
    },
    Migration {
        name: "candidates",
        sql: include_str!("migrations/seatsync/0009_candidates.sql"),
    },
    Migration {
        name: "audit",
        sql: include_str!("migrations/seatsync/0010_audit.sql"),
    },
    Migration {
        name: "notices",
        sql: include_str!("migrations/seatsync/0011_notices.sql"),
    },
    Migration {
        name: "installed software",
        sql: include_str!("migrations/seatsync/0012_installed.sql"),
    },
    Migration {
        name: "rules in doubt",
        sql: include_str!("migrations/seatsync/0013_rules_in_doubt.sql"),
    },
    Migration {
        name: "restore holds",
        sql: include_str!("migrations/seatsync/0014_restore_holds.sql"),
    },
    Migration {
        name: "judging",
        sql: include_str!("migrations/seatsync/0015_judging.sql"),
    },
    Migration {
        name: "licences",
        sql: include_str!("migrations/seatsync/0016_licences.sql"),
    },
    Migration {
        name: "position",
        sql: include_str!("migrations/seatsync/0017_position.sql"),
    },
    Migration {
        name: "people",
        sql: include_str!("migrations/seatsync/0018_people.sql"),
    },
];

/// What `seatsync.db` is to SQLite: its application id (`SEAT` in ASCII) and its migrations.
const LAYOUT: Layout = Layout {
    application_id: 0x5345_4154,
    migrations: MIGRATIONS,
    // A job writes rows one after the other; what it comes back to is little.
    writer_cache: 4_000,
};

/// The configuration, subscriptions, jobs and audit of one state directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    state: PathBuf,
    known_time: Arc<KnownTime>,
    /// The last entry of the audit log that the journal was told.
    audit_told: Arc<AtomicI64>,
    /// Rung when a notice was recorded.
    outbox: Arc<Notify>,
    backup_turn: Turn,
}

impl Store {
    /// Opens or creates `seatsync.db` in `state`, and brings it up to this program's layout.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let database = Database::open(&state.join("seatsync.db"), &LAYOUT, GroupCommit::On)?;
        Ok(Self {
            database,
            state: state.to_owned(),
            known_time: Arc::default(),
            audit_told: Arc::default(),
            outbox: Arc::default(),
            backup_turn: Turn::default(),
        })
    }

    /// Answers when the store can be read.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    /// Answers when the writer has done what it was asked before.
    pub async fn turn(&self) -> Result<(), StoreError> {
        self.database.turn().await
    }

    /// Keeps the writer busy with `work`.
    #[cfg(test)]
    pub(crate) async fn hold_writer(
        &self,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), StoreError> {
        let held = move |_: &mut _| {
            work();
            Ok(())
        };
        self.database.with_writer(held).await
    }

    /// Grows while the writer works, within a long work too.
    pub fn beats(&self) -> u64 {
        self.database.beats()
    }

    /// What was asked of it since the start.
    pub fn works(&self) -> u64 {
        self.database.works()
    }

    /// Lets go of memory that speeds up works which come soon.
    pub async fn rest(&self) -> Result<(), StoreError> {
        self.database.rest().await
    }

    fn database_path(&self) -> PathBuf {
        self.database.path().to_owned()
    }

    /// Finishes what is queued, moves the log into the database file and closes it.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
