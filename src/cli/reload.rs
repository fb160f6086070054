//! `seatsync reload`: look at the profiles folder now.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use super::status;
use crate::api::control::model::{ReloadRequest, Reloaded};

/// Arguments of `reload`.
#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    /// Wait for the pass to end and show what it changed; exit code 1 when files have errors.
    #[arg(long)]
    wait: bool,

    /// Obey an empty or vanished folder: every profile in it is removed.
    #[arg(long)]
    allow_empty: bool,
}

/// Asks for a pass.
pub(super) fn run(
    args: &ReloadArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let request = ReloadRequest {
        allow_empty: args.allow_empty,
        wait: args.wait,
    };
    let client = Client::new(runtime)?;
    if !args.wait {
        let _: serde_json::Value = client.post("/v1/reload", &request)?;
        return Ok(ExitCode::SUCCESS);
    }
    let reloaded: Reloaded = client.post("/v1/reload", &request)?;
    output.show(&reloaded, |reloaded| {
        let mut text = status::folder(&reloaded.folder);
        text.push_str(
            match (reloaded.changes.len(), reloaded.would_change.len()) {
                (0, 0) => "nothing changed\n",
                (0, _) => "nothing was applied; with `--allow-empty` it would be:\n",
                _ => "",
            },
        );
        for change in reloaded.changes.iter().chain(&reloaded.would_change) {
            text.push_str(change);
            text.push('\n');
        }
        text
    })?;
    let broken = reloaded.folder.held.is_some()
        || reloaded
            .folder
            .findings
            .iter()
            .any(|f| f.severity == "error");
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
