//! The queue of jobs: what is due goes in, one worker takes a job out, and its end is recorded. The
//! database decides: a due subflow is queued once, and no profile has two jobs running.
//! [`crate::job`] is the only caller.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use uuid::{NoContext, Uuid};

use super::column::{At, Json, Word};
use super::document::ProfileId;
use super::job::{Counts, Failure, Job, JobState, SELECT_JOB, Trigger, job_of};
use super::{Store, StoreError};
use crate::profile::model::SubflowKind;

/// A job to queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewJob {
    /// Of which profile.
    pub profile: ProfileId,
    /// Which subflow.
    pub subflow: SubflowKind,
    /// Why.
    pub trigger: Trigger,
    /// When it was due.
    pub due_at: Timestamp,
}

/// What became of a job that was to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queued {
    /// It waits for a worker.
    New(Job),
    /// This due time was queued before, or what was published waits already; nothing was recorded.
    Known,
    /// The same subflow waits or runs already: refused, and recorded as that.
    Refused(Job),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The final state.
    pub state: JobState,
    /// What it did.
    pub counts: Counts,
    /// Why it failed or is partial.
    pub failure: Option<Failure>,
    /// The subflow that follows it in the chain, queued in the same transaction.
    pub then: Option<SubflowKind>,
}

/// Why a job waits again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOff {
    /// No worker takes it before.
    pub until: Timestamp,
    /// Whether it counts against the job: an outage does, a rate limit does not.
    pub costs_attempt: bool,
    /// What the run did all the same.
    pub counts: Counts,
    /// What it ran into.
    pub failure: Failure,
}

impl Store {
    /// Queues jobs that are due; what was queued before is passed over.
    pub async fn enqueue(
        &self,
        jobs: Vec<NewJob>,
        now: Timestamp,
    ) -> Result<Vec<Queued>, StoreError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.database
            .write("queue jobs", move |t| {
                jobs.iter().map(|job| enqueue(t, job, now)).collect()
            })
            .await
    }

    /// Takes the job that has waited longest and may run at `now`, of a profile that has none
    /// running. It is the caller's to run and to end.
    pub async fn claim(&self, now: Timestamp) -> Result<Option<Job>, StoreError> {
        self.database
            .write("claim job", move |t| {
                let seq: Option<i64> = t
                    .prepare_cached(
                        "UPDATE jobs SET state = 'in_progress', started_at = ?1
                         WHERE seq = (
                             SELECT seq FROM jobs AS waiting
                             WHERE state = 'pending' AND not_before <= ?1 AND NOT EXISTS (
                                 SELECT 1 FROM jobs AS running
                                 WHERE running.profile_id = waiting.profile_id
                                   AND running.state = 'in_progress')
                             ORDER BY not_before, seq LIMIT 1)
                         RETURNING seq",
                    )?
                    .query_row([At(now)], |row| row.get(0))
                    .optional()?;
                seq.map(|seq| job_at(t, seq)).transpose()
            })
            .await
    }

    /// When the next job may be taken that was put off beyond `now`. Those that may be taken
    /// already wait for a worker or for their profile's running job.
    pub async fn next_claim_after(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.database
            .read("look at the queue", move |t| {
                let at: Option<At> = t
                    .prepare_cached(
                        "SELECT min(not_before) FROM jobs
                         WHERE state = 'pending' AND not_before > ?1",
                    )?
                    .query_row([At(now)], |row| row.get(0))?;
                Ok(at.map(|at| at.0))
            })
            .await
    }

    /// Records how a running job ended, and queues what follows it. `None` when it does not run
    /// any more.
    pub async fn finish(
        &self,
        job: &str,
        end: JobEnd,
        now: Timestamp,
    ) -> Result<Option<Job>, StoreError> {
        let job = job.to_owned();
        self.database
            .write("end job", move |t| {
                let ended: Option<(i64, i64, At)> = t
                    .prepare_cached(
                        "UPDATE jobs SET state = ?2, ended_at = ?3, counts = ?4, failure = ?5
                         WHERE id = ?1 AND state = 'in_progress'
                         RETURNING seq, profile_id, due_at",
                    )?
                    .query_row(
                        params![
                            job,
                            Word(end.state),
                            At(now),
                            Json(&end.counts),
                            end.failure.as_ref().map(Json),
                        ],
                        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                    )
                    .optional()?;
                let Some((seq, profile, due_at)) = ended else {
                    return Ok(None);
                };
                if let Some(subflow) = end.then {
                    let next = NewJob {
                        profile: ProfileId(profile),
                        subflow,
                        trigger: Trigger::Chain,
                        due_at: due_at.0,
                    };
                    match waiting_or_running(t, &next)? {
                        None => insert(t, &next, JobState::Pending, None, now).map(drop)?,
                        // What comes before it worked, so what it was put off for may be over.
                        Some(waiting) if is_put_off(&waiting, now) => {
                            pull_forward(t, &waiting, now).map(drop)?;
                        }
                        Some(_) => {}
                    }
                }
                job_at(t, seq).map(Some)
            })
            .await
    }

    /// Lets a running job wait again: the same job, later. One that waited for it to end has nothing
    /// left to do.
    pub async fn put_off(
        &self,
        job: &str,
        put_off: PutOff,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let job = job.to_owned();
        self.database
            .write("put job off", move |t| {
                let instead =
                    format!("job `{job}`, which it waited for, was put off and does its work");
                t.prepare_cached(
                    "UPDATE jobs SET state = 'refused', ended_at = ?2, failure = ?3
                     WHERE state = 'pending' AND (profile_id, subflow) IN (
                         SELECT profile_id, subflow FROM jobs WHERE id = ?1)",
                )?
                .execute(params![job, At(now), Json(&refusal(instead))])?;
                t.prepare_cached(
                    "UPDATE jobs SET state = 'pending', not_before = ?2, started_at = NULL,
                            attempts = attempts + ?3, counts = ?4, failure = ?5
                     WHERE id = ?1 AND state = 'in_progress'",
                )?
                .execute(params![
                    job,
                    At(put_off.until),
                    put_off.costs_attempt,
                    Json(&put_off.counts),
                    Json(&put_off.failure),
                ])?;
                Ok(())
            })
            .await
    }

    /// At start: whatever a crash left running is interrupted, and queued once more from its
    /// beginning. Returns the interrupted jobs.
    pub async fn recover_jobs(&self, now: Timestamp) -> Result<Vec<Job>, StoreError> {
        self.database
            .write("recover jobs", move |t| {
                let running: Vec<i64> = t
                    .prepare_cached("SELECT seq FROM jobs WHERE state = 'in_progress'")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                running
                    .into_iter()
                    .map(|seq| {
                        interrupt(t, seq, now)?;
                        job_at(t, seq)
                    })
                    .collect()
            })
            .await
    }

    /// Records that a stop cut a running job, and queues it once more for the next start.
    pub async fn interrupt(&self, job: &str, now: Timestamp) -> Result<(), StoreError> {
        let job = job.to_owned();
        self.database
            .write("interrupt job", move |t| {
                let seq: Option<i64> = t
                    .prepare_cached("SELECT seq FROM jobs WHERE id = ?1 AND state = 'in_progress'")?
                    .query_row([job], |row| row.get(0))
                    .optional()?;
                seq.map_or(Ok(()), |seq| interrupt(t, seq, now))
            })
            .await
    }

    /// Takes waiting jobs of a profile out of the queue, all or those of one subflow: they are
    /// refused, for `reason`. Returns how many.
    pub async fn refuse_waiting(
        &self,
        profile: ProfileId,
        subflow: Option<SubflowKind>,
        reason: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let failure = refusal(reason.to_owned());
        self.database
            .write("refuse jobs", move |t| {
                Ok(t.prepare_cached(
                    "UPDATE jobs SET state = 'refused', ended_at = ?3, failure = ?4
                     WHERE profile_id = ?1 AND state = 'pending' AND (?2 IS NULL OR subflow = ?2)",
                )?
                .execute(params![
                    profile.0,
                    subflow.map(SubflowKind::as_str),
                    At(now),
                    Json(&failure),
                ])?)
            })
            .await
    }

    /// Records a run that is not started, for `reason`.
    pub async fn refuse(
        &self,
        job: NewJob,
        reason: String,
        now: Timestamp,
    ) -> Result<Job, StoreError> {
        self.database
            .write("refuse job", move |t| {
                insert(t, &job, JobState::Refused, Some(&refusal(reason)), now)
            })
            .await
    }
}

fn refusal(message: String) -> Failure {
    Failure {
        step: "start".into(),
        message,
        ..Failure::default()
    }
}

fn enqueue(t: &Transaction<'_>, job: &NewJob, now: Timestamp) -> Result<Queued, StoreError> {
    if matches!(job.trigger, Trigger::Schedule | Trigger::CatchUp) && is_known(t, job)? {
        return Ok(Queued::Known);
    }
    match waiting_or_running(t, job)? {
        Some(waiting)
            if matches!(
                job.trigger,
                Trigger::Manual | Trigger::Decision | Trigger::Publish
            ) && is_put_off(&waiting, now) =>
        {
            pull_forward(t, &waiting, now).map(Queued::New)
        }
        Some(waiting)
            if matches!(job.trigger, Trigger::Decision | Trigger::Publish)
                && waiting.state == JobState::Pending =>
        {
            Ok(Queued::Known)
        }
        // What runs made its plan before the decision.
        Some(_) if job.trigger == Trigger::Decision => {
            insert(t, job, JobState::Pending, None, now).map(Queued::New)
        }
        None => insert(t, job, JobState::Pending, None, now).map(Queued::New),
        Some(other) => {
            let doing = if other.state == JobState::InProgress {
                format!(
                    "runs since {}",
                    other
                        .started_at
                        .map_or_else(String::new, |at| at.to_string())
                )
            } else {
                format!("waits until {}", other.not_before)
            };
            let message = format!(
                "`{}` of profile `{}` {doing} (job `{}`): a second run is not started",
                other.subflow.as_str(),
                other.profile,
                other.id,
            );
            insert(t, job, JobState::Refused, Some(&refusal(message)), now).map(Queued::Refused)
        }
    }
}

fn is_put_off(job: &Job, now: Timestamp) -> bool {
    job.state == JobState::Pending && job.not_before > now
}

/// Who asks for a run, or changes what it runs by, wants it now, whatever it was put off for: the
/// cause may be mended, and its patience with outages begins anew.
fn pull_forward(t: &Transaction<'_>, waiting: &Job, now: Timestamp) -> Result<Job, StoreError> {
    let seq = t
        .prepare_cached(
            "UPDATE jobs SET not_before = ?2, failure = NULL, attempts = 0 WHERE id = ?1
             RETURNING seq",
        )?
        .query_row(params![waiting.id, At(now)], |row| row.get(0))?;
    job_at(t, seq)
}

fn is_known(t: &Transaction<'_>, job: &NewJob) -> Result<bool, StoreError> {
    Ok(t.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM jobs WHERE profile_id = ?1 AND subflow = ?2
             AND due_at = ?3 AND trigger IN ('schedule', 'catch_up'))",
    )?
    .query_row(
        params![job.profile.0, job.subflow.as_str(), At(job.due_at)],
        |row| row.get(0),
    )?)
}

/// The job of that kind that waits, or else the one that runs.
fn waiting_or_running(t: &Transaction<'_>, job: &NewJob) -> Result<Option<Job>, StoreError> {
    Ok(t.prepare_cached(&format!(
        "{SELECT_JOB} WHERE j.profile_id = ?1 AND j.subflow = ?2
             AND j.state IN ('pending', 'in_progress') ORDER BY j.state DESC LIMIT 1"
    ))?
    .query_row(params![job.profile.0, job.subflow.as_str()], job_of)
    .optional()?)
}

fn insert(
    t: &Transaction<'_>,
    job: &NewJob,
    state: JobState,
    failure: Option<&Failure>,
    now: Timestamp,
) -> Result<Job, StoreError> {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos));
    let ended_at = (state == JobState::Refused).then_some(At(now));
    t.prepare_cached(
        "INSERT INTO jobs (id, profile_id, subflow, trigger, due_at, state, not_before, ended_at, failure)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        id.to_string(),
        job.profile.0,
        job.subflow.as_str(),
        Word(job.trigger),
        At(job.due_at),
        Word(state),
        At(now),
        ended_at,
        failure.map(Json),
    ])?;
    job_at(t, t.last_insert_rowid())
}

fn interrupt(t: &Transaction<'_>, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    let failure = Failure {
        step: "run".into(),
        message: "the daemon stopped while it ran: it runs again from its beginning".into(),
        ..Failure::default()
    };
    t.prepare_cached(
        "UPDATE jobs SET state = 'interrupted', ended_at = ?2, failure = ?3 WHERE seq = ?1",
    )?
    .execute(params![seq, At(now), Json(&failure)])?;
    let job = job_at(t, seq)?;
    let profile = t
        .prepare_cached("SELECT profile_id FROM jobs WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))?;
    let rerun = NewJob {
        profile: ProfileId(profile),
        subflow: job.subflow,
        trigger: Trigger::Rerun,
        due_at: job.due_at,
    };
    if waiting_or_running(t, &rerun)?.is_none() {
        insert(t, &rerun, JobState::Pending, None, now)?;
    }
    Ok(())
}

fn job_at(t: &Transaction<'_>, seq: i64) -> Result<Job, StoreError> {
    Ok(t.prepare_cached(&format!("{SELECT_JOB} WHERE j.seq = ?1"))?
        .query_row([seq], job_of)?)
}
