//! Zoom's OAuth: apps, the three grants, tokens that expire on the vendor's clock, refresh tokens
//! that are spent by use, revocation. Error bodies are OAuth's, not the API's.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::http::{Reply, Request, first};
use crate::oauth::{basic_credentials, bearer_token, form_body};
use crate::random::mix;
use crate::zoom::consent::Code;
use crate::zoom::errors::ApiError;
use crate::zoom::options::Switches;

/// Seconds an access token lives.
pub(crate) const ACCESS_TOKEN_SECONDS: i64 = 3600;
/// Seconds a refresh token lives.
const REFRESH_TOKEN_SECONDS: i64 = 90 * 86_400;

/// What kind of Marketplace app it is, which decides its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// Server-to-server: `account_credentials`.
    ServerToServer,
    /// An admin-managed general app: `authorization_code` and `refresh_token`.
    General,
}

/// An app of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Which grants it may use.
    pub kind: AppKind,
    /// Identifies it.
    pub client_id: String,
    /// Its secret; a general app without one is a public client and must use PKCE.
    pub client_secret: Option<String>,
    /// The granted scopes. A change reaches tokens minted afterwards.
    pub scopes: Vec<String>,
    /// The addresses the authorization page may send a code to; loopback ports are free.
    pub redirect_uris: Vec<String>,
    /// A deactivated app gets no tokens and its tokens die.
    pub active: bool,
}

#[derive(Debug, Clone)]
struct AccessToken {
    client_id: String,
    scopes: Vec<String>,
    expires: i64,
}

#[derive(Debug, Clone)]
struct RefreshToken {
    client_id: String,
    expires: i64,
}

/// The authorization server of one account.
#[derive(Debug)]
pub(crate) struct OAuth {
    pub(crate) account_id: String,
    pub(crate) apps: Vec<App>,
    seed: u64,
    minted: u64,
    access: BTreeMap<String, AccessToken>,
    refresh: BTreeMap<String, RefreshToken>,
    pub(crate) codes: BTreeMap<String, Code>,
    /// Every code and token ever given out, and every verifier that came for one: what must be
    /// found nowhere else.
    pub(crate) issued: Vec<String>,
}

/// Who calls the API.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
}

#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    expires_in: i64,
    scope: String,
    api_url: &'a str,
}

/// Why the token endpoint refuses.
pub(crate) enum Refusal {
    Client,
    Account,
    Grant,
    Dead,
}

impl Refusal {
    fn reply(&self) -> Reply {
        let (reason, error) = match self {
            Self::Client => ("Invalid client_id or client_secret", "invalid_client"),
            Self::Account => ("Bad Request", "invalid_request"),
            Self::Grant => ("unsupported grant type", "unsupported_grant_type"),
            Self::Dead => ("Invalid Token!", "invalid_grant"),
        };
        Reply::json(400, &serde_json::json!({"reason": reason, "error": error}))
    }
}

impl OAuth {
    pub(crate) fn new(seed: u64, scopes: &[String]) -> Self {
        let mut oauth = Self {
            account_id: String::new(),
            apps: Vec::new(),
            seed,
            minted: 0,
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            codes: BTreeMap::new(),
            issued: Vec::new(),
        };
        oauth.account_id = oauth.secret(16);
        for kind in [AppKind::ServerToServer, AppKind::General] {
            let app = App {
                kind,
                client_id: oauth.secret(16),
                client_secret: Some(oauth.secret(24)),
                scopes: scopes.to_vec(),
                redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
                active: true,
            };
            oauth.apps.push(app);
        }
        oauth
    }

    /// The next unguessable text of this many bytes; the same sequence for the same seed.
    pub(crate) fn secret(&mut self, bytes: usize) -> String {
        self.minted += 1;
        let mut digest = Sha256::new();
        digest.update(mix(self.seed ^ 0x000a_0714).to_be_bytes());
        digest.update(self.minted.to_be_bytes());
        let digest = digest.finalize();
        URL_SAFE_NO_PAD.encode(&digest[..bytes.min(digest.len())])
    }

    /// The caller of an API request.
    pub(crate) fn caller(
        &self,
        request: &Request,
        now: i64,
        switches: &Switches,
    ) -> Result<Caller, ApiError> {
        // A token in the query is refused since 2023, so only the header counts.
        let token = bearer_token(request).ok_or_else(ApiError::invalid_token)?;
        let known = self.access.get(token).ok_or_else(ApiError::invalid_token)?;
        if known.expires <= now {
            let mut error = ApiError::expired_token();
            error.status = switches.expired_token_status;
            return Err(error);
        }
        Ok(Caller {
            client_id: known.client_id.clone(),
            scopes: known.scopes.clone(),
        })
    }

    /// `POST /oauth/token`.
    pub(crate) fn token(
        &mut self,
        request: &Request,
        now: i64,
        switches: &Switches,
        api_url: &str,
    ) -> Reply {
        match self.grant(request, now, switches, api_url) {
            Ok(reply) => reply,
            Err(refusal) => refusal.reply(),
        }
    }

    fn grant(
        &mut self,
        request: &Request,
        now: i64,
        switches: &Switches,
        api_url: &str,
    ) -> Result<Reply, Refusal> {
        let mut form = form_body(request);
        if switches.token_parameters_in_query {
            form.extend(request.query.iter().cloned());
        }
        let grant_type = first(&form, "grant_type").ok_or(Refusal::Grant)?;
        let app = self.authenticate(request, &form)?.clone();
        let refreshable = match (grant_type, app.kind) {
            ("account_credentials", AppKind::ServerToServer) => {
                if first(&form, "account_id") != Some(&self.account_id) || !app.active {
                    return Err(Refusal::Account);
                }
                false
            }
            ("authorization_code", AppKind::General) => {
                self.spend_code(&app, &form, now)?;
                true
            }
            ("refresh_token", AppKind::General) => {
                self.spend_refresh_token(&app, &form, now)?;
                true
            }
            _ => return Err(Refusal::Grant),
        };
        if switches.new_token_kills_old {
            self.access
                .retain(|_, token| token.client_id != app.client_id);
        }
        Ok(self.mint(&app, refreshable, now, api_url))
    }

    fn authenticate(&self, request: &Request, form: &[(String, String)]) -> Result<&App, Refusal> {
        let basic = request.header("authorization").and_then(basic_credentials);
        let (client_id, secret) = match &basic {
            Some((client_id, secret)) => (client_id.as_str(), Some(secret.as_str())),
            // A public client names itself in the form.
            None => (
                first(form, "client_id").ok_or(Refusal::Client)?,
                first(form, "client_secret"),
            ),
        };
        self.apps
            .iter()
            .find(|app| app.client_id == client_id && app.client_secret.as_deref() == secret)
            .ok_or(Refusal::Client)
    }

    fn spend_refresh_token(
        &mut self,
        app: &App,
        form: &[(String, String)],
        now: i64,
    ) -> Result<(), Refusal> {
        let text = first(form, "refresh_token").ok_or(Refusal::Account)?;
        let known = self.refresh.get(text).ok_or(Refusal::Dead)?;
        if known.client_id != app.client_id || known.expires <= now || !app.active {
            return Err(Refusal::Dead);
        }
        self.refresh.remove(text);
        Ok(())
    }

    fn mint(&mut self, app: &App, refreshable: bool, now: i64, api_url: &str) -> Reply {
        self.access.retain(|_, token| token.expires > now - 86_400);
        let access_token = self.secret(32);
        self.access.insert(
            access_token.clone(),
            AccessToken {
                client_id: app.client_id.clone(),
                scopes: app.scopes.clone(),
                expires: now + ACCESS_TOKEN_SECONDS,
            },
        );
        let refresh_token = refreshable.then(|| self.secret(32));
        self.issued.push(access_token.clone());
        self.issued.extend(refresh_token.clone());
        if let Some(refresh_token) = &refresh_token {
            self.refresh.insert(
                refresh_token.clone(),
                RefreshToken {
                    client_id: app.client_id.clone(),
                    expires: now + REFRESH_TOKEN_SECONDS,
                },
            );
        }
        let mut reply = Reply::json(
            200,
            &TokenAnswer {
                access_token: &access_token,
                token_type: "bearer",
                refresh_token: refresh_token.as_deref(),
                expires_in: ACCESS_TOKEN_SECONDS,
                scope: app.scopes.join(" "),
                api_url,
            },
        );
        reply.set_header("cache-control", "no-store");
        reply
    }

    /// `POST /oauth/revoke`.
    pub(crate) fn revoke(&mut self, request: &Request) -> Reply {
        let form = form_body(request);
        match self.authenticate(request, &form) {
            Err(refusal) => refusal.reply(),
            Ok(app) => {
                let client_id = app.client_id.clone();
                let token = first(&form, "token").unwrap_or_default();
                if self.access.remove(token).is_none() {
                    self.refresh.remove(token);
                } else {
                    // The authorization as a whole is withdrawn.
                    self.refresh.retain(|_, known| known.client_id != client_id);
                }
                Reply::json(200, &serde_json::json!({"status": "success"}))
            }
        }
    }

    /// Ends the life of every access token, and of every refresh token too when `all` is set.
    pub(crate) fn expire(&mut self, now: i64, all: bool) {
        for token in self.access.values_mut() {
            token.expires = token.expires.min(now);
        }
        if all {
            self.refresh.clear();
        }
    }

    /// Changes an app; one that is deactivated loses its tokens.
    pub(crate) fn change_app(&mut self, client_id: &str, change: impl FnOnce(&mut App)) -> bool {
        let Some(app) = self.apps.iter_mut().find(|app| app.client_id == client_id) else {
            return false;
        };
        change(app);
        let client_id = app.client_id.clone();
        if !app.active {
            self.access.retain(|_, token| token.client_id != client_id);
            self.refresh.retain(|_, token| token.client_id != client_id);
        }
        true
    }
}
