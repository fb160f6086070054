//! Forgets once a day what the settings do not keep longer. Run by the daemon beside everything
//! else.

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, sleep};
use crate::settings::model::RetentionSettings;
use crate::store::Store;
use crate::store::usage::UsageStore;
use crate::telemetry::Notable;

/// How often it lets go; the first time one [`LOOK`] after the start.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);
/// How often it looks at the clock.
const LOOK: SignedDuration = SignedDuration::from_hours(1);
/// How far a clock may be from what is known before somebody is told.
const SUSPECT: SignedDuration = SignedDuration::from_hours(24);

/// Looks at the clock every hour and lets go every day, until `stop`.
pub(super) async fn run(
    store: Store,
    usage: UsageStore,
    keep: RetentionSettings,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let forgetting = async {
        let mut due = clock.elapsed();
        loop {
            sleep(&*clock, LOOK).await;
            let (now, elapsed) = (clock.now(), clock.elapsed());
            if let Err(error) = store.note_time(now, elapsed).await {
                tracing::warn!(%error, "could not note the time in `seatsync.db`");
            }
            let known = match usage.note_time(now, elapsed).await {
                Ok(known) => known,
                Err(error) => {
                    tracing::warn!(%error, "could not note the time in `usage.db`");
                    continue;
                }
            };
            if elapsed >= due {
                warn_of_the_clock(now, known);
                forget_usage(&usage, keep, known).await;
                due = elapsed.saturating_add(PERIOD);
            }
        }
    };
    stop.run_until_cancelled(forgetting).await;
}

fn warn_of_the_clock(now: Timestamp, known: Timestamp) {
    if now.duration_since(known).abs() > SUSPECT {
        tracing::warn!(
            message_id = %Notable::ClockWrong,
            clock = %now,
            %known,
            "the clock is far from the time that is known to have come: what is kept ages by the latter, \
             which follows the clock twice as fast as time passes; set the clock if it is wrong"
        );
    }
}

async fn forget_usage(usage: &UsageStore, keep: RetentionSettings, known: Timestamp) {
    let Ok(before) = known.checked_sub(SignedDuration::from(keep.usage)) else {
        return;
    };
    match usage.forget_before(before).await {
        Ok(0) => {}
        Ok(records) => tracing::info!(records, %before, "forgot usage records"),
        Err(error) => tracing::warn!(%error, "could not forget old usage records"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Clock as _, ManualClock};
    use crate::usage::{Batch, Rules};

    const BODY: &[u8] = br#"{"items":[{"configuration_item":"eaa9604d3790200044e0bfc8bcbe5dc1","norm_product":"40209c060b3022002d6c650d37673a89","reclamation_type":"last_used_date"}]}"#;

    #[tokio::test]
    async fn a_record_that_nobody_reports_goes_after_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let usage = UsageStore::open(folder.path()).unwrap();
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let items = Batch::parse(BODY, &Rules::default()).unwrap().items;
        usage.upsert(0, items, false, start).await.unwrap();
        let clock = ManualClock::at(start);
        let keep = RetentionSettings::default();
        let stop = CancellationToken::new();
        let running = tokio::spawn(run(
            Store::open(folder.path()).unwrap(),
            usage.clone(),
            keep,
            Arc::new(clock.clone()),
            stop.clone(),
        ));
        clock.set(start + SignedDuration::from(keep.usage));
        for _ in 0..10 {
            tokio::task::yield_now().await;
            assert_eq!(usage.count().await.unwrap(), 1, "kept to the last day");
        }
        let mut days = 0;
        while usage.count().await.unwrap() == 1 {
            clock.advance(PERIOD);
            days += 1;
            assert!(days < 100_000, "never forgotten");
        }
        stop.cancel();
        running.await.unwrap();
    }

    /// A daemon with the clock at `shown` while the host counts days; how many records are left.
    async fn days_of(usage: &UsageStore, folder: &Path, shown: &str, days: i64) -> u64 {
        let clock = ManualClock::at(shown.parse().unwrap());
        let stop = CancellationToken::new();
        usage.note_time(clock.now(), clock.elapsed()).await.unwrap();
        let running = tokio::spawn(run(
            Store::open(folder).unwrap(),
            usage.clone(),
            RetentionSettings::default(),
            Arc::new(clock.clone()),
            stop.clone(),
        ));
        for _ in 0..days * 24 {
            tokio::task::yield_now().await;
            clock.advance(LOOK);
            usage.ping().await.unwrap();
        }
        let left = usage.count().await.unwrap();
        stop.cancel();
        running.await.unwrap();
        left
    }

    #[tokio::test]
    async fn a_wrong_clock_makes_nothing_old() {
        let folder = tempfile::tempdir().unwrap();
        let item = || Batch::parse(BODY, &Rules::default()).unwrap().items;
        // A host without a battery, before it has asked what time it is.
        let usage = UsageStore::open(folder.path()).unwrap();
        let before = "1970-01-02T00:00:00Z".parse().unwrap();
        usage.note_time(before, SignedDuration::ZERO).await.unwrap();
        usage.upsert(0, item(), false, before).await.unwrap();
        // It is right, far ahead, and behind.
        for shown in [
            "2027-01-01T00:00:00Z",
            "2032-01-01T00:00:00Z",
            "1970-01-02T00:00:00Z",
            "2027-01-09T00:00:00Z",
        ] {
            let usage = UsageStore::open(folder.path()).unwrap();
            assert_eq!(days_of(&usage, folder.path(), shown, 3).await, 1, "{shown}");
        }
    }
}
