//! What the control socket is asked of the audit log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Query of `GET /v1/audit`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only of this candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<i64>,
    /// Only of this user, by e-mail address or the vendor's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// From this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Continue after this token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Query of `GET /v1/audit/verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifyQuery {
    /// `SEQ:HASH` of an entry that was noted elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// `POST /v1/forget`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ForgetRequest {
    /// Whom, by e-mail address or the vendor's id.
    pub user: String,
    /// Only in this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}
