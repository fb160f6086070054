//! `seatsync exclusions list`: exclusions and protections, and whom each of them means.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{ExclusionQuery, Exclusions};
use crate::profile::name::Name;
use crate::subflow::entry_standing::EntryStanding;

/// Arguments of `exclusions`.
#[derive(Debug, Args)]
pub(super) struct ExclusionsArgs {
    #[command(subcommand)]
    command: ExclusionsCommand,
}

#[derive(Debug, Subcommand)]
enum ExclusionsCommand {
    /// Exclusions and protections, and how many seats each of them means.
    List {
        /// Only what reaches this profile.
        #[arg(long)]
        profile: Option<Name>,
        /// Name the users whom each entry means, at most 100 for each.
        #[arg(long)]
        users: bool,
    },
}

/// Lists exclusions and protections.
pub(super) fn run(
    args: &ExclusionsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let ExclusionsCommand::List { profile, users } = &args.command;
    let query = ExclusionQuery {
        profile: profile.as_ref().map(Name::to_string),
        users: *users,
    };
    let exclusions: Exclusions = Client::new(runtime)?.get("/v1/exclusions", &query)?;
    output.show(&exclusions, |exclusions| {
        let mut text = table(
            [
                "PROFILE", "LIST", "ENTRY", "USERS", "SEATS", "EXPIRES", "RULE", "REASON", "NOTE",
            ],
            exclusions.rows.iter().map(row),
        );
        for standing in exclusions.rows.iter().filter(|row| !row.matches.is_empty()) {
            text.push_str(&matches(standing));
        }
        text.push_str(&warnings(&exclusions.warnings));
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a person should look at, a line each.
pub(super) fn warnings(warnings: &[String]) -> String {
    let mut text = String::new();
    for warning in warnings.iter().take(MOST_WARNINGS) {
        text.push('\n');
        text.push_str(warning);
        text.push('\n');
    }
    let more = warnings.len().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        let _ = write!(
            text,
            "\nand {more} more like these, which `--format json` shows\n"
        );
    }
    text
}

/// Warnings that people read one by one.
const MOST_WARNINGS: usize = 20;

fn row(standing: &EntryStanding) -> [String; 9] {
    let note = match (standing.in_force, standing.ever_matched) {
        (false, _) => "expired",
        (true, None) => "not known before a complete download",
        (true, Some(false)) => "never matched",
        (true, Some(true)) if standing.seats == 0 => "matches nobody now",
        (true, Some(true)) => "",
    };
    [
        standing.profile.clone(),
        standing.purpose.clone(),
        standing.entry.clone(),
        standing.users.to_string(),
        standing.seats.to_string(),
        standing
            .expires
            .map_or_else(|| "-".to_owned(), |day| day.to_string()),
        standing.rule.clone(),
        standing.reason.clone(),
        note.to_owned(),
    ]
}

fn matches(standing: &EntryStanding) -> String {
    let mut text = format!("\n{} at {}:\n", standing.entry, standing.profile);
    text.push_str(&table(
        ["USER", "ID", "IDENTIFIERS"],
        standing.matches.iter().map(|user| {
            [
                user.email.clone(),
                user.external_user_id.clone(),
                user.identifiers.join(" "),
            ]
        }),
    ));
    let named = u64::try_from(standing.matches.len()).unwrap_or(u64::MAX);
    if let Some(rest) = standing.users.checked_sub(named).filter(|rest| *rest > 0) {
        let _ = writeln!(
            text,
            "and {rest} more: `seatsync subscriptions list --profile {} --excluded` pages through excluded seats",
            standing.profile
        );
    }
    text
}
