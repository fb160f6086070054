//! An access token, ready for use.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use oauth2::TokenResponse as _;
use oauth2::basic::BasicTokenType;
use oauth2::{ExtraTokenFields, StandardTokenResponse};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};

/// How long before its end a token is renewed, at most; a fifth of its life when that is shorter.
const RENEW_EARLY: SignedDuration = SignedDuration::from_mins(5);

/// The life of a token whose answer names none. Zoom's and GoTo's live an hour.
pub(super) const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// What a token endpoint answers.
pub(super) type TokenAnswer = StandardTokenResponse<Told, BasicTokenType>;

/// What vendors tell beside OAuth's own fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// GoTo: the e-mail address of the user who consented.
    pub(super) principal: Option<String>,
}

impl ExtraTokenFields for Told {}

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
    pub(super) fn from_answer(answer: &TokenAnswer, asked_at: Timestamp) -> Option<Self> {
        let token = answer.access_token().secret();
        let ends_at = end_of(answer, asked_at).unwrap_or_else(|| later(asked_at, USUAL_LIFE));
        Some(Self {
            scopes: scopes_of(answer),
            ..Self::between(token, asked_at, ends_at)?
        })
    }

    /// The token itself, to be kept out of messages.
    pub(crate) fn secret(&self) -> &str {
        let text = self.authorization.to_str().unwrap_or_default();
        text.strip_prefix("Bearer ").unwrap_or(text)
    }

    /// A token issued at `issued_at` that ends at `ends_at`. `None` when no header can carry it.
    pub(super) fn between(token: &str, issued_at: Timestamp, ends_at: Timestamp) -> Option<Self> {
        let life = ends_at.duration_since(issued_at);
        let early = RENEW_EARLY.min(life / 5);
        Some(Self {
            renew_at: ends_at.saturating_sub(early).unwrap_or(ends_at),
            ends_at,
            ..Self::lasting(token)?
        })
    }
}

/// When the token of an answer ends, where the answer tells.
pub(super) fn end_of(answer: &TokenAnswer, asked_at: Timestamp) -> Option<Timestamp> {
    let life = SignedDuration::try_from(answer.expires_in()?).ok()?;
    Some(later(asked_at, life))
}

/// The scopes of an answer; none where it tells none.
pub(super) fn scopes_of(answer: &TokenAnswer) -> Vec<String> {
    let scopes = answer.scopes().into_iter().flatten();
    scopes
        .map(|scope| scope.to_string())
        .filter(|scope| !scope.is_empty())
        .collect()
}

pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
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
