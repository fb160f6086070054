//! A seat that was found unused, and the states it goes through until it is taken back or not.
//!
//! States and transitions are those of ServiceNow's removal candidates
//! (<https://www.servicenow.com/docs/r/it-asset-management/saas-license-management/reclaiming-user-subscriptions-saas.html>).
//! [`State::after`] is the whole machine: what it does not allow cannot happen.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::judge::Reference;
use crate::connector::facts::Grade;
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;

/// How far a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something keeps it from going on: see [`Attention`].
    AttentionRequired,
    /// Waits for Reclaim to be pressed.
    Ready,
    /// The user was asked whether the seat is still needed.
    AwaitingUser,
    /// The user wants to keep it; the assignment group decides.
    AwaitingApproval,
    /// To be taken back, by the next reclaim or by hand.
    AwaitingRevocation,
    /// Taken back.
    ClosedComplete,
    /// Not taken back: kept, skipped by hand, or nothing there to take.
    ClosedSkipped,
    /// Not taken back: it was used meanwhile, or its trouble was not mended in time.
    ClosedCanceled,
}

impl State {
    /// Every state, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::AttentionRequired,
        Self::Ready,
        Self::AwaitingUser,
        Self::AwaitingApproval,
        Self::AwaitingRevocation,
        Self::ClosedComplete,
        Self::ClosedSkipped,
        Self::ClosedCanceled,
    ];

    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AttentionRequired => "attention_required",
            Self::Ready => "ready",
            Self::AwaitingUser => "awaiting_user",
            Self::AwaitingApproval => "awaiting_approval",
            Self::AwaitingRevocation => "awaiting_revocation",
            Self::ClosedComplete => "closed_complete",
            Self::ClosedSkipped => "closed_skipped",
            Self::ClosedCanceled => "closed_canceled",
        }
    }

    /// Whether nothing becomes of it any more.
    pub fn is_closed(self) -> bool {
        matches!(
            self,
            Self::ClosedComplete | Self::ClosedSkipped | Self::ClosedCanceled
        )
    }

    /// The state that `event` leads to; an error where it cannot happen in this state.
    pub fn after(self, event: Event) -> Result<Self, ImpossibleTransition> {
        use Event as E;
        let next = match (self, event) {
            (Self::AttentionRequired, E::Solved) => Self::Ready,
            (Self::AttentionRequired, E::TimedOut) => Self::ClosedCanceled,
            (Self::Ready, E::UserMissing) => Self::AttentionRequired,
            (Self::Ready, E::Pressed { asks_user: true }) => Self::AwaitingUser,
            (Self::AwaitingUser, E::NoticeFailed) | (Self::AwaitingRevocation, E::Failed) => {
                Self::AttentionRequired
            }
            (Self::AwaitingUser, E::UserKeeps) => Self::AwaitingApproval,
            (Self::Ready, E::Pressed { asks_user: false })
            | (Self::AwaitingUser, E::UserGivesUp | E::NoAnswer)
            | (Self::AwaitingApproval, E::KeepRejected) => Self::AwaitingRevocation,
            (Self::AwaitingApproval, E::KeepApproved) => Self::ClosedSkipped,
            (Self::AwaitingRevocation, E::Revoked | E::ClosedByHand | E::SeatGone) => {
                Self::ClosedComplete
            }
            (open, E::SeatGone | E::Skipped | E::NoLongerMeant) if !open.is_closed() => {
                Self::ClosedSkipped
            }
            (open, E::Used) if !open.is_closed() => Self::ClosedCanceled,
            (from, event) => return Err(ImpossibleTransition { from, event }),
        };
        Ok(next)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What can happen to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The user is to be asked, and there is no address.
    UserMissing,
    /// What kept it from going on is gone, or a person says so (Resume Reclaim).
    Solved,
    /// What kept it from going on was not mended in time.
    TimedOut,
    /// Reclaim was pressed, by a person, an approval or the run.
    Pressed {
        /// The rule asks the user first.
        asks_user: bool,
    },
    /// The question did not reach the user.
    NoticeFailed,
    /// The user gives the seat up.
    UserGivesUp,
    /// The user said nothing in time.
    NoAnswer,
    /// The user wants to keep it.
    UserKeeps,
    /// The assignment group lets the user keep it.
    KeepApproved,
    /// The assignment group does not.
    KeepRejected,
    /// The vendor took it back.
    Revoked,
    /// The vendor did not.
    Failed,
    /// A person took it back at the vendor and closes it.
    ClosedByHand,
    /// A person decided against taking it back.
    Skipped,
    /// The seat is not there any more.
    SeatGone,
    /// It is excluded or protected now, or its rule does not mean it any more.
    NoLongerMeant,
    /// It was used.
    Used,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 18] = [
        Self::UserMissing,
        Self::Solved,
        Self::TimedOut,
        Self::Pressed { asks_user: true },
        Self::Pressed { asks_user: false },
        Self::NoticeFailed,
        Self::UserGivesUp,
        Self::NoAnswer,
        Self::UserKeeps,
        Self::KeepApproved,
        Self::KeepRejected,
        Self::Revoked,
        Self::Failed,
        Self::ClosedByHand,
        Self::Skipped,
        Self::SeatGone,
        Self::NoLongerMeant,
        Self::Used,
    ];

    /// The word in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserMissing => "user_missing",
            Self::Solved => "solved",
            Self::TimedOut => "timed_out",
            Self::Pressed { asks_user: true } => "user_asked",
            Self::Pressed { asks_user: false } => "pressed",
            Self::NoticeFailed => "notice_failed",
            Self::UserGivesUp => "user_gives_up",
            Self::NoAnswer => "no_answer",
            Self::UserKeeps => "user_keeps",
            Self::KeepApproved => "keep_approved",
            Self::KeepRejected => "keep_rejected",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
            Self::ClosedByHand => "closed_by_hand",
            Self::Skipped => "skipped",
            Self::SeatGone => "seat_gone",
            Self::NoLongerMeant => "no_longer_meant",
            Self::Used => "used",
        }
    }

    /// For people: what has to be so for it to happen.
    fn needs(self) -> &'static str {
        match self {
            Self::UserMissing | Self::Pressed { .. } => "it must be ready",
            Self::Solved | Self::TimedOut => "it must require attention",
            Self::NoticeFailed | Self::UserGivesUp | Self::NoAnswer | Self::UserKeeps => {
                "it must await its user's answer"
            }
            Self::KeepApproved | Self::KeepRejected => "its user must have asked to keep it",
            Self::Revoked | Self::Failed | Self::ClosedByHand => "it must await its revocation",
            Self::Skipped | Self::SeatGone | Self::NoLongerMeant | Self::Used => "it must be open",
        }
    }
}

/// Something that cannot happen to a candidate in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {from}, and `{}` cannot happen then: {}", event.as_str(), event.needs())]
pub struct ImpossibleTransition {
    /// The state it is in.
    pub from: State,
    /// What was to happen.
    pub event: Event,
}

/// What keeps a candidate from going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// The user is to be asked, and there is no address.
    NoUser,
    /// The question did not reach the user.
    NoticeUndeliverable,
    /// The vendor did not take the seat back.
    ReclaimFailed,
}

/// Why a seat is a candidate. ServiceNow knows further ones, which need data that the vendors of this
/// program do not tell; it knows none of people who left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Justification {
    /// It was not used within the rule's threshold.
    LowUsage,
    /// Its user left, by a user directory.
    Left,
}

impl Justification {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LowUsage => "low_usage",
            Self::Left => "left",
        }
    }
}

/// What taking the seat back may save: the unit cost of the entitlement that stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savings {
    /// The amount, as the entitlement writes it.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// What the amount is paid for: `monthly`, `quarterly`, `annually`, `entire_period`.
    pub period: String,
    /// The Entitlement document.
    pub entitlement: Name,
}

/// A seat that was found unused, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its number.
    pub id: i64,
    /// Of which profile.
    pub profile: Name,
    /// Our number of the seat, while that is recorded.
    pub subscription: Option<i64>,
    /// The vendor's user id.
    pub external_user_id: String,
    /// The user's address when it was found.
    pub email: String,
    /// The user's name when it was found.
    pub display_name: String,
    /// Of which identifier the seat is.
    pub identifier: Identifier,
    /// How far it is.
    pub state: State,
    /// What keeps it from going on.
    pub attention: Option<Attention>,
    /// Why it is in its state.
    pub reason: String,
    /// Why it is a candidate.
    pub justification: Justification,
    /// Where the rule is written that decides.
    pub rule: String,
    /// Of that rule.
    pub rule_digest: String,
    /// What its idleness is counted from.
    pub reference: Reference,
    /// The last known use.
    pub last_activity: Option<Date>,
    /// How much that proves.
    pub last_grade: Option<Grade>,
    /// The grade of the evidence that covered the window.
    pub grade: Grade,
    /// Of the evidence.
    pub evidence_digest: String,
    /// What taking it back may save, where an entitlement says so.
    pub savings: Option<Savings>,
    /// Who decides when its user wants to keep it.
    pub assignment_group: Option<String>,
    /// When it was found.
    pub opened_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Who pressed Reclaim.
    pub pressed_by: Option<String>,
    /// How often its user was asked.
    pub round: u32,
    /// When a mail server took the last question to the user. Without it, silence is no answer.
    pub asked_at: Option<Timestamp>,
    /// Until when the user's answer is waited for.
    pub answer_by: Option<Timestamp>,
    /// Nobody is asked again for this seat before.
    pub kept_until: Option<Timestamp>,
    /// When the seat was given back.
    pub restored_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every transition of ServiceNow's table, and ours for what it has no word for.
    fn table() -> Vec<(State, Event, State)> {
        use Event as E;
        use State as S;
        let mut rows = vec![
            (S::Ready, E::UserMissing, S::AttentionRequired),
            (S::AttentionRequired, E::Solved, S::Ready),
            (S::AttentionRequired, E::TimedOut, S::ClosedCanceled),
            (S::Ready, E::Pressed { asks_user: true }, S::AwaitingUser),
            (
                S::Ready,
                E::Pressed { asks_user: false },
                S::AwaitingRevocation,
            ),
            (S::AwaitingUser, E::NoticeFailed, S::AttentionRequired),
            (S::AwaitingUser, E::UserGivesUp, S::AwaitingRevocation),
            (S::AwaitingUser, E::NoAnswer, S::AwaitingRevocation),
            (S::AwaitingUser, E::UserKeeps, S::AwaitingApproval),
            (S::AwaitingApproval, E::KeepApproved, S::ClosedSkipped),
            (S::AwaitingApproval, E::KeepRejected, S::AwaitingRevocation),
            (S::AwaitingRevocation, E::Revoked, S::ClosedComplete),
            (S::AwaitingRevocation, E::Failed, S::AttentionRequired),
            (S::AwaitingRevocation, E::ClosedByHand, S::ClosedComplete),
            (S::AwaitingRevocation, E::SeatGone, S::ClosedComplete),
        ];
        for open in State::ALL.into_iter().filter(|state| !state.is_closed()) {
            if open != S::AwaitingRevocation {
                rows.push((open, E::SeatGone, S::ClosedSkipped));
            }
            rows.push((open, E::Skipped, S::ClosedSkipped));
            rows.push((open, E::NoLongerMeant, S::ClosedSkipped));
            rows.push((open, E::Used, S::ClosedCanceled));
        }
        rows
    }

    #[test]
    fn the_machine_is_the_table_and_nothing_else() {
        let table = table();
        for from in State::ALL {
            for event in Event::ALL {
                let expected = table
                    .iter()
                    .find(|(state, happened, _)| (*state, *happened) == (from, event))
                    .map(|(_, _, to)| *to);
                assert_eq!(from.after(event).ok(), expected, "{from} {event:?}");
            }
        }
    }

    #[test]
    fn every_state_is_reached_and_every_open_one_can_be_left() {
        let mut reached = BTreeSet::from([State::Ready]);
        loop {
            let next: BTreeSet<State> = reached
                .iter()
                .flat_map(|state| Event::ALL.map(|event| state.after(event)))
                .flatten()
                .chain(reached.iter().copied())
                .collect();
            if next == reached {
                break;
            }
            reached = next;
        }
        assert_eq!(reached, State::ALL.into_iter().collect());
        for state in State::ALL {
            let ways = Event::ALL
                .iter()
                .filter(|event| state.after(**event).is_ok());
            assert_eq!(ways.count() == 0, state.is_closed(), "{state}");
        }
    }

    #[test]
    fn words_are_those_that_are_written() {
        for state in State::ALL {
            let written = serde_json::to_value(state).unwrap();
            assert_eq!(written, state.as_str());
        }
    }
}
