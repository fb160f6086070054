//! Access tokens: one kept per set of credentials, got by one caller at a time, renewed before it
//! ends, and once more when the vendor refuses it. One file per grant.

mod access;
mod account_credentials;
mod api_key;
mod authorization_code;
mod endpoint;
mod exchange;
mod personal_access_token;

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

pub(crate) use access::AccessToken;
use account_credentials::AccountCredentials;
use api_key::ApiKey;
pub(crate) use authorization_code::Redeemable;
use authorization_code::{AuthorizationCode, Tools};
use endpoint::TokenEndpoint;
use personal_access_token::PersonalAccessToken;

use super::error::ConnectorError;
use super::grant::{GrantFacts, GrantKeeper, KeptGrant};
use super::http::HttpClient;
use super::options::RetryPolicy;
use crate::clock::SharedClock;
use crate::profile::model::{Grant, ResolvedConnection, SecretRef};
use crate::secret::Secrets;
use crate::telemetry::spans::Span;

/// What tokens come from, by grant. Secrets are named here and read at each use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Credentials {
    /// Zoom's server-to-server grant.
    AccountCredentials(AccountCredentials),
    /// GoTo's personal access token.
    PersonalAccessToken(PersonalAccessToken),
    /// Aha!'s API key.
    ApiKey(ApiKey),
    /// A person's consent.
    AuthorizationCode(AuthorizationCode),
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
            Grant::AuthorizationCode => Self::AuthorizationCode(AuthorizationCode::of(&needs)?),
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
    /// Whom tokens are asked of, where that is none of the vendor's own hosts: a refusal may be somebody
    /// else's.
    foreign: Option<String>,
    shared: TokenParts,
    /// Held while a token is got, so that callers wait for one instead of asking for one each.
    state: Mutex<State>,
}

/// What all token sources of the process share.
#[derive(Debug, Clone)]
pub(crate) struct TokenParts {
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) http: Arc<HttpClient>,
    pub(crate) clock: SharedClock,
    /// Where consents are kept; `None` where there is no place for them.
    pub(crate) keeper: Option<Arc<dyn GrantKeeper>>,
    /// What must not be cut between the vendor's answer and the disk.
    pub(crate) tasks: TaskTracker,
}

/// Why another token is wanted than the one there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    /// The vendor refused it.
    Refused,
    /// It works, and may be older than the scopes granted by now.
    ForScopes,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Arc<AccessToken>>,
    /// A grant that the vendor gave and the disk did not take.
    unkept: Option<KeptGrant>,
}

impl TokenSource {
    /// `foreign` is the host of `token_url` where that is none of the vendor's own.
    pub(crate) fn new(
        credentials: Credentials,
        connection: String,
        foreign: Option<String>,
        shared: TokenParts,
    ) -> Self {
        Self {
            credentials,
            connection,
            foreign,
            shared,
            state: Mutex::default(),
        }
    }

    /// A token with some life left.
    pub(crate) async fn token(
        self: &Arc<Self>,
        retry: RetryPolicy,
    ) -> Result<Arc<AccessToken>, ConnectorError> {
        let fresh = self.fresh(self.state.lock().await.current.as_ref());
        match fresh {
            Some(token) => Ok(token),
            None => {
                self.uncut(|source| async move { source.get_fresh(retry).await })
                    .await
            }
        }
    }

    /// Another token than `refused`: the one somebody else got meanwhile, or a new one. `None`
    /// where there is none but the refused one.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        refused: &Arc<AccessToken>,
        retry: RetryPolicy,
    ) -> Result<Option<Arc<AccessToken>>, ConnectorError> {
        self.another(refused, Renewal::Refused, retry).await
    }

    /// A later token than `current`, which works: it shows scopes that were added since. `None`
    /// where there is no later one.
    pub(crate) async fn renew_for_scopes(
        self: &Arc<Self>,
        current: &Arc<AccessToken>,
        retry: RetryPolicy,
    ) -> Result<Option<Arc<AccessToken>>, ConnectorError> {
        self.another(current, Renewal::ForScopes, retry).await
    }

    async fn another(
        self: &Arc<Self>,
        old: &Arc<AccessToken>,
        why: Renewal,
        retry: RetryPolicy,
    ) -> Result<Option<Arc<AccessToken>>, ConnectorError> {
        let old = old.clone();
        self.uncut(|source| async move { source.get_another(&old, why, retry).await })
            .await
    }

    /// Turns what a redirect brought into a grant, which is in force at once.
    pub(crate) async fn redeem(
        self: &Arc<Self>,
        redeemable: Redeemable,
    ) -> Result<(GrantFacts, Arc<AccessToken>), ConnectorError> {
        self.uncut(|source| async move { source.redeem_now(redeemable).await })
            .await
    }

    /// Records whom the vendor knows the person as who consented.
    pub(crate) async fn identify(
        &self,
        principal: Option<String>,
        account: Option<String>,
    ) -> Result<Option<GrantFacts>, ConnectorError> {
        // Held so that it does not write over a refresh's facts.
        let _state = self.state.lock().await;
        let grant = self.grant()?;
        grant
            .identify(
                self.tools(self.shared.http.options().retry)?,
                principal,
                account,
            )
            .await
    }

    /// The same refusal of a token, with what to do about it; `connection` is the one that called with
    /// it.
    pub(crate) fn advise(&self, refusal: ConnectorError, connection: &str) -> ConnectorError {
        match refusal {
            ConnectorError::Unauthorized { context, message } => ConnectorError::Unauthorized {
                context,
                message: format!("{message}: {}", self.remedy(connection)),
            },
            other => other,
        }
    }

    /// The app that a person consents to, for grants that need a person. Fails where its secret
    /// cannot be read: the code that the consent brings could not be redeemed.
    pub(crate) fn client_id(&self) -> Result<String, ConnectorError> {
        let grant = self.grant()?;
        grant.check_secret(&self.shared.secrets)?;
        Ok(grant.client_id().to_owned())
    }

    /// The vendor account, where it is known from a consent.
    pub(crate) fn account(&self) -> Option<String> {
        let keeper = self.shared.keeper.as_ref()?;
        keeper.facts(self.grant().ok()?.connection())?.account
    }

    fn remedy(&self, connection: &str) -> String {
        match &self.credentials {
            Credentials::AccountCredentials(_) => AccountCredentials::remedy(connection),
            Credentials::PersonalAccessToken(_) => PersonalAccessToken::remedy(connection),
            Credentials::ApiKey(key) => key.remedy(connection),
            Credentials::AuthorizationCode(grant) => grant.remedy(),
        }
    }

    /// Runs to its end even if the caller goes away: a refresh token that the vendor has replaced
    /// and nobody wrote down would be lost.
    async fn uncut<T, F>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, ConnectorError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ConnectorError>> + Send + 'static,
    {
        let (span, work) = (Span::current(), work(self.clone()));
        let work = async move { span.run(work).await };
        let ended = self.shared.tasks.spawn(work).await;
        ended.unwrap_or(Err(ConnectorError::Cancelled))
    }

    fn fresh(&self, current: Option<&Arc<AccessToken>>) -> Option<Arc<AccessToken>> {
        // The key is itself the token: a new one is to be seen at once.
        let is_read_at_each_use = matches!(self.credentials, Credentials::ApiKey(_));
        let now = self.shared.clock.now();
        current
            .filter(|token| now < token.renew_at && !is_read_at_each_use)
            .cloned()
    }

    async fn get_fresh(&self, retry: RetryPolicy) -> Result<Arc<AccessToken>, ConnectorError> {
        let mut state = self.state.lock().await;
        if let Some(token) = self.fresh(state.current.as_ref()) {
            return Ok(token);
        }
        let old = state.current.clone();
        match (self.get(None, retry, &mut state).await, old) {
            (Ok(token), _) => Ok(state.current.insert(token).clone()),
            // Renewing early failed, but the old one still serves: the next call tries again.
            (Err(ConnectorError::Unavailable { .. }), Some(old))
                if self.shared.clock.now() < old.ends_at =>
            {
                Ok(old)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn get_another(
        &self,
        old: &Arc<AccessToken>,
        why: Renewal,
        retry: RetryPolicy,
    ) -> Result<Option<Arc<AccessToken>>, ConnectorError> {
        let mut state = self.state.lock().await;
        let other = |token: &&Arc<AccessToken>| token.authorization != old.authorization;
        if let Some(token) = state.current.as_ref().filter(other) {
            return Ok(Some(token.clone()));
        }
        state.current = None;
        let token = self.get(Some((old, why)), retry, &mut state).await?;
        let token = state.current.insert(token);
        Ok(Some(token.clone()).filter(|token| other(&token)))
    }

    async fn redeem_now(
        &self,
        redeemable: Redeemable,
    ) -> Result<(GrantFacts, Arc<AccessToken>), ConnectorError> {
        let mut state = self.state.lock().await;
        let grant = self.grant()?;
        let kept = grant
            .redeem(
                self.tools(self.shared.http.options().retry)?,
                redeemable,
                &mut state.unkept,
            )
            .await
            .map_err(|error| self.name_foreign_host(error))?;
        let token = Arc::new(AuthorizationCode::access_of(&kept)?);
        state.current = Some(token.clone());
        Ok((kept.facts, token))
    }

    async fn get(
        &self,
        old: Option<(&AccessToken, Renewal)>,
        retry: RetryPolicy,
        state: &mut State,
    ) -> Result<Arc<AccessToken>, ConnectorError> {
        let (secrets, connection) = (&self.shared.secrets, &self.connection);
        let endpoint = self.endpoint(retry);
        let got = match &self.credentials {
            Credentials::AccountCredentials(credentials) => {
                credentials.mint(secrets, &endpoint, connection).await
            }
            Credentials::PersonalAccessToken(credentials) => {
                credentials.mint(secrets, &endpoint, connection).await
            }
            Credentials::ApiKey(key) => key.read(secrets, connection),
            Credentials::AuthorizationCode(grant) => {
                grant.get(self.tools(retry)?, old, &mut state.unkept).await
            }
        };
        got.map(Arc::new)
            .map_err(|error| self.name_foreign_host(error))
    }

    /// The same refusal of the token endpoint with its host, where that is none of the vendor's own:
    /// whoever stands there may refuse credentials that are right.
    fn name_foreign_host(&self, mut error: ConnectorError) -> ConnectorError {
        let refused = match &mut error {
            ConnectorError::Unauthorized { context, message }
            | ConnectorError::Malformed { context, message }
                if context.status.is_some_and(|status| status >= 400) =>
            {
                Some(message)
            }
            _ => None,
        };
        if let (Some(message), Some(host)) = (refused, &self.foreign) {
            let connection = &self.connection;
            *message = format!(
                "{message}; it is `{host}` that refuses, which is no host of the vendor's own: if credentials are right, check `oauth.token_url` of connection `{connection}`"
            );
        }
        error
    }

    fn grant(&self) -> Result<&AuthorizationCode, ConnectorError> {
        match &self.credentials {
            Credentials::AuthorizationCode(grant) => Ok(grant),
            Credentials::AccountCredentials(_)
            | Credentials::PersonalAccessToken(_)
            | Credentials::ApiKey(_) => Err(ConnectorError::Misconfigured {
                message: format!(
                    "connection `{}` needs no authorisation by a person: its grant is not `authorization_code`",
                    self.connection
                ),
            }),
        }
    }

    fn tools(&self, retry: RetryPolicy) -> Result<Tools<'_>, ConnectorError> {
        let keeper = self.shared.keeper.as_deref();
        Ok(Tools {
            secrets: &self.shared.secrets,
            endpoint: self.endpoint(retry),
            keeper: keeper.ok_or_else(|| ConnectorError::Unsupported {
                what: "the grant `authorization_code` without a place to keep tokens".to_owned(),
            })?,
        })
    }

    fn endpoint(&self, retry: RetryPolicy) -> TokenEndpoint<'_> {
        TokenEndpoint {
            http: &self.shared.http,
            clock: &*self.shared.clock,
            connection: &self.connection,
            retry,
        }
    }
}

#[cfg(test)]
mod tests;
