//! The vendor's token endpoint: a request repeated through trouble and throttles, and its answer
//! read into a token or into the reason why there is none.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use oauth2::http::{self, header};
use oauth2::url::form_urlencoded;
use oauth2::{HttpRequest, HttpResponse};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::access::{AccessToken, TokenAnswer};
use crate::clock::{self, Clock};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::http::retry::{backoff, throttle_backoff};
use crate::connector::http::{ExchangeError, HttpClient, tame, throttle, unreachable};
use crate::connector::options::RetryPolicy;
use crate::telemetry::spans::{self, VendorCall};

/// What the step is called in errors and job results.
const STEP: &str = "get an access token";

/// Where vendors put the id by which they find a call again.
const TRACE_HEADERS: [&str; 2] = ["x-zm-trackingid", "x-request-id"];

/// The wait before a repetition whose own length does not fit.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Sends token requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenEndpoint<'a> {
    pub(super) http: &'a HttpClient,
    pub(super) clock: &'a dyn Clock,
    /// The connection's name, for messages.
    pub(super) connection: &'a str,
    pub(super) retry: RetryPolicy,
}

/// What the endpoint said, and when it was asked: the token's life starts no later.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) answer: HttpResponse,
    pub(super) asked_at: Timestamp,
    /// An earlier sending went unanswered; the vendor may have acted on it all the same.
    pub(super) lost_one: bool,
}

impl TokenEndpoint<'_> {
    /// Sends until there is a token or a refusal. Trouble is repeated as often as any call is.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<Answered, ConnectorError> {
        let mut waits = backoff(&self.retry);
        let mut throttles = throttle_backoff();
        let mut lost_one = false;
        let mut attempt = 0;
        loop {
            let asked_at = self.clock.now();
            attempt += 1;
            let error = match self.exchange(request.clone(), attempt).await {
                Ok(answer) if answer.status().as_u16() == 429 => {
                    self.wait_for_room(&answer, throttles.next()).await?;
                    continue;
                }
                Ok(answer) if answer.status().is_server_error() => ConnectorError::Unavailable {
                    context: context(Some(&answer), None),
                    message: format!("the token endpoint answers {}", answer.status()),
                },
                Ok(answer) => {
                    return Ok(Answered {
                        answer,
                        asked_at,
                        lost_one,
                    });
                }
                Err(ExchangeError::Trouble(message)) => ConnectorError::Unavailable {
                    context: context(None, None),
                    message: self.unreachable(&message),
                },
                Err(ExchangeError::Untrusted(message)) => {
                    return Err(ConnectorError::Unavailable {
                        context: context(None, None),
                        message,
                    });
                }
                Err(error @ ExchangeError::TooLarge { .. }) => {
                    return Err(ConnectorError::Malformed {
                        context: context(None, None),
                        message: error.to_string(),
                    });
                }
                Err(ExchangeError::Host(message)) => {
                    return Err(ConnectorError::Misconfigured { message });
                }
            };
            let Some(wait) = waits.next() else {
                return Err(error);
            };
            tracing::debug!(%error, "asking for a token again");
            lost_one = true;
            let wait = SignedDuration::try_from(wait).unwrap_or(LONGEST_WAIT);
            clock::sleep(self.clock, wait).await;
        }
    }

    /// Sends once, for a request that works only once.
    pub(super) async fn send_once(
        &self,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let unavailable = |answer: Option<&HttpResponse>, message| ConnectorError::Unavailable {
            context: context(answer, None),
            message,
        };
        match self.exchange(request, 1).await {
            Ok(answer) if answer.status().is_server_error() || answer.status() == 429 => {
                let message = format!("the token endpoint answers {}", answer.status());
                Err(unavailable(Some(&answer), message))
            }
            Ok(answer) => Ok(answer),
            Err(ExchangeError::Host(message)) => Err(ConnectorError::Misconfigured { message }),
            Err(ExchangeError::Trouble(message)) => {
                Err(unavailable(None, self.unreachable(&message)))
            }
            Err(error) => Err(unavailable(None, error.to_string())),
        }
    }

    async fn exchange(
        &self,
        request: HttpRequest,
        attempt: u32,
    ) -> Result<HttpResponse, ExchangeError> {
        let span = VendorCall {
            connection: self.connection,
            step: STEP,
            method: request.method().as_str(),
            attempt,
            waited: Duration::ZERO,
        }
        .span();
        let outcome = span.run(self.http.oauth_exchange(request)).await;
        let status = outcome.as_ref().map(|answer| answer.status().as_u16());
        spans::vendor_answered(span, status.as_ref().ok().copied(), trouble(status));
        outcome
    }

    fn unreachable(&self, message: &str) -> String {
        unreachable(message, self.connection, "oauth.token_url")
    }

    async fn wait_for_room(
        &self,
        answer: &HttpResponse,
        fallback: Option<Duration>,
    ) -> Result<(), ConnectorError> {
        let now = self.clock.now();
        let message = String::from_utf8_lossy(answer.body());
        let found = throttle::read(
            answer.headers(),
            &message,
            fallback.unwrap_or_default(),
            now,
        );
        let wait = found.until.duration_since(now);
        let longest = SignedDuration::try_from(self.retry.rate_limit_wait);
        if fallback.is_none() || longest.is_ok_and(|longest| wait > longest) {
            return Err(ConnectorError::RateLimited {
                context: context(Some(answer), None),
                until: found.until,
            });
        }
        self.clock.sleep_until(found.until).await;
        Ok(())
    }
}

impl Answered {
    /// The token in it, or why there is none. `remedy` says what to do about an OAuth error code;
    /// `secrets` are what was sent, to be kept out of messages.
    pub(super) fn token(
        &self,
        secrets: &[&str],
        remedy: impl Fn(&str) -> String,
    ) -> Result<AccessToken, ConnectorError> {
        let answer = &self.answer;
        if !answer.status().is_success() {
            return Err(refused(answer, secrets, remedy));
        }
        let token: TokenAnswer = serde_json::from_slice(answer.body())
            .map_err(|error| malformed(answer, format!("not a token answer: {}", place(&error))))?;
        AccessToken::from_answer(&token, self.asked_at).ok_or_else(|| {
            let message = "the token holds characters no header may have".to_owned();
            malformed(answer, message)
        })
    }
}

/// A form posted to the token endpoint under the app's own name and secret.
pub(super) fn basic_request(
    token_url: &str,
    client_id: &str,
    client_secret: &SecretString,
    form: &[(&str, &str)],
) -> Result<HttpRequest, ConnectorError> {
    let misconfigured = |error: &dyn std::fmt::Display| ConnectorError::Misconfigured {
        message: format!("no token request can be made from the connection: {error}"),
    };
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let pair = format!("{client_id}:{}", client_secret.expose_secret());
    let mut basic = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair)))
        .map_err(|error| misconfigured(&error))?;
    basic.set_sensitive(true);
    http::Request::post(token_url)
        .header(header::AUTHORIZATION, basic)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .map_err(|error| misconfigured(&error))
}

/// The kind of trouble that an HTTP status or the lack of one is, for traces.
fn trouble(status: Result<u16, &ExchangeError>) -> Option<&'static str> {
    match status {
        Ok(429) => Some("rate_limited"),
        Ok(500..) | Err(ExchangeError::Trouble(_) | ExchangeError::Untrusted(_)) => {
            Some("unavailable")
        }
        Ok(400..) => Some("unauthorized"),
        Ok(_) => None,
        Err(ExchangeError::TooLarge { .. }) => Some("malformed"),
        Err(ExchangeError::Host(_)) => Some("misconfigured"),
    }
}

pub(super) fn context(answer: Option<&HttpResponse>, code: Option<String>) -> CallContext {
    let trace_id = answer.and_then(|answer| {
        TRACE_HEADERS
            .iter()
            .find_map(|name| answer.headers().get(*name)?.to_str().ok())
    });
    CallContext {
        step: STEP.to_owned(),
        status: answer.map(|answer| answer.status().as_u16()),
        code,
        trace_id: trace_id.map(str::to_owned),
    }
}

fn malformed(answer: &HttpResponse, message: String) -> ConnectorError {
    ConnectorError::Malformed {
        context: context(Some(answer), None),
        message,
    }
}

/// OAuth's envelope (RFC 6749, section 5.2); Zoom puts the text in `reason`.
#[derive(Debug, Default, Deserialize)]
struct OAuthRefusal {
    error: Option<String>,
    reason: Option<String>,
    error_description: Option<String>,
}

/// serde's own text may quote the answer, and this answer holds a token.
pub(super) fn place(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "cut short",
    };
    format!("{kind} at line {}, column {}", error.line(), error.column())
}

/// The vendor's words for a refusal, and its OAuth error code; `None` when the answer is not in
/// OAuth's form. What was sent is kept out of both.
fn refusal(answer: &HttpResponse, secrets: &[&str]) -> Option<(String, String)> {
    let refusal: OAuthRefusal = serde_json::from_slice(answer.body()).ok()?;
    let tamed = |words: String| tame(&words, secrets);
    let said = refusal
        .reason
        .or(refusal.error_description)
        .map_or_else(|| answer.status().to_string(), tamed);
    Some((said, refusal.error.map(tamed).unwrap_or_default()))
}

/// The vendor's words for a refusal; the status where it has none.
pub(super) fn said(answer: &HttpResponse, secrets: &[&str]) -> String {
    refusal(answer, secrets).map_or_else(|| answer.status().to_string(), |(said, _)| said)
}

/// A refusal as an error. `remedy` says what to do about an OAuth error code.
pub(super) fn refused(
    answer: &HttpResponse,
    secrets: &[&str],
    remedy: impl Fn(&str) -> String,
) -> ConnectorError {
    let Some((said, code)) = refusal(answer, secrets) else {
        let status = answer.status();
        let message = format!(
            "the token endpoint answers {status} and not in OAuth's form: check `token_url`"
        );
        return malformed(answer, message);
    };
    ConnectorError::Unauthorized {
        message: format!("{said}: {}", remedy(&code)),
        context: context(Some(answer), Some(code).filter(|code| !code.is_empty())),
    }
}
