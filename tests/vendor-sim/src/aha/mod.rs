//! A simulated Aha! account over real HTTP: the API below `/api/v1`, OAuth below `/oauth`, and a
//! control surface below `/_sim` that no client knows.
//!
//! A request comes in through [`intake`] and flows through [`service`]: rate limits ([`limits`]),
//! authentication ([`oauth`]) and rights, then its operation ([`users`] and its neighbours), which
//! reads the [`world`]. [`faults`] spoil answers on demand, [`log`] remembers what came.
//!
//! Aha! documents neither its errors nor what a write does to seats, so a client that passes here is
//! proved to cope, not Aha! to act so; what is undocumented is a switch.

mod audits;
mod cast;
mod control;
mod control_http;
mod endpoint;
mod errors;
mod faults;
mod generate;
mod groups;
mod intake;
mod limits;
mod log;
mod oauth;
mod options;
mod roles;
mod service;
#[cfg(test)]
mod trials;
mod user;
mod users;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use cast::{CAST_NEEDS_USERS, Cast};
pub use control::{Control, Person, PersonChange, SeatCount};
pub use endpoint::Endpoint;
pub use faults::{Action, Fault, Refusal, Shape, When};
pub use limits::TooMany;
pub use log::LoggedRequest;
pub use oauth::App;
pub use options::{
    AhaSimOptions, NonAdmin, OverMax, Population, Suspended, Switches, Unauthorized, WithoutSeat,
};
pub use users::Shift;
pub use world::Place;

use crate::http::Server;
use intake::Account;
use service::State;

/// A running simulated account. Dropping it closes the listener and all connections.
#[derive(Debug)]
pub struct AhaSim {
    server: Server,
    control: Control,
    base_url: String,
    domain: String,
    api_key: String,
    app: App,
}

impl AhaSim {
    /// Generates the account and listens on 127.0.0.1.
    ///
    /// Fails when the port cannot be had.
    pub async fn start(options: AhaSimOptions) -> io::Result<Self> {
        let account = Arc::new(Account::new(State::new(&options)));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let server = Server::start(address, account.clone()).await?;
        let base_url = format!("http://{}", server.address());
        let (api_key, app) = {
            let mut state = account.state();
            state.base_url.clone_from(&base_url);
            let owner = state.token_owner;
            (state.tokens.issue(owner), state.tokens.app.clone())
        };
        Ok(Self {
            server,
            control: Control::new(account),
            base_url,
            domain: options.domain,
            api_key,
            app,
        })
    }

    /// Such as `http://127.0.0.1:8080`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The base of the API.
    pub fn api_url(&self) -> String {
        format!("{}/api/v1", self.base_url)
    }

    /// Where tokens come from.
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.base_url)
    }

    /// Where an administrator consents.
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth/authorize", self.base_url)
    }

    /// The account's own part of its address.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The API key of [`Cast::TokenOwner`].
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The OAuth application.
    pub const fn app(&self) -> &App {
        &self.app
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
