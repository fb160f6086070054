//! A worked example, computed by hand, and what holds of every position.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::calculate::{Basis, position};
use super::facts::{
    Candidates, Facts, Grouping, Holder, Purchase, Saving, SavingsKind, Seats, Standing,
};
use super::result::{Numbers, Position, ProductResult, RemediationOption, Status};
use super::row::{self, Tier};
use crate::profile::catalogue::Catalogue;
use crate::profile::currency::Currency;
use crate::profile::licence::{Entitlement, Owner, Period};

const TODAY: Date = date(2027, 6, 15);

fn seats(identifier: &str, department: Option<&str>, standing: Standing, count: u64) -> Seats {
    Seats {
        profile: "company".parse().unwrap(),
        identifier: identifier.parse().unwrap(),
        owner: owner(department),
        standing,
        holder: Holder::default(),
        count,
    }
}

fn owner(department: Option<&str>) -> Owner {
    Owner {
        department: department.map(str::to_owned),
        ..Owner::default()
    }
}

fn candidates(
    identifier: &str,
    kind: SavingsKind,
    count: u64,
    saving: impl Into<Option<Saving>>,
) -> Candidates {
    Candidates {
        profile: "company".parse().unwrap(),
        identifier: identifier.parse().unwrap(),
        owner: Owner::default(),
        kind,
        saving: saving.into(),
        count,
    }
}

fn saving(amount: &str, currency: &str, period: Period, entitlement: &str) -> Saving {
    Saving {
        amount: amount.parse().unwrap(),
        currency: currency.parse().unwrap(),
        period,
        entitlement: entitlement.parse().unwrap(),
    }
}

fn entitlements(list: Value) -> Vec<Entitlement> {
    serde_json::from_value(list).unwrap()
}

fn bought() -> Vec<Entitlement> {
    let year = |name: &str, model: &str, quantity: u64, cost: &str, currency: &str| {
        json!({"name": name, "software_model": model, "quantity": quantity, "unit_cost": cost,
            "currency": currency, "period": "annually", "start": "2027-01-01"})
    };
    let other = |mut base: Value, key: &str, value: Value| {
        base[key] = value;
        base
    };
    let phone = json!({"name": "phone", "product": {"publisher": "Zoom", "product": "Zoom Phone"},
        "quantity": 25, "unit_cost": "8.00", "currency": "EUR", "period": "monthly", "start": "2027-01-01"});
    let connect = other(
        year("connect", "goto-connect", 10, "239.88", "USD"),
        "period",
        json!("entire_period"),
    );
    let aha = other(
        year("aha", "aha-paid-seat", 10, "2700", "USD"),
        "period",
        json!("entire_period"),
    );
    let aha = other(
        other(aha, "start", json!("2026-01-01")),
        "end",
        json!("2028-12-31"),
    );
    let workplace = year("workplace", "zoom-workplace", 50, "20.00", "EUR");
    let assist = year("assist", "goto-assist", 3, "30.00", "USD");
    let webinars = year("webinars-2026", "zoom-webinars", 10, "700", "EUR");
    let webinars = other(webinars, "start", json!("2026-01-01"));
    let next = year("aha-2028", "aha-paid-seat", 100, "950", "USD");
    let events = year("events", "zoom-events", 1, "12000", "USD");
    entitlements(json!([
        year("licensed", "zoom-licensed", 100, "149.90", "EUR"),
        other(workplace, "period", json!("monthly")),
        other(webinars, "end", json!("2026-12-31")),
        phone,
        year("large-1", "zoom-large-meeting", 10, "600", "EUR"),
        year("large-2", "zoom-large-meeting", 5, "450", "EUR"),
        other(events, "unlimited", json!(true)),
        year("meeting", "goto-meeting", 40, "144.00", "USD"),
        year("webinar-de", "goto-webinar", 6, "100", "EUR"),
        year("webinar-us", "goto-webinar", 4, "120", "USD"),
        other(connect, "end", json!("2027-12-31")),
        other(assist, "period", json!("quarterly")),
        aha,
        other(next, "start", json!("2028-01-01")),
    ]))
}

fn used() -> Facts {
    let counts = |identifier, count| seats(identifier, None, Standing::Counts, count);
    Facts {
        seats: vec![
            counts("zoom.licensed", 120),
            // Two kinds of a suite: each user's suite is one subscription.
            counts("zoom.one.16", 10),
            counts("zoom.one.4", 20),
            counts("zoom.webinar.500", 3),
            counts("zoom.webinar.1000", 1),
            counts("zoom.zoom_phone", 20),
            counts("zoom.large_meeting.500", 18),
            counts("zoom.zoom_events", 7),
            counts("zoom.type_7", 2),
            counts("goto.g2m", 25),
            seats("goto.g2m", None, Standing::Excluded, 3),
            seats("goto.g2m", None, Standing::Inactive, 2),
            counts("goto.g2w", 12),
            counts("goto.connect", 10),
            counts("goto.openvoice", 1),
            counts("aha.paid_seat", 11),
            seats("zoom.basic", None, Standing::Free, 500),
            seats("zoom.unassigned", None, Standing::Free, 12),
            seats("aha.unpaid_seat", None, Standing::Counts, 30),
        ],
        candidates: vec![
            candidates(
                "zoom.licensed",
                SavingsKind::Potential,
                5,
                saving("149.90", "EUR", Period::Annually, "licensed"),
            ),
            candidates(
                "zoom.licensed",
                SavingsKind::Realised,
                2,
                saving("149.90", "EUR", Period::Annually, "licensed"),
            ),
            candidates(
                "aha.paid_seat",
                SavingsKind::Potential,
                3,
                saving("2700", "USD", Period::Entire, "aha"),
            ),
            candidates("goto.openvoice", SavingsKind::Potential, 1, None),
        ],
        purchases: Vec::new(),
    }
}

fn example() -> Position {
    let catalogue = Catalogue::of(Vec::new());
    let basis = Basis {
        catalogue: &catalogue,
        entitlements: &bought(),
        today: TODAY,
    };
    position(basis, &used(), Grouping::None)
}

fn product<'a>(position: &'a Position, name: &str) -> &'a ProductResult {
    let mut products = position.products.iter();
    products.find(|one| one.product.product == name).unwrap()
}

/// Product; owned, used, available, needed; whether it is compliant.
type Rights = (&'static str, u64, u64, i64, u64, bool);

#[test]
fn the_rights_of_the_worked_example() {
    let found = example();
    #[rustfmt::skip]
    let table: [Rights; 12] = [
        // 100 − 120.
        ("Zoom Workplace Licensed", 100, 120, -20, 20, false),
        // 50 − (10 + 20).
        ("Zoom Workplace", 50, 30, 20, 0, true),
        // The entitlement's last day is past: 0 − (3 + 1).
        ("Zoom Webinars", 0, 4, -4, 4, false),
        // 25 for the whole product − 20.
        ("Zoom Phone", 25, 20, 5, 0, true),
        // (10 + 5) − 18.
        ("Zoom Large Meeting", 15, 18, -3, 3, false),
        // Unlimited.
        ("Zoom Events", 0, 7, 0, 0, true),
        // 40 − 25: three are excluded, two inactive.
        ("GoTo Meeting", 40, 25, 15, 0, true),
        // (6 + 4) − 12.
        ("GoTo Webinar", 10, 12, -2, 2, false),
        ("GoTo Connect", 10, 10, 0, 0, true),
        // Nothing was bought.
        ("OpenVoice", 0, 1, -1, 1, false),
        // Nobody has one.
        ("GoToAssist Remote Support", 3, 0, 3, 0, true),
        // The 100 rights of 2028 are not there yet: 10 − 11.
        ("Aha! Paid Seat", 10, 11, -1, 1, false),
    ];
    assert_eq!(found.products.len(), table.len());
    for (name, owned, used, available, needed, compliant) in table {
        let result = product(&found, name);
        let numbers = &result.numbers;
        let rights = (
            numbers.rights_owned,
            numbers.rights_used,
            numbers.rights_available,
            numbers.rights_needed,
        );
        assert_eq!(rights, (owned, used, available, needed), "{name}");
        assert_eq!(result.status == Status::Compliant, compliant, "{name}");
    }
    assert!(product(&found, "Zoom Events").numbers.unlimited);
    assert_eq!(
        product(&found, "Zoom Phone").models[0]
            .numbers
            .covered_by_product,
        20
    );
    for name in ["Zoom Webinars", "OpenVoice"] {
        let numbers = &product(&found, name).numbers;
        assert_eq!(
            numbers.needed_without_price, numbers.rights_needed,
            "{name}"
        );
    }
}

#[test]
fn the_amounts_of_the_worked_example() {
    let found = example();
    // Spend, true-up, over-licensed, potential and realised savings.
    #[rustfmt::skip]
    let table: [(&str, &str, [&str; 5]); 14] = [
        // 100 × 149.90; 20 × 149.90; 5 × 149.90; 2 × 149.90.
        ("Zoom Workplace Licensed", "EUR", ["14990", "2998", "0", "749.5", "299.8"]),
        // 50 × 12 × 20.00; 20 × 240.
        ("Zoom Workplace", "EUR", ["12000", "0", "4800", "0", "0"]),
        // 25 × 12 × 8.00; 5 × 96.
        ("Zoom Phone", "EUR", ["2400", "0", "480", "0", "0"]),
        // 10 × 600 + 5 × 450 = 8250; 3 × 8250 ÷ 15.
        ("Zoom Large Meeting", "EUR", ["8250", "1650", "0", "0", "0"]),
        ("Zoom Events", "USD", ["12000", "0", "0", "0", "0"]),
        // 40 × 144; 15 × 144.
        ("GoTo Meeting", "USD", ["5760", "0", "2160", "0", "0"]),
        // 6 × 100; most rights are paid in EUR: 2 × 100.
        ("GoTo Webinar", "EUR", ["600", "200", "0", "0", "0"]),
        // 4 × 120.
        ("GoTo Webinar", "USD", ["480", "0", "0", "0", "0"]),
        // 10 × 239.88 for the twelve months.
        ("GoTo Connect", "USD", ["2398.8", "0", "0", "0", "0"]),
        // 3 × 4 × 30; 3 × 120.
        ("GoToAssist Remote Support", "USD", ["360", "0", "360", "0", "0"]),
        // 2700 for three years: 10 × 900; 1 × 900; 3 × 900.
        ("Aha! Paid Seat", "USD", ["9000", "900", "0", "2700", "0"]),
        ("Zoom Workplace Licensed", "USD", ["0"; 5]),
        ("Zoom Webinars", "EUR", ["0"; 5]),
        ("OpenVoice", "USD", ["0"; 5]),
    ];
    for (name, currency, expected) in table {
        let amounts = &product(&found, name).numbers.amounts;
        let amounts = amounts
            .get(&currency.parse().unwrap())
            .copied()
            .unwrap_or_default();
        let told = [
            amounts.total_spend,
            amounts.true_up_cost,
            amounts.over_licensed_amount,
            amounts.potential_savings,
            amounts.realised_savings,
        ];
        let expected = expected.map(|text| text.parse::<Decimal>().unwrap());
        assert_eq!(told, expected, "{name} {currency}");
    }
}

#[test]
fn what_is_left_out_is_told_and_every_number_has_its_rows() {
    let found = example();
    let ignored = found.ignored;
    let left_out = [ignored.excluded, ignored.inactive, ignored.free];
    assert_eq!(left_out, [3, 2, 512]);
    assert_eq!(ignored.not_under_management, 30);
    assert_eq!(
        found.unrecognized,
        BTreeMap::from([("zoom.type_7".parse().unwrap(), 2)])
    );
    let licensed = &product(&found, "Zoom Workplace Licensed").models[0];
    let percent = licensed.numbers.percent_stale.unwrap();
    assert_eq!(
        (licensed.numbers.rights_stale, percent.to_string()),
        (5, "4.17".to_owned())
    );
    let options: Vec<_> = licensed
        .remediation
        .iter()
        .map(|one| (one.option, one.actionable_rights, one.affects_compliance))
        .collect();
    assert_eq!(
        options,
        [
            (RemediationOption::PurchaseRights, 20, true),
            (RemediationOption::ReclaimCandidates, 5, true),
        ]
    );
    let webinars = &product(&found, "Zoom Webinars").models[0].metrics[0];
    assert_eq!(webinars.rights[0].state.as_str(), "retired");
    for result in &found.products {
        for metric in result.models.iter().flat_map(|model| &model.metrics) {
            let seats: u64 = metric.seats.iter().map(|row| row.seats).sum();
            assert_eq!(seats, metric.numbers.rights_used);
            assert_eq!(metric.not_allocated, metric.numbers.rights_owned);
        }
    }
}

fn purchase(identifier: &str, bought: Option<u64>, assigned: u64) -> Purchase {
    Purchase {
        profile: "company".parse().unwrap(),
        identifier: identifier.parse().unwrap(),
        bought,
        assigned,
        read_at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn what_vendors_say_stands_beside_the_rights_with_the_drift() {
    let facts = Facts {
        purchases: vec![
            purchase("zoom.licensed", Some(110), 120),
            // The plan of every suite of the family.
            purchase("zoom.one", Some(50), 30),
            // Nothing is told of the webinars of 1,000.
            purchase("zoom.webinar.500", Some(3), 3),
            purchase("zoom.zoom_phone", Some(30), 20),
            purchase("zoom.zoom_events", Some(1), 1),
            purchase("zoom.large_meeting.500", None, 18),
            purchase("goto.g2m", Some(35), 25),
            // Bought, and nobody holds one or wrote an entitlement.
            purchase("goto.g2t", Some(4), 0),
            purchase("goto.g2asd", Some(0), 0),
            // Costs nothing.
            purchase("aha.unpaid_seat", None, 30),
        ],
        ..used()
    };
    let catalogue = Catalogue::of(Vec::new());
    let basis = Basis {
        catalogue: &catalogue,
        entitlements: &bought(),
        today: TODAY,
    };
    let found = position(basis, &facts, Grouping::None);
    // Bought, assigned, drift.
    #[rustfmt::skip]
    let table: [(&str, Option<u64>, u64, Option<i64>); 8] = [
        // 110 − 100.
        ("Zoom Workplace Licensed", Some(110), 120, Some(10)),
        ("Zoom Workplace", Some(50), 30, Some(0)),
        ("Zoom Webinars", None, 3, None),
        // 30 − 25 for the whole product.
        ("Zoom Phone", Some(30), 20, Some(5)),
        // Unlimited rights.
        ("Zoom Events", Some(1), 1, None),
        ("Zoom Large Meeting", None, 18, None),
        // 35 − 40.
        ("GoTo Meeting", Some(35), 25, Some(-5)),
        ("GoTo Training", Some(4), 0, Some(4)),
    ];
    for (name, bought, assigned, drift) in table {
        let vendor = product(&found, name).vendor.unwrap();
        let told = (vendor.bought, vendor.assigned, vendor.drift);
        assert_eq!(told, (bought, assigned, drift), "{name}");
    }
    let told = found.products.iter().filter(|one| one.vendor.is_some());
    assert_eq!(told.count(), table.len());
    assert_eq!(
        product(&found, "Zoom Phone").models[0]
            .vendor
            .unwrap()
            .drift,
        None
    );
    assert_eq!(
        product(&found, "Zoom Workplace").models[0].purchases.len(),
        1
    );
    // They change no number of ours, and no group has them.
    let before = example();
    let same = found
        .products
        .iter()
        .filter(|one| one.product.product != "GoTo Training");
    for (one, other) in same.zip(&before.products) {
        assert_eq!((&one.numbers, one.status), (&other.numbers, other.status));
    }
    let grouped = position(basis, &facts, Grouping::Department);
    assert!(grouped.products.iter().all(|one| one.vendor.is_none()));
}

#[test]
fn rows_of_one_tier_add_up_and_a_second_currency_has_no_counts() {
    let found = example();
    let rows: Vec<_> = found.products.iter().flat_map(row::rows).collect();
    let of = |tier: Tier, product: &'static str| {
        let rows = rows.iter();
        rows.filter(move |row| row.tier == tier && row.product == product)
    };
    let currencies = |tier| {
        let webinars = of(tier, "GoTo Webinar");
        let told = webinars.map(|row| {
            let owned = row.rights.as_ref().map(|rights| rights.owned);
            (row.currency.unwrap().as_str().to_owned(), owned)
        });
        told.collect::<Vec<_>>()
    };
    let expected = [("EUR".to_owned(), Some(10)), ("USD".to_owned(), None)];
    assert_eq!(currencies(Tier::Product), expected);
    assert_eq!(currencies(Tier::Metric), expected);
    let model = of(Tier::Metric, "GoTo Webinar").next().unwrap();
    assert_eq!(
        model.software_model.as_ref().unwrap().as_str(),
        "goto-webinar"
    );
    // Nothing is bought, so that there is no currency, and still one row.
    let [lines] = of(Tier::Product, "OpenVoice")
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!((lines.currency, lines.amounts), (None, None));
    assert_eq!(lines.rights.as_ref().unwrap().needed, 1);
    let mut used = BTreeMap::new();
    for row in &rows {
        let sum = used.entry(row.tier as u8).or_insert(0);
        *sum += row.rights.as_ref().map_or(0, |rights| rights.used);
    }
    let all: u64 = found
        .products
        .iter()
        .map(|one| one.numbers.rights_used)
        .sum();
    assert_eq!(used, BTreeMap::from([(0, all), (1, all)]));
}

const IDENTIFIERS: [&str; 5] = [
    "zoom.licensed",
    "zoom.zoom_phone",
    "goto.g2m",
    "aha.paid_seat",
    "zoom.type_9",
];
const MODELS: [&str; 4] = [
    "zoom-licensed",
    "zoom-phone",
    "goto-meeting",
    "aha-paid-seat",
];

/// In a group by every grouping.
fn owner_by_each(group: Option<&str>) -> Owner {
    let group = group.map(str::to_owned);
    Owner {
        department: group.clone(),
        cost_center: group.clone(),
        company: group.clone(),
        country: group,
    }
}

fn departments() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![Just(None), Just(Some("Sales")), Just(Some("Legal"))]
}

fn standings() -> impl Strategy<Value = Standing> {
    prop_oneof![
        3 => Just(Standing::Counts),
        1 => Just(Standing::Excluded),
        1 => Just(Standing::Inactive),
        1 => Just(Standing::Free),
    ]
}

prop_compose! {
    fn any_facts()(
        seats in prop::collection::vec((0..5_usize, departments(), standings(), 0..500_u64), 0..20),
        found in prop::collection::vec((0..5_usize, departments(), any::<bool>(), 0..99_u32, 0..9_u64), 0..8),
    ) -> Facts {
        let seats = seats.into_iter();
        let found = found.into_iter();
        Facts {
            seats: seats.map(|(at, department, standing, count)| Seats {
                owner: owner_by_each(department),
                holder: if department.is_some() { Holder::Person } else { Holder::Unresolved },
                ..super::tests::seats(IDENTIFIERS[at], department, standing, count)
            }).collect(),
            candidates: found.map(|(at, department, open, cents, count)| Candidates {
                owner: owner_by_each(department),
                ..candidates(
                    IDENTIFIERS[at],
                    if open { SavingsKind::Potential } else { SavingsKind::Realised },
                    count,
                    saving(&format!("1.{cents:02}"), "EUR", Period::Monthly, "a"),
                )
            }).collect(),
            purchases: Vec::new(),
        }
    }
}

prop_compose! {
    fn any_entitlements()(
        list in prop::collection::vec((0..4_usize, departments(), 0..900_u64, 0..99_u32, any::<bool>(), any::<bool>()), 0..12)
    ) -> Vec<Entitlement> {
        let list = list.into_iter().enumerate();
        let list = list.map(|(at, (model, department, quantity, cents, euros, expired))| json!({
            "name": format!("e{at}"), "software_model": MODELS[model], "quantity": quantity,
            "unit_cost": format!("7.{cents:02}"), "currency": if euros { "EUR" } else { "USD" },
            "period": "quarterly", "start": "2026-01-01",
            "end": if expired { "2026-12-31" } else { "2027-12-31" }, "department": department,
        }));
        entitlements(list.collect())
    }
}

/// What sums up over groups: rights owned, used, available and stale, and by currency what was spent,
/// may be saved and was saved.
type Additive = (u64, u64, i64, u64, BTreeMap<Currency, [Decimal; 3]>);

fn additive(results: &[ProductResult]) -> BTreeMap<String, Additive> {
    let mut sums: BTreeMap<String, Numbers> = BTreeMap::new();
    for result in results {
        let sum = sums.entry(result.product.product.clone()).or_default();
        super::draft::sum_up(sum, &result.numbers).unwrap();
    }
    let told = |numbers: Numbers| {
        let amounts = numbers.amounts.iter().map(|(currency, amounts)| {
            let sums = [
                amounts.total_spend,
                amounts.potential_savings,
                amounts.realised_savings,
            ];
            (*currency, sums)
        });
        let nothing = [Decimal::ZERO; 3];
        (
            numbers.rights_owned,
            numbers.rights_used,
            numbers.rights_available,
            numbers.rights_stale,
            amounts.filter(|(_, sums)| *sums != nothing).collect(),
        )
    };
    sums.into_iter()
        .map(|(name, numbers)| (name, told(numbers)))
        .collect()
}

proptest! {
    #[test]
    fn sums_over_groups_equal_the_whole(facts in any_facts(), bought in any_entitlements()) {
        let catalogue = Catalogue::of(Vec::new());
        let basis = Basis { catalogue: &catalogue, entitlements: &bought, today: TODAY };
        let whole = position(basis, &facts, Grouping::None);
        for grouping in Grouping::ALL {
            let by_group = position(basis, &facts, grouping);
            prop_assert_eq!(additive(&by_group.products), additive(&whole.products));
            prop_assert_eq!(&by_group.ignored, &whole.ignored);
            prop_assert_eq!(&by_group.unrecognized, &whole.unrecognized);
            prop_assert_eq!(&by_group.holders, &whole.holders);
        }
    }

    #[test]
    fn what_is_excluded_inactive_or_free_never_counts(facts in any_facts(), bought in any_entitlements()) {
        let catalogue = Catalogue::of(Vec::new());
        let basis = Basis { catalogue: &catalogue, entitlements: &bought, today: TODAY };
        let mut counting = facts.clone();
        counting.seats.retain(|seats| seats.standing == Standing::Counts);
        for grouping in [Grouping::None, Grouping::Department] {
            let with = position(basis, &facts, grouping);
            let without = position(basis, &counting, grouping);
            prop_assert_eq!(&with.products, &without.products);
        }
        let all: u64 = facts.seats.iter().map(|seats| seats.count).sum();
        let told = position(basis, &facts, Grouping::None);
        let used: u64 = told.products.iter().map(|one| one.numbers.rights_used).sum();
        let ignored = told.ignored;
        let unrecognized: u64 = told.unrecognized.values().sum();
        let held = told.holders;
        prop_assert_eq!(held.people + held.unresolved, used);
        prop_assert_eq!(all, used + unrecognized + ignored.excluded + ignored.inactive
            + ignored.free + ignored.not_under_management);
    }
}

#[test]
fn a_model_that_needs_no_rights_takes_none_from_the_others_of_its_product() {
    let built_in = Catalogue::of(Vec::new());
    let identifier = "zoom.licensed".parse().unwrap();
    let model = built_in.model_of(&identifier).unwrap();
    let (publisher, product) = (model.publisher.clone(), model.product.clone());
    let legacy = json!({"name": "aaa-legacy", "publisher": publisher, "product": product,
        "under_management": false});
    let catalogue = Catalogue::of(vec![serde_json::from_value(legacy).unwrap()]);
    let bought = entitlements(json!([{"name": "all",
        "product": {"publisher": publisher, "product": product}, "quantity": 500,
        "unit_cost": "100", "currency": "EUR", "period": "annually", "start": "2027-01-01"}]));
    let basis = Basis {
        catalogue: &catalogue,
        entitlements: &bought,
        today: TODAY,
    };
    let facts = Facts {
        seats: vec![seats("zoom.licensed", None, Standing::Counts, 120)],
        ..Facts::default()
    };
    let position = position(basis, &facts, Grouping::None);
    let found = self::product(&position, &product);
    assert_eq!(found.numbers.rights_owned, 500);
    assert_eq!(found.numbers.rights_needed, 0);
}

#[test]
fn rights_to_installed_software_are_not_told_as_unused() {
    let installed = json!({"name": "visio", "publisher": "Microsoft", "product": "Visio",
        "norm_products": ["5b1f0c9c2d7e4f6a8b3c4d5e6f708192"]});
    let catalogue = Catalogue::of(vec![serde_json::from_value(installed).unwrap()]);
    let bought = entitlements(
        json!([{"name": "visio", "software_model": "visio", "quantity": 200,
        "unit_cost": "180", "currency": "EUR", "period": "annually", "start": "2027-01-01"}]),
    );
    let basis = Basis {
        catalogue: &catalogue,
        entitlements: &bought,
        today: TODAY,
    };
    let position = position(basis, &Facts::default(), Grouping::None);
    let told = position.products.iter();
    let mut told = told.filter(|product| product.product.product == "Visio");
    assert!(told.next().is_none(), "agents count it, not seats");
}

#[test]
fn candidates_of_several_departments_are_one_row_of_savings() {
    let of = |department| Candidates {
        owner: owner(Some(department)),
        ..candidates("zoom.licensed", SavingsKind::Potential, 2, None)
    };
    let catalogue = Catalogue::of(Vec::new());
    let basis = Basis {
        catalogue: &catalogue,
        entitlements: &[],
        today: TODAY,
    };
    let facts = Facts {
        candidates: vec![of("Sales"), of("Legal")],
        ..Facts::default()
    };
    let position = position(basis, &facts, Grouping::None);
    let rows: Vec<u64> = position
        .products
        .iter()
        .flat_map(|product| &product.models)
        .flat_map(|model| &model.metrics)
        .flat_map(|metric| &metric.savings)
        .map(|row| row.candidates)
        .collect();
    assert_eq!(rows, [4]);
}
