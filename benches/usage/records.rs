//! The records that are pushed, the same for every system, and the file that already holds ten
//! million of them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use seatsync::store::usage::UsageStore;

use crate::Result;

/// Hosts that report, and products on each: ten million records of one month.
pub(crate) const HOSTS: u64 = 100_000;
pub(crate) const PRODUCTS: u64 = 100;
/// Products that one host reports in one batch, so that a batch of a thousand is of ten hosts.
const OF_ONE_HOST: u64 = 100;

/// The month that the full file holds, so a push about it is an update there.
const KNOWN_MONTH: u8 = 1;
const NEW_MONTH: u8 = 2;

/// A number that looks random, always the same for the same input (splitmix64).
pub(crate) fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The id of a host or a product: scattered, as sys_ids are.
fn id(kind: u64, number: u64) -> [u8; 16] {
    let high = scatter(kind << 32 | number);
    let bytes = u128::from(high) << 64 | u128::from(scatter(high));
    bytes.to_be_bytes()
}

fn host(number: u64) -> [u8; 16] {
    id(1, number)
}

fn product(number: u64) -> [u8; 16] {
    id(2, number)
}

/// A batch of `items` records. Equal numbers make equal batches; every second one is about records
/// that the full file holds, the others about new ones.
pub(crate) fn body(number: u64, items: u64) -> String {
    let mut body = String::with_capacity(40 + 256 * usize::try_from(items).unwrap_or(0));
    body.push_str(r#"{"items":["#);
    let month = if number.is_multiple_of(2) {
        KNOWN_MONTH
    } else {
        NEW_MONTH
    };
    let seed = scatter(number ^ 0x5ea7);
    for at in 0..items {
        if at > 0 {
            body.push(',');
        }
        let of_host = scatter(seed + at / OF_ONE_HOST) % HOSTS;
        let of_product = if items == 1 {
            seed >> 32
        } else {
            at % OF_ONE_HOST
        } % PRODUCTS;
        let (configuration_item, norm_product) = (
            u128::from_be_bytes(host(of_host)),
            u128::from_be_bytes(product(of_product)),
        );
        let _ = write!(
            body,
            r#"{{"configuration_item":"{configuration_item:032x}","month_used":{month},"norm_product":"{norm_product:032x}","reclamation_type":"total_usage","usage_count":{},"total_usage_time":{},"year":2026}}"#,
            1 + number % 1000,
            60 * (1 + number % 1000),
        );
    }
    body.push_str("]}");
    body
}

/// What a store holds before it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Empty,
    TenMillion,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TenMillion => "10,000,000 records",
        }
    }

    /// Puts a store in this state into `folder`, the schema its own doing.
    pub(crate) fn prepare(self, folder: &Path, cache: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        match self {
            Self::Empty => empty(folder),
            Self::TenMillion => {
                fs::copy(full(cache)?, folder.join("usage.db"))?;
                Ok(())
            }
        }
    }
}

fn empty(folder: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = UsageStore::open(folder)?;
    runtime.block_on(store.close());
    Ok(())
}

/// The full file, built at its first use and kept in `cache`.
fn full(cache: &Path) -> Result<PathBuf> {
    let done = cache.join("full.db");
    if done.exists() {
        return Ok(done);
    }
    let work = cache.join("building");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    empty(&work)?;
    // A copy: the store that made it may still be closing the file.
    let file = work.join("copy.db");
    fs::copy(work.join("usage.db"), &file)?;
    let mut database = Connection::open(&file)?;
    database.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;")?;
    // In the order of the key, so that each page is written once.
    let mut hosts: Vec<[u8; 16]> = (0..HOSTS).map(host).collect();
    let mut products: Vec<[u8; 16]> = (0..PRODUCTS).map(product).collect();
    hosts.sort_unstable();
    products.sort_unstable();
    let transaction = database.transaction()?;
    {
        let mut insert = transaction.prepare(
            "INSERT INTO usage_record (configuration_item, norm_product, period, key_user,
                 month_used, year, usage_count, total_usage_time, created_at, updated_at)
             VALUES (?1, ?2, ?3, x'', ?4, 2026, 3, 60, ?5, ?5)",
        )?;
        let period = 202_600 + u32::from(KNOWN_MONTH);
        let reported = 1_769_900_000_000_i64;
        for host in &hosts {
            for product in &products {
                insert.execute(params![host, product, period, KNOWN_MONTH, reported])?;
            }
        }
    }
    transaction.commit()?;
    drop(database);
    fs::rename(&file, &done)?;
    fs::remove_dir_all(&work)?;
    Ok(done)
}
