//! Agents: connections that push bodies one after another over a unix socket and wait for each
//! answer. The least that is still HTTP, so that it takes little of the machine.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use seatsync::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::records::body;
use crate::{Result, since};

/// One push: when it was sent, and after how many seconds it was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Push {
    pub(crate) sent: Timestamp,
    pub(crate) seconds: f64,
}

/// What a load came to.
#[derive(Debug)]
pub(crate) struct Load {
    /// From the first byte sent to the last answer.
    pub(crate) seconds: f64,
    pub(crate) pushes: Vec<Push>,
}

/// What is pushed over `connections` connections: `bodies` of `items` items, from number `first`
/// on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) connections: u64,
    pub(crate) first: u64,
    pub(crate) bodies: u64,
    pub(crate) items: u64,
}

/// Bodies that every connection pushes before it is measured: the first find cold statements.
const WARM_UP: u64 = 2;

/// Pushes them; `warm` is called when every connection is warm.
pub(crate) fn push(socket: &Path, work: Work, warm: impl FnOnce() -> Result<()>) -> Result<Load> {
    let Work {
        connections,
        first,
        bodies,
        items,
    } = work;
    let prepare = |first: u64, bodies: u64| -> Arc<Vec<Vec<u8>>> {
        let numbers = first..first + bodies;
        Arc::new(
            numbers
                .map(|number| request(&body(number, items)))
                .collect(),
        )
    };
    let warming = connections * WARM_UP;
    let (cold, requests) = (prepare(first - warming, warming), prepare(first, bodies));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let mut streams = Vec::new();
        for at in 0..usize::try_from(connections)? {
            streams.push(warm_up(socket, &cold, at, usize::try_from(connections)?).await?);
        }
        warm()?;
        let start = SystemClock.now();
        let (_, pushes) = all(streams, &requests).await?;
        Ok(Load {
            seconds: since(start),
            pushes,
        })
    })
}

/// A connection that has pushed its share of `cold`. A server that has not yet seen the end of an
/// older connection may say that there are too many.
async fn warm_up(
    socket: &Path,
    cold: &Arc<Vec<Vec<u8>>>,
    at: usize,
    step: usize,
) -> Result<UnixStream> {
    let mut tries = 0;
    loop {
        let stream = UnixStream::connect(socket).await?;
        match agent(stream, Arc::clone(cold), at, step).await {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if tries == 20 => return Err(error),
            Err(_) => tries += 1,
        }
    }
}

/// Pushes `requests` over all `streams` at once.
async fn all(
    streams: Vec<UnixStream>,
    requests: &Arc<Vec<Vec<u8>>>,
) -> Result<(Vec<UnixStream>, Vec<Push>)> {
    let step = streams.len();
    let agents: Vec<_> = streams
        .into_iter()
        .enumerate()
        .map(|(at, stream)| tokio::task::spawn_local(agent(stream, Arc::clone(requests), at, step)))
        .collect();
    let (mut streams, mut pushes) = (Vec::new(), Vec::new());
    for agent in agents {
        let (stream, pushed) = agent.await??;
        streams.push(stream);
        pushes.extend(pushed);
    }
    Ok((streams, pushes))
}

fn request(body: &str) -> Vec<u8> {
    format!(
        "POST /api/now/sam_software_usage_integration/createOrUpdate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn agent(
    mut stream: UnixStream,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    step: usize,
) -> Result<(UnixStream, Vec<Push>)> {
    let mut pushes = Vec::new();
    let mut buffer = Vec::with_capacity(16 << 10);
    for request in requests.iter().skip(first).step_by(step) {
        let sent = SystemClock.now();
        stream.write_all(request).await?;
        buffer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| buffer.len() < whole) {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err("the server closed a connection".into());
            }
            if whole.is_none() {
                whole = length(&buffer)?;
            }
        }
        if !buffer.ends_with(br#""message":"Ok"}}"#) {
            return Err(String::from_utf8_lossy(&buffer).into());
        }
        pushes.push(Push {
            sent,
            seconds: since(sent),
        });
    }
    Ok((stream, pushes))
}

/// The length of an answer, once its head is there.
fn length(answer: &[u8]) -> Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
    if !head.starts_with("http/1.1 200 ") {
        return Err(String::from_utf8_lossy(answer).into());
    }
    let declared = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .ok_or("an answer tells no length")?;
    Ok(Some(end + 4 + declared.trim().parse::<usize>()?))
}
