//! Walks over all users: whole ones, and those that Aha! does not give whole.

use seatsync::connector::ConnectorOptions;
use seatsync::connector::facts::{Completeness, Role, UserStatus};
use serde_json::json;
use vendor_sim::aha::{
    Action, Cast, Endpoint, Fault, LoggedRequest, NonAdmin, OverMax, Place, Population, Shape,
    Shift,
};

use super::{Bench, impatient, merged, reason, walk};

fn on_list(action: Action) -> Fault {
    Fault::on(Endpoint::ListUsers, action)
}

/// A number that a call was made with.
fn number(request: &LoggedRequest, name: &str) -> usize {
    let value = request.query.iter().find(|(given, _)| given == name);
    value.unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn every_user_is_seen_and_who_is_enabled_holds_a_seat() {
    let bench = Bench::start().await;
    let (report, pages) = walk(&bench.aha()).await;
    let report = report.unwrap();
    assert_eq!(report.completeness, Completeness::Complete);
    assert_eq!((report.users, report.vendor_total), (200, Some(200)));
    let seats = merged(pages);
    let people = bench.control().people();
    let enabled = people.iter().filter(|person| person.enabled).count();
    assert!(enabled < 200 && seats.len() == enabled, "{enabled}");
    for person in &people {
        let seat = seats.get(&person.id);
        assert_eq!(seat.is_some(), person.enabled, "{person:?}");
        let Some(seat) = seat else { continue };
        let word = if person.paid_seat {
            "aha.paid_seat"
        } else {
            "aha.unpaid_seat"
        };
        assert_eq!(seat.identifier.as_str(), word);
        assert_eq!(
            (seat.paid, seat.status),
            (person.paid_seat, UserStatus::Active)
        );
        assert_eq!(seat.last_login_at, person.accessed, "{person:?}");
        assert_eq!(seat.user_created_at, Some(person.created));
        assert_eq!(seat.role == Role::Admin, person.administrator, "{person:?}");
    }
    let named = |member| seats[&bench.sim.cast(member).unwrap().id].clone();
    assert_eq!(named(Cast::NoName).display_name, named(Cast::NoName).email);
    let (twin, other) = (named(Cast::Twin), named(Cast::OtherTwin));
    assert_ne!(twin.external_user_id, other.external_user_id);
    assert_eq!(twin.email.to_lowercase(), other.email.to_lowercase());
    assert_eq!(named(Cast::LongId).external_user_id.len(), 19);
}

#[tokio::test]
async fn calls_name_the_program_and_ask_for_pages_of_two_hundred() {
    let options = ConnectorOptions {
        page_size: 300,
        ..impatient()
    };
    let bench = Bench::with(options, |sim| {
        sim.users = 200;
        sim.switches.user_agent_required = true;
        sim.switches.over_max_per_page = OverMax::Refuse;
    })
    .await;
    let (report, _) = walk(&bench.aha()).await;
    let report = report.unwrap();
    assert_eq!((reason(&report), report.walks), ("complete", 1));
    // One call tells whose key it is, one lists the only page.
    let requests = bench.control().requests();
    let paths: Vec<&str> = requests
        .iter()
        .map(|request| request.path.as_str())
        .collect();
    assert_eq!(paths, ["/api/v1/me", "/api/v1/users"]);
    for request in &requests {
        let agent = request.user_agent.as_deref().unwrap();
        assert!(agent.starts_with("seatsync/"), "{agent}");
    }
}

#[tokio::test]
async fn a_list_at_rest_is_read_once_in_pages_that_overlap() {
    let bench = Bench::start().await;
    let (report, _) = walk(&bench.aha()).await;
    assert_eq!(report.unwrap().walks, 1);
    let asked: Vec<(usize, usize)> = bench
        .requests_to(Endpoint::ListUsers)
        .iter()
        .map(|request| (number(request, "page"), number(request, "per_page")))
        .collect();
    assert_eq!(asked.len(), 9, "{asked:?}");
    let mut read = 0;
    for (page, size) in asked {
        assert!(
            read == 0 || (page - 1) * size < read,
            "page {page} of {size}"
        );
        read = page * size;
    }
}

#[tokio::test]
async fn pages_too_small_to_overlap_count_when_two_walks_saw_the_same() {
    let options = ConnectorOptions {
        page_size: 2,
        ..impatient()
    };
    let bench = Bench::with(options, |sim| sim.users = 20).await;
    let (report, _) = walk(&bench.aha()).await;
    assert_eq!(report.unwrap().walks, 2);
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 2 * 10);
}

#[tokio::test]
async fn nobody_is_lost_when_some_leave_and_join_between_pages() {
    let cases = [
        // The total stays the same.
        ("left early, joined late", Some(5), Some(Place::Last)),
        ("left early", Some(5), None),
        ("joined early", None, Some(Place::First)),
        ("joined late", None, Some(Place::Last)),
    ];
    for (what, remove, add) in cases {
        let bench = Bench::start().await;
        bench.control().shift(Shift {
            after_page: 3,
            remove,
            add,
        });
        let (report, pages) = walk(&bench.aha()).await;
        let report = report.unwrap();
        assert_eq!(reason(&report), "complete", "{what}");
        let seats = merged(pages);
        for person in bench.control().people() {
            let seen = seats.contains_key(&person.id);
            assert_eq!(seen, person.enabled, "{what}: {person:?}");
        }
    }
}

#[tokio::test]
async fn a_walk_that_breaks_once_is_walked_again() {
    let cases = [
        (
            "a repeated page",
            on_list(Action::RepeatToken).after(2).times(1),
        ),
        ("cut short", on_list(Action::CutWalk).after(3).times(1)),
        (
            "rows missing",
            on_list(Action::DropRows { rows: 3 }).after(1).times(1),
        ),
    ];
    for (what, fault) in cases {
        let bench = Bench::start().await;
        bench.control().set_fault(fault);
        let (report, pages) = walk(&bench.aha()).await;
        let report = report.unwrap();
        assert_eq!(reason(&report), "complete", "{what}");
        assert_eq!(report.users, 200, "{what}");
        let enabled = bench
            .control()
            .people()
            .iter()
            .filter(|one| one.enabled)
            .count();
        assert_eq!(merged(pages).len(), enabled, "{what}");
    }
}

#[tokio::test]
async fn a_walk_that_stays_broken_is_incomplete_and_says_why() {
    let cases = [
        (
            on_list(Action::RepeatToken).after(1),
            "page 1 came where page 2 was asked for",
        ),
        (on_list(Action::CutWalk).after(1), "of 200 users were seen"),
        (
            on_list(Action::DropRows { rows: 1 }),
            "of 200 users were seen",
        ),
        (
            on_list(Action::Reshape {
                shape: Shape::NoPagination,
            }),
            "the vendor told no total",
        ),
    ];
    for (fault, expected) in cases {
        let bench = Bench::start().await;
        bench.control().set_fault(fault);
        let (report, _) = walk(&bench.aha()).await;
        let report = report.unwrap();
        assert!(reason(&report).contains(expected), "{report:?}");
        assert!(
            reason(&report).starts_with("users, after 3 walks"),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn shapes_that_may_come_change_nothing() {
    for shape in [
        Shape::NumericIds,
        Shape::UnknownFields,
        Shape::TotalsAsText,
        Shape::TimesWithOffset,
    ] {
        let bench = Bench::start().await;
        bench
            .control()
            .set_fault(on_list(Action::Reshape { shape }));
        let (report, pages) = walk(&bench.aha()).await;
        assert_eq!(reason(&report.unwrap()), "complete", "{shape:?}");
        let idle = bench.sim.cast(Cast::LongId).unwrap();
        assert_eq!(
            merged(pages)[&idle.id].last_login_at,
            idle.accessed,
            "{shape:?}"
        );
    }
}

#[tokio::test]
async fn a_row_without_what_decides_about_its_seat_ends_the_walk() {
    for (pointer, value) in [
        ("/users/3/enabled", json!(null)),
        ("/users/3/paid_seat", json!("yes")),
        ("/users/3/accessed_at", json!("ontem")),
        ("/users", json!("none")),
    ] {
        let bench = Bench::start().await;
        let set = Action::Set {
            pointer: pointer.to_owned(),
            value,
        };
        bench.control().set_fault(on_list(set));
        let error = walk(&bench.aha()).await.0.unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("cannot be understood"),
            "{pointer}: {message}"
        );
        assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 1, "{pointer}");
    }
}

#[tokio::test]
async fn a_list_shortened_for_want_of_rights_is_not_believed() {
    let bench = Bench::with_key_of(Cast::Member, impatient(), |sim| {
        sim.switches.non_admin = NonAdmin::CallerOnly;
    })
    .await;
    let (report, _) = walk(&bench.aha()).await;
    let report = report.unwrap();
    let email = bench.sim.cast(Cast::Member).unwrap().email;
    assert!(
        reason(&report).contains(&format!(
            "`{email}`, whose key this is, administers nothing"
        )),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_large_account_is_walked_whole_with_its_hashes_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let options = ConnectorOptions {
        page_size: 200,
        scratch: Some(folder.path().to_owned()),
        ..impatient()
    };
    let bench = Bench::with(options, |sim| {
        sim.users = 20_000;
        sim.population = Population {
            disabled: 0.0,
            ..Population::default()
        };
    })
    .await;
    let (report, _) = walk(&bench.aha()).await;
    let report = report.unwrap();
    assert_eq!((reason(&report), report.users), ("complete", 20_000));
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 110);
}
