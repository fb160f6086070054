//! Access tokens for Zoom's server-to-server grant: one kept per set of credentials, minted by one
//! caller at a time, renewed before it ends, and once more when the vendor refuses it.
//!
//! The grant `account_credentials` cannot be expressed by the `oauth2` crate, which writes its own
//! `grant_type`; the request is made by hand and read into that crate's types.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use oauth2::basic::BasicTokenResponse;
use oauth2::http::{self, header};
use oauth2::url::form_urlencoded;
use oauth2::{HttpRequest, HttpResponse, TokenResponse as _};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::{CallContext, ConnectorError};
use super::http::retry::{backoff, throttle_backoff};
use super::http::{ExchangeError, HttpClient, tame, throttle};
use crate::clock::{self, SharedClock};
use crate::profile::model::{ResolvedConnection, SecretRef};
use crate::secret::Secrets;

/// What the step is called in errors and job results.
const STEP: &str = "get an access token";

/// How long before its end a token is renewed, at most; a fifth of its life when that is shorter.
const RENEW_EARLY: SignedDuration = SignedDuration::from_mins(5);

/// The life of a token whose answer names none. Zoom's live an hour.
const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// A token, ready for use.
pub(crate) struct AccessToken {
    /// The value of the `Authorization` header, marked sensitive.
    pub(crate) authorization: HeaderValue,
    /// The scopes granted.
    pub(crate) scopes: Vec<String>,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("scopes", &self.scopes)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

impl AccessToken {
    /// The token itself, to be kept out of messages.
    pub(crate) fn secret(&self) -> &str {
        let text = self.authorization.to_str().unwrap_or_default();
        text.strip_prefix("Bearer ").unwrap_or(text)
    }
}

/// What server-to-server tokens are minted from. The secret itself is read at each mint, so that a
/// rotated one is seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountCredentials {
    pub(crate) token_url: String,
    pub(crate) account_id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretRef,
}

impl AccountCredentials {
    /// What the grant needs of a connection, or which key is missing.
    pub(crate) fn of(connection: &ResolvedConnection) -> Result<Self, ConnectorError> {
        let missing = |key: &str| ConnectorError::Misconfigured {
            message: format!(
                "connection `{}` has no `oauth.{key}`, which the grant `{}` needs",
                connection.name,
                connection.grant.as_str()
            ),
        };
        let text = |value: &Option<String>, key| value.clone().ok_or_else(|| missing(key));
        Ok(Self {
            token_url: connection.token_url.clone(),
            account_id: text(&connection.account_id, "account_id")?,
            client_id: text(&connection.client_id, "client_id")?,
            client_secret: connection
                .client_secret
                .clone()
                .ok_or_else(|| missing("client_secret"))?,
        })
    }
}

/// Hands out the current token of one set of credentials.
#[derive(Debug)]
pub(crate) struct TokenSource {
    credentials: AccountCredentials,
    secrets: Arc<Secrets>,
    http: Arc<HttpClient>,
    clock: SharedClock,
    /// Held while minting, so that callers wait for one token instead of asking for one each.
    current: Mutex<Option<Arc<AccessToken>>>,
}

impl TokenSource {
    pub(crate) fn new(
        credentials: AccountCredentials,
        secrets: Arc<Secrets>,
        http: Arc<HttpClient>,
        clock: SharedClock,
    ) -> Self {
        Self {
            credentials,
            secrets,
            http,
            clock,
            current: Mutex::new(None),
        }
    }

    /// A token with some life left.
    pub(crate) async fn token(&self) -> Result<Arc<AccessToken>, ConnectorError> {
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        if let Some(token) = current.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.clone());
        }
        match (self.mint().await, current.as_ref()) {
            (Ok(token), _) => Ok(current.insert(Arc::new(token)).clone()),
            // Renewing early failed, but the old one still serves: the next call tries again.
            (Err(ConnectorError::Unavailable { .. }), Some(old))
                if self.clock.now() < old.ends_at =>
            {
                Ok(old.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Another token than `refused`: the one somebody else got meanwhile, or a new one.
    pub(crate) async fn renew(
        &self,
        refused: &Arc<AccessToken>,
    ) -> Result<Arc<AccessToken>, ConnectorError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current
            .as_ref()
            .filter(|token| !Arc::ptr_eq(token, refused))
        {
            return Ok(token.clone());
        }
        *current = None;
        let token = self.mint().await?;
        Ok(current.insert(Arc::new(token)).clone())
    }

    async fn mint(&self) -> Result<AccessToken, ConnectorError> {
        let secret = self.secrets.read(&self.credentials.client_secret)?;
        let mut waits = backoff(self.http.options());
        let mut throttles = throttle_backoff();
        loop {
            let request = self.request(&secret)?;
            let asked_at = self.clock.now();
            let error = match self.http.oauth_exchange(request).await {
                Ok(answer) if answer.status().as_u16() == 429 => {
                    self.wait_for_room(&answer, throttles.next()).await?;
                    continue;
                }
                Ok(answer) if answer.status().is_server_error() => ConnectorError::Unavailable {
                    context: context(Some(&answer), None),
                    message: format!("the token endpoint answers {}", answer.status()),
                },
                Ok(answer) => return read(&answer, asked_at, &secret),
                Err(ExchangeError::Trouble(message)) => ConnectorError::Unavailable {
                    context: context(None, None),
                    message,
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
            let wait = SignedDuration::try_from(wait).unwrap_or(RENEW_EARLY);
            clock::sleep(&*self.clock, wait).await;
        }
    }

    fn request(&self, secret: &SecretString) -> Result<HttpRequest, ConnectorError> {
        let credentials = &self.credentials;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "account_credentials")
            .append_pair("account_id", &credentials.account_id)
            .finish();
        let pair = format!("{}:{}", credentials.client_id, secret.expose_secret());
        let misconfigured = |error: &dyn fmt::Display| ConnectorError::Misconfigured {
            message: format!("no token request can be made from the connection: {error}"),
        };
        let mut basic = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair)))
            .map_err(|error| misconfigured(&error))?;
        basic.set_sensitive(true);
        http::Request::post(&credentials.token_url)
            .header(header::AUTHORIZATION, basic)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes())
            .map_err(|error| misconfigured(&error))
    }

    async fn wait_for_room(
        &self,
        answer: &HttpResponse,
        fallback: Option<std::time::Duration>,
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
        let longest = SignedDuration::try_from(self.http.options().longest_throttle);
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

fn context(answer: Option<&HttpResponse>, code: Option<String>) -> CallContext {
    CallContext {
        step: STEP.to_owned(),
        status: answer.map(|answer| answer.status().as_u16()),
        code,
        trace_id: answer
            .and_then(|answer| answer.headers().get("x-zm-trackingid"))
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    }
}

/// Zoom's OAuth envelope: RFC 6749's `error` with the text in `reason`.
#[derive(Debug, Default, Deserialize)]
struct OAuthRefusal {
    error: Option<String>,
    reason: Option<String>,
    error_description: Option<String>,
}

fn read(
    answer: &HttpResponse,
    asked_at: Timestamp,
    secret: &SecretString,
) -> Result<AccessToken, ConnectorError> {
    if !answer.status().is_success() {
        return Err(refused(answer, secret));
    }
    let malformed = |message: String| ConnectorError::Malformed {
        context: context(Some(answer), None),
        message,
    };
    let token: BasicTokenResponse = serde_json::from_slice(answer.body())
        .map_err(|error| malformed(format!("not a token answer: {}", place(&error))))?;
    let mut authorization =
        HeaderValue::try_from(format!("Bearer {}", token.access_token().secret()))
            .map_err(|_| malformed("the token holds characters no header may have".to_owned()))?;
    authorization.set_sensitive(true);
    let life = token
        .expires_in()
        .and_then(|life| SignedDuration::try_from(life).ok())
        .unwrap_or(USUAL_LIFE);
    let early = RENEW_EARLY.min(life / 5);
    let at = |after| asked_at.saturating_add(after).unwrap_or(Timestamp::MAX);
    Ok(AccessToken {
        authorization,
        scopes: token
            .scopes()
            .into_iter()
            .flatten()
            .map(|scope| scope.to_string())
            .filter(|scope| !scope.is_empty())
            .collect(),
        renew_at: at(life.saturating_sub(early)),
        ends_at: at(life),
    })
}

/// serde's own text may quote the answer, and this answer holds a token.
fn place(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "cut short",
    };
    format!("{kind} at line {}, column {}", error.line(), error.column())
}

fn refused(answer: &HttpResponse, secret: &SecretString) -> ConnectorError {
    let status = answer.status();
    let Ok(refusal) = serde_json::from_slice::<OAuthRefusal>(answer.body()) else {
        return ConnectorError::Malformed {
            context: context(Some(answer), None),
            message: format!(
                "the token endpoint answers {status} and not in OAuth's form: check `token_url`"
            ),
        };
    };
    let tamed = |words: String| tame(&words, &[secret.expose_secret()]);
    let error = refusal.error.map(tamed).unwrap_or_default();
    let said = refusal
        .reason
        .or(refusal.error_description)
        .map_or_else(|| status.to_string(), tamed);
    ConnectorError::Unauthorized {
        message: format!("{said}: {}", remedy(&error)),
        context: context(Some(answer), Some(error).filter(|error| !error.is_empty())),
    }
}

/// What to look at, by what Zoom's token endpoint was seen to answer.
fn remedy(error: &str) -> &'static str {
    match error {
        "invalid_client" => "check `client_id` and the client secret",
        "invalid_request" => "check `account_id`, and that the app is activated at Zoom",
        "unsupported_grant_type" | "unsupported grant type" => {
            "the credentials must be of a server-to-server OAuth app"
        }
        _ => "check the app and its credentials at Zoom",
    }
}
