//! Grants without a browser, against an endpoint that answers as GoTo and Aha! do. Zoom's are
//! tested through its simulator.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex as StdMutex;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use reqwest::Url;
use serde_json::json;

use super::*;
use crate::clock::ManualClock;
use crate::connector::http::api::{Api, Call};
use crate::connector::http::retry::RetryBudget;
use crate::connector::limits::{Budgets, Label};
use crate::connector::{CallStats, ConnectorOptions, Limits, zoom};
use crate::profile::identifier::Vendor;
use crate::profile::model::{Plan, Retry};

/// What the vendor takes, and what it was sent.
#[derive(Debug, Default)]
struct Taken {
    secret: String,
    sent: Vec<String>,
}

type Shared = Arc<StdMutex<Taken>>;

async fn token(
    State(taken): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Response {
    let mut taken = taken.lock().unwrap();
    let grant = &form[0];
    let basic = headers["authorization"].to_str().unwrap();
    taken.sent.push(format!("{basic} {}={}", grant.0, grant.1));
    if form[1] != ("pat".to_owned(), taken.secret.clone()) {
        let refusal = json!({"error": "invalid_grant", "error_description": "no such token"});
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    Json(json!({"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "scope": "identity: collab:"}))
        .into_response()
}

async fn me(State(taken): State<Shared>, headers: HeaderMap) -> Response {
    let mut taken = taken.lock().unwrap();
    let sent = headers["authorization"].to_str().unwrap().to_owned();
    let known = sent == format!("Bearer {}", taken.secret);
    taken.sent.push(sent);
    if known {
        Json(json!({"user": {}})).into_response()
    } else {
        (StatusCode::UNAUTHORIZED, "<html>").into_response()
    }
}

/// A vendor, and a connection to it whose token is in a file.
struct Bench {
    taken: Shared,
    folder: tempfile::TempDir,
    connection: ResolvedConnection,
}

impl Bench {
    async fn start(vendor: Vendor, grant: Grant) -> Self {
        let taken = Shared::default();
        let router = Router::new()
            .route("/oauth/token", post(token))
            .route("/api/v1/me", get(me))
            .with_state(taken.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let connection = ResolvedConnection {
            name: "one".to_owned(),
            vendor,
            url: format!("{origin}/api/v1"),
            grant,
            token_url: format!("{origin}/oauth/token"),
            authorize_url: format!("{origin}/oauth/authorize"),
            account_id: None,
            client_id: Some("app".to_owned()),
            client_secret: Some(SecretRef::Env("APP_SECRET".to_owned())),
            token: Some(SecretRef::File(folder.path().join("token"))),
            plan: Plan::Pro,
            share: 25,
            retry: Retry::default(),
        };
        let bench = Self {
            taken,
            folder,
            connection,
        };
        bench.vendor_takes("first");
        bench.file_holds("first");
        bench
    }

    fn vendor_takes(&self, secret: &str) {
        secret.clone_into(&mut self.taken.lock().unwrap().secret);
    }

    fn file_holds(&self, secret: &str) {
        let path = self.folder.path().join("token");
        std::fs::write(&path, secret).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.taken.lock().unwrap().sent)
    }

    fn api(&self) -> Api {
        let clock = Arc::new(ManualClock::at("2026-03-02T09:00:00Z".parse().unwrap()));
        let options = ConnectorOptions {
            limits: Limits::Unlimited,
            ..ConnectorOptions::default()
        };
        let budgets = Budgets::new(clock.clone(), options.limits);
        let http = Arc::new(HttpClient::new(options));
        let secret = ("APP_SECRET".to_owned(), "hush".to_owned());
        let tokens = TokenSource::new(
            Credentials::of(&self.connection).unwrap(),
            self.connection.name.clone(),
            None,
            TokenParts {
                secrets: Arc::new(Secrets::new(None, [secret])),
                http: http.clone(),
                clock: clock.clone(),
                keeper: None,
                tasks: TaskTracker::new(),
            },
        );
        Api {
            connection: self.connection.name.clone(),
            retry: RetryPolicy::default(),
            retries: RetryBudget::new(5),
            base: Url::parse(&self.connection.url).unwrap(),
            tokens: Arc::new(tokens),
            budget: budgets.of("account", &self.connection),
            stats: CallStats::default(),
            clock,
            dialect: zoom::DIALECT,
            foreign: true,
            http,
        }
    }
}

async fn call(api: &Api) -> Result<serde_json::Value, ConnectorError> {
    let call = Call {
        step: "look who this is",
        label: Label::Light,
        path: &["me"],
        query: &[],
    };
    api.get(&call, |body| serde_json::from_slice(body)).await
}

#[tokio::test]
async fn an_api_key_is_read_at_each_use_and_a_refused_one_is_told_once() {
    let bench = Bench::start(Vendor::Aha, Grant::ApiKey).await;
    let api = bench.api();
    call(&api).await.unwrap();
    bench.vendor_takes("second");
    let error = call(&api).await.unwrap_err();
    assert_eq!(bench.sent(), ["Bearer first", "Bearer first"]);
    let message = error.to_string();
    assert!(
        matches!(&error, ConnectorError::Unauthorized { context, .. } if context.status == Some(401)),
        "{error:?}"
    );
    for part in [
        "look who this is",
        "connection `one`",
        "Settings, Personal",
        "http://127.0.0.1",
    ] {
        assert!(message.contains(part), "{message}");
    }
    bench.file_holds("second");
    call(&api).await.unwrap();
    assert_eq!(bench.sent(), ["Bearer second"]);
}

#[tokio::test]
async fn an_api_key_that_changes_under_a_call_is_tried() {
    let bench = Bench::start(Vendor::Aha, Grant::ApiKey).await;
    let api = bench.api();
    let refused = api.token().await.unwrap();
    assert!(
        api.tokens
            .renew(&refused, api.retry)
            .await
            .unwrap()
            .is_none()
    );
    bench.file_holds("second");
    let other = api
        .tokens
        .renew(&refused, api.retry)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(other.authorization, "Bearer second");
    assert!(!format!("{:?} {other:?}", api.tokens).contains("second"));
}

#[tokio::test]
async fn a_personal_access_token_buys_access_tokens() {
    let bench = Bench::start(Vendor::GoTo, Grant::PersonalAccessToken).await;
    let api = bench.api();
    let token = api.token().await.unwrap();
    assert_eq!(token.authorization, "Bearer at");
    assert_eq!(token.scopes, ["identity:", "collab:"]);
    api.token().await.unwrap();
    assert_eq!(
        bench.sent(),
        ["Basic YXBwOmh1c2g= grant_type=personal_access_token"]
    );
    bench.vendor_takes("second");
    let error = api.tokens.renew(&token, api.retry).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "get an access token: the vendor refuses the credentials: no such token: make a new personal access token at https://myaccount.goto.com under Developer Tools, and put it where `oauth.token` of connection `one` points"
    );
    assert_eq!(bench.sent().len(), 1);
    bench.file_holds("second");
    api.token().await.unwrap();
}
