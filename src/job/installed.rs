//! The loop that judges installed software: once a night, when its rules change, and when a person asks.
//! It stands beside the runner of profiles' jobs, for it belongs to no profile and calls no vendor.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::execute::failure;
use crate::clock::SharedClock;
use crate::schedule::alarm::{Alarm, Bell};
use crate::schedule::cron::ScheduleError;
use crate::schedule::installed;
use crate::settings::Settings;
use crate::store::installed_run::{InstalledRun, NewInstalledRun};
use crate::store::job::{Counts, JobState, Trigger};
use crate::store::usage::UsageStore;
use crate::store::{Store, StoreError};
use crate::subflow::installed::{InstalledContext, refresh_installed, rules_in_force};
use crate::telemetry::spans;

/// When the store cannot be read, it is looked at again after this time.
const TROUBLE: SignedDuration = SignedDuration::from_secs(30);

/// What an [`InstalledRunner`] is made of.
#[derive(Debug)]
pub struct InstalledParts {
    /// Where candidates and runs are.
    pub store: Store,
    /// What agents reported.
    pub usage: UsageStore,
    /// What time it is.
    pub clock: SharedClock,
    /// In whose zone days and months begin.
    pub settings: Arc<Settings>,
}

/// Judges installed software. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub struct InstalledRunner {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    parts: InstalledParts,
    up_since: Timestamp,
    bell: Bell,
    ended: watch::Sender<u64>,
}

/// Why a run that was asked for is not queued.
#[derive(Debug, thiserror::Error)]
pub enum InstalledRequestError {
    /// It was not started; the record says why.
    #[error("{}", .0.failure.as_ref().map_or("the run was refused", |failure| &failure.message))]
    Refused(Box<InstalledRun>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the loop cannot look.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schedule does not read: a mistake in this program.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl InstalledRunner {
    /// A runner; nothing runs before [`InstalledRunner::run`].
    pub fn new(parts: InstalledParts) -> Self {
        Self {
            shared: Arc::new(Shared {
                up_since: parts.clock.now(),
                parts,
                bell: Bell::default(),
                ended: watch::Sender::new(0),
            }),
        }
    }

    /// Something changed: look soon.
    pub fn wake(&self) {
        self.shared.bell.ring();
    }

    /// Changes whenever a run ends.
    pub fn ended(&self) -> watch::Receiver<u64> {
        self.shared.ended.subscribe()
    }

    /// What software is judged with.
    pub fn context(&self) -> InstalledContext<'_> {
        let parts = &self.shared.parts;
        InstalledContext {
            store: &parts.store,
            usage: &parts.usage,
            clock: &*parts.clock,
            zone: &parts.settings.time_zone,
        }
    }

    /// Queues a run that a person asked for.
    pub async fn request(&self) -> Result<InstalledRun, InstalledRequestError> {
        let store = &self.shared.parts.store;
        let now = self.now();
        let rules = rules_in_force(store).await?;
        let new = NewInstalledRun {
            trigger: Trigger::Manual,
            due_at: now,
            rules: rules.digest(),
        };
        let run = if rules.is_empty() && !store.installed_standing().await?.has_open {
            let reason = "no rule decides for installed software: write a `ReclamationRule` with `software_models`, and their `norm_products` into each `SoftwareModel`";
            store.refuse_installed(new, reason.to_owned(), now).await?
        } else {
            store.enqueue_installed(new, now).await?
        };
        if run.state == JobState::Refused {
            return Err(InstalledRequestError::Refused(Box::new(run)));
        }
        self.wake();
        Ok(run)
    }

    /// Runs what is due until `shutdown`; a run that is cut runs again at the next start.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut alarm = Alarm::new(Arc::clone(&self.shared.parts.clock), &self.shared.bell);
        while !shutdown.is_cancelled() {
            let turn = shutdown.run_until_cancelled(self.turn()).await;
            let wake_at = match turn {
                None => break,
                Some(Ok(wake_at)) => wake_at,
                Some(Err(error)) => {
                    tracing::error!(%error, "the judging of installed software waits for the store");
                    self.now().saturating_add(TROUBLE).ok()
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = alarm.wait_until(wake_at) => {}
            }
        }
        if let Err(error) = self.recover().await {
            tracing::error!(%error, "a run for installed software that was cut is not recovered");
        }
    }

    /// Runs what is due, and returns whether all went well.
    pub async fn run_due_to_completion(&self) -> bool {
        match self.turn().await {
            Ok(_) => {
                let last = self.shared.parts.store.installed_runs(true, None, 1).await;
                last.is_ok_and(|last| {
                    let failed = |run: &InstalledRun| {
                        run.state == JobState::Failed && run.ended_at >= Some(self.shared.up_since)
                    };
                    !last.iter().any(failed)
                })
            }
            Err(error) => {
                tracing::error!(%error, "installed software is not judged");
                false
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.parts.clock.now()
    }

    /// What a stop, a crash or trouble with the store left running is queued once more: nothing runs here.
    async fn recover(&self) -> Result<(), StoreError> {
        let store = &self.shared.parts.store;
        if let Some(run) = store.interrupt_installed(self.now()).await? {
            tracing::warn!(run = %run.id, "the judging of installed software was cut: it runs again");
        }
        Ok(())
    }

    /// Queues what is due and runs what waits. When to look again.
    async fn turn(&self) -> Result<Option<Timestamp>, TurnError> {
        let parts = &self.shared.parts;
        self.recover().await?;
        let rules = rules_in_force(&parts.store).await?;
        let now = self.now();
        let agenda = installed::plan(
            &installed::schedule()?,
            &parts.store.installed_standing().await?,
            &rules,
            now,
            self.shared.up_since,
            &parts.settings.time_zone,
        );
        if let Some(due) = agenda.due {
            let new = NewInstalledRun {
                trigger: due.trigger,
                due_at: due.at,
                rules: rules.digest(),
            };
            parts.store.enqueue_installed(new, now).await?;
        }
        while let Some(run) = parts.store.claim_installed(self.now()).await? {
            let span = spans::installed_run(&run.id, run.trigger.as_str());
            span.run(self.work(&run)).await?;
            span.end();
        }
        Ok(agenda.wake_at)
    }

    async fn work(&self, run: &InstalledRun) -> Result<(), StoreError> {
        let store = &self.shared.parts.store;
        let mut counts = Counts::default();
        let (state, failed) = match refresh_installed(self.context(), &mut counts).await {
            Ok(()) => {
                let Counts {
                    inserted, ended, ..
                } = counts;
                tracing::info!(run = %run.id, inserted, ended, "installed software was judged");
                (JobState::Completed, None)
            }
            Err(error) => {
                tracing::error!(run = %run.id, %error, "installed software could not be judged");
                (JobState::Failed, Some(failure("judge", error.to_string())))
            }
        };
        let step = failed.as_ref().map(|failed| failed.step.as_str());
        spans::job_ended(state.as_str(), step, failed.is_some());
        let now = self.now();
        store
            .finish_installed(&run.id, state, counts, failed, now)
            .await?;
        if let Err(error) = store.announce_audit().await {
            tracing::warn!(%error, "the audit log's head is not told");
        }
        self.shared.ended.send_modify(|count| *count += 1);
        Ok(())
    }
}
