//! A call of a vendor's API, from rate budget to parsed answer. What a connector gets back is
//! final: everything worth repeating was repeated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBackoff;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, LOCATION};
use reqwest::{Method, Url};

use super::dialect::{Dialect, Meaning};
use super::retry::{RetryBudget, backoff, throttle_backoff};
use super::throttle::{self, Throttle};
use super::{Answer, ExchangeError, HttpClient, host_of, tame, unreachable};
use crate::clock::{self, SharedClock};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::limits::{AccountBudget, Label};
use crate::connector::options::RetryPolicy;
use crate::connector::stats::CallStats;
use crate::connector::token::{AccessToken, TokenSource};
use crate::telemetry::spans::{self, VendorCall};

/// How a call is sent.
#[derive(Debug, Clone)]
enum Sending<'a> {
    /// `GET`.
    Get,
    /// `POST` of a JSON body that changes nothing.
    Report(&'a str),
    /// A change. It is sent once: what may have reached the vendor is not repeated.
    Change(Method, Option<String>),
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The step in our words, for errors and job results.
    pub(crate) step: &'a str,
    /// Which rate budget it draws on.
    pub(crate) label: Label,
    /// Path segments below the API base, not yet percent-encoded.
    pub(crate) path: &'a [&'a str],
    /// Query parameters, not yet percent-encoded.
    pub(crate) query: &'a [(&'a str, &'a str)],
}

/// What a connector calls its vendor through, for one run.
#[derive(Debug)]
pub(crate) struct Api {
    /// The connection's name, for messages.
    pub(crate) connection: String,
    pub(crate) http: Arc<HttpClient>,
    pub(crate) base: Url,
    pub(crate) tokens: Arc<TokenSource>,
    pub(crate) budget: Arc<AccountBudget>,
    pub(crate) stats: CallStats,
    pub(crate) clock: SharedClock,
    pub(crate) dialect: &'static dyn Dialect,
    /// `base` is not one of the vendor's own hosts: a refusal may be somebody else's.
    pub(crate) foreign: bool,
    pub(crate) retry: RetryPolicy,
    pub(crate) retries: RetryBudget,
}

/// What one answer, or the lack of one, means for the call.
enum Judged<T> {
    Done(T),
    /// Worth repeating; the error if it is not repeated.
    Trouble(ConnectorError),
    /// Worth repeating with another token.
    TokenRefused(ConnectorError),
    /// Worth repeating when there is room.
    Throttled(CallContext, HeaderMap, String),
    Final(ConnectorError),
}

impl<T> Judged<T> {
    /// The kind of trouble, where there was any.
    fn trouble(&self) -> Option<&'static str> {
        match self {
            Self::Done(_) => None,
            Self::Trouble(error) | Self::TokenRefused(error) | Self::Final(error) => {
                Some(error.kind())
            }
            Self::Throttled(..) => Some("rate_limited"),
        }
    }
}

/// The patience one call has left.
struct Patience {
    repetitions: ExponentialBackoff,
    throttles: ExponentialBackoff,
    token_renewed: bool,
}

impl Api {
    /// Calls, and reads the answer with `read`. A body that ends too soon or is not JSON is trouble
    /// on the way and is asked for again; JSON of another shape is [`ConnectorError::Malformed`] at
    /// once.
    pub(crate) async fn get<T>(
        &self,
        call: &Call<'_>,
        read: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        self.send(call, &Sending::Get, |answer| read(&answer.body))
            .await
    }

    /// The same for a report that is asked for by a JSON body and changes nothing.
    pub(crate) async fn post<T>(
        &self,
        call: &Call<'_>,
        body: &str,
        read: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        self.send(call, &Sending::Report(body), |answer| read(&answer.body))
            .await
    }

    /// Changes something at the vendor, and returns the trace id of its answer. Sent once: it is
    /// repeated only where the vendor says that it did nothing, for want of a token or of room. An
    /// error that is [`ConnectorError::Unavailable`] leaves open whether it took effect.
    pub(crate) async fn change(
        &self,
        call: &Call<'_>,
        method: Method,
        body: Option<&serde_json::Value>,
    ) -> Result<Option<String>, ConnectorError> {
        let body = body.map(ToString::to_string);
        self.send(call, &Sending::Change(method, body), |answer| {
            Ok(self.trace_of(answer))
        })
        .await
    }

    /// The token that calls are made with.
    pub(crate) async fn token(&self) -> Result<Arc<AccessToken>, ConnectorError> {
        self.tokens.token(self.retry).await
    }

    /// A token that shows the scopes granted by now, where the vendor gives a later one.
    pub(crate) async fn token_of_now(&self) -> Result<Arc<AccessToken>, ConnectorError> {
        let current = self.token().await?;
        let renewed = self.tokens.renew_for_scopes(&current, self.retry).await?;
        Ok(renewed.unwrap_or(current))
    }

    async fn send<T>(
        &self,
        call: &Call<'_>,
        sending: &Sending<'_>,
        read: impl Fn(&Answer) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        let once = matches!(sending, Sending::Change(..));
        let mut patience = Patience {
            repetitions: backoff(&self.retry),
            throttles: throttle_backoff(),
            token_renewed: false,
        };
        let mut token = self.token().await?;
        let mut attempt = 0;
        loop {
            let waited = self.wait_for_room(call).await?;
            let request = self.request(call, sending, &token)?;
            attempt += 1;
            let span = VendorCall {
                connection: &self.connection,
                step: call.step,
                method: request.method().as_str(),
                attempt,
                waited: Duration::try_from(waited).unwrap_or_default(),
            }
            .span();
            self.stats.called();
            let outcome = span.run(self.http.exchange(request)).await;
            let status = outcome.as_ref().ok().map(|answer| answer.status);
            self.stats.answered(status);
            let judged = self.judge(call, outcome, &token, &read);
            spans::vendor_answered(span, status, judged.trouble());
            match judged {
                Judged::Done(value) => {
                    self.retries.earn();
                    return Ok(value);
                }
                Judged::Trouble(error) if once => return Err(error),
                Judged::Trouble(error) => self.back_off(error, &mut patience).await?,
                Judged::TokenRefused(error) if patience.token_renewed => {
                    return Err(self.credentials_refused(error));
                }
                Judged::TokenRefused(error) => {
                    tracing::debug!(%error, "getting another token");
                    patience.token_renewed = true;
                    let Some(other) = self.tokens.renew(&token, self.retry).await? else {
                        return Err(self.credentials_refused(error));
                    };
                    self.stats.retried();
                    token = other;
                }
                Judged::Throttled(context, headers, message) => {
                    self.close(call.label, context, &headers, &message, &mut patience)?;
                }
                Judged::Final(error) => return Err(error),
            }
        }
    }

    /// Waits until the account's budget admits one more call, unless that is too long. How long it
    /// took.
    async fn wait_for_room(&self, call: &Call<'_>) -> Result<SignedDuration, ConnectorError> {
        let started = self.clock.now();
        while let Some(Throttle { until, daily }) = self.budget.admit(call.label) {
            if daily || self.too_long(until) {
                return Err(ConnectorError::RateLimited {
                    context: self.context(call, None),
                    until,
                });
            }
            self.clock.sleep_until(until).await;
        }
        let waited = self.clock.now().duration_since(started);
        self.stats.throttled(waited);
        Ok(waited)
    }

    fn too_long(&self, until: Timestamp) -> bool {
        let wait = until.duration_since(self.clock.now());
        SignedDuration::try_from(self.retry.rate_limit_wait).is_ok_and(|longest| wait > longest)
    }

    fn request(
        &self,
        call: &Call<'_>,
        sending: &Sending<'_>,
        token: &AccessToken,
    ) -> Result<reqwest::Request, ConnectorError> {
        let misconfigured = |message: &dyn fmt::Display| ConnectorError::Misconfigured {
            message: format!("`{}` cannot be called: {message}", self.base),
        };
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| misconfigured(&"it has no path"))?
            .pop_if_empty()
            .extend(call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let client = self.http.client()?;
        let (method, body) = match sending {
            Sending::Get => (Method::GET, None),
            Sending::Report(body) => (Method::POST, Some((*body).to_owned())),
            Sending::Change(method, body) => (method.clone(), body.clone()),
        };
        let request = client.request(method, url);
        let request = match body {
            None => request,
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body),
        };
        request
            .header(AUTHORIZATION, token.authorization.clone())
            .header(ACCEPT, "application/json")
            .build()
            .map_err(|error| misconfigured(&error.without_url()))
    }

    fn judge<T>(
        &self,
        call: &Call<'_>,
        outcome: Result<Answer, ExchangeError>,
        token: &AccessToken,
        read: &impl Fn(&Answer) -> serde_json::Result<T>,
    ) -> Judged<T> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(ExchangeError::Trouble(message)) => {
                return Judged::Trouble(ConnectorError::Unavailable {
                    context: self.context(call, None),
                    message: unreachable(&message, &self.connection, "url"),
                });
            }
            Err(ExchangeError::Untrusted(message)) => {
                return Judged::Final(ConnectorError::Unavailable {
                    context: self.context(call, None),
                    message,
                });
            }
            Err(error @ ExchangeError::TooLarge { .. }) => {
                return Judged::Final(ConnectorError::Malformed {
                    context: self.context(call, None),
                    message: error.to_string(),
                });
            }
            Err(ExchangeError::Host(message)) => {
                return Judged::Final(ConnectorError::Misconfigured { message });
            }
        };
        self.note_vendor_time(&answer.headers);
        match answer.status {
            200..=299 => self.read(call, &answer, read),
            300..=399 => Judged::Final(ConnectorError::Malformed {
                message: elsewhere(&answer.headers),
                context: self.context(call, Some(&answer)),
            }),
            408 | 500.. => Judged::Trouble(ConnectorError::Unavailable {
                message: self.said(&answer, token),
                context: self.context(call, Some(&answer)),
            }),
            429 => {
                let refusal = self.dialect.refusal(429, &answer.body);
                let context = self.context(call, Some(&answer));
                Judged::Throttled(context, answer.headers, refusal.message)
            }
            _ => self.refused(call, &answer, token),
        }
    }

    fn read<T>(
        &self,
        call: &Call<'_>,
        answer: &Answer,
        read: &impl Fn(&Answer) -> serde_json::Result<T>,
    ) -> Judged<T> {
        let error = match read(answer) {
            Ok(value) => return Judged::Done(value),
            Err(error) => error,
        };
        let malformed = ConnectorError::Malformed {
            context: self.context(call, Some(answer)),
            message: tame(&error.to_string(), &[]),
        };
        if error.is_data() {
            Judged::Final(malformed)
        } else {
            Judged::Trouble(malformed)
        }
    }

    fn refused<T>(&self, call: &Call<'_>, answer: &Answer, token: &AccessToken) -> Judged<T> {
        let refusal = self.dialect.refusal(answer.status, &answer.body);
        let mut context = self.context(call, Some(answer));
        context.code = refusal.code.as_deref().map(|code| tame(code, &[]));
        let message = self.said(answer, token);
        match self.dialect.meaning(answer.status, &refusal) {
            Meaning::TokenRefused => {
                Judged::TokenRefused(ConnectorError::Unauthorized { context, message })
            }
            Meaning::MissingScope(scopes) => {
                let scopes = scopes.iter().map(|scope| tame(scope, &[])).collect();
                Judged::Final(ConnectorError::MissingScope { context, scopes })
            }
            Meaning::NoPermission => Judged::Final(ConnectorError::Unauthorized {
                context,
                message: format!("{message}: {}", self.dialect.permission_remedy()),
            }),
            // A vendor that misses a record says so in its own form.
            Meaning::Other if answer.status == 404 && refusal.message.is_empty() => {
                Judged::Final(self.misdirected(context, &message))
            }
            Meaning::NoSuchCall => Judged::Final(self.misdirected(context, &message)),
            Meaning::Other => Judged::Final(ConnectorError::Rejected { context, message }),
        }
    }

    /// The same failure of a call that everybody with credentials may make: where that is not found,
    /// there is no API.
    pub(crate) fn nowhere(&self, error: ConnectorError) -> ConnectorError {
        match error {
            ConnectorError::Rejected { context, message }
                if context.status == Some(404) && !message.ends_with(CHECK_URL) =>
            {
                self.misdirected(context, &message)
            }
            other => other,
        }
    }

    /// What there is to do when something answers, and it is not the API.
    fn misdirected(&self, context: CallContext, message: &str) -> ConnectorError {
        let (host, connection) = (host_of(&self.base), &self.connection);
        ConnectorError::Rejected {
            context,
            message: format!("{message} (`{host}`, connection `{connection}`): {CHECK_URL}"),
        }
    }

    /// The same refusal with what to do about it. Whoever stands at an address that is not the vendor's
    /// may refuse credentials that are right.
    fn credentials_refused(&self, refusal: ConnectorError) -> ConnectorError {
        let mut advised = self.tokens.advise(refusal, &self.connection);
        if let ConnectorError::Unauthorized { message, .. } = &mut advised
            && self.foreign
        {
            let (host, connection) = (host_of(&self.base), &self.connection);
            *message = format!(
                "{message}; it is `{host}` that refuses, which is no host of the vendor's own: if credentials are right, check `url` of connection `{connection}`"
            );
        }
        advised
    }

    /// The vendor's words where it gives any, the status otherwise.
    fn said(&self, answer: &Answer, token: &AccessToken) -> String {
        let refusal = self.dialect.refusal(answer.status, &answer.body);
        if refusal.message.is_empty() {
            format!("it answers {} without saying why", answer.status)
        } else {
            tame(&refusal.message, &[token.secret()])
        }
    }

    async fn back_off(
        &self,
        error: ConnectorError,
        patience: &mut Patience,
    ) -> Result<(), ConnectorError> {
        let Some(wait) = patience.repetitions.next() else {
            return Err(error);
        };
        if !self.retries.spend() {
            tracing::warn!(%error, "too many repetitions in this run: giving up at once");
            return Err(error);
        }
        tracing::debug!(%error, ?wait, "calling again");
        self.stats.retried();
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(1));
        clock::sleep(&*self.clock, wait).await;
        Ok(())
    }

    /// Closes the label for everybody on the account; the next round of the loop waits it out.
    fn close(
        &self,
        label: Label,
        context: CallContext,
        headers: &HeaderMap,
        message: &str,
        patience: &mut Patience,
    ) -> Result<(), ConnectorError> {
        let fallback = patience.throttles.next();
        let shortest = fallback.unwrap_or_default().max(label.window());
        let now = self.clock.now();
        let mut found = throttle::read(headers, message, shortest, now);
        if let Some(longest) = self.dialect.longest_throttle() {
            found.until = found
                .until
                .min(now.saturating_add(longest).unwrap_or(found.until));
        }
        self.budget.close(label, found);
        if found.daily || fallback.is_none() || self.too_long(found.until) {
            return Err(ConnectorError::RateLimited {
                context,
                until: found.until,
            });
        }
        self.stats.retried();
        tracing::debug!(step = %context.step, until = %found.until, "the vendor asks to wait");
        Ok(())
    }

    fn trace_of(&self, answer: &Answer) -> Option<String> {
        let value = answer.headers.get(self.dialect.trace_header())?;
        value.to_str().ok().map(str::to_owned)
    }

    fn note_vendor_time(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        let Some(Ok(date)) = date.map(httpdate::parse_http_date) else {
            return;
        };
        if let Ok(vendor_now) = Timestamp::try_from(date) {
            self.stats.vendor_said(vendor_now, self.clock.now());
        }
    }

    fn context(&self, call: &Call<'_>, answer: Option<&Answer>) -> CallContext {
        CallContext {
            step: call.step.to_owned(),
            status: answer.map(|answer| answer.status),
            code: None,
            trace_id: answer.and_then(|answer| self.trace_of(answer)),
        }
    }
}

/// The remedy where the address of a connection is not the API's.
const CHECK_URL: &str = "check `url`";

fn elsewhere(headers: &HeaderMap) -> String {
    let to = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    // A query may hold what lets somebody in.
    let to = to.and_then(|to| to.split(['?', '#']).next());
    format!(
        "it sends us on to `{}`, which is not the host of the connection: {CHECK_URL}",
        tame(to.unwrap_or("nowhere"), &[])
    )
}
