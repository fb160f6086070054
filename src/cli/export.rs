//! `seatsync export`: what is known, as files.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::SnapshotQuery;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(subcommand)]
    what: ExportCommand,
}

#[derive(Debug, Subcommand)]
enum ExportCommand {
    /// What plans are made from, for `plan --snapshot` on another host: no secrets, no audit log.
    Snapshot {
        /// Write pseudonyms in place of users; mail domains stay readable.
        #[arg(long)]
        hash_users: bool,
        /// The file, mode 0600; standard output without it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Writes what was asked for.
pub(super) fn run(
    args: ExportArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let ExportCommand::Snapshot { hash_users, out } = args.what;
    let query = SnapshotQuery { hash_users };
    let client = Client::new(runtime)?;
    match out {
        Some(file) => into_file(&client, query, &file, output)?,
        None if std::io::stdout().is_terminal() => {
            return Err(Failure::Usage(
                "a snapshot is for a file: give `--out FILE`, or send the output somewhere"
                    .to_owned(),
            ));
        }
        None => client.download("/v1/snapshot", &query, |piece| {
            output.stream().write_all(piece).context("print")?;
            Ok(())
        })?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The file comes to be when it is whole: what was there before stays until then.
fn into_file(
    client: &Client,
    query: SnapshotQuery,
    file: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    let cannot = || format!("`{}` cannot be written", file.display());
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let mut whole =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(cannot)?;
    client.download("/v1/snapshot", &query, |piece| {
        whole.write_all(piece).with_context(cannot)?;
        Ok(())
    })?;
    whole.as_file().sync_all().with_context(cannot)?;
    whole
        .persist(file)
        .map_err(|error| error.error)
        .with_context(cannot)?;
    if output.is_for_people() {
        output.text(&format!("written to `{}`\n", file.display()))?;
    }
    Ok(())
}
