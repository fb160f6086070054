//! Access tokens: one kept per set of credentials, got by one caller at a time, renewed before it
//! ends, and once more when the vendor refuses it. One file per grant.

mod access;
mod account_credentials;
mod api_key;
mod endpoint;
mod personal_access_token;

use std::sync::Arc;

use tokio::sync::Mutex;

pub(crate) use access::AccessToken;
use account_credentials::AccountCredentials;
use api_key::ApiKey;
use endpoint::TokenEndpoint;
use personal_access_token::PersonalAccessToken;

use super::error::ConnectorError;
use super::http::HttpClient;
use crate::clock::SharedClock;
use crate::profile::model::{Grant, ResolvedConnection, SecretRef};
use crate::secret::Secrets;

/// What tokens come from, by grant. Secrets are named here and read at each use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Credentials {
    /// Zoom's server-to-server grant.
    AccountCredentials(AccountCredentials),
    /// GoTo's personal access token.
    PersonalAccessToken(PersonalAccessToken),
    /// Aha!'s API key.
    ApiKey(ApiKey),
}

impl Credentials {
    /// What the grant needs of a connection, or which key is missing.
    pub(crate) fn of(connection: &ResolvedConnection) -> Result<Self, ConnectorError> {
        let needs = Needs { connection };
        Ok(match connection.grant {
            Grant::AccountCredentials => Self::AccountCredentials(AccountCredentials::of(&needs)?),
            Grant::PersonalAccessToken => {
                Self::PersonalAccessToken(PersonalAccessToken::of(&needs)?)
            }
            Grant::ApiKey => Self::ApiKey(ApiKey::of(&needs)?),
            Grant::AuthorizationCode => {
                return Err(ConnectorError::Unsupported {
                    what: format!("the grant `{}`", connection.grant.as_str()),
                });
            }
        })
    }
}

/// Takes from a connection what its grant needs.
#[derive(Debug)]
struct Needs<'a> {
    connection: &'a ResolvedConnection,
}

impl<'a> Needs<'a> {
    fn text(
        &self,
        key: &str,
        value: impl Fn(&'a ResolvedConnection) -> &'a Option<String>,
    ) -> Result<String, ConnectorError> {
        value(self.connection)
            .clone()
            .ok_or_else(|| self.missing(key))
    }

    fn secret(
        &self,
        key: &str,
        value: impl Fn(&'a ResolvedConnection) -> &'a Option<SecretRef>,
    ) -> Result<SecretRef, ConnectorError> {
        value(self.connection)
            .clone()
            .ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &str) -> ConnectorError {
        ConnectorError::Misconfigured {
            message: format!(
                "connection `{}` has no `oauth.{key}`, which the grant `{}` needs",
                self.connection.name,
                self.connection.grant.as_str()
            ),
        }
    }
}

/// Hands out the current token of one set of credentials.
#[derive(Debug)]
pub(crate) struct TokenSource {
    credentials: Credentials,
    /// The connection that named them first, for messages.
    connection: String,
    secrets: Arc<Secrets>,
    endpoint: TokenEndpoint,
    /// Held while a token is got, so that callers wait for one instead of asking for one each.
    current: Mutex<Option<Arc<AccessToken>>>,
}

impl TokenSource {
    pub(crate) fn new(
        credentials: Credentials,
        connection: String,
        secrets: Arc<Secrets>,
        http: Arc<HttpClient>,
        clock: SharedClock,
    ) -> Self {
        Self {
            credentials,
            connection,
            secrets,
            endpoint: TokenEndpoint { http, clock },
            current: Mutex::new(None),
        }
    }

    /// A token with some life left.
    pub(crate) async fn token(&self) -> Result<Arc<AccessToken>, ConnectorError> {
        let mut current = self.current.lock().await;
        let now = self.endpoint.clock.now();
        let fresh = current
            .as_ref()
            .filter(|token| now < token.renew_at)
            .cloned();
        if let (Some(token), false) = (fresh, self.is_read_at_each_use()) {
            return Ok(token);
        }
        match (self.get(current.as_ref()).await, current.as_ref()) {
            (Ok(token), _) => Ok(current.insert(token).clone()),
            // Renewing early failed, but the old one still serves: the next call tries again.
            (Err(ConnectorError::Unavailable { .. }), Some(old))
                if self.endpoint.clock.now() < old.ends_at =>
            {
                Ok(old.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Another token than `refused`: the one somebody else got meanwhile, or a new one. `None`
    /// where there is none but the refused one.
    pub(crate) async fn renew(
        &self,
        refused: &Arc<AccessToken>,
    ) -> Result<Option<Arc<AccessToken>>, ConnectorError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current
            .as_ref()
            .filter(|token| !Arc::ptr_eq(token, refused))
        {
            return Ok(Some(token.clone()));
        }
        *current = None;
        let token = self.get(Some(refused)).await?;
        let other = !Arc::ptr_eq(&token, refused);
        Ok(other.then(|| current.insert(token).clone()))
    }

    /// The same refusal of a token, with what to do about it.
    pub(crate) fn advise(&self, refusal: ConnectorError) -> ConnectorError {
        match refusal {
            ConnectorError::Unauthorized { context, message } => ConnectorError::Unauthorized {
                context,
                message: format!("{message}: {}", self.remedy()),
            },
            other => other,
        }
    }

    fn remedy(&self) -> String {
        match &self.credentials {
            Credentials::AccountCredentials(_) => AccountCredentials::remedy(&self.connection),
            Credentials::PersonalAccessToken(_) => PersonalAccessToken::remedy(&self.connection),
            Credentials::ApiKey(key) => key.remedy(&self.connection),
        }
    }

    /// Whether the secret is the token, so that a new one is to be seen at once.
    fn is_read_at_each_use(&self) -> bool {
        matches!(self.credentials, Credentials::ApiKey(_))
    }

    async fn get(
        &self,
        known: Option<&Arc<AccessToken>>,
    ) -> Result<Arc<AccessToken>, ConnectorError> {
        let (secrets, endpoint, connection) = (&self.secrets, &self.endpoint, &self.connection);
        match &self.credentials {
            Credentials::AccountCredentials(credentials) => {
                let minted = credentials.mint(secrets, endpoint, connection).await?;
                Ok(Arc::new(minted))
            }
            Credentials::PersonalAccessToken(credentials) => {
                let minted = credentials.mint(secrets, endpoint, connection).await?;
                Ok(Arc::new(minted))
            }
            Credentials::ApiKey(key) => key.read(secrets, connection, known),
        }
    }
}

#[cfg(test)]
mod tests;
