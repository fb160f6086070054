//! GoTo's way in without a browser: a user's personal access token is exchanged at the token
//! endpoint for an access token of an hour (`grant_type=personal_access_token`, GoTo's developer
//! guide "How to get an access token with a personal access token").

use secrecy::ExposeSecret as _;

use super::endpoint::{TokenEndpoint, basic_request};
use super::{AccessToken, Needs};
use crate::connector::error::ConnectorError;
use crate::profile::model::SecretRef;
use crate::secret::Secrets;

/// What tokens are minted from. Both secrets are read at each mint, so that a rotated one is seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PersonalAccessToken {
    token_url: String,
    client_id: String,
    client_secret: SecretRef,
    token: SecretRef,
}

impl PersonalAccessToken {
    pub(super) fn of(needs: &Needs<'_>) -> Result<Self, ConnectorError> {
        Ok(Self {
            token_url: needs.connection.token_url.clone(),
            client_id: needs.text("client_id", |connection| &connection.client_id)?,
            client_secret: needs.secret("client_secret", |connection| &connection.client_secret)?,
            token: needs.secret("token", |connection| &connection.token)?,
        })
    }

    pub(super) async fn mint(
        &self,
        secrets: &Secrets,
        endpoint: &TokenEndpoint<'_>,
        connection: &str,
    ) -> Result<AccessToken, ConnectorError> {
        let secret = secrets.read(&self.client_secret)?;
        let token = secrets.read(&self.token)?;
        let form = [
            ("grant_type", "personal_access_token"),
            ("pat", token.expose_secret()),
        ];
        let request = basic_request(&self.token_url, &self.client_id, &secret, &form)?;
        let answered = endpoint.send(request).await?;
        let secrets = [secret.expose_secret(), token.expose_secret()];
        answered.token(&secrets, |error| match error {
            "invalid_client" => {
                format!("check `client_id` and the client secret of connection `{connection}`")
            }
            "unsupported_grant_type" | "unauthorized_client" => format!(
                "switch the personal access token grant on for the OAuth client of connection `{connection}` at https://developer.goto.com"
            ),
            _ => Self::remedy(connection),
        })
    }

    pub(super) fn remedy(connection: &str) -> String {
        format!(
            "make a new personal access token at https://myaccount.goto.com under Developer Tools, and put it where `oauth.token` of connection `{connection}` points"
        )
    }
}
