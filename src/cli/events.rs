//! `seatsync events list`: what users did, day by day.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::client::{Client, page_size};
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{EventQuery, EventRow, Listing};
use crate::profile::name::Name;

/// Arguments of `events`.
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(subcommand)]
    command: EventsCommand,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// What users did that counts as use, by profile, user and kind, of the last 365 days.
    List {
        /// Only of this profile.
        #[arg(long)]
        profile: Option<Name>,
        /// Only of this user, by e-mail address or the vendor's id.
        #[arg(long)]
        user: Option<String>,
        /// From this UTC day on instead, as far back as activity is kept.
        #[arg(long, value_name = "DAY")]
        since: Option<Date>,
        /// Continue after this token, which the page before printed.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
    },
}

/// Lists events.
pub(super) fn run(
    args: EventsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let EventsCommand::List {
        profile,
        user,
        since,
        after,
        limit,
    } = args.command;
    let query = EventQuery {
        profile: profile.as_ref().map(Name::to_string),
        user,
        since,
        after,
        limit: Some(limit),
    };
    let events: Listing<EventRow> = Client::new(runtime)?.get("/v1/events", &query)?;
    output.show(&events, |events| {
        let mut text = table(
            [
                "DAY",
                "PROFILE",
                "USER",
                "EVENT",
                "TIMES",
                "GRADE",
                "PRODUCT",
                "IDENTIFIER",
            ],
            events.rows.iter().map(row),
        );
        if let Some(next) = &events.next {
            let _ = writeln!(text, "more: --after {next}");
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(row: &EventRow) -> [String; 8] {
    let event = &row.event;
    let none = || "-".to_owned();
    let address = event.email.clone().filter(|email| !email.is_empty());
    let identifier = event.identifier.as_ref();
    [
        event.day.to_string(),
        event.profile.to_string(),
        address.unwrap_or_else(|| event.user.clone()),
        event.event.as_str().to_owned(),
        event.count.to_string(),
        event.grade.as_str().to_owned(),
        row.product.clone().unwrap_or_else(none),
        identifier.map_or_else(none, ToString::to_string),
    ]
}
