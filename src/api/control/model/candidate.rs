//! What the control socket says of candidates, plans and what was written to vendors.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::installed::{InstalledQuery, InstalledRuleRow};

use crate::connector::facts::ActivityKind;
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::reclamation::approval::ApprovedSeat;
use crate::reclamation::candidate::{Candidate, State};
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::rule::Rule;
use crate::store::notice::RecordedNotice;
use crate::store::write::Write;
use crate::subflow::decide::{Decided, Decision};
use crate::subflow::installed_decide::InstalledDecided;

/// Query of `GET /v1/candidates`, and the filter of decisions on several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CandidateQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only of this identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Only of this user, by e-mail address or the vendor's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
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

/// `GET /v1/candidates/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateDetail {
    /// The candidate.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// What was written to the vendor for it, the first one first.
    pub writes: Vec<Write>,
    /// What its user was asked, the last question first.
    pub notices: Vec<RecordedNotice>,
}

/// `GET /v1/candidates/{id}`: a number is of one or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AnyCandidate {
    /// Of a seat.
    Seat(Box<CandidateDetail>),
    /// Of software on a configuration item.
    Installed(Box<InstalledCandidate>),
}

/// `POST /v1/candidates/decide`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideRequest {
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// On which candidates; on those that the filter finds when empty.
    #[serde(default)]
    pub ids: Vec<i64>,
    /// On all of these that are in a state in which it can be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<CandidateQuery>,
    /// The same for candidates on configuration items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<InstalledQuery>,
}

/// Answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideAnswer {
    /// What became of each of a seat.
    pub decided: Vec<Decided>,
    /// What became of each on a configuration item.
    #[serde(default)]
    pub installed: Vec<InstalledDecided>,
    /// What follows, for people.
    pub message: String,
}

/// `POST /v1/profiles/{profile}/release`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseRequest {
    /// The digest of exactly the plan that is released; a held download when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// `POST /v1/profiles/{profile}/approval`: what a reviewed list is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// The name of the document.
    pub name: Name,
    /// The last day it holds; a fortnight from now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Only these candidates; all that are ready when empty.
    #[serde(default)]
    pub ids: Vec<i64>,
    /// Name users by the vendor's ids alone.
    #[serde(default)]
    pub ids_only: bool,
}

/// A document of kind Approval, as it is to be reviewed and committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalDocument {
    /// `Approval`.
    pub kind: String,
    /// Its name.
    pub name: Name,
    /// Whose seats.
    pub profile: Name,
    /// The digest of the reviewed plan.
    pub plan: String,
    /// The last day it holds.
    pub expires: Date,
    /// Which seats.
    pub seats: Vec<ApprovedSeat>,
}

/// The rule that decides for one identifier of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// Of which profile.
    pub profile: Name,
    /// For seats of what.
    pub identifier: Identifier,
    /// What counts as use of such a seat.
    pub counts: Vec<ActivityKind>,
    /// Whether the vendor reports its whole use, so that it can be found unused.
    pub tells_disuse: bool,
    /// The rule, defaults applied.
    #[serde(flatten)]
    pub rule: Rule,
}

/// `GET /v1/rules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesAnswer {
    /// For seats: a row for each identifier of each profile.
    pub rows: Vec<RuleRow>,
    /// Where to continue: nowhere, they are all here.
    pub next: Option<String>,
    /// For installed software: a row for each product.
    #[serde(default)]
    pub installed: Vec<InstalledRuleRow>,
}

/// `POST /v1/undo`: gives seats back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UndoRequest {
    /// The seat of this candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<i64>,
    /// Every seat that this job took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// Answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoAnswer {
    /// What became of each.
    pub restored: Vec<Restored>,
}

/// What became of one seat that was to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The candidate.
    pub candidate: i64,
    /// Its user.
    pub email: String,
    /// Of what the seat is.
    pub identifier: String,
    /// Whether it is held again.
    pub ok: bool,
    /// What came back, what did not, and what it may cost; or why nothing did.
    pub message: String,
}
