//! Lets go of what is older than it is to be kept, a few rows at a time, so that no writer waits
//! long. [`crate::job`] calls it once a day.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::column::{At, Day};
use super::document::ProfileId;
use super::{Store, StoreError};

/// Rows let go in one transaction.
const ROWS: u32 = 2_000;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Ended seats, walks, counts, lifted matches, and everything of a removed profile.
    pub subscriptions: SignedDuration,
    /// Activity, by day.
    pub activity: SignedDuration,
    /// Ended jobs.
    pub job_results: SignedDuration,
    /// Closed candidates, what was written for them, and licence positions.
    pub candidates: SignedDuration,
    /// Notices whose every way is over, and alerts that are.
    pub events: SignedDuration,
    /// Usage records: what is closed as removed is known for as long, so that what was reported before is
    /// not taken for what is there.
    pub usage: SignedDuration,
    /// The audit log.
    pub audit: SignedDuration,
}

/// What was let go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetGo {
    /// Rows.
    pub rows: u64,
    /// Profiles that were removed from the folder long ago.
    pub profiles: u64,
}

/// One kind of thing to let go: removes at most [`ROWS`] rows and tells how many.
type Step = fn(&Transaction<'_>, Before) -> rusqlite::Result<usize>;

/// What is older goes.
#[derive(Debug, Clone, Copy)]
struct Before {
    at: At,
    day: Day,
}

impl Store {
    /// Notes what time is known to have come, when the clock shows `now` and the host has counted
    /// `elapsed`. What is kept ages by it: see `known_time`.
    pub async fn note_time(
        &self,
        now: Timestamp,
        elapsed: SignedDuration,
    ) -> Result<Timestamp, StoreError> {
        self.known_time
            .look(&self.database, now, elapsed, |t| {
                t.query_row("SELECT max(ended_at) FROM jobs", [], |row| row.get(0))
            })
            .await
    }

    /// Lets go of what is older than it is to be kept, at the time that is known. The clock shows
    /// `now` when the host has counted `elapsed`.
    pub async fn let_go(
        &self,
        keep: Keep,
        now: Timestamp,
        elapsed: SignedDuration,
    ) -> Result<LetGo, StoreError> {
        let now = self.note_time(now, elapsed).await?;
        let before = |age: SignedDuration| {
            let at = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
            let day: Date = at.to_zoned(TimeZone::UTC).date();
            Before {
                at: At(at),
                day: Day(day),
            }
        };
        let steps: [(Step, Before); 16] = [
            (ended_seats, before(keep.subscriptions)),
            (user_checks, before(keep.subscriptions)),
            (lifted_user_matches, before(keep.subscriptions)),
            (old_walks, before(keep.subscriptions)),
            (old_counts, before(keep.subscriptions)),
            (old_activity, before(keep.activity)),
            (old_activity_days, before(keep.activity)),
            (old_jobs, before(keep.job_results)),
            (old_candidates, before(keep.candidates)),
            (old_notices, before(keep.events)),
            (old_alerts, before(keep.events)),
            (old_installed, before(keep.candidates)),
            (
                old_installed_removed,
                before(keep.candidates.max(keep.usage)),
            ),
            (old_installed_runs, before(keep.job_results)),
            (old_positions, before(keep.candidates)),
            (old_audit, before(keep.audit)),
        ];
        let mut let_go = LetGo::default();
        for (step, before) in steps {
            let_go.rows += self.repeat(move |t| step(t, before)).await?;
        }
        for orphan in self.old_orphans(before(keep.subscriptions)).await? {
            let_go.rows += self.forget_profile(orphan).await?;
            let_go.profiles += 1;
        }
        Ok(let_go)
    }

    async fn repeat<F>(&self, step: F) -> Result<u64, StoreError>
    where
        F: Fn(&Transaction<'_>) -> rusqlite::Result<usize> + Copy + Send + 'static,
    {
        let mut all = 0;
        loop {
            let rows = self
                .database
                .write("let go of old rows", move |t| Ok(step(t)?))
                .await?;
            all += u64::try_from(rows).unwrap_or_default();
            if rows < ROWS as usize {
                return Ok(all);
            }
        }
    }

    async fn old_orphans(&self, before: Before) -> Result<Vec<ProfileId>, StoreError> {
        self.database
            .read("list removed profiles", move |t| {
                let mut statement =
                    t.prepare_cached("SELECT id FROM profiles WHERE orphaned_at < ?1")?;
                let rows = statement.query_map([before.at], |row| Ok(ProfileId(row.get(0)?)))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The large tables first, in pieces; the rest goes with the profile's own row.
    async fn forget_profile(&self, profile: ProfileId) -> Result<u64, StoreError> {
        let seats = self
            .repeat(move |t| {
                t.execute(
                    "DELETE FROM subscriptions WHERE id IN (
                         SELECT id FROM subscriptions WHERE profile_id = ?1 LIMIT ?2)",
                    params![profile.0, ROWS],
                )
            })
            .await?;
        let activity = self
            .repeat(move |t| {
                t.execute(
                    "DELETE FROM activities
                     WHERE (profile_id, user_key, kind, grade, day) IN (
                         SELECT profile_id, user_key, kind, grade, day FROM activities
                         WHERE profile_id = ?1 LIMIT ?2)",
                    params![profile.0, ROWS],
                )
            })
            .await?;
        self.database
            .write("forget profile", move |t| {
                t.execute("DELETE FROM profiles WHERE id = ?1", [profile.0])?;
                Ok(())
            })
            .await?;
        Ok(seats + activity)
    }
}

fn ended_seats(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM subscriptions WHERE id IN (
             SELECT id FROM subscriptions WHERE ended_at < ?1 LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn user_checks(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM user_checks WHERE (profile_id, what, external_user_id) IN (
             SELECT profile_id, what, external_user_id FROM user_checks
             WHERE checked_at < ?1 LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn lifted_user_matches(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM user_matches WHERE (profile_id, external_user_id, purpose, pattern) IN (
             SELECT profile_id, external_user_id, purpose, pattern FROM user_matches
             WHERE lifted_at < ?1 LIMIT ?2)",
        params![before.at, ROWS],
    )
}

/// The walks that the next one is measured against stay.
fn old_walks(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM walks WHERE id IN (
             SELECT id FROM walks AS old
             WHERE ended_at < ?1 AND id < (
                 SELECT max(id) FROM walks AS kept
                 WHERE kept.profile_id = old.profile_id
                   AND (kept.verdict = 'complete' OR kept.released_at IS NOT NULL))
               AND id < (
                 SELECT max(id) FROM walks AS kept
                 WHERE kept.profile_id = old.profile_id AND kept.verdict = 'complete')
             LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn old_counts(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM seat_counts WHERE (profile_id, identifier, day) IN (
             SELECT profile_id, identifier, day FROM seat_counts WHERE day < ?1 LIMIT ?2)",
        params![before.day, ROWS],
    )
}

fn old_activity(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM activities WHERE (profile_id, user_key, kind, grade, day) IN (
             SELECT profile_id, user_key, kind, grade, day FROM activities
             WHERE day < ?1 LIMIT ?2)",
        params![before.day, ROWS],
    )
}

fn old_activity_days(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM activity_days WHERE (profile_id, kind, grade, day) IN (
             SELECT profile_id, kind, grade, day FROM activity_days WHERE day < ?1 LIMIT ?2)",
        params![before.day, ROWS],
    )
}

/// The last job of each schedule stays: it says what is due next. So does the last end of each
/// subflow.
fn old_jobs(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM jobs WHERE seq IN (
             SELECT seq FROM jobs WHERE ended_at < ?1 AND seq NOT IN (
                 SELECT max(seq) FROM jobs GROUP BY profile_id, subflow, state
                 UNION ALL
                 SELECT max(seq) FROM jobs WHERE trigger IN ('schedule', 'catch_up')
                 GROUP BY profile_id, subflow)
             LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn old_candidates(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM candidates WHERE id IN (
             SELECT id FROM candidates WHERE closed_at < ?1 LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn old_notices(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM notices WHERE id IN (
             SELECT id FROM notices AS n WHERE created_at < ?1 AND NOT EXISTS (
                 SELECT 1 FROM deliveries AS d WHERE d.notice_id = n.id AND d.state = 'waiting')
             LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn old_installed(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM installed_candidates WHERE id IN (
             SELECT id FROM installed_candidates
             WHERE closed_at < ?1 AND state <> 'closed_complete' LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn old_installed_removed(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM installed_candidates WHERE id IN (
             SELECT id FROM installed_candidates WHERE closed_at < ?1 LIMIT ?2)",
        params![before.at, ROWS],
    )
}

/// The last one stays: it says what is due next.
fn old_installed_runs(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM installed_runs WHERE seq IN (
             SELECT seq FROM installed_runs WHERE ended_at < ?1 AND seq < (
                 SELECT max(seq) FROM installed_runs WHERE state <> 'refused')
             LIMIT ?2)",
        params![before.at, ROWS],
    )
}

/// The latest stays.
fn old_positions(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM position_runs WHERE id IN (
             SELECT id FROM position_runs
             WHERE calculated_at < ?1 AND id < (SELECT max(id) FROM position_runs) LIMIT ?2)",
        params![before.at, ROWS],
    )
}

fn old_alerts(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE cleared_at < ?1 LIMIT ?2)",
        params![before.at, ROWS],
    )
}

/// From the front alone, so that the chain goes on from what is remembered of the last one.
fn old_audit(t: &Transaction<'_>, before: Before) -> rusqlite::Result<usize> {
    t.execute(
        "INSERT OR REPLACE INTO audit_start (one, seq, hash)
         SELECT 1, seq, hash FROM audit
         WHERE seq = (SELECT max(seq) FROM (
             SELECT seq FROM audit
             WHERE seq < coalesce((SELECT min(seq) FROM audit WHERE at >= ?1), 9223372036854775807)
             ORDER BY seq LIMIT ?2))",
        params![before.at, ROWS],
    )?;
    t.execute(
        "DELETE FROM audit WHERE seq <= (SELECT seq FROM audit_start)",
        [],
    )
}
