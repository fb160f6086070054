//! Tests of the simulated account as its clients meet it, without a network in between. Only
//! [`wire`] opens sockets.

mod authorizing;
mod faulting;
mod listing;
mod reporting;
mod switching;
mod truth;
mod wire;
mod writing;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::SimClock;
use crate::http::{Answer, Reply, Request, parse_form};
use crate::zoom::cast::Cast;
use crate::zoom::control::Control;
use crate::zoom::intake::Account;
use crate::zoom::oauth::AppKind;
use crate::zoom::options::ZoomSimOptions;
use crate::zoom::service::State;

/// An account and a client with a token.
struct Trial {
    account: Arc<Account>,
    control: Control,
    token: String,
}

/// 300 users on a Friday afternoon, without rate limits.
fn friday() -> ZoomSimOptions {
    let at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
    ZoomSimOptions {
        limits: false,
        clock: SimClock::manual(at),
        ..ZoomSimOptions::default()
    }
}

impl Trial {
    fn new(options: &ZoomSimOptions) -> Self {
        let state = State::new(options, "http://127.0.0.1:1".to_owned());
        let account = Arc::new(Account::new(state));
        let mut trial = Self {
            control: Control::new(account.clone()),
            account,
            token: String::new(),
        };
        trial.token = trial.mint();
        trial
    }

    fn mint(&self) -> String {
        let form = format!(
            "grant_type=account_credentials&account_id={}",
            self.account_id()
        );
        let (status, body) = self.token(AppKind::ServerToServer, &form);
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    fn account_id(&self) -> String {
        self.control.with(|state| state.oauth.account_id.clone())
    }

    fn basic(&self, kind: AppKind) -> String {
        let apps = self.control.apps();
        let app = apps.iter().find(|app| app.kind == kind).unwrap();
        let secret = app.client_secret.clone().unwrap();
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{secret}", app.client_id))
        )
    }

    /// Posts a form to the token endpoint.
    fn token(&self, kind: AppKind, form: &str) -> (u16, Value) {
        let authorization = self.basic(kind);
        let reply = self.raw("POST", "/oauth/token", form, &authorization);
        (reply.status, body(&reply))
    }

    fn raw(&self, method: &str, target: &str, sent: &str, authorization: &str) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let kind = if sent.starts_with('{') {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let request = Request {
            raw_query: String::new(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: parse_form(query),
            headers: vec![
                ("authorization".to_owned(), authorization.to_owned()),
                ("content-type".to_owned(), kind.to_owned()),
            ],
            body: sent.as_bytes().to_vec(),
        };
        let (_, ticket) = self.account.arrive(&request);
        self.account.answer(&request, ticket)
    }

    /// An API call; the target is below `/v2`.
    fn call(&self, method: &str, target: &str, sent: &str) -> (u16, Value) {
        let reply = self.raw(
            method,
            &format!("/v2{target}"),
            sent,
            &format!("Bearer {}", self.token),
        );
        (reply.status, body(&reply))
    }

    fn get(&self, target: &str) -> Value {
        let (status, body) = self.call("GET", target, "");
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    /// The status and Zoom's code of a refusal.
    fn refused(&self, method: &str, target: &str, sent: &str) -> (u16, i64) {
        let (status, body) = self.call(method, target, sent);
        (status, body["code"].as_i64().unwrap_or_default())
    }

    /// All rows of a walk through `name`.
    fn walk(&self, target: &str, name: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut token = String::new();
        loop {
            let page = self.get(&format!("{target}&next_page_token={token}"));
            rows.extend(page[name].as_array().unwrap().iter().cloned());
            page["next_page_token"]
                .as_str()
                .unwrap()
                .clone_into(&mut token);
            if token.is_empty() {
                return rows;
            }
        }
    }

    fn id(&self, member: Cast) -> String {
        self.control.cast(member).unwrap().id
    }
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn texts<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().filter_map(|row| row[name].as_str()).collect()
}
