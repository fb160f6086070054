//! `seatsync export`: what is known, as files.

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value as Json;

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use super::target::FileTarget;
use crate::api::control::model::{Listing, SnapshotQuery};
use crate::profile::name::Name;
use crate::report::list::{LISTS, List, USAGE};
use crate::report::{CsvSink, JsonLinesSink, ParquetSink, ReportError, Sink};

/// Rows asked for at once.
const PAGE: u32 = 10_000;

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// A list, or `snapshot`: what plans are made from, for `plan --snapshot` on another host, without
    /// secrets and audit log.
    #[arg(value_name = "WHAT")]
    what: What,

    /// How a list is written.
    #[arg(long = "as", value_name = "KIND", default_value = "jsonl")]
    export_as: FileKind,

    /// Only of this profile, where the list tells profiles apart.
    #[arg(long)]
    profile: Option<Name>,

    /// Of a snapshot: pseudonyms in place of users; mail domains stay readable.
    #[arg(long)]
    hash_users: bool,

    /// The file, mode 0600, which comes to be when it is whole; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is exported.
#[derive(Debug, Clone, Copy)]
enum What {
    Snapshot,
    List(&'static List),
}

impl ValueEnum for What {
    fn value_variants<'a>() -> &'a [Self] {
        const COUNT: usize = LISTS.len() + 1;
        const ALL: [What; COUNT] = {
            let mut all = [What::Snapshot; COUNT];
            let mut index = 0;
            while index < LISTS.len() {
                all[index] = What::List(&LISTS[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Snapshot => PossibleValue::new("snapshot"),
            Self::List(list) => PossibleValue::new(list.name),
        })
    }
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FileKind {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values under a header.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// Writes what was asked for.
pub(super) fn run(
    args: &ExportArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    let target = Target::of(args)?;
    match args.what {
        What::Snapshot => snapshot(&client, args, target)?,
        What::List(list) => whole_list(&client, args, list, target)?,
    }
    if let Some(file) = args.out.as_deref().filter(|_| output.is_for_people()) {
        output.text(&format!("written to `{}`\n", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn snapshot(client: &Client, args: &ExportArgs, mut target: Target) -> Result<(), Failure> {
    if args.profile.is_some() || args.export_as != FileKind::Jsonl {
        let message = "a snapshot is whole, and lines of JSON: leave out `--profile` and `--as`";
        return Err(Failure::Usage(message.to_owned()));
    }
    let query = SnapshotQuery {
        hash_users: args.hash_users,
    };
    client.download("/v1/snapshot", &query, |piece| {
        target.stream().write_all(piece).context("write")?;
        Ok(())
    })?;
    target.finish()
}

fn whole_list(
    client: &Client,
    args: &ExportArgs,
    list: &'static List,
    mut target: Target,
) -> Result<(), Failure> {
    if args.hash_users {
        let message = "`--hash-users` is for a snapshot: leave it out";
        return Err(Failure::Usage(message.to_owned()));
    }
    let mut query: Vec<(&str, String)> = list
        .query
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    query.extend(
        args.profile
            .iter()
            .map(|name| ("profile", name.to_string())),
    );
    let mut sink = sink(args.export_as, list, target.stream())?;
    if list.path == USAGE.path {
        usage_records(client, &query, &mut *sink)?;
    } else {
        pages(client, list, &query, &mut *sink)?;
    }
    sink.end().context("write")?;
    target.finish()
}

/// What writes a list to `to`.
pub(super) fn sink<'a>(
    kind: FileKind,
    list: &'static List,
    to: &'a mut (dyn Write + Send),
) -> Result<Box<dyn Sink + 'a>, Failure> {
    let written = |error: ReportError| Failure::from(anyhow::Error::from(error).context("write"));
    Ok(match kind {
        FileKind::Jsonl => Box::new(JsonLinesSink::new(to, list.columns)),
        FileKind::Csv => Box::new(CsvSink::new(to, list.columns).map_err(written)?),
        FileKind::Parquet => {
            Box::new(ParquetSink::new(to, list.name, list.columns).map_err(written)?)
        }
    })
}

fn pages(
    client: &Client,
    list: &List,
    query: &[(&str, String)],
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let mut query = query.to_vec();
        query.push(("limit", PAGE.to_string()));
        query.extend(after.map(|token| ("after", token)));
        let page: Listing<Json> = client.get(list.path, &query)?;
        for row in &page.rows {
            put(list, row, sink)?;
        }
        match page.next {
            Some(token) => after = Some(token),
            None => return Ok(()),
        }
    }
}

/// Writes usage records, which come as lines and not by pages.
pub(super) fn usage_records(
    client: &Client,
    query: &impl Serialize,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let mut rest = Vec::new();
    client.stream(USAGE.path, query, |chunk| {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            rest.extend_from_slice(piece);
            if rest.last() == Some(&b'\n') {
                let row = serde_json::from_slice(&rest).context("read the daemon's answer")?;
                rest.clear();
                put(&USAGE, &row, sink)?;
            }
        }
        Ok(())
    })
}

fn put(list: &List, row: &Json, sink: &mut dyn Sink) -> Result<(), Failure> {
    let cells: Result<Vec<_>, _> = list.columns.iter().map(|column| column.cell(row)).collect();
    sink.row(cells.map_err(anyhow::Error::from)?)
        .context("write")?;
    Ok(())
}

/// Where an export goes.
enum Target {
    Standard(std::io::Stdout),
    File(FileTarget),
}

impl Target {
    fn of(args: &ExportArgs) -> Result<Self, Failure> {
        let Some(file) = &args.out else {
            let is_binary =
                matches!(args.what, What::Snapshot) || args.export_as == FileKind::Parquet;
            if is_binary && std::io::stdout().is_terminal() {
                let message = "this is for a file: give `--out FILE`, or send the output somewhere";
                return Err(Failure::Usage(message.to_owned()));
            }
            return Ok(Self::Standard(Output::raw()));
        };
        Ok(Self::File(FileTarget::begin(file)?))
    }

    fn stream(&mut self) -> &mut (dyn Write + Send) {
        match self {
            Self::Standard(stream) => stream,
            Self::File(file) => file.stream(),
        }
    }

    /// What was there before stays until then.
    fn finish(self) -> Result<(), Failure> {
        if let Self::File(file) = self {
            file.finish()?;
        }
        Ok(())
    }
}
