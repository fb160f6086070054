//! Aha!'s API key: it is itself what calls are authorised with, and lives until it is revoked.

use secrecy::ExposeSecret as _;

use super::{AccessToken, Needs};
use crate::connector::error::ConnectorError;
use crate::profile::model::SecretRef;
use crate::secret::Secrets;

/// Where the key is, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiKey {
    url: String,
    token: SecretRef,
}

impl ApiKey {
    pub(super) fn of(needs: &Needs<'_>) -> Result<Self, ConnectorError> {
        Ok(Self {
            url: needs.connection.url.clone(),
            token: needs.secret("token", |connection| &connection.token)?,
        })
    }

    /// The key as it is now.
    pub(super) fn read(
        &self,
        secrets: &Secrets,
        connection: &str,
    ) -> Result<AccessToken, ConnectorError> {
        let key = secrets.read(&self.token)?;
        AccessToken::lasting(key.expose_secret()).ok_or_else(|| {
            ConnectorError::Misconfigured {
                message: format!(
                    "`oauth.token` of connection `{connection}` points to a text that is no API key: {}",
                    self.remedy(connection)
                ),
            }
        })
    }

    pub(super) fn remedy(&self, connection: &str) -> String {
        let page = oauth2::url::Url::parse(&self.url).map_or_else(
            |_| self.url.clone(),
            |url| url.origin().ascii_serialization(),
        );
        format!(
            "make a new API key at {page} under Settings, Personal, Developer, as a user who is enabled and an administrator, and put it where `oauth.token` of connection `{connection}` points"
        )
    }
}
