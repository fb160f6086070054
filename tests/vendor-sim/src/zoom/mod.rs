//! A simulated Zoom account over real HTTP: the API below `/v2`, OAuth below `/oauth`, and a
//! control surface below `/_sim` that no client knows.
//!
//! A request comes in through [`intake`] and flows through [`service`]: authentication ([`oauth`]), rate limits ([`limits`]),
//! scopes ([`endpoint`]), then its operation ([`users`] and its neighbours), which reads the
//! [`world`]. [`faults`] spoil answers on demand, [`log`] and [`oracle`] remember what came.

mod activity;
mod cast;
mod casting;
mod consent;
mod control;
mod control_http;
mod control_people;
mod control_settings;
mod endpoint;
mod errors;
mod faults;
mod features;
mod generate;
mod groups;
mod history;
mod intake;
mod layout;
mod limits;
mod log;
mod meetings;
mod metrics;
mod oauth;
mod options;
mod oracle;
mod paging;
mod pools;
mod products;
mod reports;
mod roll;
mod seating;
mod seats;
mod service;
mod settings;
mod spoil;
mod stream;
mod traits;
#[cfg(test)]
mod trials;
mod user;
mod users;
mod window;
mod world;
mod writes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use cast::{CAST_NEEDS_USERS, Cast};
pub use control::Control;
pub use endpoint::{Endpoint, Label};
pub use faults::{Action, Fault, Refusal, Shape, When};
pub use limits::TooMany;
pub use log::LoggedRequest;
pub use oauth::{App, AppKind};
pub use options::{
    LARGE_MEETING_CAPACITIES, OverMax, Paging, Plan, Pools, Population, SeatRefusal, Switches,
    WEBINAR_CAPACITIES, ZoomSimOptions,
};
pub use oracle::{Rule, Violation};
pub use products::Product;
pub use roll::{Hosted, HostedKind, Person, PersonChange, Truth};

use crate::http::Server;
use intake::Account;
use service::State;

/// A running simulated account. Dropping it closes the listener and all connections.
#[derive(Debug)]
pub struct ZoomSim {
    server: Server,
    control: Control,
    base_url: String,
    account_id: String,
    apps: Vec<App>,
}

impl ZoomSim {
    /// Generates the account and listens on 127.0.0.1.
    ///
    /// Fails when the port cannot be had.
    pub async fn start(options: ZoomSimOptions) -> io::Result<Self> {
        let account = Arc::new(Account::new(State::new(&options, String::new())));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let server = Server::start(address, account.clone()).await?;
        let base_url = format!("http://{}", server.address());
        account.state().base_url.clone_from(&base_url);
        let (account_id, apps) = {
            let state = account.state();
            (state.oauth.account_id.clone(), state.oauth.apps.clone())
        };
        Ok(Self {
            server,
            control: Control::new(account),
            base_url,
            account_id,
            apps,
        })
    }

    /// Such as `http://127.0.0.1:8080`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The base of the API.
    pub fn api_url(&self) -> String {
        format!("{}/v2", self.base_url)
    }

    /// Where tokens come from.
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.base_url)
    }

    /// Where an administrator consents.
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth/authorize", self.base_url)
    }

    /// Where tokens are given back.
    pub fn revoke_url(&self) -> String {
        format!("{}/oauth/revoke", self.base_url)
    }

    /// The account's id.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// The server-to-server app's client id.
    pub fn client_id(&self) -> &str {
        self.app(AppKind::ServerToServer)
            .map_or("", |app| app.client_id.as_str())
    }

    /// The server-to-server app's secret.
    pub fn client_secret(&self) -> &str {
        self.app(AppKind::ServerToServer)
            .and_then(|app| app.client_secret.as_deref())
            .unwrap_or_default()
    }

    /// An app as it was at the start.
    pub fn app(&self, kind: AppKind) -> Option<&App> {
        self.apps.iter().find(|app| app.kind == kind)
    }

    /// Who plays a part; none in an account too small for the cast.
    pub fn cast(&self, member: Cast) -> Option<Person> {
        self.control.cast(member)
    }

    /// Steers the account.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Runs until the listener fails.
    pub async fn ended(&mut self) {
        self.server.ended().await;
    }
}
