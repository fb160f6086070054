//! `seatsync subscriptions list` and `seatsync identifiers list`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{IdentifierRow, Listing, SubscriptionQuery, SubscriptionRow};

/// Arguments of `subscriptions`.
#[derive(Debug, Args)]
pub(super) struct SubscriptionsArgs {
    #[command(subcommand)]
    command: SubscriptionsCommand,
}

#[derive(Debug, Subcommand)]
enum SubscriptionsCommand {
    /// Seats and who holds them.
    List {
        /// Only of this profile.
        #[arg(long)]
        profile: Option<String>,
        /// Only of this identifier.
        #[arg(long)]
        identifier: Option<String>,
        /// Only of this user, by e-mail address or the vendor's id.
        #[arg(long)]
        user: Option<String>,
        /// Ended seats too.
        #[arg(long)]
        ended: bool,
        /// Continue after this token, which the page before printed.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

/// Arguments of `identifiers`.
#[derive(Debug, Args)]
pub(super) struct IdentifiersArgs {
    #[command(subcommand)]
    command: IdentifiersCommand,
}

#[derive(Debug, Subcommand)]
enum IdentifiersCommand {
    /// Identifiers with the number of their seats.
    List {
        /// Only of this profile.
        #[arg(long)]
        profile: Option<String>,
    },
}

/// Lists seats.
pub(super) fn run(
    args: SubscriptionsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let SubscriptionsCommand::List {
        profile,
        identifier,
        user,
        ended,
        after,
        limit,
    } = args.command;
    let query = SubscriptionQuery {
        profile,
        identifier,
        user,
        ended,
        after,
        limit: Some(limit),
    };
    let seats: Listing<SubscriptionRow> = Client::new(runtime)?.get("/v1/subscriptions", &query)?;
    output.show(&seats, |seats| {
        let mut text = table(
            [
                "PROFILE",
                "USER",
                "IDENTIFIER",
                "STATUS",
                "ROLE",
                "LAST ACTIVITY",
                "NOTE",
            ],
            seats.rows.iter().map(row),
        );
        if let Some(next) = &seats.next {
            let _ = writeln!(text, "more: --after {next}");
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(seat: &SubscriptionRow) -> [String; 7] {
    let activity = match (&seat.last_activity, &seat.activity_grade) {
        (Some(day), Some(grade)) => format!("{day} {grade}"),
        (Some(day), None) => day.to_string(),
        (None, _) => "-".to_owned(),
    };
    let note = match (&seat.ended_at, &seat.excluded_by, &seat.protected_by) {
        (Some(at), _, _) => format!("ended {at}"),
        (None, Some(rule), _) => format!("excluded: {rule}"),
        (None, None, Some(rule)) => format!("protected: {rule}"),
        (None, None, None) => String::new(),
    };
    [
        seat.profile.clone(),
        seat.email.clone(),
        seat.identifier.clone(),
        seat.status.clone(),
        seat.role.clone(),
        activity,
        note,
    ]
}

/// Lists identifiers.
pub(super) fn identifiers(
    args: IdentifiersArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let IdentifiersCommand::List { profile } = args.command;
    let query = SubscriptionQuery {
        profile,
        ..SubscriptionQuery::default()
    };
    let rows: Listing<IdentifierRow> = Client::new(runtime)?.get("/v1/identifiers", &query)?;
    output.show(&rows, |rows| {
        table(
            [
                "PROFILE",
                "IDENTIFIER",
                "SEATS",
                "EXCLUDED",
                "WITH ACTIVITY",
                "BOUGHT",
            ],
            rows.rows.iter().map(|row| {
                [
                    row.profile.clone(),
                    row.identifier.clone(),
                    row.seats.to_string(),
                    row.excluded.to_string(),
                    row.with_activity.to_string(),
                    row.bought.map_or_else(|| "-".to_owned(), |n| n.to_string()),
                ]
            }),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
