//! `seatsync usage list|summary|export`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use super::status::short;
use crate::api::control::model::{Listing, UsageQuery, UsageRow, UsageSummaryRow};

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
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Use by product and month.
    Summary(Filter),
    /// Every record, one JSON object a line.
    Export(Filter),
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
}

impl Filter {
    fn query(self) -> UsageQuery {
        UsageQuery {
            product: self.product,
            configuration_item: self.configuration_item,
            month: self.month,
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
        UsageCommand::Summary(filter) => {
            let rows: Listing<UsageSummaryRow> =
                client.get("/v1/usage/summary", &filter.query())?;
            output.show(&rows, summary)?;
        }
        UsageCommand::Export(filter) => {
            client.stream("/v1/usage/export", &filter.query(), |chunk| {
                output.stream().write_all(chunk).context("print")?;
                Ok(())
            })?;
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

fn number(value: Option<i32>) -> String {
    value.map_or_else(dash, |value| value.to_string())
}

fn dash() -> String {
    "-".to_owned()
}
