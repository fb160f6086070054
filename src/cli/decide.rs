//! `seatsync release` and `seatsync rebind`: the decisions that a held profile asks for.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::{Decided, ReleaseRequest};
use crate::profile::name::Name;

/// Arguments of `rebind`.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    /// Which profile.
    profile: Name,
}

/// Arguments of `release`.
#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// Which profile.
    profile: Name,
    /// Release exactly the plan with this digest, which `seatsync plan --seats` shows; without it, a
    /// held download is released.
    #[arg(long, value_name = "DIGEST")]
    plan: Option<String>,
}

/// Accepts the next complete walk of the profile, however few seats it tells, or exactly one plan.
pub(super) fn release(
    args: &ReleaseArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let request = ReleaseRequest {
        plan: args.plan.clone(),
    };
    decide("release", &args.profile, &request, runtime, output)
}

/// Binds the profile to the vendor account that its connection leads to now.
pub(super) fn rebind(
    args: &DecideArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let nothing = serde_json::json!({});
    decide("rebind", &args.profile, &nothing, runtime, output)
}

fn decide(
    verb: &str,
    profile: &Name,
    request: &impl Serialize,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let path = format!("/v1/profiles/{profile}/{verb}");
    let decided: Decided = Client::new(runtime)?.post(&path, request)?;
    output.show(&decided, |decided| format!("{}\n", decided.message))?;
    Ok(ExitCode::SUCCESS)
}
