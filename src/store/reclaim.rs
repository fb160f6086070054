//! What a reclaim rests on beside the candidates: the rules in force and when they were relaxed, the
//! plans that were acted on or released, and the seats of reviewed plans.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{self, AuditAction, NewEntry};
use super::column::{At, Json, Word};
use super::document::ProfileId;
use super::{Store, StoreError};
use crate::reclamation::actor::Actor;
use crate::reclamation::approval::ReviewedSeat;
use crate::reclamation::plan::Plan;
use crate::reclamation::rule::{Rule, Rules};

/// Stands for every identifier that no rule names.
const ALL_OTHERS: &str = "*";

/// How a profile's reclaiming stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReclaimStanding {
    /// When a plan was last acted on.
    pub acted_at: Option<Timestamp>,
    /// Writes that failed in a row.
    pub errors: u32,
    /// The digest of the plan that a person released.
    pub released: Option<String>,
    /// The plan as a job made it last.
    pub last_plan: Option<Plan>,
}

/// What was relaxed lately, by what it reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loosened {
    /// Rules, by identifier.
    pub rules: BTreeMap<String, String>,
    /// Of all identifiers that no rule names.
    pub general: Option<String>,
    /// Exclusions of whole identifiers.
    pub identifiers: BTreeMap<String, String>,
    /// Exclusions and protections, by the vendor's user id.
    pub users: BTreeMap<String, String>,
}

impl Loosened {
    /// What was relaxed for one seat.
    pub fn of(&self, external_user_id: &str, identifier: &str) -> Option<&str> {
        let rule = self.rules.get(identifier).or(self.general.as_ref());
        self.users
            .get(external_user_id)
            .or_else(|| self.identifiers.get(identifier))
            .or(rule)
            .map(String::as_str)
    }
}

impl Store {
    /// Records the rules that reach a profile. What became looser is told, and remembered with the
    /// time; a profile's first rules are no looser than none.
    pub async fn settle_rules(
        &self,
        profile: ProfileId,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.database
            .write("record rules", move |t| {
                let mut known: BTreeMap<String, (Rule, String)> = BTreeMap::new();
                let mut statement = t.prepare_cached(
                    "SELECT identifier, rule, digest FROM rules_in_force WHERE profile_id = ?1",
                )?;
                let mut rows = statement.query([profile.0])?;
                while let Some(row) = rows.next()? {
                    let rule = row.get::<_, Json<Rule>>(1)?.0;
                    known.insert(row.get(0)?, (rule, row.get(2)?));
                }
                let mut now_in_force: BTreeMap<String, &Rule> = rules
                    .of_identifiers
                    .iter()
                    .map(|(identifier, rule)| (identifier.to_string(), rule))
                    .collect();
                // An identifier that is not named any more is judged by the general rule.
                for identifier in known.keys() {
                    now_in_force
                        .entry(identifier.clone())
                        .or_insert(&rules.general);
                }
                now_in_force.insert(ALL_OTHERS.to_owned(), &rules.general);
                let general_before = known.get(ALL_OTHERS).map(|(rule, _)| rule.clone());
                let mut told = Vec::new();
                for (identifier, rule) in now_in_force {
                    let digest = rule.digest();
                    let before = known.get(&identifier);
                    if before.is_some_and(|(_, before)| *before == digest) {
                        continue;
                    }
                    let before = before.map(|(rule, _)| rule).or(general_before.as_ref());
                    let loosened = before
                        .map(|before| before.loosened_by(rule))
                        .filter(|loosened| !loosened.is_empty())
                        .map(|loosened| format!("{}: {}", rule.origin, loosened.join(", ")));
                    t.prepare_cached(
                        "INSERT INTO rules_in_force
                             (profile_id, identifier, rule, digest, since, loosened_at, loosened)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                         ON CONFLICT (profile_id, identifier) DO UPDATE SET
                             rule = excluded.rule, digest = excluded.digest,
                             since = excluded.since,
                             loosened_at = coalesce(excluded.loosened_at, loosened_at),
                             loosened = coalesce(excluded.loosened, loosened)",
                    )?
                    .execute(params![
                        profile.0,
                        identifier,
                        Json(rule),
                        digest,
                        At(now),
                        loosened.as_ref().map(|_| At(now)),
                        loosened,
                    ])?;
                    if let Some(loosened) = &loosened {
                        let facts = json!({
                            "identifier": identifier, "rule": rule.origin, "rule_digest": digest,
                            "loosened": loosened,
                        });
                        audit::append(
                            t,
                            &of_profile(
                                t,
                                AuditAction::RuleLoosened,
                                &Actor::Files,
                                profile,
                                facts,
                            )?,
                            now,
                        )?;
                    }
                    told.extend(loosened.map(|loosened| format!("`{identifier}`: {loosened}")));
                }
                Ok(told)
            })
            .await
    }

    /// What was relaxed at `since` or later. Instants are kept to the millisecond, so that one which is
    /// `since` here may have been later.
    pub async fn loosened_since(
        &self,
        profile: ProfileId,
        since: Timestamp,
    ) -> Result<Loosened, StoreError> {
        self.database
            .read("look what was relaxed", move |t| {
                let mut loosened = Loosened::default();
                let mut rules = t.prepare_cached(
                    "SELECT identifier, loosened FROM rules_in_force
                     WHERE profile_id = ?1 AND loosened_at >= ?2",
                )?;
                let mut rows = rules.query(params![profile.0, At(since)])?;
                while let Some(row) = rows.next()? {
                    let (identifier, what): (String, String) = (row.get(0)?, row.get(1)?);
                    if identifier == ALL_OTHERS {
                        loosened.general = Some(what);
                    } else {
                        loosened.rules.insert(identifier, what);
                    }
                }
                let lifted = |rule: String, purpose: &str| format!("{rule}: {purpose} was lifted");
                let mut identifiers = t.prepare_cached(
                    "SELECT identifier, rule FROM identifier_matches
                     WHERE profile_id = ?1 AND lifted_at >= ?2",
                )?;
                let mut rows = identifiers.query(params![profile.0, At(since)])?;
                while let Some(row) = rows.next()? {
                    let what = lifted(row.get(1)?, "an exclusion");
                    loosened.identifiers.insert(row.get(0)?, what);
                }
                let mut users = t.prepare_cached(
                    "SELECT external_user_id, rule, purpose FROM user_matches
                     WHERE profile_id = ?1 AND lifted_at >= ?2",
                )?;
                let mut rows = users.query(params![profile.0, At(since)])?;
                while let Some(row) = rows.next()? {
                    let purpose: String = row.get(2)?;
                    let what = lifted(row.get(1)?, &format!("a {purpose}"));
                    loosened.users.insert(row.get(0)?, what);
                }
                Ok(loosened)
            })
            .await
    }

    /// How a profile's reclaiming stands.
    pub async fn reclaim_standing(
        &self,
        profile: ProfileId,
    ) -> Result<ReclaimStanding, StoreError> {
        self.database
            .read("read reclaim standing", move |t| {
                Ok(t.prepare_cached(
                    "SELECT acted_at, errors, released, last_plan FROM reclaim_standings
                     WHERE profile_id = ?1",
                )?
                .query_row([profile.0], |row| {
                    Ok(ReclaimStanding {
                        acted_at: row.get::<_, Option<At>>(0)?.map(|at| at.0),
                        errors: row.get(1)?,
                        released: row.get(2)?,
                        last_plan: row.get::<_, Option<Json<Plan>>>(3)?.map(|plan| plan.0),
                    })
                })
                .optional()?
                .unwrap_or_default())
            })
            .await
    }

    /// Records the plan that a job made.
    pub async fn note_plan(&self, profile: ProfileId, plan: Plan) -> Result<(), StoreError> {
        self.database
            .write("record plan", move |t| {
                t.prepare_cached(
                    "INSERT INTO reclaim_standings (profile_id, last_plan) VALUES (?1, ?2)
                     ON CONFLICT (profile_id) DO UPDATE SET last_plan = excluded.last_plan",
                )?
                .execute(params![profile.0, Json(&plan)])?;
                Ok(())
            })
            .await
    }

    /// Records that a plan is acted on: its candidates are not new any more, and its release is used
    /// up.
    pub async fn note_acted(
        &self,
        profile: ProfileId,
        plan: String,
        candidates: Vec<i64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write("record plan", move |t| {
                t.prepare_cached(
                    "INSERT INTO reclaim_standings (profile_id, acted_at, acted_plan)
                     VALUES (?1, ?2, ?3)
                     ON CONFLICT (profile_id) DO UPDATE SET acted_at = excluded.acted_at,
                         acted_plan = excluded.acted_plan,
                         errors = iif(released = excluded.acted_plan, 0, errors),
                         released = NULL, released_by = NULL, released_at = NULL",
                )?
                .execute(params![profile.0, At(now), plan])?;
                let mut planned =
                    t.prepare_cached("UPDATE candidates SET planned = 1 WHERE id = ?1")?;
                for candidate in &candidates {
                    planned.execute([candidate])?;
                }
                let facts = json!({ "plan": plan, "candidates": candidates });
                audit::append(
                    t,
                    &of_profile(t, AuditAction::PlanActedOn, &Actor::Rule, profile, facts)?,
                    now,
                )
            })
            .await
    }

    /// A person releases exactly this plan.
    pub async fn release_plan(
        &self,
        profile: ProfileId,
        digest: String,
        by: Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write("release plan", move |t| {
                t.prepare_cached(
                    "INSERT INTO reclaim_standings (profile_id, released, released_by, released_at)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (profile_id) DO UPDATE SET released = excluded.released,
                         released_by = excluded.released_by, released_at = excluded.released_at",
                )?
                .execute(params![profile.0, digest, by, At(now)])?;
                let facts = json!({ "plan": digest });
                audit::append(
                    t,
                    &of_profile(t, AuditAction::PlanReleased, &by, profile, facts)?,
                    now,
                )
            })
            .await
    }

    /// Open candidates that no plan had which was acted on.
    pub async fn unplanned(&self, profile: ProfileId) -> Result<BTreeSet<i64>, StoreError> {
        self.database
            .read("read new candidates", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT id FROM candidates
                     WHERE profile_id = ?1 AND closed_at IS NULL AND NOT planned",
                )?;
                let rows = statement.query_map([profile.0], |row| row.get(0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Keeps what was so of the seats of a plan that is exported for review.
    pub async fn note_reviewed(
        &self,
        profile: ProfileId,
        digest: String,
        seats: Vec<ReviewedSeat>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let by = by.clone();
        self.database
            .write("record reviewed plan", move |t| {
                t.prepare_cached(
                    "INSERT OR REPLACE INTO reviewed_plans (profile_id, digest, seats, exported_at)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![profile.0, digest, Json(&seats), At(now)])?;
                let facts = json!({ "plan": digest, "seats": seats.len() });
                audit::append(
                    t,
                    &of_profile(t, AuditAction::PlanExported, &by, profile, facts)?,
                    now,
                )
            })
            .await
    }

    /// What was so of the seats of a plan when it was exported, by candidate; `None` for a plan that
    /// never was.
    pub async fn reviewed(
        &self,
        profile: ProfileId,
        digest: &str,
    ) -> Result<Option<BTreeMap<i64, ReviewedSeat>>, StoreError> {
        let digest = digest.to_owned();
        self.database
            .read("read reviewed plan", move |t| {
                let seats = t
                    .prepare_cached(
                        "SELECT seats FROM reviewed_plans WHERE profile_id = ?1 AND digest = ?2",
                    )?
                    .query_row(params![profile.0, digest], |row| {
                        row.get::<_, Json<Vec<ReviewedSeat>>>(0)
                    })
                    .optional()?;
                Ok(seats.map(|seats| {
                    let seats = seats.0.into_iter();
                    seats.map(|seat| (seat.candidate, seat)).collect()
                }))
            })
            .await
    }
}

/// An entry of the audit log about a profile.
pub(super) fn of_profile(
    t: &Transaction<'_>,
    action: AuditAction,
    who: &Actor,
    profile: ProfileId,
    facts: Value,
) -> Result<NewEntry, StoreError> {
    let name = t
        .prepare_cached("SELECT name FROM profiles WHERE id = ?1")?
        .query_row([profile.0], |row| Ok(row.get::<_, Word<_>>(0)?.0))
        .optional()?;
    Ok(NewEntry {
        profile: name,
        ..NewEntry::new(action, who, facts)
    })
}
