//! What people decide of candidates, in the words of the transitions. Nothing here calls a vendor: a
//! candidate that is to be taken back waits for the next reclaim.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{Candidate, Event, State};
use crate::reclamation::rule::{Rule, Rules};
use crate::settings::Guards;
use crate::store::candidate::{Happened, Happening};
use crate::store::{Store, StoreError};
use crate::yaml::duration::Span;

/// A decision on a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// Press Reclaim.
    Reclaim,
    /// The user answers: the seat is still needed.
    AnswerKeep,
    /// The user answers: it is not.
    AnswerGiveUp,
    /// The assignment group lets the user keep it.
    DecideKeep,
    /// The assignment group does not.
    DecideRemove,
    /// It stays with its user until then, whatever its state.
    KeepUntil {
        /// Until when.
        until: Timestamp,
    },
    /// What kept it from going on is put right.
    Resume,
    /// It is not taken back.
    Skip,
    /// It was taken back at the vendor by hand.
    Close,
}

impl Decision {
    /// The command, for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reclaim => "reclaim",
            Self::AnswerKeep => "answer --keep",
            Self::AnswerGiveUp => "answer --give-up",
            Self::DecideKeep => "decide --keep",
            Self::DecideRemove => "decide --remove",
            Self::KeepUntil { .. } => "keep --until",
            Self::Resume => "resume",
            Self::Skip => "skip",
            Self::Close => "close",
        }
    }
}

/// What became of a decision on one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The candidate's number.
    pub id: i64,
    /// The candidate afterwards; absent where nothing was changed.
    pub candidate: Option<Candidate>,
    /// Why nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Carries a decision of `by` out on each of `candidates`.
pub async fn decide(
    store: &Store,
    ceiling: Guards,
    decision: Decision,
    candidates: Vec<Candidate>,
    by: &Actor,
    now: Timestamp,
) -> Result<Vec<Decided>, StoreError> {
    let mut rules: BTreeMap<Name, Option<Rules>> = BTreeMap::new();
    let mut decided = Vec::new();
    for candidate in candidates {
        if !rules.contains_key(&candidate.profile) {
            let profile = store.desired_profile(&candidate.profile).await?;
            let of_profile = profile
                .filter(|profile| profile.orphaned_at.is_none())
                .map(|profile| Rules::of(&profile.desired, ceiling));
            rules.insert(candidate.profile.clone(), of_profile);
        }
        let rule = rules
            .get(&candidate.profile)
            .and_then(Option::as_ref)
            .map(|rules| rules.for_identifier(&candidate.identifier));
        decided.push(decide_one(store, decision, &candidate, rule, by, now).await?);
    }
    Ok(decided)
}

async fn decide_one(
    store: &Store,
    decision: Decision,
    candidate: &Candidate,
    rule: Option<&Rule>,
    by: &Actor,
    now: Timestamp,
) -> Result<Decided, StoreError> {
    if let (Decision::KeepUntil { until }, true) = (decision, candidate.state.is_closed()) {
        store.keep_until(candidate.id, until, by, now).await?;
        return Ok(Decided {
            id: candidate.id,
            candidate: store.candidate(candidate.id).await?,
            refused: None,
        });
    }
    let Some(rule) = rule else {
        return Ok(refused(
            candidate.id,
            format!("profile `{}` is not there any more", candidate.profile),
        ));
    };
    let terms = Terms {
        asks_user: rule.deciding(candidate.justification).asks_user(),
        days_to_answer: rule.days_before_auto_reclamation,
        cool_down: rule.cool_down,
    };
    let happening = happening_of(decision, candidate.id, terms, by, now);
    let happened = store.happen(vec![happening], now).await?;
    Ok(match happened.into_iter().next() {
        Some(Happened::Moved(moved)) => Decided {
            id: moved.id,
            candidate: Some(*moved),
            refused: None,
        },
        Some(Happened::Impossible(impossible)) => refused(candidate.id, impossible.to_string()),
        Some(Happened::UnderWrite) => refused(
            candidate.id,
            format!(
                "a write to the vendor for it is under way: decide again when `seatsync candidates show {}` tells how that ended",
                candidate.id
            ),
        ),
        Some(Happened::Unknown) | None => {
            refused(candidate.id, "there is no such candidate".to_owned())
        }
    })
}

fn refused(id: i64, why: String) -> Decided {
    Decided {
        id,
        candidate: None,
        refused: Some(why),
    }
}

/// What a rule says of decisions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Whether the user is asked before anything is taken.
    pub(super) asks_user: bool,
    /// Days the user has to answer.
    pub(super) days_to_answer: u16,
    /// For how long nobody is asked again.
    pub(super) cool_down: Span,
}

/// What a decision of `by` lets happen to a candidate.
pub(super) fn happening_of(
    decision: Decision,
    candidate: i64,
    terms: Terms,
    by: &Actor,
    now: Timestamp,
) -> Happening {
    let later = |by: SignedDuration| now.saturating_add(by).ok();
    let cooled_down = later(terms.cool_down.into());
    let happens = |event, reason: String| Happening::new(candidate, event, reason, by);
    let kept = |event, reason: &str, until: Option<Timestamp>| Happening {
        kept_until: until,
        ..happens(event, format!("{reason} by {by}"))
    };
    match decision {
        Decision::Reclaim => {
            let asks_user = terms.asks_user;
            let days = SignedDuration::from_hours(24 * i64::from(terms.days_to_answer));
            Happening {
                answer_by: asks_user.then(|| later(days)).flatten(),
                ..happens(Event::Pressed { asks_user }, format!("pressed by {by}"))
            }
        }
        Decision::AnswerKeep => happens(
            Event::UserKeeps,
            format!("its user wants to keep it ({by})"),
        ),
        Decision::AnswerGiveUp => {
            happens(Event::UserGivesUp, format!("its user gives it up ({by})"))
        }
        Decision::DecideKeep => kept(Event::KeepApproved, "kept", cooled_down),
        Decision::DecideRemove => {
            happens(Event::KeepRejected, format!("not to be kept, decided {by}"))
        }
        Decision::KeepUntil { until } => kept(Event::Skipped, "kept", Some(until)),
        Decision::Resume => happens(Event::Solved, format!("resumed by {by}")),
        Decision::Skip => kept(Event::Skipped, "skipped", cooled_down),
        Decision::Close => kept(Event::ClosedByHand, "closed as taken back", cooled_down),
    }
}

/// The states in which a decision can be taken, for filters such as `--all`.
pub fn states_for(decision: Decision) -> &'static [State] {
    match decision {
        Decision::Reclaim => &[State::Ready],
        Decision::AnswerKeep | Decision::AnswerGiveUp => &[State::AwaitingUser],
        Decision::DecideKeep | Decision::DecideRemove => &[State::AwaitingApproval],
        Decision::Resume => &[State::AttentionRequired],
        Decision::Close => &[State::AwaitingRevocation],
        Decision::KeepUntil { .. } | Decision::Skip => &[
            State::AttentionRequired,
            State::Ready,
            State::AwaitingUser,
            State::AwaitingApproval,
            State::AwaitingRevocation,
        ],
    }
}
