//! The stream under one connection: it hands hyper one judged head at a time, and notes what moves.
//! Used by [`super::connection`].

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use super::framing::{Framer, Verdict};
use super::unserved::Unserved;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Head,
    Serving,
    Blocked,
}

/// What moves on a connection; written by its stream and its requests, read by its watchdog.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// A head has begun that is not complete.
    head_begun: AtomicBool,
    /// The client does not take what we send.
    write_blocked: AtomicBool,
    /// Requests whose answer is not yet handed over.
    serving: AtomicU32,
    /// Counts everything that is a reason to start waiting anew.
    steps: AtomicU32,
    /// The next head cannot be accepted; nothing more is read.
    unserved: OnceLock<Unserved>,
}

impl Activity {
    pub(super) fn phase(&self) -> Phase {
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

    pub(super) fn steps(&self) -> u32 {
        self.steps.load(Ordering::Relaxed)
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Why what came cannot be served, once every request before it has its answer.
    pub(super) fn unserved(&self) -> Option<Unserved> {
        let is_answered = matches!(self.phase(), Phase::Idle | Phase::Head);
        self.unserved.get().copied().filter(|_| is_answered)
    }
}

/// From a request's head to the end of its answer.
pub(super) struct Turn(Arc<Activity>);

impl Turn {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
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

/// Bytes that are read at once where they have to be judged.
const READ: usize = 4096;

/// The stream, judged and watched.
pub(super) struct Watched {
    stream: UnixStream,
    activity: Arc<Activity>,
    framer: Framer,
    /// What has come and not gone on.
    held: Vec<u8>,
    /// How much of it may go on.
    passing: usize,
}

impl Watched {
    pub(super) fn new(stream: UnixStream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            framer: Framer::default(),
            held: Vec::new(),
            passing: 0,
        }
    }

    pub(super) fn into_inner(self) -> UnixStream {
        self.stream
    }

    /// Hands on what may go on; whether that was anything.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = self.passing.min(buffer.remaining());
        buffer.put_slice(&self.held[..count]);
        self.held.drain(..count);
        self.passing -= count;
        count > 0
    }

    /// Reads a body's bytes past the judge.
    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        left: u64,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let mut body = (&mut self.stream).take(left);
        ready!(Pin::new(&mut body).poll_read(cx, buffer))?;
        let count = buffer.filled().len() - before;
        self.framer.passed(count as u64);
        Poll::Ready(Ok(()))
    }

    /// Reads more to judge; whether there was any.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut more = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
        self.held.extend_from_slice(more.filled());
        Poll::Ready(Ok(!more.filled().is_empty()))
    }

    fn note_head(&self) {
        let begun = self.passing == 0 && self.framer.is_in_head(&self.held);
        self.activity.head_begun.store(begun, Ordering::Relaxed);
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.pass(buffer) {
                return Poll::Ready(Ok(()));
            }
            if let Some(left) = self.framer.unjudged().filter(|_| self.held.is_empty()) {
                return self.poll_body(cx, buffer, left);
            }
            let this = &mut *self;
            match this.framer.judge(&this.held) {
                Verdict::Pass(count) => self.passing = count,
                Verdict::More => {
                    self.note_head();
                    if !ready!(self.poll_more(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Verdict::Refuse(fault) => {
                    // The requests before it are answered first; the connection looks here then.
                    let _ = self.activity.unserved.set(fault);
                    return Poll::Pending;
                }
                Verdict::Broken => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the chunks of the body make no sense",
                    )));
                }
            }
            self.note_head();
        }
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
