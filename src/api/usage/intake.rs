//! Takes bodies in, within bounds of room and of time.

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use jiff::SignedDuration;

use super::coding::{Coding, Unpacking};
use super::refusal::Refusal;
use super::room::{Place, Share};
use crate::clock::{Clock, sleep};

/// How long a body may stop coming.
const STALL: SignedDuration = SignedDuration::from_secs(30);
/// How slowly a body may come.
const SLOWEST: Pace = Pace {
    head_start: SignedDuration::from_secs(30),
    bytes_per_second: 16 << 10,
};
/// How slowly while others wait for the room that it takes.
const SLOWEST_IF_WANTED: Pace = Pace {
    head_start: SignedDuration::from_secs(2),
    bytes_per_second: 1 << 20,
};
/// How often a body that does not come is looked after.
const LOOK: SignedDuration = SignedDuration::from_secs(1);
/// What a body of unknown length asks for at a time.
const STEP: usize = 256 << 10;
/// Bodies up to this have room from the start for what is made of them.
const SMALL: usize = 256 << 10;

/// The slowest that something may come.
struct Pace {
    head_start: SignedDuration,
    bytes_per_second: usize,
}

impl Pace {
    fn allows(&self, bytes: usize, within: SignedDuration) -> bool {
        let seconds = i64::try_from(bytes / self.bytes_per_second).unwrap_or(i64::MAX);
        let allowed = SignedDuration::from_secs(seconds).saturating_add(self.head_start);
        within <= allowed
    }
}

/// A body and its place.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) bytes: Vec<u8>,
    pub(super) place: Place,
}

/// What a body of `declared` bytes reserves before any of it is read.
fn room_for(declared: usize) -> usize {
    if declared <= SMALL {
        3 * declared + (1 << 10)
    } else {
        declared
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

    async fn unpack(&self, packed: &Taken, clock: &dyn Clock) -> Result<Taken, Refusal> {
        let mut unpacking = Unpacking::of(&packed.bytes);
        let mut taken = Taken::default();
        loop {
            self.reserve(STEP, &mut taken.place, clock).await?;
            if !unpacking.next(STEP, &mut taken.bytes)? {
                return Ok(taken);
            }
            // Inflating takes a while; others on this thread come first.
            tokio::task::yield_now().await;
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
        let mut taken = Taken::default();
        let room = declared.map_or(STEP, room_for);
        self.reserve(room, &mut taken.place, clock).await?;
        taken.bytes.reserve_exact(declared.unwrap_or(STEP));
        let mut started = None;
        loop {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                refusal = self.lose_patience(&taken, &mut started, clock) => return Err(refusal),
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
            while taken.place.bytes() < length {
                self.reserve(STEP, &mut taken.place, clock).await?;
                taken.bytes.reserve_exact(STEP);
            }
            taken.bytes.extend_from_slice(&data);
        }
    }

    /// Completes when a body has not come for too long, or comes too slowly. `started` is when
    /// somebody first waited for it.
    async fn lose_patience(
        &self,
        taken: &Taken,
        started: &mut Option<SignedDuration>,
        clock: &dyn Clock,
    ) -> Refusal {
        let silent_from = clock.elapsed();
        let started = *started.get_or_insert(silent_from);
        let came = taken.bytes.len();
        loop {
            let now = clock.elapsed();
            if now.saturating_sub(silent_from) >= STALL {
                return Refusal::stalled();
            }
            let within = now.saturating_sub(started);
            let is_wanted = self.is_wanted(&taken.place);
            if !SLOWEST.allows(came, within)
                || (is_wanted && !SLOWEST_IF_WANTED.allows(came, within))
            {
                return Refusal::too_slow();
            }
            sleep(clock, LOOK).await;
        }
    }
}
