//! The one place that asks what time it is. Everything else takes a [`Clock`], so that a test can
//! move the time instead of waiting for it.

mod thread_time;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
pub use thread_time::ThreadTime;
use tokio::sync::watch;

/// Now, and waiting until then. Always UTC.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Completes at or soon after `instant`; at once when it is past.
    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// How much time has passed since a moment that stays the same. It only grows: whoever sets the
    /// clock changes nothing of it.
    fn elapsed(&self) -> SignedDuration;

    /// Completes when [`Self::elapsed`] has grown by `duration`.
    fn sleep(&self, duration: SignedDuration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A clock as rooms hold it.
pub type SharedClock = Arc<dyn Clock>;

/// Completes after `duration` on `clock`, whoever sets it meanwhile.
pub async fn sleep(clock: &dyn Clock, duration: SignedDuration) {
    clock.sleep(duration).await;
}

/// The host's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

/// The longest single wait, so that a suspended host or a clock that is set is noticed soon.
const LONGEST_NAP: SignedDuration = SignedDuration::from_secs(30);

/// The moment that [`SystemClock::elapsed`] counts from.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let left = instant.duration_since(self.now());
                if left <= SignedDuration::ZERO {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_NAP).unsigned_abs()).await;
            }
        })
    }

    fn elapsed(&self) -> SignedDuration {
        SignedDuration::try_from(STARTED.elapsed()).unwrap_or(SignedDuration::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn sleep(&self, duration: SignedDuration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let duration = duration.max(SignedDuration::ZERO).unsigned_abs();
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until it is moved. For tests and simulations.
#[derive(Debug, Clone)]
pub struct ManualClock {
    hands: watch::Sender<Hands>,
}

#[derive(Debug, Clone, Copy)]
struct Hands {
    now: Timestamp,
    elapsed: SignedDuration,
}

impl ManualClock {
    /// A clock that shows `now` until it is moved.
    pub fn at(now: Timestamp) -> Self {
        Self {
            hands: watch::Sender::new(Hands {
                now,
                elapsed: SignedDuration::ZERO,
            }),
        }
    }

    /// Lets time pass, and wakes whoever waited for less.
    pub fn advance(&self, by: SignedDuration) {
        self.hands.send_modify(|hands| {
            hands.now = hands.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            hands.elapsed = hands.elapsed.saturating_add(by);
        });
    }

    /// Lets time pass until `to`; back to it, the clock is set and no time passes.
    pub fn set(&self, to: Timestamp) {
        self.hands.send_modify(|hands| {
            let passed = to.duration_since(hands.now).max(SignedDuration::ZERO);
            hands.elapsed = hands.elapsed.saturating_add(passed);
            hands.now = to;
        });
    }

    /// Sets the clock wrong, or right: no time passes.
    pub fn show(&self, now: Timestamp) {
        self.hands.send_modify(|hands| hands.now = now);
    }

    fn until(
        &self,
        is_time: impl Fn(&Hands) -> bool + Send + Sync + 'static,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut seen = self.hands.subscribe();
        Box::pin(async move {
            if seen.wait_for(|hands| is_time(hands)).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands.borrow().now
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.until(move |hands| hands.now >= instant)
    }

    fn elapsed(&self) -> SignedDuration {
        self.hands.borrow().elapsed
    }

    fn sleep(&self, duration: SignedDuration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = self.elapsed().saturating_add(duration);
        self.until(move |hands| hands.elapsed >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_manual_clock_reaches_its_instant() {
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let clock = ManualClock::at(start);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                sleep(&clock, SignedDuration::from_hours(1)).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(SignedDuration::from_mins(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(SignedDuration::from_mins(1));
        assert_eq!(
            sleeper.await.unwrap(),
            start + SignedDuration::from_hours(1)
        );
    }
}
