//! `seatsync new TYPE`: a commented document to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::exit::Failure;
use super::output::Output;
use crate::profile::name::Name;
use crate::profile::sample::Sample;

/// Arguments of `new`.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Of what: a profile of some type, with its connection, or another kind of document.
    #[arg(value_name = "TYPE", value_parser = PossibleValuesParser::new(Sample::words()).try_map(|word| word.parse::<Sample>()))]
    sample: Sample,

    /// What it is to be called; by its type when absent.
    #[arg(long)]
    name: Option<Name>,

    /// Write it to this file, which must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Prints the document, or writes the file.
pub(super) fn run(args: &NewArgs, output: &mut Output) -> Result<ExitCode, Failure> {
    let text = args.sample.text(args.name.as_ref());
    match &args.out {
        None => output.text(&text)?,
        Some(file) => {
            write_new(file, &text)?;
            let file = file.display();
            output.text(&format!(
                "wrote {file}: fill in what it says, then `seatsync check {file}`\n"
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut opened = match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::failed(format!(
                "`{}` is already there and was left as it is: give another name, or remove it first",
                file.display()
            )));
        }
        other => other.with_context(|| format!("make `{}`", file.display()))?,
    };
    opened
        .write_all(text.as_bytes())
        .with_context(|| format!("write `{}`", file.display()))?;
    Ok(())
}
