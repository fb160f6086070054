//! The simulator's clock: what time the vendor believes it is. Every simulated vendor reads it
//! and nothing else, so a test that moves it moves token lives, rate limits and reports at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The vendor's clock. Clones share one time.
#[derive(Clone)]
pub struct SimClock {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// The source is ignored while this is set; the time is then `offset_millis` itself.
    manual: AtomicBool,
    /// Milliseconds added to the source, or, when manual, milliseconds since 1970.
    offset_millis: AtomicI64,
}

impl SimClock {
    /// Follows the system's clock; [`SimClock::advance`] adds to it.
    pub fn system() -> Self {
        Self::following(system_now)
    }

    /// Stands still at `at` until it is moved.
    pub fn manual(at: Timestamp) -> Self {
        let clock = Self::system();
        clock.set(at);
        clock
    }

    /// Follows any other clock, such as the manual clock of the program under test.
    pub fn following(source: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::new(Inner {
                source: Box::new(source),
                manual: AtomicBool::new(false),
                offset_millis: AtomicI64::new(0),
            }),
        }
    }

    /// The vendor's time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millis()).unwrap_or(Timestamp::MAX)
    }

    /// The vendor's time in whole seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.millis().div_euclid(1000)
    }

    /// The vendor's time in milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        let offset = self.inner.offset_millis.load(Ordering::SeqCst);
        if self.inner.manual.load(Ordering::SeqCst) {
            offset
        } else {
            (self.inner.source)()
                .as_millisecond()
                .saturating_add(offset)
        }
    }

    /// Moves the time by `by`, backwards when negative.
    pub fn advance(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.inner.offset_millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Stops the clock at `at`.
    pub fn set(&self, at: Timestamp) {
        self.inner
            .offset_millis
            .store(at.as_millisecond(), Ordering::SeqCst);
        self.inner.manual.store(true, Ordering::SeqCst);
    }

    /// Lets a stopped clock run on from where it stands, at the source's pace.
    pub fn release(&self) {
        let stands_at = self.millis();
        let source = (self.inner.source)().as_millisecond();
        self.inner.manual.store(false, Ordering::SeqCst);
        self.inner
            .offset_millis
            .store(stands_at - source, Ordering::SeqCst);
    }

    /// Whether the clock stands still until it is moved.
    pub fn is_manual(&self) -> bool {
        self.inner.manual.load(Ordering::SeqCst)
    }
}

impl std::fmt::Debug for SimClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimClock")
            .field("now", &self.now())
            .field("manual", &self.is_manual())
            .finish()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where a simulated vendor learns the real time"
)]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = SimClock::manual(at("2026-03-01T00:00:00Z"));
        let twin = clock.clone();
        clock.advance(SignedDuration::from_hours(36));
        assert_eq!(twin.now(), at("2026-03-02T12:00:00Z"));
        assert_eq!(twin.now(), at("2026-03-02T12:00:00Z"));
    }

    #[test]
    fn a_released_clock_runs_on_from_where_it_stood() {
        let source = Arc::new(AtomicI64::new(1_000));
        let read = source.clone();
        let clock = SimClock::following(move || {
            Timestamp::from_millisecond(read.load(Ordering::SeqCst)).unwrap()
        });
        clock.set(at("2026-03-01T00:00:00Z"));
        clock.release();
        source.fetch_add(5_000, Ordering::SeqCst);
        assert_eq!(clock.now(), at("2026-03-01T00:00:05Z"));
    }
}
