//! `seatsync usage list|summary|export`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::client::{Client, page_size};
use super::exit::Failure;
use super::export::{self, FileKind};
use super::output::{Output, table};
use super::status::short;
use crate::api::control::model::{
    DeviceUseRow, Listing, ProductUseRow, UsageQuery, UsageRow, UsageSummaryRow,
};
use crate::report::list::USAGE;

/// Arguments of `usage`.
#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    #[command(subcommand)]
    command: UsageCommand,
}

#[derive(Debug, Subcommand)]
enum UsageCommand {
    /// The records.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Continue after this token, which the page before printed.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
    },
    /// Use by product and month; with `--months`, over the last months by product or device.
    Summary {
        #[command(flatten)]
        filter: Filter,
        /// Over the last so many months, the present one included: seconds, openings, last use,
        /// and how many devices used each product or left it idle.
        #[arg(long, value_name = "N", conflicts_with_all = ["month", "reclamation_type"])]
        months: Option<u16>,
        /// By configuration item and product.
        #[arg(long, requires = "months")]
        by_device: bool,
        /// Continue after this token, which the page before printed.
        #[arg(long, value_name = "TOKEN", requires = "by_device")]
        after: Option<String>,
        /// At most so many devices.
        #[arg(long, default_value_t = 50, requires = "by_device", value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
    },
    /// Every record, as it is read.
    Export {
        #[command(flatten)]
        filter: Filter,
        /// How it is written; `seatsync export usage` writes into a file, and Parquet too.
        #[arg(long = "as", value_name = "KIND", default_value = "jsonl")]
        export_as: FileKind,
    },
}

#[derive(Debug, Args)]
struct Filter {
    /// Only of this product (32 hex).
    #[arg(long)]
    product: Option<String>,
    /// Only of this configuration item (32 hex).
    #[arg(long, alias = "host")]
    configuration_item: Option<String>,
    /// Only of this month.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// Only of this type.
    #[arg(long = "type", value_name = "TYPE", value_parser = ["total_usage", "last_used_date"])]
    reclamation_type: Option<String>,
}

impl Filter {
    fn query(self) -> UsageQuery {
        UsageQuery {
            product: self.product,
            configuration_item: self.configuration_item,
            month: self.month,
            reclamation_type: self.reclamation_type,
            ..UsageQuery::default()
        }
    }
}

/// Shows what agents pushed.
pub(super) fn run(
    args: UsageArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    match args.command {
        UsageCommand::List {
            filter,
            after,
            limit,
        } => {
            let query = UsageQuery {
                after,
                limit: Some(limit),
                ..filter.query()
            };
            let records: Listing<UsageRow> = client.get("/v1/usage", &query)?;
            output.show(&records, list)?;
        }
        UsageCommand::Summary {
            filter,
            months,
            by_device,
            after,
            limit,
        } => {
            let query = UsageQuery {
                months,
                after,
                limit: by_device.then_some(limit),
                ..filter.query()
            };
            match (months, by_device) {
                (None, _) => {
                    let rows: Listing<UsageSummaryRow> = client.get("/v1/usage/summary", &query)?;
                    output.show(&rows, summary)?;
                }
                (Some(_), false) => {
                    let rows: Listing<ProductUseRow> = client.get("/v1/usage/products", &query)?;
                    output.show(&rows, products)?;
                }
                (Some(_), true) => {
                    let rows: Listing<DeviceUseRow> = client.get("/v1/usage/devices", &query)?;
                    output.show(&rows, devices)?;
                }
            }
        }
        UsageCommand::Export { filter, export_as } => {
            if !output.is_for_people() && export_as != FileKind::Jsonl {
                let message = "`--format json` and `--as` contradict each other: leave one out";
                return Err(Failure::Usage(message.to_owned()));
            }
            let mut stream = Output::raw();
            let mut sink = export::sink(export_as, &USAGE, &mut stream)?;
            export::usage_records(&client, &filter.query(), &mut *sink)?;
            sink.end().context("print")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(records: &Listing<UsageRow>) -> String {
    let mut text = table(
        [
            "CONFIGURATION ITEM",
            "PRODUCT",
            "TYPE",
            "MONTH",
            "COUNT",
            "SECONDS",
            "LAST USED",
            "SOURCE",
            "USE",
        ],
        records.rows.iter().map(|record| {
            [
                record.configuration_item.clone(),
                record.norm_product.clone(),
                record.reclamation_type.clone(),
                match (record.year, record.month_used) {
                    (Some(year), Some(month)) => format!("{year}-{month:02}"),
                    _ => "-".to_owned(),
                },
                number(record.usage_count),
                number(record.total_usage_time),
                record.last_used_time.map_or_else(dash, short),
                record.discovery_source.clone().unwrap_or_else(dash),
                record.usage_type.clone().unwrap_or_else(dash),
            ]
        }),
    );
    if let Some(next) = &records.next {
        let _ = writeln!(text, "more: --after {next}");
    }
    text
}

fn summary(rows: &Listing<UsageSummaryRow>) -> String {
    table(
        [
            "PRODUCT",
            "TYPE",
            "MONTH",
            "HOSTS",
            "RECORDS",
            "COUNT",
            "SECONDS",
            "LAST USED",
        ],
        rows.rows.iter().map(|row| {
            [
                row.norm_product.clone(),
                row.reclamation_type.clone(),
                row.month.clone().unwrap_or_else(dash),
                row.configuration_items.to_string(),
                row.records.to_string(),
                row.usage_count.to_string(),
                row.total_usage_time.to_string(),
                row.last_used_time.map_or_else(dash, short),
            ]
        }),
    )
}

fn products(rows: &Listing<ProductUseRow>) -> String {
    table(
        [
            "PRODUCT",
            "DEVICES",
            "IDLE",
            "COUNT",
            "SECONDS",
            "LAST USED",
        ],
        rows.rows.iter().map(|row| {
            [
                row.norm_product.clone(),
                row.devices.to_string(),
                row.idle_devices.to_string(),
                row.usage_count.to_string(),
                row.total_usage_time.to_string(),
                row.last_used_time.map_or_else(dash, short),
            ]
        }),
    )
}

fn devices(rows: &Listing<DeviceUseRow>) -> String {
    let mut text = table(
        [
            "CONFIGURATION ITEM",
            "PRODUCT",
            "USED",
            "COUNT",
            "SECONDS",
            "LAST USED",
        ],
        rows.rows.iter().map(|row| {
            [
                row.configuration_item.clone(),
                row.norm_product.clone(),
                if row.used { "yes" } else { "no" }.to_owned(),
                row.usage_count.to_string(),
                row.total_usage_time.to_string(),
                row.last_used_time.map_or_else(dash, short),
            ]
        }),
    );
    if let Some(next) = &rows.next {
        let _ = writeln!(text, "more: --after {next}");
    }
    text
}

fn number(value: Option<i32>) -> String {
    value.map_or_else(dash, |value| value.to_string())
}

fn dash() -> String {
    "-".to_owned()
}
