//! The request log: what was asked, by whom and with what result. Tests read it to see what a
//! client did; secrets are not in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::goto::endpoint::{Endpoint, Family};
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
    /// The operation; none for unknown paths and for OAuth.
    pub endpoint: Option<Endpoint>,
    /// The API it counts for.
    pub family: Option<Family>,
    /// What stands last in the path for the user or organizer.
    pub user: Option<String>,
    /// The JSON body, of operations that take one.
    pub body: Option<Value>,
    /// The grant, of token requests.
    pub grant: Option<String>,
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
