//! `seatsync backup`: both databases in one file, while the daemon works.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tempfile::{Builder, NamedTempFile};

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::store::backup::{self, Manifest};

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Write it to this file (mode 0600), which must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Fetches a backup from the daemon, proves that it is whole, and only then gives it its name.
pub(super) fn run(
    args: &BackupArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    if args.out.exists() {
        return Err(taken(&args.out));
    }
    let client = Client::new(runtime)?;
    let mut partial = Partial::create(&args.out)?;
    client.download("/v1/backup", &(), |piece| {
        let file = partial.0.as_file_mut();
        file.write_all(piece)
            .with_context(|| format!("write `{}`", partial.0.path().display()))?;
        Ok(())
    })?;
    let manifest = partial.keep_as(&args.out)?;
    output.show(&manifest, |manifest| told(manifest, &args.out))?;
    Ok(ExitCode::SUCCESS)
}

fn told(manifest: &Manifest, out: &Path) -> String {
    let files: Vec<String> = manifest
        .files
        .iter()
        .map(|file| {
            format!(
                "{} ({} bytes, layout {})",
                file.name, file.bytes, file.layout
            )
        })
        .collect();
    format!(
        "wrote {}: {}\nthe key that seals tokens is not in it: keep `seatsync-token-key` or `token.key` elsewhere, or consent again after a restore\n",
        out.display(),
        files.join(", ")
    )
}

fn taken(out: &Path) -> Failure {
    Failure::failed(format!(
        "`{}` is already there and was left as it is: give another name, or remove it first",
        out.display()
    ))
}

/// A backup that is not whole yet, under a name that nobody has; it is removed with the value.
struct Partial(NamedTempFile);

impl Partial {
    fn create(out: &Path) -> Result<Self, Failure> {
        let mut prefix = OsString::from(".");
        prefix.push(out.file_name().unwrap_or_default());
        prefix.push(".");
        let folder = match out.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Such a file is made with mode 0600.
        let file = Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .tempfile_in(folder)
            .with_context(|| format!("make a file in `{}`", folder.display()))?;
        Ok(Self(file))
    }

    /// Gives it its name, which nobody has taken meanwhile.
    fn keep_as(self, out: &Path) -> Result<Manifest, Failure> {
        let path = self.0.path();
        let manifest = backup::verify(path).map_err(|error| Failure::failed(error.to_string()))?;
        self.0
            .as_file()
            .sync_all()
            .with_context(|| format!("write `{}` to the disk", path.display()))?;
        match self.0.persist_noclobber(out) {
            Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Err(taken(out)),
            Err(refused) => Err(anyhow::Error::new(refused.error)
                .context(format!("name `{}`", out.display()))
                .into()),
            Ok(_) => Ok(manifest),
        }
    }
}
