//! Every way in which a request is refused as a whole, as the platform words it.

use std::borrow::Cow;

use axum::http::header::{ACCEPT_ENCODING, ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};

use super::coding::MAX_HELD;
use super::room::MAX_ANSWER;
use crate::api::unserved::Unserved;
use crate::usage::BodyError;

/// What a request is told that cannot be read.
const UNREADABLE: &str = "Exception while reading request";

/// A refused request; nothing of it was stored.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: Cow<'static, str>,
    pub(super) detail: Option<Cow<'static, str>>,
    pub(super) header: Option<(HeaderName, Cow<'static, str>)>,
    /// The rest of the request is not read.
    pub(super) close: bool,
}

impl Refusal {
    fn new(status: StatusCode, message: &'static str) -> Self {
        Self {
            status,
            message: Cow::Borrowed(message),
            detail: None,
            header: None,
            close: false,
        }
    }

    fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn header(mut self, name: HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// As it is, and the connection ends.
    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// What never became a request.
    pub(super) fn unserved(fault: Unserved) -> Self {
        let message = match fault {
            Unserved::TooManyConnections => "Service unavailable",
            Unserved::HeadTimeout => "Request timeout",
            Unserved::LineTooLong => "URI too long",
            Unserved::FieldsTooLarge => "Request header fields too large",
            Unserved::UnknownCoding => "Not implemented",
            Unserved::Malformed(_) => UNREADABLE,
        };
        let refusal = Self::new(fault.status(), message).detail(fault.reason());
        match fault.retry_after() {
            Some(seconds) => refusal.header(RETRY_AFTER, seconds),
            None => refusal,
        }
    }

    pub(super) fn no_resource() -> Self {
        let message = "Requested URI does not represent any resource";
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found").detail(path.to_owned())
    }

    pub(super) fn not_authenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "User Not Authenticated")
            .detail("Required to provide Auth information")
            .header(WWW_AUTHENTICATE, "BASIC realm=\"Service-now\"")
    }

    pub(super) fn not_authorized() -> Self {
        Self::new(StatusCode::FORBIDDEN, "User Not Authorized")
            .detail("Failed API level ACL Validation")
    }

    pub(super) fn method(method: &str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            .detail(method.to_owned())
            .header(ALLOW, "POST")
    }

    pub(super) fn content_type(supported: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "").detail("");
        refusal.message = Cow::Owned(format!(
            "Invalid content-type. Supported request media types for this service are: [{supported}]"
        ));
        refusal
    }

    pub(super) fn content_encoding() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Invalid content-encoding",
        )
        .detail("Supported content encodings for this service are: [gzip, identity]")
        .header(ACCEPT_ENCODING, "gzip")
    }

    pub(super) fn accept(supported: &str) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "Invalid accept header").detail(format!(
            "Supported response media types for this service are: [{supported}]"
        ))
    }

    fn unreadable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, UNREADABLE).detail(detail)
    }

    /// `length` is what the client said, or what came before we stopped.
    pub(super) fn too_large(length: u64, limit: u64) -> Self {
        Self::unreadable(format!(
            "Rejected large REST payload with content-length = {length} bytes. Max allowed: {limit} bytes."
        ))
        .closing()
    }

    pub(super) fn too_large_unpacked(limit: u64) -> Self {
        Self::unreadable(format!(
            "Rejected large REST payload: unpacked it has more than {limit} bytes."
        ))
    }

    pub(super) fn too_large_as_json() -> Self {
        Self::unreadable(format!(
            "Rejected large REST payload: read as JSON it has more than {MAX_HELD} bytes."
        ))
    }

    /// `length` is what the answer would have.
    pub(super) fn answer_too_large(length: usize) -> Self {
        Self::unreadable(format!(
            "Rejected REST payload: its answer would have {length} bytes. Max allowed: {MAX_ANSWER} bytes. Send it in parts."
        ))
    }

    pub(super) fn corrupt_gzip() -> Self {
        Self::unreadable("the gzip data is corrupt or cut off")
    }

    pub(super) fn too_many_requests(limit: u32, seconds: i64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")
            .detail(format!(
                "Rate limit of {limit} requests per hour for SAM-Software Usage Data Integration exceeded"
            ))
            .header(RETRY_AFTER, seconds.to_string())
    }

    pub(super) fn stalled() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "Request timeout")
            .detail("the request's body stopped coming")
            .closing()
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "Request timeout")
            .detail("the request's body comes too slowly")
            .closing()
    }

    pub(super) fn broken_body() -> Self {
        Self::unreadable("the body's framing is broken").closing()
    }

    pub(super) fn body(error: &BodyError) -> Self {
        let mut refusal = Self::unreadable(error.to_string());
        refusal.message = Cow::Borrowed(match error {
            BodyError::NoItems => "items is required",
            BodyError::NotAnArray { .. } => "items must be an array",
            BodyError::TooManyItems => "items has too many elements",
            _ => return refusal,
        });
        refusal
    }

    pub(super) fn strict(rejected: usize, total: usize, first: &str) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "").detail(first.to_owned());
        refusal.message = Cow::Owned(format!("{rejected} of {total} items rejected"));
        refusal
    }

    pub(super) fn busy(detail: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable")
            .detail(detail)
            .header(RETRY_AFTER, "1")
    }

    /// There is no room for its bytes. The connection ends, for its body may not have been read.
    pub(super) fn no_room() -> Self {
        Self::busy("too many bytes of requests wait for the disk").closing()
    }

    pub(super) fn no_turn() -> Self {
        Self::busy("too many large requests wait for their turn")
    }

    pub(super) fn internal(transaction: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            .detail(transaction.to_owned())
    }

    /// The headers that belong to it.
    pub(super) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let close = self.close.then_some((CONNECTION, Cow::Borrowed("close")));
        let all = self.header.clone().into_iter().chain(close);
        all.filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)))
    }
}
