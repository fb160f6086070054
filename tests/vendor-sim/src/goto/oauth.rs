//! GoTo's OAuth: one client, authorization codes with PKCE, refresh tokens that usually do not
//! rotate, personal access tokens. There are no client credentials.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::consent::{Decision, Page, send_back};
use crate::goto::options::{Refresh, Switches};
use crate::http::{Reply, Request, first};
use crate::oauth::{Challenge, basic_credentials, bearer_token, form_body, same_redirect};
use crate::random::mix;

/// Seconds an access token lives.
pub(crate) const ACCESS_TOKEN_SECONDS: i64 = 3600;
/// Seconds an authorization code lives.
const CODE_SECONDS: i64 = 300;

/// The OAuth client of the account's administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Identifies it.
    pub client_id: String,
    /// Its secret; a client without one is public and must use PKCE.
    pub client_secret: Option<String>,
    /// The granted scopes. A change reaches tokens of a new consent, and those of personal access
    /// tokens.
    pub scopes: Vec<String>,
    /// Where the authorization page may send a code to; loopback ports are free.
    pub redirect_uris: Vec<String>,
    /// The administrator's personal access token.
    pub personal_access_token: String,
}

#[derive(Debug, Clone)]
struct Token {
    scopes: Vec<String>,
    expires: i64,
}

#[derive(Debug, Clone)]
struct Code {
    redirect_uri: String,
    challenge: Option<Challenge>,
    expires: i64,
}

/// The authorization server.
#[derive(Debug)]
pub(crate) struct OAuth {
    pub(crate) client: Client,
    /// Whose tokens they are.
    pub(crate) principal: String,
    seed: u64,
    minted: u64,
    access: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Token>,
    codes: BTreeMap<String, Code>,
    /// Every code and token ever given out, and every verifier that came for one: what must be
    /// found nowhere else.
    pub(crate) issued: Vec<String>,
}

/// RFC 6749's error codes.
struct Refused(u16, &'static str, &'static str);

impl OAuth {
    pub(crate) fn new(seed: u64, scopes: Vec<String>, principal: String) -> Self {
        let mut oauth = Self {
            client: Client {
                client_id: String::new(),
                client_secret: None,
                scopes,
                redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
                personal_access_token: String::new(),
            },
            principal,
            seed,
            minted: 0,
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            codes: BTreeMap::new(),
            issued: Vec::new(),
        };
        oauth.client.client_id = oauth.secret(16);
        oauth.client.client_secret = Some(oauth.secret(24));
        oauth.client.personal_access_token = format!("pat.{}", oauth.secret(32));
        oauth
    }

    /// The next unguessable text; the same sequence for the same seed.
    fn secret(&mut self, bytes: usize) -> String {
        self.minted += 1;
        let mut digest = Sha256::new();
        digest.update(mix(self.seed ^ 0x0060_0601).to_be_bytes());
        digest.update(self.minted.to_be_bytes());
        let digest = digest.finalize();
        URL_SAFE_NO_PAD.encode(&digest[..bytes.min(digest.len())])
    }

    /// The scopes of the caller's token; none when it is no valid token.
    pub(crate) fn scopes(&self, request: &Request, now: i64) -> Option<&[String]> {
        let token = self.access.get(bearer_token(request)?)?;
        (token.expires > now).then_some(&token.scopes)
    }

    /// `/oauth/authorize`: the page, and the administrator's answer to it.
    pub(crate) fn authorize(&mut self, request: &Request, now: i64, switches: &Switches) -> Reply {
        let page = |text: &str| {
            let page = format!("<html><body>{text}</body></html>");
            Reply::text(400, "text/html;charset=UTF-8", page)
        };
        if request.param("client_id") != Some(&self.client.client_id) {
            return page("invalid client");
        }
        let redirect_uri = request.param("redirect_uri").unwrap_or_default();
        let known = &self.client.redirect_uris;
        if !known.iter().any(|known| same_redirect(known, redirect_uri)) {
            return page("invalid redirect_uri");
        }
        if request.param("response_type") != Some("code") {
            return page("invalid response_type");
        }
        let challenge = Challenge::of(request);
        if challenge.is_none() && self.client.client_secret.is_none() {
            return send_back(redirect_uri, "error=invalid_request", request);
        }
        match switches.consent.decided(request) {
            None => Page {
                vendor: "GoTo",
                client_id: &self.client.client_id,
                on_behalf_of: &self.principal,
                scopes: &self.client.scopes,
            }
            .show(request),
            Some(Decision::Denied) => send_back(redirect_uri, "error=access_denied", request),
            Some(Decision::Allowed) => {
                let code = self.secret(24);
                self.issued.push(code.clone());
                let stands_for = Code {
                    redirect_uri: redirect_uri.to_owned(),
                    challenge,
                    expires: now + CODE_SECONDS,
                };
                self.codes.insert(code.clone(), stands_for);
                send_back(redirect_uri, &format!("code={code}"), request)
            }
        }
    }

    /// `POST /oauth/token`.
    pub(crate) fn token(&mut self, request: &Request, now: i64, switches: &Switches) -> Reply {
        match self.grant(&form_body(request), request, now, switches) {
            Ok(reply) => reply,
            Err(Refused(status, error, description)) => Reply::json(
                status,
                &json!({"error": error, "error_description": description}),
            ),
        }
    }

    fn grant(
        &mut self,
        form: &[(String, String)],
        request: &Request,
        now: i64,
        switches: &Switches,
    ) -> Result<Reply, Refused> {
        self.authenticate(request, form)?;
        let days = i64::from(switches.refresh_days);
        match first(form, "grant_type").unwrap_or_default() {
            "authorization_code" => {
                self.spend_code(form, now)?;
                let scopes = self.client.scopes.clone();
                let refresh = self.new_refresh_token(scopes.clone(), now + days * 86_400);
                Ok(self.mint(scopes, Some(&refresh), now))
            }
            "refresh_token" => {
                let text = first(form, "refresh_token").unwrap_or_default().to_owned();
                let dead = Refused(400, "invalid_grant", "refresh token is invalid or expired");
                let Some(token) = self.refresh.get(&text).filter(|token| token.expires > now)
                else {
                    return Err(dead);
                };
                let token = token.clone();
                if switches.refresh == Refresh::SingleUse {
                    self.refresh.remove(&text);
                }
                let renewed = (switches.refresh != Refresh::Keep)
                    .then(|| self.new_refresh_token(token.scopes.clone(), now + days * 86_400));
                Ok(self.mint(token.scopes, renewed.as_deref(), now))
            }
            "personal_access_token" if switches.personal_access_tokens => {
                if first(form, "pat") != Some(&self.client.personal_access_token) {
                    return Err(Refused(400, "invalid_grant", "the token is not valid"));
                }
                let scopes = self.client.scopes.clone();
                Ok(self.mint(scopes, None, now))
            }
            "personal_access_token" => Err(Refused(
                400,
                "unauthorized_client",
                "the client may not use this grant",
            )),
            _ => Err(Refused(400, "unsupported_grant_type", "unknown grant type")),
        }
    }

    fn authenticate(&self, request: &Request, form: &[(String, String)]) -> Result<(), Refused> {
        let basic = request.header("authorization").and_then(basic_credentials);
        let (client_id, secret) = match &basic {
            Some((client_id, secret)) => (Some(client_id.as_str()), Some(secret.as_str())),
            None => (first(form, "client_id"), first(form, "client_secret")),
        };
        let same = client_id == Some(&self.client.client_id)
            && secret == self.client.client_secret.as_deref();
        same.then_some(()).ok_or(Refused(
            401,
            "invalid_client",
            "client authentication failed",
        ))
    }

    fn spend_code(&mut self, form: &[(String, String)], now: i64) -> Result<(), Refused> {
        let dead = || Refused(400, "invalid_grant", "the code is invalid or was used");
        let text = first(form, "code").ok_or_else(dead)?;
        // Single use: gone even if the rest of the request is wrong.
        let code = self.codes.remove(text).ok_or_else(dead)?;
        self.issued
            .extend(first(form, "code_verifier").map(str::to_owned));
        let verified = match &code.challenge {
            Some(challenge) => {
                first(form, "code_verifier").is_some_and(|verifier| challenge.answered_by(verifier))
            }
            None => self.client.client_secret.is_some(),
        };
        let same_place = first(form, "redirect_uri") == Some(&code.redirect_uri);
        if verified && same_place && code.expires > now {
            Ok(())
        } else {
            Err(dead())
        }
    }

    fn new_refresh_token(&mut self, scopes: Vec<String>, expires: i64) -> String {
        let text = format!("eyJraWQiOiI2MjAi.{}", self.secret(32));
        self.issued.push(text.clone());
        self.refresh.insert(text.clone(), Token { scopes, expires });
        text
    }

    fn mint(&mut self, scopes: Vec<String>, refresh_token: Option<&str>, now: i64) -> Reply {
        let access_token = format!("eyJraWQiOiI2MjAiLCJhbGciOiJSUzUxMiJ9.{}", self.secret(32));
        let mut body = json!({"access_token": access_token, "token_type": "Bearer"});
        if let Some(refresh_token) = refresh_token {
            body["refresh_token"] = json!(refresh_token);
        }
        body["expires_in"] = json!(ACCESS_TOKEN_SECONDS);
        body["scope"] = json!(scopes.join(" "));
        body["principal"] = json!(self.principal);
        let expires = now + ACCESS_TOKEN_SECONDS;
        self.issued.push(access_token.clone());
        self.access.insert(access_token, Token { scopes, expires });
        let mut reply = Reply::json(200, &body);
        reply.set_header("cache-control", "no-store");
        reply
    }

    /// `POST /oauth/revoke`.
    pub(crate) fn revoke(&mut self, request: &Request) -> Reply {
        let form = form_body(request);
        if let Err(Refused(status, error, _)) = self.authenticate(request, &form) {
            return Reply::json(status, &json!({"error": error}));
        }
        let token = first(&form, "token").unwrap_or_default();
        self.access.remove(token);
        self.refresh.remove(token);
        Reply::empty(200)
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
}
