//! The closed set of connectors behind one type, so that jobs hold a vendor's client without
//! knowing whose it is.

use jiff::civil::Date;
use tokio::sync::mpsc::Sender;

use super::aha::AhaConnector;
use super::facts::{
    Account, ActivityKind, ActivityPage, ActivityPlan, AddOnReport, Process, Purchased, SeatPage,
    Verdict, WalkReport,
};
use super::goto::GoToConnector;
use super::write::{FreshSeat, Holding, PriorState, SeatRef, Settling, WriteOptions, Written};
use super::zoom::ZoomConnector;
use super::{Connector, ConnectorError};
use crate::profile::identifier::Vendor;

/// A connector of any vendor that this version speaks to.
#[derive(Debug)]
pub enum AnyConnector {
    /// Zoom.
    Zoom(ZoomConnector),
    /// GoTo.
    GoTo(GoToConnector),
    /// Aha!
    Aha(AhaConnector),
}

impl Connector for AnyConnector {
    fn vendor(&self) -> Vendor {
        match self {
            Self::Zoom(zoom) => zoom.vendor(),
            Self::GoTo(goto) => goto.vendor(),
            Self::Aha(aha) => aha.vendor(),
        }
    }

    async fn account(&self) -> Result<Account, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.account().await,
            Self::GoTo(goto) => goto.account().await,
            Self::Aha(aha) => aha.account().await,
        }
    }

    async fn validate(&self, process: Process, options: &WriteOptions) -> Verdict {
        match self {
            Self::Zoom(zoom) => zoom.validate(process, options).await,
            Self::GoTo(goto) => goto.validate(process, options).await,
            Self::Aha(aha) => aha.validate(process, options).await,
        }
    }

    async fn walk_seats(&self, pages: Sender<SeatPage>) -> Result<WalkReport, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.walk_seats(pages).await,
            Self::GoTo(goto) => goto.walk_seats(pages).await,
            Self::Aha(aha) => aha.walk_seats(pages).await,
        }
    }

    fn activity_in_list(&self) -> &'static [ActivityKind] {
        match self {
            Self::Zoom(zoom) => zoom.activity_in_list(),
            Self::GoTo(goto) => goto.activity_in_list(),
            Self::Aha(aha) => aha.activity_in_list(),
        }
    }

    async fn add_ons(&self, external_user_id: &str) -> Result<AddOnReport, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.add_ons(external_user_id).await,
            Self::GoTo(goto) => goto.add_ons(external_user_id).await,
            Self::Aha(aha) => aha.add_ons(external_user_id).await,
        }
    }

    async fn purchased(&self) -> Result<Vec<Purchased>, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.purchased().await,
            Self::GoTo(goto) => goto.purchased().await,
            Self::Aha(aha) => aha.purchased().await,
        }
    }

    async fn activity_plans(&self) -> Result<Vec<ActivityPlan>, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.activity_plans().await,
            Self::GoTo(goto) => goto.activity_plans().await,
            Self::Aha(aha) => aha.activity_plans().await,
        }
    }

    async fn activity_of_day(
        &self,
        plan: &ActivityPlan,
        day: Date,
        pages: Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.activity_of_day(plan, day, pages).await,
            Self::GoTo(goto) => goto.activity_of_day(plan, day, pages).await,
            Self::Aha(aha) => aha.activity_of_day(plan, day, pages).await,
        }
    }

    async fn activity_of_user(
        &self,
        external_user_id: &str,
        since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.activity_of_user(external_user_id, since).await,
            Self::GoTo(goto) => goto.activity_of_user(external_user_id, since).await,
            Self::Aha(aha) => aha.activity_of_user(external_user_id, since).await,
        }
    }

    async fn read_seat(
        &self,
        seat: &SeatRef,
        counting: &[ActivityKind],
        since: Date,
        options: &WriteOptions,
    ) -> Result<FreshSeat, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.read_seat(seat, counting, since, options).await,
            Self::GoTo(goto) => goto.read_seat(seat, counting, since, options).await,
            Self::Aha(aha) => aha.read_seat(seat, counting, since, options).await,
        }
    }

    async fn holding(&self, seat: &SeatRef) -> Result<Holding, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.holding(seat).await,
            Self::GoTo(goto) => goto.holding(seat).await,
            Self::Aha(aha) => aha.holding(seat).await,
        }
    }

    async fn reclaim_seat(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
        options: &WriteOptions,
    ) -> Result<Written, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.reclaim_seat(seat, prior, options).await,
            Self::GoTo(goto) => goto.reclaim_seat(seat, prior, options).await,
            Self::Aha(aha) => aha.reclaim_seat(seat, prior, options).await,
        }
    }

    async fn restore_seat(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
    ) -> Result<Written, ConnectorError> {
        match self {
            Self::Zoom(zoom) => zoom.restore_seat(seat, prior).await,
            Self::GoTo(goto) => goto.restore_seat(seat, prior).await,
            Self::Aha(aha) => aha.restore_seat(seat, prior).await,
        }
    }

    fn settles(&self) -> Settling {
        match self {
            Self::Zoom(zoom) => zoom.settles(),
            Self::GoTo(goto) => goto.settles(),
            Self::Aha(aha) => aha.settles(),
        }
    }
}
