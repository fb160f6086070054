//! What the control socket says of software models, entitlements, and the identifiers they are of.

use serde::{Deserialize, Serialize};

use crate::profile::catalogue::Origin;
use crate::profile::licence::{Entitlement, EntitlementState, SoftwareModel, YearlyCost};
use crate::profile::name::Name;
use crate::store::subscription::IdentifierCount;

/// Query of `GET /v1/identifiers`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentifierQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only those that no software model has.
    pub unrecognized: bool,
}

/// A row of `GET /v1/identifiers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierRow {
    /// Which, and its seats.
    #[serde(flatten)]
    pub count: IdentifierCount,
    /// The software model that it belongs to; absent where it is unrecognized.
    pub software_model: Option<Name>,
    /// Who publishes that.
    pub publisher: Option<String>,
    /// What it is.
    pub product: Option<String>,
}

/// A row of `GET /v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    /// What the model says.
    #[serde(flatten)]
    pub model: SoftwareModel,
    /// Whether it is a document or built in.
    pub origin: Origin,
    /// Seats of it that are there, excluded ones among them.
    pub seats: u64,
}

/// A row of `GET /v1/entitlements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementRow {
    /// What the document says.
    #[serde(flatten)]
    pub entitlement: Entitlement,
    /// How it stands today.
    pub state: EntitlementState,
    /// What it costs in a year, where that is known.
    pub yearly: Option<YearlyCost>,
}
