//! `seatsync run`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::exit::Failure;
use crate::clock::SystemClock;
use crate::daemon::{self, Options, Surroundings};
use crate::telemetry::{self, Sink};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Folder of profiles, read recursively.
    #[arg(long, value_name = "DIR", default_value = "/etc/seatsync/profiles.d")]
    profiles: PathBuf,

    /// Folder of the databases.
    #[arg(
        long,
        value_name = "DIR",
        env = "STATE_DIRECTORY",
        default_value = "/var/lib/seatsync"
    )]
    state: PathBuf,

    /// The daemon's settings; may be absent at its default place.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Reconcile, run what is due, and end; non-zero if anything failed.
    #[arg(long)]
    once: bool,

    /// What to log: `error`, `warn`, `info`, `debug`, or a `tracing` filter.
    #[arg(
        long,
        value_name = "LEVEL",
        env = "SEATSYNC_LOG",
        default_value = "info"
    )]
    log: String,

    /// How to log.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "SEATSYNC_LOG_FORMAT",
        default_value = "auto"
    )]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// To the journal under systemd, as text on a terminal, as JSON elsewhere.
    Auto,
    /// Lines for people, on standard error.
    Text,
    /// One JSON object per line, on standard error.
    Json,
}

/// Runs until it is told to stop.
pub(super) fn run(args: RunArgs, runtime: PathBuf) -> Result<ExitCode, Failure> {
    let mut surroundings = Surroundings::of_this_process();
    let sink = match args.log_format {
        LogFormat::Auto => Sink::of_this_process(surroundings.journal_stream()),
        LogFormat::Text => Sink::Text,
        LogFormat::Json => Sink::Json,
    };
    telemetry::start(sink, &args.log)
        .map_err(|error| Failure::Usage(format!("`--log {}`: {error}", args.log)))?;
    let options = Options {
        profiles: args.profiles,
        state: args.state,
        runtime,
        config: args.config,
        once: args.once,
    };
    surroundings.confine(&options)?;
    let workers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let outcome = workers.block_on(daemon::run(options, surroundings, Arc::new(SystemClock)))?;
    Ok(if outcome.failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
