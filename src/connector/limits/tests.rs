//! The pace and the daily budgets, on a clock that is moved.

use proptest::prelude::*;

use super::*;
use crate::clock::{Clock as _, ManualClock};
use crate::profile::model::Grant;

fn connection(plan: Plan, share: u8) -> ResolvedConnection {
    ResolvedConnection {
        name: "zoom".to_owned(),
        vendor: Vendor::Zoom,
        url: "https://api.zoom.us/v2".to_owned(),
        grant: Grant::AccountCredentials,
        token_url: "https://zoom.us/oauth/token".to_owned(),
        authorize_url: "https://zoom.us/oauth/authorize".to_owned(),
        account_id: Some("acc".to_owned()),
        client_id: Some("app".to_owned()),
        client_secret: None,
        token: None,
        plan,
        share,
        retry: crate::profile::model::Retry::default(),
    }
}

fn midnight() -> ManualClock {
    ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap())
}

fn budgets(clock: &ManualClock) -> Budgets {
    Budgets::new(Arc::new(clock.clone()), Limits::ByPlan)
}

/// Calls admitted within `seconds` to a caller who comes back when told.
fn admitted(clock: &ManualClock, budget: &AccountBudget, label: Label, seconds: i64) -> i64 {
    let end = clock.now() + SignedDuration::from_secs(seconds);
    let mut calls = 0;
    while clock.now() < end {
        match budget.admit(label) {
            None => calls += 1,
            Some(throttle) => clock.set(throttle.until),
        }
    }
    calls
}

#[test]
fn the_pace_is_the_share_of_the_plan() {
    let cases = [
        (Plan::Pro, 25, Label::Medium, 10, 50),
        (Plan::Pro, 100, Label::Medium, 10, 200),
        (Plan::Business, 25, Label::Medium, 10, 150),
        (Plan::Business, 50, Label::Heavy, 10, 200),
        (Plan::Free, 25, Label::Heavy, 12, 3),
        (Plan::Free, 100, Label::Light, 5, 20),
        (Plan::Pro, 50, Label::ResourceIntensive, 60, 5),
        (Plan::Business, 100, Label::ResourceIntensive, 60, 20),
    ];
    for (plan, share, label, seconds, expected) in cases {
        let clock = midnight();
        let budget = budgets(&clock).of("acc", &connection(plan, share));
        let calls = admitted(&clock, &budget, label, seconds);
        // A period is rounded down to whole nanoseconds.
        let near = expected..=expected + 1;
        assert!(near.contains(&calls), "{plan:?} {share} {label:?}: {calls}");
    }
}

#[test]
fn connectors_of_one_account_draw_on_one_budget() {
    let clock = midnight();
    let budgets = budgets(&clock);
    let first = budgets.of("acc", &connection(Plan::Pro, 25));
    let second = budgets.of("acc", &connection(Plan::Pro, 25));
    let other = budgets.of("another", &connection(Plan::Pro, 25));
    assert!(first.admit(Label::Medium).is_none());
    assert!(second.admit(Label::Medium).is_some());
    assert!(second.admit(Label::Light).is_none());
    assert!(other.admit(Label::Medium).is_none());
}

#[test]
fn the_daily_budget_is_shared_by_heavy_labels_and_ends_at_midnight() {
    let clock = midnight();
    let registry = budgets(&clock);
    let budget = registry.of("acc", &connection(Plan::Pro, 1));
    let mut calls = 0;
    let refused = loop {
        match budget.admit(Label::Heavy) {
            None => calls += 1,
            Some(throttle) if throttle.daily => break throttle,
            Some(throttle) => clock.set(throttle.until),
        }
    };
    assert_eq!(calls, 300);
    assert_eq!(refused.until, "2026-03-02T00:00:00Z".parse().unwrap());
    assert!(budget.admit(Label::ResourceIntensive).unwrap().daily);
    assert!(budget.admit(Label::Medium).is_none());
    // Another share on the same account does not forget what was spent.
    let wider = registry.of("acc", &connection(Plan::Pro, 2));
    let mut more = 0;
    while wider
        .admit(Label::Heavy)
        .is_none_or(|throttle| !throttle.daily)
    {
        more += 1;
        clock.advance(SignedDuration::from_secs(6));
    }
    assert_eq!(more, 300);
    clock.set("2026-03-02T00:00:00Z".parse().unwrap());
    assert!(wider.admit(Label::Heavy).is_none());
}

#[test]
fn a_refusal_closes_the_label_for_everybody_and_a_daily_one_its_whole_pool() {
    let clock = midnight();
    let budget = budgets(&clock).of("acc", &connection(Plan::Business, 100));
    let until = clock.now() + SignedDuration::from_secs(7);
    budget.close(
        Label::Medium,
        Throttle {
            until,
            daily: false,
        },
    );
    assert_eq!(budget.admit(Label::Medium).unwrap().until, until);
    assert!(budget.admit(Label::Heavy).is_none());
    budget.close(Label::Heavy, Throttle { until, daily: true });
    assert!(budget.admit(Label::ResourceIntensive).is_some());
    clock.set(until);
    assert!(budget.admit(Label::Medium).is_none());
    assert!(budget.admit(Label::ResourceIntensive).is_none());
}

#[test]
fn without_limits_only_the_vendors_own_refusal_holds() {
    let clock = midnight();
    let budgets = Budgets::new(Arc::new(clock.clone()), Limits::Unlimited);
    let budget = budgets.of("acc", &connection(Plan::Free, 1));
    assert!((0..10_000).all(|_| budget.admit(Label::Heavy).is_none()));
    let until = clock.now() + SignedDuration::from_secs(1);
    budget.close(Label::Heavy, Throttle { until, daily: true });
    assert!(budget.admit(Label::Heavy).is_some());
}

#[test]
fn a_clock_set_back_costs_one_period() {
    let clock = midnight();
    let budget = budgets(&clock).of("acc", &connection(Plan::Pro, 100));
    assert!(budget.admit(Label::Medium).is_none());
    clock.set("2026-02-28T00:00:00Z".parse().unwrap());
    let throttle = budget.admit(Label::Medium).unwrap();
    let wait = throttle.until.duration_since(clock.now());
    assert_eq!(wait, SignedDuration::from_millis(50));
}

proptest! {
    #[test]
    fn no_second_holds_more_than_the_share_and_one(
        share in 1u8..=100,
        gaps in proptest::collection::vec(0i64..400, 1..200),
    ) {
        let clock = midnight();
        let budget = budgets(&clock).of("acc", &connection(Plan::Business, share));
        let mut sent: Vec<Timestamp> = Vec::new();
        for gap in gaps {
            clock.advance(SignedDuration::from_millis(gap));
            if budget.admit(Label::Medium).is_none() {
                sent.push(clock.now());
            }
        }
        let most = 60 * usize::from(share) / 100 + 1;
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..]
                .iter()
                .filter(|one| one.duration_since(*first) < SignedDuration::from_secs(1));
            prop_assert!(within.count() <= most);
        }
    }
}
