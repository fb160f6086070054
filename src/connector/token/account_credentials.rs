//! Zoom's server-to-server grant. The `oauth2` crate writes its own `grant_type` and so cannot
//! express it; the request is made by hand and its answer read into that crate's types.

use secrecy::ExposeSecret as _;

use super::endpoint::{TokenEndpoint, basic_request};
use super::{AccessToken, Needs};
use crate::connector::error::ConnectorError;
use crate::profile::model::SecretRef;
use crate::secret::Secrets;

/// What server-to-server tokens are minted from. The secret itself is read at each mint, so that a
/// rotated one is seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountCredentials {
    token_url: String,
    account_id: String,
    client_id: String,
    client_secret: SecretRef,
}

impl AccountCredentials {
    pub(super) fn of(needs: &Needs<'_>) -> Result<Self, ConnectorError> {
        Ok(Self {
            token_url: needs.connection.token_url.clone(),
            account_id: needs.text("account_id", |connection| &connection.account_id)?,
            client_id: needs.text("client_id", |connection| &connection.client_id)?,
            client_secret: needs.secret("client_secret", |connection| &connection.client_secret)?,
        })
    }

    pub(super) async fn mint(
        &self,
        secrets: &Secrets,
        endpoint: &TokenEndpoint<'_>,
        connection: &str,
    ) -> Result<AccessToken, ConnectorError> {
        let secret = secrets.read(&self.client_secret)?;
        let form = [
            ("grant_type", "account_credentials"),
            ("account_id", &self.account_id),
        ];
        let request = basic_request(&self.token_url, &self.client_id, &secret, &form)?;
        let answered = endpoint.send(request).await?;
        let secrets = [secret.expose_secret()];
        answered.token(&secrets, |error| {
            format!("{} (connection `{connection}`)", remedy(error))
        })
    }

    pub(super) fn remedy(connection: &str) -> String {
        format!(
            "check at https://marketplace.zoom.us that the app of connection `{connection}` is activated"
        )
    }
}

/// What to look at, by what Zoom's token endpoint was seen to answer.
fn remedy(error: &str) -> &'static str {
    match error {
        "invalid_client" => "check `client_id` and the client secret",
        "invalid_request" => "check `account_id`, and that the app is activated at Zoom",
        "unsupported_grant_type" | "unsupported grant type" => {
            "the credentials must be of a server-to-server OAuth app"
        }
        _ => "check the app and its credentials at Zoom",
    }
}
