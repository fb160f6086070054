//! The control surface for a test in the same process: time, faults, scopes, people, the log and
//! the truth. [`control_http`](super::control_http) offers the same to other processes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::goto::activity::{Kind, Recorded, Session};
use crate::goto::cast::Cast;
use crate::goto::faults::Fault;
use crate::goto::licenses::Plan;
use crate::goto::log::LoggedRequest;
use crate::goto::oauth::Client;
use crate::goto::options::Switches;
use crate::goto::service::{Account, Shift, State};
use crate::goto::world::Status;
use crate::log;

/// Somebody of the account, as they truly are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their key, as text.
    pub key: String,
    /// Their address.
    pub email: String,
    /// Their whole name.
    pub name: String,
    /// `ACTIVE`, `INVITED` or `SUSPENDED`.
    pub status: String,
    /// Keys of the licences they hold, as text.
    pub licenses: Vec<String>,
    /// The products those give, each once.
    pub products: Vec<String>,
    /// Keys of their phone lines.
    pub lines: u32,
}

/// Steers a running account.
#[derive(Debug, Clone)]
pub struct Control {
    account: Arc<Account>,
}

impl Control {
    pub(crate) const fn new(account: Arc<Account>) -> Self {
        Self { account }
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.account.state())
    }

    /// The vendor's time.
    pub fn now(&self) -> Timestamp {
        self.with(|state| state.clock.now())
    }

    /// Moves the vendor's clock.
    pub fn advance(&self, by: SignedDuration) {
        self.with(|state| state.clock.advance(by));
    }

    /// Adds a fault; the first rule that matches a request decides.
    pub fn set_fault(&self, fault: Fault) {
        self.with(|state| state.faults.add(fault));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.with(|state| state.faults.clear());
    }

    /// Changes undocumented behaviour.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.with(|state| change(&mut state.switches));
    }

    /// Enforces the rate limits, or stops doing so.
    pub fn enforce_limits(&self, enforced: bool) {
        self.with(|state| state.limited = enforced);
    }

    /// Changes the OAuth client: its scopes, its secret, its personal access token.
    pub fn change_client(&self, change: impl FnOnce(&mut Client)) {
        self.with(|state| change(&mut state.oauth.client));
    }

    /// Leaves the client only these scopes.
    pub fn grant_only(&self, scopes: &[&str]) {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.change_client(|client| client.scopes = scopes);
    }

    /// Every code and token that was ever given out, and every verifier that came for one.
    pub fn issued(&self) -> Vec<String> {
        self.with(|state| state.oauth.issued.clone())
    }

    /// Ends the life of every access token.
    pub fn expire_tokens(&self) {
        self.with(|state| {
            let now = state.clock.seconds();
            state.oauth.expire(now, false);
        });
    }

    /// Ends the life of every access and refresh token.
    pub fn revoke_refresh(&self) {
        self.with(|state| {
            let now = state.clock.seconds();
            state.oauth.expire(now, true);
        });
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.with(|state| state.log.entries().to_vec())
    }

    /// Waits until a request has come for which `wanted` holds.
    pub async fn until(&self, wanted: impl Fn(&LoggedRequest) -> bool) {
        let entries = self.with(|state| state.log.follow());
        let has_come = || self.with(|state| state.log.entries().iter().any(&wanted));
        log::until(entries, has_come).await;
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.with(|state| state.log.clear());
    }

    /// Who plays a part; none in an account too small for the cast.
    pub fn cast(&self, member: Cast) -> Option<Person> {
        self.with(|state| person(state, member.row()))
    }

    /// Somebody by address.
    pub fn person(&self, email: &str) -> Option<Person> {
        self.with(|state| {
            let row = state.world.by_email(email)?;
            person(state, row)
        })
    }

    /// Everybody, in the order of the list.
    pub fn people(&self) -> Vec<Person> {
        self.with(|state| {
            let rows = state.world.order().iter();
            rows.filter_map(|row| person(state, *row)).collect()
        })
    }

    /// Adds somebody with these licences' products, such as `G2M`; gives back their key.
    pub fn add_person(&self, email: &str, name: (&str, &str), products: &[&str]) -> String {
        self.with(|state| {
            let now = state.clock.seconds();
            let row = state.world.add(email, name, false, now);
            for product in products {
                let plan = Plan::ALL
                    .into_iter()
                    .find(|plan| plan.products().first() == Some(product));
                if let Some(plan) = plan {
                    state.world.give(row, plan, now);
                }
            }
            state
                .world
                .person(row)
                .map_or_else(String::new, |person| person.key.to_string())
        })
    }

    /// Takes somebody out of the account.
    pub fn remove_person(&self, email: &str) {
        self.with(|state| {
            if let Some(row) = state.world.by_email(email) {
                state.world.remove(row);
            }
        });
    }

    /// Gives a licence whose first product is this, as an administrator does.
    pub fn give_license(&self, email: &str, product: &str) {
        self.with(|state| {
            let now = state.clock.seconds();
            let plan = Plan::ALL
                .into_iter()
                .find(|plan| plan.products().first() == Some(&product));
            if let (Some(row), Some(plan)) = (state.world.by_email(email), plan) {
                state.world.give(row, plan, now);
            }
        });
    }

    /// Takes a licence away whose first product is this, as an administrator does.
    pub fn remove_license(&self, email: &str, product: &str) {
        self.with(|state| {
            let plan = Plan::ALL
                .into_iter()
                .find(|plan| plan.products().first() == Some(&product));
            if let (Some(row), Some(plan)) = (state.world.by_email(email), plan) {
                let until = state.clock.millis() + i64::from(state.switches.consistency_delay_ms);
                state.world.take(row, plan, state.clock.seconds(), until);
            }
        });
    }

    /// Lets the licence whose first product is this have so many seats and no more.
    pub fn buy_seats(&self, product: &str, seats: u64) {
        self.with(|state| {
            let plan = Plan::ALL
                .into_iter()
                .find(|plan| plan.products().first() == Some(&product));
            if let Some(plan) = plan {
                state.bought.insert(plan, seats);
            }
        });
    }

    /// Gives somebody these roles and no others.
    pub fn change_roles(&self, email: &str, roles: &[&str]) {
        self.with(|state| {
            let row = state.world.by_email(email);
            if let Some(person) = row.and_then(|row| state.world.person_mut(row)) {
                person.roles = roles.iter().map(|&role| role.to_owned()).collect();
            }
        });
    }

    /// Leaves the invited out of the list of users; licences go on to name them.
    pub fn hide_invited(&self, hidden: bool) {
        self.with(|state| state.hide_invited = hidden);
    }

    /// Leaves the last so many out of the list of users, whose total agrees; licences go on to name
    /// them.
    pub fn hide_users(&self, hidden: u32) {
        self.with(|state| state.hidden_users = hidden as usize);
    }

    /// After so many more pages of users, people join at the front of the list and leave it.
    pub fn shift_pages(&self, after: u32, join: &[&str], leave: &[&str]) {
        let owned = |list: &[&str]| list.iter().map(|&email| email.to_owned()).collect();
        let shift = Shift {
            after,
            join: owned(join),
            leave: owned(leave),
        };
        self.with(|state| state.shifts.push(shift));
    }

    /// Lets somebody do something at a time, for ten minutes.
    pub fn record(&self, email: &str, kind: Kind, at: Timestamp) {
        self.with(|state| {
            let Some(row) = state.world.by_email(email) else {
                return;
            };
            if let Some(person) = state.world.person_mut(row) {
                let start = at.as_second();
                let session = Session {
                    start,
                    end: start + 600,
                    number: 900_000 + person.recorded.len() as u64,
                    outbound: true,
                    missed: false,
                };
                person.recorded.push(Recorded { kind, session });
            }
        });
    }

    /// When somebody last did something that is over, within a year.
    pub fn last(&self, email: &str, kind: Kind) -> Option<Timestamp> {
        self.with(|state| {
            let row = state.world.by_email(email)?;
            let session = state.world.latest(row, kind, state.clock.seconds())?;
            Timestamp::from_second(session.start).ok()
        })
    }
}

pub(crate) fn person(state: &State, row: u32) -> Option<Person> {
    let person = state.world.person(row).filter(|person| !person.deleted)?;
    let mut products: Vec<String> = Vec::new();
    for product in person.plans.iter().flat_map(|plan| plan.products()) {
        if !products.iter().any(|known| known == product) {
            products.push((*product).to_owned());
        }
    }
    Some(Person {
        key: person.key.to_string(),
        email: person.email.clone(),
        name: person.name(),
        status: match person.status {
            Status::Active => "ACTIVE",
            Status::Invited => "INVITED",
            Status::Suspended => "SUSPENDED",
        }
        .to_owned(),
        licenses: person
            .plans
            .iter()
            .map(|plan| plan.key().to_string())
            .collect(),
        products,
        lines: u32::from(person.has_line()),
    })
}
