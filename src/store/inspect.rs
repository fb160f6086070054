//! Looks at a database file before it is used, so that one that is newer, foreign or damaged is
//! refused and left as it was. Used by `database` only.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction};

use super::database::Layout;
use super::error::StoreError;

/// How long the start waits for the check of a file. A larger file is checked to its end behind
/// the start: ten million rows would hold it up for seconds.
const CHECK_BUDGET: Duration = Duration::from_millis(500);

/// Looks at the file read-only, so that one we refuse is left as it was.
pub(super) fn refuse_what_is_not_ours(path: &Path, layout: &Layout) -> Result<(), StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt {
        path: path.to_owned(),
        reason,
    };
    let unusable = |error: rusqlite::Error| corrupt(error.to_string());
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(unusable)?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application_id = pragma("application_id").map_err(unusable)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(unusable)?;
    if application_id != i64::from(layout.application_id) && (application_id != 0 || tables > 0) {
        return Err(corrupt("it is not a seatsync database of this kind".into()));
    }
    let found = pragma("user_version").map_err(unusable)?;
    let known = layout.migrations.len();
    if usize::try_from(found).map_or(true, |found| found > known) {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found: u32::try_from(found).unwrap_or(u32::MAX),
            known: u32::try_from(known).unwrap_or(u32::MAX),
        });
    }
    match quick_check(&connection, Some(CHECK_BUDGET)) {
        Checked::Sound => Ok(()),
        Checked::Damaged(finding) => Err(corrupt(finding)),
        Checked::Unfinished => {
            check_behind_the_start(path.to_owned(), connection);
            Ok(())
        }
    }
}

/// What a look through a file found.
#[derive(Debug, PartialEq, Eq)]
enum Checked {
    Sound,
    Damaged(String),
    /// There was no time for all of it.
    Unfinished,
}

/// SQLite's own check of the file's structure, cut off after `budget`.
fn quick_check(connection: &Connection, budget: Option<Duration>) -> Checked {
    let interrupt = connection.get_interrupt_handle();
    let (done, waiting) = channel::<()>();
    let verdict = thread::scope(|scope| {
        if let Some(budget) = budget {
            scope.spawn(move || {
                if waiting.recv_timeout(budget) == Err(RecvTimeoutError::Timeout) {
                    interrupt.interrupt();
                }
            });
        }
        let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        drop(done);
        verdict
    });
    match verdict {
        Ok(verdict) if verdict == "ok" => Checked::Sound,
        Ok(finding) => Checked::Damaged(finding),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Checked::Unfinished
        }
        Err(error) => Checked::Damaged(error.to_string()),
    }
}

/// Finishes the check of a large file while the daemon already works, and tells the log.
fn check_behind_the_start(path: PathBuf, connection: Connection) {
    let check = move || match quick_check(&connection, None) {
        Checked::Damaged(finding) => tracing::error!(
            path = %path.display(),
            finding,
            "the database is damaged: stop seatsync, restore a backup, start it again"
        ),
        Checked::Sound | Checked::Unfinished => {
            tracing::debug!(path = %path.display(), "the database is sound");
        }
    };
    if let Err(error) = thread::Builder::new().name("check".into()).spawn(check) {
        tracing::warn!(%error, "the database's check was not finished");
    }
}

/// What SQLite's full check says of the file, at most 20 lines, and rows that refer to none, at most as
/// many; nothing where it is sound. Takes seconds for each gigabyte; writers do not wait for it.
pub(super) fn findings(snapshot: &Transaction<'_>) -> Result<Vec<String>, StoreError> {
    let mut statement = snapshot.prepare("PRAGMA integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get(0))?;
    let mut lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    lines.retain(|line| line != "ok");
    let mut statement = snapshot
        .prepare("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 20")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, id, parent): (String, Option<i64>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.map_or_else(String::new, |id| format!(" {id}"));
        lines.push(format!(
            "row{id} of `{table}` refers to a row of `{parent}` that is not there"
        ));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::{Database, GroupCommit, Migration};

    const ROWS: Layout = Layout {
        application_id: 7,
        migrations: &[Migration {
            name: "t",
            sql: "CREATE TABLE t (x INTEGER, y TEXT) STRICT;
                  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                  INSERT INTO t SELECT i, hex(randomblob(50)) FROM n;",
        }],
        writer_cache: 2_000,
    };

    async fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Database::open(&path, &ROWS, GroupCommit::On)
            .unwrap()
            .close()
            .await;
        (folder, path)
    }

    #[tokio::test]
    async fn a_check_ends_when_its_time_is_up() {
        let (_folder, path) = file().await;
        let connection = Connection::open(path).unwrap();
        assert_eq!(quick_check(&connection, None), Checked::Sound);
        let no_time = quick_check(&connection, Some(Duration::ZERO));
        assert!(matches!(no_time, Checked::Unfinished | Checked::Sound));
    }

    #[tokio::test]
    async fn a_damaged_page_is_found_and_the_file_left_as_it_was() {
        let (_folder, path) = file().await;
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0x5a);
        std::fs::write(&path, &bytes).unwrap();
        let error = Database::open(&path, &ROWS, GroupCommit::On).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[tokio::test]
    async fn a_file_that_was_cut_short_is_refused() {
        let (_folder, path) = file().await;
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 4096]).unwrap();
        let error = Database::open(&path, &ROWS, GroupCommit::On).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }

    #[tokio::test]
    async fn the_full_check_tells_nothing_of_a_sound_file() {
        let (_folder, path) = file().await;
        let database = Database::open(&path, &ROWS, GroupCommit::On).unwrap();
        let found = database.read("check", findings).await.unwrap();
        assert_eq!(found, [] as [String; 0]);
    }
}
