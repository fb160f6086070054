//! `seatsync plan`: what reconciling would change.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::findings;
use super::output::Output;
use crate::api::control::model::PlanAnswer;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Exit with 2 when there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Shows the difference of desired and recorded state, as the daemon sees it.
pub(super) fn run(
    args: &PlanArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let plan: PlanAnswer = Client::new(runtime)?.get("/v1/plan", &())?;
    output.show(&plan, |plan| {
        let mut text = findings::lines(&plan.findings);
        text.push_str(&plan.text);
        text
    })?;
    Ok(if args.detailed_exitcode && plan.changes {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}
