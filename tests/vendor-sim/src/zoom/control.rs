//! The control surface for a test in the same process: time, faults, scopes, people, the log and
//! the truth. [`control_http`](super::control_http) offers the same to other processes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::log;
use crate::zoom::cast::Cast;
use crate::zoom::endpoint::Label;
use crate::zoom::faults::Fault;
use crate::zoom::intake::Account;
use crate::zoom::log::LoggedRequest;
use crate::zoom::oauth::App;
use crate::zoom::options::{Plan, Pools, Population, Switches};
use crate::zoom::oracle::{Violation, over_share};
use crate::zoom::roll::{Hosted, Person, PersonChange, Truth};
use crate::zoom::service::State;

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

    /// Moves the account to another plan.
    pub fn set_plan(&self, plan: Plan) {
        self.with(|state| state.plan = plan);
    }

    /// Enforces rate limits, or no longer.
    pub fn enforce_limits(&self, on: bool) {
        self.with(|state| state.limited = on);
    }

    /// Sets how much of today's daily counter is used up.
    pub fn use_daily_limit(&self, label: Label, used: u32) {
        self.with(|state| {
            let now = state.clock.millis();
            state.limits.set_daily(label, state.plan, used, now);
        });
    }

    /// The account's apps.
    pub fn apps(&self) -> Vec<App> {
        self.with(|state| state.oauth.apps.clone())
    }

    /// Changes an app's scopes, secret, redirects or state; whether there is such an app.
    pub fn change_app(&self, client_id: &str, change: impl FnOnce(&mut App)) -> bool {
        self.with(|state| state.oauth.change_app(client_id, change))
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
    pub fn withdraw_consent(&self) {
        self.with(|state| {
            let now = state.clock.seconds();
            state.oauth.expire(now, true);
        });
    }

    /// Who plays a part; none in an account too small for the cast.
    pub fn cast(&self, member: Cast) -> Option<Person> {
        self.with(|state| {
            let people = state.world.generator.layout.people.end;
            Cast::at(member.index(), people).filter(|found| *found == member)?;
            let user = state.world.user_at(member.index(), state.clock.millis())?;
            Some(Person::from(&user))
        })
    }

    /// A person by id or address, whatever its capitals; also one who is gone.
    pub fn person(&self, key: &str) -> Option<Person> {
        self.with(|state| state.person(key).as_ref().map(Person::from))
    }

    /// Changes a person as an administrator at Zoom would, past all rules. None when there is no
    /// such person; an error when the change names an unknown status.
    pub fn change_person(&self, key: &str, change: PersonChange) -> Result<Option<Person>, String> {
        self.with(|state| state.change_person(key, change))
    }

    /// Adds a person; a Basic member but for what the change says.
    pub fn add_person(&self, change: PersonChange) -> Result<Option<Person>, String> {
        self.with(|state| state.add_person(change))
    }

    /// Takes a person out of the account; whether there was one.
    pub fn remove_person(&self, key: &str) -> bool {
        let gone = PersonChange {
            status: Some("gone".to_owned()),
            ..PersonChange::default()
        };
        matches!(self.change_person(key, gone), Ok(Some(_)))
    }

    /// Lets a person host something, past or to come; whether there is such a person.
    pub fn host(&self, key: &str, hosted: &Hosted) -> bool {
        self.with(|state| state.let_host(key, hosted))
    }

    /// Lets a person sign in; whether there is such a person.
    pub fn sign_in(&self, key: &str, at: Timestamp) -> bool {
        self.with(|state| state.let_sign_in(key, at))
    }

    /// The truth about everybody who is active: when they last hosted, whatever reports say.
    pub fn truth(&self) -> Vec<Truth> {
        self.with(|state| state.truth())
    }

    /// The truth about one person.
    pub fn truth_of(&self, key: &str) -> Option<Truth> {
        self.with(|state| {
            let user = state.person(key)?;
            Some(state.truth_of(&user))
        })
    }

    /// Changes what is bought.
    pub fn set_pools(&self, pools: Pools) {
        self.with(|state| state.seats.configured = pools);
    }

    /// Replaces all people by newly generated ones; the log, walks and faults go, the apps and
    /// their tokens stay.
    pub fn reseed(&self, users: u32, seed: u64, population: &Population) {
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

    /// How many requests there were with a label.
    pub fn calls(&self, label: Label) -> usize {
        self.with(|state| {
            let entries = state.log.entries().iter();
            entries.filter(|entry| entry.label == Some(label)).count()
        })
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.with(|state| state.log.clear());
    }

    /// Names users, by id or address, to whom nobody may write.
    pub fn protect(&self, users: impl IntoIterator<Item = String>) {
        self.with(|state| state.oracle.protect(users));
    }

    /// What a careful client would not have done.
    pub fn violations(&self) -> Vec<Violation> {
        self.with(|state| state.oracle.violations().to_vec())
    }

    /// Where more calls were made than a share of the plan's rates allows.
    pub fn calls_over_share(&self, share: f64) -> Vec<Violation> {
        self.with(|state| over_share(state.log.entries(), state.plan, share))
    }

    /// Forgets the violations and walks so far.
    pub fn clear_violations(&self) {
        self.with(|state| state.oracle.clear());
    }
}
