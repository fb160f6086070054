//! `seatsync undo`: gives back seats that were taken back.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{UndoAnswer, UndoRequest};

/// Arguments of `undo`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct UndoArgs {
    /// The number of the candidate whose seat is given back.
    #[arg(value_name = "CANDIDATE")]
    candidate: Option<i64>,
    /// Every seat that this job took back.
    #[arg(long, value_name = "JOB")]
    run: Option<String>,
}

/// Gives seats back, and says what came back and what did not.
pub(super) fn run(
    args: UndoArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let request = UndoRequest {
        candidate: args.candidate,
        job: args.run,
    };
    let answer: UndoAnswer = Client::new(runtime)?.post("/v1/undo", &request)?;
    output.show(&answer, |answer| {
        table(
            ["CANDIDATE", "USER", "IDENTIFIER", "GIVEN BACK", "RESULT"],
            answer.restored.iter().map(|one| {
                [
                    one.candidate.to_string(),
                    one.email.clone(),
                    one.identifier.clone(),
                    if one.ok { "yes" } else { "no" }.to_owned(),
                    one.message.clone(),
                ]
            }),
        )
    })?;
    Ok(if answer.restored.iter().all(|one| one.ok) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
