//! `seatsync restore`: a backup in place of a state directory's databases, while no daemon has it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::exit::Failure;
use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::store::backup::restore::restore;

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// A file that `seatsync backup` wrote.
    file: PathBuf,

    /// The state directory of the daemon, which is stopped.
    #[arg(
        long,
        value_name = "DIR",
        env = "STATE_DIRECTORY",
        default_value = "/var/lib/seatsync"
    )]
    state: PathBuf,

    /// Put it in place of databases that are there, which are lost.
    #[arg(long)]
    force: bool,
}

/// Puts the backup back.
pub(super) fn run(args: &RestoreArgs, output: &mut Output) -> Result<ExitCode, Failure> {
    let now = SystemClock.now();
    let manifest = restore(&args.file, &args.state, args.force, now)
        .map_err(|error| Failure::failed(error.to_string()))?;
    output.show(&manifest, |manifest| {
        format!(
            "restored `{}` as it was at {:.0}: start seatsync\nnothing is written to a vendor before each connection is validated, its seats are downloaded, and writes that were under way are looked up\n",
            args.state.display(),
            manifest.taken_at
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
