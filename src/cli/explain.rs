//! `seatsync explain PROFILE USER`: every fact that is known of a user's seats, with its source; with
//! `--configuration-item`, of the software on one.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::civil::Date;

use super::client::Client;
use super::exit::Failure;
use super::installed;
use super::output::{Output, table};
use super::status::short;
use super::subscriptions::rests_on;
use crate::api::control::model::{ExplainQuery, Explanation};
use crate::connector::facts::{ActivityKind, Grade};
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::reclamation::candidate::Justification;
use crate::reclamation::evidence;
use crate::store::subscription::{MatchedEntry, Subscription};
use crate::store::user_facts::UserFacts;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Which profile.
    #[arg(required_unless_present = "configuration_item")]
    profile: Option<Name>,
    /// Whom, by e-mail address or the vendor's id.
    #[arg(required_unless_present = "configuration_item")]
    user: Option<String>,
    /// Only the seat of this identifier.
    #[arg(long, value_name = "ID")]
    identifier: Option<String>,
    /// Instead of seats, the software on this configuration item (32 hex).
    #[arg(long, value_name = "ID", conflicts_with_all = ["profile", "user", "identifier"])]
    configuration_item: Option<String>,
    /// With `--configuration-item`: only of this `SoftwareModel`.
    #[arg(long, value_name = "NAME", requires = "configuration_item")]
    software_model: Option<Name>,
}

/// Shows the facts.
pub(super) fn run(
    args: ExplainArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    if let Some(item) = &args.configuration_item {
        return installed::explain(&client, item, args.software_model, output);
    }
    let query = ExplainQuery {
        profile: args.profile.map(String::from).unwrap_or_default(),
        user: args.user.unwrap_or_default(),
    };
    let mut explanation: Explanation = client.get("/v1/explain", &query)?;
    if let Some(identifier) = &args.identifier {
        let is = |other: &Identifier| other.as_str() == identifier;
        explanation
            .facts
            .seats
            .retain(|subscription| is(&subscription.seat.identifier));
        explanation.verdicts.retain(|one| is(&one.identifier));
        explanation.candidates.retain(|one| is(&one.identifier));
    }
    let facts = &explanation.facts;
    if facts.seats.is_empty() && args.identifier.is_some() {
        return Err(Failure::failed(format!(
            "{} has no such seat in `{}`: without `--identifier`, every seat is shown",
            facts.user, facts.profile
        )));
    }
    output.show(&explanation, |explanation| {
        let facts = &explanation.facts;
        let seats: Vec<String> = facts
            .seats
            .iter()
            .map(|subscription| {
                let seat = one_seat(facts, subscription);
                let concluded = concluded(explanation, &subscription.seat.identifier);
                format!("{seat}{concluded}")
            })
            .collect();
        seats.join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn one_seat(facts: &UserFacts, subscription: &Subscription) -> String {
    let UserFacts { profile, user, .. } = facts;
    let identifier = &subscription.seat.identifier;
    let mut rows = holding(subscription);
    rows.extend(entries(subscription));
    rows.extend(activity(facts, subscription));
    rows.extend(conclusions(facts));
    format!(
        "{user} in {profile}: {identifier}\n{}",
        table(["FACT", "VALUE", "SOURCE"], rows)
    )
}

/// Whether the seat is a candidate, by each predicate, and what was found of it before.
fn concluded(explanation: &Explanation, identifier: &Identifier) -> String {
    let mut text = String::new();
    let verdicts = explanation.verdicts.iter();
    for verdict in verdicts.filter(|one| one.identifier == *identifier) {
        let conclusion = match (verdict.fails, verdict.justification) {
            (None, Justification::LowUsage) => "unused: a candidate".to_owned(),
            (None, Justification::Left) => "its user left: a candidate".to_owned(),
            (Some(check), _) => format!("no candidate: `{}` does not hold", check.as_str()),
        };
        let concluded = format!("\n{conclusion}, by {}\n", verdict.rule);
        text.push_str(&concluded);
        text.push_str(&table(
            ["PREDICATE", "HOLDS", "VALUE", "SOURCE"],
            verdict.predicates.iter().map(|one| {
                [
                    one.check.as_str().to_owned(),
                    yes(one.holds).to_owned(),
                    one.value.clone(),
                    one.source.clone(),
                ]
            }),
        ));
    }
    let candidates = explanation.candidates.iter();
    for candidate in candidates.filter(|one| one.identifier == *identifier) {
        let named = format!(
            "candidate {}: {}, {}\n",
            candidate.id, candidate.state, candidate.reason
        );
        text.push_str(&named);
    }
    text
}

/// Who holds the seat, since when.
fn holding(subscription: &Subscription) -> Vec<[String; 3]> {
    let seat = &subscription.seat;
    let read = "the vendor's user list";
    let mut rows = vec![
        fact("user id", &seat.external_user_id, read),
        fact("name", &seat.display_name, read),
        fact("status", seat.status.as_str(), read),
        fact("role", seat.role.as_str(), read),
        fact(
            "counts against what was bought",
            yes(seat.paid),
            "the identifier",
        ),
        fact(
            "part of a suite",
            yes(seat.bundled),
            "what the vendor tells of the user",
        ),
        fact(
            "first seen",
            &short(subscription.first_seen),
            "our first walk that had it",
        ),
    ];
    if let Some(at) = seat.user_created_at {
        rows.push(fact("user since", &short(at), read));
    }
    if let Some(at) = subscription.last_seen {
        rows.push(fact("last seen", &short(at), "our last complete walk"));
    }
    if let Some(at) = subscription.ended_at {
        let by = subscription.ended_by.as_deref().unwrap_or("download");
        rows.push(fact("ended", &short(at), by));
    }
    rows
}

/// Which entries of the files mean the seat.
fn entries(subscription: &Subscription) -> [[String; 3]; 2] {
    let entry = |name: &str, entry: &Option<MatchedEntry>| match entry {
        None => fact(name, "no", "no entry matches"),
        Some(entry) => {
            let until = entry
                .expires
                .map(|day| format!(", until {day}"))
                .unwrap_or_default();
            fact(name, &format!("yes: {}{until}", entry.reason), &entry.rule)
        }
    };
    [
        entry("excluded", &subscription.excluded),
        entry("protected", &subscription.protected),
    ]
}

/// What counts as use of the seat, and what the user did.
fn activity(facts: &UserFacts, subscription: &Subscription) -> Vec<[String; 3]> {
    let identifier = &subscription.seat.identifier;
    let mut rows = vec![reported(identifier)];
    rows.push(match subscription.last_activity {
        Some(last) => fact(
            "last activity of this seat",
            &last.day.to_string(),
            rests_on(identifier, last),
        ),
        None => fact("last activity of this seat", "none known", "see coverage"),
    });
    for done in &facts.activity {
        rows.push(fact(
            &graded(done.kind, done.grade),
            &format!(
                "{} on {} days, {} to {}",
                done.count, done.days, done.first_day, done.last_day
            ),
            "activity by day",
        ));
    }
    if let Some(at) = subscription.seat.last_login_at {
        rows.push(fact(
            "last sign-in",
            &short(at),
            "the vendor's user list; Zoom moves it at most every three days",
        ));
    }
    rows
}

/// The activity that the vendor reports of the product, and whether its absence means anything.
fn reported(identifier: &Identifier) -> [String; 3] {
    let kinds: Vec<&str> = evidence::counting(identifier)
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    let counts = match kinds.as_slice() {
        [] => "nothing that the vendor reports".to_owned(),
        kinds => kinds.join(", "),
    };
    let means = if evidence::tells_disuse(identifier) {
        "the product's use is reported"
    } else {
        "never found unused: not all of its use is reported"
    };
    fact("counts as use", &counts, means)
}

/// How much can be concluded from the absence of activity.
fn conclusions(facts: &UserFacts) -> Vec<[String; 3]> {
    let mut rows: Vec<[String; 3]> = facts
        .coverage
        .iter()
        .map(|span| {
            fact(
                &format!("days read of {}", graded(span.kind, span.grade)),
                &days(span.first, span.last),
                "coverage of the whole account; the last 3 days may grow",
            )
        })
        .collect();
    if facts.coverage.is_empty() {
        rows.push(fact("days read", "none", "coverage of the whole account"));
    }
    match &facts.walk_not_in_force {
        Some(walk) => rows.push(fact(
            "last download",
            walk.reason.as_deref().unwrap_or("incomplete"),
            "not in force",
        )),
        None => rows.push(fact("last download", "complete", "the data gate")),
    }
    rows
}

/// A kind of activity with what it proves. An access is no session that a report tells of.
fn graded(kind: ActivityKind, grade: Grade) -> String {
    match kind {
        ActivityKind::SignIn => format!("{} (last access)", kind.as_str()),
        _ => format!("{} ({})", kind.as_str(), grade.as_str()),
    }
}

fn days(from: Date, to: Date) -> String {
    format!("{from} to {to}")
}

fn fact(name: &str, value: &str, source: &str) -> [String; 3] {
    [name.to_owned(), value.to_owned(), source.to_owned()]
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
