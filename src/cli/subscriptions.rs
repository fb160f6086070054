//! `seatsync subscriptions list`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::{Client, page_size};
use super::exit::Failure;
use super::output::{Output, table};
use super::status::short;
use crate::api::control::model::{Listing, SubscriptionQuery};
use crate::connector::facts::Grade;
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::reclamation::evidence::sign_in_counts;
use crate::store::subscription::{LastActivity, Presence, Subscription};

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
        profile: Option<Name>,
        /// Only of this identifier.
        #[arg(long)]
        identifier: Option<String>,
        /// Only of this user, by e-mail address or the vendor's id.
        #[arg(long)]
        user: Option<String>,
        /// Only excluded seats.
        #[arg(long)]
        excluded: bool,
        /// Ended seats instead of those that are there.
        #[arg(long)]
        ended: bool,
        /// Ended seats too.
        #[arg(long, conflicts_with = "ended")]
        all: bool,
        /// Continue after this token, which the page before printed.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
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
        excluded,
        ended,
        all,
        after,
        limit,
    } = args.command;
    let query = SubscriptionQuery {
        profile: profile.as_ref().map(Name::to_string),
        identifier,
        user,
        excluded: excluded.then_some(true),
        presence: match (ended, all) {
            (true, _) => Presence::Ended,
            (false, true) => Presence::Any,
            (false, false) => Presence::Held,
        },
        after,
        limit: Some(limit),
    };
    let seats: Listing<Subscription> = Client::new(runtime)?.get("/v1/subscriptions", &query)?;
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

fn row(subscription: &Subscription) -> [String; 7] {
    let seat = &subscription.seat;
    let activity = subscription.last_activity.map_or_else(
        || "-".to_owned(),
        |last| format!("{} {}", last.day, rests_on(&seat.identifier, last)),
    );
    [
        subscription.profile.to_string(),
        seat.email.clone(),
        seat.identifier.to_string(),
        seat.status.as_str().to_owned(),
        seat.role.as_str().to_owned(),
        activity,
        note(subscription),
    ]
}

/// What a seat's last activity is: what the vendor's report tells took place, what was only
/// scheduled, or, where signing in is the rule, the last access.
pub(super) fn rests_on(identifier: &Identifier, last: LastActivity) -> &'static str {
    match last.grade {
        Grade::Hosted if sign_in_counts(identifier) => "last access",
        grade => grade.as_str(),
    }
}

fn note(subscription: &Subscription) -> String {
    if let Some(at) = subscription.ended_at {
        return format!("ended {}", short(at));
    }
    match (&subscription.excluded, &subscription.protected) {
        (Some(entry), _) => format!("excluded by {}: {}", entry.rule, entry.reason),
        (None, Some(entry)) => format!("protected by {}: {}", entry.rule, entry.reason),
        (None, None) => String::new(),
    }
}
