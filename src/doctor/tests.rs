use super::facts::*;
use super::*;
use crate::profile::licence::{Entitlement, Product};

fn healthy() -> Facts {
    let product = Product {
        publisher: "Zoom".to_owned(),
        product: "Workplace".to_owned(),
    };
    Facts {
        now: "2026-03-02T12:00:00Z".parse().unwrap(),
        today: "2026-03-02".parse().unwrap(),
        profiles: vec![ProfileFacts {
            name: "zoom".to_owned(),
            last_walk: Some(WalkFacts {
                complete: true,
                users: 10,
                vendor_total: Some(10),
                unrecognized: Vec::new(),
            }),
            activity_was_read: true,
            reclaims: true,
            reclaim_is_proved: true,
            identifiers: vec![IdentifierFacts {
                identifier: "zoom.licensed".to_owned(),
                product: Some(product),
                tells_disuse: true,
                seats: 10,
                paid: 10,
                excluded: 1,
                with_activity: 6,
                assigned: Some(10),
            }],
            ..ProfileFacts::default()
        }],
        connections: vec![ConnectionFacts {
            name: "zoom".to_owned(),
            needs_person: false,
            consent: None,
        }],
        entitlements: vec![entitlement("2026-12-31")],
        directories: vec![DirectoryFacts {
            name: "people".to_owned(),
            stale: None,
        }],
        // Just now being made.
        open_writes: vec![open_write("2026-03-02T11:59:00Z")],
    }
}

fn open_write(since: &str) -> OpenWriteFacts {
    OpenWriteFacts {
        profile: "zoom".to_owned(),
        candidate: 7,
        intended_at: since.parse().unwrap(),
    }
}

fn entitlement(end: &str) -> Entitlement {
    serde_json::from_value(serde_json::json!({
        "name": "rights", "software_model": "zoom-licensed", "quantity": 10,
        "start": "2020-01-01", "end": end,
    }))
    .unwrap()
}

/// The check, severity, what and value of each finding after a change of healthy facts.
fn found(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = healthy();
    change(&mut facts);
    let findings = examine(&facts).findings.into_iter();
    findings
        .map(|one| {
            assert!(!one.message.is_empty() && !one.remedy.is_empty());
            format!(
                "{} {} {}: {}",
                one.severity.as_str(),
                one.check,
                one.about,
                one.value
            )
        })
        .collect()
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(found(|_| {}), [] as [String; 0]);
    let health = examine(&healthy());
    assert_eq!(
        (health.checks.len(), health.worst()),
        (checks::ALL.len(), None)
    );
}

#[test]
fn a_write_is_found_open_once_it_was_for_an_hour() {
    assert_eq!(
        found(|facts| facts.open_writes.push(open_write("2026-03-02T10:59:00Z"))),
        ["error open_write candidate 7: open since 2026-03-02T10:59:00Z"]
    );
}

#[test]
fn every_check_finds_what_it_is_there_for() {
    type Change = fn(&mut Facts);
    let table: [(Change, &str); 17] = [
        (
            |facts| facts.profiles[0].users.unresolved = 2,
            "warning unresolved_user unresolved: 2 with 0 seats",
        ),
        (
            |facts| facts.profiles[0].users.ties = 3,
            "warning unresolved_user ties: 3",
        ),
        (
            |facts| facts.directories[0].stale = Some("its file is gone".to_owned()),
            "warning old_directory people: its file is gone",
        ),
        (
            |facts| {
                facts.profiles[0].stops.push(Stop {
                    word: "held",
                    reason: "First".to_owned(),
                    message: "x".to_owned(),
                });
            },
            "error stopped_profile held: First",
        ),
        (
            |facts| {
                facts.profiles[0].failures.push(FailedRun {
                    subflow: "pull_user_activity",
                    state: "partially_completed",
                    ended_at: None,
                    message: None,
                });
            },
            "warning failed_run pull_user_activity: partially_completed",
        ),
        (
            |facts| facts.profiles[0].last_walk.as_mut().unwrap().vendor_total = Some(12),
            "error vendor_total users: 10 read, the vendor tells 12",
        ),
        (
            |facts| facts.profiles[0].last_walk.as_mut().unwrap().complete = false,
            "error vendor_total users: 10 read, the vendor tells 10",
        ),
        (
            |facts| facts.profiles[0].identifiers[0].assigned = Some(9),
            "warning assigned_seats zoom.licensed: 10 recorded, the vendor counts 9",
        ),
        (
            |facts| {
                facts.profiles[0].download_due_since =
                    Some("2026-03-01T11:59:59Z".parse().unwrap());
            },
            "error old_download download_subscriptions: due since 2026-03-01T11:59:59Z",
        ),
        (
            |facts| facts.profiles[0].identifiers[0].product = None,
            "warning unrecognized_identifier zoom.licensed: 10 seats",
        ),
        (
            |facts| {
                facts.profiles[0]
                    .last_walk
                    .as_mut()
                    .unwrap()
                    .unrecognized
                    .push(("9".to_owned(), 3));
            },
            "warning unrecognized_identifier 9: 3 seats",
        ),
        (
            |facts| {
                let row = &mut facts.profiles[0].identifiers[0];
                (row.excluded, row.with_activity) = (0, 0);
            },
            "warning missing_activity zoom.licensed: 0 of 10 seats",
        ),
        (
            |facts| facts.profiles[0].identifiers[0].excluded = 10,
            "warning hidden_product Workplace: 10 paid seats, all excluded",
        ),
        (
            |facts| facts.profiles[0].reclaim_is_proved = false,
            "warning unproved_reclaim reclaim_subscriptions: not validated",
        ),
        (
            |facts| facts.connections[0].needs_person = true,
            "error ending_consent zoom: none",
        ),
        (
            |facts| facts.entitlements = vec![entitlement("2026-04-01")],
            "warning ending_entitlement rights: ends 2026-04-01",
        ),
        (
            |facts| facts.entitlements = vec![entitlement("2026-03-02")],
            "warning ending_entitlement rights: ends 2026-03-02",
        ),
    ];
    for (change, finding) in table {
        assert_eq!(found(change), [finding]);
    }
}

#[test]
fn what_is_far_off_free_or_over_is_not_told() {
    assert_eq!(
        found(|facts| facts.entitlements = vec![entitlement("2026-04-02")]),
        [] as [String; 0]
    );
    assert_eq!(
        found(|facts| facts.entitlements = vec![entitlement("2026-03-01")]),
        [] as [String; 0]
    );
    let free = |facts: &mut Facts| {
        let row = &mut facts.profiles[0].identifiers[0];
        (row.paid, row.excluded, row.assigned) = (0, 10, None);
    };
    assert_eq!(found(free), [] as [String; 0]);
    let in_time = |facts: &mut Facts| {
        facts.profiles[0].download_due_since = Some("2026-03-01T12:00:00Z".parse().unwrap());
    };
    assert_eq!(found(in_time), [] as [String; 0]);
}
