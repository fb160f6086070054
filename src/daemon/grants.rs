//! Once a day, and at start: the consents that end soon are named in the log, while there is time.

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, sleep};
use crate::store::grant::GrantVault;
use crate::telemetry::Notable;

const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// Warns until it is stopped.
pub(super) async fn watch(grants: GrantVault, clock: SharedClock, stop: CancellationToken) {
    loop {
        let now = clock.now();
        for (connection, facts) in grants.all_facts() {
            if let Some(warning) = facts.warning(&connection, now) {
                tracing::warn!(message_id = %Notable::GrantEnds, connection, "{warning}");
            }
        }
        let slept = stop.run_until_cancelled(sleep(&*clock, EVERY)).await;
        if slept.is_none() {
            return;
        }
    }
}
