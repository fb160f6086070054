//! Base seats that are part of a suite, where the vendor's list does not say so and a call per user
//! does. A suite is one subscription: it takes the place of the base seat, in the walks to come too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::add_on::AddOnChanges;
use super::column::{At, Word};
use super::document::ProfileId;
use super::staging::{StagedSeat, digest_of};
use super::subscription::seat_of;
use super::{Store, StoreError};
use crate::connector::facts::Seat;
use crate::profile::identifier::Identifier;

/// What a user's base seat is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSuite {
    /// What walks tell of the base seat.
    pub base: Identifier,
    /// The suite.
    pub suite: Identifier,
}

impl KnownSuite {
    /// The seat as one of the suite, where it is the base seat that this is known of.
    pub fn apply(&self, seat: &mut Seat) {
        if seat.identifier == self.base && seat.may_have_add_ons {
            seat.identifier = self.suite.clone();
            seat.bundled = true;
        }
    }
}

impl Store {
    /// Whether the suite of any of the profile's users is known from a call per user.
    pub async fn knows_suites(&self, profile: ProfileId) -> Result<bool, StoreError> {
        self.database
            .read("look for suites", move |t| {
                Ok(t.prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM user_checks
                         WHERE profile_id = ?1 AND suite IS NOT NULL)",
                )?
                .query_row([profile.0], |row| row.get(0))?)
            })
            .await
    }

    /// The suites of these users, as far as they are known from a call per user.
    pub async fn known_suites(
        &self,
        profile: ProfileId,
        users: Vec<String>,
    ) -> Result<BTreeMap<String, KnownSuite>, StoreError> {
        self.database
            .read("read suites", move |t| {
                let users = serde_json::Value::from(users).to_string();
                let mut statement = t.prepare_cached(
                    "SELECT external_user_id, base, suite FROM user_checks
                     WHERE profile_id = ?1 AND what = 'add_ons' AND suite IS NOT NULL
                       AND external_user_id IN (SELECT value FROM json_each(?2))",
                )?;
                let rows = statement.query_map(params![profile.0, users], |row| {
                    let known = KnownSuite {
                        base: row.get::<_, Word<_>>(1)?.0,
                        suite: row.get::<_, Word<_>>(2)?.0,
                    };
                    Ok((row.get(0)?, known))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// A row of the base seat that is in force.
struct Base {
    id: i64,
    seat: Seat,
}

/// Makes the base seat one of `told`, or of what walks tell where that is none. Returns what is known
/// from now on.
pub(super) fn settle(
    t: &Transaction<'_>,
    profile: ProfileId,
    user: &str,
    told: Option<&Identifier>,
    now: Timestamp,
    changes: &mut AddOnChanges,
) -> Result<Option<KnownSuite>, StoreError> {
    let Some(base) = base_seat(t, profile, user)? else {
        return Ok(None);
    };
    let (asked_before, known) = last_answer(t, profile, user)?;
    let known = known.filter(|known| known.suite == base.seat.identifier);
    let walked = known.map_or_else(|| base.seat.identifier.clone(), |known| known.base);
    let becomes = told.unwrap_or(&walked);
    if *becomes != base.seat.identifier {
        let seat = Seat {
            identifier: becomes.clone(),
            bundled: told.is_some(),
            ..base.seat
        };
        // Before the first answer nobody knew better: the seat was one of the suite all along.
        if !asked_before && rename(t, profile, base.id, &seat)? {
            changes.updated += 1;
            return Ok(told_of(walked, told));
        }
        replace(t, profile, base.id, &seat, now)?;
        changes.inserted += 1;
        changes.ended += 1;
    }
    Ok(told_of(walked, told))
}

/// A suite that the walk itself tells needs no memory.
fn told_of(base: Identifier, told: Option<&Identifier>) -> Option<KnownSuite> {
    let suite = told.filter(|suite| **suite != base)?.clone();
    Some(KnownSuite { base, suite })
}

fn base_seat(
    t: &Transaction<'_>,
    profile: ProfileId,
    user: &str,
) -> Result<Option<Base>, StoreError> {
    Ok(t.prepare_cached(
        "SELECT * FROM subscriptions
         WHERE profile_id = ?1 AND external_user_id = ?2 AND may_have_add_ons
           AND source = 'walk' AND ended_at IS NULL",
    )?
    .query_row(params![profile.0, user], |row| {
        Ok(Base {
            id: row.get("id")?,
            seat: seat_of(row)?,
        })
    })
    .optional()?)
}

/// What the last call for the user told.
pub(super) fn known(
    t: &Transaction<'_>,
    profile: ProfileId,
    user: &str,
) -> Result<Option<KnownSuite>, StoreError> {
    Ok(last_answer(t, profile, user)?.1)
}

/// Whether the user was asked for before, and what was learnt.
fn last_answer(
    t: &Transaction<'_>,
    profile: ProfileId,
    user: &str,
) -> Result<(bool, Option<KnownSuite>), StoreError> {
    let row = t
        .prepare_cached(
            "SELECT base, suite FROM user_checks
             WHERE profile_id = ?1 AND what = 'add_ons' AND external_user_id = ?2",
        )?
        .query_row(params![profile.0, user], |row| {
            let word = |at| row.get::<_, Option<Word<Identifier>>>(at);
            Ok((word(0)?, word(1)?))
        })
        .optional()?;
    let known = row.as_ref().and_then(|(base, suite)| {
        Some(KnownSuite {
            base: base.as_ref()?.0.clone(),
            suite: suite.as_ref()?.0.clone(),
        })
    });
    Ok((row.is_some(), known))
}

/// Gives the row another identifier; false where the user once had a seat of that.
fn rename(
    t: &Transaction<'_>,
    profile: ProfileId,
    id: i64,
    seat: &Seat,
) -> Result<bool, StoreError> {
    let renamed = t
        .prepare_cached(
            "UPDATE OR IGNORE subscriptions SET identifier = ?3, bundled = ?4, digest = ?5
             WHERE id = ?2 AND profile_id = ?1",
        )?
        .execute(params![
            profile.0,
            id,
            seat.identifier.as_str(),
            seat.bundled,
            walked_digest(seat)
        ])?;
    Ok(renamed > 0)
}

/// Ends the row and puts the other seat into force, from the same walk.
fn replace(
    t: &Transaction<'_>,
    profile: ProfileId,
    id: i64,
    seat: &Seat,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "INSERT INTO subscriptions (profile_id, external_user_id, identifier, email, email_folded,
             display_name, department, status, role, user_created_at, last_login_at, bundled, paid,
             may_have_add_ons, source, digest, walk, first_seen, changed_at, last_hosted_day,
             last_listed_day, assigned_at)
         SELECT profile_id, external_user_id, ?3, email, email_folded, display_name, department,
             status, role, user_created_at, last_login_at, ?4, paid, may_have_add_ons, 'walk', ?5,
             walk, ?6, ?6, last_hosted_day, last_listed_day, assigned_at
         FROM subscriptions WHERE id = ?2 AND profile_id = ?1
         ON CONFLICT (profile_id, external_user_id, identifier) DO UPDATE SET
             email = excluded.email, email_folded = excluded.email_folded,
             display_name = excluded.display_name, department = excluded.department,
             status = excluded.status, role = excluded.role,
             last_login_at = excluded.last_login_at, bundled = excluded.bundled,
             paid = excluded.paid, may_have_add_ons = excluded.may_have_add_ons, source = 'walk',
             digest = excluded.digest, walk = excluded.walk, changed_at = excluded.changed_at,
             last_hosted_day = excluded.last_hosted_day,
             last_listed_day = excluded.last_listed_day,
             assigned_at = iif(ended_at IS NULL, assigned_at, excluded.changed_at),
             last_seen = NULL, ended_at = NULL, ended_by = NULL",
    )?
    .execute(params![
        profile.0,
        id,
        seat.identifier.as_str(),
        seat.bundled,
        walked_digest(seat),
        At(now)
    ])?;
    t.prepare_cached(
        "UPDATE subscriptions SET ended_at = ?2, ended_by = 'add_on_check', last_seen = (
             SELECT max(w.ended_at) FROM walks AS w
             WHERE w.profile_id = subscriptions.profile_id AND w.verdict = 'complete')
         WHERE id = ?1",
    )?
    .execute(params![id, At(now)])?;
    Ok(())
}

/// What the next walk will tell of the seat, so that it finds nothing changed.
fn walked_digest(seat: &Seat) -> [u8; 16] {
    digest_of(&StagedSeat {
        seat: seat.clone(),
        used_on: None,
    })
}
