//! Taking a licence away and giving it back.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use seatsync::connector::facts::{ActivityKind, Grade};
use seatsync::connector::{
    AnyConnector, Connector as _, ConnectorError, Consequence, FreshSeat, Hindrance, Holding,
    PriorState, Refusal, RefusalKind, SeatRef, WriteOptions, Written,
};
use seatsync::profile::identifier::{Identifier, ProfileType};
use seatsync::reclamation::evidence;
use serde_json::json;
use vendor_sim::zoom::{
    Action, Cast, Endpoint, Fault, Hosted, HostedKind, LoggedRequest, PersonChange, Pools, Product,
    SeatRefusal,
};

use super::Bench;

/// Sixty days before the start.
const SINCE: Date = date(2026, 1, 1);

/// Whether a hindrance is the expected one.
type Expected = fn(&Hindrance) -> bool;

fn seat(bench: &Bench, member: Cast, identifier: &str) -> SeatRef {
    SeatRef {
        external_user_id: bench.control().cast(member).unwrap().id,
        identifier: identifier.parse().unwrap(),
    }
}

fn deleting() -> WriteOptions {
    WriteOptions {
        delete_basic_users: true,
        ..WriteOptions::default()
    }
}

async fn fresh(zoom: &AnyConnector, seat: &SeatRef) -> FreshSeat {
    fresh_with(zoom, seat, &WriteOptions::default()).await
}

async fn fresh_with(zoom: &AnyConnector, seat: &SeatRef, options: &WriteOptions) -> FreshSeat {
    let kinds = evidence::counting(&seat.identifier);
    zoom.read_seat(seat, kinds, SINCE, options).await.unwrap()
}

/// Takes the seat as it was read, whatever hinders it.
async fn take(zoom: &AnyConnector, seat: &SeatRef) -> Result<Written, ConnectorError> {
    let nothing = PriorState(json!(null));
    zoom.reclaim_seat(seat, &nothing, &deleting()).await
}

fn refusal(written: Result<Written, ConnectorError>) -> Refusal {
    match written {
        Ok(Written::Refused(refusal)) => refusal,
        other => panic!("it is refused, not {other:?}"),
    }
}

fn words(identifiers: &[Identifier]) -> Vec<&str> {
    identifiers.iter().map(Identifier::as_str).collect()
}

fn kind_of(bench: &Bench, seat: &SeatRef) -> u64 {
    bench.control().person(&seat.external_user_id).unwrap().kind
}

fn wrote(bench: &Bench) -> Vec<LoggedRequest> {
    let mut requests = bench.control().requests();
    requests.retain(LoggedRequest::wrote);
    requests
}

#[tokio::test]
async fn a_licence_goes_its_user_stays_as_a_basic_one_and_it_comes_back() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let seat = seat(&bench, Cast::Idle, "zoom.licensed");
    let before = fresh(&zoom, &seat).await;
    assert_eq!(before.holding, Holding::Held);
    assert_eq!(before.hindrances, []);
    assert_eq!(before.used_on, None);
    assert!(before.takes_along.is_empty() && before.consequences.is_empty());

    let written = take(&zoom, &seat).await;
    assert!(matches!(written, Ok(Written::Done { .. })), "{written:?}");
    assert_eq!(zoom.holding(&seat).await.unwrap(), Holding::NotHeld);
    assert_eq!(kind_of(&bench, &seat), 1);
    let changes = wrote(&bench);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].body, Some(json!({"type": 1})));

    let back = zoom.restore_seat(&seat, &before.prior).await;
    assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
    assert_eq!(zoom.holding(&seat).await.unwrap(), Holding::Held);
    assert_eq!(kind_of(&bench, &seat), 2);
}

#[tokio::test]
async fn add_ons_go_before_the_licence_and_come_back_after_it_at_their_size() {
    for (member, add_on, needs) in [
        (Cast::WebinarIdle, "zoom.webinar.500", "1122"),
        (Cast::WebinarUnused, "zoom.webinar.1000", "1122"),
        (Cast::LargeMeeting, "zoom.large_meeting.500", "1108"),
    ] {
        let bench = Bench::start().await;
        let zoom = bench.zoom();
        let licence = seat(&bench, member, "zoom.licensed");
        let add_on = seat(&bench, member, add_on);
        let with_both = fresh(&zoom, &licence).await;
        assert_eq!(words(&with_both.takes_along), [add_on.identifier.as_str()]);

        let before = fresh(&zoom, &add_on).await;
        assert!(before.takes_along.is_empty(), "{before:?}");
        let written = take(&zoom, &add_on).await;
        assert!(matches!(written, Ok(Written::Done { .. })), "{written:?}");
        assert_eq!(zoom.holding(&add_on).await.unwrap(), Holding::NotHeld);
        assert_eq!(
            kind_of(&bench, &licence),
            2,
            "{member:?} keeps their licence"
        );
        assert!(fresh(&zoom, &licence).await.takes_along.is_empty());
        take(&zoom, &licence).await.unwrap();

        let early = refusal(zoom.restore_seat(&add_on, &before.prior).await);
        assert_eq!(early.context.code.as_deref(), Some(needs));
        assert!(
            early
                .message
                .contains("give the user's `zoom.licensed` back first"),
            "{}",
            early.message
        );
        assert!(!early.kind.stops_batch());
        zoom.restore_seat(&licence, &with_both.prior).await.unwrap();
        let back = zoom.restore_seat(&add_on, &before.prior).await;
        assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
        assert_eq!(zoom.holding(&add_on).await.unwrap(), Holding::Held);
    }
}

#[tokio::test]
async fn what_zoom_workplace_adds_is_told_with_the_licence_and_never_taken_by_itself() {
    let bench = Bench::start().await;
    let person = bench.control().cast(Cast::Idle).unwrap();
    let products = PersonChange {
        products: Some(vec![Product::Scheduler, Product::Phone]),
        webinars_plus: Some(500),
        ..PersonChange::default()
    };
    bench.control().change_person(&person.id, products).unwrap();
    let workplace = bench.zoom_for(ProfileType::ZoomWorkplace);
    let held = [
        "zoom.zoom_phone",
        "zoom.zoom_scheduler",
        "zoom.zoom_webinars_plus.500",
    ];
    let licence = seat(&bench, Cast::Idle, "zoom.licensed");
    let found = fresh(&workplace, &licence).await;
    assert_eq!(words(&found.takes_along), held);
    // A profile of the older type counts only what needs a licence to be hosted with.
    let found = fresh(&bench.zoom(), &licence).await;
    assert_eq!(words(&found.takes_along), ["zoom.zoom_webinars_plus.500"]);

    for identifier in held.into_iter().chain(["zoom.one.16", "zoom.unassigned"]) {
        let seat = seat(&bench, Cast::Idle, identifier);
        let found = fresh_with(&workplace, &seat, &deleting()).await;
        assert!(
            matches!(found.hindrances[..], [Hindrance::Unreclaimable(_)]),
            "{identifier} {found:?}"
        );
        let written = take(&workplace, &seat).await;
        assert!(
            matches!(written, Err(ConnectorError::Unsupported { .. })),
            "{identifier} {written:?}"
        );
    }
    assert_eq!(wrote(&bench), []);
}

#[tokio::test]
async fn a_basic_user_is_deleted_only_where_the_profile_says_so() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let seat = seat(&bench, Cast::BasicIdle, "zoom.basic");
    let plain = WriteOptions::default();
    let found = fresh(&zoom, &seat).await;
    assert!(
        matches!(found.hindrances[..], [Hindrance::Unreclaimable(_)]),
        "{found:?}"
    );
    let written = zoom.reclaim_seat(&seat, &found.prior, &plain).await;
    assert!(
        matches!(written, Err(ConnectorError::Unsupported { .. })),
        "{written:?}"
    );
    assert_eq!(wrote(&bench), []);

    let found = fresh_with(&zoom, &seat, &deleting()).await;
    assert_eq!(found.hindrances, []);
    assert_eq!(found.consequences, [Consequence::DeletesUser]);
    let written = take(&zoom, &seat).await;
    assert!(matches!(written, Ok(Written::Done { .. })), "{written:?}");
    assert_eq!(zoom.holding(&seat).await.unwrap(), Holding::UserGone);
    let action = ("action".to_owned(), "delete".to_owned());
    assert_eq!(wrote(&bench)[0].query, [action]);
    let back = zoom.restore_seat(&seat, &found.prior).await;
    assert!(
        matches!(back, Err(ConnectorError::Unsupported { .. })),
        "{back:?}"
    );
}

#[tokio::test]
async fn what_stands_in_the_way_is_found_before_anything_is_written() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let table: [(Cast, &str, Expected); 7] = [
        (Cast::Owner, "zoom.licensed", |h| {
            matches!(h, Hindrance::Administrator(_))
        }),
        (Cast::Admin, "zoom.licensed", |h| {
            matches!(h, Hindrance::Administrator(_))
        }),
        (Cast::ZoomOne, "zoom.licensed", |h| *h == Hindrance::Bundled),
        (Cast::United, "zoom.licensed", |h| *h == Hindrance::Bundled),
        (Cast::UnknownBundle, "zoom.licensed", |h| {
            *h == Hindrance::Bundled
        }),
        (Cast::Booked, "zoom.licensed", |h| {
            matches!(h, Hindrance::UpcomingMeeting(_))
        }),
        (Cast::NoMeetings, "zoom.unassigned", |h| {
            matches!(h, Hindrance::Unreclaimable(_))
        }),
    ];
    for (member, identifier, wanted) in table {
        let found = fresh(&zoom, &seat(&bench, member, identifier)).await;
        assert!(found.hindrances.iter().any(wanted), "{member:?} {found:?}");
    }
    let host = seat(&bench, Cast::WebinarIdle, "zoom.webinar.500");
    let ahead = Hosted {
        kind: HostedKind::Webinar,
        start: bench.started.saturating_add(50.hours()).unwrap(),
        minutes: 30,
        participants: 2,
    };
    assert!(bench.control().host(&host.external_user_id, &ahead));
    let found = fresh(&zoom, &host).await;
    let webinar = |h: &Hindrance| matches!(h, Hindrance::UpcomingWebinar(_));
    assert!(found.hindrances.iter().any(webinar), "{found:?}");
    assert_eq!(wrote(&bench), []);
}

#[tokio::test]
async fn an_instant_meeting_that_no_list_shows_is_seen() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let seat = seat(&bench, Cast::Idle, "zoom.licensed");
    let start = bench.started.saturating_sub(20.hours()).unwrap();
    let instant = Hosted {
        kind: HostedKind::Instant,
        start,
        minutes: 30,
        participants: 2,
    };
    assert!(bench.control().host(&seat.external_user_id, &instant));
    let day = start.to_zoned(jiff::tz::TimeZone::UTC).date();
    let expected = Some((day, ActivityKind::Meeting, Grade::Hosted));
    assert_eq!(fresh(&zoom, &seat).await.used_on, expected);
}

#[tokio::test]
async fn an_account_without_room_stops_the_batch_whichever_code_says_so() {
    for (refuses, towards_basic, towards_licensed) in [
        (SeatRefusal::ByDirection, "2033", "2034"),
        (SeatRefusal::Either, "3412", "3412"),
    ] {
        let bench = Bench::start().await;
        let zoom = bench.zoom();
        bench
            .control()
            .switch(|switches| switches.seat_refusal = refuses);
        let idle = seat(&bench, Cast::Idle, "zoom.licensed");
        let before = fresh(&zoom, &idle).await;
        bench.control().set_pools(Pools {
            basic_ceiling: Some(0),
            ..Pools::default()
        });
        let full = refusal(take(&zoom, &idle).await);
        assert_eq!(full.context.code.as_deref(), Some(towards_basic));
        assert_eq!(full.kind, RefusalKind::NoRoom);
        assert!(full.kind.stops_batch());
        assert_eq!(kind_of(&bench, &idle), 2);

        bench.control().set_pools(Pools::default());
        take(&zoom, &idle).await.unwrap();
        bench.control().set_pools(Pools {
            base: Some(0),
            ..Pools::default()
        });
        let full = refusal(zoom.restore_seat(&idle, &before.prior).await);
        assert_eq!(full.context.code.as_deref(), Some(towards_licensed));
        assert_eq!(full.kind, RefusalKind::NoRoom);
    }
}

#[tokio::test]
async fn add_ons_that_are_all_given_out_do_not_come_back() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let add_on = seat(&bench, Cast::WebinarIdle, "zoom.webinar.500");
    let before = fresh(&zoom, &add_on).await;
    take(&zoom, &add_on).await.unwrap();
    bench.control().set_pools(Pools {
        webinar: Some([0; 6]),
        ..Pools::default()
    });
    let full = refusal(zoom.restore_seat(&add_on, &before.prior).await);
    assert_eq!(full.kind, RefusalKind::NoRoom, "{}", full.message);
}

#[tokio::test]
async fn what_zoom_refuses_of_one_user_is_told_and_the_next_goes_on() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    for (member, identifier, code) in [
        (Cast::EventsUpcoming, "zoom.licensed", "300"),
        (Cast::ZoomOne, "zoom.licensed", "300"),
        (Cast::QueueManager, "zoom.basic", "1000"),
        (Cast::Owner, "zoom.basic", "200"),
    ] {
        let refused = refusal(take(&zoom, &seat(&bench, member, identifier)).await);
        assert_eq!(refused.context.code.as_deref(), Some(code), "{member:?}");
        assert_eq!(
            refused.kind,
            RefusalKind::Protected,
            "{member:?} {}",
            refused.message
        );
        assert!(!refused.kind.stops_batch());
    }
    bench
        .control()
        .switch(|switches| switches.caller_may_not_change_types = true);
    let refused = refusal(take(&zoom, &seat(&bench, Cast::Idle, "zoom.licensed")).await);
    assert_eq!(refused.context.code.as_deref(), Some("1108"));
    assert!(
        refused.message.contains("role") && !refused.kind.stops_batch(),
        "{}",
        refused.message
    );
    assert_eq!(wrote(&bench), []);
}

/// As Zoom words them, of users that the simulated account does not have.
#[tokio::test]
async fn refusals_in_zooms_own_words_are_understood() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let table = [
        (
            Endpoint::UpdateUser,
            "zoom.licensed",
            200,
            "A Zoom Room user cannot be changed to a free user type: x.",
            RefusalKind::Protected,
        ),
        (
            Endpoint::UpdateUser,
            "zoom.licensed",
            2039,
            "You can't turn off your Zoom One license now because you don't have enough basic licenses.",
            RefusalKind::NoRoom,
        ),
        (
            Endpoint::UpdateUser,
            "zoom.licensed",
            1120,
            "A valid invitation to join the Zoom account was not found for this user.",
            RefusalKind::UserGone,
        ),
        (
            Endpoint::DeleteUser,
            "zoom.basic",
            200,
            "Unable to delete this deactivated user. Please contact Zoom support team for more information.",
            RefusalKind::Protected,
        ),
        (
            Endpoint::DeleteUser,
            "zoom.basic",
            300,
            "This user has published events on Zoom Events and cannot be deleted or unlinked.",
            RefusalKind::Protected,
        ),
        (
            Endpoint::DeleteUser,
            "zoom.basic",
            1117,
            "You can not disassociate an Admin user.",
            RefusalKind::Protected,
        ),
    ];
    for (endpoint, identifier, code, message, kind) in table {
        bench.control().clear_faults();
        let refuses = Action::Answer {
            status: 400,
            body: Some(json!({"code": code, "message": message})),
            headers: BTreeMap::new(),
            after_effect: false,
        };
        bench.control().set_fault(Fault::on(endpoint, refuses));
        let refused = refusal(take(&zoom, &seat(&bench, Cast::Idle, identifier)).await);
        assert_eq!(refused.kind, kind, "{message}");
        assert!(
            refused.message.starts_with(message) && refused.message.contains(&code.to_string()),
            "{}",
            refused.message
        );
    }
}

#[tokio::test]
async fn an_unpaid_host_has_no_licence_to_take_and_none_that_came_back() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let idle = seat(&bench, Cast::Idle, "zoom.licensed");
    let before = fresh(&zoom, &idle).await;
    take(&zoom, &idle).await.unwrap();
    bench
        .control()
        .switch(|switches| switches.unpaid_host_refused = true);
    let again = take(&zoom, &idle).await;
    assert!(matches!(again, Ok(Written::AlreadySo { .. })), "{again:?}");
    let unpaid = Action::Answer {
        status: 400,
        body: Some(json!({"code": 1109, "message": "Host is not a paid user."})),
        headers: BTreeMap::new(),
        after_effect: false,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::UpdateUser, unpaid));
    let back = refusal(zoom.restore_seat(&idle, &before.prior).await);
    assert_eq!(back.kind, RefusalKind::Other);
}

#[tokio::test]
async fn a_lost_answer_is_one_change_and_a_missing_user_is_gone() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let idle = seat(&bench, Cast::Idle, "zoom.licensed");
    let lost = Action::Reset { after_effect: true };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::UpdateUser, lost));
    let written = take(&zoom, &idle).await;
    assert!(
        matches!(written, Err(ConnectorError::Unavailable { .. })),
        "{written:?}"
    );
    assert_eq!(
        bench.requests_to(Endpoint::UpdateUser).len(),
        1,
        "not repeated"
    );
    assert_eq!(zoom.holding(&idle).await.unwrap(), Holding::NotHeld);
    bench.control().clear_faults();
    let nobody = SeatRef {
        external_user_id: "nobody".to_owned(),
        ..idle
    };
    assert_eq!(fresh(&zoom, &nobody).await.holding, Holding::UserGone);
    let gone = refusal(take(&zoom, &nobody).await);
    assert_eq!(gone.kind, RefusalKind::UserGone);
}
