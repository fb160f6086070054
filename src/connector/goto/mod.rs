//! GoTo's APIs: licences and users tell the seats, organizers' sessions and the account's calls
//! tell their use.
//!
//! Each API has a rate limit of its own, so each is called through its own [`Api`]. GoToConnect
//! answers on another host and to another login, the profile's `connect_connection`.

mod account;
mod activity;
mod assist;
mod client;
mod connect;
mod identifiers;
mod key;
mod licenses;
mod names;
mod organizers;
mod paging;
mod reclaim;
mod scopes;
mod time;
mod users;
mod validate;
mod wire;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;

use self::account::Login;
use self::client::GoToDialect;
use self::connect::CallSource;
use self::licenses::Licenses;
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

/// How GoTo refuses.
pub(crate) const DIALECT: &dyn Dialect = &GoToDialect;

/// An API of GoTo's with a rate limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Users and licences.
    Admin,
    /// GoToMeeting.
    Meeting,
    /// GoToWebinar.
    Webinar,
    /// GoToTraining.
    Training,
    /// GoToAssist.
    Assist,
}

impl Family {
    /// The word in the name of its rate budget.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Meeting => "meeting",
            Self::Webinar => "webinar",
            Self::Training => "training",
            Self::Assist => "assist",
        }
    }
}

/// A client of one GoTo account, for one run.
#[derive(Debug)]
pub struct GoToConnector {
    connection: String,
    /// The account that the connection names, where the login reaches several.
    wanted_account: Option<String>,
    apis: Box<Apis>,
    page_size: String,
    login: OnceCell<Login>,
    licenses: OnceCell<Box<Licenses>>,
    call_source: OnceCell<CallSource>,
}

/// What each API is called through.
#[derive(Debug)]
struct Apis {
    admin: Api,
    meeting: Api,
    webinar: Api,
    training: Api,
    assist: Api,
    connect: Option<Api>,
}

/// The most users asked for on a page: as many as clients of GoTo's are known to ask for. GoTo
/// documents no limit; where it gives fewer, the walk goes on from there.
const LARGEST_PAGE: u32 = 1_000;

impl GoToConnector {
    /// A client through the connection of this name. `api` makes what one API is called through.
    pub(super) fn new(
        connection: String,
        wanted_account: Option<String>,
        api: impl Fn(Family) -> Result<Api, ConnectorError>,
        connect: Option<Api>,
    ) -> Result<Self, ConnectorError> {
        let admin = api(Family::Admin)?;
        Ok(Self {
            connection,
            wanted_account,
            page_size: admin.http.options().page_size.min(LARGEST_PAGE).to_string(),
            apis: Box::new(Apis {
                admin,
                meeting: api(Family::Meeting)?,
                webinar: api(Family::Webinar)?,
                training: api(Family::Training)?,
                assist: api(Family::Assist)?,
                connect,
            }),
            login: OnceCell::new(),
            licenses: OnceCell::new(),
            call_source: OnceCell::new(),
        })
    }

    /// The scopes of the current token; none where GoTo tells none.
    async fn granted(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(self.apis.admin.token().await?.scopes.clone())
    }

    async fn granted_afresh(&self) -> Result<Vec<String>, ConnectorError> {
        Ok(self.apis.admin.token_of_now().await?.scopes.clone())
    }

    fn now(&self) -> Timestamp {
        self.apis.admin.clock.now()
    }

    fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }
}

impl Connector for GoToConnector {
    fn vendor(&self) -> Vendor {
        Vendor::GoTo
    }

    async fn account(&self) -> Result<Account, ConnectorError> {
        Ok(Account {
            id: self.account_key().await?.to_owned(),
            scopes: self.granted().await?,
        })
    }

    async fn validate(&self, process: Process, options: &WriteOptions) -> Verdict {
        self.verdict(process, *options).await
    }

    async fn walk_seats(&self, pages: Sender<SeatPage>) -> Result<WalkReport, ConnectorError> {
        self.walk_all_users(pages).await
    }

    /// The walk tells every seat.
    async fn add_ons(&self, _: &str) -> Result<AddOnReport, ConnectorError> {
        Ok(AddOnReport::default())
    }

    async fn purchased(&self) -> Result<Vec<Purchased>, ConnectorError> {
        Ok(self.licenses().await?.purchased())
    }

    async fn activity_plans(&self) -> Result<Vec<ActivityPlan>, ConnectorError> {
        self.how_activity_can_be_had().await
    }

    async fn activity_of_day(
        &self,
        plan: &ActivityPlan,
        day: Date,
        pages: Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        self.day_of(plan, day, &pages).await
    }

    async fn activity_of_user(
        &self,
        external_user_id: &str,
        since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        if external_user_id.starts_with("pending:") {
            return Ok(ActivityPage::default());
        }
        self.activity_of_organizer(external_user_id, since).await
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
        prior: &PriorState,
        options: &WriteOptions,
    ) -> Result<Written, ConnectorError> {
        self.take_licenses(seat, prior, options).await
    }

    async fn restore_seat(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
    ) -> Result<Written, ConnectorError> {
        self.give_licenses(seat, prior).await
    }

    fn settles(&self) -> Settling {
        reclaim::SETTLING
    }
}
