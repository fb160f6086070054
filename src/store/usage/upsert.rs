//! Takes a batch in: finds each record, merges the report into it, writes it back where that made
//! a difference.

use jiff::Timestamp;
use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};

use super::Upserted;
use super::row::{key_user, values};
use crate::store::column::At;
use crate::store::error::StoreError;
use crate::usage::{Item, Key, Values};

/// Stores `items`; the fates are in their order.
pub(super) fn all(
    transaction: &Transaction<'_>,
    items: &[Item],
    newest_wins: bool,
    now: Timestamp,
) -> Result<Vec<Upserted>, StoreError> {
    let mut statements = Statements::prepare(transaction)?;
    let mut fates = vec![None; items.len()];
    // Neighbours in the file one after another; equal keys stay in the order they were sent.
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| items[*a].key.cmp(&items[*b].key));
    for same_key in order.chunk_by(|a, b| items[*a].key == items[*b].key) {
        let key = &items[same_key[0]].key;
        let sys_id = key.sys_id();
        let stored = statements.find(key)?;
        let known = stored.is_some();
        let mut inserted = !known;
        let (mut values, updated_at) = stored.unwrap_or((Values::default(), now));
        let mut changed = inserted;
        for &at in same_key {
            changed |= values.merge(&items[at].changes, newest_wins);
            fates[at] = Some(Upserted { sys_id, inserted });
            inserted = false;
        }
        // A repeat on the same day leaves the row as it is.
        if changed || day(updated_at) < day(now) {
            statements.put(known, key, &values, now)?;
        }
    }
    Ok(fates.into_iter().flatten().collect())
}

fn day(instant: Timestamp) -> i64 {
    instant.as_second().div_euclid(86_400)
}

/// The statements of a batch, looked up once.
struct Statements<'a> {
    find: CachedStatement<'a>,
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn prepare(transaction: &'a Transaction<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            find: transaction.prepare_cached(
                "SELECT norm_publisher, user, month_used, year, usage_count, total_usage_time,
                        last_used_time, discovery_source, usage_type, updated_at
                 FROM usage_record
                 WHERE configuration_item = ?1 AND norm_product = ?2 AND period = ?3
                   AND key_user = ?4",
            )?,
            // Two statements, for it is known which is due: an upsert would look once more.
            insert: transaction.prepare_cached(
                "INSERT INTO usage_record
                    (configuration_item, norm_product, period, key_user,
                     norm_publisher, user, month_used, year, usage_count, total_usage_time,
                     last_used_time, discovery_source, usage_type, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
            )?,
            update: transaction.prepare_cached(
                "UPDATE usage_record SET
                    norm_publisher = ?5, user = ?6, month_used = ?7, year = ?8,
                    usage_count = ?9, total_usage_time = ?10, last_used_time = ?11,
                    discovery_source = ?12, usage_type = ?13, updated_at = ?14
                 WHERE configuration_item = ?1 AND norm_product = ?2 AND period = ?3
                   AND key_user = ?4",
            )?,
        })
    }

    fn find(&mut self, key: &Key) -> Result<Option<(Values, Timestamp)>, StoreError> {
        let found = self.find.query_row(
            params![
                key.configuration_item,
                key.norm_product,
                key.period.number(),
                key_user(key)
            ],
            |row| {
                let At(updated_at) = row.get(9)?;
                Ok((values(row, 0)?, updated_at))
            },
        );
        Ok(found.optional()?)
    }

    fn put(
        &mut self,
        known: bool,
        key: &Key,
        values: &Values,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = if known {
            &mut self.update
        } else {
            &mut self.insert
        };
        statement.execute(params![
            key.configuration_item,
            key.norm_product,
            key.period.number(),
            key_user(key),
            values.norm_publisher,
            values.user,
            values.month_used,
            values.year,
            values.usage_count,
            values.total_usage_time,
            values.last_used_time.map(At),
            values.discovery_source.as_deref(),
            values.usage_type.as_deref(),
            At(now)
        ])?;
        Ok(())
    }
}
