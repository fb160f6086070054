//! Use over some months, by device and by product: what a licence position counts with. The table
//! is read in the order of its key, so nothing is sorted and memory does not grow with it.

use std::collections::BTreeMap;

use rusqlite::{Row, Transaction};

use super::read::Where;
use super::{DeviceUse, ProductUse, UsageFilter};
use crate::store::column::At;
use crate::store::error::StoreError;
use crate::usage::{Months, Reference};

/// A configuration item and a product: where a page of devices ended.
pub(super) type Place = (Reference, Reference);

/// Use by configuration item and product, in the order of their ids, from behind `after`, at most
/// `limit` of them, each handed to `each`. The last one's place, where there may be more.
fn each_device(
    snapshot: &Transaction<'_>,
    months: Months,
    filter: &UsageFilter,
    after: Option<Place>,
    limit: u32,
    mut each: impl FnMut(DeviceUse),
) -> Result<Option<Place>, StoreError> {
    let mut narrowed = Where::filter(filter);
    if let Some((item, product)) = after {
        narrowed.and("(configuration_item, norm_product) > (:after_item, :after_product)");
        narrowed.with(":after_item", item);
        narrowed.with(":after_product", product);
    }
    narrowed.with(":from", months.from.number());
    narrowed.with(":to", months.to.number());
    narrowed.with(":start", At(months.start));
    narrowed.with(":limit", limit);
    // A month that was reported without a number is use: nothing says that there was none.
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT configuration_item, norm_product,
                coalesce(sum(total_usage_time) FILTER (WHERE period BETWEEN :from AND :to), 0),
                coalesce(sum(usage_count) FILTER (WHERE period BETWEEN :from AND :to), 0),
                max(last_used_time),
                max(CASE
                    WHEN last_used_time >= :start THEN 1
                    WHEN period BETWEEN :from AND :to
                        THEN coalesce(total_usage_time > 0 OR usage_count > 0,
                                      total_usage_time IS NULL AND usage_count IS NULL)
                    ELSE 0 END)
         FROM usage_record
         WHERE {}
         GROUP BY configuration_item, norm_product
         ORDER BY configuration_item, norm_product
         LIMIT :limit",
        narrowed.conditions()
    ))?;
    let mut rows = statement.query(&*narrowed.parameters())?;
    let (mut last, mut count) = (None, 0);
    while let Some(row) = rows.next()? {
        let device = device(row)?;
        last = Some((device.configuration_item, device.norm_product));
        count += 1;
        each(device);
    }
    Ok(last.filter(|_| count == limit))
}

fn device(row: &Row<'_>) -> rusqlite::Result<DeviceUse> {
    Ok(DeviceUse {
        configuration_item: row.get(0)?,
        norm_product: row.get(1)?,
        total_usage_time: row.get(2)?,
        usage_count: row.get(3)?,
        last_used_time: row.get::<_, Option<At>>(4)?.map(|At(time)| time),
        used: row.get(5)?,
    })
}

/// One page of devices.
pub(super) fn devices(
    snapshot: &Transaction<'_>,
    months: Months,
    filter: &UsageFilter,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<DeviceUse>, StoreError> {
    let mut devices = Vec::new();
    each_device(snapshot, months, filter, after, limit, |device| {
        devices.push(device);
    })?;
    Ok(devices)
}

/// Sums by product, as far as the devices were read.
#[derive(Debug, Default)]
pub(super) struct Products(BTreeMap<Reference, ProductUse>);

impl Products {
    /// Adds one page of devices; where it ended, unless it was the last.
    pub(super) fn add_page(
        &mut self,
        snapshot: &Transaction<'_>,
        months: Months,
        filter: &UsageFilter,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Option<Place>, StoreError> {
        each_device(snapshot, months, filter, after, limit, |device| {
            self.add(&device);
        })
    }

    fn add(&mut self, device: &DeviceUse) {
        let sum = self
            .0
            .entry(device.norm_product)
            .or_insert_with(|| ProductUse {
                norm_product: device.norm_product,
                devices: 0,
                idle_devices: 0,
                total_usage_time: 0,
                usage_count: 0,
                last_used_time: None,
            });
        if device.used {
            sum.devices += 1;
        } else {
            sum.idle_devices += 1;
        }
        sum.total_usage_time += device.total_usage_time;
        sum.usage_count += device.usage_count;
        sum.last_used_time = sum.last_used_time.max(device.last_used_time);
    }

    /// In the order of the products' ids.
    pub(super) fn into_sums(self) -> Vec<ProductUse> {
        self.0.into_values().collect()
    }
}
