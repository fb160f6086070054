//! What differs between vendors when an answer says no. Each vendor's folder implements
//! [`Dialect`]; the decisions taken from it are the same for all.

use std::fmt::Debug;

use jiff::SignedDuration;

/// A refusal as the vendor words it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The vendor's own error code.
    pub(crate) code: Option<String>,
    /// The vendor's text; empty when the answer was not in its envelope.
    pub(crate) message: String,
}

/// What a refusal means for the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The token is not accepted: a new one may be.
    TokenRefused,
    /// The token lacks a scope; any of these would do.
    MissingScope(Vec<String>),
    /// The credentials' role may not do this.
    NoPermission,
    /// There is no such call: what answers is not this API, or not at this address.
    NoSuchCall,
    /// Anything else: up to the caller.
    Other,
}

/// How a vendor speaks when it refuses.
pub(crate) trait Dialect: Debug + Send + Sync {
    /// The header that carries the vendor's trace id.
    fn trace_header(&self) -> &'static str;

    /// Reads the vendor's error envelope.
    fn refusal(&self, status: u16, body: &[u8]) -> Refusal;

    /// What it means.
    fn meaning(&self, status: u16, refusal: &Refusal) -> Meaning;

    /// What to do about [`Meaning::NoPermission`].
    fn permission_remedy(&self) -> &'static str;

    /// How long the longest of the vendor's rate limits can last, where all are short: a header that
    /// names a later time is an error of it, or of a clock.
    fn longest_throttle(&self) -> Option<SignedDuration> {
        None
    }
}
