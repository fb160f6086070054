//! Each predicate by an example, and what holds for whatever agents report.

use jiff::civil::date;
use proptest::prelude::*;

use super::super::facts::Reported;
use super::*;
use crate::usage::{Key, Period, Reference};
use crate::yaml::duration::Span;

const PRODUCT: Reference = Reference([7; 16]);
const OTHER: Reference = Reference([8; 16]);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rule(threshold: Threshold) -> InstalledRule {
    InstalledRule {
        name: "r".parse().unwrap(),
        threshold,
        include_no_activity: false,
        notify_user: false,
        days_before_auto_reclamation: 14,
        assignment_group: None,
        create_candidates: true,
        cool_down: Span::days(30),
    }
}

fn by_hours(months: u8, total_hours_used: u32) -> InstalledRule {
    rule(Threshold::TotalUsage {
        months,
        total_hours_used,
    })
}

fn by_date(days: u16) -> InstalledRule {
    rule(Threshold::LastUsedDate {
        last_used_before: Span::days(days),
    })
}

/// A record of a month, reported on its last day.
fn month(product: Reference, year: u16, month: u8, seconds: Option<i64>) -> Reported {
    let last = date(
        i16::try_from(year).unwrap(),
        i8::try_from(month).unwrap(),
        1,
    );
    let reported = last.last_of_month().to_zoned(TimeZone::UTC).unwrap();
    Reported {
        key: Key {
            configuration_item: Reference([1; 16]),
            norm_product: product,
            period: Period::month(year, month),
            user: None,
        },
        total_usage_time: seconds,
        usage_count: None,
        last_used_time: None,
        created_at: reported.timestamp(),
        updated_at: reported.timestamp(),
    }
}

fn last_used(used: Option<&str>, created: &str, updated: &str) -> Reported {
    Reported {
        key: Key {
            configuration_item: Reference([1; 16]),
            norm_product: PRODUCT,
            period: Period::ALL_TIME,
            user: None,
        },
        total_usage_time: None,
        usage_count: None,
        last_used_time: used.map(at),
        created_at: at(created),
        updated_at: at(updated),
    }
}

/// What one judgement depends on beside the rule.
struct World {
    reported: Vec<Reported>,
    now: &'static str,
    product_reported: bool,
    decided: Decided,
}

impl World {
    fn of(reported: impl Into<Vec<Reported>>) -> Self {
        Self {
            reported: reported.into(),
            now: "2027-05-10T12:00:00Z",
            product_reported: false,
            decided: Decided::default(),
        }
    }

    fn with<T>(&self, rule: &InstalledRule, look: impl FnOnce(Case<'_>) -> T) -> T {
        let mut item = ItemFacts::default();
        for one in &self.reported {
            item.take(one, one.key.norm_product == PRODUCT, &TimeZone::UTC);
        }
        look(Case {
            rule,
            known: Known {
                item: &item,
                product: item.products.get(&PRODUCT),
                product_reported: self.product_reported,
                decided: self.decided,
            },
            moment: Moment {
                now: at(self.now),
                zone: &TimeZone::UTC,
            },
        })
    }

    /// The first predicate that does not hold.
    fn fails(&self, rule: &InstalledRule) -> Option<Check> {
        self.with(rule, |case| match case.judge() {
            Judgement::Unused(_) => None,
            Judgement::NotACandidate(check) => Some(check),
        })
    }

    fn lapse(&self, rule: &InstalledRule) -> Option<Lapse> {
        self.with(rule, |case| case.lapse().map(|(_, lapse)| lapse))
    }
}

/// January, then the window of three months: February to April.
fn idle_months() -> Vec<Reported> {
    vec![
        month(PRODUCT, 2027, 1, Some(36_000)),
        month(PRODUCT, 2027, 2, Some(1_800)),
        month(PRODUCT, 2027, 3, Some(0)),
        month(PRODUCT, 2027, 4, Some(1_800)),
    ]
}

#[test]
fn the_hours_of_whole_months_are_measured_at_the_threshold() {
    let world = World::of(idle_months());
    assert_eq!(world.fails(&by_hours(3, 1)), None);
    assert_eq!(world.fails(&by_hours(3, 0)), Some(Check::Unused));
    let evidence = world.with(&by_hours(3, 1), |case| match case.judge() {
        Judgement::Unused(evidence) => evidence,
        Judgement::NotACandidate(check) => panic!("{check:?}"),
    });
    assert_eq!(evidence.total_usage_time, Some(3_600));
    assert_eq!(evidence.window_first, date(2027, 2, 1));
    assert_eq!(evidence.window_last, date(2027, 4, 30));
    let mut used = idle_months();
    used[3] = month(PRODUCT, 2027, 4, Some(1_801));
    assert_eq!(World::of(used).fails(&by_hours(3, 1)), Some(Check::Unused));
}

#[test]
fn use_in_the_present_month_counts_and_its_silence_does_not() {
    let mut used = idle_months();
    used.push(month(PRODUCT, 2027, 5, Some(7_200)));
    let world = World::of(used);
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::Unused));
    assert_eq!(world.lapse(&by_hours(3, 1)), Some(Lapse::Used));
}

#[test]
fn a_month_without_a_record_is_no_use_where_the_agent_told_of_something_else() {
    let mut gap = idle_months();
    gap.remove(2);
    let world = World::of(gap.clone());
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::ItemReported));
    assert_eq!(world.lapse(&by_hours(3, 1)), Some(Lapse::Unproved));
    gap.push(month(OTHER, 2027, 3, None));
    assert_eq!(World::of(gap).fails(&by_hours(3, 1)), None);
}

#[test]
fn no_record_in_the_whole_window_needs_the_rule_to_say_so() {
    let mut silent = vec![month(PRODUCT, 2027, 1, Some(36_000))];
    silent.extend([2, 3, 4].map(|number| month(OTHER, 2027, number, Some(9))));
    let mut world = World::of(silent);
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::UseReported));
    let including = InstalledRule {
        include_no_activity: true,
        ..by_hours(3, 1)
    };
    assert_eq!(world.fails(&including), Some(Check::ProductReported));
    world.product_reported = true;
    assert_eq!(world.fails(&including), None);
    world.reported.retain(|one| one.key.norm_product == OTHER);
    assert_eq!(world.fails(&including), Some(Check::Known));
    assert_eq!(world.lapse(&including), Some(Lapse::NotMeant));
}

#[test]
fn a_month_that_is_not_measured_proves_nothing_or_use() {
    let mut unmeasured = idle_months();
    unmeasured[2] = month(PRODUCT, 2027, 3, None);
    let world = World::of(unmeasured);
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::UseKnown));
    assert_eq!(world.lapse(&by_hours(3, 0)), Some(Lapse::Used));
}

#[test]
fn software_that_came_within_the_window_is_too_young() {
    let mut young = idle_months();
    young.remove(0);
    let world = World::of(young);
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::OlderThanWindow));
    assert_eq!(world.fails(&by_hours(2, 1)), None);
}

#[test]
fn a_last_use_is_measured_up_to_the_last_report() {
    let created = "2027-01-01T00:00:00Z";
    let reported = |updated| World::of([last_used(Some("2027-02-09T08:00:00Z"), created, updated)]);
    assert_eq!(reported("2027-05-10T03:00:00Z").fails(&by_date(90)), None);
    let earlier = reported("2027-05-09T03:00:00Z");
    assert_eq!(earlier.fails(&by_date(90)), Some(Check::Unused));
    let stale = reported("2027-05-02T03:00:00Z");
    assert_eq!(stale.fails(&by_date(30)), Some(Check::ItemReported));
    assert_eq!(stale.lapse(&by_date(30)), Some(Lapse::Unproved));
}

#[test]
fn hours_of_a_month_speak_against_a_last_use_that_lies_before_it() {
    let world = World::of([
        last_used(
            Some("2027-01-01T08:00:00Z"),
            "2027-01-01T09:00:00Z",
            "2027-05-10T03:00:00Z",
        ),
        month(PRODUCT, 2027, 4, Some(60)),
    ]);
    assert_eq!(world.fails(&by_date(90)), Some(Check::Unused));
}

#[test]
fn a_last_use_that_was_never_told_needs_the_rule_to_say_so() {
    let world = World::of([last_used(
        None,
        "2027-01-01T00:00:00Z",
        "2027-05-10T03:00:00Z",
    )]);
    assert_eq!(world.fails(&by_date(90)), Some(Check::UseKnown));
    let including = InstalledRule {
        include_no_activity: true,
        ..by_date(90)
    };
    assert_eq!(world.fails(&including), None);
    let young = World::of([last_used(
        None,
        "2027-05-01T00:00:00Z",
        "2027-05-10T03:00:00Z",
    )]);
    assert_eq!(young.fails(&including), Some(Check::OlderThanWindow));
    let of_months = World::of(idle_months());
    assert_eq!(of_months.fails(&including), Some(Check::UseReported));
}

#[test]
fn what_was_kept_or_removed_is_asked_for_again_only_when_that_is_over() {
    let mut world = World::of(idle_months());
    world.decided.kept_until = Some(at("2027-05-10T12:00:01Z"));
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::NotKept));
    world.decided.kept_until = Some(at("2027-05-10T12:00:00Z"));
    assert_eq!(world.fails(&by_hours(3, 1)), None);
    world.decided.removed_at = Some(at("2027-04-02T00:00:00Z"));
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::NotRemoved));
    world.reported.push(month(PRODUCT, 2027, 5, Some(0)));
    assert_eq!(world.fails(&by_hours(3, 1)), None);
    let off = InstalledRule {
        create_candidates: false,
        ..by_hours(3, 1)
    };
    assert_eq!(world.fails(&off), Some(Check::RuleMakesCandidates));
}

#[test]
fn the_zone_decides_which_months_are_whole() {
    let mut world = World::of(idle_months());
    world.now = "2027-04-30T23:00:00Z";
    assert_eq!(world.fails(&by_hours(3, 1)), Some(Check::Unused));
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let mut item = ItemFacts::default();
    for one in &world.reported {
        item.take(one, true, &berlin);
    }
    let rule = by_hours(3, 1);
    let case = Case {
        rule: &rule,
        known: Known {
            item: &item,
            product: item.products.get(&PRODUCT),
            product_reported: true,
            decided: Decided::default(),
        },
        moment: Moment {
            now: at(world.now),
            zone: &berlin,
        },
    };
    assert!(matches!(case.judge(), Judgement::Unused(_)));
}

prop_compose! {
    /// Records of two years: some months of the product and of another one, with or without numbers.
    fn records()(
        months in prop::collection::vec(
            (0u8..24, any::<bool>(), prop::option::of(0i64..20_000), prop::option::of(0i64..3)), 0..30),
        listed in prop::option::of((prop::option::of(0i64..800), 0i64..800)),
    ) -> Vec<Reported> {
        let start = at("2025-06-01T00:00:00Z");
        let day = |days: i64| start + jiff::SignedDuration::from_hours(24 * days);
        let mut all: Vec<Reported> = months
            .into_iter()
            .map(|(number, own, seconds, count)| {
                let number = 5 + u16::from(number);
                let of = u8::try_from(number % 12 + 1).unwrap();
                let product = if own { PRODUCT } else { OTHER };
                Reported { usage_count: count, ..month(product, 2025 + number / 12, of, seconds) }
            })
            .collect();
        if let Some((used, updated)) = listed {
            all.push(Reported {
                last_used_time: used.map(day),
                ..last_used(None, "2025-06-01T00:00:00Z", &day(updated).to_string())
            });
        }
        all
    }
}

fn any_rule() -> impl Strategy<Value = InstalledRule> {
    let hours = (1u8..6, 0u32..10).prop_map(|(months, hours)| by_hours(months, hours));
    let dates = (7u16..200).prop_map(by_date);
    (prop_oneof![hours, dates], any::<bool>()).prop_map(|(rule, include_no_activity)| {
        InstalledRule {
            include_no_activity,
            ..rule
        }
    })
}

proptest! {
    /// The same by another way: month by month, and day by day.
    #[test]
    fn nothing_is_found_unused_that_the_records_do_not_prove(reported in records(), rule in any_rule()) {
        let mut world = World::of(reported.clone());
        world.product_reported = true;
        if world.fails(&rule).is_some() {
            return Ok(());
        }
        let own = reported.iter().filter(|one| one.key.norm_product == PRODUCT);
        match rule.threshold {
            Threshold::TotalUsage { months, total_hours_used } => {
                // The months before May 2027.
                let window: Vec<Period> = (0..u16::from(months))
                    .map(|back| 2027 * 12 + 3 - back)
                    .map(|month| Period::month(month / 12, u8::try_from(month % 12 + 1).unwrap()))
                    .collect();
                for period in &window {
                    prop_assert!(reported.iter().any(|one| one.key.period == *period));
                }
                let counted = own.clone().filter(|one| one.key.period >= *window.last().unwrap());
                let seconds: i64 = counted.filter_map(|one| one.total_usage_time).sum();
                prop_assert!(seconds <= i64::from(total_hours_used) * 3_600);
                let within = own.clone().any(|one| window.contains(&one.key.period)
                    || one.key.period == Period::month(2027, 5));
                prop_assert!(within || rule.include_no_activity);
            }
            Threshold::LastUsedDate { last_used_before } => {
                let told = own.clone().find(|one| one.key.period == Period::ALL_TIME).unwrap();
                prop_assert!(at(world.now).duration_since(told.updated_at).as_hours() < 24 * 9);
                match told.last_used_time {
                    None => prop_assert!(rule.include_no_activity),
                    Some(used) => {
                        let days = i64::from(last_used_before.whole_days());
                        let idle = told.updated_at.duration_since(used).as_hours();
                        prop_assert!(idle >= 24 * (days - 1));
                    }
                }
            }
        }
    }

    #[test]
    fn further_use_makes_no_candidate(reported in records(), rule in any_rule(), seconds in 1i64..90_000) {
        let before = World::of(reported.clone());
        let mut used = reported;
        used.push(month(PRODUCT, 2027, 5, Some(seconds)));
        let after = World::of(used);
        let unused = |world: &World| world.with(&rule, |case| {
            case.predicate(Check::Unused).holds
        });
        prop_assert!(unused(&before) || !unused(&after));
    }

    #[test]
    fn what_is_concluded_is_what_is_explained(reported in records(), rule in any_rule()) {
        let world = World::of(reported);
        let (judged, lapse, explained) =
            world.with(&rule, |case| (case.judge(), case.lapse(), case.explain()));
        let failing: Vec<Check> = explained.iter().filter(|one| !one.holds).map(|one| one.check).collect();
        match judged {
            Judgement::Unused(_) => prop_assert!(failing.is_empty() && lapse.is_none()),
            Judgement::NotACandidate(check) => prop_assert_eq!(failing.first(), Some(&check)),
        }
        let used = failing.contains(&Check::Unused);
        prop_assert_eq!(lapse.map(|(_, lapse)| lapse) == Some(Lapse::Used), used);
    }
}
