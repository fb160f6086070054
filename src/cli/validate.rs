//! `seatsync validate PROFILE`: calls the vendor now, per process.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::Validation;
use crate::profile::name::Name;

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Which profile.
    profile: Name,
}

/// Shows the verdict of every process, with the scopes that it needs and has.
pub(super) fn run(
    args: &ValidateArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let path = format!("/v1/profiles/{}/validate", args.profile);
    let validation: Validation = Client::new(runtime)?.post(&path, &serde_json::json!({}))?;
    output.show(&validation, |validation| {
        table(
            ["PROCESS", "OK", "SCOPES NEEDED", "SCOPES HELD", "MESSAGE"],
            validation.verdicts.iter().map(|process| {
                let verdict = &process.verdict;
                [
                    verdict.process.as_str().to_owned(),
                    if verdict.ok { "yes" } else { "no" }.to_owned(),
                    verdict.scopes_needed.join(" "),
                    verdict.scopes_held.join(" "),
                    verdict.message.clone(),
                ]
            }),
        )
    })?;
    let able = validation
        .verdicts
        .iter()
        .all(|process| process.verdict.ok || !process.required);
    Ok(if able {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
