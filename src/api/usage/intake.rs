//! Takes bodies in, within bounds: the bytes that all requests in hand hold together, and those of
//! one user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::coding::{Coding, Unpacking};
use super::refusal::Refusal;
use crate::clock::{Clock, sleep};

/// Bytes of bodies in hand of one user; and of all users.
const PER_UID: usize = 16 << 20;
const TOTAL: usize = 64 << 20;
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
    by_uid: Mutex<HashMap<u32, Weak<Semaphore>>>,
}

impl Default for InHand {
    fn default() -> Self {
        Self {
            total: Arc::new(Semaphore::new(TOTAL)),
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
        }
    }
}

/// What one user may hold.
#[derive(Debug, Clone)]
pub(super) struct Share {
    own: Arc<Semaphore>,
    total: Arc<Semaphore>,
}

/// A body, and its place in the bounds until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) bytes: Vec<u8>,
    places: Vec<OwnedSemaphorePermit>,
}

impl Taken {
    fn room(&self) -> usize {
        // Each reservation holds two permits, one of the user and one of all.
        self.places
            .iter()
            .map(OwnedSemaphorePermit::num_permits)
            .sum::<usize>()
            / 2
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
        match bytes.saturating_sub(taken.room()) {
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
            while taken.room() < length {
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
            let total = Arc::clone(&self.total)
                .acquire_many_owned(count)
                .await
                .ok()?;
            Some([own, total])
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
        Ok(())
    }
}
