//! A receiver of traces: OTLP over HTTP, as its specification has it
//! (<https://opentelemetry.io/docs/specs/otlp/>), on this machine. It reads protobuf by itself, so that what is
//! sent is held against the specification's numbers and not against the types that it was written with.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Takes,
    /// Answers 401.
    Refuses,
    /// Never answers.
    Hangs,
}

/// One that runs until the test ends.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Mutex<Manner>,
    got: Mutex<Vec<(HeaderMap, Bytes)>>,
}

impl Receiver {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            got: Mutex::default(),
        });
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(super) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn becomes(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// Headers and body of each request.
    pub(super) fn got(&self) -> Vec<(HeaderMap, Bytes)> {
        self.shared.got.lock().unwrap().clone()
    }

    /// Every span that was sent.
    pub(super) fn spans(&self) -> Vec<Span> {
        let got = self.got();
        got.iter().flat_map(|(_, body)| spans(body)).collect()
    }

    /// The attributes of what sent the first request.
    pub(super) fn resource(&self) -> BTreeMap<String, String> {
        let (_, body) = &self.got()[0];
        let resource_spans = fields(body).bytes(1)[0];
        attributes(&fields(fields(resource_spans).bytes(1)[0]), 1)
    }
}

async fn take(State(shared): State<Arc<Shared>>, head: HeaderMap, body: Bytes) -> StatusCode {
    let manner = *shared.manner.lock().unwrap();
    shared.got.lock().unwrap().push((head, body));
    match manner {
        Manner::Takes => StatusCode::OK,
        Manner::Refuses => StatusCode::UNAUTHORIZED,
        Manner::Hangs => pending().await,
    }
}

/// A span as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) trace: Vec<u8>,
    pub(super) id: Vec<u8>,
    /// Empty at a root.
    pub(super) parent: Vec<u8>,
    pub(super) name: String,
    /// 1 internal, 2 server, 3 client.
    pub(super) kind: u64,
    /// Nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) events: usize,
    pub(super) failed: bool,
}

impl Span {
    /// The attribute's value; empty where there is none.
    pub(super) fn told(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }
}

/// The spans of one `ExportTraceServiceRequest`.
fn spans(body: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for resource_spans in fields(body).bytes(1) {
        for scope_spans in fields(resource_spans).bytes(2) {
            for span in fields(scope_spans).bytes(2) {
                found.push(span_of(&fields(span)));
            }
        }
    }
    found
}

fn span_of(span: &Fields<'_>) -> Span {
    let first = |number| span.bytes(number).first().copied().unwrap_or_default();
    Span {
        trace: first(1).to_vec(),
        id: first(2).to_vec(),
        parent: first(4).to_vec(),
        name: text(first(5)),
        kind: span.number(6),
        start: span.number(7),
        end: span.number(8),
        attributes: attributes(span, 9),
        events: span.bytes(11).len(),
        failed: fields(first(15)).number(3) == 2,
    }
}

/// The `KeyValue`s in field `number`.
fn attributes(of: &Fields<'_>, number: u64) -> BTreeMap<String, String> {
    let pair = |pair: &&[u8]| {
        let pair = fields(pair);
        let value = fields(pair.bytes(2)[0]);
        let value = match value.bytes(1).first() {
            Some(bytes) => text(bytes),
            None => value.number(3).to_string(),
        };
        (text(pair.bytes(1)[0]), value)
    };
    of.bytes(number).iter().map(pair).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The fields of a protobuf message, by number.
struct Fields<'a> {
    numbers: Vec<(u64, u64)>,
    bytes: Vec<(u64, &'a [u8])>,
}

impl<'a> Fields<'a> {
    /// Each value of a repeated field of bytes, texts or messages.
    fn bytes(&self, number: u64) -> Vec<&'a [u8]> {
        let of_number = self.bytes.iter().filter(|(of, _)| *of == number);
        of_number.map(|(_, bytes)| *bytes).collect()
    }

    /// The value of a number; 0 where it is absent, as protobuf has it.
    fn number(&self, number: u64) -> u64 {
        let of_number = self.numbers.iter().find(|(of, _)| *of == number);
        of_number.map_or(0, |(_, value)| *value)
    }
}

fn fields(mut message: &[u8]) -> Fields<'_> {
    let mut found = Fields {
        numbers: Vec::new(),
        bytes: Vec::new(),
    };
    while !message.is_empty() {
        let tag = varint(&mut message);
        let number = tag >> 3;
        match tag & 7 {
            0 => found.numbers.push((number, varint(&mut message))),
            1 => {
                let value = take_bytes(&mut message, 8).try_into().unwrap();
                found.numbers.push((number, u64::from_le_bytes(value)));
            }
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                found.bytes.push((number, take_bytes(&mut message, length)));
            }
            5 => {
                let value = take_bytes(&mut message, 4).try_into().unwrap();
                let value = u64::from(u32::from_le_bytes(value));
                found.numbers.push((number, value));
            }
            other => panic!("no such wire type: {other}"),
        }
    }
    found
}

fn take_bytes<'a>(message: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = message.split_at(count);
    *message = rest;
    taken
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_bytes(message, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
