//! `seatsync release` and `seatsync rebind`: the decisions that a held profile asks for.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::Decided;
use crate::profile::name::Name;

/// Arguments of `release` and `rebind`.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    /// Which profile.
    profile: Name,
}

/// Accepts the next complete walk of the profile, however few seats it tells.
pub(super) fn release(
    args: &DecideArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    decide("release", args, runtime, output)
}

/// Binds the profile to the vendor account that its connection leads to now.
pub(super) fn rebind(
    args: &DecideArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    decide("rebind", args, runtime, output)
}

fn decide(
    verb: &str,
    args: &DecideArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let path = format!("/v1/profiles/{}/{verb}", args.profile);
    let decided: Decided = Client::new(runtime)?.post(&path, &serde_json::json!({}))?;
    output.show(&decided, |decided| format!("{}\n", decided.message))?;
    Ok(ExitCode::SUCCESS)
}
