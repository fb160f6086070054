//! `seatsync schema`: JSON Schema of the files, so that editors complete and check.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::exit::Failure;
use super::output::Output;
use crate::profile::schema;

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// The schema of the settings file instead of the documents'.
    #[arg(long)]
    settings: bool,
}

/// Prints the schema.
pub(super) fn run(args: &SchemaArgs, output: &mut Output) -> Result<ExitCode, Failure> {
    let schema = if args.settings {
        schema::settings()
    } else {
        schema::documents()
    };
    let mut text = serde_json::to_string_pretty(&schema).context("print as JSON")?;
    text.push('\n');
    output.text(&text)?;
    Ok(ExitCode::SUCCESS)
}
