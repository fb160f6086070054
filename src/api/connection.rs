//! One connection: hyper on a stream whose silence is timed. Used by [`super::serve`].
//!
//! hyper's own header timeout also runs while a kept-alive connection rests, so it cannot tell a
//! client that rests from one that dawdles. Here the stream notes what moves, and the clock is
//! asked when nothing does.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::head::{MAX_BYTES, MAX_HEADERS, MAX_LINE};
use super::serve::Limits;
use super::stream::{Activity, Phase, Turn, Watched};
use super::unserved::{Unserved, closing_bytes};
use crate::clock::Clock;

/// Room beside the limits of a head, for empty lines before it: hyper never has a reason of its own
/// to refuse one.
const SPARE: usize = 1 << 10;

/// Serves requests on `stream` until either side has had enough, a limit is reached, or `stop`
/// ends it after the request in hand. `refuse` words the answer to what is no request.
pub(super) async fn attend<S>(
    stream: UnixStream,
    service: S,
    refuse: impl Fn(Unserved) -> Response<Vec<u8>>,
    limits: &Limits,
    clock: &dyn Clock,
    stop: &CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let activity = Arc::new(Activity::default());
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
    let service = Attended {
        service,
        activity: Arc::clone(&activity),
    };
    let mut connection = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_LINE + MAX_BYTES + SPARE)
        // A client that has said all may say so, and still wants its answer.
        .half_close(true)
        .serve_connection(io, service);
    let mut watchdog = Watchdog::new(clock, limits);
    let mut last_turn = LastTurn::new(clock, stop);
    let end = poll_fn(|cx| {
        if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(End::Done(result));
        }
        if last_turn.poll(cx, &activity).is_ready() {
            Pin::new(&mut connection).graceful_shutdown();
            if let Poll::Ready(result) = connection.poll_without_shutdown(cx) {
                return Poll::Ready(End::Done(result));
            }
        }
        if let Some(fault) = activity.unserved() {
            return Poll::Ready(End::Unserved(fault));
        }
        watchdog.poll(cx, &activity).map(|phase| match phase {
            Phase::Head => End::Unserved(Unserved::HeadTimeout),
            phase => End::Silence(phase),
        })
    })
    .await;
    let mut stream = connection.into_parts().io.into_inner().into_inner();
    match end {
        End::Done(result) => {
            if let Err(error) = result {
                tracing::debug!(%error, "connection ended early");
            }
        }
        End::Unserved(fault) => {
            tracing::debug!(?fault, "not a request that can be served");
            // Whoever does not take these few bytes has gone away.
            let _ = stream.write_all(&closing_bytes(refuse(fault))).await;
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

/// How long a client is waited for that connected just before the stop and has not been heard.
const UNHEARD: SignedDuration = SignedDuration::from_secs(1);

/// Notices, once, that no further request is to be taken. Who connected and was not heard yet is heard
/// first: hyper closes such a connection at once, with the request in it unread.
struct LastTurn<'a> {
    clock: &'a dyn Clock,
    stopped: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
    is_stopped: bool,
    unheard: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    told: bool,
}

impl<'a> LastTurn<'a> {
    fn new(clock: &'a dyn Clock, stop: &'a CancellationToken) -> Self {
        Self {
            clock,
            stopped: Box::pin(stop.cancelled()),
            is_stopped: false,
            unheard: None,
            told: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, activity: &Activity) -> Poll<()> {
        if self.told {
            return Poll::Pending;
        }
        if !self.is_stopped {
            ready!(self.stopped.as_mut().poll(cx));
            self.is_stopped = true;
        }
        let is_heard = activity.steps() > 0 || activity.phase() != Phase::Idle;
        if !is_heard {
            let clock = self.clock;
            let unheard = self.unheard.get_or_insert_with(|| clock.sleep(UNHEARD));
            ready!(unheard.as_mut().poll(cx));
        }
        self.told = true;
        Poll::Ready(())
    }
}

enum End {
    Done(hyper::Result<()>),
    Unserved(Unserved),
    Silence(Phase),
}

/// Notices when a phase lasts too long.
struct Watchdog<'a> {
    clock: &'a dyn Clock,
    limits: &'a Limits,
    seen: (Phase, u32),
    since: SignedDuration,
    /// May ring early: a request that moves the deadline leaves it as it is.
    timer: Option<Timer<'a>>,
}

struct Timer<'a> {
    deadline: SignedDuration,
    ring: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
}

impl<'a> Watchdog<'a> {
    fn new(clock: &'a dyn Clock, limits: &'a Limits) -> Self {
        Self {
            clock,
            limits,
            seen: (Phase::Idle, 0),
            since: clock.elapsed(),
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
        let seen = (phase, activity.steps());
        if seen != self.seen {
            self.seen = seen;
            self.since = self.clock.elapsed();
        }
        let deadline = self.since.saturating_add(limit);
        loop {
            let timer = match &mut self.timer {
                Some(timer) if timer.deadline <= deadline => timer,
                other => other.insert(Timer {
                    deadline,
                    ring: self
                        .clock
                        .sleep(deadline.saturating_sub(self.clock.elapsed())),
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
        let service = self.service.clone();
        Box::pin(async move {
            let answer = service.oneshot(request.map(Body::new)).await?;
            Ok(answer.map(|body| InHand { body, _turn: turn }))
        })
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
