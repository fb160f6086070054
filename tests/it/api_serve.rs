//! Accepting on a unix socket: limits, silence, stopping. Raw bytes in, raw bytes out.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use seatsync::api::listen::{Access, Listener};
use seatsync::api::peer::Peer;
use seatsync::api::serve::{Limits, serve};
use seatsync::clock::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    path: PathBuf,
    clock: ManualClock,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Lets requests to `/wait` go on.
    gate: Arc<Notify>,
    _folder: tempfile::TempDir,
}

/// A server that answers with its peer's uid and the length of the body.
fn start(limits: Limits) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    let access = Access {
        mode: 0o600,
        gid: None,
    };
    let listener = Listener::bind(&path, access).unwrap();
    let clock = ManualClock::at("2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let stop = CancellationToken::new();
    let gate = Arc::new(Notify::new());
    let make = {
        let gate = Arc::clone(&gate);
        move |peer: Arc<Peer>| {
            let gate = Arc::clone(&gate);
            tower::service_fn(move |request| answer(request, Arc::clone(&peer), Arc::clone(&gate)))
        }
    };
    let task = tokio::spawn(serve(
        listener,
        limits,
        Arc::new(clock.clone()),
        make,
        seatsync::api::control::unserved,
        stop.clone(),
    ));
    Server {
        path,
        clock,
        stop,
        task,
        gate,
        _folder: folder,
    }
}

async fn answer(
    request: Request<Body>,
    peer: Arc<Peer>,
    gate: Arc<Notify>,
) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == "/refuse" {
        return Ok(Response::new(Body::from("no")));
    }
    if request.uri().path() == "/large" {
        return Ok(Response::new(Body::from(Bytes::from(vec![b'x'; 8 << 20]))));
    }
    if request.uri().path() == "/wait" {
        gate.notified().await;
    }
    let length = match request.into_body().collect().await {
        Ok(body) => body.to_bytes().len(),
        Err(_) => 0,
    };
    Ok(Response::new(Body::from(format!(
        "uid {} sent {length}",
        peer.uid
    ))))
}

impl Server {
    async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }

    /// Moves the clock second by second until the server has closed the connection.
    async fn silence(&self, stream: &mut UnixStream) -> (String, SignedDuration) {
        let mut told = Vec::new();
        let mut waited = SignedDuration::ZERO;
        loop {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer);
            match tokio::time::timeout(Duration::from_millis(20), read).await {
                Ok(Ok(0) | Err(_)) => return (String::from_utf8(told).unwrap(), waited),
                Ok(Ok(count)) => told.extend_from_slice(&buffer[..count]),
                Err(_) => {
                    self.clock.advance(SignedDuration::from_secs(1));
                    waited += SignedDuration::from_secs(1);
                    assert!(waited < SignedDuration::from_mins(10), "never closed");
                }
            }
        }
    }
}

async fn send(stream: &mut UnixStream, bytes: &str) {
    stream.write_all(bytes.as_bytes()).await.unwrap();
}

/// Everything until the server closes.
async fn rest(stream: &mut UnixStream) -> String {
    let mut told = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut told)).await;
    let _ = end.expect("the server does not close");
    String::from_utf8(told).unwrap()
}

/// Everything until `needle` has come.
async fn until(stream: &mut UnixStream, needle: &str) -> String {
    let mut told = String::new();
    while !told.contains(needle) {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await;
        let count = read
            .unwrap_or_else(|_| panic!("`{needle}` does not come, only `{told}`"))
            .unwrap();
        assert!(count > 0, "closed after `{told}`");
        told.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    told
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    let uid = rustix::process::geteuid().as_raw();
    send(
        &mut stream,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
    )
    .await;
    let told = until(&mut stream, "sent 5").await;
    let first = told.find(&format!("uid {uid} sent 3")).unwrap();
    assert!(first < told.find("sent 5").unwrap(), "{told}");
    send(&mut stream, GET).await;
    until(&mut stream, "sent 0").await;
}

#[tokio::test]
async fn what_is_not_acceptable_http_is_refused_and_closed() {
    let server = start(Limits::default());
    let many = "h: v\r\n".repeat(101);
    let table = [
        ("\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
            "HTTP/1.1 431",
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: x\r\nh: {}\r\n\r\n",
                "v".repeat(17 << 10)
            ),
            "HTTP/1.1 431",
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "v".repeat(9 << 10)),
            "HTTP/1.1 414",
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"
                .to_owned(),
            "HTTP/1.1 400",
        ),
    ];
    for (request, expected) in table {
        let mut stream = server.connect().await;
        send(&mut stream, &request).await;
        let told = rest(&mut stream).await;
        assert!(told.starts_with(expected), "{request:?}: {told}");
    }
}

#[tokio::test]
async fn http_1_0_is_served_and_closed() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    send(&mut stream, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(rest(&mut stream).await.contains("sent 0"));
}

#[tokio::test]
async fn one_user_takes_no_more_than_its_share() {
    let limits = Limits {
        per_uid: 2,
        ..Limits::default()
    };
    let server = start(limits);
    let mut first = server.connect().await;
    send(&mut first, GET).await;
    until(&mut first, "sent 0").await;
    let mut second = server.connect().await;
    send(&mut second, GET).await;
    until(&mut second, "sent 0").await;
    let mut third = server.connect().await;
    let told = rest(&mut third).await;
    assert!(told.starts_with("HTTP/1.1 503"), "{told}");
    assert!(told.contains("retry-after: 1"), "{told}");
    drop(first);
    // The place is free as soon as the server has seen the end of the first.
    for _ in 0..1000 {
        let mut again = server.connect().await;
        let _ = again.write_all(GET.as_bytes()).await;
        let mut told = [0; 12];
        again.read_exact(&mut told).await.unwrap();
        if &told == b"HTTP/1.1 200" {
            return;
        }
    }
    panic!("the place of a closed connection stays taken");
}

#[tokio::test]
async fn a_client_that_dawdles_over_its_head_is_told_and_closed() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    send(&mut stream, "POST / HTTP/1.1\r\nHost:").await;
    let (told, waited) = server.silence(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    assert!(waited >= SignedDuration::from_secs(9), "{waited}");
    assert!(waited <= SignedDuration::from_secs(15), "{waited}");
}

#[tokio::test]
async fn a_client_that_rests_is_closed_later_and_in_silence() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    send(&mut stream, GET).await;
    until(&mut stream, "sent 0").await;
    let (told, waited) = server.silence(&mut stream).await;
    assert_eq!(told, "");
    assert!(waited >= SignedDuration::from_secs(59), "{waited}");
    assert!(waited <= SignedDuration::from_secs(65), "{waited}");
}

#[tokio::test]
async fn a_request_in_hand_has_all_the_time_it_needs() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    send(&mut stream, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
        server.clock.advance(SignedDuration::from_mins(1));
    }
    server.gate.notify_one();
    until(&mut stream, "sent 0").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    send(&mut stream, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    stream.readable().await.unwrap();
    for _ in 0..1000 {
        server.clock.advance(SignedDuration::from_secs(1));
        if server.task.is_finished() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let mut told = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut told))
        .await
        .expect("the server does not close");
    assert!(told.len() < 8 << 20, "everything came");
}

#[tokio::test]
async fn a_client_that_still_sends_reads_its_refusal_first() {
    let server = start(Limits::default());
    let mut stream = server.connect().await;
    let length = 4 << 20;
    send(
        &mut stream,
        &format!("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"),
    )
    .await;
    stream.write_all(&vec![b'x'; length]).await.unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
}

#[tokio::test]
async fn stopping_finishes_the_request_in_hand_and_removes_the_socket() {
    let server = start(Limits::default());
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut idle = server.connect().await;
    send(&mut idle, GET).await;
    until(&mut idle, "sent 0").await;
    server.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(!server.task.is_finished());
    server.gate.notify_one();
    assert!(rest(&mut busy).await.contains("sent 0"));
    server.task.await.unwrap();
    assert!(!server.path.exists());
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let server = start(Limits::default());
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut other = server.connect().await;
    send(&mut other, GET).await;
    until(&mut other, "sent 0").await;
    server.stop.cancel();
    rest(&mut other).await;
    let mut task = server.task;
    for _ in 0..1000 {
        server.clock.advance(SignedDuration::from_secs(1));
        if tokio::time::timeout(Duration::from_millis(10), &mut task)
            .await
            .is_ok()
        {
            assert_eq!(rest(&mut busy).await, "");
            return;
        }
    }
    panic!("the server does not stop");
}

#[tokio::test]
async fn who_connected_just_before_the_stop_is_heard_and_who_says_nothing_is_not_waited_for() {
    let server = start(Limits::default());
    let mut early = server.connect().await;
    let mut silent = server.connect().await;
    let mut last = server.connect().await;
    send(&mut last, GET).await;
    // Connections are accepted in their order.
    until(&mut last, "sent 0").await;
    server.stop.cancel();
    assert_eq!(rest(&mut last).await, "");
    send(&mut early, GET).await;
    let told = rest(&mut early).await;
    assert!(told.contains("sent 0"), "{told}");
    server.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(rest(&mut silent).await, "");
    server.task.await.unwrap();
}
