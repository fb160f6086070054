//! What the control socket says of exclusions and protections.

use serde::{Deserialize, Serialize};

use crate::subflow::entry_standing::EntryStanding;

/// Query of `GET /v1/exclusions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExclusionQuery {
    /// Only what reaches this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// With the users whom each entry means.
    pub users: bool,
}

/// Answer to `GET /v1/exclusions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusions {
    /// Each entry at each profile that it reaches.
    pub rows: Vec<EntryStanding>,
    /// What a person should look at: entries that never matched, and such that lapse soon.
    pub warnings: Vec<String>,
}
