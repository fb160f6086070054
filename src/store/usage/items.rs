//! What was reported of whole configuration items, for whoever judges the software on them. The table is
//! read in the order of its key, so that the records of an item lie side by side and memory does not grow
//! with it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use rusqlite::{Row, Transaction, params};

use super::row::key;
use crate::reclamation::installed::facts::{ItemFacts, Reported};
use crate::store::column::At;
use crate::store::error::StoreError;
use crate::usage::{Period, Reference};

/// Of which products what was reported is kept.
pub(super) type Wanted<'a> = &'a dyn Fn(&Reference) -> bool;

const COLUMNS: &str = "configuration_item, norm_product, period, key_user, total_usage_time,
    usage_count, last_used_time, created_at, updated_at";

/// Hands each item behind `after` to `each`, in the order of the ids, until `rows` records were read and
/// their last item is whole. That item, unless the table ended.
pub(super) fn each(
    snapshot: &Transaction<'_>,
    after: Option<Reference>,
    rows: u32,
    wanted: Wanted<'_>,
    zone: &TimeZone,
    mut each: impl FnMut(Reference, &ItemFacts),
) -> Result<Option<Reference>, StoreError> {
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM usage_record
         WHERE configuration_item > coalesce(?1, x'')
         ORDER BY configuration_item, norm_product, period, key_user"
    ))?;
    let mut records = statement.query(params![after])?;
    let (mut item, mut read) = (None, 0_u32);
    let mut facts = ItemFacts::default();
    while let Some(row) = records.next()? {
        let reported = reported(row)?;
        let of = reported.key.configuration_item;
        if let Some(done) = item.filter(|item| *item != of) {
            each(done, &facts);
            facts = ItemFacts::default();
            if read >= rows {
                return Ok(Some(done));
            }
        }
        item = Some(of);
        read = read.saturating_add(1);
        facts.take(&reported, wanted(&reported.key.norm_product), zone);
    }
    if let Some(done) = item {
        each(done, &facts);
    }
    Ok(None)
}

/// What was reported of these items; one of which nothing was is empty.
pub(super) fn of(
    snapshot: &Transaction<'_>,
    items: &[Reference],
    wanted: Wanted<'_>,
    zone: &TimeZone,
) -> Result<BTreeMap<Reference, ItemFacts>, StoreError> {
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM usage_record WHERE configuration_item = ?1"
    ))?;
    let mut all = BTreeMap::new();
    for item in items {
        let mut facts = ItemFacts::default();
        let mut records = statement.query([item])?;
        while let Some(row) = records.next()? {
            let reported = reported(row)?;
            facts.take(&reported, wanted(&reported.key.norm_product), zone);
        }
        all.insert(*item, facts);
    }
    Ok(all)
}

/// Takes out of `sought` each product of which a month from its own on was reported by an item behind
/// `after`, reading at most `rows` records. Where to go on, unless the table ended or none is sought.
pub(super) fn take_reported(
    snapshot: &Transaction<'_>,
    sought: &mut BTreeMap<Reference, Period>,
    after: Option<Reference>,
    rows: u32,
) -> Result<Option<Reference>, StoreError> {
    let mut statement = snapshot.prepare_cached(
        "SELECT configuration_item, norm_product, period, key_user FROM usage_record
         WHERE configuration_item >= coalesce(?1, x'')
         ORDER BY configuration_item, norm_product, period, key_user",
    )?;
    let mut records = statement.query(params![after])?;
    let mut read = 0_u32;
    while let Some(row) = records.next()? {
        let key = key(row)?;
        if read >= rows && after != Some(key.configuration_item) {
            return Ok(Some(key.configuration_item));
        }
        read = read.saturating_add(1);
        if sought
            .get(&key.norm_product)
            .is_some_and(|since| key.period >= *since)
        {
            sought.remove(&key.norm_product);
            if sought.is_empty() {
                return Ok(None);
            }
        }
    }
    Ok(None)
}

fn reported(row: &Row<'_>) -> rusqlite::Result<Reported> {
    let (At(created_at), At(updated_at)) = (row.get(7)?, row.get(8)?);
    Ok(Reported {
        key: key(row)?,
        total_usage_time: row.get(4)?,
        usage_count: row.get(5)?,
        last_used_time: row.get::<_, Option<At>>(6)?.map(|At(time)| time),
        created_at,
        updated_at,
    })
}

#[cfg(test)]
mod tests {
    use crate::store::usage::UsageStore;
    use crate::usage::{Batch, Rules};

    use super::*;

    fn reference(number: u32) -> Reference {
        Reference::parse(&format!("{number:032x}")).unwrap()
    }

    /// Three products on each of some items, over some months of 2026.
    async fn filled(items: u32) -> (tempfile::TempDir, UsageStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = UsageStore::open(folder.path()).unwrap();
        let mut records = Vec::new();
        for item in 1..=items {
            for product in 1..=3 {
                for month in 1..=item % 4 {
                    records.push(format!(
                        r#"{{"configuration_item":"{item:032x}","norm_product":"{product:032x}","reclamation_type":"total_usage","month_used":{month},"year":2026,"total_usage_time":{item}}}"#
                    ));
                }
            }
        }
        let body = format!(r#"{{"items":[{}]}}"#, records.join(","));
        let batch = Batch::parse(body.as_bytes(), &Rules::default()).unwrap();
        let now = "2026-05-01T00:00:00Z".parse().unwrap();
        store.upsert(0, batch.items, false, now).await.unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn every_item_is_handed_over_once_and_whole_however_few_are_read_at_once() {
        let (_folder, store) = filled(10).await;
        let wanted = |product: &Reference| *product == reference(2);
        let all: Vec<Reference> = (1..=10)
            .filter(|item| item % 4 > 0)
            .map(reference)
            .collect();
        let expected = store
            .database
            .read("read items", move |t| of(t, &all, &wanted, &TimeZone::UTC))
            .await
            .unwrap();
        assert_eq!(expected.len(), 8);
        assert!(expected.values().all(|facts| facts.products.len() == 1));
        for rows in [1, 2, 3, 7, 1_000] {
            let (mut after, mut seen) = (None, BTreeMap::new());
            loop {
                let (found, next) = store
                    .database
                    .read("read items", move |t| {
                        let mut found = Vec::new();
                        let keep = |item, facts: &ItemFacts| found.push((item, facts.clone()));
                        let next = each(t, after, rows, &wanted, &TimeZone::UTC, keep)?;
                        Ok((found, next))
                    })
                    .await
                    .unwrap();
                for (item, facts) in found {
                    assert_eq!(seen.insert(item, facts), None, "twice, by {rows}");
                }
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen, expected, "by {rows}");
        }
    }

    #[tokio::test]
    async fn a_product_is_reported_when_any_item_has_a_month_late_enough() {
        let (_folder, store) = filled(3).await;
        let since = |month| Period::month(2026, month);
        let sought = BTreeMap::from([
            (reference(1), since(3)),
            (reference(2), since(4)),
            (reference(9), since(1)),
        ]);
        let left = store.unreported(sought.clone()).await.unwrap();
        let left: Vec<&Reference> = left.keys().collect();
        assert_eq!(left, [&reference(2), &reference(9)]);
        for rows in [1, 2, 5] {
            let (mut after, mut left) = (None, sought.clone());
            loop {
                let (still, next) = store
                    .database
                    .read("look", move |t| {
                        let next = take_reported(t, &mut left, after, rows)?;
                        Ok((left, next))
                    })
                    .await
                    .unwrap();
                left = still;
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            assert_eq!(left.len(), 2, "by {rows}");
        }
    }
}
