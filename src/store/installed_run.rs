//! Runs of the calculation that looks for unused installed software: it belongs to no profile, so it has a
//! queue of its own, of one.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Uuid};

use super::column::{At, Json, Word};
use super::job::{Counts, Failure, JobState, Trigger};
use super::{Store, StoreError};

/// A run and, once it ended, its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRun {
    /// Ours, time-ordered.
    pub id: String,
    /// Why it runs: `publish` is a change of the rules.
    pub trigger: Trigger,
    /// When it was due.
    pub due_at: Timestamp,
    /// How far it is.
    pub state: JobState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it did: products on items looked at (`fetched`), new candidates (`inserted`), those that went
    /// on (`updated`) and those that were closed (`ended`).
    pub counts: Counts,
    /// Why it failed, or was not started.
    pub failure: Option<Failure>,
}

/// What the next run is planned by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledStanding {
    /// When the last run was due that was started.
    pub last_due: Option<Timestamp>,
    /// The rules that it was queued for.
    pub last_rules: Option<String>,
    /// Whether any candidate is open.
    pub has_open: bool,
}

/// A run to queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstalledRun {
    /// Why.
    pub trigger: Trigger,
    /// When it was due.
    pub due_at: Timestamp,
    /// The digest of the rules in force.
    pub rules: String,
}

impl Store {
    /// What the next run is planned by.
    pub async fn installed_standing(&self) -> Result<InstalledStanding, StoreError> {
        self.database
            .read("look at runs for installed software", |t| {
                let last = t
                    .prepare_cached(
                        "SELECT due_at, rules FROM installed_runs
                         WHERE state <> 'refused' ORDER BY seq DESC LIMIT 1",
                    )?
                    .query_row([], |row| Ok((row.get::<_, At>(0)?.0, row.get(1)?)))
                    .optional()?;
                let (last_due, last_rules) = last.unzip();
                let has_open = t
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM installed_candidates
                         WHERE closed_at IS NULL)",
                    )?
                    .query_row([], |row| row.get(0))?;
                Ok(InstalledStanding {
                    last_due,
                    last_rules,
                    has_open,
                })
            })
            .await
    }

    /// Queues a run. While another waits or runs, one that a person asks for is refused, and recorded as
    /// that; one that is due is done with by the other, which is returned.
    pub async fn enqueue_installed(
        &self,
        new: NewInstalledRun,
        now: Timestamp,
    ) -> Result<InstalledRun, StoreError> {
        self.database
            .write("queue run for installed software", move |t| {
                match waiting_or_running(t)? {
                    None => insert(t, &new, None, now),
                    Some(other) if new.trigger != Trigger::Manual => Ok(other),
                    Some(other) => {
                        let message = format!(
                            "installed software is being judged already (run `{}`): a second run is not started",
                            other.id
                        );
                        insert(t, &new, Some(&failure("queue", message)), now)
                    }
                }
            })
            .await
    }

    /// Records that a run was asked for and not started, for `reason`.
    pub async fn refuse_installed(
        &self,
        new: NewInstalledRun,
        reason: String,
        now: Timestamp,
    ) -> Result<InstalledRun, StoreError> {
        self.database
            .write("refuse run for installed software", move |t| {
                insert(t, &new, Some(&failure("queue", reason)), now)
            })
            .await
    }

    /// Takes the run that waits, if one does. It is the caller's to run and to end.
    pub async fn claim_installed(
        &self,
        now: Timestamp,
    ) -> Result<Option<InstalledRun>, StoreError> {
        self.database
            .write("claim run for installed software", move |t| {
                let seq: Option<i64> = t
                    .prepare_cached(
                        "UPDATE installed_runs SET state = 'in_progress', started_at = ?1
                         WHERE state = 'pending' RETURNING seq",
                    )?
                    .query_row([At(now)], |row| row.get(0))
                    .optional()?;
                seq.map(|seq| run_at(t, seq)).transpose()
            })
            .await
    }

    /// Records how a running run ended.
    pub async fn finish_installed(
        &self,
        id: &str,
        state: JobState,
        counts: Counts,
        failure: Option<Failure>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.database
            .write("end run for installed software", move |t| {
                t.prepare_cached(
                    "UPDATE installed_runs SET state = ?2, ended_at = ?3, counts = ?4, failure = ?5
                     WHERE id = ?1 AND state = 'in_progress'",
                )?
                .execute(params![
                    id,
                    Word(state),
                    At(now),
                    Json(&counts),
                    failure.as_ref().map(Json)
                ])?;
                Ok(())
            })
            .await
    }

    /// What a stop or a crash cut is interrupted, and queued once more. Returns it.
    pub async fn interrupt_installed(
        &self,
        now: Timestamp,
    ) -> Result<Option<InstalledRun>, StoreError> {
        self.database
            .write("interrupt run for installed software", move |t| {
                let message = "the daemon stopped while it ran: it runs again from its beginning";
                let cut = t
                    .prepare_cached(
                        "UPDATE installed_runs SET state = 'interrupted', ended_at = ?1, failure = ?2
                         WHERE state = 'in_progress' RETURNING seq, due_at, rules",
                    )?
                    .query_row(
                        params![At(now), Json(failure("run", message.to_owned()))],
                        |row| {
                            let rerun = NewInstalledRun {
                                trigger: Trigger::Rerun,
                                due_at: row.get::<_, At>(1)?.0,
                                rules: row.get(2)?,
                            };
                            Ok((row.get(0)?, rerun))
                        },
                    )
                    .optional()?;
                let Some((seq, rerun)) = cut else {
                    return Ok(None);
                };
                insert(t, &rerun, None, now)?;
                run_at(t, seq).map(Some)
            })
            .await
    }

    /// Runs, the one queued last first, at most `limit`; with `ended` only those that ended, with
    /// `before` only those queued before that one.
    pub async fn installed_runs(
        &self,
        ended: bool,
        before: Option<String>,
        limit: u32,
    ) -> Result<Vec<InstalledRun>, StoreError> {
        self.database
            .read("list runs for installed software", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT * FROM installed_runs
                     WHERE (NOT ?1 OR ended_at IS NOT NULL)
                       AND (?2 IS NULL OR seq < (SELECT seq FROM installed_runs WHERE id = ?2))
                     ORDER BY seq DESC LIMIT ?3",
                )?;
                let rows = statement.query_map(params![ended, before, limit], run_of)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// One run.
    pub async fn installed_run(&self, id: &str) -> Result<Option<InstalledRun>, StoreError> {
        let id = id.to_owned();
        self.database
            .read("read run for installed software", move |t| {
                Ok(
                    t.prepare_cached("SELECT * FROM installed_runs WHERE id = ?1")?
                        .query_row([id], run_of)
                        .optional()?,
                )
            })
            .await
    }
}

fn failure(step: &str, message: String) -> Failure {
    Failure {
        step: step.to_owned(),
        message,
        ..Failure::default()
    }
}

fn waiting_or_running(t: &Transaction<'_>) -> Result<Option<InstalledRun>, StoreError> {
    Ok(
        t.prepare_cached("SELECT * FROM installed_runs WHERE state IN ('pending', 'in_progress')")?
            .query_row([], run_of)
            .optional()?,
    )
}

/// With `refused` it is not to run.
fn insert(
    t: &Transaction<'_>,
    new: &NewInstalledRun,
    refused: Option<&Failure>,
    now: Timestamp,
) -> Result<InstalledRun, StoreError> {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos));
    let state = match refused {
        Some(_) => JobState::Refused,
        None => JobState::Pending,
    };
    t.prepare_cached(
        "INSERT INTO installed_runs (id, trigger, due_at, state, rules, ended_at, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        id.to_string(),
        Word(new.trigger),
        At(new.due_at),
        Word(state),
        new.rules,
        refused.map(|_| At(now)),
        refused.map(Json),
    ])?;
    run_at(t, t.last_insert_rowid())
}

fn run_at(t: &Transaction<'_>, seq: i64) -> Result<InstalledRun, StoreError> {
    Ok(
        t.prepare_cached("SELECT * FROM installed_runs WHERE seq = ?1")?
            .query_row([seq], run_of)?,
    )
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<InstalledRun> {
    let instant = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    Ok(InstalledRun {
        id: row.get("id")?,
        trigger: row.get::<_, Word<_>>("trigger")?.0,
        due_at: row.get::<_, At>("due_at")?.0,
        state: row.get::<_, Word<_>>("state")?.0,
        started_at: instant("started_at")?,
        ended_at: instant("ended_at")?,
        counts: row.get::<_, Json<_>>("counts")?.0,
        failure: row
            .get::<_, Option<Json<_>>>("failure")?
            .map(|failure| failure.0),
    })
}
