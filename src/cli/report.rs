//! `seatsync report`: the licence report as one page.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use super::target::FileTarget;
use crate::api::control::model::{
    JobQuery, Listing, PositionAnswer, PositionQuery, PositionRunQuery, ReportCandidateQuery,
    Status,
};
use crate::doctor::Health;
use crate::report::page::{Facts, MOST_ROWS, page};
use crate::store::job::Job;
use crate::store::position::PositionRun;
use crate::store::report::{ReportCandidate, ReportSums};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// The file, mode 0600, which comes to be when it is whole. It names users.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the page.
pub(super) fn run(
    args: &ReportArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    let mut target = FileTarget::begin(&args.out)?;
    let text = page(&facts(&client)?).map_err(anyhow::Error::from)?;
    target
        .stream()
        .write_all(text.as_bytes())
        .context("write")?;
    target.finish()?;
    if output.is_for_people() {
        output.text(&format!("written to `{}`\n", args.out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn facts(client: &Client) -> Result<Facts, Failure> {
    let status: Status = client.get("/v1/status", &())?;
    let query = PositionRunQuery {
        limit: Some(1),
        ..PositionRunQuery::default()
    };
    let runs: Listing<PositionRun> = client.get("/v1/position/runs", &query)?;
    let latest = runs.rows.into_iter().next();
    let products = match &latest {
        None => Vec::new(),
        Some(run) => {
            let query = PositionQuery {
                id: Some(run.id),
                ..PositionQuery::default()
            };
            client
                .get::<PositionAnswer>("/v1/position", &query)?
                .products
        }
    };
    let query = ReportCandidateQuery {
        limit: Some(MOST_ROWS),
    };
    let candidates: Vec<ReportCandidate> = client.get("/v1/report/candidates", &query)?;
    let query = JobQuery {
        ended: true,
        limit: Some(MOST_ROWS),
        ..JobQuery::default()
    };
    let jobs: Listing<Job> = client.get("/v1/jobs", &query)?;
    let health: Health = client.get("/v1/doctor", &())?;
    let sums: ReportSums = client.get("/v1/report", &())?;
    Ok(Facts {
        made_at: status.now,
        position: latest,
        products,
        sums,
        candidates,
        health,
        jobs: jobs.rows,
    })
}
