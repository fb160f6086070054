//! `seatsync man DIR`: the manual pages, for whoever packages the program.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, CommandFactory};

use super::Arguments;
use super::exit::Failure;
use super::output::Output;

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The folder, for instance `/usr/share/man/man1`; it is made where it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes a page for the program and for each of its commands.
pub(super) fn run(args: &ManArgs, output: &mut Output) -> Result<ExitCode, Failure> {
    let folder = args.folder.display();
    fs::create_dir_all(&args.folder).with_context(|| format!("make `{folder}`"))?;
    clap_mangen::generate_to(Arguments::command(), &args.folder)
        .with_context(|| format!("write the pages into `{folder}`"))?;
    output.text(&format!("wrote the pages of every command into {folder}\n"))?;
    Ok(ExitCode::SUCCESS)
}
