//! Wakes the planner. Two bells: a sleep on the [`Clock`](crate::clock::Clock), which a test can move and which
//! survives suspend, and a one-shot of tokio-cron-scheduler, always an interval in UTC and always
//! armed anew, never a zone or a repetition. It looks at the time twice a second, and its thread wakes up twice for
//! each look (253 times in a minute, counted with strace), so it does that only when the time is near. A bell carries
//! nothing: the planner looks at the store.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::clock::SharedClock;

/// How long before its time the second bell begins to look.
const NEAR: SignedDuration = SignedDuration::from_secs(10);

/// Waits for the next due instant or for somebody who says that something changed.
#[derive(Debug)]
pub struct Alarm {
    clock: SharedClock,
    rung: Arc<Notify>,
    second: Option<SecondBell>,
}

/// Rings the alarm from anywhere. Cheap to clone; rings that come before anybody waits are one.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    rung: Arc<Notify>,
}

impl Bell {
    /// Wakes whoever waits, or the next who does.
    pub fn ring(&self) {
        self.rung.notify_one();
    }
}

impl Alarm {
    /// An alarm that `bell` rings, and the clock.
    pub fn new(clock: SharedClock, bell: &Bell) -> Self {
        Self {
            clock,
            rung: Arc::clone(&bell.rung),
            second: None,
        }
    }

    /// Adds the second bell. Without it everything works; it can only wake the planner once more.
    pub fn add_second_bell(&mut self) {
        self.second = Some(SecondBell::default());
    }

    /// Completes at `at`, or when the bell is rung; for ever, when neither happens.
    pub async fn wait_until(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else {
            self.rung.notified().await;
            return;
        };
        let near = at.saturating_sub(NEAR).unwrap_or(Timestamp::MIN);
        if let Some(bell) = &mut self.second
            && self.clock.now() < near
        {
            bell.silence();
            tokio::select! {
                () = self.rung.notified() => return,
                () = self.clock.sleep_until(near) => {}
            }
        }
        if let Some(bell) = &mut self.second {
            let wait = at.duration_since(self.clock.now());
            let rung = Arc::clone(&self.rung);
            if let Err(error) = bell.arm(at, wait.unsigned_abs(), rung).await {
                tracing::warn!(%error, "the second scheduler cannot be armed; the clock alone wakes the planner");
            }
        }
        tokio::select! {
            () = self.rung.notified() => {}
            () = self.clock.sleep_until(at) => {}
        }
    }

    /// Ends the second bell.
    pub fn stop(&mut self) {
        self.second = None;
    }
}

#[derive(Debug, Default)]
struct SecondBell {
    armed: Option<Armed>,
}

impl SecondBell {
    /// Ends the looking.
    fn silence(&mut self) {
        self.armed = None;
    }

    async fn arm(
        &mut self,
        at: Timestamp,
        wait: Duration,
        rung: Arc<Notify>,
    ) -> Result<(), BellError> {
        if self.armed.as_ref().is_some_and(|armed| armed.at == at) {
            return Ok(());
        }
        self.silence();
        // The scheduler counts whole seconds; one more keeps it from ringing before the time.
        let job = Job::new_one_shot_async(wait + Duration::from_secs(1), move |_, _| {
            let rung = Arc::clone(&rung);
            Box::pin(async move { rung.notify_one() })
        })?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("second-bell")
            .enable_time()
            .build()?;
        let starting = runtime.spawn(async move {
            let scheduler = JobScheduler::new().await?;
            scheduler.start().await?;
            scheduler.add(job).await?;
            Ok::<_, JobSchedulerError>(scheduler)
        });
        // At once, for this may be given up at the next wait.
        let mut armed = Armed {
            at,
            runtime: Some(runtime),
            scheduler: None,
        };
        armed.scheduler = Some(starting.await??);
        self.armed = Some(armed);
        Ok(())
    }
}

/// A scheduler that is to ring once. It runs on a runtime of its own, which ends with it: its shutdown leaves
/// a dozen tasks behind that would wait for ever.
struct Armed {
    at: Timestamp,
    runtime: Option<Runtime>,
    scheduler: Option<JobScheduler>,
}

impl std::fmt::Debug for Armed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Armed")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        drop(self.scheduler.take());
    }
}

/// Why there is no second bell.
#[derive(Debug, thiserror::Error)]
enum BellError {
    #[error("there is no thread for it: {0}")]
    Thread(#[from] std::io::Error),
    #[error("it ended at its start: {0}")]
    Ended(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Scheduler(#[from] JobSchedulerError),
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::clock::{Clock, ManualClock};

    #[tokio::test]
    async fn the_clock_or_the_bell_ends_the_wait() {
        let clock = ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap());
        let bell = Bell::default();
        let mut alarm = Alarm::new(Arc::new(clock.clone()), &bell);
        bell.ring();
        bell.ring();
        alarm.wait_until(None).await;
        let at = clock.now() + SignedDuration::from_hours(1);
        let waiting = tokio::spawn(async move { alarm.wait_until(Some(at)).await });
        tokio::task::yield_now().await;
        assert!(
            !waiting.is_finished(),
            "two rings before anybody waits are one"
        );
        clock.advance(SignedDuration::from_hours(1));
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn the_second_bell_rings_when_the_clock_does_not() {
        let clock = ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap());
        let mut alarm = Alarm::new(Arc::new(clock.clone()), &Bell::default());
        alarm.add_second_bell();
        for _ in 0..2 {
            // The clock stands still: only the scheduler, on the host's time, can ring.
            let at = clock.now() + SignedDuration::from_millis(1);
            alarm.wait_until(Some(at)).await;
            clock.advance(SignedDuration::from_secs(1));
        }
        alarm.stop();
    }

    #[tokio::test]
    async fn the_second_bell_is_silent_until_its_time_is_near_and_leaves_nothing_behind() {
        let clock = ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap());
        let bell = Bell::default();
        let mut alarm = Alarm::new(Arc::new(clock.clone()), &bell);
        alarm.add_second_bell();
        let armed = |alarm: &Alarm| {
            let bell = alarm.second.as_ref().unwrap();
            bell.armed.as_ref().map(|armed| armed.at)
        };
        for _ in 0..5 {
            bell.ring();
            alarm.wait_until(Some(clock.now() + NEAR)).await;
            assert_eq!(armed(&alarm), Some(clock.now() + NEAR));
            bell.ring();
            alarm.wait_until(Some(clock.now() + NEAR + NEAR)).await;
            assert_eq!(armed(&alarm), None);
        }
        let tasks = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        assert_eq!(tasks, 0);
    }
}
