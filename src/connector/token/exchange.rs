//! Two exchanges at the token endpoint, made by the `oauth2` crate and sent by us: its own client
//! speaks another reqwest, and knows neither our patience nor the vendors' ways to refuse.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode as Code, Client, ClientId, ClientSecret,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeVerifier, RefreshToken,
    RequestTokenError, StandardRevocableToken, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};

use super::access::TokenAnswer;
use super::authorization_code::{AuthorizationCode, Redeemable};
use super::endpoint::{self, TokenEndpoint};
use crate::connector::error::ConnectorError;
use crate::profile::identifier::Vendor;
use crate::secret::Secrets;

type OAuthClient = Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// It works once: an answer that does not come is not asked for again.
    Once,
    /// As often as any call is.
    UntilAnswered,
}

/// One exchange of a grant.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    grant: &'a AuthorizationCode,
    endpoint: TokenEndpoint<'a>,
    sending: Sending,
    lost_one: AtomicBool,
    said: Mutex<String>,
    /// What is sent, to be kept out of messages.
    sent: Vec<SecretString>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        grant: &'a AuthorizationCode,
        endpoint: TokenEndpoint<'a>,
        sending: Sending,
        sent: Vec<SecretString>,
    ) -> Self {
        Self {
            grant,
            endpoint,
            sending,
            lost_one: AtomicBool::new(false),
            said: Mutex::default(),
            sent,
        }
    }

    /// Turns a code into tokens.
    pub(super) async fn redeem(
        &self,
        secrets: &Secrets,
        redeemable: &Redeemable,
    ) -> Result<TokenAnswer, ConnectorError> {
        let verifier = PkceCodeVerifier::new(redeemable.verifier.secret().clone());
        self.client(secrets)?
            .exchange_code(Code::new(redeemable.code.secret().clone()))
            .set_pkce_verifier(verifier)
            .set_redirect_uri(Cow::Borrowed(&redeemable.redirect_uri))
            .request_async(self)
            .await
            .map_err(not_a_token)
    }

    /// Turns a refresh token into tokens.
    pub(super) async fn refresh(
        &self,
        secrets: &Secrets,
        token: &SecretString,
    ) -> Result<TokenAnswer, ConnectorError> {
        let token = RefreshToken::new(token.expose_secret().to_owned());
        self.client(secrets)?
            .exchange_refresh_token(&token)
            .request_async(self)
            .await
            .map_err(not_a_token)
    }

    /// Whether a sending of it went unanswered: the vendor may have acted on it all the same.
    pub(super) fn lost_one(&self) -> bool {
        self.lost_one.load(Ordering::Relaxed)
    }

    /// The vendor's words, when it refused.
    pub(super) fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    fn client(&self, secrets: &Secrets) -> Result<OAuthClient, ConnectorError> {
        let owner = &self.grant.owner;
        let token_url = TokenUrl::new(owner.token_url.clone()).map_err(|error| {
            ConnectorError::Misconfigured {
                message: format!(
                    "connection `{}`: `{}` is not a URL: {error}",
                    owner.connection, owner.token_url
                ),
            }
        })?;
        // Aha!'s guide puts the app's name and secret into the form; the others take both.
        let place = match owner.vendor {
            Vendor::Aha => AuthType::RequestBody,
            Vendor::Zoom | Vendor::GoTo => AuthType::BasicAuth,
        };
        let client = Client::new(ClientId::new(owner.client_id.clone()))
            .set_token_uri(token_url)
            .set_auth_type(place);
        let Some(reference) = &self.grant.client_secret else {
            return Ok(client);
        };
        let secret = secrets.read(reference)?;
        Ok(client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let answer = match self.sending {
            Sending::Once => self.endpoint.send_once(request).await?,
            Sending::UntilAnswered => {
                let answered = self.endpoint.send(request).await;
                let lost = match &answered {
                    Ok(answered) => answered.lost_one,
                    Err(error) => matches!(error, ConnectorError::Unavailable { .. }),
                };
                self.lost_one.store(lost, Ordering::Relaxed);
                answered?.answer
            }
        };
        if answer.status().is_success() {
            return Ok(answer);
        }
        let sent: Vec<&str> = self.sent.iter().map(ExposeSecret::expose_secret).collect();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        *said = endpoint::said(&answer, &sent);
        Err(self.refused(&answer, &sent))
    }

    fn refused(&self, answer: &HttpResponse, sent: &[&str]) -> ConnectorError {
        let connection = &self.grant.owner.connection;
        endpoint::refused(answer, sent, |error| match error {
            "invalid_client" => {
                format!("check `client_id` and the client secret of connection `{connection}`")
            }
            "unauthorized_client" | "unsupported_grant_type" | "unsupported grant type" => format!(
                "allow the authorization code grant for the app of connection `{connection}` at the vendor"
            ),
            _ => format!("run `seatsync authorize {connection}` again"),
        })
    }
}

impl<'c> AsyncHttpClient<'c> for Exchange<'_> {
    type Error = ConnectorError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ConnectorError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// What the `oauth2` crate found wrong. Its own texts may quote the answer.
fn not_a_token(error: RequestTokenError<ConnectorError, BasicErrorResponse>) -> ConnectorError {
    let malformed = |message: String| ConnectorError::Malformed {
        context: endpoint::context(None, None),
        message,
    };
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::Parse(error, _) => {
            let place = endpoint::place(error.inner());
            malformed(format!("not a token answer: {place}"))
        }
        RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
            malformed("not a token answer".to_owned())
        }
    }
}
