//! The control surface for a test in the same process: time, faults, people, tokens, the log and
//! the truth. [`control_http`](super::control_http) offers the same to other processes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aha::cast::Cast;
use crate::aha::faults::Fault;
use crate::aha::intake::Account;
use crate::aha::log::LoggedRequest;
use crate::aha::options::{Population, Switches};
use crate::aha::service::State;
use crate::aha::user::User;
use crate::aha::users::Shift;
use crate::aha::world::Place;
use crate::log;

/// A user, as they truly are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one flag of the vendor's own"
)]
pub struct Person {
    /// The id.
    pub id: String,
    /// None for one of the cast.
    pub name: Option<String>,
    /// The address as the list writes it.
    pub email: String,
    /// Whether they can sign in.
    pub enabled: bool,
    /// Whether their rights need a paid seat.
    pub paid_seat: bool,
    /// Whether they administer the account.
    pub administers_account: bool,
    /// Whether they administer anything.
    pub administrator: bool,
    /// The last access.
    pub accessed: Option<Timestamp>,
    /// When they came to the account.
    pub created: Timestamp,
    /// The number of their seat group, from 0.
    pub group: Option<u32>,
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        let at = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
        Self {
            id: user.id.clone(),
            name: user.name.clone(),
            email: user.email.clone(),
            enabled: user.enabled,
            paid_seat: user.paid_seat,
            administers_account: user.administrator.administer_account,
            administrator: user.administrator.any(),
            accessed: user.accessed.map(at),
            created: at(user.created),
            group: user.group,
        }
    }
}

/// A change to a person; what is not set stays. For a new person the rest is a plain member's,
/// without a paid seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonChange {
    /// The name.
    pub name: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// Whether they can sign in.
    pub enabled: Option<bool>,
    /// Whether their rights need a paid seat.
    pub paid_seat: Option<bool>,
    /// Whether they administer the account.
    pub administers_account: Option<bool>,
}

impl PersonChange {
    fn apply(self, user: &mut User) {
        user.name = self.name.or_else(|| user.name.take());
        user.email = self
            .email
            .unwrap_or_else(|| std::mem::take(&mut user.email));
        user.enabled = self.enabled.unwrap_or(user.enabled);
        user.paid_seat = self.paid_seat.unwrap_or(user.paid_seat);
        let administers = &mut user.administrator.administer_account;
        *administers = self.administers_account.unwrap_or(*administers);
        if self.administers_account == Some(false) {
            user.administrator.administer_configuration = false;
            user.administrator.administer_billing = false;
        }
    }
}

/// Seats of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCount {
    /// Bought; enabling users may raise it.
    pub bought: u64,
    /// In use.
    pub used: u64,
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

    /// Stops the vendor's clock at `at`.
    pub fn set_time(&self, at: Timestamp) {
        self.with(|state| state.clock.set(at));
    }

    /// Adds a fault; the first rule that matches a request decides.
    pub fn set_fault(&self, fault: Fault) {
        self.with(|state| state.faults.add(fault));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.with(|state| state.faults.clear());
    }

    /// The faults in force, with what is left of their counts.
    pub fn faults(&self) -> Vec<Fault> {
        self.with(|state| state.faults.rules().to_vec())
    }

    /// Changes undocumented behaviour while it runs.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        self.with(|state| change(&mut state.switches));
    }

    /// Enforces rate limits, or no longer.
    pub fn enforce_limits(&self, on: bool) {
        self.with(|state| state.limited = on);
    }

    /// Lets the list of users change after one of its pages was answered.
    pub fn shift(&self, shift: Shift) {
        self.with(|state| state.shifts.push(shift));
    }

    /// Makes an API key of a user, by id or address.
    pub fn make_key(&self, key: &str) -> Option<String> {
        self.with(|state| {
            let user = state.world.find(key, state.clock.millis())?;
            Some(state.tokens.issue(user.row))
        })
    }

    /// Ends an API key or token; whether there was one.
    pub fn revoke(&self, token: &str) -> bool {
        self.with(|state| state.tokens.revoke(token))
    }

    /// Every code and token that was ever given out, and every verifier that came for one.
    pub fn issued(&self) -> Vec<String> {
        self.with(|state| state.tokens.issued.clone())
    }

    /// Who plays a part; none in an account too small for the cast.
    pub fn cast(&self, member: Cast) -> Option<Person> {
        self.with(|state| state.cast(member))
    }

    /// Everybody in the list.
    pub fn people(&self) -> Vec<Person> {
        self.with(|state| {
            let now = state.clock.millis();
            state
                .world
                .users(now)
                .map(|user| Person::from(&user))
                .collect()
        })
    }

    /// A person by id or address, whatever its capitals.
    pub fn person(&self, key: &str) -> Option<Person> {
        self.with(|state| state.person(key))
    }

    /// Changes a person as an administrator at Aha! would, past all rules.
    pub fn change_person(&self, key: &str, change: PersonChange) -> Option<Person> {
        self.with(|state| state.change_person(key, change))
    }

    /// Adds a person at the end of the list.
    pub fn add_person(&self, change: PersonChange) -> Option<Person> {
        self.with(|state| state.add_person(change))
    }

    /// Deletes a person for good; whether there was one.
    pub fn remove_person(&self, key: &str) -> bool {
        self.with(|state| state.remove_person(key))
    }

    /// Lets a person sign in; whether there is such a person.
    pub fn sign_in(&self, key: &str, at: Timestamp) -> bool {
        self.with(|state| state.sign_in(key, at))
    }

    /// Seats bought and in use.
    pub fn seats(&self) -> SeatCount {
        self.with(|state| state.seat_count())
    }

    /// Replaces all people by newly generated ones; the log and the faults go, the tokens stay.
    pub fn reseed(&self, users: u32, seed: u64, population: Population) {
        self.with(|state| state.reseed(users, seed, population));
    }

    /// The requests so far, oldest first; those to the control surface are not among them.
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
}

impl State {
    pub(crate) fn cast(&self, member: Cast) -> Option<Person> {
        let users = self.world.generator.users();
        Cast::at(member.row(), users).filter(|found| *found == member)?;
        let user = self.world.user(member.row(), self.clock.millis())?;
        Some(Person::from(&user))
    }

    pub(crate) fn person(&self, key: &str) -> Option<Person> {
        let user = self.world.find(key, self.clock.millis())?;
        Some(Person::from(&user))
    }

    pub(crate) fn change_person(&mut self, key: &str, change: PersonChange) -> Option<Person> {
        let now = self.clock.millis();
        let row = self.world.find(key, now)?.row;
        self.world.edit(row, now, |user| change.apply(user));
        self.world.user(row, now).as_ref().map(Person::from)
    }

    pub(crate) fn add_person(&mut self, change: PersonChange) -> Option<Person> {
        let now = self.clock.millis();
        let row = self.world.add(now, Place::Last, |user| change.apply(user));
        self.world.user(row, now).as_ref().map(Person::from)
    }

    pub(crate) fn remove_person(&mut self, key: &str) -> bool {
        let found = self.world.find(key, self.clock.millis());
        found.is_some_and(|user| self.world.remove(user.row))
    }

    pub(crate) fn sign_in(&mut self, key: &str, at: Timestamp) -> bool {
        let found = self.world.find(key, self.clock.millis());
        if let Some(user) = &found {
            self.world.sign_in(user.row, at.as_second());
        }
        found.is_some()
    }

    pub(crate) fn seat_count(&self) -> SeatCount {
        SeatCount {
            bought: self.seats,
            used: self.seats_used(),
        }
    }
}
