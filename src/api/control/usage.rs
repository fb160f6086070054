//! Usage records: what agents pushed, as a list, a summary and a stream.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};

use super::Control;
use super::answer::Refusal;
use super::model::{DeviceUseRow, Listing, ProductUseRow, UsageQuery, UsageRow, UsageSummaryRow};
use super::page::{self, PageSize};
use crate::store::StoreError;
use crate::store::usage::{UsageExport, UsageFilter, UsageSummary};
use crate::usage::Months;
use crate::usage::record::{Key, Period, ReclamationType, Record, Reference};

/// Pages of an export that are read before the asker has taken the one before.
const PAGES_AHEAD: usize = 2;

/// `GET /v1/usage`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Listing<UsageRow>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = query.after.as_deref().map(key_of).transpose()?;
    let records = control
        .usage
        .list(filter(&query)?, after, size.with_one_ahead())
        .await?;
    let (records, next) = size.cut(records, |last| token(&last.key));
    let rows = records.iter().map(row).collect();
    Ok(Json(Listing { rows, next }))
}

/// `GET /v1/usage/summary`.
pub(super) async fn summary(
    State(control): State<Control>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Listing<UsageSummaryRow>>, Refusal> {
    let sums = control.usage.summary(filter(&query)?).await?;
    let rows = sums.iter().map(summary_row).collect();
    Ok(Json(Listing { rows, next: None }))
}

/// `GET /v1/usage/products`: use over the last months.
pub(super) async fn products(
    State(control): State<Control>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Listing<ProductUseRow>>, Refusal> {
    let months = months(&control, &query)?;
    let sums = control.usage.products(months, filter(&query)?).await?;
    let rows = sums.into_iter().map(|sum| ProductUseRow {
        norm_product: sum.norm_product.to_string(),
        devices: sum.devices,
        idle_devices: sum.idle_devices,
        usage_count: sum.usage_count,
        total_usage_time: sum.total_usage_time,
        last_used_time: sum.last_used_time,
    });
    let rows = rows.collect();
    Ok(Json(Listing { rows, next: None }))
}

/// `GET /v1/usage/devices`: the same by configuration item, a page at a time.
pub(super) async fn devices(
    State(control): State<Control>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Listing<DeviceUseRow>>, Refusal> {
    let months = months(&control, &query)?;
    let size = PageSize::of(query.limit, page::USUAL);
    let after = query.after.as_deref().map(place_of).transpose()?;
    let devices = control
        .usage
        .devices(months, filter(&query)?, after, size.with_one_ahead())
        .await?;
    let (devices, next) = size.cut(devices, |last| {
        format!("{}.{}", last.configuration_item, last.norm_product)
    });
    let rows = devices.into_iter().map(|device| DeviceUseRow {
        configuration_item: device.configuration_item.to_string(),
        norm_product: device.norm_product.to_string(),
        used: device.used,
        usage_count: device.usage_count,
        total_usage_time: device.total_usage_time,
        last_used_time: device.last_used_time,
    });
    let rows = rows.collect();
    Ok(Json(Listing { rows, next }))
}

fn months(control: &Control, query: &UsageQuery) -> Result<Months, Refusal> {
    if query.month.is_some() || query.reclamation_type.is_some() {
        return Err(Refusal::bad_request(
            "`month` and `type` do not go with `months`, which looks at all of them",
        ));
    }
    let count = query
        .months
        .ok_or_else(|| Refusal::bad_request("`months` must say how many months to look back"))?;
    Months::last(count, control.clock.now(), &control.settings.time_zone)
        .map_err(|error| Refusal::bad_request(error.to_string()))
}

fn place_of(token: &str) -> Result<(Reference, Reference), Refusal> {
    token
        .split_once('.')
        .and_then(|(item, product)| Some((Reference::parse(item)?, Reference::parse(product)?)))
        .ok_or_else(|| Refusal::bad_request("`after` is not a token that a page gave"))
}

/// `GET /v1/usage/export`: records as they are read, one JSON object a line.
pub(super) async fn export(
    State(control): State<Control>,
    Query(query): Query<UsageQuery>,
) -> Result<Response, Refusal> {
    let (lines, body) = Channel::new(PAGES_AHEAD);
    let records = control.usage.export(filter(&query)?);
    tokio::spawn(write_lines(records, lines));
    Ok(([("content-type", "application/x-ndjson")], Body::new(body)).into_response())
}

/// An error ends the stream without its last chunk, so that the reader knows that it is cut.
async fn write_lines(mut export: UsageExport, mut lines: Sender<Bytes, StoreError>) {
    loop {
        let page = match export.next().await {
            Ok(Some(page)) => page,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "an export was cut");
                lines.abort(error);
                return;
            }
        };
        let mut text = Vec::new();
        for record in &page {
            if serde_json::to_writer(&mut text, &row(record)).is_ok() {
                text.push(b'\n');
            }
        }
        if lines.send_data(text.into()).await.is_err() {
            return;
        }
    }
}

fn filter(query: &UsageQuery) -> Result<UsageFilter, Refusal> {
    let reference = |name: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| {
                Reference::parse(text).ok_or_else(|| {
                    Refusal::bad_request(format!("`{name}` must be 32 hexadecimal digits"))
                })
            })
            .transpose()
    };
    let (year, month) = match query.month.as_deref() {
        None => (None, None),
        Some(text) => {
            let parsed = text
                .split_once('-')
                .and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)))
                .filter(|(_, month)| (1..=12).contains(month));
            let (year, month) =
                parsed.ok_or_else(|| Refusal::bad_request("`month` must look like `2026-02`"))?;
            (Some(year), Some(month))
        }
    };
    Ok(UsageFilter {
        configuration_item: reference("configuration_item", &query.configuration_item)?,
        norm_product: reference("product", &query.product)?,
        reclamation_type: match query.reclamation_type.as_deref() {
            None => None,
            Some("total_usage") => Some(ReclamationType::TotalUsage),
            Some("last_used_date") => Some(ReclamationType::LastUsedDate),
            Some(_) => {
                return Err(Refusal::bad_request(
                    "`type` must be `total_usage` or `last_used_date`",
                ));
            }
        },
        month,
        year,
    })
}

fn row(record: &Record) -> UsageRow {
    let Record {
        key,
        values,
        created_at,
        updated_at,
    } = record;
    let (year, month) = key.period.year_and_month().unzip();
    let mut buffer = [0; 32];
    UsageRow {
        sys_id: key.sys_id().as_str(&mut buffer).to_owned(),
        reclamation_type: word(key.period),
        configuration_item: key.configuration_item.to_string(),
        norm_product: key.norm_product.to_string(),
        norm_publisher: values.norm_publisher.map(|id| id.to_string()),
        user: key.user.or(values.user).map(|id| id.to_string()),
        month_used: month.or(values.month_used),
        year: year.or(values.year),
        usage_count: values.usage_count,
        total_usage_time: values.total_usage_time,
        last_used_time: values.last_used_time,
        discovery_source: values.discovery_source.as_deref().map(str::to_owned),
        usage_type: values.usage_type.as_deref().map(str::to_owned),
        created_at: *created_at,
        updated_at: *updated_at,
    }
}

fn summary_row(sum: &UsageSummary) -> UsageSummaryRow {
    let month = sum.year.zip(sum.month);
    UsageSummaryRow {
        norm_product: sum.norm_product.to_string(),
        reclamation_type: match sum.reclamation_type {
            ReclamationType::TotalUsage => "total_usage",
            ReclamationType::LastUsedDate => "last_used_date",
        }
        .to_owned(),
        month: month.map(|(year, month)| format!("{year:04}-{month:02}")),
        configuration_items: sum.configuration_items,
        records: sum.records,
        usage_count: sum.usage_count,
        total_usage_time: sum.total_usage_time,
        last_used_time: sum.last_used_time,
    }
}

fn word(period: Period) -> String {
    match period.year_and_month() {
        Some(_) => "total_usage",
        None => "last_used_date",
    }
    .to_owned()
}

/// Where a page ended, as text that a person can paste.
fn token(key: &Key) -> String {
    let user = key.user.map_or_else(String::new, |user| user.to_string());
    let Key {
        configuration_item,
        norm_product,
        period,
        ..
    } = key;
    format!(
        "{configuration_item}.{norm_product}.{}.{user}",
        period.number()
    )
}

fn key_of(token: &str) -> Result<Key, Refusal> {
    let parse = || {
        let mut parts = token.split('.');
        let configuration_item = Reference::parse(parts.next()?)?;
        let norm_product = Reference::parse(parts.next()?)?;
        let period = Period::from_number(parts.next()?.parse().ok()?);
        let user = match parts.next()? {
            "" => None,
            user => Some(Reference::parse(user)?),
        };
        Some(Key {
            configuration_item,
            norm_product,
            period,
            user,
        })
    };
    parse().ok_or_else(|| Refusal::bad_request("`after` is not a token that a page gave"))
}
