//! The real daemon against a mock that Prism serves from Zoom's own document: it judges every
//! request by the document, and answers with the document's examples or with whatever its schemas
//! allow. `.ci/run prepare` installs it; the document is the vendor's (see `zoom_document`).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::support::Host;
use super::zoom_document::document_path;

/// Every scope that the client has a use for.
const SCOPES: &str = "user:read:list_users:admin user:read:settings:admin user:read:user:admin \
     user:read:summary:admin user:update:user:admin user:update:settings:admin \
     user:delete:user:admin report:read:list_users:admin report:read:list_history_meetings:admin \
     meeting:read:list_meetings:admin webinar:read:list_webinars:admin report:read:user:admin \
     billing:read:plan_usage:admin";

/// Enough to list users and what each hosts, and nothing of reports.
const SCOPES_WITHOUT_REPORTS: &str = "user:read:list_users:admin user:read:settings:admin \
     meeting:read:list_meetings:admin webinar:read:list_webinars:admin";

/// How the mock's answers are changed on their way: it keeps no state and knows no pages.
#[derive(Debug, Clone, Copy, Default)]
struct Changes {
    /// Every token has these scopes and an hour to live; else it is the document's example.
    scopes: Option<&'static str>,
    /// Every page is the last one and names as many users as are on it; users are on the pages of
    /// their own status alone.
    one_page: bool,
}

/// One request as the mock judged it.
#[derive(Debug, Clone)]
struct Judged {
    what: String,
    violations: Vec<String>,
}

/// The mock, and a proxy before it that keeps its verdicts.
struct Mock {
    prism: Child,
    url: String,
    seen: Arc<Mutex<Vec<Judged>>>,
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.prism.kill();
        let _ = self.prism.wait();
    }
}

impl Mock {
    /// `None`, with the reason said, when this machine has no document or no Prism.
    async fn start(options: &[&str], changes: Changes) -> Option<Self> {
        let Some(document) = document_path() else {
            println!("SKIP: SEATSYNC_ZOOM_OPENAPI is not set");
            return None;
        };
        let program = installed();
        if !program.exists() {
            println!("SKIP: Prism is not installed: run `.ci/run prepare`");
            return None;
        }
        let (prism, upstream) = serve(&program, &document, options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::default();
        let proxy = Proxy {
            upstream,
            changes,
            seen: Arc::clone(&seen),
        };
        let router = Router::new().fallback(forward).with_state(proxy);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Some(Self { prism, url, seen })
    }

    fn host(&self) -> Host {
        let host = Host::new();
        let url = &self.url;
        host.profile(
            "zoom.yaml",
            &format!(
                "kind: Profile
name: zoom
type: zoom
state: published
connection: zoom
---
kind: Connection
name: zoom
vendor: zoom
url: {url}/v2
oauth:
  grant: account_credentials
  token_url: {url}/oauth/token
  account_id: an-account
  client_id: a-client
  client_secret: {{env: VENDOR_SECRET}}
limits: {{plan: business, share: 100%}}
"
            ),
        );
        host
    }

    /// The operations that were called, each once; every request must have kept to the document.
    fn operations(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let wrong: Vec<String> = seen
            .iter()
            .filter(|judged| !judged.violations.is_empty())
            .map(|judged| format!("{}: {}", judged.what, judged.violations.join("; ")))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let mut operations: Vec<String> = seen.iter().map(|judged| judged.what.clone()).collect();
        operations.sort();
        operations.dedup();
        operations
    }

    fn assert_called(&self, expected: &[&str]) {
        let called = self.operations();
        for operation in expected {
            let found = called.iter().any(|called| called.starts_with(operation));
            assert!(found, "{operation} was not called: {called:#?}");
        }
    }
}

fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../prism/node_modules/.bin/prism")
}

/// Starts Prism on a free port, and waits until it says which.
fn serve(program: &Path, document: &str, options: &[&str]) -> (Child, String) {
    let mut prism = Command::new(program)
        .args(["mock", "--errors", "--host", "127.0.0.1", "--port", "0"])
        .args(options)
        .arg(document)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(prism.stdout.take().unwrap()).lines();
    let address = said
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            line.split_once("listening on http://")
                .map(|(_, to)| to.to_owned())
        })
        .expect("Prism ended before it served");
    // It stops when nobody reads what it says.
    std::thread::spawn(move || said.for_each(drop));
    (prism, address.trim().to_owned())
}

#[derive(Clone)]
struct Proxy {
    upstream: String,
    changes: Changes,
    seen: Arc<Mutex<Vec<Judged>>>,
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().as_str();
    // The document's paths are those below the API's base.
    let target = target.strip_prefix("/v2").unwrap_or(target).to_owned();
    let what = format!("{} {}", parts.method, target.split('?').next().unwrap());
    parts.uri = target.parse().unwrap();
    parts
        .headers
        .insert("host", proxy.upstream.parse().unwrap());
    // What is not compressed can be changed.
    parts.headers.remove("accept-encoding");
    let stream = TcpStream::connect(&proxy.upstream).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::from_parts(parts, Full::new(body));
    let (mut parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let judged = Judged {
        what,
        violations: violations(parts.headers.get("sl-violations"), parts.status.as_u16()),
    };
    let body = proxy.changes.of(&target, body);
    proxy.seen.lock().unwrap().push(judged);
    parts.headers.remove("content-length");
    Response::from_parts(parts, Body::from(body))
}

/// What Prism finds wrong with the request; with its own answers we are not concerned.
fn violations(header: Option<&hyper::header::HeaderValue>, status: u16) -> Vec<String> {
    let found: Vec<Value> = header.map_or_else(Vec::new, |header| {
        serde_json::from_slice(header.as_bytes()).unwrap()
    });
    let mut found: Vec<String> = found
        .iter()
        .filter(|violation| violation["location"][0] == "request")
        .map(ToString::to_string)
        .collect();
    // Prism's own refusals: no such path, no such method, not acceptable, not valid.
    if matches!(status, 404..=406 | 422) && found.is_empty() {
        found.push(format!("it answers {status}"));
    }
    found
}

impl Changes {
    fn of(self, target: &str, body: Bytes) -> Bytes {
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
            return body;
        };
        if let (Some(scopes), "/oauth/token") = (self.scopes, target) {
            answer = json!({
                "access_token": "a-token", "token_type": "bearer", "expires_in": 3_600,
                "scope": scopes,
            });
        }
        if self.one_page && answer.get("next_page_token").is_some() {
            answer["next_page_token"] = json!("");
            let asked = |status: &str| target.contains(&format!("status={status}"));
            if let Some(users) = answer["users"].as_array_mut() {
                if asked("inactive") || asked("pending") {
                    users.clear();
                }
                // What is made up repeats itself, as no list of users does.
                users.truncate(20);
                if users.len() > 1 {
                    for (number, user) in users.iter_mut().enumerate() {
                        user["id"] = json!(format!("user-{number}"));
                    }
                }
                answer["total_records"] = json!(users.len());
            }
            // The examples show one row of a list that is said to have more.
            for list in ["meetings", "webinars"] {
                if let Some(rows) = answer[list].as_array().map(Vec::len) {
                    answer["total_records"] = json!(rows);
                }
            }
        }
        answer.to_string().into()
    }
}

fn last(host: &Host, subflow: usize) -> Value {
    host.json(&["status", "zoom"])["subflows"][subflow]["last"].clone()
}

/// Waits until the download, and what follows it, is over.
fn until_over(host: &Host) {
    host.until(&["jobs", "list"], |jobs| {
        let rows = jobs["rows"].as_array().unwrap();
        let over =
            |job: &Value| !["pending", "in_progress"].contains(&job["state"].as_str().unwrap());
        !rows.is_empty() && rows.iter().all(over)
    });
}

fn assert_calm(host: &mut Host) {
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    let log = host.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!log.contains("cannot be understood"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_zooms_document_come_down_as_seats_and_activity() {
    let changes = Changes {
        scopes: Some(SCOPES),
        one_page: true,
    };
    let Some(mock) = Mock::start(&[], changes).await else {
        return;
    };
    let mut host = mock.host();
    host.start();
    until_over(&host);
    assert_eq!(last(&host, 0)["state"], "completed", "{}", host.log());
    assert_eq!(last(&host, 1)["state"], "completed", "{}", host.log());
    let validated = host.json(&["validate", "zoom"]);
    for verdict in validated["verdicts"].as_array().unwrap() {
        assert_eq!(verdict["ok"], true, "{verdict}");
    }
    let seats = host.json(&["subscriptions", "list"]);
    assert_eq!(seats["rows"][0]["email"], "jchill@example.com");
    mock.assert_called(&[
        "POST /oauth/token",
        "GET /users",
        "GET /users/KDcuGIm1QgePTO8WbOqwIQ/settings",
        "GET /report/users",
        "GET /report/history_meetings",
        "GET /accounts/me/plans/usage",
    ]);
    assert_calm(&mut host);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_without_an_end_are_told_and_nothing_of_them_counts() {
    let Some(mock) = Mock::start(&[], Changes::default()).await else {
        return;
    };
    let mut host = mock.host();
    host.start();
    until_over(&host);
    let download = last(&host, 0);
    assert_eq!(download["state"], "failed");
    let message = download["failure"]["message"].as_str().unwrap();
    assert!(message.contains("the walk is incomplete"), "{message}");
    let seats = host.json(&["subscriptions", "list"]);
    assert_eq!(seats["rows"], json!([]));
    mock.assert_called(&["POST /oauth/token", "GET /users"]);
    assert_calm(&mut host);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_reports_each_user_is_asked_for_as_the_document_says() {
    let changes = Changes {
        scopes: Some(SCOPES_WITHOUT_REPORTS),
        one_page: true,
    };
    let Some(mock) = Mock::start(&[], changes).await else {
        return;
    };
    let mut host = mock.host();
    host.start();
    until_over(&host);
    let activity = last(&host, 1);
    assert!(
        ["completed", "partially_completed"].contains(&activity["state"].as_str().unwrap()),
        "{activity}"
    );
    mock.assert_called(&[
        "GET /users/KDcuGIm1QgePTO8WbOqwIQ/meetings",
        "GET /users/KDcuGIm1QgePTO8WbOqwIQ/webinars",
    ]);
    assert_calm(&mut host);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_documents_schemas_allow_is_understood() {
    let changes = Changes {
        scopes: Some(SCOPES),
        one_page: true,
    };
    let Some(mock) = Mock::start(&["--dynamic", "--seed", "1"], changes).await else {
        return;
    };
    let mut host = mock.host();
    host.start();
    until_over(&host);
    assert_eq!(last(&host, 0)["state"], "completed", "{}", host.log());
    assert_eq!(last(&host, 1)["state"], "completed", "{}", host.log());
    mock.assert_called(&[
        "POST /oauth/token",
        "GET /users",
        "GET /report/users",
        "GET /report/history_meetings",
    ]);
    assert_calm(&mut host);
}
