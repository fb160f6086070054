//! `seatsync healthcheck`: exit code 0 when the daemon serves, for probes.

use std::path::Path;
use std::process::ExitCode;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::Health;

/// Asks the daemon whether it is well.
pub(super) fn run(runtime: &Path, output: &mut Output) -> Result<ExitCode, Failure> {
    let health: Health = Client::new(runtime)?.get("/health", &())?;
    output.show(&health, |health| format!("{}\n", health.message))?;
    Ok(if health.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
