//! How many bytes requests may hold, of one user and of all: their bodies, what is made of them, and
//! their answers until the client has taken the last byte.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::{Body, Bytes};
use jiff::SignedDuration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use super::turns::{Turn, Turns};
use crate::clock::{Clock, sleep};

/// Bytes of one user: of bodies, and again of what they have become beyond their own size.
const PER_UID: usize = 16 << 20;
/// Bytes of bodies of all users, beside the first of each.
const BODIES: usize = 24 << 20;
/// Bytes of all users that bodies have become beyond their own size, beside the first of each.
const GROWTH: usize = 16 << 20;
/// Bytes of one user that do not count among those of all: whoever sends little is served while
/// others fill what all have.
const FIRST: usize = 2 << 20;
/// The largest answer: with a share of its own for what has grown, every request fits.
pub(super) const MAX_ANSWER: usize = PER_UID;
/// How long a request waits for room or for its turn before it is sent away.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// What all users hold.
#[derive(Debug)]
pub(super) struct InHand {
    bodies: Common,
    growth: Common,
    turns: Arc<Turns>,
    by_uid: Mutex<HashMap<u32, Weak<Own>>>,
}

/// Room that all users have together.
#[derive(Debug, Clone)]
struct Common {
    free: Arc<Semaphore>,
    /// Requests that wait for it.
    waiting: Arc<AtomicUsize>,
}

impl Common {
    fn of(bytes: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(bytes)),
            waiting: Arc::default(),
        }
    }
}

/// Room of one user, the same for all of its connections.
#[derive(Debug)]
struct Own {
    bodies: Arc<Semaphore>,
    growth: Arc<Semaphore>,
}

impl Default for InHand {
    fn default() -> Self {
        Self {
            bodies: Common::of(BODIES),
            growth: Common::of(GROWTH),
            turns: Arc::default(),
            by_uid: Mutex::default(),
        }
    }
}

impl InHand {
    /// The share of one user.
    pub(super) fn share(&self, uid: u32) -> Share {
        let mut by_uid = self.by_uid.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_uid.get(&uid).and_then(Weak::upgrade);
        let own = known.unwrap_or_else(|| {
            by_uid.retain(|_, own| own.strong_count() > 0);
            let own = Arc::new(Own {
                bodies: Arc::new(Semaphore::new(PER_UID)),
                growth: Arc::new(Semaphore::new(PER_UID)),
            });
            by_uid.insert(uid, Arc::downgrade(&own));
            own
        });
        Share {
            uid,
            bodies: Room {
                own: Arc::clone(&own.bodies),
                common: self.bodies.clone(),
            },
            growth: Room {
                own: Arc::clone(&own.growth),
                common: self.growth.clone(),
            },
            turns: Arc::clone(&self.turns),
            _own: own,
        }
    }
}

/// What one user may hold.
#[derive(Debug, Clone)]
pub(super) struct Share {
    uid: u32,
    bodies: Room,
    growth: Room,
    turns: Arc<Turns>,
    /// Keeps the user known.
    _own: Arc<Own>,
}

#[derive(Debug, Clone)]
struct Room {
    own: Arc<Semaphore>,
    common: Common,
}

/// Counts as one that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Room {
    /// Whether a user that holds what it does needs none of what all have.
    fn is_first(&self) -> bool {
        PER_UID - self.own.available_permits() <= FIRST
    }

    fn try_reserve(&self, bytes: u32, place: &mut Place) -> bool {
        let Ok(own) = Arc::clone(&self.own).try_acquire_many_owned(bytes) else {
            return false;
        };
        if !self.is_first() {
            let common = Arc::clone(&self.common.free).try_acquire_many_owned(bytes);
            let Ok(common) = common else {
                return false;
            };
            place.is_common = true;
            place.held.push(common);
        }
        place.held.push(own);
        true
    }

    /// None where the room is gone for good.
    async fn reserve(&self, bytes: u32, place: &mut Place) -> Option<()> {
        let own = Arc::clone(&self.own).acquire_many_owned(bytes).await.ok()?;
        if !self.is_first() {
            let _waiting = Waiting::begin(&self.common.waiting);
            let common = Arc::clone(&self.common.free).acquire_many_owned(bytes);
            place.held.push(common.await.ok()?);
            place.is_common = true;
        }
        place.held.push(own);
        Some(())
    }
}

/// The room that one request has, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Place {
    bytes: usize,
    /// Some of it is what others could have.
    is_common: bool,
    held: Vec<OwnedSemaphorePermit>,
}

impl Place {
    /// Room in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An answer in the request's place, which is free again when the client has taken the answer:
    /// one that asks much and reads nothing gets no further.
    pub(super) fn answered(self, answer: Vec<u8>) -> Body {
        if self.held.is_empty() {
            return Body::from(answer);
        }
        Body::from(Bytes::from_owner(Answer {
            bytes: answer,
            _place: self,
        }))
    }
}

struct Answer {
    bytes: Vec<u8>,
    _place: Place,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Share {
    /// Room for `bytes` more of a body, as soon as there is.
    pub(super) async fn reserve(
        &self,
        bytes: usize,
        place: &mut Place,
        clock: &dyn Clock,
    ) -> Result<(), Refusal> {
        Self::reserve_in(&self.bodies, bytes, place, clock).await
    }

    /// Makes sure, now, that a request has room for `bytes` in all: its body may have become more.
    pub(super) fn try_cover(&self, bytes: usize, place: &mut Place) -> bool {
        let Some(more) = bytes.checked_sub(place.bytes).filter(|more| *more > 0) else {
            return true;
        };
        let count = u32::try_from(more);
        let is_there = count.is_ok_and(|count| self.growth.try_reserve(count, place));
        if is_there {
            place.bytes = bytes;
        }
        is_there
    }

    /// The same, as soon as there is.
    pub(super) async fn cover(
        &self,
        bytes: usize,
        place: &mut Place,
        clock: &dyn Clock,
    ) -> Result<(), Refusal> {
        match bytes.saturating_sub(place.bytes) {
            0 => Ok(()),
            more => Self::reserve_in(&self.growth, more, place, clock).await,
        }
    }

    async fn reserve_in(
        room: &Room,
        bytes: usize,
        place: &mut Place,
        clock: &dyn Clock,
    ) -> Result<(), Refusal> {
        let count = u32::try_from(bytes).map_err(|_| Refusal::no_room())?;
        let reserved = tokio::select! {
            biased;
            reserved = room.reserve(count, place) => reserved,
            () = sleep(clock, PATIENCE) => None,
        };
        reserved.ok_or_else(Refusal::no_room)?;
        place.bytes += bytes;
        Ok(())
    }

    /// Whether others wait for room that `place` takes.
    pub(super) fn is_wanted(&self, place: &Place) -> bool {
        place.is_common && self.bodies.common.waiting.load(Ordering::Relaxed) > 0
    }

    /// The turn to work on a large body, as soon as it comes.
    pub(super) async fn turn(&self, clock: &dyn Clock) -> Result<Turn, Refusal> {
        tokio::select! {
            biased;
            turn = self.turns.wait(self.uid) => turn.ok_or_else(Refusal::no_turn),
            () = sleep(clock, PATIENCE) => Err(Refusal::no_turn()),
        }
    }
}
