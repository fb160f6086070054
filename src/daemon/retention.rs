//! Forgets once a day what the settings do not keep longer. Run by the daemon beside everything
//! else.

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, sleep};
use crate::settings::model::RetentionSettings;
use crate::store::usage::UsageStore;

/// How often it looks.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);

/// Looks at once and then every day, until `stop`.
pub(super) async fn run(
    usage: UsageStore,
    keep: RetentionSettings,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let forgetting = async {
        loop {
            forget_usage(&usage, keep, &clock).await;
            sleep(&*clock, PERIOD).await;
        }
    };
    stop.run_until_cancelled(forgetting).await;
}

async fn forget_usage(usage: &UsageStore, keep: RetentionSettings, clock: &SharedClock) {
    let Ok(before) = clock.now().checked_sub(SignedDuration::from(keep.usage)) else {
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
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
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
}
