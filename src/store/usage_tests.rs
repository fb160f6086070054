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
    store.upsert(items(short), false, at(NOW)).await.unwrap()
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
        store.upsert(batch(), false, at(time)).await.unwrap();
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
        .upsert(items(&many), false, at(NOW))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Disk { .. }), "{error}");
    assert_eq!(store.count().await.unwrap(), 1);
    pages("PRAGMA max_page_count = 1000000").await;
    store.upsert(items(&many), false, at(NOW)).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 501);
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
        .upsert(items(&old), false, at("2024-01-01T00:00:00Z"))
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
