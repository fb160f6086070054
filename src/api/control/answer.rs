//! How the control API says no.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::model::ErrorBody;
use crate::api::unserved::Unserved;
use crate::profile::name::Name;
use crate::store::StoreError;

/// A request that was not answered, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    /// The request makes no sense.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The peer's role does not allow it.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// What it names does not exist.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// It cannot be done as things stand.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// The daemon failed.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        tracing::error!(%message, "a control request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// No profile has that name.
    pub(super) fn no_profile(name: &str) -> Self {
        Self::not_found(format!(
            "no profile is named `{name}`: `seatsync status` lists them"
        ))
    }

    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::internal(error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.message,
        };
        (self.status, Json(body)).into_response()
    }
}

/// What somebody is told who sends no request that can be served.
pub fn unserved(fault: Unserved) -> axum::http::Response<Vec<u8>> {
    let body = ErrorBody {
        error: fault.reason(),
    };
    // Plain text in a plain struct: this cannot fail.
    let mut response = axum::http::Response::new(serde_json::to_vec(&body).unwrap_or_default());
    *response.status_mut() = fault.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = fault.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    response
}

/// The profile's name in a path or query.
pub(super) fn profile_name(text: &str) -> Result<Name, Refusal> {
    text.parse().map_err(|_| Refusal::no_profile(text))
}
