//! `seatsync users list`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::{Client, page_size};
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{DirectoryStatus, UserQuery, Users};
use crate::profile::name::Name;
use crate::profile::user_directory::AccountClass;
use crate::store::holder::{HolderFilter, Outcome, PersonFacts, SeatUser};

/// Arguments of `users`.
#[derive(Debug, Args)]
pub(super) struct UsersArgs {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// Users who hold seats, who they are by the user directories, and the rule that found them.
    List {
        /// Only of this profile.
        #[arg(long)]
        profile: Option<Name>,
        /// Only those whom no rule finds.
        #[arg(long, group = "show")]
        unresolved: bool,
        /// Only those for whom several people are found.
        #[arg(long, group = "show")]
        ties: bool,
        /// Only people who left.
        #[arg(long, group = "show")]
        left: bool,
        /// Only accounts of programs and of several people.
        #[arg(long, group = "show")]
        accounts: bool,
        /// Continue after this token, which the page before printed.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
    },
}

/// Lists the users of seats.
pub(super) fn run(
    args: UsersArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let UsersCommand::List {
        profile,
        unresolved,
        ties,
        left,
        accounts,
        after,
        limit,
    } = args.command;
    let chosen = [
        (unresolved, HolderFilter::Unresolved),
        (ties, HolderFilter::Ties),
        (left, HolderFilter::Left),
        (accounts, HolderFilter::Accounts),
    ];
    let chosen = chosen.into_iter().find(|(given, _)| *given);
    let query = UserQuery {
        profile: profile.as_ref().map(Name::to_string),
        show: chosen.map_or(HolderFilter::All, |(_, show)| show),
        rows_only: false,
        after,
        limit: Some(limit),
    };
    let users: Users = Client::new(runtime)?.get("/v1/users", &query)?;
    output.show(&users, text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(users: &Users) -> String {
    let mut text = table(
        [
            "PROFILE",
            "USER",
            "SEATS",
            "FOUND",
            "BY",
            "DEPARTMENT",
            "COST CENTER",
            "ACCOUNT",
        ],
        users.rows.iter().map(row),
    );
    if let Some(next) = &users.next {
        let _ = writeln!(text, "more: --after {next}");
    }
    if users.directories.is_empty() {
        text.push_str("\nNo user directory is read: write a UserDirectory document, and the people behind the seats are known.\n");
        return text;
    }
    if let Some(counts) = users.counts {
        let _ = writeln!(
            text,
            "\n{} users found, {} ties, {} not found with {} seats; {} left, {} accounts of programs or several people.",
            counts.resolved,
            counts.ties,
            counts.unresolved,
            counts.unresolved_seats,
            counts.left,
            counts.accounts
        );
    }
    for directory in &users.directories {
        let _ = writeln!(text, "{}", told(directory));
    }
    text
}

fn told(status: &DirectoryStatus) -> String {
    let row = &status.directory;
    let stale = status.stale.as_ref();
    let stale = stale.map_or_else(String::new, |stale| {
        format!("; nobody counts as having left by it: {stale}")
    });
    format!(
        "UserDirectory {}: {} people, {} of them active, in `{}` as of {:.0}{stale}",
        row.name, row.tally.people, row.tally.active, row.file, row.as_of
    )
}

fn row(user: &SeatUser) -> [String; 8] {
    let none = || "-".to_owned();
    let origin = user.origin.as_ref();
    let found = match (user.outcome, origin) {
        (Outcome::Tie, Some(origin)) => format!("tie of {}", origin.found),
        (Outcome::Resolved, Some(origin)) => format!("{} line {}", origin.directory, origin.line),
        (outcome, _) => outcome.as_str().to_owned(),
    };
    let person = user.person.as_ref();
    let of = |field: fn(&PersonFacts) -> &Option<String>| {
        person
            .and_then(|person| field(person).clone())
            .unwrap_or_else(none)
    };
    [
        user.profile.to_string(),
        if user.email.is_empty() {
            user.external_user_id.clone()
        } else {
            user.email.clone()
        },
        user.seats.to_string(),
        found,
        origin.map_or_else(none, |origin| origin.matched_by.clone()),
        of(|person| &person.department),
        of(|person| &person.cost_center),
        person.map_or_else(none, account),
    ]
}

fn account(person: &PersonFacts) -> String {
    match (person.class, person.active) {
        (AccountClass::Human, Some(false)) => "left".to_owned(),
        (class, Some(false)) => format!("{}, inactive", class.as_str()),
        (class, _) => class.as_str().to_owned(),
    }
}
