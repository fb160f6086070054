//! A person's way through a vendor's consent page: sent off with a state and a PKCE challenge that
//! only this process can answer, and taken back with the code that the page gave. The redirect is
//! caught by whoever asked; the code is exchanged here, so that no token leaves the daemon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};

use super::connect::Connectors;
use super::error::ConnectorError;
use super::grant::GrantFacts;
use super::principal;
use super::redirect::{NotARedirect, Redirect};
use super::token::{Redeemable, TokenSource};
use crate::profile::model::ResolvedConnection;
use crate::settings::endpoint::Endpoint;

/// How long a person has for the consent page.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// OAuth's word for a person's no (RFC 6749, section 4.1.2.1).
const DENIED: &str = "access_denied";

/// Authorisations under way at once; more is a mistake or an attack.
const MOST: usize = 32;

/// Where to send the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The vendor's consent page, with everything it needs to know.
    pub url: String,
    /// What the redirect must bring back.
    pub state: String,
    /// When it is too late.
    pub ends_at: Timestamp,
}

/// A consent that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// Of which connection.
    pub connection: String,
    /// What is known of it.
    pub facts: GrantFacts,
}

/// Why a connection was not authorised.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// A code must not travel in clear, nor to a file.
    #[error(
        "`{0}` cannot take the vendor's answer: give a redirect address with https, or with http on 127.0.0.1"
    )]
    RedirectUri(String),
    /// Too many are under way.
    #[error("{MOST} authorisations are under way: finish them, or wait until they end")]
    TooMany,
    /// The pasted text is not the address of a redirect.
    #[error(transparent)]
    NotARedirect(#[from] NotARedirect),
    /// No authorisation under way has this state.
    #[error(
        "this answer belongs to no authorisation that is under way: it was used already, took longer than {} minutes, or is another user's; run `seatsync authorize` again", PATIENCE.as_mins()
    )]
    UnknownState,
    /// The consent page said no.
    #[error(
        "connection `{connection}` was not authorised: {what} (`{error}`{more}). Nothing was changed; run `seatsync authorize {connection}` to ask again",
        what = if error == DENIED { "somebody denied it on the vendor's page" } else { "the vendor's page refuses" },
        more = description.as_ref().map_or_else(String::new, |text| format!(": {text}")),
    )]
    Refused {
        /// Of which connection.
        connection: String,
        /// OAuth's error code.
        error: String,
        /// The vendor's words.
        description: Option<String>,
    },
    /// The code could not be exchanged, or the connection does not allow it.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}

/// Authorisations under way, by state. They end with the process.
#[derive(Debug, Default)]
pub(super) struct Underway(Mutex<BTreeMap<String, Pending>>);

#[derive(Debug)]
struct Pending {
    connection: ResolvedConnection,
    source: Arc<TokenSource>,
    verifier: PkceCodeVerifier,
    redirect_uri: RedirectUrl,
    by: String,
    ends_at: Timestamp,
}

impl Underway {
    fn add(&self, state: String, pending: Pending, now: Timestamp) -> Result<(), AuthorizeError> {
        let mut underway = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        underway.retain(|_, pending| now < pending.ends_at);
        if underway.len() >= MOST {
            return Err(AuthorizeError::TooMany);
        }
        underway.insert(state, pending);
        Ok(())
    }

    /// Each can be taken once, by who began it.
    fn take(&self, state: &str, by: &str, now: Timestamp) -> Option<Pending> {
        let mut underway = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        underway.retain(|_, pending| now < pending.ends_at);
        let known = underway.get(state)?;
        if known.by != by {
            return None;
        }
        underway.remove(state)
    }
}

impl Connectors {
    /// Begins to authorise `connection` for `by`; the vendor's page leads on to `redirect_uri`.
    /// Calls nobody.
    pub fn begin_authorization(
        &self,
        connection: &ResolvedConnection,
        redirect_uri: &str,
        by: &str,
    ) -> Result<Begun, AuthorizeError> {
        let refused = || AuthorizeError::RedirectUri(redirect_uri.to_owned());
        redirect_uri.parse::<Endpoint>().map_err(|_| refused())?;
        let redirect_uri = RedirectUrl::new(redirect_uri.to_owned()).map_err(|_| refused())?;
        let source = self.tokens_of(connection)?;
        let client_id = source.client_id()?;
        let page = AuthUrl::new(connection.authorize_url.clone()).map_err(|error| {
            ConnectorError::Misconfigured {
                message: format!(
                    "connection `{}`: `{}` is not a URL: {error}",
                    connection.name, connection.authorize_url
                ),
            }
        })?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = BasicClient::new(ClientId::new(client_id))
            .set_auth_uri(page)
            .set_redirect_uri(redirect_uri.clone())
            .authorize_url(CsrfToken::new_random)
            .set_pkce_challenge(challenge)
            .url();
        let now = self.clock.now();
        let ends_at = now.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX);
        let pending = Pending {
            connection: connection.clone(),
            source,
            verifier,
            redirect_uri,
            by: by.to_owned(),
            ends_at,
        };
        let state = state.into_secret();
        self.underway.add(state.clone(), pending, now)?;
        Ok(Begun {
            url: url.into(),
            state,
            ends_at,
        })
    }

    /// Takes the address that the vendor's page led to, exchanges the code in it and keeps the
    /// tokens. They are in force when this returns.
    pub async fn complete_authorization(
        &self,
        redirected: &str,
        by: &str,
    ) -> Result<Authorized, AuthorizeError> {
        let answer: Redirect = redirected.parse()?;
        let pending = self
            .underway
            .take(answer.state.secret(), by, self.clock.now())
            .ok_or(AuthorizeError::UnknownState)?;
        let code = answer.outcome.map_err(|refusal| AuthorizeError::Refused {
            connection: pending.connection.name.clone(),
            error: refusal.error,
            description: refusal.description,
        })?;
        let redeemable = Redeemable {
            code,
            verifier: pending.verifier,
            redirect_uri: pending.redirect_uri,
            by: pending.by,
        };
        let (facts, token) = pending.source.redeem(redeemable).await?;
        let who = principal::of(&self.http, &pending.connection, &token).await;
        let who = who.unwrap_or_else(|reason| {
            tracing::warn!(connection = %pending.connection.name, %reason, "the vendor does not tell who authorised");
            principal::Principal::default()
        });
        let named = pending.source.identify(who.name, who.account).await?;
        Ok(Authorized {
            connection: pending.connection.name,
            facts: named.unwrap_or(facts),
        })
    }
}
