//! What the control socket says of events.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::store::event::Event;

/// Query of `GET /v1/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only of this user, by e-mail address or the vendor's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only of this UTC day and later ones; of the last 365 days when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The token that the page before gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A row of `GET /v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// What was done, and the seat that it is use of.
    #[serde(flatten)]
    pub event: Event,
    /// Who publishes the seat's product.
    pub publisher: Option<String>,
    /// The seat's product; absent where no software model has its identifier.
    pub product: Option<String>,
}
