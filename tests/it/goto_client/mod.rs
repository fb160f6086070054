//! The GoTo connector against the simulated account: real HTTP, real tokens, real refusals.

mod activity;
mod seats;
mod tokens;
mod trouble;
mod writes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
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
use vendor_sim::goto::{Cast, Control, Endpoint, LoggedRequest};
use vendor_sim::{GoToSim, GoToSimOptions};

use crate::ground::HurriedClock;

/// A simulated account and what connects to it, on one clock.
struct Bench {
    sim: GoToSim,
    clock: HurriedClock,
    connectors: Connectors,
    connection: ResolvedConnection,
    second: Option<ResolvedConnection>,
    stats: CallStats,
    started: Timestamp,
}

/// Monday morning.
const START: &str = "2026-03-02T09:00:00Z";

/// Deadlines that a test can wait for, and pages small enough to turn.
fn impatient() -> ConnectorOptions {
    ConnectorOptions {
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(10),
        read_timeout: Duration::from_secs(10),
        page_size: 60,
        limits: Limits::Unlimited,
        ..ConnectorOptions::default()
    }
}

impl Bench {
    async fn start() -> Self {
        Self::with(impatient(), |_| {}).await
    }

    async fn with(options: ConnectorOptions, change: impl FnOnce(&mut GoToSimOptions)) -> Self {
        let started = START.parse().unwrap();
        let clock = HurriedClock(ManualClock::at(started));
        let mut sim = GoToSimOptions {
            users: 200,
            limits: false,
            clock: SimClock::following({
                let clock = clock.clone();
                move || clock.now()
            }),
            ..GoToSimOptions::default()
        };
        change(&mut sim);
        let sim = GoToSim::start(sim).await.unwrap();
        let client = sim.client();
        let secrets = [
            ("GOTO_SECRET", client.client_secret.clone().unwrap()),
            ("GOTO_TOKEN", client.personal_access_token.clone()),
        ];
        let secrets = secrets.map(|(name, secret)| (name.to_owned(), secret));
        let secrets = Arc::new(Secrets::new(None, secrets));
        let connectors = Connectors::new(secrets, Arc::new(clock.clone()), options);
        let connection = ResolvedConnection {
            name: "goto".to_owned(),
            vendor: Vendor::GoTo,
            url: sim.api_url().to_owned(),
            grant: Grant::PersonalAccessToken,
            token_url: sim.token_url(),
            authorize_url: sim.authorize_url(),
            account_id: None,
            client_id: Some(client.client_id.clone()),
            client_secret: Some(SecretRef::Env("GOTO_SECRET".to_owned())),
            token: Some(SecretRef::Env("GOTO_TOKEN".to_owned())),
            plan: Plan::Pro,
            share: 25,
            retry: Retry::default(),
        };
        let second = ResolvedConnection {
            name: "goto-connect".to_owned(),
            url: sim.connect_url(),
            ..connection.clone()
        };
        Self {
            sim,
            clock,
            connectors,
            connection,
            second: Some(second),
            stats: CallStats::default(),
            started,
        }
    }

    fn control(&self) -> &Control {
        self.sim.control()
    }

    fn goto(&self) -> AnyConnector {
        self.connectors
            .connect(
                &self.connection,
                self.second.as_ref(),
                ProfileType::GoTo,
                &self.stats,
            )
            .unwrap()
    }

    fn key(&self, member: Cast) -> String {
        self.sim.cast(member).unwrap().key
    }

    fn requests_to(&self, endpoint: Endpoint) -> Vec<LoggedRequest> {
        let mut requests = self.control().requests();
        requests.retain(|request| request.endpoint == Some(endpoint));
        requests
    }

    /// How many tokens were asked for.
    fn mints(&self) -> usize {
        let requests = self.control().requests();
        requests
            .iter()
            .filter(|request| request.grant.is_some())
            .count()
    }
}

/// Walks, and gathers what came.
async fn walk(goto: &AnyConnector) -> (Result<WalkReport, ConnectorError>, Vec<SeatPage>) {
    let (sender, mut receiver) = mpsc::channel(2);
    let gather = async {
        let mut pages = Vec::new();
        while let Some(page) = receiver.recv().await {
            pages.push(page);
        }
        pages
    };
    tokio::join!(goto.walk_seats(sender), gather)
}

/// By user and product, as a receiver that merges does.
fn merged(pages: Vec<SeatPage>) -> BTreeMap<(String, String), Seat> {
    pages
        .into_iter()
        .flat_map(|page| page.seats)
        .map(|seat| {
            let key = (seat.external_user_id.clone(), seat.identifier.to_string());
            (key, seat)
        })
        .collect()
}
