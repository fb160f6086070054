//! What people decide of software found unused, in the words of the transitions. Nobody but a person
//! removes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::{Decision, Terms, happening_of};
use super::installed::rules_in_force;
use crate::reclamation::actor::Actor;
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::installed::rule::InstalledRule;
use crate::store::candidate::Happened;
use crate::store::{Store, StoreError};

/// What became of a decision on one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledDecided {
    /// The candidate's number.
    pub id: i64,
    /// The candidate afterwards; absent where nothing was changed.
    pub candidate: Option<InstalledCandidate>,
    /// Why nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Carries a decision of `by` out on each of `candidates`.
pub async fn decide_installed(
    store: &Store,
    decision: Decision,
    candidates: Vec<InstalledCandidate>,
    by: &Actor,
    now: Timestamp,
) -> Result<Vec<InstalledDecided>, StoreError> {
    let rules = rules_in_force(store).await?;
    let mut decided = Vec::new();
    for candidate in candidates {
        let rule = rules.get(&candidate.norm_product).map(|one| &one.rule);
        decided.push(decide_one(store, decision, &candidate, rule, by, now).await?);
    }
    Ok(decided)
}

async fn decide_one(
    store: &Store,
    decision: Decision,
    candidate: &InstalledCandidate,
    rule: Option<&InstalledRule>,
    by: &Actor,
    now: Timestamp,
) -> Result<InstalledDecided, StoreError> {
    let refused = |why: String| InstalledDecided {
        id: candidate.id,
        candidate: None,
        refused: Some(why),
    };
    if let (Decision::KeepUntil { until }, true) = (decision, candidate.state.is_closed()) {
        store
            .keep_installed_until(candidate.id, until, by, now)
            .await?;
        return Ok(InstalledDecided {
            id: candidate.id,
            candidate: store.installed_candidate(candidate.id).await?,
            refused: None,
        });
    }
    let Some(rule) = rule else {
        return Ok(refused(format!(
            "no rule decides for `{}` any more: the next run closes the candidate",
            candidate.software_model
        )));
    };
    let terms = Terms {
        asks_user: rule.asks_user(),
        days_to_answer: rule.days_before_auto_reclamation,
        cool_down: rule.cool_down,
    };
    let mut happening = happening_of(decision, candidate.id, terms, by, now);
    if decision == Decision::Close {
        happening.reason = format!("closed as removed by {by}");
    }
    let happened = store.happen_installed(vec![happening], now).await?;
    Ok(match happened.into_iter().next() {
        Some(Happened::Moved(moved)) => InstalledDecided {
            id: moved.id,
            candidate: Some(*moved),
            refused: None,
        },
        Some(Happened::Impossible(impossible)) => refused(impossible.to_string()),
        Some(Happened::UnderWrite | Happened::Unknown) | None => {
            refused("there is no such candidate".to_owned())
        }
    })
}
