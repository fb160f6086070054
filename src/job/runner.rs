//! The loop that keeps jobs running, and the handle by which other rooms reach it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::conditions::{Barrier, Conditions};
use super::execute::{Worker, failure};
use super::lookout::{self, Lookout};
use super::source::ConnectorSource;
use super::validate::{self, Validation, ValidationError};
use crate::clock::SharedClock;
use crate::connector::facts::Process;
use crate::connector::{CallStats, Connectors};
use crate::metrics::Metrics;
use crate::profile::identifier::ProfileType;
use crate::profile::model::{DesiredProfile, SubflowKind};
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::Candidate;
use crate::schedule::alarm::{Alarm, Bell};
use crate::settings::Settings;
use crate::store::document::RecordedProfile;
use crate::store::job::{Job, JobState, Trigger};
use crate::store::queue::{JobEnd, NewJob, Queued};
use crate::store::write::Write;
use crate::store::{Store, StoreError};
use crate::subflow::plan::{Permit, PlanContext, Planned, StopSwitch, make_plan};
use crate::subflow::progress::{JobProgress, Reporter, RunningJobs};
use crate::subflow::restore::{self, Restoration};
use crate::subflow::{Run, SubflowError};
use crate::telemetry::{Notable, spans};

/// Jobs that run at once, each of another profile.
const CONCURRENT: usize = 4;
/// When the store cannot be read, it is looked at again after this time.
const TROUBLE: SignedDuration = SignedDuration::from_secs(30);

/// What a runner is made of.
#[derive(Debug)]
pub struct RunnerParts<S> {
    /// Where jobs and facts are.
    pub store: Store,
    /// What time it is.
    pub clock: SharedClock,
    /// The zone of schedules and last days.
    pub settings: Arc<Settings>,
    /// Where connectors come from.
    pub source: S,
    /// Where ended jobs and vendor calls are counted.
    pub metrics: Metrics,
    /// Files any of which stops every write while it is there.
    pub stop_files: Vec<PathBuf>,
}

/// Runs jobs. Cheap to clone; clones are one runner.
#[derive(Debug)]
pub struct Runner<S = Arc<Connectors>> {
    shared: Arc<Shared<S>>,
}

impl<S> Clone for Runner<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// How long giving back waits for a job of the profile: a reclaim is often over within seconds.
const TURN: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Shared<S> {
    worker: Worker<S>,
    bell: Bell,
    running: watch::Sender<RunningJobs>,
    stops: Mutex<BTreeMap<String, (Name, CancellationToken)>>,
    /// A job is not among `stops` any more.
    ended: Notify,
}

/// Why a job that was asked for is not queued.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no such profile.
    #[error("there is no profile `{0}`")]
    UnknownProfile(Name),
    /// It was not started; the record says why.
    #[error("{}", .0.failure.as_ref().map_or("the job was refused", |failure| &failure.message))]
    Refused(Box<Job>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What `run --once` ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnceReport {
    /// Every job, as it was recorded at the end.
    pub jobs: Vec<Job>,
}

impl OnceReport {
    /// Whether anything failed, was put off or was not started. What is merely incomplete did not
    /// fail.
    pub fn failed(&self) -> bool {
        let fine = |job: &Job| {
            matches!(
                job.state,
                JobState::Completed | JobState::PartiallyCompleted
            )
        };
        !self.jobs.iter().all(fine)
    }
}

impl<S: ConnectorSource> Runner<S> {
    /// A runner; nothing runs before [`Runner::run`].
    pub fn new(parts: RunnerParts<S>) -> Self {
        Self {
            shared: Arc::new(Shared {
                worker: Worker {
                    permit: Permit {
                        writes: parts.settings.writes,
                        stop: StopSwitch::Files(parts.stop_files),
                        guards: parts.settings.guards,
                    },
                    store: parts.store,
                    clock: parts.clock,
                    settings: parts.settings,
                    source: parts.source,
                    metrics: parts.metrics,
                },
                bell: Bell::default(),
                running: watch::Sender::new(RunningJobs::new()),
                stops: Mutex::new(BTreeMap::new()),
                ended: Notify::new(),
            }),
        }
    }

    /// Something changed: look at everything soon.
    pub fn wake(&self) {
        self.shared.bell.ring();
    }

    /// How far running jobs are, by their id.
    pub fn progress(&self) -> watch::Receiver<RunningJobs> {
        self.shared.running.subscribe()
    }

    /// Queues a run that a person asked for. What follows in the chain follows.
    pub async fn request(&self, profile: &Name, subflow: SubflowKind) -> Result<Job, RequestError> {
        match self.queue(profile, subflow, Trigger::Manual).await? {
            Some(job) => Ok(job),
            None => Err(RequestError::UnknownProfile(profile.clone())),
        }
    }

    /// Carries out what a person decided: the reclaim runs now, or once more when the one that runs is
    /// over, since that made its plan before the decision.
    pub async fn carry_out_decision(&self, profile: &Name) -> Result<(), RequestError> {
        let subflow = SubflowKind::ReclaimSubscriptions;
        self.queue(profile, subflow, Trigger::Decision)
            .await
            .map(drop)
    }

    /// `None`: the same run waits already.
    async fn queue(
        &self,
        profile: &Name,
        subflow: SubflowKind,
        trigger: Trigger,
    ) -> Result<Option<Job>, RequestError> {
        let store = &self.shared.worker.store;
        let now = self.now();
        let recorded = self.recorded(profile).await?;
        let job = NewJob {
            profile: recorded.id,
            subflow,
            trigger,
            due_at: now,
        };
        let reason = lookout::bar(&recorded).or_else(|| unrunnable(&recorded, subflow));
        if let Some(reason) = reason {
            let refused = store.refuse(job, reason, now).await?;
            return Err(RequestError::Refused(Box::new(refused)));
        }
        for queued in store.enqueue(vec![job], now).await? {
            match queued {
                Queued::New(job) => {
                    self.wake();
                    return Ok(Some(job));
                }
                Queued::Refused(job) => return Err(RequestError::Refused(Box::new(job))),
                Queued::Known => {}
            }
        }
        Ok(None)
    }

    /// What a reclaim may do.
    pub fn permit(&self) -> &Permit {
        &self.shared.worker.permit
    }

    /// What the next reclaim of a profile would do. No vendor is called.
    pub async fn plan(&self, profile: &RecordedProfile) -> Result<Planned, StoreError> {
        let worker = &self.shared.worker;
        let now = self.now();
        let context = PlanContext {
            permit: &worker.permit,
            zone: &worker.settings.time_zone,
            now,
            vendor_ahead: None,
            run_since: now,
        };
        make_plan(&worker.store, profile, &context).await
    }

    /// Gives back the seats of candidates of one profile; each with what became of it. Waits for a
    /// job of the profile to end, and is refused where that takes long.
    pub async fn restore(
        &self,
        profile: &RecordedProfile,
        candidates: Vec<(Candidate, Write)>,
        by: &Actor,
    ) -> Result<Vec<(Candidate, Restoration)>, RestoreError> {
        let worker = &self.shared.worker;
        let turn = self.until_none_runs(&profile.name);
        if tokio::time::timeout(TURN, turn).await.is_err() {
            return Err(RestoreError::Busy(profile.name.clone()));
        }
        let stats = CallStats::default();
        let connector = worker
            .source
            .connect(&profile.desired, &stats)
            .map_err(ValidationError::from)?;
        validate::settle_account(&connector, &worker.store, profile, self.now()).await?;
        let reporter = Reporter::start(
            self.shared.running.clone(),
            "undo".to_owned(),
            JobProgress {
                profile: profile.name.clone(),
                subflow: SubflowKind::ReclaimSubscriptions,
                started_at: self.now(),
                step: "giving seats back".into(),
                done: 0,
                of: None,
            },
        );
        let run = Run {
            store: &worker.store,
            clock: &*worker.clock,
            zone: &worker.settings.time_zone,
            profile,
            job: "undo",
            reporter: &reporter,
        };
        let mut restored = Vec::new();
        // The other way round than they were taken: a base seat before what needs it.
        for (candidate, write) in candidates {
            let pair = (&candidate, &write);
            let became = restore::restore(&connector, &run, &worker.permit, pair, by).await?;
            restored.push((candidate, became));
        }
        self.note_daily_use().await;
        Ok(restored)
    }

    async fn until_none_runs(&self, profile: &Name) {
        loop {
            let mut ended = pin!(self.shared.ended.notified());
            // Counts from here on, so that what ends while it is looked is not missed.
            ended.as_mut().enable();
            if self.stops().values().all(|(name, _)| name != profile) {
                return;
            }
            ended.await;
        }
    }

    /// Calls the vendor now and proves each process, beside whatever runs.
    pub async fn validate(&self, profile: &Name) -> Result<Validation, ValidateError> {
        let worker = &self.shared.worker;
        let recorded = self.recorded(profile).await?;
        let connector = worker
            .source
            .connect(&recorded.desired, &CallStats::default())
            .map_err(ValidationError::from)?;
        let conditions = self.conditions(&recorded);
        let held = conditions.held().await.map_err(RequestError::from)?;
        let found = validate::validate(&connector, &worker.store, &recorded, self.now()).await;
        if let Err(ValidationError::Connector(error)) = &found {
            let noted = if validate::runs(&recorded) {
                validate::note(&conditions, Process::Download, error).await
            } else {
                conditions.answered(error).await
            };
            noted.map_err(RequestError::from)?;
        }
        let found = found?;
        if found.works(&recorded.desired) {
            let went_on = self.go_on(&conditions, held).await;
            went_on.map_err(RequestError::from)?;
        }
        self.wake();
        Ok(found)
    }

    /// Lets go of the vendor account that a profile is bound to, and runs its download at once,
    /// which binds the one that its connection leads to now, because `by` decided so. Returns the
    /// account let go of.
    pub async fn rebind(
        &self,
        profile: &RecordedProfile,
        by: &Actor,
    ) -> Result<Option<String>, StoreError> {
        let store = &self.shared.worker.store;
        let bound = store.unbind_account(profile.id, by, self.now()).await?;
        store.set_validated(profile.id, None).await?;
        let conditions = self.conditions(profile);
        conditions.unbound(bound.as_deref()).await?;
        let message = "its vendor account was let go of; the vendor has not been asked since";
        self.start_over(&conditions, message).await?;
        self.wake();
        Ok(bound)
    }

    /// What stood in the way of a profile's jobs was put right, so they run at once. `held`: so was
    /// another vendor account.
    async fn go_on(&self, conditions: &Conditions<'_>, held: bool) -> Result<(), StoreError> {
        if conditions.free_of(&Barrier::BEFORE_THE_VENDOR).await? || held {
            let message = "the vendor answers again; the jobs have not run since";
            self.start_over(conditions, message).await?;
        }
        Ok(())
    }

    /// A profile that may run is published anew: its download is queued at the next look.
    async fn start_over(
        &self,
        conditions: &Conditions<'_>,
        message: &str,
    ) -> Result<(), StoreError> {
        if lookout::bar(conditions.profile).is_some() {
            return Ok(());
        }
        conditions.untried(message).await?;
        let id = conditions.profile.id;
        conditions.store.set_published(id, None, None).await
    }

    fn conditions<'a>(&'a self, profile: &'a RecordedProfile) -> Conditions<'a> {
        Conditions {
            store: &self.shared.worker.store,
            profile,
            now: self.now(),
        }
    }

    /// Runs jobs until `shutdown`; then cuts what runs, records it as interrupted, and returns. What
    /// was cut runs again, from its beginning, at the next start.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut lookout = self.lookout();
        let mut alarm = Alarm::new(Arc::clone(&self.shared.worker.clock), &self.shared.bell);
        alarm.add_second_bell();
        let mut tasks = JoinSet::new();
        self.recover().await;
        while !shutdown.is_cancelled() {
            let wake_at = match self.turn(&mut lookout, &mut tasks, &shutdown).await {
                Ok(wake_at) => wake_at,
                Err(error) => {
                    tracing::error!(%error, "jobs wait for the store");
                    self.now().saturating_add(TROUBLE).ok()
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = alarm.wait_until(wake_at) => {}
                Some(_) = tasks.join_next() => {}
            }
        }
        while tasks.join_next().await.is_some() {}
        alarm.stop();
    }

    /// Runs everything that is due, and what follows it, then returns.
    pub async fn run_due_to_completion(&self) -> Result<OnceReport, StoreError> {
        let mut lookout = self.lookout();
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut report = OnceReport::default();
        self.recover().await;
        loop {
            self.turn(&mut lookout, &mut tasks, &shutdown).await?;
            let Some(ended) = tasks.join_next().await else {
                return Ok(report);
            };
            if let Ok(id) = ended
                && let Some(job) = self.shared.worker.store.job(&id).await?
            {
                report.jobs.push(job);
            }
        }
    }

    fn lookout(&self) -> Lookout {
        let worker = &self.shared.worker;
        Lookout::new(
            worker.store.clone(),
            Arc::clone(&worker.clock),
            Arc::clone(&worker.settings),
        )
    }

    fn now(&self) -> Timestamp {
        self.shared.worker.clock.now()
    }

    async fn recorded(&self, profile: &Name) -> Result<RecordedProfile, RequestError> {
        self.shared
            .worker
            .store
            .desired_profile(profile)
            .await?
            .ok_or_else(|| RequestError::UnknownProfile(profile.clone()))
    }

    async fn recover(&self) {
        let store = &self.shared.worker.store;
        match store.daily_use().await {
            Ok(used) => self.shared.worker.source.resume_daily_use(used),
            Err(error) => {
                tracing::warn!(%error, "what was used of daily rate limits today is not known");
            }
        }
        if let Err(error) = store.sweep_staging().await {
            tracing::warn!(%error, "old staging sets stay");
        }
        match store.recover_jobs(self.now()).await {
            Ok(jobs) => {
                for job in jobs {
                    tracing::warn!(message_id = %Notable::JobCut, profile = %job.profile, subflow = job.subflow.as_str(), job = %job.id, "a crash cut this job: it runs again");
                }
            }
            Err(error) => tracing::error!(%error, "jobs that a crash cut are not recovered"),
        }
    }

    /// Looks, stops what must not run, starts what may. When to look again.
    async fn turn(
        &self,
        lookout: &mut Lookout,
        tasks: &mut JoinSet<String>,
        shutdown: &CancellationToken,
    ) -> Result<Option<Timestamp>, StoreError> {
        let seen = lookout.look().await?;
        self.stop_barred(&seen.barred);
        while tasks.len() < CONCURRENT {
            let Some(job) = self.shared.worker.store.claim(self.now()).await? else {
                break;
            };
            let stop = shutdown.child_token();
            self.stops()
                .insert(job.id.clone(), (job.profile.clone(), stop.clone()));
            let runner = self.clone();
            let span = tracing::info_span!("job", profile = %job.profile, subflow = job.subflow.as_str(), job = %job.id);
            let traced = spans::job(
                job.profile.as_str(),
                job.subflow.as_str(),
                &job.id,
                job.trigger.as_str(),
            );
            let work = async move {
                traced.run(runner.work(&job, &stop)).await;
                traced.end();
                runner.stops().remove(&job.id);
                runner.shared.ended.notify_waiters();
                job.id
            };
            tasks.spawn(work.instrument(span));
        }
        let put_off = self
            .shared
            .worker
            .store
            .next_claim_after(self.now())
            .await?;
        Ok(match (seen.wake_at, put_off) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        })
    }

    async fn work(&self, job: &Job, stop: &CancellationToken) {
        let worker = &self.shared.worker;
        let progress = JobProgress {
            profile: job.profile.clone(),
            subflow: job.subflow,
            started_at: self.now(),
            step: "starting".into(),
            done: 0,
            of: None,
        };
        let reporter = Reporter::start(self.shared.running.clone(), job.id.clone(), progress);
        let recorded = tokio::select! {
            () = stop.cancelled() => self.cut(job).await,
            executed = worker.execute(job, &reporter) => match executed {
                Ok(()) => Ok(()),
                Err(error) => self.give_up(job, &error).await,
            },
            never = self.keep_daily_use() => match never {},
        };
        self.note_daily_use().await;
        if let Err(error) = worker.store.announce_audit().await {
            tracing::warn!(%error, "the audit log's head is not told");
        }
        if let Err(error) = recorded {
            tracing::error!(%error, "the end of a job is not recorded: it runs again at the next start");
        }
    }

    /// Notes what is used of daily budgets as it grows, so that a crash forgets little of it.
    async fn keep_daily_use(&self) -> Infallible {
        loop {
            self.shared.worker.source.used_more().await;
            self.note_daily_use().await;
        }
    }

    async fn note_daily_use(&self) {
        let worker = &self.shared.worker;
        let used = worker.source.daily_use();
        if let Err(error) = worker.store.set_daily_use(used).await {
            tracing::warn!(%error, "what was used of daily rate limits is not noted");
        }
    }

    /// A stop of the daemon, or of the profile's jobs.
    async fn cut(&self, job: &Job) -> Result<(), StoreError> {
        spans::job_ended(JobState::Interrupted.as_str(), None, false);
        let store = &self.shared.worker.store;
        let profile = store.desired_profile(&job.profile).await?;
        match profile.as_ref().and_then(lookout::bar) {
            None => store.interrupt(&job.id, self.now()).await,
            Some(reason) => {
                let end = JobEnd {
                    state: JobState::Interrupted,
                    counts: job.counts.clone(),
                    failure: Some(failure("run", reason)),
                    then: None,
                };
                store.finish(&job.id, end, self.now()).await.map(drop)
            }
        }
    }

    /// The store failed under a running job; its record may still be written.
    async fn give_up(&self, job: &Job, error: &StoreError) -> Result<(), StoreError> {
        tracing::error!(%error, "the store failed under a job");
        spans::job_ended(JobState::Failed.as_str(), Some("store"), true);
        let end = JobEnd {
            state: JobState::Failed,
            counts: job.counts.clone(),
            failure: Some(failure("store", error.to_string())),
            then: None,
        };
        let store = &self.shared.worker.store;
        store.finish(&job.id, end, self.now()).await.map(drop)
    }

    fn stop_barred(&self, barred: &BTreeMap<Name, String>) {
        for (profile, stop) in self.stops().values() {
            if barred.contains_key(profile) {
                stop.cancel();
            }
        }
    }

    fn stops(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Name, CancellationToken)>> {
        self.shared
            .stops
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why seats could not be given back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A job of the profile runs.
    #[error("a job of profile `{0}` runs: try again when it has ended (`seatsync jobs list`)")]
    Busy(Name),
    /// Because of the account.
    #[error(transparent)]
    Validation(#[from] ValidationError),
    /// At the vendor or in the store.
    #[error(transparent)]
    Subflow(#[from] SubflowError),
}

/// Why a profile could not be validated.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// There is no such profile, or the store failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// At the vendor, or because of the account.
    #[error(transparent)]
    Validation(#[from] ValidationError),
}

/// Why a subflow of a profile has no job, when its profile may run.
fn unrunnable(profile: &RecordedProfile, subflow: SubflowKind) -> Option<String> {
    if subflow == SubflowKind::PullUserActivity
        && let Some(reason) = has_no_activity_of_its_own(&profile.desired)
    {
        return Some(reason);
    }
    let process = validate::process_of(subflow);
    (!validate::is_on(&profile.desired, process)).then(|| {
        format!(
            "`{}` of profile `{}` is switched off",
            subflow.as_str(),
            profile.name
        )
    })
}

/// Why a vendor has no `pull_user_activity`, where its download tells the use already.
pub fn has_no_activity_of_its_own(desired: &DesiredProfile) -> Option<String> {
    (desired.profile.profile_type == ProfileType::Aha).then(|| {
        "Aha! needs no `pull_user_activity`: `download_subscriptions` reads everybody's last access"
            .to_owned()
    })
}
