//! Removes records that nobody has reported for long.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::row::{key, key_user};
use crate::store::column::At;
use crate::store::error::StoreError;
use crate::usage::{Key, Period, Reference};

/// Records that one transaction removes: few, for agents wait meanwhile.
const PAGE: u32 = 1000;

/// Keys of records last reported before `instant`, from `after` on; none at the end.
pub(super) fn old_keys(
    snapshot: &Transaction<'_>,
    instant: Timestamp,
    after: Option<Key>,
) -> Result<Vec<Key>, StoreError> {
    // No key is below this one. The one that a page ended with is gone, or was reported meanwhile, so
    // that beginning with it does no harm.
    let after = after.unwrap_or(Key {
        configuration_item: Reference([0; 16]),
        norm_product: Reference([0; 16]),
        period: Period::ALL_TIME,
        user: None,
    });
    let mut statement = snapshot.prepare_cached(
        "SELECT configuration_item, norm_product, period, key_user
         FROM usage_record
         WHERE (configuration_item, norm_product, period, key_user) >= (?1, ?2, ?3, ?4)
           AND updated_at < ?5
         ORDER BY configuration_item, norm_product, period, key_user
         LIMIT ?6",
    )?;
    let keys = statement.query_map(
        params![
            after.configuration_item,
            after.norm_product,
            after.period.number(),
            key_user(&after),
            At(instant),
            PAGE
        ],
        key,
    )?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Removes those of `keys` that were not reported again meanwhile; how many.
pub(super) fn remove(
    transaction: &Transaction<'_>,
    keys: &[Key],
    instant: Timestamp,
) -> Result<u64, StoreError> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM usage_record
         WHERE configuration_item = ?1 AND norm_product = ?2 AND period = ?3 AND key_user = ?4
           AND updated_at < ?5",
    )?;
    let mut removed = 0;
    for key in keys {
        removed += statement.execute(params![
            key.configuration_item,
            key.norm_product,
            key.period.number(),
            key_user(key),
            At(instant)
        ])?;
    }
    Ok(removed as u64)
}
