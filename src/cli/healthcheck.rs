//! `seatsync healthcheck`: exit code 0 when the daemon serves, for probes.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::Health;

/// How long a daemon that is well may take to say so. A probe's own limit is often 10 seconds or more.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks the daemon whether it is well.
pub(super) fn run(runtime: &Path, output: &mut Output) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?.with_patience(PATIENCE);
    let health: Health = client.get("/health", &())?;
    output.show(&health, |health| format!("{}\n", health.message))?;
    Ok(if health.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
