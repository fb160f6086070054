//! Our share of a vendor account's rate limits. Zoom counts per account and label, Aha! per account,
//! all apps of the account together, so every connector of an account draws on one
//! [`AccountBudget`].
//!
//! Pace comes from `governor` on our clock, one call at a time without bursts: a burst of one
//! second's share followed by that share again would be twice the share within one second. Daily
//! budgets are counted here, since governor knows no calendar; whoever runs jobs keeps the counts
//! over a restart.

use std::collections::BTreeMap;
use std::ops::Add;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::facts::DailyUse;
use super::http::throttle::{Throttle, next_midnight};
use super::options::Limits;
use crate::clock::SharedClock;
use crate::profile::identifier::Vendor;
use crate::profile::model::{Plan, ResolvedConnection};

/// Zoom's rate-limit label of an operation. Vendors without labels use [`Label::Light`] for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// Single records.
    Light,
    /// Lists.
    Medium,
    /// Reports.
    Heavy,
    /// Dashboards, counted per minute.
    ResourceIntensive,
}

impl Label {
    const ALL: [Self; 4] = [
        Self::Light,
        Self::Medium,
        Self::Heavy,
        Self::ResourceIntensive,
    ];

    /// The word by which counts are kept.
    fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Medium => "medium",
            Self::Heavy => "heavy",
            Self::ResourceIntensive => "resource_intensive",
        }
    }

    /// How long the vendor's own window is: after a refusal that names no time, waiting less is in
    /// vain.
    pub(crate) fn window(self) -> Duration {
        match self {
            Self::Light | Self::Medium | Self::Heavy => SECOND,
            Self::ResourceIntensive => MINUTE,
        }
    }
}

/// What one label allows a whole account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    calls: u32,
    per: Duration,
    /// Calls a day, counted together with every other label that names the same label here.
    daily: Option<(Label, u64)>,
}

/// After so many calls on a daily budget its count is worth keeping: a crash forgets fewer.
const NOTICEABLE: u64 = 50;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Zoom's numbers by plan, from its page on rate limits: a day is 00:00 to 00:00 UTC, and from Pro
/// on Heavy and Resource-intensive share one daily budget.
fn zoom_allowance(plan: Plan, label: Label) -> Allowance {
    let (calls, per, daily) = match (plan, label) {
        (Plan::Free, Label::Light) => (4, SECOND, Some((label, 6_000))),
        (Plan::Free, Label::Medium) => (2, SECOND, Some((label, 2_000))),
        (Plan::Free, Label::Heavy) => (1, SECOND, Some((label, 1_000))),
        (Plan::Free, Label::ResourceIntensive) => (10, MINUTE, Some((label, 30_000))),
        (Plan::Pro, Label::Light) => (30, SECOND, None),
        (Plan::Pro, Label::Medium) => (20, SECOND, None),
        (Plan::Pro, Label::Heavy) => (10, SECOND, Some((Label::Heavy, 30_000))),
        (Plan::Pro, Label::ResourceIntensive) => (10, MINUTE, Some((Label::Heavy, 30_000))),
        (Plan::Business, Label::Light) => (80, SECOND, None),
        (Plan::Business, Label::Medium) => (60, SECOND, None),
        (Plan::Business, Label::Heavy) => (40, SECOND, Some((Label::Heavy, 60_000))),
        (Plan::Business, Label::ResourceIntensive) => (20, MINUTE, Some((Label::Heavy, 60_000))),
    };
    Allowance { calls, per, daily }
}

/// What a vendor allows a whole account under `label`.
///
/// Aha!'s other limit, 20 calls a second, is never met by calls that keep to 300 a minute one by one.
/// GoTo documents ten calls a second of each API and neither the window nor a header; two of them are
/// left alone.
fn allowance(vendor: Vendor, plan: Plan, label: Label) -> Allowance {
    match vendor {
        Vendor::Zoom => zoom_allowance(plan, label),
        Vendor::GoTo => Allowance {
            calls: 8,
            per: SECOND,
            daily: None,
        },
        Vendor::Aha => Allowance {
            calls: 300,
            per: MINUTE,
            daily: None,
        },
    }
}

/// What one label allows us: the account's allowance times our share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    /// Between two calls.
    period: Duration,
    daily: Option<(Label, u64)>,
}

impl Share {
    fn of(allowance: Allowance, percent: u8) -> Self {
        let percent = u32::from(percent.clamp(1, 100));
        Self {
            period: allowance.per * 100 / (allowance.calls * percent),
            daily: allowance
                .daily
                .map(|(pool, calls)| (pool, (calls * u64::from(percent) / 100).max(1))),
        }
    }
}

/// What a budget is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terms {
    vendor: Vendor,
    plan: Plan,
    percent: u8,
}

/// What the connectors of one vendor account may still ask of it.
#[derive(Debug)]
pub(crate) struct AccountBudget {
    clock: SharedClock,
    terms: Option<Terms>,
    lanes: Vec<Lane>,
    /// Survives a change of plan or share.
    spent: Arc<Mutex<Spent>>,
    grown: Arc<Notify>,
}

#[derive(Debug)]
struct Lane {
    share: Share,
    pace: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Tick>>,
}

/// What the account has used and been refused.
#[derive(Debug, Default)]
struct Spent {
    day: Date,
    calls: BTreeMap<Label, u64>,
    closed_until: BTreeMap<Label, Timestamp>,
}

impl AccountBudget {
    fn new(
        clock: SharedClock,
        terms: Option<Terms>,
        spent: Arc<Mutex<Spent>>,
        grown: Arc<Notify>,
    ) -> Self {
        let lanes = terms.into_iter().flat_map(|terms| {
            let allowed = |label| allowance(terms.vendor, terms.plan, label);
            Label::ALL.map(|label| Share::of(allowed(label), terms.percent))
        });
        let lanes = lanes
            .filter_map(|share| {
                let pace = RateLimiter::direct_with_clock(
                    Quota::with_period(share.period)?,
                    Ticks(clock.clone()),
                );
                Some(Lane { share, pace })
            })
            .collect();
        Self {
            clock,
            terms,
            lanes,
            spent,
            grown,
        }
    }

    /// When a call under `label` may go out: now, when this gives nothing, and then it is counted.
    pub(crate) fn admit(&self, label: Label) -> Option<Throttle> {
        let now = self.clock.now();
        let mut spent = lock(&self.spent);
        if let Some(until) = spent.closed_until.get(&label).filter(|until| **until > now) {
            return Some(Throttle {
                until: *until,
                daily: false,
            });
        }
        let lane = self.lanes.get(label as usize)?;
        if let Some((pool, most)) = lane.share.daily
            && spent.today(now, pool) >= most
        {
            return Some(Throttle {
                until: next_midnight(now),
                daily: true,
            });
        }
        if let Err(not_yet) = lane.pace.check() {
            // A clock that was set back must not cost more than one period.
            let at_most = after(now, lane.share.period);
            return Some(Throttle {
                until: not_yet.earliest_possible().timestamp().min(at_most),
                daily: false,
            });
        }
        if let Some((pool, _)) = lane.share.daily {
            let calls = spent.calls.entry(pool).or_default();
            *calls += 1;
            if calls.is_multiple_of(NOTICEABLE) {
                self.grown.notify_one();
            }
        }
        None
    }

    /// The vendor refused a call under `label`: nobody asks again before `throttle` ends.
    pub(crate) fn close(&self, label: Label, throttle: Throttle) {
        let pool = self
            .lanes
            .get(label as usize)
            .and_then(|lane| lane.share.daily);
        let mut spent = lock(&self.spent);
        for other in Label::ALL {
            let same_pool = throttle.daily
                && pool.is_some_and(|(pool, _)| {
                    self.lanes
                        .get(other as usize)
                        .and_then(|lane| lane.share.daily)
                        .is_some_and(|(other, _)| other == pool)
                });
            if other == label || same_pool {
                spent.closed_until.insert(other, throttle.until);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spent {
    /// Counts what was used before, on `day`: the later day holds, and of one day the larger count.
    fn resume(&mut self, day: Date, pool: Label, calls: u64) {
        if self.day < day {
            self.day = day;
            self.calls.clear();
        }
        if self.day == day {
            let known = self.calls.entry(pool).or_default();
            *known = calls.max(*known);
        }
    }

    fn today(&mut self, now: Timestamp, pool: Label) -> u64 {
        let day = now.to_zoned(TimeZone::UTC).date();
        if self.day != day {
            self.day = day;
            self.calls.clear();
        }
        self.calls.get(&pool).copied().unwrap_or(0)
    }
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The budgets of every account this process has talked to.
#[derive(Debug)]
pub(crate) struct Budgets {
    clock: SharedClock,
    limits: Limits,
    accounts: Mutex<BTreeMap<(Vendor, String), Arc<AccountBudget>>>,
    /// What an earlier process used of accounts that nobody has connected to yet.
    earlier: Mutex<BTreeMap<(Vendor, String), Spent>>,
    grown: Arc<Notify>,
}

impl Budgets {
    pub(crate) fn new(clock: SharedClock, limits: Limits) -> Self {
        Self {
            clock,
            limits,
            accounts: Mutex::default(),
            earlier: Mutex::default(),
            grown: Arc::default(),
        }
    }

    /// What was used of every daily budget, on the day it was last used.
    pub(crate) fn used(&self) -> Vec<DailyUse> {
        let accounts = lock(&self.accounts);
        let of_account = |((vendor, account), budget): (&(Vendor, String), &Arc<AccountBudget>)| {
            let spent = lock(&budget.spent);
            let calls = spent.calls.iter();
            calls
                .map(|(label, calls)| DailyUse {
                    vendor: *vendor,
                    account: account.clone(),
                    budget: label.as_str().to_owned(),
                    day: spent.day,
                    calls: *calls,
                })
                .collect::<Vec<_>>()
        };
        accounts.iter().flat_map(of_account).collect()
    }

    /// Takes up what an earlier process used. What is of another day, or of a budget that is not
    /// known, counts for nothing.
    pub(crate) fn resume(&self, used: Vec<DailyUse>) {
        let accounts = lock(&self.accounts);
        let mut earlier = lock(&self.earlier);
        for used in used {
            let label = Label::ALL.into_iter().find(|l| l.as_str() == used.budget);
            let Some(label) = label else { continue };
            let key = (used.vendor, used.account);
            match accounts.get(&key) {
                Some(budget) => lock(&budget.spent).resume(used.day, label, used.calls),
                None => earlier
                    .entry(key)
                    .or_default()
                    .resume(used.day, label, used.calls),
            }
        }
    }

    /// Waits until noticeably more was used of some budget.
    pub(crate) async fn used_more(&self) {
        self.grown.notified().await;
    }

    /// The budget of `account`. Where two connections of one account name different plans or
    /// shares, the latest to connect decides; what was spent stays spent.
    pub(crate) fn of(&self, account: &str, connection: &ResolvedConnection) -> Arc<AccountBudget> {
        let terms = match self.limits {
            Limits::ByPlan => Some(Terms {
                vendor: connection.vendor,
                plan: connection.plan,
                percent: connection.share,
            }),
            Limits::Unlimited => None,
        };
        let mut accounts = lock(&self.accounts);
        let key = (connection.vendor, account.to_owned());
        let known = accounts.get(&key);
        if let Some(budget) = known.filter(|budget| budget.terms == terms) {
            return budget.clone();
        }
        let spent = known.map_or_else(
            || {
                Arc::new(Mutex::new(
                    lock(&self.earlier).remove(&key).unwrap_or_default(),
                ))
            },
            |budget| budget.spent.clone(),
        );
        let budget = AccountBudget::new(self.clock.clone(), terms, spent, self.grown.clone());
        let budget = Arc::new(budget);
        accounts.insert(key, budget.clone());
        budget
    }
}

/// Our clock as governor wants one.
#[derive(Debug, Clone)]
struct Ticks(SharedClock);

/// Nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u64);

impl Tick {
    fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::MAX)
    }
}

impl Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0.saturating_add(nanos.as_u64()))
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

impl GovernorClock for Ticks {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(u64::try_from(self.0.now().as_nanosecond()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
