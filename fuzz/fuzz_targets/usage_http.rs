//! Any bytes on the usage socket, over the real server: whatever comes is answered in the socket's form and closed.
//! A second request behind them must not be answered in their place.
#![no_main]

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use seatsync::api::listen::{Access, Listener};
use seatsync::api::serve::{Limits, serve};
use seatsync::api::usage::{UsageApi, UsagePolicy};
use seatsync::clock::ManualClock;
use seatsync::metrics::Metrics;
use seatsync::store::usage::UsageStore;
use seatsync::usage::{BodyError, xml};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Ends every connection that is still alive behind the input.
const LAST: &[u8] = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A server of this process.
struct Server {
    runtime: Runtime,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn start() -> Server {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let path = folder.path().join("usage.sock");
    runtime.block_on(async {
        // The clock stands still: nothing is answered for its silence alone.
        let clock = ManualClock::at("2027-01-01T00:00:00Z".parse().expect("a time"));
        let store = UsageStore::open(folder.path()).expect("a store");
        let api = UsageApi::new(
            store,
            UsagePolicy::default(),
            Arc::new(clock.clone()),
            Metrics::default(),
        );
        let access = Access {
            mode: 0o600,
            gid: None,
        };
        let listener = Listener::bind(&path, access).expect("a socket");
        let refusing = api.clone();
        tokio::spawn(serve(
            listener,
            Limits::default(),
            Arc::new(clock),
            move |peer| api.service(peer),
            move |fault| refusing.unserved(fault),
            CancellationToken::new(),
        ));
    });
    Server {
        runtime,
        path,
        _folder: folder,
    }
}

/// Everything that the server says to `input`.
async fn told(path: &PathBuf, input: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(path).await.expect("a connection");
    let _ = stream.write_all(&[input, LAST].concat()).await;
    let _ = stream.shutdown().await;
    let mut told = Vec::new();
    let _ = stream.read_to_end(&mut told).await;
    told
}

/// Takes one answer off; what follows it.
fn check_answer(told: &[u8]) -> &[u8] {
    let end = told
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a whole head");
    let head = std::str::from_utf8(&told[..end]).expect("a head of text");
    let rest = &told[end + 4..];
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .or(head.strip_prefix("HTTP/1.0 "))
        .unwrap_or_else(|| panic!("no status line: {head}"));
    if status == "100 Continue" {
        return rest;
    }
    assert!(head.contains("\r\nx-transaction-id: "), "not ours: {head}");
    assert!(
        !status.starts_with('5') || status.starts_with("501"),
        "{head}"
    );
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    // Only HEAD is answered with a length and nothing of that length, and it is refused.
    let length: usize = field("content-length: ")
        .and_then(|length| length.parse().ok())
        .expect("a length");
    let is_head = status.starts_with('4') && (rest.is_empty() || rest.starts_with(b"HTTP/"));
    let (body, rest) = rest.split_at(if is_head { 0 } else { length });
    if field("content-type: application/xml").is_some()
        && let Err(BodyError::Syntax { reason, .. }) = xml::to_json(body)
    {
        assert!(reason.starts_with("nested deeper"), "{reason}");
    }
    rest
}

fuzz_target!(|input: &[u8]| {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(start);
    let told = server.runtime.block_on(told(&server.path, input));
    let mut rest = &told[..];
    while !rest.is_empty() {
        rest = check_answer(rest);
    }
});
