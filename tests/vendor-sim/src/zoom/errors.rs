//! Zoom's refusals: HTTP status, Zoom's code and the text, as its API reference words them. A
//! client must look at all three, since one code has many meanings.

use serde::{Deserialize, Serialize};

use crate::http::Reply;
use crate::zoom::endpoint::Endpoint;

/// A refusal in Zoom's envelope `{"code", "message", "errors"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) fields: Vec<FieldError>,
}

/// One entry of the envelope's `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) message: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    code: i64,
    message: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl ApiError {
    pub(crate) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// 400 with Zoom's code.
    pub(crate) fn bad(code: i64, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// 400/300 naming one field.
    pub(crate) fn invalid_field(field: &str, message: &str) -> Self {
        let mut error = Self::bad(300, "Validation Failed.");
        error.fields.push(FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
        });
        error
    }

    pub(crate) fn no_such_user(id: &str) -> Self {
        Self::new(404, 1001, format!("User does not exist: {id}."))
    }

    /// The wording of the meetings, webinars and report operations.
    pub(crate) fn no_such_host(id: &str) -> Self {
        Self::new(
            404,
            1001,
            format!("User {id} not exist or not belong to this account."),
        )
    }

    pub(crate) fn bad_page_token() -> Self {
        Self::bad(300, "The next page token is invalid or expired.")
    }

    pub(crate) fn invite_expired() -> Self {
        Self::bad(
            1120,
            "A valid invitation to join the Zoom account was not found for this user.",
        )
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new(401, 124, "Invalid access token.")
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(401, 124, "Access token is expired.")
    }

    /// 400, not 403; the bracket lists the scopes of which one would do.
    pub(crate) fn missing_scope(endpoint: Endpoint) -> Self {
        let alternatives: Vec<String> = endpoint
            .granular_scopes()
            .iter()
            .flat_map(|scope| [(*scope).to_owned(), format!("{scope}:admin")])
            .collect();
        Self::bad(
            4711,
            format!(
                "Invalid access token, does not contain scopes:[{}].",
                alternatives.join(", ")
            ),
        )
    }

    pub(crate) fn paid_only(account_id: &str) -> Self {
        Self::bad(
            200,
            format!("This is only available for paid account:{account_id}."),
        )
    }

    pub(crate) fn webinar_plan_missing() -> Self {
        Self::bad(
            200,
            "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars \
             for this user in order to perform this action.",
        )
    }

    pub(crate) fn no_hosting() -> Self {
        Self::bad(
            3161,
            "Meeting hosting and scheduling capabilities are not allowed for your user account.",
        )
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply::json(
            self.status,
            &Envelope {
                code: self.code,
                message: &self.message,
                errors: &self.fields,
            },
        )
    }
}
