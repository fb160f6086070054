//! A state directory and a runner on a clock that tests move: what tests of jobs stand on, whoever
//! the vendor is.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::{Clock, ManualClock};
use seatsync::connector::{ConnectorOptions, Connectors, Limits};
use seatsync::delivery::{Deliverer, DelivererParts};
use seatsync::job::{OnceReport, Runner, RunnerParts};
use seatsync::metrics::Metrics;
use seatsync::profile::model::DesiredProfile;
use seatsync::profile::name::Name;
use seatsync::secret::Secrets;
use seatsync::secret::seal::Sealer;
use seatsync::settings::model::NotificationSettings;
use seatsync::settings::{Guards, Settings};
use seatsync::store::Store;
use seatsync::store::condition::{Condition, ConditionKind};
use seatsync::store::document::{Application, ProfileId, ProfileWrite};
use seatsync::store::grant::GrantVault;
use seatsync::store::job::{Job, JobFilter};
use seatsync::store::revision::{Attempt, RevisionOutcome};
use seatsync::store::subscription::{Presence, Subscription, SubscriptionFilter};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A clock whose sleepers wake at once and find the time moved: waiting costs no real time, and what
/// was waited can be read from it.
#[derive(Debug, Clone)]
pub(crate) struct HurriedClock(pub(crate) ManualClock);

impl Clock for HurriedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if instant > self.0.now() {
                self.0.set(instant);
            }
            tokio::task::yield_now().await;
        })
    }

    fn elapsed(&self) -> SignedDuration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: SignedDuration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.0.advance(duration);
            tokio::task::yield_now().await;
        })
    }
}

/// Monday morning.
const START: &str = "2026-03-02T09:00:00Z";

/// A state directory, its clock and what the vendor's secret is.
pub(crate) struct Ground {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    secret: (String, String),
    settings: Settings,
    revisions: AtomicU32,
}

impl Ground {
    /// On Monday morning; the secret is found under `variable`.
    pub(crate) fn new(clock: ManualClock, variable: &str, secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(folder.path()).unwrap(),
            folder,
            clock,
            secret: (variable.to_owned(), secret.to_owned()),
            settings: Settings::default(),
            revisions: AtomicU32::new(0),
        }
    }

    /// An administrator lets the daemon write to vendors.
    pub(crate) fn allow_writes(&mut self) {
        self.settings.writes = true;
    }

    /// The ceilings that the settings set.
    pub(crate) fn guards(&mut self, guards: Guards) {
        self.settings.guards = guards;
    }

    /// What the settings say of who is told what.
    pub(crate) fn notifications(&mut self, notifications: NotificationSettings) {
        self.settings.notifications = notifications;
    }

    /// A deliverer as the daemon has it, on the clock that stands still.
    pub(crate) async fn deliverer(&self) -> Deliverer {
        let secrets = Arc::new(Secrets::new(None, [self.secret.clone()]));
        let sealer = Sealer::new(Arc::clone(&secrets), self.state());
        let grants = GrantVault::open(self.store.clone(), sealer.clone()).await;
        Deliverer::new(DelivererParts {
            store: self.store.clone(),
            clock: Arc::new(self.clock.clone()),
            settings: Arc::new(self.settings.clone()),
            secrets,
            sealer,
            grants: grants.unwrap(),
        })
    }

    /// The clock at the start.
    pub(crate) fn monday_morning() -> ManualClock {
        ManualClock::at(START.parse().unwrap())
    }

    /// A runner as the daemon has it; each is a daemon of its own on the same state.
    pub(crate) fn runner(&self) -> Runner<Connectors> {
        let clock = Arc::new(HurriedClock(self.clock.clone()));
        self.runner_of(clock, 30, Limits::Unlimited)
    }

    /// A runner that keeps to the connection's share of the vendor's rate limits.
    pub(crate) fn runner_within_limits(&self) -> Runner<Connectors> {
        let clock = Arc::new(HurriedClock(self.clock.clone()));
        self.runner_of(clock, 30, Limits::ByPlan)
    }

    pub(crate) fn runner_on(&self, clock: Arc<dyn Clock>) -> Runner<Connectors> {
        self.runner_of(clock, 30, Limits::Unlimited)
    }

    pub(crate) fn runner_with_pages_of(&self, page_size: u32) -> Runner<Connectors> {
        let clock = Arc::new(HurriedClock(self.clock.clone()));
        self.runner_of(clock, page_size, Limits::Unlimited)
    }

    fn runner_of(
        &self,
        clock: Arc<dyn Clock>,
        page_size: u32,
        limits: Limits,
    ) -> Runner<Connectors> {
        let secrets = Arc::new(Secrets::new(None, [self.secret.clone()]));
        let options = ConnectorOptions {
            request_timeout: Duration::from_secs(20),
            page_size,
            limits,
            ..ConnectorOptions::default()
        };
        Runner::new(RunnerParts {
            store: self.store.clone(),
            clock: Arc::clone(&clock),
            settings: Arc::new(self.settings.clone()),
            source: Connectors::new(secrets, clock, options),
            metrics: Metrics::default(),
            stop_files: vec![self.state().join("stop-writes")],
        })
    }

    /// Runs everything that is due.
    pub(crate) async fn run(&self) -> OnceReport {
        self.runner().run_due_to_completion().await.unwrap()
    }

    /// Moves the time by a day and runs everything that is due.
    pub(crate) async fn next_day(&self) -> OnceReport {
        self.clock.advance(SignedDuration::from_hours(24));
        self.run().await
    }

    /// Applies one profile, given as the JSON of a desired one, as reconciling would.
    pub(crate) async fn apply_desired(&self, value: &Value) {
        let desired: DesiredProfile = serde_json::from_value(value.clone()).unwrap();
        let published = value["profile"]["state"] == "published";
        let mut application = self.application();
        application.profiles = vec![ProfileWrite {
            digest: format!("sha256:{value}"),
            desired,
            published,
        }];
        self.store.apply(application).await.unwrap();
    }

    /// Removes one profile as reconciling would.
    pub(crate) async fn remove(&self, profile: &str) {
        let mut application = self.application();
        application.orphans = vec![name(profile)];
        self.store.apply(application).await.unwrap();
    }

    pub(crate) async fn id(&self, profile: &str) -> ProfileId {
        let profile = self.store.desired_profile(&name(profile)).await.unwrap();
        profile.unwrap().id
    }

    /// Every seat, ended ones too.
    pub(crate) async fn seats(&self) -> Vec<Subscription> {
        let filter = SubscriptionFilter {
            presence: Presence::Any,
            ..SubscriptionFilter::default()
        };
        self.store
            .subscriptions(filter, None, 1_000_000)
            .await
            .unwrap()
    }

    /// The seats of one user, ended ones too.
    pub(crate) async fn seats_of(&self, user: &str) -> Vec<Subscription> {
        let seats = self.seats().await;
        let user = user.to_lowercase();
        seats
            .into_iter()
            .filter(|s| {
                s.seat.external_user_id.to_lowercase() == user
                    || s.seat.email.to_lowercase() == user
            })
            .collect()
    }

    /// The recorded jobs, oldest first.
    pub(crate) async fn jobs(&self) -> Vec<Job> {
        let mut jobs = self
            .store
            .job_results(JobFilter::default(), 1_000)
            .await
            .unwrap();
        jobs.reverse();
        jobs
    }

    pub(crate) async fn condition(&self, profile: &str, kind: ConditionKind) -> Condition {
        let conditions = self.store.conditions(&name(profile)).await.unwrap();
        conditions
            .into_iter()
            .find(|condition| condition.kind == kind)
            .unwrap_or_else(|| panic!("`{profile}` has no condition {kind}"))
    }

    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.state().join("seatsync.db")).unwrap()
    }

    pub(crate) fn state(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    fn application(&self) -> Application {
        let number = self.revisions.fetch_add(1, Ordering::Relaxed);
        Application {
            attempt: Attempt {
                digest: format!("sha256:{number}"),
                label: None,
                outcome: RevisionOutcome::Applied,
                findings: 0,
                message: String::new(),
                exclusions_unknown: None,
                rules_in_doubt: BTreeMap::new(),
                at: self.clock.now(),
            },
            renames: Vec::new(),
            documents: Vec::new(),
            states: Vec::new(),
            removed: Vec::new(),
            profiles: Vec::new(),
            orphans: Vec::new(),
            conditions: Vec::new(),
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A published profile as the JSON of a desired one, to be changed at will.
pub(crate) fn desired(name: &str, profile_type: &str, connection: &Value) -> Value {
    json!({
        "profile": {
            "name": name, "display_name": name, "profile_type": profile_type,
            "state": "published", "suspend": false, "formerly": [],
            "connection": {"named": connection["name"]}, "connect_connection": null,
            "subflows": {
                "download_subscriptions": {"enabled": true, "schedule": "0 3 * * *"},
                "pull_user_activity": {"enabled": profile_type != "aha", "schedule": null},
                "analyze_from": "60d",
                "reclaim_subscriptions": {"enabled": false, "schedule": null}
            },
            "exclusions": {"identifiers": [], "users": []},
            "protected": [], "reclamation": null
        },
        "connection": connection,
        "connect_connection": null, "exclusions": [], "protected": []
    })
}
