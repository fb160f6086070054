//! The request log: what was asked, by whom, about whom and with what result. Tests read it to see
//! what a client did; secrets are not in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::log::Numbered;
use crate::zoom::endpoint::{Endpoint, Label};

/// One request and its fate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedRequest {
    /// Counts from 1.
    pub number: u64,
    /// The vendor's time.
    pub at: Timestamp,
    /// The method, in capitals.
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The operation; none for unknown paths and for OAuth.
    pub endpoint: Option<Endpoint>,
    /// The rate-limit label of the operation.
    pub label: Option<Label>,
    /// What stands in the path for the user, group or account.
    pub user: Option<String>,
    /// The row that `user` leads to, by its id; pending users are named by their address.
    pub user_id: Option<String>,
    /// The JSON body, of writes only.
    pub body: Option<Value>,
    /// The HTTP status of the answer that was worked out.
    pub status: u16,
    /// Zoom's code in the answer.
    pub code: Option<i64>,
    /// Zoom's trace id, as in the `x-zm-trackingid` header.
    pub tracking_id: String,
    /// The fault that hit it.
    pub fault: Option<String>,
    /// The app whose token was used.
    pub client_id: Option<String>,
}

impl LoggedRequest {
    /// Whether this is a write that took place.
    pub fn wrote(&self) -> bool {
        self.endpoint.is_some_and(Endpoint::writes) && (200..300).contains(&self.status)
    }
}

impl Numbered for LoggedRequest {
    fn number(&mut self, number: u64) {
        self.number = number;
    }
}
