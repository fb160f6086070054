//! `seatsync candidates`: seats and installed software found unused, and the decisions on them, named after
//! the transitions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::client::{Client, page_size};
use super::exit::Failure;
use super::installed::{self, InstalledFlags};
use super::notices;
use super::output::{Output, table, word_of};
use super::status::short;
use crate::api::control::model::{
    AnyCandidate, ApprovalDocument, ApprovalRequest, CandidateDetail, CandidateQuery, DecideAnswer,
    DecideRequest, InstalledQuery, Listing,
};
use crate::profile::name::Name;
use crate::reclamation::candidate::{Candidate, State};
use crate::subflow::decide::Decision;

/// Arguments of `candidates`.
#[derive(Debug, Args)]
pub(super) struct CandidatesArgs {
    #[command(subcommand)]
    command: CandidatesCommand,
}

#[derive(Debug, Subcommand)]
enum CandidatesCommand {
    /// Seats that were found unused, open ones unless told otherwise; with `--installed`, software on
    /// configuration items.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Closed ones too.
        #[arg(long)]
        closed: bool,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = page_size(), allow_negative_numbers = true)]
        limit: u32,
        /// Continue after this token, which the last page gave.
        #[arg(long, value_name = "TOKEN")]
        after: Option<String>,
    },
    /// One candidate, with what was written to the vendor for it.
    Show {
        /// Its number.
        id: i64,
    },
    /// Press Reclaim on ready candidates: their users are asked first where the rule says so.
    Reclaim(Which),
    /// Record what the user of a candidate answered.
    Answer {
        #[command(flatten)]
        answer: Answer,
        #[command(flatten)]
        which: Which,
    },
    /// Decide on a user's wish to keep the seat.
    Decide {
        #[command(flatten)]
        verdict: Verdict,
        #[command(flatten)]
        which: Which,
    },
    /// Leave the seat or the software with its user until the end of a day (UTC), whatever its state.
    Keep {
        /// The last day.
        #[arg(long, value_name = "DATE")]
        until: Date,
        #[command(flatten)]
        which: Which,
    },
    /// Go on with candidates that require attention, once that is put right.
    Resume(Which),
    /// Do not take it back; nobody is asked for it again during the cool-down.
    Skip(Which),
    /// Close candidates whose seats were taken back at the vendor, or whose software was removed, by hand.
    Close(Which),
    /// Print ready candidates as an Approval document to review and commit.
    Export {
        /// Of which profile.
        #[arg(long)]
        profile: Name,
        /// Make it an Approval document of this name.
        #[arg(long, value_name = "NAME")]
        approval: Name,
        /// The last day it holds; 14 days from now when absent.
        #[arg(long, value_name = "DATE")]
        expires: Option<Date>,
        /// Name users by the vendor's ids alone.
        #[arg(long)]
        ids_only: bool,
        /// Only these candidates; all that are ready when none is named.
        #[arg(value_name = "ID")]
        ids: Vec<i64>,
        /// Write to this file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
#[group(id = "answered", required = true, multiple = false)]
struct Answer {
    /// The seat is still needed.
    #[arg(long)]
    keep: bool,
    /// It is not.
    #[arg(long)]
    give_up: bool,
}

#[derive(Debug, Args)]
#[group(id = "decided", required = true, multiple = false)]
struct Verdict {
    /// The user keeps it.
    #[arg(long)]
    keep: bool,
    /// It is taken back.
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
struct Filter {
    /// Only of this profile.
    #[arg(long)]
    profile: Option<Name>,
    /// Only of this identifier.
    #[arg(long, value_name = "ID")]
    identifier: Option<String>,
    /// Only of this user, by e-mail address or the vendor's id.
    #[arg(long)]
    user: Option<String>,
    /// Only in this state.
    #[arg(long, value_enum)]
    state: Option<StateWord>,
    #[command(flatten)]
    installed: InstalledFlags,
}

/// Which candidates a decision is on.
#[derive(Debug, Args)]
struct Which {
    /// The candidates' numbers.
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<i64>,
    /// All that are in a state for it, narrowed by the filters.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// With `--all`: only of this profile.
    #[arg(long, requires = "all")]
    profile: Option<Name>,
    /// With `--all`: only of this identifier.
    #[arg(long, value_name = "ID", requires = "all")]
    identifier: Option<String>,
    /// With `--all`: only of this user.
    #[arg(long, requires = "all")]
    user: Option<String>,
    #[command(flatten)]
    installed: InstalledFlags,
}

/// The states, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum StateWord {
    AttentionRequired,
    Ready,
    AwaitingUser,
    AwaitingApproval,
    AwaitingRevocation,
    ClosedComplete,
    ClosedSkipped,
    ClosedCanceled,
}

impl From<StateWord> for State {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::AttentionRequired => Self::AttentionRequired,
            StateWord::Ready => Self::Ready,
            StateWord::AwaitingUser => Self::AwaitingUser,
            StateWord::AwaitingApproval => Self::AwaitingApproval,
            StateWord::AwaitingRevocation => Self::AwaitingRevocation,
            StateWord::ClosedComplete => Self::ClosedComplete,
            StateWord::ClosedSkipped => Self::ClosedSkipped,
            StateWord::ClosedCanceled => Self::ClosedCanceled,
        }
    }
}

/// Lists candidates, shows one, or decides.
pub(super) fn run(
    args: CandidatesArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    let (decision, which) = match args.command {
        CandidatesCommand::List {
            filter,
            closed,
            limit,
            after,
        } => return list(&client, filter, closed, limit, after, output),
        CandidatesCommand::Show { id } => return show(&client, id, output),
        CandidatesCommand::Export {
            profile,
            approval,
            expires,
            ids_only,
            ids,
            out,
        } => {
            let request = ApprovalRequest {
                name: approval,
                expires,
                ids,
                ids_only,
            };
            return export(&client, &profile, &request, out.as_deref(), output);
        }
        CandidatesCommand::Reclaim(which) => (Decision::Reclaim, which),
        CandidatesCommand::Answer { answer, which } => {
            let decision = if answer.keep {
                Decision::AnswerKeep
            } else {
                Decision::AnswerGiveUp
            };
            (decision, which)
        }
        CandidatesCommand::Decide { verdict, which } => {
            let decision = if verdict.keep {
                Decision::DecideKeep
            } else {
                Decision::DecideRemove
            };
            (decision, which)
        }
        CandidatesCommand::Keep { until, which } => (
            Decision::KeepUntil {
                until: end_of(until)?,
            },
            which,
        ),
        CandidatesCommand::Resume(which) => (Decision::Resume, which),
        CandidatesCommand::Skip(which) => (Decision::Skip, which),
        CandidatesCommand::Close(which) => (Decision::Close, which),
    };
    decide(&client, decision, which, output)
}

fn list(
    client: &Client,
    filter: Filter,
    closed: bool,
    limit: u32,
    after: Option<String>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let state: Option<State> = filter.state.map(State::from);
    let open = (!closed && state.is_none()).then_some(true);
    if filter.installed.given() {
        let query = InstalledQuery {
            state,
            open,
            after,
            limit: Some(limit),
            ..filter.installed.query()
        };
        return installed::list(client, &query, output);
    }
    let query = CandidateQuery {
        profile: filter.profile.map(|name| name.to_string()),
        identifier: filter.identifier,
        user: filter.user,
        state,
        open,
        after,
        limit: Some(limit),
    };
    let page: Listing<Candidate> = client.get("/v1/candidates", &query)?;
    output.show(&page, |page| {
        let mut text = rows(&page.rows);
        if let Some(next) = &page.next {
            let more = format!("more: add `--after {next}`\n");
            text.push_str(&more);
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn show(client: &Client, id: i64, output: &mut Output) -> Result<ExitCode, Failure> {
    let found: AnyCandidate = client.get(&format!("/v1/candidates/{id}"), &())?;
    output.show(&found, |found| match found {
        AnyCandidate::Seat(detail) => seat(detail),
        AnyCandidate::Installed(candidate) => installed::facts(candidate),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn seat(detail: &CandidateDetail) -> String {
    let mut text = facts(&detail.candidate);
    if !detail.writes.is_empty() {
        text.push('\n');
        text.push_str(&table(
            ["WRITE", "KIND", "STATE", "AT", "BY", "OUTCOME", "TRACE"],
            detail.writes.iter().map(|write| {
                [
                    write.id.to_string(),
                    word_of(&write.kind),
                    word_of(&write.state),
                    short(write.intended_at),
                    write.asked_by.to_string(),
                    write.outcome.clone().unwrap_or_default(),
                    write.trace_id.clone().unwrap_or_default(),
                ]
            }),
        ));
    }
    if !detail.notices.is_empty() {
        text.push('\n');
        text.push_str(&notices::rows(&detail.notices));
    }
    text
}

fn decide(
    client: &Client,
    decision: Decision,
    which: Which,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let of_installed = which.installed.given();
    let request = DecideRequest {
        decision,
        installed: (which.all && of_installed).then(|| which.installed.query()),
        filter: (which.all && !of_installed).then(|| CandidateQuery {
            profile: which.profile.map(|name| name.to_string()),
            identifier: which.identifier,
            user: which.user,
            ..CandidateQuery::default()
        }),
        ids: which.ids,
    };
    let answer: DecideAnswer = client.post("/v1/candidates/decide", &request)?;
    let refused = answer.decided.iter().any(|one| one.refused.is_some())
        || answer.installed.iter().any(|one| one.refused.is_some());
    output.show(&answer, decided)?;
    Ok(if refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn decided(answer: &DecideAnswer) -> String {
    if answer.decided.is_empty() && answer.installed.is_empty() {
        return "no candidate is in a state for that\n".to_owned();
    }
    let mut text = String::new();
    if !answer.decided.is_empty() {
        text.push_str(&table(
            ["CANDIDATE", "USER", "IDENTIFIER", "STATE", "RESULT"],
            answer.decided.iter().map(|one| {
                let of = |read: fn(&Candidate) -> String| {
                    one.candidate.as_ref().map(read).unwrap_or_default()
                };
                [
                    one.id.to_string(),
                    of(|candidate| candidate.email.clone()),
                    of(|candidate| candidate.identifier.to_string()),
                    of(|candidate| candidate.state.to_string()),
                    one.refused.as_ref().map_or_else(
                        || of(|candidate| candidate.reason.clone()),
                        |why| format!("not done: {why}"),
                    ),
                ]
            }),
        ));
    }
    if !answer.installed.is_empty() {
        text.push_str(&installed::decided(&answer.installed));
    }
    if !answer.message.is_empty() {
        text.push_str(&answer.message);
        text.push('\n');
    }
    text
}

fn export(
    client: &Client,
    profile: &Name,
    request: &ApprovalRequest,
    out: Option<&Path>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let path = format!("/v1/profiles/{profile}/approval");
    let document: ApprovalDocument = client.post(&path, request)?;
    let text = crate::profile::write::yaml(&document)
        .map_err(|error| Failure::failed(format!("cannot write the document: {error}")))?;
    match out {
        Some(file) => {
            std::fs::write(file, &text).map_err(|error| {
                Failure::failed(format!("cannot write `{}`: {error}", file.display()))
            })?;
            output.show(&document, |document| {
                format!(
                    "{} seats, until {}: review `{}` and commit it to the profiles folder\n",
                    document.seats.len(),
                    document.expires,
                    file.display()
                )
            })?;
        }
        None => output.show(&document, |_| text)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(candidates: &[Candidate]) -> String {
    table(
        [
            "ID",
            "PROFILE",
            "USER",
            "IDENTIFIER",
            "STATE",
            "IDLE SINCE",
            "SAVES",
            "WHY",
        ],
        candidates.iter().map(|candidate| {
            [
                candidate.id.to_string(),
                candidate.profile.to_string(),
                user_of(candidate),
                candidate.identifier.to_string(),
                candidate.state.to_string(),
                idle_since(candidate),
                saves(candidate),
                candidate.reason.clone(),
            ]
        }),
    )
}

fn facts(candidate: &Candidate) -> String {
    let or_none = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), short);
    let rows = [
        ("candidate", candidate.id.to_string()),
        ("profile", candidate.profile.to_string()),
        ("user", user_of(candidate)),
        ("user id", candidate.external_user_id.clone()),
        ("identifier", candidate.identifier.to_string()),
        ("state", candidate.state.to_string()),
        ("why", candidate.reason.clone()),
        ("justification", candidate.justification.as_str().to_owned()),
        ("rule", candidate.rule.clone()),
        ("idle since", idle_since(candidate)),
        ("evidence", candidate.grade.as_str().to_owned()),
        ("saves", saves(candidate)),
        (
            "assignment group",
            candidate.assignment_group.clone().unwrap_or_default(),
        ),
        ("opened", short(candidate.opened_at)),
        ("changed", short(candidate.changed_at)),
        ("closed", or_none(candidate.closed_at)),
        (
            "pressed by",
            candidate.pressed_by.clone().unwrap_or_default(),
        ),
        ("asked", or_none(candidate.asked_at)),
        ("answer by", or_none(candidate.answer_by)),
        ("kept until", or_none(candidate.kept_until)),
        ("given back", or_none(candidate.restored_at)),
    ];
    table(
        ["FACT", "VALUE"],
        rows.map(|(name, value)| [name.to_owned(), value]),
    )
}

fn user_of(candidate: &Candidate) -> String {
    if candidate.email.is_empty() {
        candidate.external_user_id.clone()
    } else {
        candidate.email.clone()
    }
}

fn idle_since(candidate: &Candidate) -> String {
    let reference = candidate.reference;
    format!("{} ({})", reference.day, reference.kind.as_str())
}

fn saves(candidate: &Candidate) -> String {
    candidate
        .savings
        .as_ref()
        .map_or_else(String::new, |savings| {
            format!("{} {} {}", savings.amount, savings.currency, savings.period)
        })
}

/// The instant at which a day is over.
fn end_of(day: Date) -> Result<Timestamp, Failure> {
    let next = day.saturating_add(1.day());
    next.to_zoned(TimeZone::UTC)
        .map(|next| next.timestamp())
        .map_err(|error| Failure::Usage(format!("`{day}` is no day to keep a seat until: {error}")))
}
