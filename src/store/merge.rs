//! Brings a staging set into force, in one transaction: readers see all of a refresh or none of it,
//! and rows that did not change are not written. [`crate::subflow`] decides whether it may.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::column::{At, Count, Day};
use super::document::ProfileId;
use super::matching::{self, Entries};
use super::people;
use super::staging::{IS_INVITATION, Scratch, Staging, blocking};
use super::walk::{self, NewWalk};
use super::{Store, StoreError};
use crate::connector::facts::{ActivityKind, Grade};
use crate::telemetry::spans;

/// What a merge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    /// Seats new to us.
    pub inserted: u64,
    /// Seats that changed, or that are there again.
    pub updated: u64,
    /// Seats that are no longer there.
    pub ended: u64,
    /// Seats that an exclusion takes out, of all that are there.
    pub excluded: u64,
}

impl Store {
    /// Brings a complete walk into force: new seats, changes, seats that ended, what the entries
    /// mean, and the day's counts.
    pub async fn merge(
        &self,
        staging: Staging,
        walk: NewWalk,
        entries: Entries,
    ) -> Result<Merged, StoreError> {
        let profile = staging.profile();
        self.with_staged("merge walk", staging, move |t| {
            let merged = merge_seats(t, profile, &walk)?;
            people::resolve(t, profile)?;
            matching::replace(t, profile, &entries, walk.ended_at)?;
            let excluded = count_seats(t, profile, walk.ended_at)?;
            Ok(Merged { excluded, ..merged })
        })
        .await
    }

    /// Brings what the entries mean into force without a walk; the staging set holds the matches
    /// alone. Returns how many seats are excluded now.
    pub async fn rematch(
        &self,
        staging: Staging,
        entries: Entries,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let profile = staging.profile();
        self.with_staged("match exclusions", staging, move |t| {
            matching::replace(t, profile, &entries, now)?;
            count_excluded(t, profile)
        })
        .await
    }

    async fn with_staged<T, F>(
        &self,
        step: &'static str,
        staging: Staging,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let scratch = blocking(move || staging.close()).await?;
        let written = self
            .database
            .with_writer(move |connection| attached(step, connection, &scratch, work));
        spans::store_write(step, written).await
    }
}

fn attached<T, F>(
    step: &'static str,
    connection: &mut Connection,
    scratch: &Scratch,
    work: F,
) -> Result<T, StoreError>
where
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
{
    let failed = |error| StoreError::from_sqlite(step, error);
    // Another thread sorts what is staged while this one reads on.
    connection
        .execute_batch("PRAGMA threads = 1")
        .map_err(failed)?;
    connection
        .execute(
            "ATTACH ?1 AS staged",
            [scratch.path().to_string_lossy().as_ref()],
        )
        .map_err(failed)?;
    let outcome = (|| {
        let t = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let value = work(&t)?;
        t.commit().map_err(failed)?;
        Ok(value)
    })();
    connection.execute_batch("DETACH staged").map_err(failed)?;
    outcome
}

fn merge_seats(
    t: &Transaction<'_>,
    profile: ProfileId,
    walk: &NewWalk,
) -> Result<Merged, StoreError> {
    let before: Option<At> = t.query_row(
        "SELECT max(ended_at) FROM walks WHERE profile_id = ?1 AND verdict = 'complete'",
        [profile.0],
        |row| row.get(0),
    )?;
    let number = walk::put(t, profile, walk)?;
    let now = At(walk.ended_at);
    carry_over_pending(t, profile)?;
    // Of what the first walk tells nobody knows when it came.
    let came = before.map(|_| now);
    let (inserted, updated) = upsert(t, profile, number, now, came)?;
    note_sign_ins(t, profile)?;
    let ended = t.execute(
        "UPDATE main.subscriptions SET ended_at = ?3, ended_by = 'download', last_seen = ?4
         WHERE id IN (SELECT id FROM staged.unseen) AND walk <> ?2
           AND +profile_id = ?1 AND source = 'walk' AND ended_at IS NULL",
        params![profile.0, number, now, before],
    )?;
    let ended = ended + follow_add_ons(t, profile, number, now)?;
    Ok(Merged {
        inserted,
        updated,
        ended: u64::try_from(ended).unwrap_or_default(),
        excluded: 0,
    })
}

/// An invitation without a user id becomes the user's seat when the id appears: same row, same
/// `first_seen`. The staging set is indexed by address when there is such an invitation.
fn carry_over_pending(t: &Transaction<'_>, profile: ProfileId) -> Result<(), StoreError> {
    const ARRIVED: &str = "FROM staged.seats AS arrived
        WHERE coalesce(arrived.email_folded, arrived.email) = substr(invitation.external_user_id, 9)
          AND arrived.external_user_id NOT GLOB 'pending:*'";
    // A row of that user may be there already; then the invitation just ends.
    t.execute(
        &format!(
            "UPDATE OR IGNORE main.subscriptions AS invitation
             SET external_user_id = (SELECT arrived.external_user_id {ARRIVED} LIMIT 1)
             WHERE profile_id = ?1 AND ended_at IS NULL AND {IS_INVITATION}
               AND id IN (SELECT id FROM staged.unseen) AND EXISTS (SELECT 1 {ARRIVED})"
        ),
        [profile.0],
    )?;
    Ok(())
}

fn upsert(
    t: &Transaction<'_>,
    profile: ProfileId,
    number: i64,
    now: At,
    came: Option<At>,
) -> Result<(u64, u64), StoreError> {
    let last_id = || -> Result<i64, rusqlite::Error> {
        let sql = "SELECT coalesce(max(id), 0) FROM main.subscriptions";
        t.query_row(sql, [], |row| row.get(0))
    };
    let before = last_id()?;
    // In the order of the key, so that the index is written front to back.
    let written = t.execute(
        "INSERT INTO main.subscriptions (profile_id, external_user_id, identifier, email,
             email_folded, display_name, department, status, role, user_created_at, last_login_at,
             bundled, paid, may_have_add_ons, source, digest, walk, first_seen, changed_at,
             last_hosted_day, assigned_at)
         SELECT ?1, external_user_id, identifier, email, email_folded, display_name, department,
             status, role, user_created_at, last_login_at, bundled, paid, may_have_add_ons, 'walk',
             digest, ?2, ?3, ?3, used_on, ?4
         FROM staged.seats WHERE true ORDER BY external_user_id, identifier, seq
         ON CONFLICT (profile_id, external_user_id, identifier) DO UPDATE SET
             changed_at = iif(
                 (status, role, bundled, paid, source, ended_at)
                 IS (excluded.status, excluded.role, excluded.bundled, excluded.paid, 'walk', NULL),
                 changed_at, excluded.changed_at),
             assigned_at = iif(ended_at IS NULL, assigned_at, excluded.changed_at),
             last_hosted_day = iif(excluded.last_hosted_day > coalesce(last_hosted_day, -1000000),
                 excluded.last_hosted_day, last_hosted_day),
             email = excluded.email, email_folded = excluded.email_folded,
             display_name = excluded.display_name, department = excluded.department,
             status = excluded.status, role = excluded.role,
             user_created_at = excluded.user_created_at, last_login_at = excluded.last_login_at,
             bundled = excluded.bundled, paid = excluded.paid,
             may_have_add_ons = excluded.may_have_add_ons, source = excluded.source,
             digest = excluded.digest, walk = excluded.walk,
             last_seen = NULL, ended_at = NULL, ended_by = NULL
         WHERE (digest, source, ended_at) IS NOT (excluded.digest, 'walk', NULL)",
        params![profile.0, number, now, came],
    )?;
    // New rows get the next numbers.
    let inserted = u64::try_from(last_id()? - before).unwrap_or_default();
    let written = u64::try_from(written).unwrap_or_default();
    Ok((inserted, written.saturating_sub(inserted)))
}

/// A sign-in that counts as use is activity like any other: the ledger has its day.
fn note_sign_ins(t: &Transaction<'_>, profile: ProfileId) -> Result<(), StoreError> {
    t.execute(
        "INSERT INTO main.activities (profile_id, user_key, kind, grade, day, count)
         SELECT ?1, 'id:' || external_user_id, ?2, ?3, used_on, 1 FROM staged.seats
         WHERE used_on IS NOT NULL ON CONFLICT DO NOTHING",
        params![
            profile.0,
            ActivityKind::SignIn.as_str(),
            Grade::Hosted.as_str()
        ],
    )?;
    Ok(())
}

/// Add-on seats take their user's facts from the base seat, and end with it. Returns how many ended.
fn follow_add_ons(
    t: &Transaction<'_>,
    profile: ProfileId,
    number: i64,
    now: At,
) -> Result<usize, StoreError> {
    // From the few add-ons to their base seats, never the other way round.
    t.execute(
        "UPDATE main.subscriptions AS add_on
         SET email = base.email, email_folded = base.email_folded,
             display_name = base.display_name, department = base.department,
             status = base.status, role = base.role, user_created_at = base.user_created_at,
             last_login_at = base.last_login_at, walk = ?2
         FROM (SELECT held.id AS add_on_id, walked.*
               FROM main.subscriptions AS held CROSS JOIN main.subscriptions AS walked
               WHERE held.profile_id = ?1 AND held.source = 'add_on' AND held.ended_at IS NULL
                 AND walked.profile_id = ?1 AND walked.external_user_id = held.external_user_id
                 AND walked.source = 'walk' AND walked.may_have_add_ons AND walked.walk = ?2
              ) AS base
         WHERE add_on.id = base.add_on_id",
        params![profile.0, number],
    )?;
    Ok(t.execute(
        "UPDATE main.subscriptions AS add_on
         SET ended_at = ?2, ended_by = 'download', last_seen = (
                 SELECT checked_at FROM user_checks AS c
                 WHERE c.profile_id = ?1 AND c.what = 'add_ons'
                   AND c.external_user_id = add_on.external_user_id)
         WHERE profile_id = ?1 AND source = 'add_on' AND ended_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM main.subscriptions AS base
             WHERE base.profile_id = ?1 AND base.external_user_id = add_on.external_user_id
               AND base.source = 'walk' AND base.may_have_add_ons AND base.ended_at IS NULL)",
        params![profile.0, now],
    )?)
}

const EXCLUDED: &str = "(EXISTS (SELECT 1 FROM identifier_matches AS m
         WHERE m.profile_id = s.profile_id AND m.identifier = s.identifier AND m.lifted_at IS NULL)
     OR EXISTS (SELECT 1 FROM user_matches AS m
         WHERE m.profile_id = s.profile_id AND m.external_user_id = s.external_user_id
           AND m.purpose = 'exclusion' AND m.lifted_at IS NULL))";

/// The seats of one identifier.
#[derive(Debug, Default)]
struct SeatCount {
    seats: u64,
    paid: u64,
    excluded: u64,
}

/// Writes the counts of the day, and returns how many seats are excluded.
pub(super) fn count_seats(
    t: &Transaction<'_>,
    profile: ProfileId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let day = Day(now.to_zoned(TimeZone::UTC).date());
    let counts = counts_by_identifier(t, profile)?;
    // An identifier that nobody holds any more has no count.
    t.prepare_cached("DELETE FROM seat_counts WHERE profile_id = ?1 AND day = ?2")?
        .execute(params![profile.0, day])?;
    let mut put = t.prepare_cached(
        "INSERT INTO seat_counts (profile_id, identifier, day, seats, paid, excluded)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (identifier, count) in &counts {
        put.execute(params![
            profile.0,
            identifier,
            day,
            Count(count.seats),
            Count(count.paid),
            Count(count.excluded),
        ])?;
    }
    Ok(counts.values().map(|count| count.excluded).sum())
}

/// Goes through all seats once: to group them, SQLite would sort them first.
fn counts_by_identifier(
    t: &Transaction<'_>,
    profile: ProfileId,
) -> Result<BTreeMap<String, SeatCount>, StoreError> {
    let excluded = if excludes(t, profile)? {
        EXCLUDED
    } else {
        "false"
    };
    let mut seats = t.prepare_cached(&format!(
        "SELECT identifier, paid, {excluded} FROM subscriptions AS s
         WHERE profile_id = ?1 AND ended_at IS NULL"
    ))?;
    let mut seats = seats.query([profile.0])?;
    let mut counts: BTreeMap<String, SeatCount> = BTreeMap::new();
    while let Some(seat) = seats.next()? {
        let identifier = seat.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        if !counts.contains_key(identifier) {
            counts.insert(identifier.to_owned(), SeatCount::default());
        }
        if let Some(count) = counts.get_mut(identifier) {
            count.seats += 1;
            count.paid += u64::from(seat.get::<_, bool>(1)?);
            count.excluded += u64::from(seat.get::<_, bool>(2)?);
        }
    }
    Ok(counts)
}

/// Whether any exclusion means any seat of the profile.
fn excludes(t: &Transaction<'_>, profile: ProfileId) -> Result<bool, StoreError> {
    Ok(t.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM identifier_matches
             WHERE profile_id = ?1 AND lifted_at IS NULL)
         OR EXISTS (SELECT 1 FROM user_matches
             WHERE profile_id = ?1 AND purpose = 'exclusion' AND lifted_at IS NULL)",
    )?
    .query_row([profile.0], |row| row.get(0))?)
}

fn count_excluded(t: &Transaction<'_>, profile: ProfileId) -> Result<u64, StoreError> {
    let excluded: Count = t.query_row(
        &format!(
            "SELECT count(*) FROM subscriptions AS s
             WHERE profile_id = ?1 AND ended_at IS NULL AND {EXCLUDED}"
        ),
        [profile.0],
        |row| row.get(0),
    )?;
    Ok(excluded.0)
}
