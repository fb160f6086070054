//! `seatsync jobs list|run|results`.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::{Client, page_size};
use super::exit::Failure;
use super::installed;
use super::output::{Output, table, word_of};
use super::progress;
use super::status::short;
use crate::api::control::model::{JobQuery, JobRequest, Listing};
use crate::profile::name::Name;
use crate::store::job::{Counts, Job, JobState};

/// Arguments of `jobs`.
#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// Jobs that wait or run, and the last ones that ended.
    List(Filter),
    /// Run a subflow of a profile now, and what follows it; with `--installed`, judge installed software.
    Run {
        /// Of which profile.
        #[arg(required_unless_present = "installed")]
        profile: Option<Name>,
        /// Judge installed software, which is of no profile.
        #[arg(long, conflicts_with_all = ["profile", "subflow"])]
        installed: bool,
        /// Which subflow.
        #[arg(long, value_name = "SUBFLOW")]
        subflow: Option<String>,
        /// Return at once instead of waiting for the result.
        #[arg(long)]
        no_wait: bool,
    },
    /// Jobs that ended, with what they did.
    Results(Filter),
}

#[derive(Debug, Args)]
struct Filter {
    /// Only of this profile.
    #[arg(long)]
    profile: Option<Name>,
    /// Only of this subflow.
    #[arg(long)]
    subflow: Option<String>,
    /// The runs that judge installed software.
    #[arg(long, conflicts_with_all = ["profile", "subflow"])]
    installed: bool,
    /// At most so many, newest first.
    #[arg(long, default_value_t = 20, value_parser = page_size(), allow_negative_numbers = true)]
    limit: u32,
}

/// Lists jobs or asks for one.
pub(super) fn run(
    args: JobsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    match args.command {
        JobsCommand::List(filter) => list(&client, filter, false, output),
        JobsCommand::Results(filter) => list(&client, filter, true, output),
        JobsCommand::Run {
            installed: true,
            no_wait,
            ..
        } => installed::run_now(&client, no_wait, output),
        JobsCommand::Run {
            profile,
            subflow,
            no_wait,
            ..
        } => {
            let profile = profile.map(String::from).unwrap_or_default();
            let job: Job = client.post("/v1/jobs", &JobRequest { profile, subflow })?;
            let job = if no_wait {
                job
            } else {
                progress::follow(&client, &job, output)?
            };
            output.show(&job, |job| rows(std::slice::from_ref(job)))?;
            Ok(match job.state {
                JobState::Completed | JobState::PartiallyCompleted => ExitCode::SUCCESS,
                JobState::Pending | JobState::InProgress if no_wait => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            })
        }
    }
}

fn list(
    client: &Client,
    filter: Filter,
    ended: bool,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    if filter.installed {
        return installed::runs(client, ended, filter.limit, output);
    }
    let query = JobQuery {
        profile: filter.profile.as_ref().map(Name::to_string),
        subflow: filter.subflow,
        ended,
        before: None,
        limit: Some(filter.limit),
    };
    let jobs: Listing<Job> = client.get("/v1/jobs", &query)?;
    output.show(&jobs, |jobs| rows(&jobs.rows))?;
    Ok(ExitCode::SUCCESS)
}

fn rows(jobs: &[Job]) -> String {
    table(
        [
            "JOB", "PROFILE", "SUBFLOW", "TRIGGER", "STATE", "STARTED", "TOOK", "RESULT",
        ],
        jobs.iter().map(|job| {
            [
                job.id.clone(),
                job.profile.to_string(),
                job.subflow.as_str().to_owned(),
                word_of(&job.trigger),
                word_of(&job.state),
                job.started_at.map_or_else(|| "-".to_owned(), short),
                took(job),
                result(job),
            ]
        }),
    )
}

fn took(job: &Job) -> String {
    match (job.started_at, job.ended_at) {
        (Some(start), Some(end)) => {
            format!("{:.1} s", end.duration_since(start).as_secs_f64())
        }
        _ => "-".to_owned(),
    }
}

fn result(job: &Job) -> String {
    let counts = counts(&job.counts);
    match &job.failure {
        Some(failure) if job.state == JobState::Pending => {
            format!(
                "put off until {}: {}",
                short(job.not_before),
                failure.message
            )
        }
        Some(failure) if counts.is_empty() => failure.message.clone(),
        Some(failure) => format!("{counts}; {}", failure.message),
        None => counts,
    }
}

/// The counts that are not zero, in words.
pub(super) fn counts(counts: &Counts) -> String {
    let words = [
        (counts.fetched, "fetched"),
        (counts.inserted, "inserted"),
        (counts.updated, "updated"),
        (counts.ended, "ended"),
        (counts.excluded, "excluded"),
        (counts.unrecognized, "unrecognized"),
        (counts.unresolved, "unresolved"),
        (counts.vendor_calls, "calls"),
        (counts.retries, "retries"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    parts.join(", ")
}
