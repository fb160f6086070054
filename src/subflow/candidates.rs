//! The calculation of candidates: which seats are unused now, and what became of those that were found
//! before. It calls no vendor and runs whether or not anything may be reclaimed.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::criteria::Judging;
use super::savings::Prices;
use super::{Outcome, Run, SubflowError};
use crate::connector::facts::Grade;
use crate::profile::folding::folded_address;
use crate::profile::identifier::Identifier;
use crate::reclamation::actor::Actor;
use crate::reclamation::approval::evidence_digest;
use crate::reclamation::candidate::{Attention, Candidate, Event, Justification, Savings, State};
use crate::reclamation::criteria::{Criteria, Knowledge};
use crate::reclamation::judge::{self, Check, Judgement, Lapse, Reference};
use crate::reclamation::seat::SeatFacts;
use crate::settings::Guards;
use crate::store::StoreError;
use crate::store::candidate::{Happened, Happening, NewCandidate};
use crate::store::job::Counts;
use crate::store::judgement::Scanned;

/// Seats judged in one read.
const SEATS: u32 = 20_000;
/// New candidates that wait for one transaction, which the disk confirms once.
const RECORDED_AT_ONCE: usize = 500;
/// Open candidates that are held in memory at once.
const OPEN: u32 = 250;
/// A candidate that requires attention for longer is given up, as in ServiceNow
/// (`sam_reclamation_flow_error_timeout`).
pub(super) const ATTENTION_TIMEOUT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Runs the calculation: new candidates are `inserted`, moved ones `updated`, closed ones `ended`.
pub async fn refresh_candidates(
    run: &Run<'_>,
    ceiling: Guards,
    counts: &mut Counts,
) -> Result<Outcome, SubflowError> {
    let now = run.now();
    let judging = Arc::new(Judging::at(run.store, run.profile, ceiling, now).await?);
    run.reporter.step("open candidates", None);
    let prices = Prices::of(run.store, run.now().to_zoned(run.zone.clone()).date()).await?;
    let open = follow(run, &judging, &prices, counts).await?;
    run.reporter.step("seats judged", None);
    find(run, &judging, &prices, Arc::new(open), counts).await?;
    Ok(Outcome::Completed)
}

/// What an open candidate's seat looks like now.
#[derive(Debug, Clone)]
struct Seen {
    lapse: Option<(Check, Lapse)>,
    why: String,
    asks_user: bool,
    email: String,
}

/// Moves open candidates on: seats that were used, are gone, or are not meant any more; answers that
/// did not come; trouble that was mended or was not. The seats whose candidate stays open.
async fn follow(
    run: &Run<'_>,
    judging: &Arc<Judging>,
    prices: &Prices,
    counts: &mut Counts,
) -> Result<HashSet<i64>, StoreError> {
    let now = run.now();
    let mut seats = HashSet::new();
    let mut after = 0;
    loop {
        let judged = Arc::clone(judging);
        let open = run
            .store
            .open_candidates_with_seats(
                run.profile.id,
                Arc::clone(&judging.namesakes),
                (after, OPEN),
                move |candidate, identifier, facts| {
                    let why = candidate.justification;
                    seen(why, &judged.of(identifier), &judged.knowledge, facts)
                },
            )
            .await?;
        let Some(last) = open.last() else {
            return Ok(seats);
        };
        after = last.candidate.id;
        seats.extend(open.iter().filter_map(|open| open.candidate.subscription));
        counts.fetched += u64::try_from(open.len()).unwrap_or_default();
        let happenings: Vec<Happening> = open
            .iter()
            .filter_map(|open| next_of(&open.candidate, open.seat.as_ref(), now))
            .collect();
        for happened in run.store.happen(happenings, now).await? {
            if let Happened::Moved(candidate) = happened {
                if candidate.state.is_closed() {
                    if let Some(seat) = candidate.subscription {
                        seats.remove(&seat);
                    }
                    counts.ended += 1;
                } else {
                    counts.updated += 1;
                }
            }
        }
        // After what happens: who does not answer any more is asked at the new address next time.
        let renewed = open
            .iter()
            .filter_map(|open| renewed(&open.candidate, open.seat.as_ref(), prices));
        run.store.renew_candidates(renewed.collect()).await?;
    }
}

fn seen(
    justification: Justification,
    criteria: &Criteria,
    knowledge: &Knowledge,
    facts: &SeatFacts<'_>,
) -> Seen {
    let lapse = judge::lapse(justification, criteria, knowledge, facts);
    let why = lapse.map(|(failed, _)| {
        let predicates = judge::explain(justification, criteria, knowledge, facts);
        let predicate = predicates.into_iter().find(|one| one.check == failed);
        predicate.map_or_else(String::new, |one| {
            format!(
                "`{}` does not hold: {} ({})",
                failed.as_str(),
                one.value,
                one.source
            )
        })
    });
    Seen {
        lapse,
        why: why.unwrap_or_default(),
        asks_user: criteria.deciding(justification).rule.asks_user(),
        email: facts.email.to_owned(),
    }
}

/// What a candidate saves now, where that or its user's address is not as it is recorded.
fn renewed(
    candidate: &Candidate,
    seat: Option<&Seen>,
    prices: &Prices,
) -> Option<(i64, Option<Savings>)> {
    let savings = prices.of_identifier(&candidate.identifier);
    let moved = seat.is_some_and(|seat| seat.email != candidate.email);
    (moved || savings != candidate.savings).then_some((candidate.id, savings))
}

/// What happens to a candidate now, if anything does.
fn next_of(candidate: &Candidate, seat: Option<&Seen>, now: Timestamp) -> Option<Happening> {
    let happens =
        |event, reason: String| Some(Happening::new(candidate.id, event, reason, &Actor::Rule));
    let Some(seat) = seat else {
        return happens(Event::SeatGone, "the seat is not there any more".to_owned());
    };
    match seat.lapse {
        Some((_, Lapse::Used)) => return happens(Event::Used, seat.why.clone()),
        Some((_, Lapse::NotMeant)) => return happens(Event::NoLongerMeant, seat.why.clone()),
        Some((_, Lapse::Unproved)) | None => {}
    }
    match (candidate.state, candidate.attention) {
        (State::AttentionRequired, Some(Attention::NoUser))
            if !seat.email.is_empty() || !seat.asks_user =>
        {
            happens(Event::Solved, "its user can be asked now".to_owned())
        }
        (State::AttentionRequired, _)
            if now.duration_since(candidate.changed_at) > ATTENTION_TIMEOUT =>
        {
            let days = ATTENTION_TIMEOUT.as_hours() / 24;
            happens(
                Event::TimedOut,
                format!("it required attention for more than {days} days"),
            )
        }
        (State::AwaitingUser, _)
            if folded_address(&candidate.email) != folded_address(&seat.email) =>
        {
            happens(
                Event::NoticeFailed,
                "its user has another address now than the one that was asked: ask there after `resume` and `reclaim`".to_owned(),
            )
        }
        (State::AwaitingUser, _) if candidate.answer_by.is_some_and(|by| by < now) => {
            let (event, reason) = silence(candidate);
            happens(event, reason)
        }
        (State::Ready, _) if seat.asks_user && seat.email.is_empty() => happens(
            Event::UserMissing,
            "its user is to be asked, and the vendor tells no address".to_owned(),
        ),
        _ => None,
    }
}

/// What it means that a user did not answer in time: consent only where a mail server took the question.
fn silence(candidate: &Candidate) -> (Event, String) {
    match candidate.asked_at {
        Some(asked_at) => (
            Event::NoAnswer,
            format!("its user was asked by mail at {asked_at:.0} and did not answer in time"),
        ),
        None => (
            Event::NoticeFailed,
            "its user did not answer in time, and no mail server is known to have taken the question: ask them, then record it with `seatsync candidates answer` after `resume` and `reclaim`, or set `notify_user: false` in the rule".to_owned(),
        ),
    }
}

/// Looks at every seat without an `open` candidate, and records those that are found unused while the next
/// ones are looked at.
async fn find(
    run: &Run<'_>,
    judging: &Arc<Judging>,
    prices: &Prices,
    open: Arc<HashSet<i64>>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let mut after = Some(0);
    let mut unrecorded: Vec<NewCandidate> = Vec::new();
    while after.is_some() || !unrecorded.is_empty() {
        let due = if unrecorded.len() >= RECORDED_AT_ONCE || after.is_none() {
            std::mem::take(&mut unrecorded)
        } else {
            Vec::new()
        };
        let (scanned, recorded) = tokio::try_join!(
            scan(run, judging, &open, after),
            run.store.open_candidates(run.profile.id, due, run.now()),
        )?;
        counts.inserted += recorded;
        let found = scanned.found.into_iter();
        unrecorded.extend(found.map(|(identifier, new)| NewCandidate {
            savings: prices.of_identifier(&identifier),
            ..new
        }));
        after = scanned.next;
        run.reporter.advance();
    }
    Ok(())
}

/// Seats that are found unused among those after the one with that number.
async fn scan(
    run: &Run<'_>,
    judging: &Arc<Judging>,
    open: &Arc<HashSet<i64>>,
    after: Option<i64>,
) -> Result<Scanned<(Identifier, NewCandidate)>, StoreError> {
    let Some(after) = after else {
        return Ok(Scanned {
            found: Vec::new(),
            next: None,
        });
    };
    let judged = Arc::clone(judging);
    let open = Arc::clone(open);
    run.store
        .judge_seats(
            run.profile.id,
            Arc::clone(&judging.namesakes),
            judging.used_by_any_rule(),
            (after, SEATS),
            RECORDED_AT_ONCE,
            move |identifier, facts| {
                if open.contains(&facts.subscription) {
                    return None;
                }
                found(&judged.of(identifier), &judged.knowledge, facts)
            },
        )
        .await
}

fn found(
    criteria: &Criteria,
    knowledge: &Knowledge,
    facts: &SeatFacts<'_>,
) -> Option<(Identifier, NewCandidate)> {
    let (justification, reference) = match judge::judge(criteria, knowledge, facts) {
        Judgement::Unused(reference) => (Justification::LowUsage, reference),
        Judgement::Left(reference) => (Justification::Left, reference),
        Judgement::NotACandidate(_) => return None,
    };
    let (grade, reason) = match (justification, facts.holder.found()) {
        (Justification::Left, Some(person)) => (
            criteria.evidence().unwrap_or(Grade::Listed),
            format!(
                "its user left, by UserDirectory {}, line {} of `{}`",
                person.directory, person.line, person.file
            )
            .into(),
        ),
        _ => (
            criteria.evidence()?,
            "not used within the rule's threshold".into(),
        ),
    };
    let last_activity = facts.last_activity();
    let deciding = criteria.deciding(justification);
    let rule = &deciding.rule;
    let new = NewCandidate {
        subscription: facts.subscription,
        justification,
        reason,
        rule: Arc::clone(&deciding.origin),
        rule_digest: Arc::clone(&deciding.digest),
        reference,
        last_activity,
        grade,
        evidence_digest: evidence_of(reference, last_activity, grade),
        savings: None,
        assignment_group: rule.assignment_group.clone(),
        user_missing: rule.asks_user() && facts.email.is_empty(),
    };
    Some((criteria.identifier.clone(), new))
}

fn evidence_of(reference: Reference, last: Option<(Date, Grade)>, grade: Grade) -> String {
    evidence_digest(reference, last, Some(grade))
}
