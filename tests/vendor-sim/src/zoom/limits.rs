//! Zoom's rate limits: one bucket per account and label, shared by all of the account's apps, plus
//! daily counters that end at 00:00 UTC. The numbers are Zoom's, by plan.

use std::collections::BTreeMap;

use crate::http::Reply;
use crate::random::Ppm;
use crate::zoom::endpoint::{Endpoint, Label};
use crate::zoom::errors::ApiError;
use crate::zoom::options::Plan;

const DAY_MILLIS: i64 = 86_400_000;
/// `POST /users/features` takes one call in this time, whatever the plan.
const FEATURES_MILLIS: i64 = 10_000;

/// How many calls fit in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) calls: u32,
    pub(crate) per_millis: i64,
}

/// Which calls share a daily counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DayPot {
    Label(Label),
    /// Heavy and Resource-intensive together.
    Reports,
}

impl Plan {
    /// The plan's rate for a label.
    pub(crate) const fn rate(self, label: Label) -> Rate {
        let (calls, per_millis) = match (self, label) {
            (Self::Free, Label::Light) => (4, 1000),
            (Self::Free, Label::Medium) => (2, 1000),
            (Self::Free, Label::Heavy) => (1, 1000),
            (Self::Pro, Label::Light) => (30, 1000),
            (Self::Pro, Label::Medium) => (20, 1000),
            (Self::Pro, Label::Heavy) => (10, 1000),
            (Self::Free | Self::Pro, Label::ResourceIntensive) => (10, 60_000),
            (Self::Business, Label::Light) => (80, 1000),
            (Self::Business, Label::Medium) => (60, 1000),
            (Self::Business, Label::Heavy) => (40, 1000),
            (Self::Business, Label::ResourceIntensive) => (20, 60_000),
        };
        Rate { calls, per_millis }
    }

    const fn daily(self, label: Label) -> Option<(DayPot, u32)> {
        match (self, label) {
            (Self::Free, Label::Light) => Some((DayPot::Label(label), 6_000)),
            (Self::Free, Label::Medium) => Some((DayPot::Label(label), 2_000)),
            (Self::Free, Label::Heavy) => Some((DayPot::Label(label), 1_000)),
            (Self::Free, Label::ResourceIntensive) => Some((DayPot::Label(label), 30_000)),
            (Self::Pro, Label::Heavy | Label::ResourceIntensive) => Some((DayPot::Reports, 30_000)),
            (Self::Business, Label::Heavy | Label::ResourceIntensive) => {
                Some((DayPot::Reports, 60_000))
            }
            (Self::Pro | Self::Business, Label::Light | Label::Medium) => None,
        }
    }
}

/// A counter of the calls within one window.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    number: i64,
    used: u32,
}

impl Window {
    /// The calls used in window `number`, starting afresh when it is a new one.
    fn used(&mut self, number: i64) -> &mut u32 {
        if self.number != number {
            *self = Self { number, used: 0 };
        }
        &mut self.used
    }
}

/// The account's buckets.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: BTreeMap<Label, Window>,
    days: BTreeMap<DayPot, Window>,
    last_features: Option<i64>,
}

/// The headers of an answer within the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) label: Label,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
}

impl Allowance {
    pub(crate) fn mark(&self, reply: &mut Reply) {
        reply.set_header("x-ratelimit-category", self.label.as_str());
        reply.set_header("x-ratelimit-type", "QPS");
        reply.set_header("x-ratelimit-limit", self.limit.to_string());
        reply.set_header("x-ratelimit-remaining", self.remaining.to_string());
    }
}

/// A way for Zoom to say 429; the current documentation promises none of the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooMany {
    /// Per second (per minute on dashboards): headers, no `Retry-After`.
    Qps,
    /// Per day: `Retry-After` is an instant, the next midnight in UTC.
    Daily,
    /// No header at all.
    Bare,
    /// `Retry-After` as a number of seconds.
    Seconds,
    /// Two requests about one user at once.
    Concurrent,
}

impl TooMany {
    /// The answer at `now` (milliseconds).
    pub(crate) fn reply(self, label: Label, limit: u32, now: i64) -> Reply {
        let message = match self {
            Self::Qps | Self::Bare | Self::Seconds => {
                "You have reached the maximum per-second rate limit for this API. Try again later."
            }
            Self::Daily => {
                "You have reached the maximum daily rate limit for this API. Refer to the response \
                 header for details on when you can make another request."
            }
            Self::Concurrent => {
                "Too many concurrent requests. A request to disassociate this user has already \
                 been made."
            }
        };
        let mut reply = ApiError::new(429, 429, message).reply();
        if matches!(self, Self::Bare | Self::Concurrent) {
            return reply;
        }
        let kind = if self == Self::Daily {
            "Daily-limit"
        } else {
            "QPS"
        };
        reply.set_header("x-ratelimit-category", label.as_str());
        reply.set_header("x-ratelimit-type", kind);
        reply.set_header("x-ratelimit-limit", limit.to_string());
        reply.set_header("x-ratelimit-remaining", "0");
        match self {
            Self::Daily => {
                let midnight = (now.div_euclid(DAY_MILLIS) + 1) * DAY_MILLIS;
                if let Ok(midnight) = jiff::Timestamp::from_millisecond(midnight) {
                    reply.set_header("retry-after", midnight.to_string());
                }
            }
            Self::Seconds => reply.set_header("retry-after", "2"),
            Self::Qps | Self::Bare | Self::Concurrent => {}
        }
        reply
    }
}

impl Limits {
    /// Takes one call out of the buckets at `now` (milliseconds), or says what to answer instead.
    /// `neighbour` is the fraction that the account's other apps use up.
    pub(crate) fn take(
        &mut self,
        endpoint: Endpoint,
        plan: Plan,
        neighbour: f64,
        now: i64,
    ) -> Result<Allowance, Reply> {
        let label = endpoint.label();
        let left_by_others = |limit: u32| {
            let taken = Ppm::of(neighbour).share_of(u64::from(limit));
            limit.saturating_sub(u32::try_from(taken).unwrap_or(limit))
        };
        if let Some((pot, limit)) = plan.daily(label) {
            let used = self
                .days
                .entry(pot)
                .or_default()
                .used(now.div_euclid(DAY_MILLIS));
            if *used >= left_by_others(limit) {
                return Err(TooMany::Daily.reply(label, limit, now));
            }
        }
        if endpoint == Endpoint::BulkFeatures
            && self
                .last_features
                .is_some_and(|last| now - last < FEATURES_MILLIS)
        {
            return Err(TooMany::Qps.reply(label, 1, now));
        }
        let rate = plan.rate(label);
        let window = self.windows.entry(label).or_default();
        let used = window.used(now.div_euclid(rate.per_millis));
        let available = left_by_others(rate.calls);
        if *used >= available {
            return Err(TooMany::Qps.reply(label, rate.calls, now));
        }
        *used += 1;
        let remaining = available - *used;
        if let Some((pot, _)) = plan.daily(label) {
            *self
                .days
                .entry(pot)
                .or_default()
                .used(now.div_euclid(DAY_MILLIS)) += 1;
        }
        if endpoint == Endpoint::BulkFeatures {
            self.last_features = Some(now);
        }
        Ok(Allowance {
            label,
            limit: rate.calls,
            remaining,
        })
    }

    /// The headers of an answer when limits are off: as if the bucket were untouched.
    pub(crate) const fn unlimited(endpoint: Endpoint, plan: Plan) -> Allowance {
        let label = endpoint.label();
        let limit = plan.rate(label).calls;
        Allowance {
            label,
            limit,
            remaining: limit,
        }
    }

    /// Sets how much of today's daily counter of a label is used.
    pub(crate) fn set_daily(&mut self, label: Label, plan: Plan, used: u32, now: i64) {
        if let Some((pot, _)) = plan.daily(label) {
            *self
                .days
                .entry(pot)
                .or_default()
                .used(now.div_euclid(DAY_MILLIS)) = used;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls_at(limits: &mut Limits, endpoint: Endpoint, plan: Plan, now: i64) -> u32 {
        let mut calls = 0;
        while calls < 100_000 && limits.take(endpoint, plan, 0.0, now).is_ok() {
            calls += 1;
        }
        calls
    }

    #[test]
    fn each_label_has_its_own_bucket_of_the_plan() {
        let cases = [
            (Plan::Free, Endpoint::GetUser, 4),
            (Plan::Pro, Endpoint::ListUsers, 20),
            (Plan::Pro, Endpoint::ReportUsers, 10),
            (Plan::Business, Endpoint::GetUser, 80),
            (Plan::Business, Endpoint::MetricsMeetings, 20),
        ];
        for (plan, endpoint, expected) in cases {
            let mut limits = Limits::default();
            assert_eq!(calls_at(&mut limits, endpoint, plan, 5_000), expected);
        }
        let mut limits = Limits::default();
        assert_eq!(calls_at(&mut limits, Endpoint::ListUsers, Plan::Pro, 0), 20);
        // Another operation of the same label draws on the same bucket.
        assert_eq!(
            calls_at(&mut limits, Endpoint::GetSettings, Plan::Pro, 999),
            0
        );
        assert_eq!(calls_at(&mut limits, Endpoint::GetUser, Plan::Pro, 999), 30);
        assert_eq!(
            calls_at(&mut limits, Endpoint::GetSettings, Plan::Pro, 1_000),
            20
        );
    }

    #[test]
    fn reports_and_dashboards_share_the_day_which_ends_at_midnight() {
        let mut limits = Limits::default();
        limits.set_daily(Label::Heavy, Plan::Pro, 29_999, 1_000);
        let take = |limits: &mut Limits, endpoint, now| limits.take(endpoint, Plan::Pro, 0.0, now);
        assert!(take(&mut limits, Endpoint::ReportUsers, 1_000).is_ok());
        let refused = take(&mut limits, Endpoint::MetricsMeetings, 2_000).unwrap_err();
        let header = |name| first_header(&refused, name);
        assert_eq!(
            header("retry-after").as_deref(),
            Some("1970-01-02T00:00:00Z")
        );
        assert_eq!(header("x-ratelimit-type").as_deref(), Some("Daily-limit"));
        assert!(take(&mut limits, Endpoint::ReportUsers, DAY_MILLIS).is_ok());
    }

    #[test]
    fn a_neighbour_takes_a_share() {
        let mut limits = Limits::default();
        let mut calls = 0;
        while limits.take(Endpoint::ListUsers, Plan::Pro, 0.75, 0).is_ok() {
            calls += 1;
        }
        assert_eq!(calls, 5);
    }

    #[test]
    fn bulk_changes_wait_ten_seconds() {
        let mut limits = Limits::default();
        let mut take = |now| {
            limits
                .take(Endpoint::BulkFeatures, Plan::Business, 0.0, now)
                .is_ok()
        };
        assert!(take(0));
        assert!(!take(9_999));
        assert!(take(10_000));
    }

    fn first_header(reply: &Reply, name: &str) -> Option<String> {
        let found = reply.headers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.clone())
    }
}
