//! A state directory, a simulated Zoom account and a runner on one clock: what tests of jobs stand
//! on.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::{Clock, ManualClock};
use seatsync::connector::{ConnectorOptions, Connectors, Limits};
use seatsync::job::{OnceReport, Runner, RunnerParts};
use seatsync::metrics::Metrics;
use seatsync::profile::model::DesiredProfile;
use seatsync::profile::name::Name;
use seatsync::secret::Secrets;
use seatsync::settings::Settings;
use seatsync::store::Store;
use seatsync::store::condition::{Condition, ConditionKind};
use seatsync::store::document::{Application, ProfileId, ProfileWrite};
use seatsync::store::job::{Job, JobFilter};
use seatsync::store::revision::{Attempt, RevisionOutcome};
use seatsync::store::subscription::{Presence, Subscription, SubscriptionFilter};
use serde_json::{Value, json};
use tempfile::TempDir;
use vendor_sim::zoom::{Control, ZoomSim, ZoomSimOptions};
use vendor_sim::{SimClock, zoom};

/// A clock whose sleepers wake at once and find the time moved.
#[derive(Debug, Clone)]
pub(crate) struct HurriedClock(ManualClock);

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
}

/// Monday morning.
const START: &str = "2026-03-02T09:00:00Z";

/// Everything that a test of jobs needs.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    pub(crate) sim: ZoomSim,
    revisions: AtomicU32,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ZoomSimOptions)) -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let mut options = ZoomSimOptions {
            users: 120,
            limits: false,
            clock: SimClock::following({
                let clock = clock.clone();
                move || clock.now()
            }),
            ..ZoomSimOptions::default()
        };
        change(&mut options);
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Store::open(folder.path()).unwrap(),
            folder,
            clock,
            sim: ZoomSim::start(options).await.unwrap(),
            revisions: AtomicU32::new(0),
        }
    }

    pub(crate) fn zoom(&self) -> &Control {
        self.sim.control()
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
        let secret = (
            "ZOOM_SECRET".to_owned(),
            self.sim.client_secret().to_owned(),
        );
        let secrets = Arc::new(Secrets::new(None, [secret]));
        let options = ConnectorOptions {
            request_timeout: Duration::from_secs(20),
            page_size,
            limits,
            ..ConnectorOptions::default()
        };
        Runner::new(RunnerParts {
            store: self.store.clone(),
            clock: Arc::clone(&clock),
            settings: Arc::new(Settings::default()),
            source: Connectors::new(secrets, clock, options),
            metrics: Metrics::default(),
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

    /// Applies one profile as reconciling would, with changes to its JSON.
    pub(crate) async fn apply(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value = self.profile(name);
        change(&mut value);
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

    /// Publishes `zoom` with nothing special, and runs what follows.
    pub(crate) async fn publish(&self) -> OnceReport {
        self.apply("zoom", |_| {}).await;
        self.run().await
    }

    pub(crate) async fn id(&self, profile: &str) -> ProfileId {
        let profile = self.store.desired_profile(&name(profile)).await.unwrap();
        profile.unwrap().id
    }

    /// Every seat of `zoom`, ended ones too.
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

    fn profile(&self, name: &str) -> Value {
        json!({
            "profile": {
                "name": name, "display_name": name, "profile_type": "zoom",
                "state": "published", "suspend": false, "formerly": [],
                "connection": {"named": "zoom"}, "connect_connection": null,
                "subflows": {
                    "download_subscriptions": {"enabled": true, "schedule": "0 3 * * *"},
                    "pull_user_activity": {"enabled": true, "schedule": null},
                    "analyze_from": "60d",
                    "reclaim_subscriptions": {"enabled": false, "schedule": null}
                },
                "exclusions": {"identifiers": [], "users": []},
                "protected": [], "reclamation": null
            },
            "connection": {
                "name": "zoom", "vendor": "zoom", "url": self.sim.api_url(),
                "grant": "account_credentials", "token_url": self.sim.token_url(),
                "authorize_url": self.sim.authorize_url(), "account_id": self.sim.account_id(),
                "client_id": self.sim.client_id(), "client_secret": {"env": "ZOOM_SECRET"},
                "token": null, "plan": "pro", "share": 25
            },
            "connect_connection": null, "exclusions": [], "protected": []
        })
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

/// A change of a person at Zoom.
pub(crate) fn change() -> zoom::PersonChange {
    zoom::PersonChange::default()
}
