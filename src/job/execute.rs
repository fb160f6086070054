//! One claimed job, from its connector to its recorded end.

use super::conditions::{Barrier, Conditions};
use super::decision::{self, Decision};
use super::source::ConnectorSource;
use super::validate::{self, ValidationError};
use crate::clock::SharedClock;
use crate::connector::facts::{Account, Verdict};
use crate::connector::{CallStats, ConnectorError};
use crate::metrics::{AnswerLabel, JobLabel, Metrics, ProfileLabel};
use crate::profile::model::{DesiredProfile, SubflowKind};
use crate::settings::Settings;
use crate::store::document::RecordedProfile;
use crate::store::job::{Counts, Failure, Job, JobState, Trigger};
use crate::store::queue::{JobEnd, PutOff};
use crate::store::{Store, StoreError};
use crate::subflow::plan::Permit;
use crate::subflow::position::calculate_position;
use crate::subflow::progress::Reporter;
use crate::subflow::reclaim::{self, Reclaim};
use crate::subflow::{Outcome, Run, SubflowError, activity, candidates, download};
use crate::telemetry::{Notable, spans};
use jiff::Timestamp;

/// What one job is executed with.
#[derive(Debug)]
pub(super) struct Worker<S> {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) settings: std::sync::Arc<Settings>,
    pub(super) source: S,
    pub(super) metrics: Metrics,
    /// What a reclaim may do.
    pub(super) permit: Permit,
}

/// How a run went, before it is decided what that means.
#[derive(Debug)]
enum Ran {
    Ended(Outcome),
    Cut(Failure, Decision),
}

impl<S: ConnectorSource> Worker<S> {
    /// Runs a claimed job and records its end.
    pub(super) async fn execute(&self, job: &Job, reporter: &Reporter) -> Result<(), StoreError> {
        let Some(profile) = self.store.desired_profile(&job.profile).await? else {
            return Ok(());
        };
        let stats = CallStats::default();
        // What runs before this one of the same job did is not forgotten.
        let before = job.counts.clone();
        let mut counts = Counts::default();
        let ran = self
            .attempt(job, &profile, &stats, reporter, &mut counts)
            .await?;
        let called = stats.counts();
        counts.vendor_calls = before.vendor_calls + called.vendor_calls;
        counts.retries = before.retries + called.retries;
        let throttled = u64::try_from(called.throttled.as_millis()).unwrap_or_default();
        counts.throttled_ms = before.throttled_ms + throttled;
        self.count(&profile, &stats);
        self.record(job, &profile, ran, counts).await
    }

    /// What a run asked of its vendor, for whoever watches.
    fn count(&self, profile: &RecordedProfile, stats: &CallStats) {
        let called = stats.counts();
        let metrics = &self.metrics;
        let of_profile = ProfileLabel {
            profile: profile.name.to_string(),
        };
        let calls = metrics.vendor_calls.get_or_create(&of_profile);
        calls.inc_by(called.vendor_calls);
        let retries = metrics.vendor_retries.get_or_create(&of_profile);
        retries.inc_by(called.retries);
        let throttled = metrics.vendor_throttled.get_or_create(&of_profile);
        throttled.inc_by(called.throttled.as_secs_f64());
        let vendor = profile.desired.profile.profile_type.vendor();
        for (status_class, count) in stats.answers().filter(|(_, count)| *count > 0) {
            let label = AnswerLabel {
                vendor: vendor.as_str().to_owned(),
                status_class: status_class.to_owned(),
            };
            metrics.vendor_answers.get_or_create(&label).inc_by(count);
        }
    }

    async fn attempt(
        &self,
        job: &Job,
        profile: &RecordedProfile,
        stats: &CallStats,
        reporter: &Reporter,
        counts: &mut Counts,
    ) -> Result<Ran, StoreError> {
        let run = Run {
            store: &self.store,
            clock: &*self.clock,
            zone: &self.settings.time_zone,
            profile,
            job: &job.id,
            reporter,
        };
        if job.subflow == SubflowKind::RefreshCandidates {
            let ended = candidates::refresh_candidates(&run, self.permit.guards, counts).await;
            return self.after_run(job, profile, ended).await;
        }
        let connector = match self.source.connect(&profile.desired, stats) {
            Ok(connector) => connector,
            Err(error) => return self.cut(job, profile, &error).await,
        };
        let now = self.clock.now();
        let settled = validate::settle_account(&connector, &self.store, profile, now).await;
        if let Some(ran) = self.after_settling(job, profile, settled).await? {
            return Ok(ran);
        }
        let process = validate::process_of(job.subflow);
        if !validate::is_validated(&self.store, profile, process).await? {
            reporter.step("validating", None);
            let verdicts = validate::prove(&connector, &self.store, profile, now).await?;
            let bad = verdicts
                .into_iter()
                .find(|verdict| verdict.process == process && !verdict.ok);
            if let Some(verdict) = bad {
                return Ok(self.after_bad_verdict(job, verdict));
            }
        }
        let ended = match job.subflow {
            SubflowKind::DownloadSubscriptions | SubflowKind::RefreshCandidates => {
                download::download(&connector, &run, counts).await
            }
            SubflowKind::PullUserActivity => {
                activity::pull_activity(&connector, &run, counts).await
            }
            SubflowKind::ReclaimSubscriptions => {
                let with = Reclaim {
                    permit: &self.permit,
                    stats,
                    since: job.due_at,
                };
                match reclaim::reclaim(&connector, &run, with, counts).await {
                    Ok((outcome, plan)) => {
                        self.conditions(profile).planned(&plan).await?;
                        Ok(outcome)
                    }
                    Err(error) => Err(error),
                }
            }
        };
        self.after_run(job, profile, ended).await
    }

    async fn after_run(
        &self,
        job: &Job,
        profile: &RecordedProfile,
        ended: Result<Outcome, SubflowError>,
    ) -> Result<Ran, StoreError> {
        match ended {
            Ok(outcome) => Ok(Ran::Ended(outcome)),
            Err(SubflowError::Connector(error)) => self.cut(job, profile, &error).await,
            Err(SubflowError::Store(error)) => Ok(Ran::Cut(
                failure("store", error.to_string()),
                Decision::Fail,
            )),
        }
    }

    /// `None` when the job may go on.
    async fn after_settling(
        &self,
        job: &Job,
        profile: &RecordedProfile,
        settled: Result<Account, ValidationError>,
    ) -> Result<Option<Ran>, StoreError> {
        match settled {
            Ok(_) => Ok(None),
            Err(ValidationError::Connector(error)) => {
                self.cut(job, profile, &error).await.map(Some)
            }
            Err(ValidationError::Store(error)) => Err(error),
            Err(
                error @ (ValidationError::OtherAccount { .. }
                | ValidationError::SharedAccount { .. }),
            ) => {
                let failure = failure("validate", error.to_string());
                Ok(Some(Ran::Cut(failure, Decision::Fail)))
            }
        }
    }

    fn after_bad_verdict(&self, job: &Job, verdict: Verdict) -> Ran {
        let decision = if validate::lacks_scopes(&verdict) {
            Decision::Fail
        } else {
            decision::after_outage(job.attempts, self.clock.now())
        };
        Ran::Cut(failure("validate", verdict.message), decision)
    }

    async fn cut(
        &self,
        job: &Job,
        profile: &RecordedProfile,
        error: &ConnectorError,
    ) -> Result<Ran, StoreError> {
        let conditions = self.conditions(profile);
        let process = validate::process_of(job.subflow);
        validate::note(&conditions, process, error).await?;
        let decision = decision::after(error, job.attempts, self.clock.now());
        Ok(Ran::Cut(Failure::from(error), decision))
    }

    async fn record(
        &self,
        job: &Job,
        profile: &RecordedProfile,
        ran: Ran,
        counts: Counts,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let conditions = self.conditions(profile);
        if job.subflow == SubflowKind::DownloadSubscriptions
            && let Some(walk) = self.store.last_walk(profile.id).await?
        {
            conditions.complete(&walk).await?;
        }
        let (state, failure) = match ran {
            Ran::Ended(Outcome::Completed) => (JobState::Completed, None),
            Ran::Ended(Outcome::Partial(failure)) => (JobState::PartiallyCompleted, Some(failure)),
            Ran::Ended(Outcome::Unbelieved(failure)) | Ran::Cut(failure, Decision::Fail) => {
                (JobState::Failed, Some(failure))
            }
            Ran::Cut(
                failure,
                Decision::PutOff {
                    until,
                    costs_attempt,
                },
            ) => {
                let message = format!("put off until {}: {}", whole_second(until), failure.message);
                tracing::warn!(message_id = %Notable::JobPutOff, trace_id = failure.trace_id, "{message}");
                spans::job_ended("put_off", Some(&failure.step), true);
                conditions.ready(Some(("PutOff", message))).await?;
                let put_off = PutOff {
                    until,
                    costs_attempt,
                    counts,
                    failure,
                };
                return self.store.put_off(&job.id, put_off, now).await;
            }
        };
        self.announce(job, state, failure.as_ref());
        self.judge_ready(job, &conditions, state, failure.as_ref())
            .await?;
        let then = next_in_chain(&profile.desired, job, state);
        let end = JobEnd {
            state,
            counts,
            failure,
            then,
        };
        self.store.finish(&job.id, end, now).await?;
        if state == JobState::Completed && then.is_none() {
            self.position().await;
        }
        Ok(())
    }

    /// The end of a profile's chain: what it found is in the licence position. Trouble with that is no
    /// trouble of the job.
    async fn position(&self) {
        let zone = &self.settings.time_zone;
        let now = self.clock.now();
        if let Err(error) = calculate_position(&self.store, zone, now, Trigger::Chain).await {
            tracing::warn!(%error, "the licence position is not computed: `seatsync position --run` does it");
        }
    }

    fn announce(&self, job: &Job, state: JobState, failure: Option<&Failure>) {
        let step = failure.map(|failure| failure.step.as_str());
        spans::job_ended(state.as_str(), step, state == JobState::Failed);
        self.metrics
            .job_results
            .get_or_create(&JobLabel {
                profile: job.profile.to_string(),
                subflow: job.subflow.as_str().to_owned(),
                state: state.as_str().to_owned(),
            })
            .inc();
        match failure {
            None => tracing::info!(message_id = %Notable::JobCompleted, "completed"),
            Some(failure) => {
                tracing::warn!(
                    message_id = %Notable::JobFailed, state = state.as_str(), step = failure.step,
                    trace_id = failure.trace_id, "{}", failure.message
                );
            }
        }
    }

    async fn judge_ready(
        &self,
        job: &Job,
        conditions: &Conditions<'_>,
        state: JobState,
        failure: Option<&Failure>,
    ) -> Result<(), StoreError> {
        let message = || {
            format!(
                "`{}`: {}",
                job.subflow.as_str(),
                failure.map_or("", |failure| &failure.message)
            )
        };
        match state {
            JobState::Completed | JobState::PartiallyCompleted => {
                conditions.free_of(&Barrier::BEFORE_THE_VENDOR).await?;
                // The other subflow's trouble is not cured by this one's success.
                let trouble = if state == JobState::PartiallyCompleted {
                    Some(("Degraded", message()))
                } else {
                    self.trouble_of_other(job, conditions.profile).await?
                };
                conditions.ready(trouble).await
            }
            _ => conditions.ready(Some(("Failed", message()))).await,
        }
    }

    async fn trouble_of_other(
        &self,
        job: &Job,
        profile: &RecordedProfile,
    ) -> Result<Option<(&'static str, String)>, StoreError> {
        for other in SubflowKind::ALL {
            if other == job.subflow
                || !validate::is_on(&profile.desired, validate::process_of(other))
            {
                continue;
            }
            let Some(last) = self.store.last_result(profile.id, other).await? else {
                continue;
            };
            let reason = match last.state {
                JobState::Failed => "Failed",
                JobState::PartiallyCompleted => "Degraded",
                _ => continue,
            };
            if let Some(failure) = last.failure {
                let message = format!("`{}`: {}", other.as_str(), failure.message);
                return Ok(Some((reason, message)));
            }
        }
        Ok(None)
    }

    fn conditions<'a>(&'a self, profile: &'a RecordedProfile) -> Conditions<'a> {
        Conditions {
            store: &self.store,
            profile,
            now: self.clock.now(),
        }
    }
}

pub(super) fn failure(step: &str, message: String) -> Failure {
    Failure {
        step: step.to_owned(),
        message,
        ..Failure::default()
    }
}

/// What follows a run that counts. Activity follows the download, and the reclaim the candidates, unless
/// they have schedules of their own; the first of each follows the publication in any case.
fn next_in_chain(desired: &DesiredProfile, job: &Job, state: JobState) -> Option<SubflowKind> {
    if !matches!(state, JobState::Completed | JobState::PartiallyCompleted) {
        return None;
    }
    let activity = &desired.profile.subflows.pull_user_activity;
    let reclaim = &desired.profile.subflows.reclaim_subscriptions;
    let published = job.trigger == Trigger::Publish;
    match job.subflow {
        SubflowKind::DownloadSubscriptions
            if activity.enabled && (activity.schedule.is_none() || published) =>
        {
            Some(SubflowKind::PullUserActivity)
        }
        SubflowKind::DownloadSubscriptions | SubflowKind::PullUserActivity => {
            Some(SubflowKind::RefreshCandidates)
        }
        SubflowKind::RefreshCandidates if reclaim.enabled && reclaim.schedule.is_none() => {
            Some(SubflowKind::ReclaimSubscriptions)
        }
        SubflowKind::RefreshCandidates | SubflowKind::ReclaimSubscriptions => None,
    }
}

/// For people: the first whole second that is not before `instant`.
fn whole_second(instant: Timestamp) -> Timestamp {
    let up = i64::from(instant.subsec_nanosecond() > 0);
    Timestamp::from_second(instant.as_second() + up).unwrap_or(instant)
}
