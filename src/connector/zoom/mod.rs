//! Zoom's API: its users are the seats, their settings tell add-ons, its reports tell who hosted.
//!
//! The account is the one the server-to-server credentials are of: Zoom issues a token only when
//! the `account_id` asked for is the app's own, so a token proves it, and `GET /users/me` is not to
//! be used with such tokens. The token of a person's consent is asked whose it is.

mod activity;
mod client;
mod day_report;
mod host_report;
mod identifiers;
mod listed;
mod products;
mod reclaim;
mod refusals;
mod reports;
mod scopes;
mod seats;
mod settings;
mod suites;
mod users;
mod validate;
mod wire;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use self::client::ZoomDialect;
use self::day_report::TwoDays;
use self::scopes::{Operation, READ_USER};
use self::wire::{Me, User};
use super::Connector;
use super::error::ConnectorError;
use super::facts::{
    Account, ActivityKind, ActivityPage, ActivityPlan, AddOnReport, Process, Purchased, SeatPage,
    Verdict, WalkReport,
};
use super::http::api::{Api, Call};
use super::http::dialect::Dialect;
use super::limits::Label;
use super::write::{FreshSeat, Holding, PriorState, SeatRef, Settling, WriteOptions, Written};
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
    two_days: TwoDays,
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
            two_days: TwoDays::default(),
        }
    }

    /// Calls; where Zoom misses a scope without naming it, the operation does.
    async fn get<T>(
        &self,
        operation: Operation,
        call: &Call<'_>,
        read: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        let read = self.api.get(call, read).await;
        read.map_err(|error| with_scopes(operation, error))
    }

    /// The scopes of the current token; none where Zoom tells none.
    async fn granted(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(self.api.token().await?.scopes.clone())
    }

    /// Whether the credentials are this user's.
    async fn is_consenter(&self, user_id: &str) -> Result<bool, ConnectorError> {
        let call = Call {
            step: "look whose consent this is",
            label: Label::Light,
            path: &["users", "me"],
            query: &[],
        };
        self.get(READ_USER, &call, |body| {
            let me: Me<'_> = serde_json::from_slice(body)?;
            Ok(me.id.given() == Some(user_id))
        })
        .await
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

/// Where Zoom misses a scope without naming it, the operation does.
fn with_scopes(operation: Operation, error: ConnectorError) -> ConnectorError {
    match error {
        ConnectorError::MissingScope { context, scopes } if scopes.is_empty() => {
            ConnectorError::MissingScope {
                context,
                scopes: operation.alternatives(),
            }
        }
        error => error,
    }
}

/// An answer that is not of this user says nothing of it.
fn seats_own(user: &User<'_>, external_user_id: &str) -> serde_json::Result<()> {
    if user.id.given() == Some(external_user_id) {
        Ok(())
    } else {
        Err(serde_json::Error::custom("it is not the user's own `id`"))
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

    async fn validate(&self, process: Process, options: &WriteOptions) -> Verdict {
        self.verdict(process, *options).await
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

    async fn read_seat(
        &self,
        seat: &SeatRef,
        counting: &[ActivityKind],
        since: Date,
        options: &WriteOptions,
    ) -> Result<FreshSeat, ConnectorError> {
        self.fresh_seat(seat, counting, since, options).await
    }

    async fn holding(&self, seat: &SeatRef) -> Result<Holding, ConnectorError> {
        self.holding_now(seat).await
    }

    async fn reclaim_seat(
        &self,
        seat: &SeatRef,
        _prior: &PriorState,
        options: &WriteOptions,
    ) -> Result<Written, ConnectorError> {
        self.take_back(seat, options).await
    }

    async fn restore_seat(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
    ) -> Result<Written, ConnectorError> {
        self.give_back(seat, prior).await
    }

    /// Zoom documents no delay between the answer to a change and its lists.
    fn settles(&self) -> Settling {
        Settling {
            tries: 5,
            wait: SignedDuration::from_secs(3),
        }
    }
}
