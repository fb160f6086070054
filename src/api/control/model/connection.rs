//! Connections, and how a person authorises one.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connector::RetryPolicy;
use crate::connector::grant::GrantFacts;

/// One connection that recorded profiles use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// Its name; `profile/NAME` for one written in a profile.
    pub name: String,
    /// `zoom`, `goto` or `aha`.
    pub vendor: String,
    /// API base.
    pub url: String,
    /// How it authorises.
    pub grant: String,
    /// The app.
    pub client_id: Option<String>,
    /// Per cent of the vendor's rate limit that is ours.
    pub share: u8,
    /// How patient its calls are.
    pub retry: RetryStatus,
    /// The profiles that use it.
    pub profiles: Vec<String>,
    /// A person's consent, where the grant needs one and one was given. Never a token.
    pub authorization: Option<GrantFacts>,
    /// What a person should do about it.
    pub warning: Option<String>,
}

/// The retry policy in force for a connection, inherited and default parts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryStatus {
    /// How often one request is sent at most.
    pub attempts: u32,
    /// The wait before the first repetition, in milliseconds.
    pub first_wait_ms: u64,
    /// The longest wait between two repetitions, in milliseconds.
    pub longest_wait_ms: u64,
    /// Repetitions that one run may make before successes earn more.
    pub per_run: u32,
    /// The longest wait for the vendor's rate limit, in milliseconds.
    pub rate_limit_wait_ms: u64,
}

impl From<RetryPolicy> for RetryStatus {
    fn from(policy: RetryPolicy) -> Self {
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self {
            attempts: policy.attempts,
            first_wait_ms: millis(policy.first_wait),
            longest_wait_ms: millis(policy.longest_wait),
            per_run: policy.per_run,
            rate_limit_wait_ms: millis(policy.rate_limit_wait),
        }
    }
}

/// `POST /v1/authorizations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Which connection.
    pub connection: String,
    /// Where the vendor's page is to lead on to: registered with the app, https or loopback.
    pub redirect_uri: String,
}

/// Answer to it: where to send the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationBegun {
    /// The connection.
    pub connection: String,
    /// `zoom`, `goto` or `aha`.
    pub vendor: String,
    /// The vendor's consent page.
    pub url: String,
    /// What the redirect must bring back.
    pub state: String,
    /// When it is too late.
    pub ends_at: Timestamp,
}

/// `POST /v1/authorizations/complete`. It holds a code, so it has no form for logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirected {
    /// The address that the vendor's page led on to, whole.
    pub address: String,
}

/// Answer to it: the consent is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationDone {
    /// The connection.
    pub connection: String,
    /// What is known of the consent.
    pub authorization: GrantFacts,
    /// The profiles whose download was started with it.
    pub started: Vec<String>,
}
