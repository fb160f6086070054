//! Reads records for people: lists and sums.

use rusqlite::{ToSql, Transaction};

use super::row::{count, key, key_user, values};
use super::{UsageFilter, UsageSummary};
use crate::store::column::At;
use crate::store::error::StoreError;
use crate::usage::{Key, Period, ReclamationType, Record};

/// Conditions and their parameters. Only what narrows is written down, so that SQLite can use the
/// key's order.
pub(super) struct Where<'a> {
    conditions: Vec<&'static str>,
    parameters: Vec<(&'static str, Box<dyn ToSql + 'a>)>,
}

impl<'a> Where<'a> {
    pub(super) fn filter(filter: &'a UsageFilter) -> Self {
        let mut narrowed = Self {
            conditions: vec!["true"],
            parameters: Vec::new(),
        };
        if let Some(item) = &filter.configuration_item {
            narrowed.and("configuration_item = :configuration_item");
            narrowed.with(":configuration_item", item);
        }
        if let Some(product) = &filter.norm_product {
            narrowed.and("norm_product = :norm_product");
            narrowed.with(":norm_product", product);
        }
        match filter.reclamation_type {
            Some(ReclamationType::TotalUsage) => narrowed.and("period > 0"),
            Some(ReclamationType::LastUsedDate) => narrowed.and("period = 0"),
            None => {}
        }
        if let Some(month) = filter.month {
            narrowed.and("month_used = :month");
            narrowed.with(":month", month);
        }
        if let Some(year) = filter.year {
            narrowed.and("year = :year");
            narrowed.with(":year", year);
        }
        narrowed
    }

    pub(super) fn and(&mut self, condition: &'static str) {
        self.conditions.push(condition);
    }

    pub(super) fn with(&mut self, name: &'static str, value: impl ToSql + 'a) {
        self.parameters.push((name, Box::new(value)));
    }

    pub(super) fn conditions(&self) -> String {
        self.conditions.join(" AND ")
    }

    pub(super) fn parameters(&self) -> Vec<(&str, &dyn ToSql)> {
        self.parameters
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect()
    }
}

/// Records in the order of their keys, from behind `after`.
pub(super) fn list(
    snapshot: &Transaction<'_>,
    filter: &UsageFilter,
    after: Option<&Key>,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let mut narrowed = Where::filter(filter);
    if let Some(after) = after {
        narrowed.and(
            "(configuration_item, norm_product, period, key_user)
              > (:after_item, :after_product, :after_period, :after_user)",
        );
        narrowed.with(":after_item", after.configuration_item);
        narrowed.with(":after_product", after.norm_product);
        narrowed.with(":after_period", after.period.number());
        narrowed.with(":after_user", key_user(after).to_vec());
    }
    narrowed.with(":limit", limit);
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT configuration_item, norm_product, period, key_user,
                norm_publisher, user, month_used, year, usage_count, total_usage_time,
                last_used_time, discovery_source, usage_type, created_at, updated_at
         FROM usage_record
         WHERE {}
         ORDER BY configuration_item, norm_product, period, key_user
         LIMIT :limit",
        narrowed.conditions()
    ))?;
    let records = statement.query_map(&*narrowed.parameters(), |row| {
        let (At(created_at), At(updated_at)) = (row.get(13)?, row.get(14)?);
        Ok(Record {
            key: key(row)?,
            values: values(row, 4)?,
            created_at,
            updated_at,
        })
    })?;
    Ok(records.collect::<Result<_, _>>()?)
}

/// Sums by product and month, products in the order of their ids, months in the order of time.
pub(super) fn summary(
    snapshot: &Transaction<'_>,
    filter: &UsageFilter,
) -> Result<Vec<UsageSummary>, StoreError> {
    let narrowed = Where::filter(filter);
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT norm_product, period, count(*), count(DISTINCT configuration_item),
                coalesce(sum(usage_count), 0), coalesce(sum(total_usage_time), 0), max(last_used_time)
         FROM usage_record
         WHERE {}
         GROUP BY norm_product, period
         ORDER BY norm_product, period",
        narrowed.conditions()
    ))?;
    let sums = statement.query_map(&*narrowed.parameters(), |row| {
        let period = Period::from_number(row.get(1)?);
        let month = period.year_and_month();
        Ok(UsageSummary {
            norm_product: row.get(0)?,
            reclamation_type: period.reclamation_type(),
            year: month.map(|(year, _)| year),
            month: month.map(|(_, month)| month),
            records: count(row, 2)?,
            configuration_items: count(row, 3)?,
            usage_count: row.get(4)?,
            total_usage_time: row.get(5)?,
            last_used_time: row.get::<_, Option<At>>(6)?.map(|At(time)| time),
        })
    })?;
    Ok(sums.collect::<Result<_, _>>()?)
}
