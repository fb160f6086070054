//! HTTP as the simulated vendors need it: plain requests in, plain replies out, and a wire that
//! can misbehave on purpose (slow, cut, reset, hung). Each vendor implements [`Answer`].

use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The largest request body read; vendors' own limits are far below.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Time for the first part of a cut body to leave.
const FLUSH: Duration = Duration::from_millis(20);

/// A request, read whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// The method, in capitals.
    pub(crate) method: String,
    /// The path as sent, still percent-encoded.
    pub(crate) path: String,
    /// The query as sent.
    pub(crate) raw_query: String,
    /// The query, decoded, in the order sent.
    pub(crate) query: Vec<(String, String)>,
    /// Header names in lower case with their values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body as sent.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The first value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// The first value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

/// The first value under `name` in a list of pairs.
pub(crate) fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// What the wire does with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Wire {
    /// Sends it.
    #[default]
    Whole,
    /// Sends it in pieces of `piece` bytes with a pause before each.
    Slow { piece: usize, pause: Duration },
    /// Announces the whole length, sends this many bytes and drops the connection.
    CutAfter(usize),
    /// Never answers.
    Hang,
    /// Drops the connection without a byte.
    Reset,
}

/// A reply, whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) wire: Wire,
}

impl Reply {
    /// A reply with a JSON body.
    pub(crate) fn json(status: u16, body: &impl serde::Serialize) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".to_owned())],
            body: serde_json::to_vec(body).unwrap_or_default(),
            wire: Wire::Whole,
        }
    }

    /// A reply without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// A reply with a body of another kind.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.to_owned())],
            body: body.into(),
            wire: Wire::Whole,
        }
    }

    /// Adds a header, replacing one of the same name.
    pub(crate) fn set_header(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) {
        let name = name.into();
        self.headers.retain(|(key, _)| *key != name);
        self.headers.push((name, value.into()));
    }
}

/// A simulated vendor.
pub(crate) trait Answer: Send + Sync + 'static {
    /// What was learnt on arrival and is needed for the answer.
    type Ticket: Send;

    /// Sees the request come in; the answer is worked out only after the returned time.
    fn arrive(&self, request: &Request) -> (Duration, Self::Ticket);

    /// Works out the answer and takes effect.
    fn answer(&self, request: &Request, ticket: Self::Ticket) -> Reply;
}

/// A running server; dropping it closes the listener and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on `address` and answers with `vendor`.
    pub(crate) async fn start<V: Answer>(address: SocketAddr, vendor: Arc<V>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, vendor));
        Ok(Self { address, accepting })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs until the listener fails.
    pub(crate) async fn ended(&mut self) {
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<V: Answer>(listener: TcpListener, vendor: Arc<V>) {
    // Owned here, so that aborting this task aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Small answers must not wait for the peer's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                let vendor = vendor.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| respond(request, vendor.clone()));
                    let served = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                    // A peer that went away, or a fault that dropped it: nothing to do.
                    drop(served);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn respond<V: Answer>(
    request: hyper::Request<Incoming>,
    vendor: Arc<V>,
) -> io::Result<hyper::Response<WireBody>> {
    let request = read(request).await?;
    let (rest, ticket) = vendor.arrive(&request);
    if !rest.is_zero() {
        wait(rest).await;
    }
    let reply = vendor.answer(&request, ticket);
    match reply.wire {
        Wire::Hang => std::future::pending::<()>().await,
        Wire::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
        Wire::Whole | Wire::Slow { .. } | Wire::CutAfter(_) => {}
    }
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name.as_ref(), value);
    }
    response
        .body(WireBody::new(reply.body.into(), reply.wire))
        .map_err(io::Error::other)
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes()
        .to_vec();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        raw_query: head.uri.query().unwrap_or_default().to_owned(),
        query: parse_form(head.uri.query().unwrap_or_default()),
        headers,
        body,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a slow network is slow in real time; the vendor's clock has no part in it"
)]
fn wait(time: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(time)
}

/// A body that knows how its wire misbehaves.
struct WireBody {
    rest: Bytes,
    length: u64,
    wire: Wire,
    sent: usize,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl WireBody {
    fn new(body: Bytes, wire: Wire) -> Self {
        Self {
            length: body.len() as u64,
            rest: body,
            wire,
            sent: 0,
            pause: None,
        }
    }

    fn take(&mut self, at_most: usize) -> Bytes {
        let piece = self.rest.split_to(at_most.min(self.rest.len()));
        self.sent += piece.len();
        piece
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = match self.wire {
            Wire::Whole | Wire::Hang | Wire::Reset => self.take(usize::MAX),
            Wire::CutAfter(bytes) => {
                let left = bytes.saturating_sub(self.sent);
                if left == 0 {
                    // What was sent must leave before the connection goes.
                    let sleep = self.pause.get_or_insert_with(|| Box::pin(wait(FLUSH)));
                    std::task::ready!(sleep.as_mut().poll(cx));
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
                self.take(left)
            }
            Wire::Slow { piece, pause } => {
                let sleep = self.pause.get_or_insert_with(|| Box::pin(wait(pause)));
                std::task::ready!(sleep.as_mut().poll(cx));
                self.pause = None;
                self.take(piece.max(1))
            }
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.sent as u64)
    }
}

/// Decodes `a=1&b=x%20y`, the encoding of queries and of form bodies.
pub(crate) fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key, true), decode(value, true))
        })
        .collect()
}

/// Decodes percent-escapes, and `+` as a space where a form says so.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).and_then(hex_pair);
        at += 1;
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                decoded.push(escaped);
                at += 2;
            }
            (b'+', _) if plus_is_space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let cases = [
            ("", vec![]),
            ("a=1&b=x%20y+z", vec![("a", "1"), ("b", "x y z")]),
            ("flag&empty=", vec![("flag", ""), ("empty", "")]),
            ("bad=%zz%4", vec![("bad", "%zz%4")]),
            ("name=%C3%BC", vec![("name", "ü")]),
        ];
        for (text, expected) in cases {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(parse_form(text), expected, "{text}");
        }
        assert_eq!(decode("a+b%2Bc", false), "a+b+c");
    }
}
