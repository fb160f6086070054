//! The Zoom connector against the simulated account: real HTTP, real tokens, real refusals.

mod activity;
mod consent;
mod document;
mod limits;
mod seats;
mod tokens;
mod trouble;
mod walk;
pub(crate) mod workplace;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::{Clock as _, ManualClock};
use seatsync::connector::facts::{Seat, SeatPage, WalkReport};
use seatsync::connector::{
    AnyConnector, CallStats, Connector as _, ConnectorError, ConnectorOptions, Connectors, Limits,
};
use seatsync::profile::identifier::{ProfileType, Vendor};
use seatsync::profile::model::{Grant, Plan, ResolvedConnection, Retry, SecretRef};
use seatsync::secret::Secrets;
use tokio::sync::mpsc;
use vendor_sim::clock::SimClock;
use vendor_sim::zoom::{Control, Endpoint, LoggedRequest, ZoomSim, ZoomSimOptions};

use crate::ground::HurriedClock;

/// A simulated account and what connects to it, on one clock.
pub(crate) struct Bench {
    pub(crate) sim: ZoomSim,
    pub(crate) clock: HurriedClock,
    pub(crate) connectors: Connectors,
    pub(crate) connection: ResolvedConnection,
    pub(crate) stats: CallStats,
    started: Timestamp,
}

/// Monday morning.
const START: &str = "2026-03-02T09:00:00Z";

/// Deadlines that a test can wait for, and pages small enough to turn.
pub(crate) fn impatient() -> ConnectorOptions {
    ConnectorOptions {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(10),
        page_size: 30,
        limits: Limits::Unlimited,
        ..ConnectorOptions::default()
    }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(impatient(), |_| {}).await
    }

    pub(crate) async fn with(
        options: ConnectorOptions,
        change: impl FnOnce(&mut ZoomSimOptions),
    ) -> Self {
        let started = START.parse().unwrap();
        let clock = HurriedClock(ManualClock::at(started));
        let mut sim = ZoomSimOptions {
            users: 200,
            limits: false,
            clock: SimClock::following({
                let clock = clock.clone();
                move || clock.now()
            }),
            ..ZoomSimOptions::default()
        };
        change(&mut sim);
        let sim = ZoomSim::start(sim).await.unwrap();
        let secret = ("ZOOM_SECRET".to_owned(), sim.client_secret().to_owned());
        let secrets = Arc::new(Secrets::new(None, [secret]));
        let connectors = Connectors::new(secrets, Arc::new(clock.clone()), options);
        let connection = ResolvedConnection {
            name: "zoom-emea".to_owned(),
            vendor: Vendor::Zoom,
            url: sim.api_url(),
            grant: Grant::AccountCredentials,
            token_url: sim.token_url(),
            authorize_url: sim.authorize_url(),
            account_id: Some(sim.account_id().to_owned()),
            client_id: Some(sim.client_id().to_owned()),
            client_secret: Some(SecretRef::Env("ZOOM_SECRET".to_owned())),
            token: None,
            plan: Plan::Pro,
            share: 25,
            retry: Retry::default(),
        };
        Self {
            sim,
            clock,
            connectors,
            connection,
            stats: CallStats::default(),
            started,
        }
    }

    pub(crate) fn control(&self) -> &Control {
        self.sim.control()
    }

    pub(crate) fn zoom(&self) -> AnyConnector {
        self.zoom_for(ProfileType::Zoom)
    }

    pub(crate) fn zoom_for(&self, profile_type: ProfileType) -> AnyConnector {
        self.connectors
            .connect(&self.connection, None, profile_type, &self.stats)
            .unwrap()
    }

    /// Time that passed on the clock since the start.
    pub(crate) fn waited(&self) -> SignedDuration {
        self.clock.now().duration_since(self.started)
    }

    pub(crate) fn requests_to(&self, endpoint: Endpoint) -> Vec<LoggedRequest> {
        let mut requests = self.control().requests();
        requests.retain(|request| request.endpoint == Some(endpoint));
        requests
    }

    /// How many tokens were asked for.
    pub(crate) fn mints(&self) -> usize {
        let requests = self.control().requests();
        let mints = requests
            .iter()
            .filter(|request| request.path == "/oauth/token");
        mints.count()
    }
}

/// Walks, and gathers what came by id, as a receiver that merges does.
pub(crate) async fn walk(
    zoom: &AnyConnector,
) -> (Result<WalkReport, ConnectorError>, Vec<SeatPage>) {
    let (sender, mut receiver) = mpsc::channel(2);
    let gather = async {
        let mut pages = Vec::new();
        while let Some(page) = receiver.recv().await {
            pages.push(page);
        }
        pages
    };
    tokio::join!(zoom.walk_seats(sender), gather)
}

pub(crate) fn merged(pages: Vec<SeatPage>) -> std::collections::BTreeMap<String, Seat> {
    pages
        .into_iter()
        .flat_map(|page| page.seats)
        .map(|seat| (seat.external_user_id.clone(), seat))
        .collect()
}
