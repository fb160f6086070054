//! Tests of the simulated account as its clients meet it, without a network in between.

mod admin;
mod authorizing;
mod reporting;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::SimClock;
use crate::goto::cast::Cast;
use crate::goto::control::Control;
use crate::goto::options::GoToSimOptions;
use crate::goto::service::{Account, State};
use crate::goto::world::ACCOUNT;
use crate::http::{Answer, Reply, Request, parse_form};

/// An account and a client with a token.
struct Trial {
    account: Arc<Account>,
    control: Control,
    token: String,
}

/// 300 users on a Friday afternoon, without rate limits.
fn friday() -> GoToSimOptions {
    let at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
    GoToSimOptions {
        limits: false,
        clock: SimClock::manual(at),
        ..GoToSimOptions::default()
    }
}

impl Trial {
    fn new(options: &GoToSimOptions) -> Self {
        let state = State::new(options, "http://127.0.0.1:1".to_owned());
        let account = Arc::new(Account::new(state));
        let mut trial = Self {
            control: Control::new(account.clone()),
            account,
            token: String::new(),
        };
        trial.renew();
        trial
    }

    /// Gets another token.
    fn renew(&mut self) {
        let pat = self.with_client(|client| client.personal_access_token.clone());
        let (status, answer) = self.grant(&format!("grant_type=personal_access_token&pat={pat}"));
        assert_eq!(status, 200, "{answer}");
        self.token = text(&answer["access_token"]);
    }

    fn with_client<T>(&self, read: impl FnOnce(&crate::goto::oauth::Client) -> T) -> T {
        self.control.with(|state| read(&state.oauth.client))
    }

    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            raw_query: query.to_owned(),
            query: parse_form(query),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        };
        let (_, ticket) = self.account.arrive(&request);
        self.account.answer(&request, ticket)
    }

    fn grant(&self, form: &str) -> (u16, Value) {
        let pair = self.with_client(|client| {
            let secret = client.client_secret.clone().unwrap_or_default();
            format!("{}:{secret}", client.client_id)
        });
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let headers = [
            ("authorization", basic.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let reply = self.send("POST", "/oauth/token", &headers, form);
        (reply.status, json(&reply))
    }

    fn call(&self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let reply = self.raw(method, target, body);
        (reply.status, json(&reply))
    }

    fn raw(&self, method: &str, target: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        self.send(method, target, &[("authorization", &bearer)], body)
    }

    fn get(&self, target: &str) -> Value {
        let (status, answer) = self.call("GET", target, "");
        assert_eq!(status, 200, "{target}: {answer}");
        answer
    }

    fn key(&self, member: Cast) -> String {
        self.control.cast(member).unwrap().key
    }
}

fn admin(path: &str) -> String {
    format!("/admin/rest/v1/accounts/{ACCOUNT}/{path}")
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn rows(page: &Value) -> &Vec<Value> {
    page.as_array().unwrap()
}
