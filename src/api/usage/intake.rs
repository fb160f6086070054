//! Takes bodies in, within bounds: the bytes that all requests in hand hold together, and those of
//! one user, from the first byte of the body to the last of the answer.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, Full};
use jiff::SignedDuration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::coding::{Coding, Unpacking};
use super::refusal::Refusal;
use crate::clock::{Clock, sleep};

/// Bytes of bodies in hand of one user; and of all users, beside the first of each.
const PER_UID: usize = 16 << 20;
const TOTAL: usize = 24 << 20;
/// Bytes of one user that do not count among those of all: whoever sends little is served while
/// others fill what all have.
const FIRST: usize = 1 << 20;
/// A body above this takes several times its size while it is worked on, so only one is at a time.
const LARGE: usize = 1 << 20;
/// How long a request waits for its turn before it is sent away.
const TURN: SignedDuration = SignedDuration::from_secs(5);
/// How long a body may stop coming.
const STALL: SignedDuration = SignedDuration::from_secs(30);
/// What a body of unknown length asks for at a time.
const STEP: usize = 256 << 10;

/// The bytes in hand of everybody.
#[derive(Debug)]
pub(super) struct InHand {
    total: Arc<Semaphore>,
    large: Arc<Semaphore>,
    by_uid: Mutex<HashMap<u32, Weak<Semaphore>>>,
}

impl Default for InHand {
    fn default() -> Self {
        Self {
            total: Arc::new(Semaphore::new(TOTAL)),
            large: Arc::new(Semaphore::new(1)),
            by_uid: Mutex::default(),
        }
    }
}

impl InHand {
    /// The share of one user, the same for all of its connections.
    pub(super) fn share(&self, uid: u32) -> Share {
        let mut by_uid = self.by_uid.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_uid.get(&uid).and_then(Weak::upgrade);
        let own = known.unwrap_or_else(|| {
            by_uid.retain(|_, share| share.strong_count() > 0);
            let share = Arc::new(Semaphore::new(PER_UID));
            by_uid.insert(uid, Arc::downgrade(&share));
            share
        });
        Share {
            own,
            total: Arc::clone(&self.total),
            large: Arc::clone(&self.large),
        }
    }
}

/// What one user may hold.
#[derive(Debug, Clone)]
pub(super) struct Share {
    own: Arc<Semaphore>,
    total: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// A body, and its place in the bounds until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) bytes: Vec<u8>,
    room: usize,
    places: Vec<OwnedSemaphorePermit>,
}

impl Taken {
    /// An answer in the body's place, which is free again when the client has taken the answer:
    /// one that asks much and reads nothing gets no further.
    pub(super) fn answered(self, answer: Vec<u8>) -> Body {
        Body::new(Answer {
            body: Full::from(answer),
            _places: self.places,
        })
    }
}

struct Answer {
    body: Full<Bytes>,
    _places: Vec<OwnedSemaphorePermit>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

impl Share {
    /// Reads a body to its end, and unpacks it.
    pub(super) async fn take(
        &self,
        body: Body,
        coding: Coding,
        clock: &dyn Clock,
    ) -> Result<Taken, Refusal> {
        let taken = self.receive(body, coding.limit(), clock).await?;
        match coding {
            Coding::Identity => Ok(taken),
            Coding::Gzip => self.unpack(&taken, clock).await,
        }
    }

    /// Makes room where what was taken has become more: `bytes` in all.
    pub(super) async fn cover(
        &self,
        bytes: usize,
        taken: &mut Taken,
        clock: &dyn Clock,
    ) -> Result<(), Refusal> {
        match bytes.saturating_sub(taken.room) {
            0 => Ok(()),
            more => self.reserve(more, taken, clock).await,
        }
    }

    async fn unpack(&self, packed: &Taken, clock: &dyn Clock) -> Result<Taken, Refusal> {
        let mut unpacking = Unpacking::of(&packed.bytes);
        let mut taken = Taken::default();
        loop {
            self.reserve(STEP, &mut taken, clock).await?;
            if !unpacking.next(STEP, &mut taken.bytes)? {
                return Ok(taken);
            }
        }
    }

    async fn receive(
        &self,
        mut body: Body,
        limit: u64,
        clock: &dyn Clock,
    ) -> Result<Taken, Refusal> {
        // hyper knows the length that the head declares.
        let declared = body
            .size_hint()
            .exact()
            .and_then(|length| usize::try_from(length).ok());
        let mut taken = Taken {
            bytes: Vec::with_capacity(declared.unwrap_or(STEP)),
            room: 0,
            places: Vec::with_capacity(2),
        };
        self.reserve(declared.unwrap_or(STEP), &mut taken, clock)
            .await?;
        loop {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                () = sleep(clock, STALL) => return Err(Refusal::stalled()),
            };
            let Some(frame) = frame else {
                return Ok(taken);
            };
            let frame = frame.map_err(|error| {
                tracing::info!(%error, "a client went away, or broke off, in mid-body");
                Refusal::broken_body()
            })?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = taken.bytes.len() + data.len();
            if length as u64 > limit {
                return Err(Refusal::too_large(length as u64, limit));
            }
            while taken.room < length {
                self.reserve(STEP, &mut taken, clock).await?;
                taken.bytes.reserve_exact(STEP);
            }
            taken.bytes.extend_from_slice(&data);
        }
    }

    async fn reserve(
        &self,
        bytes: usize,
        taken: &mut Taken,
        clock: &dyn Clock,
    ) -> Result<(), Refusal> {
        let places = async {
            let count = u32::try_from(bytes).ok()?;
            let own = Arc::clone(&self.own).acquire_many_owned(count).await.ok()?;
            let in_hand = PER_UID - self.own.available_permits();
            if in_hand <= FIRST {
                return Some(vec![own]);
            }
            let total = Arc::clone(&self.total)
                .acquire_many_owned(count)
                .await
                .ok()?;
            Some(vec![own, total])
        };
        let places = tokio::select! {
            biased;
            places = places => places,
            () = sleep(clock, TURN) => None,
        };
        let places = places.ok_or_else(|| {
            Refusal::busy("too many bytes of requests wait for the disk").closing()
        })?;
        taken.places.extend(places);
        taken.room += bytes;
        Ok(())
    }

    /// Waits until a body of `bytes` may be worked on; it may until what this returns is dropped.
    pub(super) async fn turn(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes <= LARGE {
            return None;
        }
        // Never closed.
        Arc::clone(&self.large).acquire_owned().await.ok()
    }
}
