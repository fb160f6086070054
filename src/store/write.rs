//! Writes to vendors: each is recorded before it is made, so that a crash at any point is resolved by
//! reading the vendor and never by repeating blindly.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{self, AuditAction};
use super::candidate::{Happened, Happening, candidate_at, count_assigned, entry, happen};
use super::column::{At, Count, Json, Word};
use super::document::{OF_ONE_ACCOUNT, ProfileId};
use super::{Store, StoreError};
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::reclamation::plan::Withdrawn;

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteKind {
    /// Takes a seat back.
    Reclaim,
    /// Gives it back to its user.
    Restore,
}

/// How far a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteState {
    /// It is to be made, or was and is not recorded yet.
    Intended,
    /// The vendor did it, which was read back.
    Done,
    /// The vendor refused.
    Refused,
    /// It did not take effect.
    Failed,
    /// It was not made.
    Withdrawn,
}

/// A write to a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Its number.
    pub id: i64,
    /// The candidate whose seat it is about.
    pub candidate: i64,
    /// The vendor's user id.
    pub external_user_id: String,
    /// Of which identifier the seat is.
    pub identifier: Identifier,
    /// What it does.
    pub kind: WriteKind,
    /// How far it is.
    pub state: WriteState,
    /// The job that made it.
    pub job: Option<String>,
    /// The plan that it was a step of.
    pub plan: Option<String>,
    /// Who asked for it.
    pub asked_by: Actor,
    /// When it was recorded, before it was made.
    pub intended_at: Timestamp,
    /// When its end was recorded.
    pub ended_at: Option<Timestamp>,
    /// What was so before; set just before the vendor is called.
    pub prior: Option<Value>,
    /// What became of it, for people.
    pub outcome: Option<String>,
    /// The vendor's trace id.
    pub trace_id: Option<String>,
}

/// A write to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWrite {
    /// The candidate whose seat it is about.
    pub candidate: i64,
    /// What it does.
    pub kind: WriteKind,
    /// The job that makes it.
    pub job: Option<String>,
    /// The plan that it is a step of.
    pub plan: Option<String>,
    /// Who asked for it.
    pub asked_by: Actor,
    /// What is given back, where that is what it does.
    pub prior: Option<Value>,
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteEnd {
    /// The final state.
    pub state: WriteState,
    /// What became of it, for people.
    pub outcome: String,
    /// The vendor's trace id.
    pub trace_id: Option<String>,
    /// What that means for the candidate, in the same transaction.
    pub means: Option<Meaning>,
}

/// What the end of a write means for its candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Something happens to it.
    Happens(Happening),
    /// Its seat is held again, and nobody is asked for it before then.
    GivenBack {
        /// When.
        kept_until: Timestamp,
    },
}

const SELECT: &str = "SELECT w.*, c.external_user_id, c.identifier
    FROM writes AS w JOIN candidates AS c ON c.id = w.candidate_id";

impl Store {
    /// Records a write before it is made; `None` where one of the same candidate is open, or where the
    /// candidate of a reclaim was decided otherwise meanwhile.
    pub async fn intend(
        &self,
        profile: ProfileId,
        write: NewWrite,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        self.database
            .write("record intent", move |t| {
                let written = t
                    .prepare_cached(
                        "INSERT OR IGNORE INTO writes
                             (profile_id, candidate_id, kind, state, job, plan, asked_by,
                              intended_at, prior)
                         SELECT ?1, id, ?3, 'intended', ?4, ?5, ?6, ?7, ?8 FROM candidates
                         WHERE id = ?2 AND (?3 = 'restore' OR state = 'awaiting_revocation')",
                    )?
                    .execute(params![
                        profile.0,
                        write.candidate,
                        Word(write.kind),
                        write.job,
                        write.plan,
                        write.asked_by,
                        At(now),
                        write.prior.as_ref().map(Json),
                    ])?;
                if written == 0 {
                    return Ok(None);
                }
                let id = t.last_insert_rowid();
                if let Some(candidate) = candidate_at(t, write.candidate)? {
                    let facts = json!({
                        "write": id, "kind": write.kind, "job": write.job, "plan": write.plan,
                    });
                    let who = &write.asked_by;
                    let intended = entry(AuditAction::WriteIntended, who, &candidate, facts);
                    audit::append(t, &intended, now)?;
                }
                Ok(Some(id))
            })
            .await
    }

    /// Records what is so before the vendor is called: from here on the call may have been made.
    pub async fn note_prior(&self, write: i64, prior: Value) -> Result<(), StoreError> {
        self.database
            .write("record prior state", move |t| {
                t.prepare_cached("UPDATE writes SET prior = ?2 WHERE id = ?1")?
                    .execute(params![write, Json(&prior)])?;
                Ok(())
            })
            .await
    }

    /// Records how a write ended, and what that means for its candidate. A reclaim that fails counts
    /// as one in a row; one that works ends the row.
    pub async fn end_write(
        &self,
        profile: ProfileId,
        write: i64,
        end: WriteEnd,
        now: Timestamp,
    ) -> Result<Option<Happened>, StoreError> {
        self.database
            .write("record outcome", move |t| {
                let ended: usize = t
                    .prepare_cached(
                        "UPDATE writes SET state = ?2, ended_at = ?3, outcome = ?4, trace_id = ?5
                         WHERE id = ?1 AND state = 'intended'",
                    )?
                    .execute(params![
                        write,
                        Word(end.state),
                        At(now),
                        end.outcome,
                        end.trace_id
                    ])?;
                if ended == 0 {
                    return Ok(None);
                }
                let write = t
                    .prepare_cached(&format!("{SELECT} WHERE w.id = ?1"))?
                    .query_row([write], write_of)?;
                tell(t, &write, &end, now)?;
                let errors = match end.state {
                    WriteState::Done => "0",
                    WriteState::Refused | WriteState::Failed => "errors + 1",
                    WriteState::Intended | WriteState::Withdrawn => "errors",
                };
                t.execute(
                    &format!(
                        "INSERT INTO reclaim_standings (profile_id, errors) VALUES (?1, ?2)
                         ON CONFLICT (profile_id) DO UPDATE SET errors = {errors}"
                    ),
                    params![
                        profile.0,
                        matches!(end.state, WriteState::Refused | WriteState::Failed)
                    ],
                )?;
                match end.means {
                    None => Ok(None),
                    Some(Meaning::Happens(happening)) => happen(t, &happening, now).map(Some),
                    Some(Meaning::GivenBack { kept_until }) => {
                        let reason =
                            format!("given back at the vendor, by `undo` of {}", write.asked_by);
                        restored(t, write.candidate, &reason, kept_until, now)?;
                        Ok(None)
                    }
                }
            })
            .await
    }

    /// Writes of a profile whose end is not recorded.
    pub async fn open_writes(&self, profile: ProfileId) -> Result<Vec<Write>, StoreError> {
        self.database
            .read("read open writes", move |t| {
                let mut statement = t.prepare_cached(&format!(
                    "{SELECT} WHERE w.profile_id = ?1 AND w.state = 'intended' ORDER BY w.id"
                ))?;
                let rows = statement.query_map([profile.0], write_of)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Writes of every profile whose end is not recorded, with its name.
    pub async fn all_open_writes(&self) -> Result<Vec<(Name, Write)>, StoreError> {
        self.database
            .read("read open writes", |t| {
                let mut statement = t.prepare_cached(
                    "SELECT w.*, c.external_user_id, c.identifier, p.name
                     FROM writes AS w JOIN candidates AS c ON c.id = w.candidate_id
                     JOIN profiles AS p ON p.id = w.profile_id
                     WHERE w.state = 'intended' ORDER BY w.id",
                )?;
                let rows = statement.query_map([], |row| {
                    let profile = row.get::<_, Word<Name>>("name")?.0;
                    Ok((profile, write_of(row)?))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The writes of a candidate, the first one first.
    pub async fn writes_of(&self, candidate: i64) -> Result<Vec<Write>, StoreError> {
        self.database
            .read("read writes", move |t| {
                let mut statement =
                    t.prepare_cached(&format!("{SELECT} WHERE w.candidate_id = ?1 ORDER BY w.id"))?;
                let rows = statement.query_map([candidate], write_of)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The open candidates of a profile whose last write was not made, and why.
    pub async fn last_withdrawn(
        &self,
        profile: ProfileId,
    ) -> Result<BTreeMap<i64, Withdrawn>, StoreError> {
        self.database
            .read("read withdrawn writes", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT candidate_id, ended_at, outcome FROM (
                         -- The other columns are those of the row that has the maximum.
                         SELECT max(w.id), w.candidate_id, w.state, w.ended_at, w.outcome
                         FROM writes AS w JOIN candidates AS c ON c.id = w.candidate_id
                         WHERE w.profile_id = ?1 AND c.closed_at IS NULL
                         GROUP BY w.candidate_id
                     )
                     WHERE state = 'withdrawn' AND ended_at IS NOT NULL AND outcome IS NOT NULL",
                )?;
                let rows = statement.query_map([profile.0], |row| {
                    let withdrawn = Withdrawn {
                        at: row.get::<_, At>(1)?.0,
                        reason: row.get(2)?,
                    };
                    Ok((row.get(0)?, withdrawn))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The reclaims that a job made and that took effect, the last one first.
    pub async fn reclaims_of_job(&self, job: &str) -> Result<Vec<Write>, StoreError> {
        let job = job.to_owned();
        self.database
            .read("read writes", move |t| {
                let mut statement = t.prepare_cached(&format!(
                    "{SELECT} WHERE w.job = ?1 AND w.kind = 'reclaim' AND w.state = 'done'
                     ORDER BY w.id DESC"
                ))?;
                let rows = statement.query_map([job], write_of)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// How many seats of each identifier were written to since an instant, by the profile under any
    /// name. What was withdrawn was not written.
    pub async fn reclaims_since(
        &self,
        profile: ProfileId,
        since: Timestamp,
    ) -> Result<BTreeMap<Identifier, u32>, StoreError> {
        self.database
            .read("count writes", move |t| {
                let mut statement = t.prepare_cached(&format!(
                    "SELECT c.identifier, count(*)
                     FROM writes AS w JOIN candidates AS c ON c.id = w.candidate_id
                     WHERE w.profile_id IN {OF_ONE_ACCOUNT} AND w.kind = 'reclaim'
                       AND w.state <> 'withdrawn' AND w.intended_at >= ?2
                     GROUP BY c.identifier"
                ))?;
                let rows = statement.query_map(params![profile.0, At(since)], |row| {
                    let count = row.get::<_, Count>(1)?.0;
                    let identifier = row.get::<_, Word<Identifier>>(0)?.0;
                    Ok((identifier, u32::try_from(count).unwrap_or(u32::MAX)))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Records that a seat which `by` wanted given back was held again already: nothing was written,
    /// and nobody is asked for it before `kept_until`. `false`, and nothing is recorded, where another
    /// write gave it back or is about to.
    pub async fn note_found_held(
        &self,
        candidate: i64,
        kept_until: Timestamp,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by = by.clone();
        self.database
            .write("record restored seat", move |t| {
                let by_another: bool = t
                    .prepare_cached(
                        "SELECT restored_at IS NOT NULL OR EXISTS (SELECT 1 FROM writes AS w
                             WHERE w.candidate_id = c.id AND w.state = 'intended')
                         FROM candidates AS c WHERE id = ?1",
                    )?
                    .query_row([candidate], |row| row.get(0))?;
                if by_another {
                    return Ok(false);
                }
                let reason = format!("its user had it again before `undo` of {by}");
                restored(t, candidate, &reason, kept_until, now)?;
                if let Some(candidate) = candidate_at(t, candidate)? {
                    let facts = json!({ "kept_until": candidate.kept_until });
                    let found = entry(AuditAction::FoundHeld, &by, &candidate, facts);
                    audit::append(t, &found, now)?;
                }
                Ok(true)
            })
            .await
    }
}

/// Nobody is asked for a seat that is held again before `kept_until`; `reason` says how it came back.
fn restored(
    t: &Transaction<'_>,
    candidate: i64,
    reason: &str,
    kept_until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE candidates SET restored_at = ?2, kept_until = ?3, reason = ?4 WHERE id = ?1",
    )?
    .execute(params![candidate, At(now), At(kept_until), reason])?;
    let held_again = t
        .prepare_cached(
            "UPDATE subscriptions SET ended_at = NULL, ended_by = NULL, last_seen = NULL
         WHERE id = (SELECT subscription_id FROM candidates WHERE id = ?1)
           AND ended_by = 'reclaim'",
        )?
        .execute([candidate])?;
    if held_again > 0 {
        count_assigned(t, candidate, 1)?;
    }
    Ok(())
}

/// Adds what became of a write to the audit log: what was before, and what is now.
fn tell(
    t: &Transaction<'_>,
    write: &Write,
    end: &WriteEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(candidate) = candidate_at(t, write.candidate)? else {
        return Ok(());
    };
    let facts = json!({
        "write": write.id, "kind": write.kind, "state": end.state, "before": write.prior,
        "trace_id": end.trace_id, "job": write.job, "plan": write.plan,
    });
    let mut ended = entry(AuditAction::WriteEnded, &write.asked_by, &candidate, facts);
    ended.texts.push(("outcome", end.outcome.clone()));
    audit::append(t, &ended, now)
}

fn write_of(row: &Row<'_>) -> rusqlite::Result<Write> {
    Ok(Write {
        id: row.get("id")?,
        candidate: row.get("candidate_id")?,
        external_user_id: row.get("external_user_id")?,
        identifier: row.get::<_, Word<_>>("identifier")?.0,
        kind: row.get::<_, Word<_>>("kind")?.0,
        state: row.get::<_, Word<_>>("state")?.0,
        job: row.get("job")?,
        plan: row.get("plan")?,
        asked_by: row.get("asked_by")?,
        intended_at: row.get::<_, At>("intended_at")?.0,
        ended_at: row.get::<_, Option<At>>("ended_at")?.map(|at| at.0),
        prior: row.get::<_, Option<Json<_>>>("prior")?.map(|json| json.0),
        outcome: row.get("outcome")?,
        trace_id: row.get("trace_id")?,
    })
}
