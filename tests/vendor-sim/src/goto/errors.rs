//! GoTo's refusals: each API has an envelope of its own, and no document lists them all.

use serde_json::json;

use crate::goto::endpoint::Family;
use crate::http::Reply;

/// A refusal, in words that become one of the envelopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) envelope: Envelope,
}

/// The shapes of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `{"int_err_code", "msg"}`
    Product,
    /// `{"errorCode", "message"}`
    Gateway,
    /// `{"errorCode", "description", "incident"}`
    Legacy,
}

impl ApiError {
    pub(crate) fn gateway(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            envelope: Envelope::Gateway,
        }
    }

    pub(crate) fn product(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            envelope: Envelope::Product,
            ..Self::gateway(status, code, message)
        }
    }

    /// 400 in the older envelope.
    pub(crate) fn invalid(description: impl Into<String>) -> Self {
        Self {
            envelope: Envelope::Legacy,
            ..Self::gateway(400, "InvalidRequest", description)
        }
    }

    /// The answer to a path that nobody serves.
    pub(crate) fn unrouted() -> Self {
        Self::gateway(404, "NOT_FOUND", "The requested resource was not found")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::gateway(404, "not.found", format!("{what} does not exist"))
    }

    /// A key with letters in it is not refused but breaks what is behind the gateway.
    pub(crate) fn malformed_key() -> Self {
        Self::gateway(502, "BAD_GATEWAY", "Bad Gateway")
    }

    /// A token that is unknown, expired or revoked.
    pub(crate) fn bad_token(family: Family) -> Self {
        match family {
            Family::Admin => Self::gateway(401, "not.authenticated", "Not authenticated"),
            Family::Identity | Family::Connect => {
                Self::gateway(401, "AUTHN_INVALID_TOKEN", "not sufficiently authorized")
            }
            Family::Meeting | Family::Webinar | Family::Training | Family::Assist => {
                Self::product(403, "InvalidToken", "Invalid token passed")
            }
        }
    }

    /// A token whose client lacks a scope. The Admin API says so as of a bad token.
    pub(crate) fn missing_scope(family: Family, scope: &str) -> Self {
        match family {
            Family::Admin => Self::bad_token(Family::Admin),
            Family::Identity | Family::Connect => Self::gateway(
                403,
                "AUTHZ_INSUFFICIENT_SCOPE",
                format!("insufficient scope: {scope}"),
            ),
            Family::Meeting | Family::Webinar | Family::Training | Family::Assist => {
                Self::product(403, "AccessDenied", format!("Missing scope {scope}"))
            }
        }
    }

    pub(crate) fn reply(&self) -> Reply {
        let body = match self.envelope {
            Envelope::Product => json!({"int_err_code": self.code, "msg": self.message}),
            Envelope::Gateway => json!({"errorCode": self.code, "message": self.message}),
            Envelope::Legacy => json!({
                "errorCode": self.code,
                "description": self.message,
                "incident": "8000000000000000042",
            }),
        };
        Reply::json(self.status, &body)
    }
}
