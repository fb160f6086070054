//! `seatsync check`: what is wrong in files, without a daemon, the network or secrets.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::Format;
use super::exit::Failure;
use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::profile::link::link_beside;
use crate::profile::load::{Loaded, expired, load_paths};
use crate::settings::{self, Settings};
use crate::yaml::diagnostic::Diagnostic;
use crate::yaml::excerpt;
use crate::yaml::render::{self, Looked};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files and folders.
    #[arg(value_name = "PATH", default_value = "/etc/seatsync/profiles.d")]
    paths: Vec<PathBuf>,

    /// The daemon's settings, which say what connections are allowed
    /// [default: /etc/seatsync/seatsync.yaml, where there is one].
    #[arg(long, value_name = "FILE", env = "SEATSYNC_CONFIG")]
    config: Option<PathBuf>,
}

/// Checks and prints; the exit code is 1 when there are errors.
pub(super) fn run(
    args: &CheckArgs,
    format: Format,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let loaded = load_paths(&args.paths);
    match settings::load(args.config.as_deref()) {
        Ok(settings) => found.extend(among_each_other(&loaded, &settings)),
        // What is allowed is not known, so nothing is said of it.
        Err(mistakes) => found.extend(mistakes),
    }
    found.extend(loaded.diagnostics);
    found.sort_by(|one, other| one.order().cmp(&other.order()));
    excerpt::fill(&mut found);
    let looked = Looked {
        files: loaded.files,
        documents: loaded.documents.len(),
    };
    output.text(&rendered(&found, looked, format)?)?;
    Ok(if found.iter().any(Diagnostic::is_error) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What the documents say of each other, and by the settings.
fn among_each_other(loaded: &Loaded, settings: &Settings) -> Vec<Diagnostic> {
    let (_, mut found) = link_beside(&loaded.documents, &loaded.broken.documents, settings);
    let now = SystemClock.now().to_zoned(settings.time_zone.clone());
    found.extend(expired(&loaded.documents, now.date()));
    found
}

fn rendered(found: &[Diagnostic], looked: Looked, format: Format) -> Result<String, Failure> {
    let value = match format {
        Format::Table => return Ok(render::text(found, looked)),
        Format::Github => return Ok(render::github(found)),
        Format::Json => render::json(found, looked),
        Format::Sarif => render::sarif(found),
    };
    let mut text = serde_json::to_string_pretty(&value).context("print as JSON")?;
    text.push('\n');
    Ok(text)
}
