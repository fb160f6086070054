//! What the control socket says of installed software: candidates on configuration items, the rules, the
//! runs.

use serde::{Deserialize, Serialize};

use crate::profile::name::Name;
use crate::reclamation::candidate::State;
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::installed::rule::Selected;
use crate::subflow::installed_explain::ItemExplained;
use crate::usage::Reference;

/// Query of `GET /v1/installed/candidates`, and the filter of decisions on several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstalledQuery {
    /// Only on this configuration item (32 hex).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_item: Option<String>,
    /// Only of this `SoftwareModel` document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_model: Option<String>,
    /// Only in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// Open ones, or closed ones; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Continue after this token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One product that a rule for installed software decides for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRuleRow {
    /// Which product (32 hex).
    pub norm_product: Reference,
    /// Its model, and the rule with defaults applied.
    #[serde(flatten)]
    pub selected: Selected,
}

/// Query of `GET /v1/installed/items/{item}/explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemQuery {
    /// Only of this `SoftwareModel` document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_model: Option<Name>,
}

/// Answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemExplanation {
    /// What is concluded of the software on the item.
    #[serde(flatten)]
    pub explained: ItemExplained,
    /// What was found before, and what became of it.
    pub candidates: Vec<InstalledCandidate>,
}

/// Query of `GET /v1/installed/runs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstalledRunQuery {
    /// Only ended runs.
    pub ended: bool,
    /// Queued before the run with this id: the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// At most so many, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
