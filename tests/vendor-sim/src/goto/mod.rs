//! A simulated GoTo account over real HTTP: the APIs of `api.getgo.com` at the root, those of
//! `api.goto.com` below `/api.goto.com`, OAuth below `/oauth`, and a control surface below `/_sim`
//! that no client knows.
//!
//! A request flows through [`service`]: authentication ([`oauth`]), rate limits ([`limits`]), then
//! its operation ([`admin`] and its neighbours), which reads the [`world`].

mod activity;
mod admin;
mod assist;
mod calls;
mod cast;
mod connect;
mod control;
mod control_http;
mod endpoint;
mod errors;
mod faults;
mod licenses;
mod limits;
mod log;
mod meetings;
mod oauth;
mod options;
mod scim;
mod service;
mod training;
#[cfg(test)]
mod trials;
mod webinars;
mod world;
mod writes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use activity::Kind;
pub use cast::Cast;
pub use control::{Control, Person};
pub use endpoint::{Endpoint, Family};
pub use faults::{Action, Fault, Refusal, Shape, When};
pub use limits::TooMany;
pub use log::LoggedRequest;
pub use oauth::Client;
pub use options::{GoToSimOptions, Population, Refresh, SuspendedWord, Switches};

use crate::http::Server;
use endpoint::CONNECT_HOST;
use service::{Account, State};
use world::{ACCOUNT, SECOND_ACCOUNT};

/// A running simulated account. Dropping it closes the listener and all connections.
#[derive(Debug)]
pub struct GoToSim {
    server: Server,
    control: Control,
    base_url: String,
    client: Client,
}

impl GoToSim {
    /// Generates the account and listens on 127.0.0.1.
    ///
    /// Fails when the port cannot be had.
    pub async fn start(options: GoToSimOptions) -> io::Result<Self> {
        let account = Arc::new(Account::new(State::new(&options, String::new())));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let server = Server::start(address, account.clone()).await?;
        let base_url = format!("http://{}", server.address());
        account.state().base_url.clone_from(&base_url);
        let client = account.state().oauth.client.clone();
        Ok(Self {
            server,
            control: Control::new(account),
            base_url,
            client,
        })
    }

    /// What stands for `https://api.getgo.com`.
    pub fn api_url(&self) -> &str {
        &self.base_url
    }

    /// What stands for `https://api.goto.com`.
    pub fn connect_url(&self) -> String {
        format!("{}{CONNECT_HOST}", self.base_url)
    }

    /// Where tokens come from.
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.base_url)
    }

    /// Where an administrator consents.
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth/authorize", self.base_url)
    }

    /// The account's key.
    pub fn account_key(&self) -> String {
        ACCOUNT.to_string()
    }

    /// The key of the second account, where the switch lets the login have one.
    pub fn second_account_key(&self) -> String {
        SECOND_ACCOUNT.to_string()
    }

    /// The OAuth client as it was at the start.
    pub const fn client(&self) -> &Client {
        &self.client
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
