//! Usage records in `usage.db`, a file of its own so that nothing else holds up an agent. Written by
//! the usage socket, whose answers wait for the commit; read by the control socket for
//! `seatsync usage list|summary|export`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::check::{self, FileReport};
pub use super::database::GroupCommit;
use super::database::{Database, Layout, Migration};
use super::error::StoreError;
use super::known_time::KnownTime;
use crate::reclamation::installed::facts::ItemFacts;
use crate::usage::{Item, Key, Months, Period, ReclamationType, Record, Reference, SysId};

mod aggregate;
mod forget;
mod items;
mod read;
mod retention;
mod row;
mod upsert;

/// What `usage.db` is to SQLite: its application id (`SEAU` in ASCII) and its migrations, oldest
/// first. A released one is never edited.
pub(super) const LAYOUT: Layout = Layout {
    application_id: 0x5345_4155,
    migrations: &[
        Migration {
            name: "usage records",
            sql: include_str!("migrations/usage/0001_records.sql"),
        },
        Migration {
            name: "known time",
            sql: include_str!("migrations/usage/0002_known_time.sql"),
        },
    ],
    // Records come in any order, each to a place of its own.
    writer_cache: 8_000,
};

/// The usage records of one state directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UsageStore {
    database: Database,
    known_time: Arc<KnownTime>,
}

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upserted {
    /// The record's id.
    pub sys_id: SysId,
    /// Whether the record is new.
    pub inserted: bool,
}

/// Which records to read; what is not set does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Of this host or device only.
    pub configuration_item: Option<Reference>,
    /// Of this product only.
    pub norm_product: Option<Reference>,
    /// Of this type only.
    pub reclamation_type: Option<ReclamationType>,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1970 to 9999.
    pub year: Option<u16>,
}

/// Use of one product in one month, or, without a month, the last-used dates of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageSummary {
    /// The product.
    pub norm_product: Reference,
    /// What is summed.
    pub reclamation_type: ReclamationType,
    /// The year, for `total_usage`.
    pub year: Option<u16>,
    /// The month, for `total_usage`.
    pub month: Option<u8>,
    /// How many records.
    pub records: u64,
    /// How many configuration items used it.
    pub configuration_items: u64,
    /// Times opened.
    pub usage_count: i64,
    /// Seconds.
    pub total_usage_time: i64,
    /// The last use of any.
    pub last_used_time: Option<Timestamp>,
}

/// Use of one product on one device over some months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceUse {
    /// The device.
    pub configuration_item: Reference,
    /// The product.
    pub norm_product: Reference,
    /// Seconds in these months.
    pub total_usage_time: i64,
    /// Times opened in these months.
    pub usage_count: i64,
    /// The last use that is known, in these months or before.
    pub last_used_time: Option<Timestamp>,
    /// Whether it was used in these months; one of which only older reports are known is idle.
    pub used: bool,
}

/// Use of one product over some months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductUse {
    /// The product.
    pub norm_product: Reference,
    /// Devices that used it.
    pub devices: u64,
    /// Devices that reported it once and did not use it in these months.
    pub idle_devices: u64,
    /// Seconds.
    pub total_usage_time: i64,
    /// Times opened.
    pub usage_count: i64,
    /// The last use that is known of any device.
    pub last_used_time: Option<Timestamp>,
}

/// Roughly what a row takes in the log beside its page's share.
const ROW_WEIGHT: usize = 200;
/// Records that an export reads at once.
const EXPORT_PAGE: u32 = 1000;
/// Records in one snapshot that is judged: few, for all of them may be found unused.
const ITEM_ROWS: u32 = 2_000;
/// Devices that one snapshot adds up: a snapshot held for long keeps the log from beginning anew.
const SUM_PAGE: u32 = 100_000;

impl UsageStore {
    /// Opens or creates `usage.db` in `state`, and brings it up to this program's layout.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        Self::open_with(state, GroupCommit::On)
    }

    /// The same, and says whether batches that meet share a transaction.
    pub fn open_with(state: &Path, group: GroupCommit) -> Result<Self, StoreError> {
        let database = Database::open(&state.join("usage.db"), &LAYOUT, group)?;
        Ok(Self {
            database,
            known_time: Arc::default(),
        })
    }

    /// How many transactions with batches in them were committed since the start.
    pub fn commits(&self) -> u64 {
        self.database.groups()
    }

    /// Answers when the store can be read.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }

    /// Answers when the writer has done what it was asked before.
    pub async fn turn(&self) -> Result<(), StoreError> {
        self.database.turn().await
    }

    /// Grows while the writer works, within a long work too.
    pub fn beats(&self) -> u64 {
        self.database.beats()
    }

    /// What was asked of it since the start.
    pub fn works(&self) -> u64 {
        self.database.works()
    }

    /// Lets go of memory that speeds up works which come soon.
    pub async fn rest(&self) -> Result<(), StoreError> {
        self.database.rest().await
    }

    /// Finishes what is queued, moves the log into the database file and closes it.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Reads the whole file and says what is wrong with it. Writers do not wait for it.
    pub async fn check(&self) -> Result<FileReport, StoreError> {
        let path = self.database_path();
        self.database
            .read("check the file", move |t| check::report(t, &path, &LAYOUT))
            .await
    }

    pub(super) fn database_path(&self) -> PathBuf {
        self.database.path().to_owned()
    }

    /// Stores a batch whole, in its order, and says what became of each item. When this returns, the
    /// batch is durable; batches that arrive together share the sync. `user` is the uid that sends
    /// it: users take turns. A clock that shows less than what is known to have come is not believed.
    pub async fn upsert(
        &self,
        user: u32,
        items: Vec<Item>,
        newest_wins: bool,
        now: Timestamp,
    ) -> Result<Vec<Upserted>, StoreError> {
        let weight = items.len() * ROW_WEIGHT;
        let now = self.known_time.not_before(now);
        self.database
            .write_shared("store usage records", user, weight, move |transaction| {
                upsert::all(transaction, &items, newest_wins, now)
            })
            .await
    }

    /// Records in the order of their keys, at most `limit` of them, from behind `after`.
    pub async fn list(
        &self,
        filter: UsageFilter,
        after: Option<Key>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.database
            .read("list usage records", move |snapshot| {
                read::list(snapshot, &filter, after.as_ref(), limit)
            })
            .await
    }

    /// All records that pass `filter`, a page at a time, so that memory does not grow with them.
    /// Each page is a snapshot of its own: what is written meanwhile may or may not be seen.
    pub fn export(&self, filter: UsageFilter) -> UsageExport {
        UsageExport {
            store: self.clone(),
            filter,
            after: None,
            done: false,
        }
    }

    /// Sums by product and month.
    pub async fn summary(&self, filter: UsageFilter) -> Result<Vec<UsageSummary>, StoreError> {
        self.database
            .read("sum usage records", move |snapshot| {
                read::summary(snapshot, &filter)
            })
            .await
    }

    /// Use by device and product over `months`, in the order of their ids, at most `limit`, from
    /// behind `after`, a configuration item and a product. Of the filter, device and product count.
    pub async fn devices(
        &self,
        months: Months,
        filter: UsageFilter,
        after: Option<(Reference, Reference)>,
        limit: u32,
    ) -> Result<Vec<DeviceUse>, StoreError> {
        self.database
            .read("sum usage by device", move |snapshot| {
                aggregate::devices(snapshot, months, &filter, after, limit)
            })
            .await
    }

    /// Use by product over `months`, in the order of their ids. Reads every record that passes, a
    /// page at a time: memory grows with the products, not with the devices.
    pub async fn products(
        &self,
        months: Months,
        filter: UsageFilter,
    ) -> Result<Vec<ProductUse>, StoreError> {
        let mut products = aggregate::Products::default();
        let mut after = None;
        loop {
            let filter = filter.clone();
            let (added, place) = self
                .database
                .read("sum usage by product", move |snapshot| {
                    let place = products.add_page(snapshot, months, &filter, after, SUM_PAGE)?;
                    Ok((products, place))
                })
                .await?;
            products = added;
            if place.is_none() {
                return Ok(products.into_sums());
            }
            after = place;
        }
    }

    /// Hands each configuration item behind `after` to `judge`, in the order of the ids, with what was
    /// reported of it, and collects what that returns. Of products that are not `wanted` it is told only
    /// that the item reports. Reads so many items that a snapshot is not held for long: the last one's
    /// id, unless it was the last of all. Months begin in `zone`.
    pub async fn judge_items<T, W, J>(
        &self,
        after: Option<Reference>,
        zone: &TimeZone,
        wanted: W,
        mut judge: J,
    ) -> Result<(Vec<T>, Option<Reference>), StoreError>
    where
        T: Send + 'static,
        W: Fn(&Reference) -> bool + Send + 'static,
        J: FnMut(Reference, &ItemFacts, &mut Vec<T>) + Send + 'static,
    {
        let zone = zone.clone();
        self.database
            .read("read items and their software", move |snapshot| {
                let mut found = Vec::new();
                let each = |item, facts: &ItemFacts| judge(item, facts, &mut found);
                let next = items::each(snapshot, after, ITEM_ROWS, &wanted, &zone, each)?;
                Ok((found, next))
            })
            .await
    }

    /// What was reported of these items.
    pub async fn item_facts<W>(
        &self,
        items: Vec<Reference>,
        zone: &TimeZone,
        wanted: W,
    ) -> Result<BTreeMap<Reference, ItemFacts>, StoreError>
    where
        W: Fn(&Reference) -> bool + Send + 'static,
    {
        let zone = zone.clone();
        self.database
            .read("read items", move |snapshot| {
                items::of(snapshot, &items, &wanted, &zone)
            })
            .await
    }

    /// Which of these products no item reported in any month from the given one on.
    pub async fn unreported(
        &self,
        mut sought: BTreeMap<Reference, Period>,
    ) -> Result<BTreeMap<Reference, Period>, StoreError> {
        let mut after = None;
        while !sought.is_empty() {
            let (left, next) = self
                .database
                .read("look who reports products", move |snapshot| {
                    let next = items::take_reported(snapshot, &mut sought, after, SUM_PAGE)?;
                    Ok((sought, next))
                })
                .await?;
            sought = left;
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(sought)
    }

    /// How many records there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.database
            .read("count usage records", |snapshot| {
                let sql = "SELECT count(*) FROM usage_record";
                Ok(snapshot.query_row(sql, [], |row| row::count(row, 0))?)
            })
            .await
    }

    /// Notes what time is known to have come, when the clock shows `now` and the host has counted
    /// `elapsed`. Records age by it: see `known_time`.
    pub async fn note_time(
        &self,
        now: Timestamp,
        elapsed: SignedDuration,
    ) -> Result<Timestamp, StoreError> {
        self.known_time
            .look(&self.database, now, elapsed, |transaction| {
                let newest = "SELECT max(updated_at) FROM usage_record";
                transaction.query_row(newest, [], |row| row.get(0))
            })
            .await
    }

    /// How many records name `user`.
    pub async fn naming(&self, user: Reference) -> Result<u64, StoreError> {
        self.database
            .read("count usage records of a user", move |snapshot| {
                forget::count(snapshot, user)
            })
            .await
    }

    /// Takes `user` out of every record, which stays without; of how many.
    pub async fn forget_user(&self, user: Reference) -> Result<u64, StoreError> {
        self.database
            .with_writer(move |connection| forget::forget(connection, user))
            .await
    }

    /// Removes records that nobody has reported since `instant`; how many. Looks for them on a
    /// reader and removes a few at a time, so that agents do not wait for it.
    pub async fn forget_before(&self, instant: Timestamp) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let mut after = None;
        loop {
            let found = self
                .database
                .read("look for old usage records", move |snapshot| {
                    retention::old_keys(snapshot, instant, after)
                })
                .await?;
            let Some(last) = found.last().copied() else {
                return Ok(forgotten);
            };
            forgotten += self
                .database
                .write("remove old usage records", move |transaction| {
                    retention::remove(transaction, &found, instant)
                })
                .await?;
            after = Some(last);
        }
    }
}

/// See [`UsageStore::export`].
#[derive(Debug)]
pub struct UsageExport {
    store: UsageStore,
    filter: UsageFilter,
    after: Option<Key>,
    done: bool,
}

impl UsageExport {
    /// The next records; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let page = self
            .store
            .list(self.filter.clone(), self.after, EXPORT_PAGE)
            .await?;
        self.after = page.last().map(|record| record.key);
        self.done = self.after.is_none();
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
