//! Requests over a real socket, and answers as they come: status, fields, and a body in the form
//! that the document describes, whatever it is written in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::Event;
use seatsync::api::listen::{Access, Listener};
use seatsync::api::peer::Peer;
use seatsync::api::serve::{Limits, serve};
use seatsync::api::usage::{UsageApi, UsagePolicy};
use seatsync::clock::ManualClock;
use seatsync::metrics::Metrics;
use seatsync::settings::model::UsageSettings;
use seatsync::store::usage::UsageStore;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

pub(super) const PATH: &str = "/api/now/sam_software_usage_integration/createOrUpdate";
const PATIENCE: Duration = Duration::from_secs(30);

/// A usage socket of this process over a store of its own.
pub(super) struct Server {
    pub(super) path: PathBuf,
    pub(super) clock: ManualClock,
    pub(super) folder: tempfile::TempDir,
}

impl Server {
    /// Serves everybody as if `peer` had connected, or as who they are.
    pub(super) fn start(settings: &UsageSettings, limits: Limits, peer: Option<Peer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.sock");
        let store = UsageStore::open(folder.path()).unwrap();
        let clock = ManualClock::at("2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let policy = UsagePolicy::resolve(settings, &mut Vec::new()).unwrap();
        let shared = Arc::new(clock.clone());
        let api = UsageApi::new(store, policy, shared.clone(), Metrics::default());
        let access = Access {
            mode: 0o600,
            gid: None,
        };
        let listener = Listener::bind(&path, access).unwrap();
        let peer = peer.map(Arc::new);
        let refusing = api.clone();
        tokio::spawn(serve(
            listener,
            limits,
            shared,
            move |connected| api.service(peer.clone().unwrap_or(connected)),
            move |fault| refusing.unserved(fault),
            CancellationToken::new(),
        ));
        Self {
            path,
            clock,
            folder,
        }
    }

    pub(super) fn new() -> Self {
        Self::start(&UsageSettings::default(), Limits::default(), None)
    }

    pub(super) async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    pub(super) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The server may refuse and close before everything is sent.
        let _ = stream.write_all(request).await;
        self.answer(stream, SignedDuration::ZERO).await
    }

    /// The last answer on a connection, the clock moved by `step` as long as there is none.
    pub(super) async fn answer(&self, mut stream: UnixStream, step: SignedDuration) -> Answer {
        let mut told = Vec::new();
        let read = async {
            // Cut connections end with an error; what was told before counts.
            let _ = stream.read_to_end(&mut told).await;
        };
        tokio::pin!(read);
        let waited = async {
            while tokio::time::timeout(Duration::from_millis(20), &mut read)
                .await
                .is_err()
            {
                self.clock.advance(step);
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waited).await;
        waited.expect("the server neither answers nor closes");
        Answer::parse(&told)
    }

    /// One request with a body and its length.
    pub(super) async fn send(&self, line: &str, fields: &str, body: &[u8]) -> Answer {
        self.raw(&request(line, fields, body)).await
    }
}

/// A request that ends its connection.
pub(super) fn request(line: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    fields: Vec<(String, String)>,
    pub(super) text: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, text) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default();
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {head:?}")),
            fields: fields.collect(),
            text: text.to_owned(),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let mut fields = self.fields.iter();
        fields.find_map(|(known, value)| (*known == name).then_some(value.as_str()))
    }

    /// The names of its fields, in lower case.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Its media type, without parameters.
    pub(super) fn media_type(&self) -> &str {
        let value = self.field("content-type").unwrap_or_default();
        assert!(value.ends_with(";charset=UTF-8"), "{self:?}");
        value.split(';').next().unwrap()
    }

    /// Its body in the form that the document describes.
    pub(super) fn body(&self) -> Value {
        match self.media_type() {
            "application/json" => serde_json::from_str(&self.text).unwrap(),
            "application/xml" => from_xml(&self.text),
            other => panic!("{other}: {self:?}"),
        }
    }
}

/// XML in the platform's shape as the value that it stands for: no root, repeated elements as
/// arrays, everything else as text.
pub(super) fn from_xml(text: &str) -> Value {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(root) => {
                assert_eq!(root.name().as_ref(), "response", "{text}");
                return element("response", &mut reader);
            }
            Event::Decl(_) => {}
            other => panic!("{other:?} before the root: {text}"),
        }
    }
}

/// Elements that are arrays however often they occur.
const ARRAYS: [&str; 2] = ["items", "errors"];

fn element(name: &str, reader: &mut Reader<&[u8]>) -> Value {
    let mut text = String::new();
    let mut members = Map::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let child = start.name().as_ref().to_owned();
                let value = element(&child, reader);
                if ARRAYS.contains(&child.as_str()) {
                    let array = members
                        .entry(child)
                        .or_insert_with(|| Value::from([0; 0].to_vec()));
                    array.as_array_mut().unwrap().push(value);
                } else {
                    let before = members.insert(child, value);
                    assert!(before.is_none(), "twice in `{name}`");
                }
            }
            Event::Text(part) => text.push_str(&unescape(&part.xml10_content()).unwrap()),
            Event::GeneralRef(reference) => {
                let known = resolve_predefined_entity(&reference);
                let character = reference.resolve_char_ref().unwrap();
                text.push_str(&known.map_or_else(|| character.unwrap().to_string(), str::to_owned));
            }
            Event::End(_) => break,
            other => panic!("{other:?} in `{name}`"),
        }
    }
    match (members.is_empty(), name) {
        // What has nothing in it is a text here, but for the list of items.
        (true, "reply") => serde_json::json!({ "items": [] }),
        (true, _) => Value::String(text),
        (false, _) => Value::Object(members),
    }
}
