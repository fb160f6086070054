//! Zoom's API.

use jiff::civil::Date;
use tokio::sync::mpsc::Sender;

use super::facts::{
    Account, ActivityPage, ActivityPlan, AddOnReport, Process, Purchased, SeatPage, Verdict,
    WalkReport,
};
use super::{Connector, ConnectorError};
use crate::profile::identifier::Vendor;

/// A client of one Zoom account.
#[derive(Debug)]
pub struct ZoomConnector {}

fn not_yet() -> ConnectorError {
    ConnectorError::Unsupported {
        what: "calling Zoom".to_owned(),
    }
}

impl Connector for ZoomConnector {
    fn vendor(&self) -> Vendor {
        Vendor::Zoom
    }

    async fn account(&self) -> Result<Account, ConnectorError> {
        Err(not_yet())
    }

    async fn validate(&self, process: Process) -> Verdict {
        Verdict {
            process,
            ok: false,
            message: not_yet().to_string(),
            scopes_needed: Vec::new(),
            scopes_held: Vec::new(),
        }
    }

    async fn walk_seats(&self, _pages: Sender<SeatPage>) -> Result<WalkReport, ConnectorError> {
        Err(not_yet())
    }

    async fn add_ons(&self, _external_user_id: &str) -> Result<AddOnReport, ConnectorError> {
        Err(not_yet())
    }

    async fn purchased(&self) -> Result<Vec<Purchased>, ConnectorError> {
        Err(not_yet())
    }

    async fn activity_plan(&self) -> Result<ActivityPlan, ConnectorError> {
        Err(not_yet())
    }

    async fn activity_of_day(
        &self,
        _day: Date,
        _pages: Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        Err(not_yet())
    }

    async fn activity_of_user(
        &self,
        _external_user_id: &str,
        _since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        Err(not_yet())
    }
}
