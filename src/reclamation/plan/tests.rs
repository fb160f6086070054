use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const IDENTIFIER: &str = "zoom.licensed";
const ADD_ON: &str = "zoom.webinar.500";

fn rule() -> Rule {
    Rule {
        mode: Mode::Automatic,
        notify_user: false,
        ..Rule::generated(Guards::default())
    }
}

fn item(number: i64) -> Item {
    Item {
        candidate: number,
        state: State::Ready,
        external_user_id: format!("u{number}"),
        email: format!("u{number}@example.com"),
        identifier: IDENTIFIER.parse().unwrap(),
        last_activity: None,
        idle_since: date(2026, 1, 1).saturating_add(jiff::ToSpan::days(number)),
        rule: rule(),
        is_new: false,
        lapse: None,
        loosened: None,
        approved_by: None,
        goes_along: false,
        takes_along: Vec::new(),
        withdrawn: None,
    }
}

fn situation(licensed: u64) -> Situation {
    let pool = Pool {
        licensed,
        bought: Some(licensed),
        free: Some(0),
    };
    Situation {
        now: "2026-11-25T12:00:00Z".parse().unwrap(),
        zone: TimeZone::UTC,
        profile: "zoom".parse().unwrap(),
        account: Some("account".to_owned()),
        switched_off: None,
        account_trouble: None,
        files_trouble: None,
        restored: None,
        vendor_ahead: None,
        errors: 0,
        acted_before: true,
        released: None,
        written_today: 0,
        written_in_run: BTreeMap::new(),
        pools: [IDENTIFIER, ADD_ON]
            .map(|identifier| (identifier.parse().unwrap(), pool))
            .into(),
        ceiling: Guards::default(),
    }
}

fn going(plan: &Plan) -> Vec<i64> {
    plan.going().map(|step| step.candidate).collect()
}

fn withheld_by(plan: &Plan, candidate: i64) -> Option<Guard> {
    let step = plan.steps.iter().find(|step| step.candidate == candidate);
    step.unwrap()
        .withheld
        .as_ref()
        .map(|withheld| withheld.guard)
}

#[test]
fn the_longest_idle_go_first_and_the_smaller_number_wins() {
    let items = |count| (0..count).rev().map(item).collect::<Vec<_>>();
    let most = |licensed| going(&Plan::of(&situation(licensed), items(60))).len();
    assert_eq!(going(&Plan::of(&situation(60), items(60))), [0, 1, 2]);
    assert_eq!(most(10), 1);
    assert_eq!(most(100), 5);
    assert_eq!(most(100_000), 25);
}

#[test]
fn what_was_written_before_counts() {
    let mut situation = situation(100);
    situation.written_in_run = [(IDENTIFIER.parse().unwrap(), 4)].into();
    let items = || (0..10).map(item).collect::<Vec<_>>();
    assert_eq!(going(&Plan::of(&situation, items())), [0]);
    situation.written_in_run.clear();
    situation.written_today = 98;
    let plan = Plan::of(&situation, items());
    assert_eq!(going(&plan), [0, 1]);
    assert_eq!(withheld_by(&plan, 2), Some(Guard::MaxPerDay));
}

#[test]
fn an_approved_list_is_not_throttled_but_held_like_any_other() {
    let listed = |number| Item {
        rule: Rule {
            mode: Mode::Approved,
            ..rule()
        },
        approved_by: Some("feb".parse().unwrap()),
        ..item(number)
    };
    let items = || (0..10).map(listed).collect::<Vec<_>>();
    assert_eq!(going(&Plan::of(&situation(20), items())).len(), 10);
    let first = Situation {
        acted_before: false,
        ..situation(20)
    };
    let plan = Plan::of(&first, items());
    assert!(plan.held && going(&plan).is_empty());
    // What the host's settings allow in a day holds for it too.
    let full = Situation {
        written_today: 98,
        ..situation(20)
    };
    let plan = Plan::of(&full, items());
    assert_eq!(going(&plan), [0, 1]);
    assert_eq!(withheld_by(&plan, 2), Some(Guard::MaxPerDay));
}

#[test]
fn the_first_plan_is_held_until_exactly_it_is_released() {
    let mut first = Situation {
        acted_before: false,
        ..situation(100)
    };
    let plan = Plan::of(&first, vec![item(1)]);
    assert!(plan.held);
    assert_eq!(withheld_by(&plan, 1), Some(Guard::TripWire));
    first.released = Some(plan.digest.clone());
    assert_eq!(going(&Plan::of(&first, vec![item(1)])), [1]);
    let other = Plan::of(&first, vec![item(1), item(2)]);
    assert!(other.held && other.digest != plan.digest);
}

#[test]
fn many_new_candidates_at_once_trip_the_wire() {
    let items = |new: i64| {
        (0..40)
            .map(|number| Item {
                is_new: number < new,
                ..item(number)
            })
            .collect::<Vec<_>>()
    };
    let held = |licensed, new| Plan::of(&situation(licensed), items(new)).held;
    assert!(!held(50, 19), "fewer than the least number");
    assert!(held(99, 20), "more than a fifth");
    assert!(!held(100, 20), "a fifth is not more than a fifth");
}

#[test]
fn nobody_releases_what_is_switched_off_or_unknown() {
    type Change = fn(&mut Situation);
    let holds: [(Guard, Change); 5] = [
        (Guard::Switch, |s| s.switched_off = Some("off".to_owned())),
        (Guard::Account, |s| {
            s.account_trouble = Some("other".to_owned());
        }),
        (Guard::Files, |s| {
            s.files_trouble = Some("broken".to_owned());
        }),
        (Guard::Restored, |s| {
            s.restored = Some("restored".to_owned());
        }),
        (Guard::Clock, |s| {
            s.vendor_ahead = Some(SignedDuration::from_mins(6));
        }),
    ];
    for (guard, change) in holds {
        let mut situation = situation(100);
        change(&mut situation);
        let plan = Plan::of(&situation, vec![item(1)]);
        situation.released = Some(plan.digest);
        let plan = Plan::of(&situation, vec![item(1)]);
        assert!(plan.held, "{guard:?}");
        assert_eq!(withheld_by(&plan, 1), Some(guard));
    }
    let mut near = situation(100);
    near.vendor_ahead = Some(SignedDuration::from_mins(-5));
    assert!(!Plan::of(&near, vec![item(1)]).held);
}

#[test]
fn three_errors_in_a_row_hold_until_the_plan_is_released() {
    let mut situation = situation(100);
    situation.errors = 2;
    assert!(!Plan::of(&situation, vec![item(1)]).held);
    situation.errors = 3;
    let plan = Plan::of(&situation, vec![item(1)]);
    assert_eq!(withheld_by(&plan, 1), Some(Guard::Errors));
    situation.released = Some(plan.digest);
    assert!(!Plan::of(&situation, vec![item(1)]).held);
}

#[test]
fn a_base_seat_goes_only_with_everything_it_takes_along() {
    let add_on = |lapse| Item {
        identifier: ADD_ON.parse().unwrap(),
        external_user_id: "u2".to_owned(),
        goes_along: true,
        lapse,
        ..item(1)
    };
    let base = Item {
        takes_along: vec![ADD_ON.parse().unwrap()],
        ..item(2)
    };
    let both = Plan::of(&situation(100), vec![base.clone(), add_on(None)]);
    assert_eq!(going(&both), [1, 2], "the add-on first");
    let kept = Some((Check::Unused, Lapse::Used));
    let plan = Plan::of(&situation(100), vec![base.clone(), add_on(kept)]);
    assert_eq!(withheld_by(&plan, 2), Some(Guard::Collateral));
    let alone = Plan::of(&situation(100), vec![base]);
    assert_eq!(withheld_by(&alone, 2), Some(Guard::Collateral));
}

#[test]
fn a_mode_says_who_presses_and_a_rule_whether_the_user_is_asked() {
    use State::{AwaitingRevocation, Ready};
    let with = |mode, notify_user, state| Item {
        state,
        rule: Rule {
            mode,
            notify_user,
            ..rule()
        },
        ..item(1)
    };
    let action = |item| {
        let plan = Plan::of(&situation(100), vec![item]);
        plan.steps.first().map(|step| step.action)
    };
    let cases = [
        (Mode::Manual, false, Ready, None),
        (
            Mode::Manual,
            true,
            AwaitingRevocation,
            Some(Action::Reclaim),
        ),
        (Mode::Approved, false, Ready, None),
        (Mode::Automatic, false, Ready, Some(Action::Reclaim)),
        (Mode::Automatic, true, Ready, Some(Action::Ask)),
        (
            Mode::Automatic,
            true,
            AwaitingRevocation,
            Some(Action::Reclaim),
        ),
    ];
    for (mode, notify, state, expected) in cases {
        assert_eq!(
            action(with(mode, notify, state)),
            expected,
            "{mode:?} {notify} {state}"
        );
    }
}

#[test]
fn a_relaxed_seat_waits_and_a_window_and_spare_seats_hold_back() {
    let loosened = Item {
        loosened: Some("an exclusion was lifted".to_owned()),
        ..item(1)
    };
    let plan = Plan::of(&situation(100), vec![loosened]);
    assert_eq!(withheld_by(&plan, 1), Some(Guard::Loosened));
    let with = |change: fn(&mut Rule)| {
        let mut item = item(1);
        change(&mut item.rule);
        let mut situation = situation(100);
        if let Some(pool) = situation.pools.get_mut(&item.identifier) {
            pool.free = Some(4);
        }
        withheld_by(&Plan::of(&situation, vec![item]), 1)
    };
    // 25 November 2026 is a Wednesday.
    assert_eq!(
        with(|rule| rule.windows = Some(vec!["wed 12:00-13:00".parse().unwrap()])),
        None
    );
    assert_eq!(
        with(|rule| rule.windows = Some(vec!["mon 12:00-13:00".parse().unwrap()])),
        Some(Guard::Window)
    );
    assert_eq!(
        with(|rule| rule.keep_spare = Some(crate::reclamation::rule::KeepSpare::Count(4))),
        Some(Guard::KeepSpare)
    );
    assert_eq!(
        with(|rule| rule.keep_spare = Some(crate::reclamation::rule::KeepSpare::Percent(5))),
        None
    );
}

proptest! {
    #[test]
    fn no_plan_goes_beyond_its_numbers(
        count in 0i64..80,
        licensed in 0u64..400,
        written in 0u32..110,
        in_run in 0u32..30,
        percent in 0u8..=100,
        most in 0u32..40,
        per_day in 0u32..60,
    ) {
        let mut situation = situation(licensed);
        situation.written_today = written;
        situation.written_in_run = [(IDENTIFIER.parse().unwrap(), in_run)].into();
        let items = (0..count).map(|number| {
            let mut item = item(number);
            item.rule.guards.max_per_run = crate::settings::guards::Share { percent, count: most };
            item.rule.guards.max_per_day = per_day;
            item
        });
        let goes = going(&Plan::of(&situation, items.collect())).len() as u64;
        let part = if percent == 0 || most == 0 {
            0
        } else {
            (licensed * u64::from(percent) / 100).clamp(1, u64::from(most).max(1))
        };
        prop_assert!(goes <= part.saturating_sub(u64::from(in_run)));
        prop_assert!(goes <= u64::from(per_day).saturating_sub(u64::from(written)));
    }

    #[test]
    fn the_digest_is_of_what_would_be_done_and_of_nothing_else(
        written in 0u32..200, errors in 0u32..5, licensed in 1u64..1000, order in any::<bool>(),
    ) {
        let mut items: Vec<Item> = (0..5).map(item).collect();
        let plain = Plan::of(&situation(100), items.clone()).digest;
        if order {
            items.reverse();
        }
        let other = Situation { written_today: written, errors, ..situation(licensed) };
        prop_assert_eq!(Plan::of(&other, items.clone()).digest, plain.clone());
        items[0].idle_since = date(2020, 1, 1);
        prop_assert_ne!(Plan::of(&other, items).digest, plain);
    }
}
