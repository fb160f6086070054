//! Computes the licence position when a week went by without. Run by the daemon beside everything
//! else.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, sleep};
use crate::settings::Settings;
use crate::store::job::Trigger;
use crate::store::{Store, StoreError};
use crate::subflow::position::calculate_position;

/// ServiceNow reconciles once a week by default.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 7);
/// How often it looks at the clock.
const LOOK: SignedDuration = SignedDuration::from_hours(1);

/// Looks every hour, until `stop`.
pub(super) async fn run(
    store: Store,
    settings: Arc<Settings>,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let looking = async {
        loop {
            sleep(&*clock, LOOK).await;
            if let Err(error) = look(&store, &settings, &clock).await {
                tracing::warn!(%error, "the licence position is not computed; it is tried again in an hour");
            }
        }
    };
    stop.run_until_cancelled(looking).await;
}

async fn look(store: &Store, settings: &Settings, clock: &SharedClock) -> Result<(), StoreError> {
    let now = clock.now();
    let last = store.position_run(None).await?;
    if last.is_some_and(|last| now.duration_since(last.calculated_at) < PERIOD) {
        return Ok(());
    }
    calculate_position(store, &settings.time_zone, now, Trigger::Schedule).await?;
    Ok(())
}
