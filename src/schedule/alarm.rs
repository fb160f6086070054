//! Wakes the planner. Two bells: a sleep on the [`Clock`](crate::clock::Clock), which a test can move and which
//! survives suspend, and a one-shot of tokio-cron-scheduler, always an interval in UTC and always
//! armed anew, never a zone or a repetition. A bell carries nothing: the planner looks at the store.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use uuid::Uuid;

use crate::clock::SharedClock;

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
    pub async fn add_second_bell(&mut self) {
        match SecondBell::start().await {
            Ok(bell) => self.second = Some(bell),
            Err(error) => {
                tracing::warn!(%error, "the second scheduler does not start; the clock alone wakes the planner");
            }
        }
    }

    /// Completes at `at`, or when the bell is rung; for ever, when neither happens.
    pub async fn wait_until(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else {
            self.rung.notified().await;
            return;
        };
        if let Some(bell) = &mut self.second {
            let wait = at.duration_since(self.clock.now());
            let rung = Arc::clone(&self.rung);
            if let Err(error) = bell.arm(at, wait.unsigned_abs(), rung).await {
                tracing::debug!(%error, "the second scheduler cannot be armed");
            }
        }
        tokio::select! {
            () = self.rung.notified() => {}
            () = self.clock.sleep_until(at) => {}
        }
    }

    /// Ends the second bell's task.
    pub async fn stop(&mut self) {
        if let Some(mut bell) = self.second.take()
            && let Err(error) = bell.scheduler.shutdown().await
        {
            tracing::debug!(%error, "the second scheduler does not stop");
        }
    }
}

struct SecondBell {
    scheduler: JobScheduler,
    armed: Option<(Uuid, Timestamp)>,
}

impl std::fmt::Debug for SecondBell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondBell")
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}

impl SecondBell {
    async fn start() -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        scheduler.start().await?;
        Ok(Self {
            scheduler,
            armed: None,
        })
    }

    async fn arm(
        &mut self,
        at: Timestamp,
        wait: Duration,
        rung: Arc<Notify>,
    ) -> Result<(), JobSchedulerError> {
        if self.armed.is_some_and(|(_, armed)| armed == at) {
            return Ok(());
        }
        if let Some((old, _)) = self.armed.take() {
            self.scheduler.remove(&old).await?;
        }
        // The scheduler counts whole seconds; one more keeps it from ringing before the time.
        let job = Job::new_one_shot_async(wait + Duration::from_secs(1), move |_, _| {
            let rung = Arc::clone(&rung);
            Box::pin(async move { rung.notify_one() })
        })?;
        let id = self.scheduler.add(job).await?;
        self.armed = Some((id, at));
        Ok(())
    }
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
        alarm.add_second_bell().await;
        for _ in 0..2 {
            // The clock stands still: only the scheduler, on the host's time, can ring.
            let at = clock.now() + SignedDuration::from_millis(1);
            alarm.wait_until(Some(at)).await;
            clock.advance(SignedDuration::from_secs(1));
        }
        alarm.stop().await;
    }
}
