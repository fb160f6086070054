//! Walks over a vendor's lists: which were complete, which are held, and what a person released.
//! The download subflow records them; `status` and `release` read and decide.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::audit::{self, AuditAction};
use super::column::{At, Count, Json, Word};
use super::document::ProfileId;
use super::reclaim::of_profile;
use super::{Store, StoreError};
use crate::connector::facts::{Purchased, WalkReport};
use crate::reclamation::actor::Actor;

/// Whether a walk counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalkVerdict {
    /// It saw everything; what it saw is in force.
    Complete,
    /// The vendor's lists fell short; nothing of it is in force.
    Incomplete,
    /// It saw too few to be believed; nothing of it is in force until it is released.
    Held,
}

/// A walk to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWalk {
    /// The job that made it.
    pub job: String,
    /// Whether it counts.
    pub verdict: WalkVerdict,
    /// Why it does not, for people.
    pub reason: Option<String>,
    /// What the connector counted.
    pub report: WalkReport,
    /// Seats on its pages.
    pub seats: u64,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A recorded walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Ours, in the order of the walks.
    pub id: i64,
    /// The job that made it.
    pub job: String,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether it counts.
    pub verdict: WalkVerdict,
    /// Why it does not.
    pub reason: Option<String>,
    /// Users seen, each once.
    pub users: u64,
    /// Seats seen.
    pub seats: u64,
    /// The vendor's own total of users.
    pub vendor_total: Option<u64>,
    /// Codes that are not known, with how often they were seen.
    pub unrecognized: Vec<(String, u64)>,
    /// When a person said that a held walk tells the truth.
    pub released_at: Option<Timestamp>,
    /// Who.
    pub released_by: Option<String>,
}

impl Store {
    /// Records a walk of which nothing comes into force.
    pub async fn record_walk(&self, profile: ProfileId, walk: NewWalk) -> Result<(), StoreError> {
        self.database
            .write("record walk", move |t| put(t, profile, &walk).map(drop))
            .await
    }

    /// The walk before, whatever became of it.
    pub async fn last_walk(&self, profile: ProfileId) -> Result<Option<Walk>, StoreError> {
        self.one_walk(profile, "1").await
    }

    /// The last walk that is in force.
    pub async fn last_complete_walk(&self, profile: ProfileId) -> Result<Option<Walk>, StoreError> {
        self.one_walk(profile, "verdict = 'complete'").await
    }

    /// The number of users that the next walk is measured against: of the last complete walk, or
    /// of a held one that was released since.
    pub async fn walk_baseline(&self, profile: ProfileId) -> Result<Option<u64>, StoreError> {
        let walk = self
            .one_walk(profile, "(verdict = 'complete' OR released_at IS NOT NULL)")
            .await?;
        Ok(walk.map(|walk| walk.users))
    }

    /// A person says that the last walk, which is held, tells the truth: the next one is measured
    /// against it. `None` when the last walk is not held.
    pub async fn release_walk(
        &self,
        profile: ProfileId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Walk>, StoreError> {
        let by = by.clone();
        self.database
            .write("release walk", move |t| {
                let id: Option<i64> = t
                    .prepare_cached(
                        "UPDATE walks SET released_at = coalesce(released_at, ?2),
                                released_by = coalesce(released_by, ?3)
                         WHERE id = (SELECT max(id) FROM walks WHERE profile_id = ?1)
                           AND verdict = 'held'
                         RETURNING id",
                    )?
                    .query_row(params![profile.0, At(now), &by], |row| row.get(0))
                    .optional()?;
                let Some(id) = id else {
                    return Ok(None);
                };
                let walk = t
                    .prepare_cached("SELECT * FROM walks WHERE id = ?1")?
                    .query_row([id], walk_of)?;
                let facts = json!({ "users": walk.users, "seats": walk.seats });
                let action = AuditAction::DownloadReleased;
                audit::append(t, &of_profile(t, action, &by, profile, facts)?, now)?;
                Ok(Some(walk))
            })
            .await
    }

    /// Replaces what the vendor says was bought.
    pub async fn set_purchases(
        &self,
        profile: ProfileId,
        purchases: Vec<Purchased>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write("record purchases", move |t| {
                t.prepare_cached("DELETE FROM purchases WHERE profile_id = ?1")?
                    .execute([profile.0])?;
                for purchase in &purchases {
                    t.prepare_cached(
                        "INSERT OR REPLACE INTO purchases
                             (profile_id, identifier, bought, assigned, plan, read_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        profile.0,
                        purchase.identifier.as_str(),
                        purchase.bought.map(Count),
                        Count(purchase.assigned),
                        purchase.plan,
                        At(now),
                    ])?;
                }
                Ok(())
            })
            .await
    }

    async fn one_walk(
        &self,
        profile: ProfileId,
        wanted: &'static str,
    ) -> Result<Option<Walk>, StoreError> {
        self.database
            .read("read walk", move |t| {
                Ok(t.prepare_cached(&format!(
                    "SELECT * FROM walks WHERE profile_id = ?1 AND {wanted}
                     ORDER BY id DESC LIMIT 1"
                ))?
                .query_row([profile.0], walk_of)
                .optional()?)
            })
            .await
    }
}

fn walk_of(row: &Row<'_>) -> rusqlite::Result<Walk> {
    Ok(Walk {
        id: row.get("id")?,
        job: row.get("job")?,
        ended_at: row.get::<_, At>("ended_at")?.0,
        verdict: row.get::<_, Word<_>>("verdict")?.0,
        reason: row.get("reason")?,
        users: row.get::<_, Count>("users")?.0,
        seats: row.get::<_, Count>("seats")?.0,
        vendor_total: row
            .get::<_, Option<Count>>("vendor_total")?
            .map(|count| count.0),
        unrecognized: row.get::<_, Json<_>>("unrecognized")?.0,
        released_at: row.get::<_, Option<At>>("released_at")?.map(|at| at.0),
        released_by: row.get("released_by")?,
    })
}

/// Records a walk within a transaction of this room; its number.
pub(super) fn put(
    t: &Transaction<'_>,
    profile: ProfileId,
    walk: &NewWalk,
) -> Result<i64, StoreError> {
    t.prepare_cached(
        "INSERT INTO walks (profile_id, job, ended_at, verdict, reason, users, seats, vendor_total,
                            walks, unrecognized)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        profile.0,
        walk.job,
        At(walk.ended_at),
        Word(walk.verdict),
        walk.reason,
        Count(walk.report.users),
        Count(walk.seats),
        walk.report.vendor_total.map(Count),
        walk.report.walks,
        Json(&walk.report.unrecognized),
    ])?;
    Ok(t.last_insert_rowid())
}
