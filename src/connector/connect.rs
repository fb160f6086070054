//! Makes connectors. The daemon holds one [`Connectors`] for its life and every job connects
//! through it, so that the jobs of one vendor account share its rate budget, its token and its
//! kept-alive connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use tokio_util::task::TaskTracker;

use super::aha::{self, AhaConnector};
use super::any::AnyConnector;
use super::authorize::Underway;
use super::error::ConnectorError;
use super::facts::DailyUse;
use super::goto::{self, GoToConnector};
use super::grant::GrantKeeper;
use super::http::api::Api;
use super::http::dialect::Dialect;
use super::http::retry::RetryBudget;
use super::http::{HttpClient, host_of};
use super::limits::Budgets;
use super::options::{ConnectorOptions, RetryPolicy};
use super::stats::CallStats;
use super::token::{Credentials, TokenParts, TokenSource};
use super::zoom::{self, ZoomConnector};
use crate::clock::SharedClock;
use crate::profile::identifier::{ProfileType, Vendor};
use crate::profile::link;
use crate::profile::model::{Grant, ResolvedConnection};
use crate::secret::Secrets;

/// What all connectors of the process share.
#[derive(Debug)]
pub struct Connectors {
    pub(super) clock: SharedClock,
    pub(super) http: Arc<HttpClient>,
    pub(super) underway: Underway,
    budgets: Budgets,
    token_parts: TokenParts,
    tokens: Mutex<BTreeMap<Credentials, Arc<TokenSource>>>,
}

impl Connectors {
    /// Nothing is read and nothing is called until a connector needs it.
    pub fn new(secrets: Arc<Secrets>, clock: SharedClock, options: ConnectorOptions) -> Self {
        let budgets = Budgets::new(clock.clone(), options.limits);
        let http = Arc::new(HttpClient::new(options));
        Self {
            budgets,
            token_parts: TokenParts {
                secrets,
                http: http.clone(),
                clock: clock.clone(),
                keeper: None,
                tasks: TaskTracker::new(),
            },
            clock,
            http,
            tokens: Mutex::default(),
            underway: Underway::default(),
        }
    }

    /// Keeps people's consents in `keeper`; without one, the grant `authorization_code` is not
    /// supported.
    #[must_use]
    pub fn keeping_grants(mut self, keeper: Arc<dyn GrantKeeper>) -> Self {
        self.token_parts.keeper = Some(keeper);
        self
    }

    /// Waits until every token that a vendor is giving is written down. No connector is used after.
    pub async fn close(&self) {
        self.token_parts.tasks.close();
        self.token_parts.tasks.wait().await;
    }

    /// A connector for one run of one profile, counting into `stats`. Makes no call. `second` is the
    /// profile's `connect_connection`.
    ///
    /// Fails with [`ConnectorError::Unsupported`] for a vendor or grant that this version does not
    /// speak, and with [`ConnectorError::Misconfigured`] when the connection lacks what its grant
    /// needs.
    pub fn connect(
        &self,
        connection: &ResolvedConnection,
        second: Option<&ResolvedConnection>,
        profile_type: ProfileType,
        stats: &CallStats,
    ) -> Result<AnyConnector, ConnectorError> {
        match (connection.vendor, connection.grant) {
            (Vendor::Zoom, Grant::AccountCredentials | Grant::AuthorizationCode) => self
                .zoom(connection, profile_type, stats)
                .map(AnyConnector::Zoom),
            (Vendor::Zoom, grant) => Err(ConnectorError::Unsupported {
                what: format!("the grant `{}` at Zoom", grant.as_str()),
            }),
            (Vendor::GoTo, Grant::PersonalAccessToken | Grant::AuthorizationCode) => {
                self.goto(connection, second, stats).map(AnyConnector::GoTo)
            }
            (Vendor::GoTo, grant) => Err(ConnectorError::Unsupported {
                what: format!("the grant `{}` at GoTo", grant.as_str()),
            }),
            (Vendor::Aha, Grant::ApiKey | Grant::AuthorizationCode) => {
                self.aha(connection, stats).map(AnyConnector::Aha)
            }
            (Vendor::Aha, grant) => Err(ConnectorError::Unsupported {
                what: format!("the grant `{}` at Aha!", grant.as_str()),
            }),
        }
    }

    /// How patient the calls of a connection are.
    pub fn retry_of(&self, connection: &ResolvedConnection) -> RetryPolicy {
        self.http.options().retry.of(&connection.retry)
    }

    /// What was used of the daily budgets of every account called so far.
    pub fn daily_use(&self) -> Vec<DailyUse> {
        self.budgets.used()
    }

    /// Takes up what an earlier process used of daily budgets.
    pub fn resume_daily_use(&self, used: Vec<DailyUse>) {
        self.budgets.resume(used);
    }

    /// Waits until noticeably more was used of a daily budget.
    pub async fn used_more(&self) {
        self.budgets.used_more().await;
    }

    fn zoom(
        &self,
        connection: &ResolvedConnection,
        profile_type: ProfileType,
        stats: &CallStats,
    ) -> Result<ZoomConnector, ConnectorError> {
        // Server-to-server tokens prove their account; a person's consent is asked whose it is.
        let account_id = match connection.grant {
            Grant::AccountCredentials => connection.account_id.clone(),
            _ => None,
        };
        let base = base_of(connection)?;
        let account = account_of(connection, &*self.tokens_of(connection)?);
        let api = self.api(connection, base, &account, zoom::DIALECT, stats)?;
        Ok(ZoomConnector::new(
            api,
            account_id,
            profile_type,
            connection.plan,
        ))
    }

    /// Every Aha! account has an address of its own, so the address names the budget before anything
    /// was called.
    fn aha(
        &self,
        connection: &ResolvedConnection,
        stats: &CallStats,
    ) -> Result<AhaConnector, ConnectorError> {
        let base = base_of(connection)?;
        let origin = base.origin().ascii_serialization();
        let api = self.api(connection, base, &origin, aha::DIALECT, stats)?;
        Ok(AhaConnector::new(api))
    }

    /// GoTo counts the calls of each of its APIs by themselves. Which account a login reaches is known
    /// only from its answer, so the client names the budgets.
    fn goto(
        &self,
        connection: &ResolvedConnection,
        second: Option<&ResolvedConnection>,
        stats: &CallStats,
    ) -> Result<GoToConnector, ConnectorError> {
        let api = |connection: &ResolvedConnection, family: &str| {
            let client = connection.client_id.as_deref().unwrap_or_default();
            let budget = format!("{client}/{family}");
            let base = base_of(connection)?;
            self.api(connection, base, &budget, goto::DIALECT, stats)
        };
        GoToConnector::new(
            connection.name.clone(),
            connection.account_id.clone(),
            |family| api(connection, family.as_str()),
            second.map(|second| api(second, "connect")).transpose()?,
        )
    }

    /// What a connector calls `base` through; `account` names its rate budget.
    fn api(
        &self,
        connection: &ResolvedConnection,
        base: Url,
        account: &str,
        dialect: &'static dyn Dialect,
        stats: &CallStats,
    ) -> Result<Api, ConnectorError> {
        let retry = self.retry_of(connection);
        Ok(Api {
            connection: connection.name.clone(),
            http: self.http.clone(),
            base,
            tokens: self.tokens_of(connection)?,
            budget: self.budgets.of(account, connection),
            stats: stats.clone(),
            clock: self.clock.clone(),
            dialect,
            foreign: !link::is_vendors_own(connection.vendor, &connection.url),
            retry,
            retries: RetryBudget::new(retry.per_run),
        })
    }

    /// One source per set of credentials, however many profiles use it: some accounts were seen to
    /// end an earlier token when a new one is issued.
    pub(super) fn tokens_of(
        &self,
        connection: &ResolvedConnection,
    ) -> Result<Arc<TokenSource>, ConnectorError> {
        let credentials = Credentials::of(connection)?;
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let source = tokens.entry(credentials.clone()).or_insert_with(|| {
            Arc::new(TokenSource::new(
                credentials,
                connection.name.clone(),
                foreign_token_host(connection),
                self.token_parts.clone(),
            ))
        });
        Ok(source.clone())
    }
}

/// The host of `token_url`, where that is none of the vendor's own.
fn foreign_token_host(connection: &ResolvedConnection) -> Option<String> {
    let url = Url::parse(&connection.token_url).ok()?;
    (!link::is_vendors_own(connection.vendor, &connection.token_url)).then(|| host_of(&url))
}

fn base_of(connection: &ResolvedConnection) -> Result<Url, ConnectorError> {
    Url::parse(&connection.url).map_err(|error| ConnectorError::Misconfigured {
        message: format!(
            "connection `{}`: `{}` is not a URL: {error}",
            connection.name, connection.url
        ),
    })
}

/// Whose budget a connection draws on: its vendor account's, or its own until that is known.
fn account_of(connection: &ResolvedConnection, tokens: &TokenSource) -> String {
    let account = tokens.account().or_else(|| connection.account_id.clone());
    account.unwrap_or_else(|| format!("connection {}", connection.name))
}
