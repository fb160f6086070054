//! One connection: hyper on a stream whose silence is timed. Used by [`super::serve`].
//!
//! hyper's own header timeout also runs while a kept-alive connection rests, so it cannot tell a
//! client that rests from one that dawdles. Here the stream notes what moves, and the clock is
//! asked when nothing does.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::head;
use super::serve::Limits;
use crate::clock::Clock;

/// Serves requests on `stream` until either side has had enough, a limit is reached, or `stop`
/// ends it after the request in hand.
pub(super) async fn attend<S>(
    stream: UnixStream,
    service: S,
    limits: &Limits,
    clock: &dyn Clock,
    stop: &CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let activity = Arc::new(Activity::default());
    let io = TokioIo::new(Watched {
        stream,
        activity: Arc::clone(&activity),
    });
    let service = Attended {
        service,
        activity: Arc::clone(&activity),
    };
    let mut connection = http1::Builder::new()
        .max_headers(head::MAX_HEADERS)
        .max_header_size(head::MAX_LINE + head::MAX_BYTES)
        .serve_connection(io, service);
    let mut watchdog = Watchdog::new(clock, limits);
    let mut stopped = Box::pin(stop.cancelled());
    let mut stopping = false;
    let end = poll_fn(|cx| {
        if !stopping && stopped.as_mut().poll(cx).is_ready() {
            stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(End::Done(result));
        }
        watchdog.poll(cx, &activity).map(End::Silence)
    })
    .await;
    let mut stream = connection.into_parts().io.into_inner().stream;
    match end {
        End::Done(result) => {
            if let Err(error) = result {
                tracing::debug!(%error, "connection ended early");
            }
        }
        End::Silence(Phase::Head) => {
            let _ = stream.write_all(head::TIMED_OUT).await;
        }
        End::Silence(phase) => {
            tracing::debug!(?phase, "closing a silent connection");
            return;
        }
    }
    if !stop.is_cancelled() {
        see_off(stream, clock).await;
    }
}

/// How long and how much a client that still sends is listened to after its answer.
const FAREWELL: SignedDuration = SignedDuration::from_secs(2);
const FAREWELL_BYTES: u64 = 64 << 20;

/// Ends our side and swallows what the client still sends: closing at once would break its
/// sending before it has read why we refused.
pub(super) async fn see_off(mut stream: UnixStream, clock: &dyn Clock) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = stream.take(FAREWELL_BYTES);
    let swallowed = async {
        let mut buffer = [0; 4096];
        while rest.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        () = swallowed => {}
        () = crate::clock::sleep(clock, FAREWELL) => {}
    }
}

enum End {
    Done(hyper::Result<()>),
    Silence(Phase),
}

/// What moves on a connection; written by its stream and its requests, read by its watchdog.
#[derive(Debug, Default)]
struct Activity {
    /// A request line has begun that is not yet a request.
    head_begun: AtomicBool,
    /// The client does not take what we send.
    write_blocked: AtomicBool,
    /// Requests whose answer is not yet handed over.
    serving: AtomicU32,
    /// Counts everything that is a reason to start waiting anew.
    steps: AtomicU32,
}

impl Activity {
    fn phase(&self) -> Phase {
        if self.write_blocked.load(Ordering::Relaxed) {
            Phase::Blocked
        } else if self.serving.load(Ordering::Relaxed) > 0 {
            Phase::Serving
        } else if self.head_begun.load(Ordering::Relaxed) {
            Phase::Head
        } else {
            Phase::Idle
        }
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Serving,
    Blocked,
}

/// Notices when a phase lasts too long.
struct Watchdog<'a> {
    clock: &'a dyn Clock,
    limits: &'a Limits,
    seen: (Phase, u32),
    since: Timestamp,
    /// May ring early: a request that moves the deadline leaves it as it is.
    timer: Option<Timer<'a>>,
}

struct Timer<'a> {
    deadline: Timestamp,
    ring: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

impl<'a> Watchdog<'a> {
    fn new(clock: &'a dyn Clock, limits: &'a Limits) -> Self {
        Self {
            clock,
            limits,
            seen: (Phase::Idle, 0),
            since: clock.now(),
            timer: None,
        }
    }

    /// Ready with the phase that has lasted too long.
    fn poll(&mut self, cx: &mut Context<'_>, activity: &Activity) -> Poll<Phase> {
        let phase = activity.phase();
        let limit = match phase {
            Phase::Idle => self.limits.idle,
            Phase::Head => self.limits.head,
            Phase::Blocked => self.limits.stall,
            Phase::Serving => return Poll::Pending,
        };
        let seen = (phase, activity.steps.load(Ordering::Relaxed));
        if seen != self.seen {
            self.seen = seen;
            self.since = self.clock.now();
        }
        let deadline = self.since.saturating_add(limit).unwrap_or(Timestamp::MAX);
        loop {
            let timer = match &mut self.timer {
                Some(timer) if timer.deadline <= deadline => timer,
                other => other.insert(Timer {
                    deadline,
                    ring: self.clock.sleep_until(deadline),
                }),
            };
            ready!(timer.ring.as_mut().poll(cx));
            if timer.deadline == deadline {
                return Poll::Ready(phase);
            }
            self.timer = None;
        }
    }
}

/// The stream, noting what moves.
struct Watched {
    stream: UnixStream,
    activity: Arc<Activity>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before && self.activity.serving.load(Ordering::Relaxed) == 0 {
            self.activity.head_begun.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl Watched {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.activity
            .write_blocked
            .store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.activity.step();
        }
        written
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The service, noting when a request begins and when its answer is handed over.
struct Attended<S> {
    service: S,
    activity: Arc<Activity>,
}

/// Only ever called by reference; nothing in it is pinned.
impl<S> Unpin for Attended<S> {}

impl<S> hyper::service::Service<Request<Incoming>> for Attended<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<InHand>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let turn = Turn::begin(&self.activity);
        let refusal = head::refuse(&request);
        let service = self.service.clone();
        Box::pin(async move {
            let answer = match refusal {
                Some(refusal) => refusal,
                None => service.oneshot(request.map(Body::new)).await?,
            };
            Ok(answer.map(|body| InHand { body, _turn: turn }))
        })
    }
}

/// From a request's head to the end of its answer.
struct Turn(Arc<Activity>);

impl Turn {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.head_begun.store(false, Ordering::Relaxed);
        activity.serving.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.serving.fetch_sub(1, Ordering::Relaxed);
        self.0.step();
    }
}

/// An answer's body, during which its request still counts as served.
struct InHand {
    body: Body,
    _turn: Turn,
}

impl hyper::body::Body for InHand {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
