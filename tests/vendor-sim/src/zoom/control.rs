//! The control surface for a test in the same process: time, faults, scopes, people, the log and
//! the truth. [`control_http`](super::control_http) offers the same to other processes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::zoom::endpoint::Label;
use crate::zoom::faults::Fault;
use crate::zoom::log::LoggedRequest;
use crate::zoom::oauth::App;
use crate::zoom::options::{Plan, Switches};
use crate::zoom::oracle::{Violation, over_share};
use crate::zoom::service::{Account, State};

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

    /// The requests so far, oldest first; those to the control surface are not among them.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.with(|state| state.log.entries().to_vec())
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
