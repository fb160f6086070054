//! The Aha! connector against the simulated account: real HTTP, real paging, real refusals.

mod account;
mod document;
mod limits;
mod trouble;
mod walk;
mod writes;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::{Clock as _, ManualClock};
use seatsync::connector::facts::{Completeness, Seat, SeatPage, WalkReport};
use seatsync::connector::{
    AnyConnector, CallStats, Connector as _, ConnectorError, ConnectorOptions, Connectors,
};
use seatsync::profile::identifier::{ProfileType, Vendor};
use seatsync::profile::model::{Grant, Plan, ResolvedConnection, Retry, SecretRef};
use seatsync::secret::Secrets;
use tokio::sync::mpsc;
use vendor_sim::SimClock;
use vendor_sim::aha::{AhaSim, AhaSimOptions, Cast, Control, Endpoint, LoggedRequest};

use crate::ground::HurriedClock;
use crate::zoom_client::impatient;

/// Monday morning.
const START: &str = "2026-03-02T09:00:00Z";

/// A simulated account and what connects to it, on one clock.
pub(crate) struct Bench {
    pub(crate) sim: AhaSim,
    pub(crate) clock: HurriedClock,
    pub(crate) connectors: Connectors,
    pub(crate) connection: ResolvedConnection,
    pub(crate) stats: CallStats,
    started: Timestamp,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(impatient(), |_| {}).await
    }

    pub(crate) async fn with(
        options: ConnectorOptions,
        change: impl FnOnce(&mut AhaSimOptions),
    ) -> Self {
        Self::with_key_of(Cast::TokenOwner, options, change).await
    }

    /// As it is when `member` made the API key.
    pub(crate) async fn with_key_of(
        member: Cast,
        options: ConnectorOptions,
        change: impl FnOnce(&mut AhaSimOptions),
    ) -> Self {
        let started = START.parse().unwrap();
        let clock = HurriedClock(ManualClock::at(started));
        let mut sim = AhaSimOptions {
            users: 200,
            limits: false,
            clock: SimClock::following({
                let clock = clock.clone();
                move || clock.now()
            }),
            ..AhaSimOptions::default()
        };
        change(&mut sim);
        let sim = AhaSim::start(sim).await.unwrap();
        let key = match member {
            Cast::TokenOwner => sim.api_key().to_owned(),
            other => {
                let person = sim.cast(other).unwrap();
                sim.control().make_key(&person.id).unwrap()
            }
        };
        let secrets = Arc::new(Secrets::new(None, [("AHA_KEY".to_owned(), key)]));
        let connectors = Connectors::new(secrets, Arc::new(clock.clone()), options);
        let connection = ResolvedConnection {
            name: "aha".to_owned(),
            vendor: Vendor::Aha,
            url: sim.api_url(),
            grant: Grant::ApiKey,
            token_url: sim.token_url(),
            authorize_url: sim.authorize_url(),
            account_id: None,
            client_id: None,
            client_secret: None,
            token: Some(SecretRef::Env("AHA_KEY".to_owned())),
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

    pub(crate) fn aha(&self) -> AnyConnector {
        self.connectors
            .connect(&self.connection, None, ProfileType::Aha, &self.stats)
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
}

/// Walks, and gathers what came, as a receiver that merges does.
async fn walk(aha: &AnyConnector) -> (Result<WalkReport, ConnectorError>, Vec<SeatPage>) {
    let (sender, mut receiver) = mpsc::channel(2);
    let gather = async {
        let mut pages = Vec::new();
        while let Some(page) = receiver.recv().await {
            pages.push(page);
        }
        pages
    };
    tokio::join!(aha.walk_seats(sender), gather)
}

fn merged(pages: Vec<SeatPage>) -> BTreeMap<String, Seat> {
    pages
        .into_iter()
        .flat_map(|page| page.seats)
        .map(|seat| (seat.external_user_id.clone(), seat))
        .collect()
}

fn reason(report: &WalkReport) -> &str {
    match &report.completeness {
        Completeness::Complete => "complete",
        Completeness::Incomplete(reason) => reason,
    }
}
