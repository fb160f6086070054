//! User directories: what of their files is taken into the store. A file that cannot be used, or that loses
//! too many people at once, leaves the people known that were read before, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::diff::{Desired, Kept};
use crate::profile::load::LoadedDirectory;
use crate::profile::model::{DocumentId, Kind};
use crate::profile::name::Name;
use crate::profile::people::{self, PeopleError};
use crate::store::people::{DirectoryRow, NewDirectory};
use crate::store::{Store, StoreError};
use crate::yaml::diagnostic::Diagnostic;

/// Brings the files of the documents in force into the store. `kept` documents stay as they were read
/// before. Returns what is wrong with files that load and are not taken.
pub(super) async fn follow(
    store: &Store,
    loaded: &[LoadedDirectory],
    desired: &Desired,
    now: Timestamp,
) -> Result<Vec<Diagnostic>, StoreError> {
    let known: BTreeMap<Name, DirectoryRow> = store
        .directories()
        .await?
        .into_iter()
        .map(|row| (row.name.clone(), row))
        .collect();
    let mut findings = Vec::new();
    let mut names = BTreeSet::new();
    for (id, kept) in &desired.kept {
        if id.kind == Kind::UserDirectory {
            names.insert(id.name.clone());
            note_kept(store, known.get(&id.name), kept).await?;
        }
    }
    for file in loaded {
        let name = &file.directory.name;
        let id = DocumentId {
            kind: Kind::UserDirectory,
            name: name.clone(),
        };
        let Some(document) = desired.state.documents.get(&id) else {
            continue;
        };
        names.insert(name.clone());
        let row = known.get(name);
        findings.extend(follow_one(store, file, &document.digest, row, now).await?);
    }
    store.keep_directories(names).await?;
    Ok(findings)
}

async fn note_kept(
    store: &Store,
    known: Option<&DirectoryRow>,
    kept: &Kept,
) -> Result<(), StoreError> {
    let Some(row) = known else { return Ok(()) };
    if row.problem.as_ref() == Some(&kept.message) {
        return Ok(());
    }
    store
        .note_directory(&row.name, None, Some(kept.message.clone()))
        .await
}

async fn follow_one(
    store: &Store,
    file: &LoadedDirectory,
    by: &str,
    known: Option<&DirectoryRow>,
    now: Timestamp,
) -> Result<Option<Diagnostic>, StoreError> {
    let name = &file.directory.name;
    // What a clock that was ahead wrote is no younger than the reading of it.
    let as_of = file.modified.min(now);
    if let Some(row) = known.filter(|row| row.by == by && row.digest == file.digest) {
        // The store keeps milliseconds.
        if row.as_of.as_millisecond() != as_of.as_millisecond() || row.problem.is_some() {
            store.note_directory(name, Some(as_of), None).await?;
        }
        return Ok(None);
    }
    let refused = |message: String, help: String| {
        let mut found = Diagnostic::error(
            Arc::from(file.path.as_path()),
            "profile::directory_people",
            message,
        );
        found.help(help);
        found
    };
    let Some(text) = read(file.clone()).await else {
        // Written to since it was loaded: the next pass sees what it is then.
        return Ok(None);
    };
    if let Some((row, lost)) = known.and_then(|row| Some((row, lost(row, file, &text)?))) {
        let most = file.directory.largest_loss;
        let message = format!(
            "it would lose {lost} % of the {} people known from UserDirectory {name}, and {most} % at most are let go at once: those read at {:.0} stay known",
            row.tally.people, row.read_at
        );
        let help = format!(
            "write the file whole; if it is meant, set `largest_loss: {}%` in the document until it is taken",
            lost.min(100)
        );
        store
            .note_directory(name, None, Some(format!("{message}; {help}")))
            .await?;
        return Ok(Some(refused(message, help)));
    }
    let new = NewDirectory {
        directory: file.directory.clone(),
        file: file.shown.display().to_string(),
        by: by.to_owned(),
        digest: file.digest.clone(),
        as_of,
        text,
    };
    match store.take_directory(new, now).await? {
        Ok(tally) => {
            tracing::info!(
                directory = %name,
                people = tally.people,
                active = tally.active,
                "user directory taken"
            );
            Ok(None)
        }
        Err(error) => Ok(Some(refused(error.to_string(), error.help().to_owned()))),
    }
}

/// Per cent of the people that the file has no more, where those are too many.
fn lost(row: &DirectoryRow, file: &LoadedDirectory, text: &str) -> Option<u64> {
    let tally = people::read(text, &file.directory, |_| Ok::<(), PeopleError>(())).ok()?;
    let lost = row.tally.lost_in(tally);
    (lost > u64::from(file.directory.largest_loss)).then_some(lost)
}

async fn read(file: LoadedDirectory) -> Option<String> {
    tokio::task::spawn_blocking(move || file.text())
        .await
        .ok()
        .flatten()
}

/// What decides whether the directories are looked at again: content, and when it was written.
pub(super) type Seen = Vec<(PathBuf, String, Timestamp)>;

/// What was seen of the files.
pub(super) fn seen(loaded: &[LoadedDirectory]) -> Seen {
    let one = |file: &LoadedDirectory| (file.path.clone(), file.digest.clone(), file.modified);
    loaded.iter().map(one).collect()
}
