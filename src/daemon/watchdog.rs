//! Tells the service manager that the daemon is alive only while its parts are: the main loop by
//! running this, both stores by their writers' progress, the planners by not having ended.

use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SharedClock, sleep};
use crate::store::Store;
use crate::store::usage::UsageStore;
use crate::systemd;
use crate::telemetry::Notable;

/// What must make progress.
pub(super) struct Vitals {
    pub(super) store: Store,
    pub(super) usage: UsageStore,
    /// What runs until the daemon stops.
    pub(super) planners: Vec<JoinHandle<()>>,
}

impl Vitals {
    fn beats(&self) -> (u64, u64) {
        (self.store.beats(), self.usage.beats())
    }

    /// Waits at most `patience` for both writers to take their turn. One that works on something
    /// long is alive when it got on since `before`. The error names what stands still.
    async fn progress(
        &self,
        before: (u64, u64),
        patience: SignedDuration,
        clock: &dyn Clock,
    ) -> Result<(), &'static str> {
        if self.planners.iter().any(JoinHandle::is_finished) {
            return Err("what plans and runs jobs has ended");
        }
        let in_time = async |turn: &mut (dyn Future<Output = bool> + Send + Unpin)| {
            tokio::select! {
                done = turn => done,
                () = sleep(clock, patience) => false,
            }
        };
        let mut turn = Box::pin(async { self.store.turn().await.is_ok() });
        if !in_time(&mut turn).await && self.store.beats() == before.0 {
            return Err("the writer of seatsync.db stands still");
        }
        let mut turn = Box::pin(async { self.usage.turn().await.is_ok() });
        if !in_time(&mut turn).await && self.usage.beats() == before.1 {
            return Err("the writer of usage.db stands still");
        }
        Ok(())
    }
}

/// Tells of life as often as the service manager wants to hear it, until `stop`.
pub(super) async fn keep(vitals: Vitals, clock: SharedClock, stop: CancellationToken) {
    let Some(interval) = systemd::watchdog_interval() else {
        return;
    };
    let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::from_secs(10));
    loop {
        let before = vitals.beats();
        let pause = stop.run_until_cancelled(sleep(&*clock, interval)).await;
        if pause.is_none() {
            return;
        }
        // Half an interval for both: what is alive is told before the limit of two.
        match vitals.progress(before, interval / 4, &*clock).await {
            Ok(()) => systemd::alive(),
            Err(what) => tracing::error!(
                message_id = %Notable::StandsStill,
                "{what}, so the service manager is not told of life: it ends the daemon and starts it again unless that changes"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_that_is_held_is_no_life() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let usage = UsageStore::open(folder.path()).unwrap();
        let clock = ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap());
        let vitals = Vitals {
            store: store.clone(),
            usage,
            planners: Vec::new(),
        };
        let patience = SignedDuration::from_secs(5);
        let progress = vitals.progress(vitals.beats(), patience, &clock);
        assert_eq!(progress.await, Ok(()));

        let (release, held) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let holder = tokio::spawn(async move {
            store
                .hold_writer(move || {
                    begun.send(()).unwrap();
                    let _ = held.recv();
                })
                .await
        });
        begins.recv().unwrap();
        let before = vitals.beats();
        let ((), progress) = tokio::join!(
            async {
                tokio::task::yield_now().await;
                clock.advance(patience);
            },
            vitals.progress(before, patience, &clock)
        );
        assert_eq!(progress, Err("the writer of seatsync.db stands still"));
        release.send(()).unwrap();
        holder.await.unwrap().unwrap();
        let progress = vitals.progress(before, patience, &clock);
        assert_eq!(progress.await, Ok(()));
    }

    #[tokio::test]
    async fn a_planner_that_ended_is_no_life() {
        let folder = tempfile::tempdir().unwrap();
        let ended = tokio::spawn(async {});
        while !ended.is_finished() {
            tokio::task::yield_now().await;
        }
        let vitals = Vitals {
            store: Store::open(folder.path()).unwrap(),
            usage: UsageStore::open(folder.path()).unwrap(),
            planners: vec![ended],
        };
        let clock = ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap());
        let progress = vitals.progress(vitals.beats(), SignedDuration::from_secs(5), &clock);
        assert_eq!(progress.await, Err("what plans and runs jobs has ended"));
    }
}
