//! `seatsync audit list|verify`: what was decided and written, and whether the log is whole.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::client::{Client, page_size};
use super::exit::Failure;
use super::output::{Output, table};
use super::status::short;
use crate::api::control::model::{AuditQuery, Listing, VerifyQuery};
use crate::profile::name::Name;
use crate::store::audit::verify::Verified;
use crate::store::audit::{AuditAction, AuditEntry};

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Every decision and every write, the oldest first.
    List {
        /// Only of this profile.
        #[arg(long)]
        profile: Option<Name>,
        /// Only of this candidate.
        #[arg(long, value_name = "ID")]
        candidate: Option<i64>,
        /// Only of this user, by e-mail address or the vendor's id.
        #[arg(long)]
        user: Option<String>,
        /// Only of this kind, for instance `write_ended`.
        #[arg(long)]
        action: Option<AuditAction>,
        /// From this time on (RFC 3339), or from the beginning of this UTC day.
        #[arg(long, value_name = "TIME")]
        since: Option<Since>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
        /// Continue after this token, which the last page gave.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
    },
    /// Whether every entry is as it was written, and none is missing.
    Verify {
        /// An entry that must be there, as `audit head` in the journal has it: a log that was cut or
        /// written anew does not have it.
        #[arg(long, value_name = "SEQ:HASH")]
        head: Option<String>,
    },
}

/// Where a listing begins.
#[derive(Debug, Clone, Copy)]
struct Since(Timestamp);

/// Text that is neither a day nor a time.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{text}` is neither a day nor a time: write one such as 2026-11-01 or 2026-11-01T08:00:00Z"
)]
struct NotATime {
    text: String,
}

impl FromStr for Since {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let day = || {
            let day = Date::strptime("%Y-%m-%d", text).ok()?;
            // A year of two digits would be one of antiquity.
            let day = Some(day).filter(|day| day.to_string() == text)?;
            Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
        };
        let begin = text.parse().ok().or_else(day);
        begin.map(Self).ok_or_else(|| NotATime {
            text: text.to_owned(),
        })
    }
}

/// Lists the log, or verifies it.
pub(super) fn run(
    args: AuditArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    match args.command {
        AuditCommand::List {
            profile,
            candidate,
            user,
            action,
            since,
            limit,
            after,
        } => {
            let query = AuditQuery {
                profile: profile.map(|name| name.to_string()),
                candidate,
                user,
                action: action.map(|action| action.as_str().to_owned()),
                since: since.map(|since| since.0),
                after,
                limit: Some(limit),
            };
            let page: Listing<AuditEntry> = client.get("/v1/audit", &query)?;
            output.show(&page, entries)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Verify { head } => {
            let verified: Verified = client.get("/v1/audit/verify", &VerifyQuery { head })?;
            output.show(&verified, verdict)?;
            Ok(if verified.is_proved() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

pub(super) fn verdict(verified: &Verified) -> String {
    let head = verified.head.as_ref().map_or_else(
        || "no entry yet".to_owned(),
        |head| format!("head {}:{}", head.seq, head.hash),
    );
    let mut text = match &verified.broken {
        None => format!(
            "{} entries, all as they were written; {head}\n",
            verified.entries
        ),
        Some(broken) => format!("BROKEN: {broken}\n{} entries; {head}\n", verified.entries),
    };
    if let Some(aged_out) = &verified.aged_out {
        let unproved = format!("NOT PROVED: {aged_out}\n");
        text.push_str(&unproved);
    }
    text
}

fn entries(page: &Listing<AuditEntry>) -> String {
    let mut text = table(
        [
            "SEQ",
            "AT",
            "ACTION",
            "WHO",
            "PROFILE",
            "CANDIDATE",
            "USER OR ITEM",
            "OF",
            "WHAT",
        ],
        page.rows.iter().map(|entry| {
            let told = |label: &str| entry.texts.get(label).and_then(Value::as_str);
            let fact = |name: &str| entry.facts.get(name).and_then(Value::as_str);
            [
                entry.seq.to_string(),
                short(entry.at),
                entry.action.clone(),
                entry.who.clone(),
                entry.profile.clone().unwrap_or_default(),
                entry.candidate.map(|id| id.to_string()).unwrap_or_default(),
                told("email")
                    .or(told("user"))
                    .or(fact("configuration_item"))
                    .unwrap_or_default()
                    .to_owned(),
                entry
                    .identifier
                    .as_deref()
                    .or(fact("software_model"))
                    .unwrap_or_default()
                    .to_owned(),
                what(entry),
            ]
        }),
    );
    if let Some(next) = &page.next {
        let more = format!("more: add `--after {next}`\n");
        text.push_str(&more);
    }
    text
}

/// An entry in a few words.
fn what(entry: &AuditEntry) -> String {
    let fact = |name: &str| entry.facts.get(name).and_then(Value::as_str);
    let told = |label: &str| entry.texts.get(label).and_then(Value::as_str);
    match (fact("from"), fact("to"), fact("kind"), fact("state")) {
        (Some(from), Some(to), ..) => {
            format!("{from} to {to}: {}", told("reason").unwrap_or_default())
        }
        (_, _, Some(kind), Some(state)) => {
            format!("{kind} {state}: {}", told("outcome").unwrap_or_default())
        }
        (_, _, Some(kind), None) => kind.to_owned(),
        _ => fact("loosened")
            .or(fact("plan"))
            .unwrap_or_default()
            .to_owned(),
    }
}
