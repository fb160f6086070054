//! `seatsync db check`: whether the databases are as they should be.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::audit;
use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::store::check::{CheckReport, check_offline};

/// Arguments of `db`.
#[derive(Debug, Args)]
pub(super) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Read both databases to their ends: their structure, references between rows, layouts, and the
    /// chain of the audit log.
    Check {
        /// Look at this state directory instead of asking the daemon, which may be stopped.
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
    },
}

/// Checks, and ends with 1 where something is wrong.
pub(super) fn run(args: &DbArgs, runtime: &Path, output: &mut Output) -> Result<ExitCode, Failure> {
    let DbCommand::Check { state } = &args.command;
    let report: CheckReport = match state {
        Some(state) => check_offline(state).map_err(|error| Failure::failed(error.to_string()))?,
        None => Client::new(runtime)?.post("/v1/db/check", &())?,
    };
    output.show(&report, told)?;
    Ok(if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn told(report: &CheckReport) -> String {
    let mut text = table(
        ["DATABASE", "BYTES", "LAYOUT", "FOUND"],
        report.files.iter().map(|file| {
            let found = match file.findings.len() {
                0 => "sound".to_owned(),
                count => format!("{count} wrong"),
            };
            [
                file.name.clone(),
                file.bytes.to_string(),
                format!("{} of {}", file.layout, file.known),
                found,
            ]
        }),
    );
    for file in &report.files {
        for finding in &file.findings {
            let _ = writeln!(text, "{}: {finding}", file.name);
        }
    }
    match &report.audit {
        Some(verified) => text.push_str(&audit::verdict(verified)),
        None => text.push_str("the audit log was not looked at\n"),
    }
    let are_there = report.files.iter().all(|file| file.bytes > 0);
    if !report.is_sound() && are_there {
        text.push_str("stop seatsync, and put a backup back: `seatsync restore FILE --force`\n");
    }
    text
}
