//! What a person's consent gave, and where it is kept between runs. The connector knows what it
//! needs kept; the keeper, which lives with the store, knows how.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::profile::identifier::Vendor;
use crate::profile::model::ResolvedConnection;

/// Whose consent it is, and where its tokens may go. A change of any of it needs a new consent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantOwner {
    /// The connection's name.
    pub connection: String,
    /// Whose API it is.
    pub vendor: Vendor,
    /// API base.
    pub url: String,
    /// Where tokens come from.
    pub token_url: String,
    /// The app that was consented to.
    pub client_id: String,
}

impl GrantOwner {
    /// The owner that a connection is, once it has an app.
    pub fn of(connection: &ResolvedConnection) -> Option<Self> {
        Some(Self {
            connection: connection.name.clone(),
            vendor: connection.vendor,
            url: connection.url.clone(),
            token_url: connection.token_url.clone(),
            client_id: connection.client_id.clone()?,
        })
    }
}

/// The secret half.
#[derive(Debug, Clone)]
pub struct GrantTokens {
    /// What calls are made with.
    pub access: SecretString,
    /// What the next access token is got with, where the vendor gives one.
    pub refresh: Option<SecretString>,
}

/// What may be told of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFacts {
    /// When a person consented.
    pub authorized_at: Timestamp,
    /// Who asked the daemon to, as `uid 0`.
    pub authorized_by: String,
    /// Whom the vendor knows that person as, where it tells.
    pub principal: Option<String>,
    /// The vendor account, where it is known from the consent.
    pub account: Option<String>,
    /// The scopes granted; none where the vendor tells none.
    pub scopes: Vec<String>,
    /// When the access token was issued.
    pub access_issued_at: Timestamp,
    /// When the access token ends; `None` for one that lasts until it is revoked.
    pub access_ends_at: Option<Timestamp>,
    /// When the refresh token was issued.
    pub refresh_issued_at: Option<Timestamp>,
    /// When the refresh token dies of age, as far as the vendor says.
    pub refresh_ends_at: Option<Timestamp>,
    /// A refresh was asked for then, and its answer never came.
    pub unanswered_since: Option<Timestamp>,
    /// The vendor no longer accepts it.
    pub dead: Option<DeadGrant>,
}

/// The end of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadGrant {
    /// When it was found.
    pub at: Timestamp,
    /// What the vendor said.
    pub reason: String,
}

/// A grant, whole.
#[derive(Debug, Clone)]
pub struct KeptGrant {
    /// The secret half.
    pub tokens: GrantTokens,
    /// What may be told.
    pub facts: GrantFacts,
}

/// How long the vendor's refresh tokens live, where that is known: Zoom's 90 days (its page on
/// OAuth tokens), GoTo's 30 (its guide on refreshing tokens). Aha! has none.
pub(crate) fn refresh_life(vendor: Vendor) -> Option<SignedDuration> {
    match vendor {
        Vendor::Zoom => Some(SignedDuration::from_hours(90 * 24)),
        Vendor::GoTo => Some(SignedDuration::from_hours(30 * 24)),
        Vendor::Aha => None,
    }
}

/// How long before a refresh token's end a person is told.
const WARN_BEFORE: SignedDuration = SignedDuration::from_hours(10 * 24);

impl GrantFacts {
    /// What a person should do before it is too late, or about what is too late already.
    pub fn warning(&self, connection: &str, now: Timestamp) -> Option<String> {
        let authorize = format!("run `seatsync authorize {connection}`");
        if let Some(dead) = &self.dead {
            return Some(format!(
                "the vendor no longer accepts the authorisation of connection `{connection}` ({}): {authorize}",
                dead.reason
            ));
        }
        let ends_at = self.refresh_ends_at?;
        if now >= ends_at {
            return Some(format!(
                "the authorisation of connection `{connection}` ended of age on {}: {authorize}",
                day(ends_at)
            ));
        }
        let left = ends_at.duration_since(now);
        (left <= WARN_BEFORE).then(|| {
            format!(
                "the authorisation of connection `{connection}` ends of age on {}, in {} days: {authorize} before",
                day(ends_at),
                left.as_hours() / 24
            )
        })
    }
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Why a grant cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// It is there and cannot be used: a person must act. Nothing was overwritten.
    #[error("the tokens of connection `{connection}` cannot be used: {reason}")]
    Unusable {
        /// Whose they are.
        connection: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The disk or the store fails.
    #[error("the tokens of connection `{connection}` cannot be kept: {reason}")]
    Store {
        /// Whose they are.
        connection: String,
        /// What failed.
        reason: String,
    },
}

/// What a keeper's call comes to.
pub type Keeping<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeeperError>> + Send + 'a>>;

/// Keeps grants between runs. What is kept is durable when the call returns.
pub trait GrantKeeper: fmt::Debug + Send + Sync + 'static {
    /// The grant of `owner`, if a person gave one.
    fn load<'a>(&'a self, owner: &'a GrantOwner) -> Keeping<'a, Option<KeptGrant>>;

    /// Keeps a grant in place of the one before.
    fn keep<'a>(&'a self, owner: &'a GrantOwner, grant: &'a KeptGrant) -> Keeping<'a, ()>;

    /// Keeps what became known of a grant; its tokens stay as they are.
    fn note<'a>(&'a self, owner: &'a GrantOwner, facts: &'a GrantFacts) -> Keeping<'a, ()>;

    /// What is known of a connection's grant, without opening it.
    fn facts(&self, connection: &str) -> Option<GrantFacts>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(ends_at: Option<&str>) -> GrantFacts {
        GrantFacts {
            authorized_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            authorized_by: "uid 0".to_owned(),
            principal: None,
            account: None,
            scopes: Vec::new(),
            access_issued_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            access_ends_at: None,
            refresh_issued_at: None,
            refresh_ends_at: ends_at.map(|at| at.parse().unwrap()),
            unanswered_since: None,
            dead: None,
        }
    }

    #[test]
    fn a_refresh_token_is_warned_of_in_its_last_ten_days() {
        let facts = facts(Some("2026-03-31T12:00:00Z"));
        let at = |now: &str| facts.warning("goto", now.parse().unwrap());
        assert_eq!(at("2026-03-21T11:59:59Z"), None);
        assert_eq!(
            at("2026-03-21T12:00:00Z").unwrap(),
            "the authorisation of connection `goto` ends of age on 2026-03-31, in 10 days: run `seatsync authorize goto` before"
        );
        assert!(at("2026-03-31T12:00:00Z").unwrap().contains("ended of age"));
        assert_eq!(
            self::facts(None).warning("aha", "2036-01-01T00:00:00Z".parse().unwrap()),
            None
        );
    }
}
