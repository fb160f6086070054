//! Where a run gets its connector from.

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
            desired.profile.profile_type,
            stats,
        )
    }
}
