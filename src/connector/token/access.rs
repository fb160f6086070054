//! An access token, ready for use.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use oauth2::TokenResponse as _;
use oauth2::basic::BasicTokenResponse;
use reqwest::header::HeaderValue;

/// How long before its end a token is renewed, at most; a fifth of its life when that is shorter.
const RENEW_EARLY: SignedDuration = SignedDuration::from_mins(5);

/// The life of a token whose answer names none. Zoom's and GoTo's live an hour.
const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// What calls are authorised with.
pub(crate) struct AccessToken {
    /// The value of the `Authorization` header, marked sensitive.
    pub(crate) authorization: HeaderValue,
    /// The scopes granted; none where the vendor tells none.
    pub(crate) scopes: Vec<String>,
    pub(super) renew_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

impl AccessToken {
    /// A token that lives until somebody revokes it. `None` when no header can carry it.
    pub(super) fn lasting(token: &str) -> Option<Self> {
        Some(Self {
            authorization: bearer(token)?,
            scopes: Vec::new(),
            renew_at: Timestamp::MAX,
            ends_at: Timestamp::MAX,
        })
    }

    /// The token of an answer to a request made at `asked_at`. `None` when no header can carry it.
    pub(super) fn from_answer(answer: &BasicTokenResponse, asked_at: Timestamp) -> Option<Self> {
        let life = answer
            .expires_in()
            .and_then(|life| SignedDuration::try_from(life).ok())
            .unwrap_or(USUAL_LIFE);
        let early = RENEW_EARLY.min(life / 5);
        let at = |after| asked_at.saturating_add(after).unwrap_or(Timestamp::MAX);
        Some(Self {
            authorization: bearer(answer.access_token().secret())?,
            scopes: answer
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

    /// The token itself, to be kept out of messages.
    pub(crate) fn secret(&self) -> &str {
        let text = self.authorization.to_str().unwrap_or_default();
        text.strip_prefix("Bearer ").unwrap_or(text)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("scopes", &self.scopes)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
