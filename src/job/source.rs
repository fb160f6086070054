//! Where a run gets its connector from.

use std::sync::Arc;

use crate::connector::facts::DailyUse;
use crate::connector::{AnyConnector, CallStats, Connector, ConnectorError, Connectors};
use crate::profile::model::DesiredProfile;

/// Makes a connector for one run of one profile.
pub trait ConnectorSource: Send + Sync + 'static {
    /// What it makes.
    type Connector: Connector + 'static;

    /// A connector that counts its calls into `stats`. Makes no call.
    fn connect(
        &self,
        desired: &DesiredProfile,
        stats: &CallStats,
    ) -> Result<Self::Connector, ConnectorError>;

    /// What its connectors used of the vendor accounts' daily budgets.
    fn daily_use(&self) -> Vec<DailyUse>;

    /// Takes up what an earlier process used of them.
    fn resume_daily_use(&self, used: Vec<DailyUse>);

    /// Waits until noticeably more of them is used.
    fn used_more(&self) -> impl Future<Output = ()> + Send;
}

impl ConnectorSource for Connectors {
    type Connector = AnyConnector;

    fn connect(
        &self,
        desired: &DesiredProfile,
        stats: &CallStats,
    ) -> Result<AnyConnector, ConnectorError> {
        Self::connect(
            self,
            &desired.connection,
            desired.connect_connection.as_ref(),
            desired.profile.profile_type,
            stats,
        )
    }

    fn daily_use(&self) -> Vec<DailyUse> {
        Self::daily_use(self)
    }

    fn resume_daily_use(&self, used: Vec<DailyUse>) {
        Self::resume_daily_use(self, used);
    }

    async fn used_more(&self) {
        Self::used_more(self).await;
    }
}

impl<S: ConnectorSource> ConnectorSource for Arc<S> {
    type Connector = S::Connector;

    fn connect(
        &self,
        desired: &DesiredProfile,
        stats: &CallStats,
    ) -> Result<S::Connector, ConnectorError> {
        S::connect(self, desired, stats)
    }

    fn daily_use(&self) -> Vec<DailyUse> {
        S::daily_use(self)
    }

    fn resume_daily_use(&self, used: Vec<DailyUse>) {
        S::resume_daily_use(self, used);
    }

    fn used_more(&self) -> impl Future<Output = ()> + Send {
        S::used_more(self)
    }
}
