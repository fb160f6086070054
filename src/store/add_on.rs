//! Seats that a vendor tells only in a call per user: whom to ask next, and what the answers were.
//! The download subflow asks.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::column::{At, Count};
use super::document::ProfileId;
use super::{Store, StoreError, merge, suite};
use crate::connector::facts::AddOnReport;
use crate::profile::identifier::Identifier;

/// What a call per user is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserCheck {
    /// Which add-on seats the user holds.
    AddOns,
    /// What the user did, for accounts whose scopes allow no reports.
    Activity,
}

impl UserCheck {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::AddOns => "add_ons",
            Self::Activity => "activity",
        }
    }
}

/// One user's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOnAnswer {
    /// Who.
    pub external_user_id: String,
    /// What the vendor said, each identifier with whether it counts against what was bought.
    pub report: AddOnReport,
}

/// What answers changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddOnChanges {
    /// Seats new to us.
    pub inserted: u64,
    /// Seats that are there again, or that turned out to be of a suite.
    pub updated: u64,
    /// Seats that are no longer there.
    pub ended: u64,
}

impl Store {
    /// Users who may hold add-ons and were never asked for, or changed since; in the order of
    /// their ids, after `after`.
    pub async fn unchecked_add_on_users(
        &self,
        profile: ProfileId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let after = after.to_owned();
        self.database
            .read("list users to ask for", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT DISTINCT s.external_user_id FROM subscriptions AS s
                     LEFT JOIN user_checks AS c ON c.profile_id = s.profile_id
                         AND c.what = 'add_ons' AND c.external_user_id = s.external_user_id
                     WHERE s.profile_id = ?1 AND s.external_user_id > ?2 AND s.may_have_add_ons
                       AND s.source = 'walk' AND s.ended_at IS NULL
                       AND (c.checked_at IS NULL OR c.checked_at < s.changed_at)
                     ORDER BY s.external_user_id LIMIT ?3",
                )?;
                let rows =
                    statement.query_map(params![profile.0, after, limit], |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Users who may hold add-ons and were last asked for before `before`, the longest ago first.
    pub async fn stale_add_on_users(
        &self,
        profile: ProfileId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.database
            .read("list users to ask for again", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT c.external_user_id FROM user_checks AS c
                     WHERE c.profile_id = ?1 AND c.what = 'add_ons' AND c.checked_at < ?2
                       AND EXISTS (SELECT 1 FROM subscriptions AS s
                           WHERE s.profile_id = c.profile_id
                             AND s.external_user_id = c.external_user_id
                             AND s.may_have_add_ons AND s.source = 'walk' AND s.ended_at IS NULL)
                     ORDER BY c.checked_at, c.external_user_id LIMIT ?3",
                )?;
                let rows =
                    statement.query_map(params![profile.0, At(before), limit], |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// How many users may hold add-ons.
    pub async fn add_on_users(&self, profile: ProfileId) -> Result<u64, StoreError> {
        self.database
            .read("count users to ask for", move |t| {
                let users: Count = t
                    .prepare_cached(
                        "SELECT count(DISTINCT external_user_id) FROM subscriptions
                     WHERE profile_id = ?1 AND may_have_add_ons AND source = 'walk'
                       AND ended_at IS NULL",
                    )?
                    .query_row([profile.0], |row| row.get(0))?;
                Ok(users.0)
            })
            .await
    }

    /// Records answers: seats that are new, there again or gone, and when each user was asked for.
    pub async fn record_add_ons(
        &self,
        profile: ProfileId,
        answers: Vec<AddOnAnswer>,
        now: Timestamp,
    ) -> Result<AddOnChanges, StoreError> {
        self.database
            .write("record add-ons", move |t| {
                let mut changes = AddOnChanges::default();
                for answer in &answers {
                    record(t, profile, answer, now, &mut changes)?;
                }
                Ok(changes)
            })
            .await
    }

    /// Writes the day's counts again, once the add-ons are known. Returns how many seats are
    /// excluded.
    pub async fn recount_seats(
        &self,
        profile: ProfileId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.database
            .write("count seats", move |t| merge::count_seats(t, profile, now))
            .await
    }
}

fn record(
    t: &Transaction<'_>,
    profile: ProfileId,
    answer: &AddOnAnswer,
    now: Timestamp,
    changes: &mut AddOnChanges,
) -> Result<(), StoreError> {
    let user = &answer.external_user_id;
    // A user who is gone since the walk is left to the next walk, which judges whole lists.
    let mut suite = suite::known(t, profile, user)?;
    if !answer.report.gone {
        suite = suite::settle(t, profile, user, answer.report.suite.as_ref(), now, changes)?;
        let came = asked_before(t, profile, user)?.then_some(now);
        for identifier in &answer.report.identifiers {
            put_seat(t, profile, user, identifier, now, came, changes)?;
        }
        let held: serde_json::Value = answer
            .report
            .identifiers
            .iter()
            .map(Identifier::as_str)
            .collect();
        let ended = t
            .prepare_cached(
                "UPDATE subscriptions AS s SET ended_at = ?4, ended_by = 'add_on_check',
                     last_seen = (SELECT checked_at FROM user_checks AS c
                         WHERE c.profile_id = ?1 AND c.what = 'add_ons' AND c.external_user_id = ?2)
                 WHERE profile_id = ?1 AND external_user_id = ?2 AND source = 'add_on'
                   AND ended_at IS NULL AND identifier NOT IN (SELECT value FROM json_each(?3))",
            )?
            .execute(params![profile.0, user, held.to_string(), At(now)])?;
        changes.ended += u64::try_from(ended).unwrap_or_default();
    }
    t.prepare_cached(
        "INSERT INTO user_checks (profile_id, external_user_id, what, checked_at, base, suite)
         VALUES (?1, ?2, 'add_ons', ?3, ?4, ?5)
         ON CONFLICT (profile_id, what, external_user_id) DO UPDATE SET
             checked_at = excluded.checked_at, base = excluded.base, suite = excluded.suite",
    )?
    .execute(params![
        profile.0,
        user,
        At(now),
        suite.as_ref().map(|known| known.base.as_str()),
        suite.as_ref().map(|known| known.suite.as_str()),
    ])?;
    Ok(())
}

/// Whether an earlier answer told what the user holds.
fn asked_before(t: &Transaction<'_>, profile: ProfileId, user: &str) -> Result<bool, StoreError> {
    Ok(t.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM user_checks
             WHERE profile_id = ?1 AND what = 'add_ons' AND external_user_id = ?2)",
    )?
    .query_row(params![profile.0, user], |row| row.get(0))?)
}

/// `came`: when the seat came, where an earlier answer did not have it. Otherwise it is as old as the
/// base seat.
fn put_seat(
    t: &Transaction<'_>,
    profile: ProfileId,
    user: &str,
    identifier: &Identifier,
    now: Timestamp,
    came: Option<Timestamp>,
    changes: &mut AddOnChanges,
) -> Result<(), StoreError> {
    let held: Option<bool> = t
        .prepare_cached(
            "SELECT max(ended_at IS NULL) FROM subscriptions
             WHERE profile_id = ?1 AND external_user_id = ?2 AND identifier = ?3",
        )?
        .query_row(params![profile.0, user, identifier.as_str()], |row| {
            row.get(0)
        })?;
    match held {
        Some(true) => return Ok(()),
        Some(false) => changes.updated += 1,
        None => changes.inserted += 1,
    }
    // An add-on is paid for, and it is not part of the suite that the base seat may be part of.
    t.prepare_cached(
        "INSERT INTO subscriptions (profile_id, external_user_id, identifier, email, email_folded,
             display_name, department, status, role, user_created_at, last_login_at, bundled, paid,
             may_have_add_ons, source, digest, walk, first_seen, changed_at, assigned_at)
         SELECT profile_id, external_user_id, ?3, email, email_folded, display_name, department,
             status, role, user_created_at, last_login_at, 0, 1, 0, 'add_on', x'', walk, ?4, ?4,
             coalesce(?5, assigned_at)
         FROM subscriptions
         WHERE profile_id = ?1 AND external_user_id = ?2 AND source = 'walk' AND ended_at IS NULL
         ORDER BY may_have_add_ons DESC LIMIT 1
         ON CONFLICT (profile_id, external_user_id, identifier) DO UPDATE SET
             email = excluded.email, email_folded = excluded.email_folded,
             display_name = excluded.display_name, department = excluded.department,
             status = excluded.status, role = excluded.role,
             last_login_at = excluded.last_login_at, source = 'add_on', walk = excluded.walk,
             changed_at = excluded.changed_at, assigned_at = excluded.changed_at,
             last_seen = NULL, ended_at = NULL, ended_by = NULL",
    )?
    .execute(params![
        profile.0,
        user,
        identifier.as_str(),
        At(now),
        came.map(At)
    ])?;
    Ok(())
}
