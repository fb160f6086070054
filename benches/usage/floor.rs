//! The bare loop: what any server on SQLite has to do at least. JSON is parsed, one prepared upsert
//! per item hands its row back, and a transaction of a given number of bodies is committed and
//! synced. A process of its own, so that its peak memory is.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use seatsync::clock::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::json;

use crate::records::body;
use crate::{Result, peak_mib, since};

/// Bodies of `items` items each, from number `first` on, `together` of them in one transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) first: u64,
    pub(crate) bodies: u64,
    pub(crate) items: u64,
    pub(crate) together: u64,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    items: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    configuration_item: &'a str,
    norm_product: &'a str,
    reclamation_type: &'a str,
    month_used: u32,
    year: u32,
    usage_count: i64,
    total_usage_time: i64,
}

/// Runs it on `usage.db` in `folder`, set up as the store sets it up, and prints what came of it.
pub(crate) fn run(folder: &Path, task: Task) -> Result<()> {
    let bodies: Vec<String> = (0..task.bodies)
        .map(|number| body(task.first + number, task.items))
        .collect();
    let mut database = Connection::open(folder.join("usage.db"))?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8000;
         PRAGMA wal_autocheckpoint = 20000;",
    )?;
    let mut returned = 0_u64;
    let start = SystemClock.now();
    let together = usize::try_from(task.together.max(1))?;
    for bodies in bodies.chunks(together) {
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut upsert = transaction.prepare_cached(
                "INSERT INTO usage_record (configuration_item, norm_product, period, key_user,
                     month_used, year, usage_count, total_usage_time, created_at, updated_at)
                 VALUES (?1, ?2, ?3, x'', ?4, ?5, ?6, ?7, ?8, ?8)
                 ON CONFLICT DO UPDATE SET usage_count = ?6, total_usage_time = ?7, updated_at = ?8
                 RETURNING configuration_item, norm_product, period, created_at, updated_at",
            )?;
            for body in bodies {
                let body: Body<'_> = serde_json::from_str(body)?;
                let now = SystemClock.now().as_millisecond();
                for item in body.items {
                    let period = if item.reclamation_type == "total_usage" {
                        item.year * 100 + item.month_used
                    } else {
                        0
                    };
                    let row: ([u8; 16], [u8; 16], u32, i64, i64) = upsert.query_row(
                        params![
                            bytes(item.configuration_item)?,
                            bytes(item.norm_product)?,
                            period,
                            item.month_used,
                            item.year,
                            item.usage_count,
                            item.total_usage_time,
                            now
                        ],
                        |row| {
                            Ok((
                                row.get(0)?,
                                row.get(1)?,
                                row.get(2)?,
                                row.get(3)?,
                                row.get(4)?,
                            ))
                        },
                    )?;
                    returned += u64::from(row.4 == now);
                }
            }
        }
        transaction.commit()?;
    }
    let seconds = since(start);
    if returned != task.bodies * task.items {
        return Err("the bare loop did not get its rows back".into());
    }
    crate::tell(&json!({ "seconds": seconds, "peak_mib": peak_mib("self")? }))
}

fn bytes(hex: &str) -> Result<[u8; 16]> {
    Ok(u128::from_str_radix(hex, 16)?.to_be_bytes())
}
