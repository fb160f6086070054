//! A simulated Zoom account on a [`Ground`].

use std::ops::Deref;

use seatsync::clock::Clock as _;
use seatsync::job::OnceReport;
use seatsync::settings::Guards;
use seatsync::settings::model::NotificationSettings;
use serde_json::{Value, json};
use vendor_sim::zoom::{Control, ZoomSim, ZoomSimOptions};
use vendor_sim::{SimClock, zoom};

pub(crate) use crate::ground::name;
use crate::ground::{Ground, desired};

/// Everything that a test of jobs needs.
pub(crate) struct Bed {
    ground: Ground,
    pub(crate) sim: ZoomSim,
}

impl Deref for Bed {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ZoomSimOptions)) -> Self {
        let clock = Ground::monday_morning();
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
        let sim = ZoomSim::start(options).await.unwrap();
        Self {
            ground: Ground::new(clock, "ZOOM_SECRET", sim.client_secret()),
            sim,
        }
    }

    /// An administrator lets the daemon write to vendors.
    pub(crate) fn allow_writes(&mut self) {
        self.ground.allow_writes();
    }

    /// The ceilings that the settings set.
    pub(crate) fn guards(&mut self, guards: Guards) {
        self.ground.guards(guards);
    }

    /// What the settings say of who is told what.
    pub(crate) fn notifications(&mut self, notifications: NotificationSettings) {
        self.ground.notifications(notifications);
    }

    pub(crate) fn zoom(&self) -> &Control {
        self.sim.control()
    }

    /// Applies one profile as reconciling would, with changes to its JSON.
    pub(crate) async fn apply(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value = self.profile(name);
        change(&mut value);
        self.apply_desired(&value).await;
    }

    /// Publishes `zoom` with nothing special, and runs what follows.
    pub(crate) async fn publish(&self) -> OnceReport {
        self.apply("zoom", |_| {}).await;
        self.run().await
    }

    fn profile(&self, name: &str) -> Value {
        let connection = json!({
            "name": "zoom", "vendor": "zoom", "url": self.sim.api_url(),
            "grant": "account_credentials", "token_url": self.sim.token_url(),
            "authorize_url": self.sim.authorize_url(), "account_id": self.sim.account_id(),
            "client_id": self.sim.client_id(), "client_secret": {"env": "ZOOM_SECRET"},
            "token": null, "plan": "pro", "share": 25
        });
        desired(name, "zoom", &connection)
    }
}

/// A change of a person at Zoom.
pub(crate) fn change() -> zoom::PersonChange {
    zoom::PersonChange::default()
}
