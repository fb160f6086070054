//! The licence position: by every grouping, from what the store knows, kept in the store. It follows each
//! profile's chain, a week without one, and a person's request; it calls no vendor.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::position::calculate::{Basis, position};
use crate::position::facts::Grouping;
use crate::store::job::Trigger;
use crate::store::position::{NewPosition, PositionRun};
use crate::store::{Store, StoreError};

/// Computes and keeps the position at `now`; the day is that of `zone`.
pub async fn calculate_position(
    store: &Store,
    zone: &TimeZone,
    now: Timestamp,
    trigger: Trigger,
) -> Result<PositionRun, StoreError> {
    let catalogue = store.catalogue().await?;
    let entitlements = store.entitlements().await?;
    let facts = store.position_facts(now).await?;
    let today = now.to_zoned(zone.clone()).date();
    let basis = Basis {
        catalogue: &catalogue,
        entitlements: &entitlements,
        today,
    };
    let groupings = Grouping::ALL.into_iter();
    let new = NewPosition {
        trigger,
        calculated_at: now,
        day: today,
        by_grouping: groupings
            .map(|grouping| (grouping, position(basis, &facts, grouping)))
            .collect(),
    };
    store.keep_position(new).await
}
