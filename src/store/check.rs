//! Whether both files are as they should be: SQLite's own checks, the versions of their layouts, and
//! the chain of the audit log. By the daemon, or on a state directory that no daemon has.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Transaction};
use serde::{Deserialize, Serialize};

use super::audit::verify::{self, Verified};
use super::backup::restore::give;
use super::database::Layout;
use super::usage::UsageStore;
use super::{LAYOUT, Store, StoreError, inspect, usage};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// One for each database.
    pub files: Vec<FileReport>,
    /// The audit log; `None` where it could not be read.
    pub audit: Option<Verified>,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// The version of its layout.
    pub layout: u32,
    /// The newest version that this program knows.
    pub known: u32,
    /// Its length in bytes, without its log.
    pub bytes: u64,
    /// What is wrong, the first of it; nothing where it is sound.
    pub findings: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.files.iter().all(|file| file.findings.is_empty())
            && self.audit.as_ref().is_some_and(Verified::is_proved)
    }
}

impl Store {
    /// Reads both files to their ends. Takes seconds for each gigabyte; writers do not wait for it.
    pub async fn check_files(&self, usage: &UsageStore) -> Result<CheckReport, StoreError> {
        let path = self.database_path();
        let own = self
            .database
            .read("check the file", move |t| report(t, &path, &LAYOUT))
            .await?;
        let of_usage = usage.check().await?;
        Ok(CheckReport {
            files: vec![own, of_usage],
            audit: Some(self.verify_audit(None).await?),
        })
    }
}

/// The same for the files in `state`, which no daemon needs to serve. What cannot be read is a finding.
pub fn check_offline(state: &Path) -> Result<CheckReport, StoreError> {
    let (own, audit) = offline(&state.join("seatsync.db"), &LAYOUT, true);
    let (of_usage, _) = offline(&state.join("usage.db"), &usage::LAYOUT, false);
    give_logs_back(state);
    Ok(CheckReport {
        files: vec![own, of_usage],
        audit,
    })
}

fn offline(path: &Path, layout: &Layout, audited: bool) -> (FileReport, Option<Verified>) {
    let mut audit = None;
    if !path.exists() {
        let report = FileReport {
            findings: vec![format!(
                "there is no `{}`: is this the state directory?",
                path.display()
            )],
            ..unread(path, layout)
        };
        return (report, None);
    }
    let mut looked = || -> Result<FileReport, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        let snapshot = connection.transaction()?;
        let report = report(&snapshot, path, layout)?;
        if audited && report.findings.is_empty() {
            audit = Some(verify::verify(&snapshot, None)?);
        }
        Ok(report)
    };
    let report = looked().unwrap_or_else(|error| FileReport {
        findings: vec![format!("it cannot be read: {error}")],
        ..unread(path, layout)
    });
    (report, audit)
}

pub(super) fn report(
    snapshot: &Transaction<'_>,
    path: &Path,
    layout: &Layout,
) -> Result<FileReport, StoreError> {
    let pragma = |name: &str| snapshot.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let mut report = unread(path, layout);
    report.layout = pragma("user_version")?;
    report.findings = inspect::findings(snapshot)?;
    if pragma("application_id")? != layout.application_id {
        let strange = "it is not a seatsync database of this kind";
        report.findings.push(strange.to_owned());
    }
    if report.layout > report.known {
        report.findings.push(format!(
            "its layout {} is newer than this seatsync knows: install the newer seatsync again",
            report.layout
        ));
    }
    Ok(report)
}

fn unread(path: &Path, layout: &Layout) -> FileReport {
    let name = path.file_name().unwrap_or_default();
    FileReport {
        name: name.to_string_lossy().into_owned(),
        layout: 0,
        known: u32::try_from(layout.migrations.len()).unwrap_or(u32::MAX),
        bytes: fs::metadata(path).map_or(0, |metadata| metadata.len()),
        findings: Vec::new(),
    }
}

/// To read what a log holds, SQLite makes files beside it, which the daemon has to own.
fn give_logs_back(state: &Path) {
    let Ok(owner) = fs::metadata(state) else {
        return;
    };
    for name in [
        "seatsync.db-wal",
        "seatsync.db-shm",
        "usage.db-wal",
        "usage.db-shm",
    ] {
        let path = state.join(name);
        if path.exists()
            && let Err(error) = give(&path, &owner)
        {
            tracing::warn!(%error, "the daemon may not be able to open this");
        }
    }
}
