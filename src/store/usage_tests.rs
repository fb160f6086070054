//! The store of usage records, on a real file.

use super::*;
use crate::usage::{Batch, Rules};

const NOW: &str = "2026-03-10T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn open() -> (tempfile::TempDir, UsageStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = UsageStore::open(folder.path()).unwrap();
    (folder, store)
}

/// Items in a short form: (configuration item, product, month of 2026 or 0 for last used, rest).
fn items(short: &[(u32, u32, u8, &str)]) -> Vec<Item> {
    let text: Vec<String> = short
        .iter()
        .map(|(item, product, month, rest)| {
            let kind = match month {
                0 => r#""reclamation_type":"last_used_date""#.to_owned(),
                _ => format!(
                    r#""reclamation_type":"total_usage","month_used":{month},"year":2026"#
                ),
            };
            format!(r#"{{"configuration_item":"{item:032x}","norm_product":"{product:032x}",{kind}{rest}}}"#)
        })
        .collect();
    let body = format!(r#"{{"items":[{}]}}"#, text.join(","));
    Batch::parse(body.as_bytes(), &Rules::default())
        .unwrap()
        .items
}

async fn push(store: &UsageStore, short: &[(u32, u32, u8, &str)]) -> Vec<Upserted> {
    store.upsert(0, items(short), false, at(NOW)).await.unwrap()
}

async fn all(store: &UsageStore) -> Vec<Record> {
    store
        .list(UsageFilter::default(), None, 1000)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_repeat_updates_the_same_record_and_sets_its_values() {
    let (_folder, store) = open();
    let first = push(
        &store,
        &[(1, 1, 2, r#","usage_count":13,"total_usage_time":60"#)],
    )
    .await;
    assert!(first[0].inserted);
    let second = push(&store, &[(1, 1, 2, r#","usage_count":20"#)]).await;
    assert_eq!(
        (second[0].inserted, second[0].sys_id),
        (false, first[0].sys_id)
    );
    let records = all(&store).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].values.usage_count, Some(20));
    assert_eq!(records[0].values.total_usage_time, Some(60));
    assert_eq!(records[0].key.sys_id(), first[0].sys_id);
}

#[tokio::test]
async fn duplicates_in_one_batch_are_taken_in_their_order() {
    let (_folder, store) = open();
    let batch = [
        (2, 1, 2, r#","usage_count":1"#),
        (1, 1, 2, r#","usage_count":5"#),
        (2, 1, 2, r#","usage_count":2"#),
        (1, 1, 2, r#","usage_count":7"#),
    ];
    let fates = push(&store, &batch).await;
    let inserted: Vec<bool> = fates.iter().map(|fate| fate.inserted).collect();
    assert_eq!(inserted, [true, true, false, false]);
    assert_eq!(fates[1].sys_id, fates[3].sys_id);
    let counts: Vec<_> = all(&store)
        .await
        .iter()
        .map(|record| record.values.usage_count)
        .collect();
    assert_eq!(counts, [Some(7), Some(2)]);
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_reopen() {
    let (folder, store) = open();
    let rest = r#","norm_publisher":"24dcccc20b3022002d6c650d37673ab3","user":"24dcccc20b3022002d6c650d37673ab4","usage_count":3,"total_usage_time":4,"last_used_time":"2026-01-05 08:00:00","discovery_source":"agent","usage_type":"desktop""#;
    push(&store, &[(1, 1, 2, rest), (1, 1, 0, rest)]).await;
    let before = all(&store).await;
    store.close().await;
    drop(store);
    let store = UsageStore::open(folder.path()).unwrap();
    assert_eq!(all(&store).await, before);
    assert_eq!(before[1].values.month_used, Some(2));
    assert_eq!(
        before[0].values.last_used_time,
        Some(at("2026-01-05T08:00:00Z"))
    );
}

#[tokio::test]
async fn batches_that_meet_insert_a_record_once() {
    let (_folder, store) = open();
    let pushes: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { push(&store, &[(1, 1, 2, ""), (2, 2, 0, "")]).await })
        })
        .collect();
    let mut inserted = 0;
    for push in pushes {
        inserted += push
            .await
            .unwrap()
            .iter()
            .filter(|fate| fate.inserted)
            .count();
    }
    assert_eq!(inserted, 2);
    assert_eq!(store.count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_repeat_on_the_same_day_does_not_rewrite_the_row() {
    let (_folder, store) = open();
    let batch = || items(&[(1, 1, 2, r#","usage_count":1"#)]);
    let mut seen = Vec::new();
    for time in [
        "2026-03-10T00:00:00Z",
        "2026-03-10T23:59:59Z",
        "2026-03-11T00:00:00Z",
    ] {
        store.upsert(0, batch(), false, at(time)).await.unwrap();
        seen.push(all(&store).await[0].updated_at);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[2], at("2026-03-11T00:00:00Z"));
    assert_eq!(all(&store).await[0].created_at, at("2026-03-10T00:00:00Z"));
}

#[tokio::test]
async fn a_full_disk_refuses_the_batch_and_recovers_without_a_restart() {
    let (_folder, store) = open();
    push(&store, &[(1, 1, 2, "")]).await;
    let pages = |limit: &'static str| {
        let database = store.database.clone();
        async move {
            let set = move |connection: &mut rusqlite::Connection| {
                Ok(connection.query_row(limit, [], |_| Ok(()))?)
            };
            database.with_writer(set).await.unwrap();
        }
    };
    pages("PRAGMA max_page_count = 3").await;
    let many: Vec<_> = (0..500).map(|product| (7, product, 2, "")).collect();
    let error = store
        .upsert(0, items(&many), false, at(NOW))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Disk { .. }), "{error}");
    assert_eq!(store.count().await.unwrap(), 1);
    pages("PRAGMA max_page_count = 1000000").await;
    store.upsert(0, items(&many), false, at(NOW)).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 501);
}

/// Keeps the writer busy until it is released, so that what comes meanwhile meets in the queue.
fn hold(store: &UsageStore) -> std::sync::mpsc::Sender<()> {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let database = store.database.clone();
    tokio::spawn(async move {
        database
            .with_writer(move |_| {
                // An error says that the other end is gone: released too.
                let _ = released.recv();
                Ok(())
            })
            .await
    });
    release
}

/// Starts pushes, each by its user, and lets them get into the queue.
async fn start_pushes(
    store: &UsageStore,
    batches: Vec<(u32, Vec<Item>)>,
) -> Vec<tokio::task::JoinHandle<Result<Vec<Upserted>, StoreError>>> {
    let mut pushes = Vec::new();
    for (user, batch) in batches {
        let store = store.clone();
        pushes.push(tokio::spawn(async move {
            store.upsert(user, batch, false, at(NOW)).await
        }));
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    pushes
}

#[tokio::test]
async fn all_that_share_a_transaction_share_its_failure() {
    let (_folder, store) = open();
    push(&store, &[(1, 1, 2, "")]).await;
    let limit = |pages: &'static str| {
        let set = move |connection: &mut rusqlite::Connection| {
            Ok(connection.query_row(pages, [], |_| Ok(()))?)
        };
        let database = store.database.clone();
        async move { database.with_writer(set).await.unwrap() }
    };
    limit("PRAGMA max_page_count = 3").await;
    let commits = store.commits();
    let release = hold(&store);
    let many: Vec<_> = (0..500).map(|product| (7, product, 2, "")).collect();
    let batches = || {
        vec![
            (1, items(&[(2, 1, 2, "")])),
            (2, items(&many)),
            (3, items(&[(3, 1, 2, "")])),
        ]
    };
    let pushes = start_pushes(&store, batches()).await;
    drop(release);
    let mut failed = 0;
    for push in pushes {
        failed += usize::from(matches!(push.await.unwrap(), Err(StoreError::Disk { .. })));
    }
    // The third may have come too late for their transaction, and then has its own.
    assert!(failed >= 2, "{failed} of the group were told");
    let stored = store.count().await.unwrap();
    assert_eq!(stored + failed as u64, 4, "half of the group was stored");
    assert!(store.commits() <= commits + 1);
    limit("PRAGMA max_page_count = 1000000").await;
    for push in start_pushes(&store, batches()).await {
        push.await.unwrap().unwrap();
    }
    assert_eq!(store.count().await.unwrap(), 503);
}

#[tokio::test]
async fn a_user_who_floods_keeps_no_other_waiting() {
    let (_folder, store) = open();
    let release = hold(&store);
    let done = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut pushes = Vec::new();
    for (user, first) in (0..12).map(|at| (1, at)).chain([(2, 99)]) {
        let size = if user == 1 { 4000 } else { 1 };
        let batch: Vec<_> = (0..size)
            .map(|product| (first + 1, product, 2, ""))
            .collect();
        let (store, done, batch) = (store.clone(), done.clone(), items(&batch));
        pushes.push(tokio::spawn(async move {
            store.upsert(user, batch, false, at(NOW)).await.unwrap();
            done.lock().unwrap().push(user);
        }));
    }
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
    drop(release);
    for push in pushes {
        push.await.unwrap();
    }
    let order = done.lock().unwrap().clone();
    let place = order.iter().position(|user| *user == 2).unwrap();
    assert!(
        place <= 6,
        "the other user came after {place} batches: {order:?}"
    );
}

#[tokio::test]
async fn a_log_that_has_grown_is_moved_into_the_file_and_begins_anew() {
    let (folder, store) = open();
    let size =
        |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len());
    // Scattered, so that each record is a page in the log.
    let scattered = |round: u32| -> Vec<_> {
        (0..2000_u32)
            .map(|number| (number.wrapping_mul(0x9e37_79b1), round, 2, ""))
            .collect()
    };
    for round in 0..100 {
        push(&store, &scattered(round)).await;
        if size("usage.db") > 4 << 20 {
            assert_eq!(store.count().await.unwrap(), 2000 * u64::from(round + 1));
            let log = size("usage.db-wal");
            assert!(log < 400 << 20, "the log has {log} bytes");
            return;
        }
    }
    panic!("nothing of {} bytes of log was moved", size("usage.db-wal"));
}

#[tokio::test]
async fn use_over_the_last_months_counts_devices_in_use_and_idle() {
    let (_folder, store) = open();
    push(
        &store,
        &[
            // Device 1: two months in the window, one before it.
            (1, 1, 3, r#","usage_count":2,"total_usage_time":60"#),
            (1, 1, 2, r#","usage_count":3,"total_usage_time":40"#),
            (1, 1, 1, r#","usage_count":100,"total_usage_time":1000"#),
            // Device 2: before the window only.
            (2, 1, 1, r#","usage_count":5,"total_usage_time":50"#),
            // Device 3: reported in the window, not used.
            (3, 1, 3, r#","usage_count":0,"total_usage_time":0"#),
            // Device 4: a last use in the window; device 5 before it.
            (4, 1, 0, r#","last_used_time":"2026-02-01 00:00:00""#),
            (5, 1, 0, r#","last_used_time":"2026-01-31 23:59:59""#),
            // Device 6: reported without numbers.
            (6, 2, 3, ""),
        ],
    )
    .await;
    let months = Months::last(2, at(NOW), &jiff::tz::TimeZone::UTC).unwrap();
    let everything = UsageFilter::default();
    let sums = store.products(months, everything.clone()).await.unwrap();
    let told: Vec<_> = sums
        .iter()
        .map(|sum| {
            (
                sum.devices,
                sum.idle_devices,
                sum.usage_count,
                sum.total_usage_time,
            )
        })
        .collect();
    assert_eq!(told, [(2, 3, 5, 100), (1, 0, 0, 0)]);
    assert_eq!(sums[0].last_used_time, Some(at("2026-02-01T00:00:00Z")));
    let mut used = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .devices(months, everything.clone(), after, 2)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.configuration_item, last.norm_product));
        used.extend(page.iter().map(|device| device.used));
    }
    assert_eq!(used, [true, false, false, true, false, true]);
    let one = UsageFilter {
        norm_product: Reference::parse(&format!("{:032x}", 2)),
        ..everything
    };
    assert_eq!(store.products(months, one).await.unwrap().len(), 1);
}

#[tokio::test]
async fn lists_are_narrowed_and_continued() {
    let (_folder, store) = open();
    let mut batch = Vec::new();
    for item in 1..=3 {
        for product in 1..=3 {
            batch.extend([
                (item, product, 1, ""),
                (item, product, 2, ""),
                (item, product, 0, ""),
            ]);
        }
    }
    push(&store, &batch).await;
    let reference = |number: u32| Reference::parse(&format!("{number:032x}"));
    let everything = UsageFilter::default();
    let table = [
        (everything.clone(), 27),
        (
            UsageFilter {
                configuration_item: reference(2),
                ..everything.clone()
            },
            9,
        ),
        (
            UsageFilter {
                norm_product: reference(2),
                ..everything.clone()
            },
            9,
        ),
        (
            UsageFilter {
                month: Some(2),
                year: Some(2026),
                ..everything.clone()
            },
            9,
        ),
        (
            UsageFilter {
                year: Some(2025),
                ..everything.clone()
            },
            0,
        ),
        (
            UsageFilter {
                reclamation_type: Some(ReclamationType::LastUsedDate),
                configuration_item: reference(3),
                ..everything.clone()
            },
            3,
        ),
    ];
    for (filter, expected) in table {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.list(filter.clone(), after, 4).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            found.extend(page);
        }
        assert_eq!(found.len(), expected, "{filter:?}");
        assert!(found.is_sorted_by_key(|record| record.key));
        let mut exported = 0;
        let mut export = store.export(filter);
        while let Some(page) = export.next().await.unwrap() {
            exported += page.len();
        }
        assert_eq!(exported, expected);
    }
}

#[tokio::test]
async fn a_summary_adds_up_by_product_and_month() {
    let (_folder, store) = open();
    let last = r#","last_used_time":"2026-01-05 08:00:00""#;
    push(
        &store,
        &[
            (
                1,
                1,
                2,
                r#","usage_count":2147483647,"total_usage_time":10"#,
            ),
            (2, 1, 2, r#","usage_count":2147483647,"total_usage_time":5"#),
            (1, 1, 3, r#","usage_count":1"#),
            (1, 1, 0, last),
        ],
    )
    .await;
    let sums = store.summary(UsageFilter::default()).await.unwrap();
    assert_eq!(sums.len(), 3);
    assert_eq!(sums[0].reclamation_type, ReclamationType::LastUsedDate);
    assert_eq!(sums[0].last_used_time, Some(at("2026-01-05T08:00:00Z")));
    assert_eq!((sums[1].year, sums[1].month), (Some(2026), Some(2)));
    assert_eq!(sums[1].usage_count, 4_294_967_294);
    assert_eq!(sums[1].total_usage_time, 15);
    assert_eq!((sums[1].records, sums[1].configuration_items), (2, 2));
}

#[tokio::test]
async fn old_records_go_and_newer_ones_stay() {
    let (_folder, store) = open();
    let old: Vec<_> = (0..2500).map(|product| (1, product, 2, "")).collect();
    store
        .upsert(0, items(&old), false, at("2024-01-01T00:00:00Z"))
        .await
        .unwrap();
    push(&store, &[(1, 5, 2, ""), (2, 1, 2, "")]).await;
    let forgotten = store
        .forget_before(at("2025-01-01T00:00:00Z"))
        .await
        .unwrap();
    assert_eq!(forgotten, 2499);
    assert_eq!(store.count().await.unwrap(), 2);
}
