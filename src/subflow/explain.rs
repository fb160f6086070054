//! Why a seat is or is not a candidate: every predicate with its value, judged by the same code that
//! finds candidates.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::criteria::Judging;
use crate::profile::identifier::Identifier;
use crate::reclamation::candidate::Justification;
use crate::reclamation::judge::{self, Check, Judgement, Predicate};
use crate::settings::Guards;
use crate::store::document::RecordedProfile;
use crate::store::{Store, StoreError};

/// What is concluded of one seat now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatVerdict {
    /// Of what the seat is.
    pub identifier: Identifier,
    /// Where the rule is written that decides.
    pub rule: String,
    /// For which reason it is judged: the predicates are of that.
    #[serde(default = "low_usage")]
    pub justification: Justification,
    /// Whether it is a candidate.
    pub unused: bool,
    /// The first predicate that does not hold.
    pub fails: Option<Check>,
    /// Every predicate.
    pub predicates: Vec<Predicate>,
}

fn low_usage() -> Justification {
    Justification::LowUsage
}

/// Judges each seat that a user holds.
pub async fn verdicts(
    store: &Store,
    profile: &RecordedProfile,
    external_user_id: &str,
    ceiling: Guards,
    now: Timestamp,
) -> Result<Vec<SeatVerdict>, StoreError> {
    let judging = Judging::at(store, profile, ceiling, now).await?;
    let namesakes = Arc::clone(&judging.namesakes);
    store
        .judge_user(
            profile.id,
            namesakes,
            external_user_id,
            move |identifier, facts| {
                let criteria = judging.of(identifier);
                let verdict = judge::judge(&criteria, &judging.knowledge, facts);
                let why = judge::justification(&criteria, &judging.knowledge, facts);
                SeatVerdict {
                    identifier: identifier.clone(),
                    rule: criteria.rule.origin.clone(),
                    justification: why,
                    unused: matches!(verdict, Judgement::Unused(_) | Judgement::Left(_)),
                    fails: match verdict {
                        Judgement::Unused(_) | Judgement::Left(_) => None,
                        Judgement::NotACandidate(check) => Some(check),
                    },
                    predicates: judge::explain(why, &criteria, &judging.knowledge, facts),
                }
            },
        )
        .await
}
