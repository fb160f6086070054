//! The request log: what was asked and with what result. Tests read it to see what a client did;
//! secrets are not in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aha::endpoint::Endpoint;
use crate::log::Numbered;

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
    /// Who the client says it is.
    pub user_agent: Option<String>,
    /// The operation; none for unknown paths and for OAuth.
    pub endpoint: Option<Endpoint>,
    /// What stands in the path for the user or group.
    pub subject: Option<String>,
    /// The JSON body, of the API's writes only.
    pub body: Option<Value>,
    /// The HTTP status of the answer that was worked out.
    pub status: u16,
    /// The fault that hit it.
    pub fault: Option<String>,
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
