//! Software found unused on a configuration item, as it is recorded. It goes through the states of a
//! seat's candidate; what a vendor does there, a person does here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judge::Evidence;
use crate::profile::name::Name;
use crate::reclamation::candidate::{Attention, Justification, Savings, State};
use crate::usage::Reference;

/// Software that was found unused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledCandidate {
    /// Its number; no seat's candidate has the same.
    pub id: i64,
    /// On which configuration item.
    pub configuration_item: Reference,
    /// Which product.
    pub norm_product: Reference,
    /// The `SoftwareModel` document that has the product.
    pub software_model: Name,
    /// Publisher and product, for people.
    pub product: String,
    /// How far it is.
    pub state: State,
    /// What keeps it from going on.
    pub attention: Option<Attention>,
    /// Why it is in its state.
    pub reason: String,
    /// Why it is a candidate.
    pub justification: Justification,
    /// The `ReclamationRule` document that decides.
    pub rule: Name,
    /// Of that rule.
    pub rule_digest: String,
    /// What the use was measured by.
    pub evidence: Evidence,
    /// What removing it may save, where an entitlement says so.
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
    /// Until when the user's answer is waited for.
    pub answer_by: Option<Timestamp>,
    /// Nobody is asked again for it before.
    pub kept_until: Option<Timestamp>,
}
