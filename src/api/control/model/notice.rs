//! What the control socket says of notices.

use serde::{Deserialize, Serialize};

/// Query of `GET /v1/notices`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoticeQuery {
    /// Only about this candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<i64>,
    /// Continue after this token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer to `POST /v1/notices/trial`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialAnswer {
    /// The notice's id, in `Message-ID` and `webhook-id`.
    pub uid: String,
}
