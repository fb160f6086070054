//! Zoom's API: its users are the seats, their settings tell add-ons, its reports tell who hosted.
//!
//! The account is the one the server-to-server credentials are of: Zoom issues a token only when
//! the `account_id` asked for is the app's own, so a token proves it, and `GET /users/me` is not to
//! be used with such tokens. The token of a person's consent is asked whose it is.

mod activity;
mod client;
mod identifiers;
mod listed;
mod products;
mod reports;
mod scopes;
mod seats;
mod settings;
mod suites;
mod users;
mod validate;
mod wire;

use jiff::civil::Date;
use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use self::client::ZoomDialect;
use self::scopes::{Operation, READ_USER};
use self::wire::Me;
use super::Connector;
use super::error::ConnectorError;
use super::facts::{
    Account, ActivityKind, ActivityPage, ActivityPlan, AddOnReport, Process, Purchased, SeatPage,
    Verdict, WalkReport,
};
use super::http::api::{Api, Call};
use super::http::dialect::Dialect;
use super::limits::Label;
use crate::profile::identifier::{ProfileType, Vendor};
use crate::profile::model::Plan;

/// How Zoom refuses.
pub(crate) const DIALECT: &dyn Dialect = &ZoomDialect;

/// A client of one Zoom account, for one run.
#[derive(Debug)]
pub struct ZoomConnector {
    api: Api,
    /// The account, where the credentials are of one account alone.
    account_id: Option<String>,
    profile_type: ProfileType,
    plan: Plan,
    page_size: String,
}

/// The most users or rows that Zoom gives on a page.
const LARGEST_PAGE: u32 = 300;

impl ZoomConnector {
    pub(super) fn new(
        api: Api,
        account_id: Option<String>,
        profile_type: ProfileType,
        plan: Plan,
    ) -> Self {
        let page_size = api.http.options().page_size.min(LARGEST_PAGE).to_string();
        Self {
            api,
            account_id,
            profile_type,
            plan,
            page_size,
        }
    }

    /// Calls; where Zoom misses a scope without naming it, the operation does.
    async fn get<T>(
        &self,
        operation: Operation,
        call: &Call<'_>,
        read: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        self.api.get(call, read).await.map_err(|error| match error {
            ConnectorError::MissingScope { context, scopes } if scopes.is_empty() => {
                ConnectorError::MissingScope {
                    context,
                    scopes: operation.alternatives(),
                }
            }
            error => error,
        })
    }

    /// The scopes of the current token; none where Zoom tells none.
    async fn granted(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(self.api.token().await?.scopes.clone())
    }

    /// The account of the person who consented.
    async fn account_of_consent(&self) -> Result<String, ConnectorError> {
        let call = Call {
            step: "look whose consent this is",
            label: Label::Light,
            path: &["users", "me"],
            query: &[],
        };
        let read = |body: &[u8]| {
            let me: Me<'_> = serde_json::from_slice(body)?;
            let id = me.account_id.given().map(str::to_owned);
            id.ok_or_else(|| serde_json::Error::custom("the user has no `account_id`"))
        };
        self.get(READ_USER, &call, read).await
    }

    async fn granted_afresh(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(self.api.token_of_now().await?.scopes.clone())
    }
}

/// Whether `granted` allows `operation`. Where no scopes are told, it is tried.
fn allows(granted: &[String], operation: Operation) -> bool {
    granted.is_empty() || operation.held(granted).is_some()
}

impl Connector for ZoomConnector {
    fn vendor(&self) -> Vendor {
        Vendor::Zoom
    }

    async fn account(&self) -> Result<Account, ConnectorError> {
        Ok(Account {
            scopes: self.granted().await?,
            id: match &self.account_id {
                Some(id) => id.clone(),
                None => self.account_of_consent().await?,
            },
        })
    }

    async fn validate(&self, process: Process) -> Verdict {
        self.verdict(process).await
    }

    async fn walk_seats(&self, pages: Sender<SeatPage>) -> Result<WalkReport, ConnectorError> {
        self.walk_all_users(pages).await
    }

    async fn add_ons(&self, external_user_id: &str) -> Result<AddOnReport, ConnectorError> {
        self.add_ons_of(external_user_id).await
    }

    async fn purchased(&self) -> Result<Vec<Purchased>, ConnectorError> {
        self.seats_bought().await
    }

    async fn activity_plans(&self) -> Result<Vec<ActivityPlan>, ConnectorError> {
        Ok(vec![self.how_activity_can_be_had().await?])
    }

    async fn activity_of_day(
        &self,
        plan: &ActivityPlan,
        day: Date,
        pages: Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        self.hosts_of_day(day, &pages).await?;
        if plan.kinds.contains(&ActivityKind::Webinar) {
            self.webinars_of_day(day, &pages).await?;
        }
        Ok(())
    }

    async fn activity_of_user(
        &self,
        external_user_id: &str,
        since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        self.listed_activity(external_user_id, since).await
    }
}
