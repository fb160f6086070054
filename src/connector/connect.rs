//! Makes connectors. The daemon holds one [`Connectors`] for its life and every job connects
//! through it, so that the jobs of one vendor account share its rate budget, its token and its
//! kept-alive connections.

use std::sync::Arc;

use super::any::AnyConnector;
use super::error::ConnectorError;
use super::options::ConnectorOptions;
use super::stats::CallStats;
use super::zoom::ZoomConnector;
use crate::clock::SharedClock;
use crate::profile::identifier::{ProfileType, Vendor};
use crate::profile::model::ResolvedConnection;
use crate::secret::Secrets;

/// What all connectors of the process share.
#[derive(Debug)]
pub struct Connectors {
    #[expect(dead_code, reason = "read by the token source, which lands next")]
    secrets: Arc<Secrets>,
    #[expect(dead_code, reason = "read by the token source, which lands next")]
    clock: SharedClock,
    #[expect(dead_code, reason = "read by the HTTP client, which lands next")]
    options: ConnectorOptions,
}

impl Connectors {
    /// Nothing is read and nothing is called until a connector needs it.
    pub fn new(secrets: Arc<Secrets>, clock: SharedClock, options: ConnectorOptions) -> Self {
        Self {
            secrets,
            clock,
            options,
        }
    }

    /// A connector for one run of one profile, counting into `stats`. Makes no call.
    ///
    /// Fails with [`ConnectorError::Unsupported`] for a vendor or grant that this version does not
    /// speak, and with [`ConnectorError::Misconfigured`] when the connection lacks what its grant
    /// needs.
    pub fn connect(
        &self,
        connection: &ResolvedConnection,
        profile_type: ProfileType,
        stats: &CallStats,
    ) -> Result<AnyConnector, ConnectorError> {
        let _ = (profile_type, stats);
        match connection.vendor {
            Vendor::Zoom => Ok(AnyConnector::Zoom(ZoomConnector {})),
            Vendor::GoTo | Vendor::Aha => Err(ConnectorError::Unsupported {
                what: format!("vendor `{}`", connection.vendor),
            }),
        }
    }
}
