//! A usage socket of this process over a store of its own, and what is said on it.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use seatsync::api::listen::{Access, Listener};
use seatsync::api::peer::Peer;
use seatsync::api::serve::{Limits, serve};
use seatsync::api::usage::{UsageApi, UsagePolicy};
use seatsync::clock::ManualClock;
use seatsync::metrics::Metrics;
use seatsync::settings::model::UsageSettings;
use seatsync::store::usage::{UsageFilter, UsageStore};
use seatsync::usage::Record;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const PATH: &str = "/api/now/sam_software_usage_integration/createOrUpdate";
pub(super) const CI1: &str = "eaa9604d3790200044e0bfc8bcbe5dc1";
pub(super) const CI2: &str = "0aa9e80d3790200044e0bfc8bcbe5da0";
pub(super) const P1: &str = "40209c060b3022002d6c650d37673a89";
pub(super) const PUB1: &str = "24dcccc20b3022002d6c650d37673ab3";
pub(super) const UNREADABLE: &str = "Exception while reading request";
pub(super) const JSON: &str = "Content-Type: application/json\r\nAccept: application/json\r\n";

pub(super) struct Usage {
    pub(super) path: PathBuf,
    pub(super) api: UsageApi,
    pub(super) store: UsageStore,
    pub(super) metrics: Metrics,
    pub(super) clock: ManualClock,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
    pub(super) folder: tempfile::TempDir,
}

/// How a socket is started that is not like the others.
pub(super) struct Setup {
    pub(super) settings: UsageSettings,
    pub(super) limits: Limits,
    pub(super) mode: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            settings: UsageSettings::default(),
            limits: Limits::default(),
            mode: 0o600,
        }
    }
}

impl Setup {
    pub(super) fn start(self) -> Usage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.sock");
        let access = Access {
            mode: self.mode,
            gid: None,
        };
        let listener = Listener::bind(&path, access).unwrap();
        self.start_on(listener, folder, path)
    }

    pub(super) fn start_on(
        self,
        listener: Listener,
        folder: tempfile::TempDir,
        path: PathBuf,
    ) -> Usage {
        let store = UsageStore::open(folder.path()).unwrap();
        let clock = ManualClock::at("2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let policy = UsagePolicy::resolve(&self.settings, &mut Vec::new()).unwrap();
        let metrics = Metrics::default();
        let api = UsageApi::new(
            store.clone(),
            policy,
            Arc::new(clock.clone()),
            metrics.clone(),
        );
        let stop = CancellationToken::new();
        let (serving, refusing) = (api.clone(), api.clone());
        let task = tokio::spawn(serve(
            listener,
            self.limits,
            Arc::new(clock.clone()),
            move |peer| serving.service(peer),
            move |fault| refusing.unserved(fault),
            stop.clone(),
        ));
        Usage {
            path,
            api,
            store,
            metrics,
            clock,
            stop,
            task,
            folder,
        }
    }
}

pub(super) fn start_with(settings: UsageSettings) -> Usage {
    Setup {
        settings,
        ..Setup::default()
    }
    .start()
}

pub(super) fn start() -> Usage {
    Setup::default().start()
}

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    /// The one answer in `text`.
    pub(super) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// Every answer in `text`, which tell their lengths.
    pub(super) fn parse_all(mut text: &str) -> Vec<Self> {
        let mut answers = Vec::new();
        while let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let mut answer = Self::parse(head);
            let length = answer.header("content-length").unwrap().parse().unwrap();
            let (body, after) = rest.split_at(length);
            body.clone_into(&mut answer.body);
            answers.push(answer);
            text = after;
        }
        assert_eq!(text, "");
        answers
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["result"]["reply"]["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The only item.
    pub(super) fn item(&self) -> Value {
        let items = self.items();
        assert_eq!(items.len(), 1, "{self:?}");
        items[0].clone()
    }

    pub(super) fn message(&self) -> String {
        self.json()["result"]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// (message, detail) of a failure in JSON, with all that comes with every answer.
    pub(super) fn failure(&self) -> (String, Value) {
        self.check_common_headers();
        assert_eq!(
            self.header("content-type"),
            Some("application/json;charset=utf-8"),
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["status"], "failure", "{self:?}");
        assert_eq!(body.as_object().unwrap().len(), 2, "{self:?}");
        let message = body["error"]["message"].as_str().unwrap().to_owned();
        (message, body["error"]["detail"].clone())
    }

    /// The detail of a failure with that status and message.
    pub(super) fn refused(&self, status: u16, message: &str) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let (told, detail) = self.failure();
        assert_eq!(told, message, "{self:?}");
        detail.as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn check_common_headers(&self) {
        let transaction = self.header("x-transaction-id").unwrap_or_default();
        let is_hex = transaction.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(transaction.len() == 12 && is_hex, "{self:?}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }
}

pub(super) fn statuses(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["status"].as_str().unwrap())
        .collect()
}

/// The head of a POST that is kept alive, without its last line.
pub(super) fn head(fields: &str) -> String {
    format!("POST {PATH} HTTP/1.1\r\nHost: x\r\n{fields}")
}

/// A whole POST that is kept alive.
pub(super) fn whole(body: &str) -> String {
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    format!("{}{body}", head(&length))
}

impl Usage {
    pub(super) async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    pub(super) async fn told(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may refuse and close before everything is sent.
        let _ = stream.write_all(request).await;
        rest(&mut stream).await
    }

    pub(super) async fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        Answer::parse(&self.told(request.as_ref()).await)
    }

    pub(super) async fn request(&self, line: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.raw([head.as_bytes(), body].concat()).await
    }

    /// A POST to the path with these header fields.
    pub(super) async fn with(&self, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request(&format!("POST {PATH}"), headers, body.as_ref())
            .await
    }

    pub(super) async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        self.with(JSON, body).await
    }

    pub(super) async fn push(&self, items: Value) -> Answer {
        self.post(json!({ "items": items }).to_string()).await
    }

    /// Pushes one item; what came back of it.
    pub(super) async fn push_one(&self, item: Value) -> Value {
        self.push(json!([item])).await.item()
    }

    pub(super) async fn records(&self) -> Vec<Record> {
        self.store
            .list(UsageFilter::default(), None, 1000)
            .await
            .unwrap()
    }

    /// As another peer, which this process cannot be on a real socket.
    pub(super) async fn as_peer(&self, peer: Peer, request: Request<Body>) -> Answer {
        let service = self.api.service(Arc::new(peer));
        let response = service.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let line = format!("HTTP/1.1 {}", parts.status);
        let fields = parts.headers.iter();
        let fields = fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        let head = [vec![line], fields.collect()].concat().join("\r\n");
        Answer::parse(&format!("{head}\r\n\r\n{}", String::from_utf8_lossy(&body)))
    }
}

/// Everything until the server closes.
pub(super) async fn rest(stream: &mut UnixStream) -> String {
    let mut told = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut told)).await;
    let _ = end.expect("the server neither answers nor closes");
    String::from_utf8(told).unwrap()
}

/// The next answer on a connection that goes on.
pub(super) async fn next_answer(stream: &mut UnixStream) -> Answer {
    let mut told = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await;
        let count = read.expect("no answer comes").unwrap();
        assert!(
            count > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&told)
        );
        told.extend_from_slice(&buffer[..count]);
        let text = std::str::from_utf8(&told).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = Answer::parse(head)
            .header("content-length")
            .unwrap()
            .parse();
        if length == Ok(body.len()) {
            return Answer::parse(text);
        }
    }
}

/// Bytes packed with gzip.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::bufread::GzEncoder::new(bytes, flate2::Compression::best())
        .read_to_end(&mut packed)
        .unwrap();
    packed
}

/// So many bytes that gzip cannot make smaller, behind a body that is one.
pub(super) fn incompressible(count: usize) -> Vec<u8> {
    let mut bytes = br#"{"items":[]}"#.to_vec();
    let mut state = 1_u32;
    while bytes.len() < count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes
}

/// The first example of the vendor's page.
pub(super) fn example() -> Value {
    json!({
        "configuration_item": CI1,
        "month_used": 2,
        "norm_product": P1,
        "norm_publisher": PUB1,
        "reclamation_type": "total_usage",
        "usage_count": 13,
        "total_usage_time": 13,
        "year": 2020,
    })
}

/// A body of one item.
pub(super) fn body_of(item: &Value) -> String {
    json!({ "items": [item] }).to_string()
}

pub(super) fn with(mut item: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        item[name] = value.clone();
    }
    item
}

pub(super) fn without(mut item: Value, names: &[&str]) -> Value {
    for name in names {
        item.as_object_mut().unwrap().remove(*name);
    }
    item
}

pub(super) fn last_used(time: &str) -> Value {
    json!({
        "configuration_item": CI1,
        "norm_product": P1,
        "reclamation_type": "last_used_date",
        "last_used_time": time,
    })
}
