//! Candidates: seats found unused, and what becomes of them. Every change of a state goes through
//! [`happen`], which asks the state machine.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::audit::{self, AuditAction, Chain, NewEntry};
use super::column::{At, Day, Json, Word};
use super::document::ProfileId;
use super::{Store, StoreError, notice};
use crate::connector::facts::Grade;
use crate::notice::Occasion;
use crate::profile::folding::folded_address;
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{
    Attention, Candidate, Event, ImpossibleTransition, Justification, Savings, State,
};
use crate::reclamation::judge::{Reference, ReferenceKind};

/// A candidate to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCandidate {
    /// Our number of the seat.
    pub subscription: i64,
    /// Why it is a candidate.
    pub justification: Justification,
    /// The same in words.
    pub reason: Cow<'static, str>,
    /// Where the rule is written that decides.
    pub rule: Arc<str>,
    /// Of that rule.
    pub rule_digest: Arc<str>,
    /// What its idleness is counted from.
    pub reference: Reference,
    /// The last known use.
    pub last_activity: Option<(jiff::civil::Date, Grade)>,
    /// The grade of the evidence that covered the window.
    pub grade: Grade,
    /// Of the evidence.
    pub evidence_digest: String,
    /// What taking it back may save.
    pub savings: Option<Savings>,
    /// Who decides when its user wants to keep it.
    pub assignment_group: Option<String>,
    /// Whether its user is to be asked and has no address.
    pub user_missing: bool,
}

/// Something that happens to a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// To which.
    pub candidate: i64,
    /// What.
    pub event: Event,
    /// Why, for people.
    pub reason: String,
    /// Who or what made it happen.
    pub by: Actor,
    /// Until when its user's answer is waited for, where the user is asked.
    pub answer_by: Option<Timestamp>,
    /// Before when nobody is asked again for the seat, where it is closed.
    pub kept_until: Option<Timestamp>,
}

impl Happening {
    /// What happens, with nothing to be waited for.
    pub fn new(candidate: i64, event: Event, reason: impl Into<String>, by: &Actor) -> Self {
        Self {
            candidate,
            event,
            reason: reason.into(),
            by: by.clone(),
            answer_by: None,
            kept_until: None,
        }
    }
}

/// What became of a happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened<C = Candidate> {
    /// The candidate is in this state now.
    Moved(Box<C>),
    /// It cannot happen in the state that the candidate is in.
    Impossible(ImpossibleTransition),
    /// A write to the vendor for it is under way, and what becomes of it is told by that.
    UnderWrite,
    /// There is no such candidate.
    Unknown,
}

/// Which candidates a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateFilter {
    /// Of this profile.
    pub profile: Option<Name>,
    /// Of this identifier, as text: an unknown one finds nothing.
    pub identifier: Option<String>,
    /// Of this user, by the vendor's id or by e-mail address in any case.
    pub user: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Open ones, or closed ones.
    pub open: Option<bool>,
}

const SELECT: &str = "SELECT c.*, p.name AS profile
    FROM candidates AS c JOIN profiles AS p ON p.id = c.profile_id";

impl Store {
    /// Candidates in the order of their numbers, after the one with number `after`, at most `limit`.
    pub async fn candidates(
        &self,
        filter: CandidateFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        self.database
            .read("list candidates", move |t| {
                let mut statement = t.prepare_cached(&format!(
                    "{SELECT} WHERE c.id > ?1
                       AND (?2 IS NULL OR p.name = ?2)
                       AND (?3 IS NULL OR c.identifier = ?3)
                       AND (?4 IS NULL OR c.external_user_id = ?4 OR folded(c.email) = ?5
                            OR c.subscription_id IN (SELECT id FROM subscriptions
                                WHERE coalesce(email_folded, email) = ?5))
                       AND (?6 IS NULL OR c.state = ?6)
                       AND (?7 IS NULL OR (c.closed_at IS NULL) = ?7)
                     ORDER BY c.id LIMIT ?8"
                ))?;
                let rows = statement.query_map(
                    params![
                        after.unwrap_or(0),
                        filter.profile.map(String::from),
                        filter.identifier,
                        filter.user,
                        filter.user.as_deref().map(folded_address),
                        filter.state.map(State::as_str),
                        filter.open,
                        limit,
                    ],
                    candidate_of,
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Open candidates, those of the largest `value` first and of equals the earlier, at most `limit`. All
    /// are looked at, and no more than `limit` held.
    pub async fn open_candidates_by<V: Ord>(
        &self,
        value: impl Fn(&Candidate) -> V + Send + 'static,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        self.database
            .read("sort candidates", move |t| {
                let mut statement =
                    t.prepare_cached(&format!("{SELECT} WHERE c.closed_at IS NULL ORDER BY c.id"))?;
                let mut rows = statement.query([])?;
                let mut first = BTreeMap::new();
                while let Some(row) = rows.next()? {
                    let candidate = candidate_of(row)?;
                    first.insert((Reverse(value(&candidate)), candidate.id), candidate);
                    if first.len() > limit as usize {
                        first.pop_last();
                    }
                }
                Ok(first.into_values().collect())
            })
            .await
    }

    /// One candidate.
    pub async fn candidate(&self, id: i64) -> Result<Option<Candidate>, StoreError> {
        self.database
            .read("read candidate", move |t| candidate_at(t, id))
            .await
    }

    /// Records seats that were found unused; one with an open candidate, or that is gone by now, is
    /// passed over. Returns how many are new.
    pub async fn open_candidates(
        &self,
        profile: ProfileId,
        found: Vec<NewCandidate>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if found.is_empty() {
            return Ok(0);
        }
        self.database
            .write("record candidates", move |t| {
                let mut chain = Chain::read(t)?;
                let mut opened = 0;
                let mut missing = Vec::new();
                for candidate in &found {
                    let Some(id) = open(t, &mut chain, profile, candidate, now)? else {
                        continue;
                    };
                    opened += 1;
                    missing.extend(candidate.user_missing.then_some(id));
                }
                for id in missing {
                    let reason = "its user is to be asked, and the vendor tells no address";
                    let missing = Happening::new(id, Event::UserMissing, reason, &Actor::Rule);
                    happen(t, &missing, now)?;
                }
                Ok(opened)
            })
            .await
    }

    /// Takes over what each of these seats saves now, and how the vendor calls its user. Who was asked,
    /// and has not answered yet, keeps the address that the question went to.
    pub async fn renew_candidates(
        &self,
        renewed: Vec<(i64, Option<Savings>)>,
    ) -> Result<(), StoreError> {
        if renewed.is_empty() {
            return Ok(());
        }
        self.database
            .write("renew open candidates", move |t| {
                let mut renew = t.prepare_cached(
                    "UPDATE candidates AS c SET savings = ?2,
                         email = coalesce((SELECT s.email FROM subscriptions AS s
                             WHERE s.id = c.subscription_id AND c.state <> 'awaiting_user'), email),
                         display_name = coalesce((SELECT s.display_name FROM subscriptions AS s
                             WHERE s.id = c.subscription_id AND c.state <> 'awaiting_user'), display_name)
                     WHERE id = ?1 AND closed_at IS NULL",
                )?;
                for (candidate, savings) in &renewed {
                    renew.execute(params![candidate, savings.as_ref().map(Json)])?;
                }
                Ok(())
            })
            .await
    }

    /// Lets things happen to candidates, in one transaction. What cannot happen is told, and changes
    /// nothing.
    pub async fn happen(
        &self,
        happenings: Vec<Happening>,
        now: Timestamp,
    ) -> Result<Vec<Happened>, StoreError> {
        if happenings.is_empty() {
            return Ok(Vec::new());
        }
        let asks = |happening: &Happening| happening.event == Event::Pressed { asks_user: true };
        let is_question = happenings.iter().any(asks);
        let happened = self
            .database
            .write("move candidates", move |t| {
                happenings
                    .iter()
                    .map(|happening| happen(t, happening, now))
                    .collect()
            })
            .await?;
        if is_question {
            self.outbox.notify_one();
        }
        Ok(happened)
    }

    /// Nobody is asked again for the candidate's seat before `until`.
    pub async fn keep_until(
        &self,
        id: i64,
        until: Timestamp,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let by = by.clone();
        self.database
            .write("keep seat", move |t| {
                t.prepare_cached("UPDATE candidates SET kept_until = ?2 WHERE id = ?1")?
                    .execute(params![id, At(until)])?;
                if let Some(candidate) = candidate_at(t, id)? {
                    let facts = json!({ "kept_until": until });
                    let kept = entry(AuditAction::CandidateKept, &by, &candidate, facts);
                    audit::append(t, &kept, now)?;
                }
                Ok(())
            })
            .await
    }
}

/// Records a seat that was found unused, and adds that to the audit log. Its candidate's number; `None`
/// where the seat has an open one, or is gone.
fn open(
    t: &Transaction<'_>,
    chain: &mut Chain,
    profile: ProfileId,
    new: &NewCandidate,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    // A statement that both reads and inserts would keep a journal of its own.
    let seat = t
        .prepare_cached(
            "SELECT external_user_id, email, display_name, identifier,
                 (SELECT name FROM profiles AS p WHERE p.id = profile_id)
             FROM subscriptions AS s
             WHERE id = ?1 AND profile_id = ?2 AND ended_at IS NULL AND NOT EXISTS (
                 SELECT 1 FROM candidates AS c
                 WHERE c.subscription_id = s.id AND c.closed_at IS NULL)",
        )?
        .query_row(params![new.subscription, profile.0], Seat::of)
        .optional()?;
    let Some(seat) = seat else {
        return Ok(None);
    };
    t.prepare_cached(
        "INSERT INTO candidates (profile_id, subscription_id, external_user_id, email,
             display_name, identifier, state, reason, justification, rule, rule_digest,
             reference, reference_day, last_activity, last_grade, grade, evidence_digest,
             savings, assignment_group, opened_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'ready', ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
             ?17, ?18, ?19, ?19)",
    )?
    .execute(params![
        profile.0,
        new.subscription,
        seat.user,
        seat.email,
        seat.display_name,
        seat.identifier.as_str(),
        new.reason,
        new.justification.as_str(),
        new.rule,
        new.rule_digest,
        new.reference.kind.as_str(),
        Day(new.reference.day),
        new.last_activity.map(|(day, _)| Day(day)),
        new.last_activity.map(|(_, grade)| grade.as_str()),
        new.grade.as_str(),
        new.evidence_digest,
        new.savings.as_ref().map(Json),
        new.assignment_group,
        At(now),
    ])?;
    let id = t.last_insert_rowid();
    let entry = NewEntry {
        action: AuditAction::CandidateOpened,
        who: Actor::Rule,
        candidate: Some(id),
        texts: vec![("user", seat.user), ("email", seat.email)],
        identifier: Some(seat.identifier),
        profile: Some(seat.profile),
        facts: json!({
            "justification": new.justification, "rule": *new.rule,
            "rule_digest": *new.rule_digest, "reference": new.reference,
            "last_activity": new.last_activity.map(|(day, _)| day), "grade": new.grade,
            "evidence": new.evidence_digest, "savings": new.savings,
        }),
    };
    chain.append(t, &entry, now)?;
    Ok(Some(id))
}

/// What a candidate takes over from its seat.
struct Seat {
    user: String,
    email: String,
    display_name: String,
    identifier: Identifier,
    profile: Name,
}

impl Seat {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            user: row.get(0)?,
            email: row.get(1)?,
            display_name: row.get(2)?,
            identifier: row.get::<_, Word<_>>(3)?.0,
            profile: row.get::<_, Word<_>>(4)?.0,
        })
    }
}

/// An entry of the audit log about a candidate.
pub(super) fn entry(
    action: AuditAction,
    who: &Actor,
    candidate: &Candidate,
    facts: Value,
) -> NewEntry {
    NewEntry {
        action,
        who: who.clone(),
        profile: Some(candidate.profile.clone()),
        candidate: Some(candidate.id),
        identifier: Some(candidate.identifier.clone()),
        facts,
        texts: vec![
            ("user", candidate.external_user_id.clone()),
            ("email", candidate.email.clone()),
        ],
    }
}

/// Lets something happen to a candidate, within a transaction of this room.
pub(super) fn happen(
    t: &Transaction<'_>,
    happening: &Happening,
    now: Timestamp,
) -> Result<Happened, StoreError> {
    let Some(before) = candidate_at(t, happening.candidate)? else {
        return Ok(Happened::Unknown);
    };
    let is_written: bool = t
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM writes WHERE candidate_id = ?1 AND state = 'intended')",
        )?
        .query_row([before.id], |row| row.get(0))?;
    if is_written {
        return Ok(Happened::UnderWrite);
    }
    let state = match before.state.after(happening.event) {
        Ok(state) => state,
        Err(impossible) => return Ok(Happened::Impossible(impossible)),
    };
    let asks = happening.event == Event::Pressed { asks_user: true };
    write_state(t, "candidates", happening, state, now)?;
    if happening.event == Event::Revoked {
        end_seat(t, &before, now)?;
    }
    if asks {
        t.prepare_cached("UPDATE candidates SET asked_at = NULL WHERE id = ?1")?
            .execute([before.id])?;
        let (candidate, round) = (before.id, before.round + 1);
        notice::announce(t, &Occasion::Question { candidate, round }, now)?;
    }
    let facts = json!({
        "event": happening.event, "from": before.state, "to": state,
        "answer_by": happening.answer_by, "kept_until": happening.kept_until,
    });
    let mut moved = entry(AuditAction::CandidateMoved, &happening.by, &before, facts);
    moved.texts.push(("reason", happening.reason.clone()));
    audit::append(t, &moved, now)?;
    let after = candidate_at(t, happening.candidate)?;
    Ok(after.map_or(Happened::Unknown, |after| Happened::Moved(Box::new(after))))
}

/// Writes the state that a happening leads to, in one of the tables of candidates.
pub(super) fn write_state(
    t: &Transaction<'_>,
    table: &'static str,
    happening: &Happening,
    state: State,
    now: Timestamp,
) -> Result<(), StoreError> {
    let asks = happening.event == Event::Pressed { asks_user: true };
    let presses = matches!(happening.event, Event::Pressed { .. });
    t.prepare_cached(&format!(
        "UPDATE {table} SET state = ?2, attention = ?3, reason = ?4, changed_at = ?5,
             closed_at = ?6, pressed_by = coalesce(?7, pressed_by), round = round + ?8,
             answer_by = ?9, kept_until = coalesce(?10, kept_until)
         WHERE id = ?1"
    ))?
    .execute(params![
        happening.candidate,
        state.as_str(),
        attention_of(happening.event).map(Word),
        happening.reason,
        At(now),
        state.is_closed().then_some(At(now)),
        presses.then_some(&happening.by),
        asks,
        happening.answer_by.map(At),
        happening.kept_until.map(At),
    ])?;
    Ok(())
}

/// A seat that was taken back is not held any more; the next download finds what is there instead.
fn end_seat(t: &Transaction<'_>, candidate: &Candidate, now: Timestamp) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE subscriptions SET ended_at = ?2, ended_by = 'reclaim', last_seen = ?2
         WHERE id = ?1 AND ended_at IS NULL",
    )?
    .execute(params![candidate.subscription, At(now)])?;
    count_assigned(t, candidate.id, -1)
}

/// The vendor's own count of the seats of a candidate's identifier follows what was written, until it is
/// read again.
pub(super) fn count_assigned(
    t: &Transaction<'_>,
    candidate: i64,
    change: i64,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE purchases SET assigned = max(assigned + ?2, 0)
         WHERE (profile_id, identifier) IN (
             SELECT profile_id, identifier FROM candidates WHERE id = ?1)",
    )?
    .execute([candidate, change])?;
    Ok(())
}

fn attention_of(event: Event) -> Option<Attention> {
    match event {
        Event::UserMissing => Some(Attention::NoUser),
        Event::NoticeFailed => Some(Attention::NoticeUndeliverable),
        Event::Failed => Some(Attention::ReclaimFailed),
        _ => None,
    }
}

/// One candidate, within a transaction of this room.
pub(super) fn candidate_at(t: &Transaction<'_>, id: i64) -> Result<Option<Candidate>, StoreError> {
    Ok(t.prepare_cached(&format!("{SELECT} WHERE c.id = ?1"))?
        .query_row([id], candidate_of)
        .optional()?)
}

/// The candidate of a row that [`SELECT`] gives.
pub(super) fn candidate_of(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let instant = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    Ok(Candidate {
        id: row.get("id")?,
        profile: row.get::<_, Word<_>>("profile")?.0,
        subscription: row.get("subscription_id")?,
        external_user_id: row.get("external_user_id")?,
        email: row.get("email")?,
        display_name: row.get("display_name")?,
        identifier: row.get::<_, Word<_>>("identifier")?.0,
        state: row.get::<_, Word<_>>("state")?.0,
        attention: row
            .get::<_, Option<Word<_>>>("attention")?
            .map(|word| word.0),
        reason: row.get("reason")?,
        justification: row.get::<_, Word<_>>("justification")?.0,
        rule: row.get("rule")?,
        rule_digest: row.get("rule_digest")?,
        reference: Reference {
            kind: row.get::<_, Word<ReferenceKind>>("reference")?.0,
            day: row.get::<_, Day>("reference_day")?.0,
        },
        last_activity: row.get::<_, Option<Day>>("last_activity")?.map(|day| day.0),
        last_grade: row
            .get::<_, Option<Word<_>>>("last_grade")?
            .map(|word| word.0),
        grade: row.get::<_, Word<_>>("grade")?.0,
        evidence_digest: row.get("evidence_digest")?,
        savings: row.get::<_, Option<Json<_>>>("savings")?.map(|json| json.0),
        assignment_group: row.get("assignment_group")?,
        opened_at: row.get::<_, At>("opened_at")?.0,
        changed_at: row.get::<_, At>("changed_at")?.0,
        closed_at: instant("closed_at")?,
        pressed_by: row.get("pressed_by")?,
        round: row.get("round")?,
        asked_at: instant("asked_at")?,
        answer_by: instant("answer_by")?,
        kept_until: instant("kept_until")?,
        restored_at: instant("restored_at")?,
    })
}
