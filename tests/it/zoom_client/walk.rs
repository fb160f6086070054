//! Walks over all users: whole ones, and those that Zoom does not give whole.

use std::time::Duration;

use jiff::SignedDuration;
use seatsync::connector::facts::{Completeness, Role, UserStatus, WalkReport};
use seatsync::connector::{Connector as _, ConnectorError, ConnectorOptions};
use serde_json::json;
use tokio::sync::mpsc;
use vendor_sim::zoom::{Action, Endpoint, Fault, Paging, Refusal, Shape};

use super::{Bench, impatient, merged, walk};

/// A fault on the pages of active users after the first.
fn on_active_pages(action: Action) -> Fault {
    let mut fault = Fault::on(Endpoint::ListUsers, action);
    fault
        .when
        .query
        .insert("status".to_owned(), "active".to_owned());
    fault
}

/// Lets others run until so many pages were asked for.
async fn until_pages_asked(bench: &Bench, pages: usize) {
    let asked = async {
        while bench.requests_to(Endpoint::ListUsers).len() < pages {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked)
        .await
        .expect("the walk stands still");
}

fn reason(report: &WalkReport) -> &str {
    match &report.completeness {
        Completeness::Complete => "complete",
        Completeness::Incomplete(reason) => reason,
    }
}

#[tokio::test]
async fn every_user_is_seen_once_and_the_walk_is_complete() {
    let bench = Bench::start().await;
    let (report, pages) = walk(&bench.zoom()).await;
    let report = report.unwrap();
    assert_eq!(report.completeness, Completeness::Complete);
    assert_eq!(
        (report.users, report.vendor_total, report.walks),
        (200, Some(200), 1)
    );
    assert_eq!(pages.iter().map(|page| page.users).sum::<u64>(), 200);
    let seats = merged(pages);
    assert_eq!(seats.len(), 200);
    let of = |status| seats.values().filter(|seat| seat.status == status).count();
    assert!(of(UserStatus::Inactive) > 0);
    assert!(of(UserStatus::Pending) > 0);
    assert_eq!(
        seats
            .values()
            .filter(|seat| seat.role == Role::Owner)
            .count(),
        1
    );
    for word in [
        "zoom.basic",
        "zoom.licensed",
        "zoom.unassigned",
        "zoom.none",
    ] {
        assert!(
            seats.values().any(|seat| seat.identifier.as_str() == word),
            "nobody has {word}"
        );
    }
    assert!(seats.values().any(|seat| seat.bundled));
    let pending = seats
        .values()
        .find(|seat| seat.status == UserStatus::Pending);
    assert!(pending.unwrap().external_user_id.starts_with("pending:"));
    // As many calls as there are pages, and no more.
    let calls = bench.requests_to(Endpoint::ListUsers).len() as u64;
    assert_eq!(bench.stats.counts().vendor_calls, calls);
    assert!(calls <= 200 / 30 + 1 + 2, "{calls}");
    assert_eq!(bench.stats.vendor_ahead(), Some(SignedDuration::ZERO));
}

#[tokio::test]
async fn the_page_after_is_fetched_while_a_page_waits_for_its_receiver() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let (sender, mut receiver) = mpsc::channel(1);
    let walking = tokio::spawn(async move { zoom.walk_seats(sender).await });
    // Nobody receives: one page lies in the channel, one waits for room, one is fetched.
    until_pages_asked(&bench, 3).await;
    let mut users = 0;
    while let Some(page) = receiver.recv().await {
        users += page.users;
    }
    assert_eq!(users, 200);
    assert_eq!(walking.await.unwrap().unwrap().walks, 1);
}

#[tokio::test]
async fn a_receiver_that_goes_away_cancels_the_walk() {
    let bench = Bench::start().await;
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let found = bench.zoom().walk_seats(sender).await;
    assert!(matches!(found, Err(ConnectorError::Cancelled)), "{found:?}");
}

#[tokio::test]
async fn a_walk_that_breaks_once_is_walked_again() {
    let cases = [
        (
            "a repeated token",
            on_active_pages(Action::RepeatToken).after(1).times(1),
        ),
        (
            "cut short",
            on_active_pages(Action::CutWalk).after(2).times(1),
        ),
        (
            "rows missing",
            on_active_pages(Action::DropRows { rows: 3 })
                .after(1)
                .times(1),
        ),
        (
            "an expired token",
            on_active_pages(Action::Refuse {
                refusal: Refusal::BadPageToken,
            })
            .after(2)
            .times(1),
        ),
    ];
    for (what, fault) in cases {
        let bench = Bench::start().await;
        bench.control().set_fault(fault);
        let (report, pages) = walk(&bench.zoom()).await;
        let report = report.unwrap();
        assert_eq!(reason(&report), "complete", "{what}");
        assert_eq!((report.users, report.walks), (200, 2), "{what}");
        assert_eq!(merged(pages).len(), 200, "{what}");
    }
}

#[tokio::test]
async fn a_walk_that_stays_broken_is_incomplete_and_says_why() {
    let cases = [
        (
            on_active_pages(Action::RepeatToken).after(1),
            "a page token came twice",
        ),
        (on_active_pages(Action::CutWalk).after(1), "users were seen"),
        (
            on_active_pages(Action::DropRows { rows: 1 }),
            "users were seen",
        ),
        (
            on_active_pages(Action::Set {
                pointer: "/total_records".to_owned(),
                value: json!(null),
            }),
            "the vendor told no total",
        ),
    ];
    for (fault, expected) in cases {
        let bench = Bench::start().await;
        bench.control().set_fault(fault);
        let (report, _) = walk(&bench.zoom()).await;
        let report = report.unwrap();
        assert!(reason(&report).contains(expected), "{report:?}");
        assert!(
            reason(&report).starts_with("active users, after 3 walks"),
            "{report:?}"
        );
        assert_eq!(report.walks, 3);
    }
}

#[tokio::test]
async fn rows_lost_to_order_are_merged_over_walks() {
    let bench = Bench::start().await;
    // Each walk loses one other page's rows; together they have all.
    bench
        .control()
        .set_fault(on_active_pages(Action::DropRows { rows: 2 }).times(1));
    bench.control().set_fault(
        on_active_pages(Action::DropRows { rows: 2 })
            .after(6)
            .times(1),
    );
    let (report, pages) = walk(&bench.zoom()).await;
    assert_eq!(reason(&report.unwrap()), "complete");
    assert_eq!(merged(pages).len(), 200);
}

#[tokio::test]
async fn a_total_that_moves_on_the_way_calls_for_another_walk() {
    let bench = Bench::start().await;
    bench.control().set_fault(
        on_active_pages(Action::Set {
            pointer: "/total_records".to_owned(),
            value: json!(7),
        })
        .times(1),
    );
    let (report, pages) = walk(&bench.zoom()).await;
    let report = report.unwrap();
    assert_eq!((reason(&report), report.walks), ("complete", 2));
    assert_eq!(merged(pages).len(), 200);
}

#[tokio::test]
async fn a_page_token_that_grew_old_restarts_the_walk_of_that_status() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let (sender, mut receiver) = mpsc::channel(1);
    let walking = tokio::spawn(async move { zoom.walk_seats(sender).await });
    until_pages_asked(&bench, 3).await;
    // The receiver was busy for longer than Zoom's page tokens live.
    bench.control().advance(SignedDuration::from_mins(16));
    while receiver.recv().await.is_some() {}
    let report = walking.await.unwrap().unwrap();
    assert_eq!((reason(&report), report.walks), ("complete", 2));
}

#[tokio::test]
async fn switches_that_differ_between_accounts_change_nothing() {
    let bench = Bench::with(impatient(), |sim| {
        sim.switches.counts_on_first_page_only = true;
        sim.switches.shuffled_walks = true;
        sim.switches.paging = Paging::Live;
    })
    .await;
    for shape in [
        Shape::CustomAttributesObject,
        Shape::HugeZoomOneType,
        Shape::UnknownFields,
    ] {
        bench.control().clear_faults();
        bench
            .control()
            .set_fault(Fault::on(Endpoint::ListUsers, Action::Reshape { shape }));
        let (report, pages) = walk(&bench.zoom()).await;
        assert_eq!(reason(&report.unwrap()), "complete", "{shape:?}");
        assert_eq!(merged(pages).len(), 200, "{shape:?}");
    }
}

#[tokio::test]
async fn an_unknown_user_type_is_a_seat_and_counted() {
    let bench = Bench::start().await;
    bench.control().set_fault(
        Fault::on(
            Endpoint::ListUsers,
            Action::Reshape {
                shape: Shape::UnknownType,
            },
        )
        .times(1),
    );
    let (report, pages) = walk(&bench.zoom()).await;
    let report = report.unwrap();
    assert_eq!(reason(&report), "complete");
    let [(word, times)] = report.unrecognized.as_slice() else {
        panic!("{:?}", report.unrecognized);
    };
    assert!(word.starts_with("zoom.type_"), "{word}");
    let seats = merged(pages);
    let found = seats
        .values()
        .filter(|seat| seat.identifier.as_str() == word);
    assert_eq!(found.count() as u64, *times);
}

#[tokio::test]
async fn an_account_of_exact_pages_and_a_large_page_size_end_well() {
    let options = ConnectorOptions {
        page_size: 300,
        ..impatient()
    };
    let bench = Bench::with(options, |sim| {
        sim.users = 600;
        sim.population.inactive = 0.0;
        sim.population.pending = 0.0;
    })
    .await;
    let (report, pages) = walk(&bench.zoom()).await;
    let report = report.unwrap();
    assert_eq!((reason(&report), report.users), ("complete", 600));
    assert_eq!(pages.len(), 2);
}

#[tokio::test]
async fn hashes_that_do_not_fit_memory_go_to_an_unnamed_file() {
    let folder = tempfile::tempdir().unwrap();
    let options = ConnectorOptions {
        page_size: 300,
        scratch: Some(folder.path().to_owned()),
        ..impatient()
    };
    let bench = Bench::with(options, |sim| sim.users = 3_000).await;
    let (report, _) = walk(&bench.zoom()).await;
    assert_eq!(report.unwrap().users, 3_000);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
