//! Aha!'s API: its list of users tells who has a paid seat and when each was last there; whoever the
//! key belongs to tells the account.
//!
//! Aha! has no scopes and no app that acts by itself. A key has the rights of the user who made it,
//! so that user is part of the connection: never to lose a seat, and to be an administrator.

mod account;
mod client;
mod identifiers;
mod paging;
mod purchased;
mod reclaim;
mod users;
mod validate;
mod wire;

use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;
use jiff::civil::Date;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;

use self::account::KeyOwner;
use self::client::AhaDialect;
use self::users::SeatTally;
use super::Connector;
use super::error::ConnectorError;
use super::facts::{
    Account, ActivityKind, ActivityPage, ActivityPlan, AddOnReport, Process, Purchased, SeatPage,
    Verdict, WalkReport,
};
use super::http::api::Api;
use super::http::dialect::Dialect;
use super::write::{FreshSeat, Holding, PriorState, SeatRef, Settling, WriteOptions, Written};
use crate::profile::identifier::Vendor;

/// How Aha! refuses.
pub(crate) const DIALECT: &dyn Dialect = &AhaDialect;

/// The most users that Aha! gives on a page.
const LARGEST_PAGE: u32 = 200;

/// A client of one Aha! account, for one run.
#[derive(Debug)]
pub struct AhaConnector {
    api: Api,
    /// The most users that are asked for on a page.
    page_size: u64,
    /// Whose key it is; asked for once.
    owner: OnceCell<KeyOwner>,
    /// What the latest walk saw of paid seats.
    tally: Mutex<SeatTally>,
}

impl AhaConnector {
    pub(super) fn new(api: Api) -> Self {
        let page_size = api.http.options().page_size.min(LARGEST_PAGE).into();
        Self {
            api,
            page_size,
            owner: OnceCell::new(),
            tally: Mutex::default(),
        }
    }

    /// What the latest walk saw.
    fn tally(&self) -> SeatTally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_tally(&self, tally: SeatTally) {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner) = tally;
    }
}

impl Connector for AhaConnector {
    fn vendor(&self) -> Vendor {
        Vendor::Aha
    }

    async fn account(&self) -> Result<Account, ConnectorError> {
        Ok(Account {
            id: self.owner().await?.account.clone(),
            scopes: Vec::new(),
        })
    }

    async fn validate(&self, process: Process, _options: &WriteOptions) -> Verdict {
        self.verdict(process).await
    }

    async fn walk_seats(&self, pages: Sender<SeatPage>) -> Result<WalkReport, ConnectorError> {
        self.walk_all_users(pages).await
    }

    fn activity_in_list(&self) -> &'static [ActivityKind] {
        &[ActivityKind::SignIn]
    }

    /// A user holds one seat or none, and the list tells it.
    async fn add_ons(&self, _external_user_id: &str) -> Result<AddOnReport, ConnectorError> {
        Ok(AddOnReport::default())
    }

    async fn purchased(&self) -> Result<Vec<Purchased>, ConnectorError> {
        self.seats_bought().await
    }

    async fn activity_plans(&self) -> Result<Vec<ActivityPlan>, ConnectorError> {
        Err(no_activity_calls())
    }

    async fn activity_of_day(
        &self,
        _plan: &ActivityPlan,
        _day: Date,
        _pages: Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        Err(no_activity_calls())
    }

    async fn activity_of_user(
        &self,
        _external_user_id: &str,
        _since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        Err(no_activity_calls())
    }

    async fn read_seat(
        &self,
        seat: &SeatRef,
        _counting: &[ActivityKind],
        since: Date,
        _options: &WriteOptions,
    ) -> Result<FreshSeat, ConnectorError> {
        self.fresh_seat(seat, since).await
    }

    async fn holding(&self, seat: &SeatRef) -> Result<Holding, ConnectorError> {
        self.holding_now(seat).await
    }

    async fn reclaim_seat(
        &self,
        seat: &SeatRef,
        _prior: &PriorState,
        _options: &WriteOptions,
    ) -> Result<Written, ConnectorError> {
        self.enable(&seat.external_user_id, false).await
    }

    async fn restore_seat(
        &self,
        seat: &SeatRef,
        _prior: &PriorState,
    ) -> Result<Written, ConnectorError> {
        self.enable(&seat.external_user_id, true).await
    }

    fn settles(&self) -> Settling {
        Settling {
            tries: 4,
            wait: SignedDuration::from_secs(3),
        }
    }
}

/// Audits tell changes only: whoever just reads leaves no trace in them.
fn no_activity_calls() -> ConnectorError {
    ConnectorError::Unsupported {
        what: "pulling activity from Aha!, whose list of users carries the last access,".to_owned(),
    }
}
