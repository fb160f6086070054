//! Where a download puts what it reads until it is known to be complete: a scratch file beside the
//! database, appended to page by page without ever waiting for a disk or for the writer. A crash
//! loses it, which is right: the run starts again from page one. [`super::merge`] brings it into
//! force.
//!
//! A seat that is read with the very digest of a recorded one is marked as seen there and not staged;
//! what is not marked at the end has changed or is gone.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::column::{At, Day};
use super::document::ProfileId;
use super::recorded::{RecordedSeats, SeatDigest};
use super::{Store, StoreError};
use crate::connector::facts::Seat;
use crate::profile::folding::folded_address;

/// Which of two lists an entry stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Out of the position, the candidates and reclaim.
    Exclusion,
    /// Counted and paid, never a candidate.
    Protection,
}

impl Purpose {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exclusion => "exclusion",
            Self::Protection => "protection",
        }
    }
}

/// An entry that means one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserMatch {
    /// Whom it means.
    pub external_user_id: String,
    /// Which list it stands in.
    pub purpose: Purpose,
    /// The entry as written, for instance `user:ceo@example.com`.
    pub pattern: String,
    /// Where it is written, for people.
    pub rule: String,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
}

/// One page on its way into the staging set.
#[derive(Debug, Clone, Default)]
pub struct StagedPage {
    /// The seats on it.
    pub seats: Vec<StagedSeat>,
    /// The entries that mean their users.
    pub matches: Vec<UserMatch>,
}

/// A seat and what it proves by itself.
#[derive(Debug, Clone)]
pub struct StagedSeat {
    /// As the vendor told it.
    pub seat: Seat,
    /// The day on which the product was last used, where the vendor's list itself tells it.
    pub used_on: Option<Date>,
}

/// A staging set. Dropping it throws it away.
#[derive(Debug)]
pub struct Staging {
    connection: Connection,
    scratch: Scratch,
    profile: ProfileId,
    recorded: RecordedSeats,
    seats: u64,
}

/// The scratch file; it goes when this goes.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, file = %self.0.display(), "scratch file stays until the next start");
        }
    }
}

/// Of a subscription: an invitation without a user id.
pub(super) const IS_INVITATION: &str =
    "external_user_id >= 'pending:' AND external_user_id < 'pending;'";

const LAYOUT: &str = "
    PRAGMA main.journal_mode = OFF;
    PRAGMA main.synchronous = OFF;
    PRAGMA main.locking_mode = EXCLUSIVE;
    PRAGMA main.cache_size = -4000;
    CREATE TABLE seats (
        seq INTEGER PRIMARY KEY, external_user_id TEXT, identifier TEXT, email TEXT,
        email_folded TEXT, display_name TEXT, department TEXT, status TEXT, role TEXT,
        user_created_at INTEGER, last_login_at INTEGER, bundled INTEGER, paid INTEGER,
        may_have_add_ons INTEGER, digest BLOB, used_on INTEGER);
    CREATE TABLE unseen (id INTEGER);
    CREATE TABLE matches (
        external_user_id TEXT, purpose TEXT, pattern TEXT, rule TEXT, reason TEXT, expires TEXT,
        PRIMARY KEY (external_user_id, purpose, pattern)) WITHOUT ROWID;";

impl Store {
    /// Opens an empty staging set for a walk of `profile`. `run` names the file: a job's id.
    pub async fn begin_staging(
        &self,
        profile: ProfileId,
        run: &str,
    ) -> Result<Staging, StoreError> {
        let opening = self.opening(profile, run);
        blocking(move || opening.open(|connection| RecordedSeats::read(connection, profile))).await
    }

    /// Opens an empty staging set that takes matches alone, for [`Store::rematch`].
    pub async fn begin_matching(
        &self,
        profile: ProfileId,
        run: &str,
    ) -> Result<Staging, StoreError> {
        let opening = self.opening(profile, run);
        blocking(move || opening.open(|_| Ok(RecordedSeats::default()))).await
    }

    fn opening(&self, profile: ProfileId, run: &str) -> Opening {
        let folder = self.staging_folder();
        Opening {
            path: folder.join(format!("{run}.db")),
            folder,
            live: self.state.join("seatsync.db"),
            profile,
        }
    }

    /// At start: throws away staging sets that a crash left.
    pub async fn sweep_staging(&self) -> Result<(), StoreError> {
        let folder = self.staging_folder();
        blocking(move || match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Io {
                path: folder,
                reason: error.to_string(),
            }),
            _ => Ok(()),
        })
        .await
    }

    pub(super) fn staging_folder(&self) -> PathBuf {
        self.state.join("staging")
    }
}

/// Where a staging set comes to be.
struct Opening {
    folder: PathBuf,
    path: PathBuf,
    live: PathBuf,
    profile: ProfileId,
}

impl Opening {
    fn open<F>(self, recorded: F) -> Result<Staging, StoreError>
    where
        F: FnOnce(&Connection) -> Result<RecordedSeats, rusqlite::Error>,
    {
        let io_error = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| StoreError::Io {
                path,
                reason: error.to_string(),
            }
        };
        // It holds names and addresses: nobody else may read it, whatever the umask.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(io_error(&self.folder))?;
        let _ = fs::remove_file(&self.path);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(io_error(&self.path))?;
        let failed = |error| StoreError::from_sqlite("open staging set", error);
        let connection = Connection::open(&self.path).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(8);
        connection.execute_batch(LAYOUT).map_err(failed)?;
        connection
            .execute("ATTACH ?1 AS live", [self.live.to_string_lossy()])
            .map_err(failed)?;
        connection
            .execute_batch("PRAGMA live.cache_size = -2000")
            .map_err(failed)?;
        let recorded = recorded(&connection).map_err(failed)?;
        connection.execute_batch("BEGIN").map_err(failed)?;
        Ok(Staging {
            connection,
            scratch: Scratch(self.path),
            profile: self.profile,
            recorded,
            seats: 0,
        })
    }
}

impl Staging {
    /// Whose it is.
    pub fn profile(&self) -> ProfileId {
        self.profile
    }

    /// Seats staged, those that a repeated walk saw again included.
    pub fn seats(&self) -> u64 {
        self.seats
    }

    /// Appends a page.
    pub async fn stage(mut self, page: StagedPage) -> Result<Self, StoreError> {
        blocking(move || {
            self.put(&page)
                .map_err(|error| StoreError::from_sqlite("stage page", error))?;
            Ok(self)
        })
        .await
    }

    /// Users of recorded seats after the seat with number `after`: the next page of a look at all
    /// of them, and the number to go on from.
    pub async fn recorded_users(
        self,
        after: i64,
        limit: u32,
    ) -> Result<(Self, Vec<(i64, String, String)>), StoreError> {
        blocking(move || {
            let users = self
                .read_users(after, limit)
                .map_err(|error| StoreError::from_sqlite("read users", error))?;
            Ok((self, users))
        })
        .await
    }

    /// Closes the set and hands over its file, indexed by address where invitations may have
    /// become users.
    pub(super) fn close(self) -> Result<Scratch, StoreError> {
        let failed = |error| StoreError::from_sqlite("close staging set", error);
        self.put_unseen().map_err(failed)?;
        self.connection.execute_batch("COMMIT").map_err(failed)?;
        let invited: bool = self
            .connection
            .query_row(
                &format!(
                    "SELECT EXISTS (SELECT 1 FROM live.subscriptions
                         WHERE profile_id = ?1 AND ended_at IS NULL AND {IS_INVITATION}
                           AND id IN (SELECT id FROM main.unseen))"
                ),
                [self.profile.0],
                |row| row.get(0),
            )
            .map_err(failed)?;
        if invited {
            self.connection
                .execute_batch(
                    "CREATE INDEX main.seats_email ON seats (coalesce(email_folded, email))",
                )
                .map_err(failed)?;
        }
        drop(self.connection);
        Ok(self.scratch)
    }

    fn read_users(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, String, String)>, rusqlite::Error> {
        self.connection
            .prepare_cached(
                // `+`: in the order of the rows; by the profile's index every page would sort all.
                "SELECT id, external_user_id, email FROM live.subscriptions
                 WHERE +profile_id = ?1 AND id > ?2 AND ended_at IS NULL ORDER BY id LIMIT ?3",
            )?
            .query_map(params![self.profile.0, after, limit], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect()
    }

    fn put(&mut self, page: &StagedPage) -> Result<(), rusqlite::Error> {
        self.put_seats(&page.seats)?;
        self.put_matches(&page.matches)?;
        self.seats += u64::try_from(page.seats.len()).unwrap_or_default();
        Ok(())
    }

    fn put_unseen(&self) -> Result<(), rusqlite::Error> {
        let mut put = self
            .connection
            .prepare("INSERT INTO unseen (id) VALUES (?1)")?;
        for id in self.recorded.unseen() {
            put.execute([id])?;
        }
        Ok(())
    }

    fn put_seats(&mut self, seats: &[StagedSeat]) -> Result<(), rusqlite::Error> {
        let mut stage = self.connection.prepare_cached(
            "INSERT INTO seats (external_user_id, identifier, email, email_folded,
                 display_name, department, status, role, user_created_at, last_login_at,
                 bundled, paid, may_have_add_ons, digest, used_on)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?;
        for staged in seats {
            let seat = &staged.seat;
            let digest = digest_of(staged);
            if self.recorded.see(&digest) {
                continue;
            }
            stage.execute(params![
                seat.external_user_id,
                seat.identifier.as_str(),
                seat.email,
                folded_apart(&seat.email),
                seat.display_name,
                seat.department,
                seat.status.as_str(),
                seat.role.as_str(),
                seat.user_created_at.map(At),
                seat.last_login_at.map(At),
                seat.bundled,
                seat.paid,
                seat.may_have_add_ons,
                digest,
                staged.used_on.map(Day),
            ])?;
        }
        Ok(())
    }

    fn put_matches(&self, matches: &[UserMatch]) -> Result<(), rusqlite::Error> {
        let mut put = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO matches
                 (external_user_id, purpose, pattern, rule, reason, expires)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for entry in matches {
            put.execute(params![
                entry.external_user_id,
                entry.purpose.as_str(),
                entry.pattern,
                entry.rule,
                entry.reason,
                entry.expires.map(|day| day.to_string()),
            ])?;
        }
        Ok(())
    }
}

/// The address as it is compared, where that differs.
pub(super) fn folded_apart(email: &str) -> Option<String> {
    let unlike = |sign: char| !sign.is_ascii() || sign.is_ascii_uppercase();
    let folded = email.chars().any(unlike).then(|| folded_address(email));
    folded.filter(|folded| folded != email)
}

/// What tells whether a seat is as it was: everything the vendor told, and what of it counts as use:
/// a day that lay ahead comes to count without another word of the vendor.
pub(super) fn digest_of(staged: &StagedSeat) -> SeatDigest {
    let seat = &staged.seat;
    let mut hash = Sha256::new();
    let mut text = |value: Option<&str>| {
        // The length keeps neighbours apart; absence differs from emptiness.
        let length = value.map_or(u64::MAX, |value| value.len() as u64);
        hash.update(length.to_le_bytes());
        hash.update(value.unwrap_or_default());
    };
    text(Some(&seat.external_user_id));
    text(Some(seat.identifier.as_str()));
    text(Some(&seat.email));
    text(Some(&seat.display_name));
    text(seat.department.as_deref());
    text(Some(seat.status.as_str()));
    text(Some(seat.role.as_str()));
    let instant = |at: Option<Timestamp>| at.map_or(i64::MIN, Timestamp::as_millisecond);
    hash.update(instant(seat.user_created_at).to_le_bytes());
    hash.update(instant(seat.last_login_at).to_le_bytes());
    let used_on = staged.used_on.map_or(i64::MIN, |day| Day(day).number());
    hash.update(used_on.to_le_bytes());
    hash.update([
        u8::from(seat.bundled),
        u8::from(seat.paid),
        u8::from(seat.may_have_add_ons),
    ]);
    let digest = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

pub(super) async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Closed)?
}
