//! `seatsync backup`: both databases in one file, while the daemon works.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

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
    let partial = Partial::create(&args.out)?;
    let mut file = &partial.file;
    client.download("/v1/backup", &(), |piece| {
        file.write_all(piece)
            .with_context(|| format!("write `{}`", partial.path.display()))?;
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

/// A backup that is not whole yet, under another name; it is removed with the value.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn create(out: &Path) -> Result<Self, Failure> {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = out.with_file_name(name);
        // Of a backup that was cut.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(anyhow::Error::new(error)
                    .context(format!("remove `{}`", path.display()))
                    .into());
            }
            _ => {}
        }
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("make `{}`", path.display()))?;
        Ok(Self { path, file })
    }

    /// Gives it its name, which nobody has taken meanwhile.
    fn keep_as(&self, out: &Path) -> Result<Manifest, Failure> {
        let manifest =
            backup::verify(&self.path).map_err(|error| Failure::failed(error.to_string()))?;
        self.file
            .sync_all()
            .with_context(|| format!("write `{}` to the disk", self.path.display()))?;
        match fs::hard_link(&self.path, out) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(taken(out)),
            Err(error) => Err(anyhow::Error::new(error)
                .context(format!("name `{}`", out.display()))
                .into()),
            Ok(()) => Ok(manifest),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // What is left of it is overwritten by the next backup of that name.
        let _ = fs::remove_file(&self.path);
    }
}
