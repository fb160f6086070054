//! API keys and OAuth tokens: both are bound to a user, have that user's rights and no end.

use std::collections::BTreeMap;

use serde_json::json;

use crate::aha::service::State;
use crate::aha::user::User;
use crate::consent::{Decision, Page, send_back};
use crate::http::{Reply, Request, first};
use crate::oauth::{bearer_token, form_body};
use crate::random::draw;

/// The OAuth application that an administrator registered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct App {
    /// Identifies it.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where codes go: https, compared letter by letter.
    pub redirect_uri: String,
}

/// Everything that lets somebody in.
#[derive(Debug)]
pub(crate) struct Tokens {
    seed: u64,
    made: u64,
    pub(crate) app: App,
    /// Whose row each token is.
    rows: BTreeMap<String, u32>,
    codes: BTreeMap<String, u32>,
    /// Every code and token ever given out, and every verifier that came for one: what must be
    /// found nowhere else.
    pub(crate) issued: Vec<String>,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        let mut tokens = Self {
            seed,
            made: 0,
            app: App {
                client_id: String::new(),
                client_secret: String::new(),
                redirect_uri: "https://seatsync.example.com/callback".to_owned(),
            },
            rows: BTreeMap::new(),
            codes: BTreeMap::new(),
            issued: Vec::new(),
        };
        tokens.app.client_id = tokens.secret();
        tokens.app.client_secret = tokens.secret();
        tokens
    }

    fn secret(&mut self) -> String {
        self.made += 1;
        let half = |purpose| draw(self.seed, self.made, purpose);
        format!("{:016x}{:016x}", half(71), half(72))
    }

    /// A new token of a row.
    pub(crate) fn issue(&mut self, row: u32) -> String {
        let token = self.secret();
        self.issued.push(token.clone());
        self.rows.insert(token.clone(), row);
        token
    }

    /// Ends one token; whether there was one.
    pub(crate) fn revoke(&mut self, token: &str) -> bool {
        self.rows.remove(token).is_some()
    }
}

impl State {
    /// Whose token a request carries, while it is good.
    pub(crate) fn caller(&self, request: &Request, now: i64) -> Option<User> {
        let row = *self.tokens.rows.get(bearer_token(request)?)?;
        let user = self.world.user(row, now)?;
        (user.enabled || !self.switches.disabled_users_tokens_die).then_some(user)
    }

    /// `/oauth/authorize`: the page, and the token owner's answer to it.
    pub(crate) fn authorize(&mut self, request: &Request, now: i64) -> Reply {
        let page = |text: &str| Reply::text(400, "text/html", text);
        let app = &self.tokens.app;
        if request.param("client_id") != Some(&app.client_id) {
            return page("<html><body>Unknown client</body></html>");
        }
        let redirect = request.param("redirect_uri").unwrap_or_default();
        if redirect != app.redirect_uri || !redirect.starts_with("https://") {
            return page("<html><body>The redirect URI is not valid</body></html>");
        }
        if request.param("response_type") != Some("code") {
            return page("<html><body>The response type is not supported</body></html>");
        }
        match self.switches.consent.decided(request) {
            None => {
                let owner = self.world.user(self.token_owner, now);
                Page {
                    vendor: "Aha!",
                    client_id: &app.client_id,
                    on_behalf_of: &owner.map(|owner| owner.email).unwrap_or_default(),
                    scopes: &[],
                }
                .show(request)
            }
            Some(Decision::Denied) => send_back(redirect, "error=access_denied", request),
            Some(Decision::Allowed) => {
                let code = self.tokens.secret();
                self.tokens.issued.push(code.clone());
                self.tokens.codes.insert(code.clone(), self.token_owner);
                send_back(redirect, &format!("code={code}"), request)
            }
        }
    }

    /// `POST /oauth/token`: a code works once, and the answer tells no end of the token.
    pub(crate) fn token(&mut self, request: &Request) -> Reply {
        let form = form_body(request);
        let given = |name: &str| first(&form, name).unwrap_or_default();
        let verifier = first(&form, "code_verifier").map(str::to_owned);
        self.tokens.issued.extend(verifier);
        let app = &self.tokens.app;
        let refused = |error: &str| Reply::json(401, &json!({"error": error}));
        if given("client_id") != app.client_id || given("client_secret") != app.client_secret {
            return refused("invalid_client");
        }
        if given("grant_type") != "authorization_code" {
            return refused("unsupported_grant_type");
        }
        if given("redirect_uri") != app.redirect_uri {
            return refused("invalid_grant");
        }
        let Some(row) = self.tokens.codes.remove(given("code")) else {
            return refused("invalid_grant");
        };
        let token = self.tokens.issue(row);
        Reply::json(200, &json!({"access_token": token, "token_type": "bearer"}))
    }
}
