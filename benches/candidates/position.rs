//! The licence position, and the floor that it is measured against.

use std::path::Path;

use jiff::tz::TimeZone;
use seatsync::clock::{Clock as _, SystemClock};
use seatsync::position::facts::Grouping;
use seatsync::store::Store;
use seatsync::store::job::Trigger;
use seatsync::store::position::PositionFilter;
use seatsync::subflow::position::calculate_position;

use super::{Result, checked, read_only, stepped, tell};

/// Computes and keeps the position as after a profile's chain. Its rows are the seats that it counted.
pub(super) async fn pass(folder: &Path) -> Result<()> {
    let clock = SystemClock;
    let store = Store::open(folder)?;
    checked()?;
    let start = clock.now();
    let run = calculate_position(&store, &TimeZone::UTC, start, Trigger::Manual).await?;
    let took = clock.now().duration_since(start);
    let filter = PositionFilter::default();
    let products = store
        .position_results(run.id, Grouping::None, filter)
        .await?;
    let used: u64 = products.iter().map(|one| one.numbers.rights_used).sum();
    store.close().await;
    tell(took, used + run.ignored.free)
}

/// Steps what the position selects of a seat and drops the rows.
pub(super) fn floor(folder: &Path) -> Result<()> {
    let database = read_only(folder)?;
    let start = SystemClock.now();
    let count = stepped(
        &database,
        "SELECT s.identifier, s.department,
             CASE WHEN im.rule IS NOT NULL OR EXISTS (
                     SELECT 1 FROM user_matches AS m
                     WHERE m.profile_id = s.profile_id
                       AND m.external_user_id = s.external_user_id
                       AND m.purpose = 'exclusion' AND m.lifted_at IS NULL) THEN 'excluded'
                 WHEN s.status = 'inactive' THEN 'inactive'
                 WHEN NOT s.paid THEN 'free' ELSE 'counts' END,
             NULL, NULL, NULL, NULL, NULL, NULL, NULL
         FROM subscriptions AS s
         LEFT JOIN identifier_matches AS im ON im.profile_id = s.profile_id
             AND im.identifier = s.identifier AND im.lifted_at IS NULL
         WHERE s.profile_id = 1 AND s.ended_at IS NULL",
    )?;
    tell(SystemClock.now().duration_since(start), count)
}
