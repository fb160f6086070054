//! From why somebody is told something to whom and what, by the facts of this moment.

use jiff::Timestamp;

use super::{DelivererParts, digest};
use crate::notice::Occasion;
use crate::notice::answer_link::AnswerLink;
use crate::notice::content::{Alerted, Content, Person, Question, Trial};
use crate::notice::mail::is_address;
use crate::reclamation::candidate::{Candidate, State};
use crate::store::StoreError;

/// A notice with those it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addressed {
    /// Mail addresses.
    pub(super) to: Vec<String>,
    /// Whom to write back to.
    pub(super) reply_to: Option<String>,
    /// What it says.
    pub(super) content: Content,
}

/// What became of composing a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Composed {
    /// It can go.
    Ready(Addressed),
    /// What it is about is over.
    Over,
    /// This host cannot make it, for this reason.
    Impossible(String),
}

impl Composed {
    fn or_over(addressed: Option<Addressed>) -> Self {
        addressed.map_or(Self::Over, Self::Ready)
    }
}

/// Composes notices.
pub(super) struct Composer<'a> {
    pub(super) parts: &'a DelivererParts,
    /// Who is told what concerns no single user.
    pub(super) operators: &'a [String],
}

impl Composer<'_> {
    /// The notice as it is to go now.
    pub(super) async fn compose(
        &self,
        occasion: &Occasion,
        now: Timestamp,
    ) -> Result<Composed, StoreError> {
        match occasion {
            Occasion::Question { candidate, round } => self.question(*candidate, *round, now).await,
            Occasion::Digest { group } => {
                let content = digest::of_group(self.parts, group).await?;
                Ok(Composed::or_over(content.map(|digest| Addressed {
                    to: self.of_group(group),
                    reply_to: None,
                    content: Content::Digest(digest),
                })))
            }
            Occasion::AlertRaised { alert } => self.alert(*alert, false).await,
            Occasion::AlertCleared { alert } => self.alert(*alert, true).await,
            Occasion::Trial => {
                let trial = Content::Trial(Trial { asked_at: now });
                Ok(Composed::Ready(self.to_operators(trial)))
            }
        }
    }

    async fn question(&self, id: i64, round: u32, now: Timestamp) -> Result<Composed, StoreError> {
        let store = &self.parts.store;
        let Some(candidate) = store.candidate(id).await? else {
            return Ok(Composed::Over);
        };
        let Some(profile) = store.desired_profile(&candidate.profile).await? else {
            return Ok(Composed::Over);
        };
        if candidate.state != State::AwaitingUser || candidate.round != round {
            return Ok(Composed::Over);
        }
        let answer_url = match self.answer_url(id, round) {
            Ok(answer_url) => answer_url,
            Err(said) => return Ok(Composed::Impossible(said)),
        };
        let contact = self.contact(&candidate);
        let desired = &profile.desired.profile;
        let question = Question {
            candidate: id,
            profile: candidate.profile.to_string(),
            profile_display_name: desired.display_name.clone(),
            vendor: desired.profile_type.vendor().display_name().to_owned(),
            identifier: candidate.identifier.to_string(),
            user: person(&candidate),
            last_activity: candidate.last_activity,
            idle_since: candidate.reference.day,
            answer_by: answer_by(&candidate, now),
            answer_url,
            contact: contact.clone(),
        };
        Ok(Composed::Ready(Addressed {
            to: vec![candidate.email],
            reply_to: contact,
            content: Content::Question(Box::new(question)),
        }))
    }

    fn answer_url(&self, candidate: i64, round: u32) -> Result<Option<String>, String> {
        let Some(base) = &self.parts.settings.notifications.answer_url else {
            return Ok(None);
        };
        let token = AnswerLink { candidate, round }
            .token(&self.parts.sealer)
            .map_err(|error| error.to_string())?;
        Ok(Some(format!("{base}/{token}")))
    }

    async fn alert(&self, id: i64, is_over: bool) -> Result<Composed, StoreError> {
        let alert = self.parts.store.alert(id).await?;
        Ok(Composed::or_over(alert.map(|alert| {
            self.to_operators(Content::Alert(Alerted {
                subject: alert.subject,
                message: alert.message,
                raised_at: alert.raised_at,
                cleared_at: alert.cleared_at.filter(|_| is_over),
            }))
        })))
    }

    fn to_operators(&self, content: Content) -> Addressed {
        Addressed {
            to: self.operators.to_vec(),
            reply_to: None,
            content,
        }
    }

    /// A group that is an address gets its own; what concerns another goes to the operators.
    fn of_group(&self, group: &str) -> Vec<String> {
        if is_address(group) {
            vec![group.to_owned()]
        } else {
            self.operators.to_vec()
        }
    }

    fn contact(&self, candidate: &Candidate) -> Option<String> {
        let group = candidate.assignment_group.as_deref().unwrap_or_default();
        self.of_group(group).into_iter().next()
    }
}

/// The days that the rule gives count from when the mail server takes the question.
fn answer_by(candidate: &Candidate, now: Timestamp) -> Timestamp {
    match (candidate.asked_at, candidate.answer_by) {
        (None, Some(by)) => super::later(now, by.duration_since(candidate.changed_at)),
        (_, by) => by.unwrap_or(now),
    }
}

/// A candidate's user.
pub(super) fn person(candidate: &Candidate) -> Person {
    Person {
        id: candidate.external_user_id.clone(),
        email: candidate.email.clone(),
        name: candidate.display_name.clone(),
    }
}
