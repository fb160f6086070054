//! Taking a licence away and giving it back.

use jiff::civil::{Date, date};
use jiff::{SignedDuration, ToSpan};
use seatsync::connector::facts::{ActivityKind, Grade};
use seatsync::connector::{
    AnyConnector, Connector as _, ConnectorError, Consequence, FreshSeat, Hindrance, Holding,
    SeatRef, WriteOptions, Written,
};
use seatsync::profile::identifier::Identifier;
use seatsync::reclamation::evidence;
use vendor_sim::goto::{Action, Cast, Endpoint, Fault, Kind, LoggedRequest};

use super::Bench;

/// Whether a hindrance is the expected one.
type Expected = fn(&Hindrance) -> bool;

/// Sixty days before the start.
const SINCE: Date = date(2026, 1, 1);

fn seat(bench: &Bench, member: Cast, identifier: &str) -> SeatRef {
    SeatRef {
        external_user_id: bench.key(member),
        identifier: identifier.parse().unwrap(),
    }
}

fn connect() -> WriteOptions {
    WriteOptions {
        goto_connect: true,
        suppress_email: true,
        ..WriteOptions::default()
    }
}

async fn fresh(goto: &AnyConnector, seat: &SeatRef, options: &WriteOptions) -> FreshSeat {
    let kinds = evidence::counting(&seat.identifier);
    goto.read_seat(seat, kinds, SINCE, options).await.unwrap()
}

/// Looks until the seat is held or is not, as long as the vendor may take.
async fn settled(bench: &Bench, goto: &AnyConnector, seat: &SeatRef, wanted: Holding) -> Holding {
    let settling = goto.settles();
    let mut holding = goto.holding(seat).await.unwrap();
    for _ in 1..settling.tries {
        if holding == wanted {
            break;
        }
        bench.clock.0.advance(settling.wait);
        holding = goto.holding(seat).await.unwrap();
    }
    holding
}

#[tokio::test]
async fn the_last_licence_goes_is_told_as_what_suspends_and_comes_back() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let seat = seat(&bench, Cast::Idle, "goto.g2m");
    let options = connect();
    let before = fresh(&goto, &seat, &options).await;
    assert_eq!(before.holding, Holding::Held);
    assert_eq!(before.hindrances, []);
    assert_eq!(before.used_on, None);
    assert_eq!(before.consequences, [Consequence::SuspendsUser]);
    let written = goto.reclaim_seat(&seat, &before.prior, &options).await;
    assert!(matches!(written, Ok(Written::Done { .. })), "{written:?}");
    let after = settled(&bench, &goto, &seat, Holding::NotHeld).await;
    assert_eq!(after, Holding::NotHeld);
    let removal = bench.requests_to(Endpoint::RemoveLicense);
    let suppress = ("suppressEmail".to_owned(), "true".to_owned());
    assert!(removal[0].query.contains(&suppress), "{removal:?}");

    let again = goto.reclaim_seat(&seat, &before.prior, &options).await;
    assert!(matches!(again, Ok(Written::AlreadySo { .. })), "{again:?}");

    let back = goto.restore_seat(&seat, &before.prior).await;
    assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
    let held = settled(&bench, &goto, &seat, Holding::Held).await;
    assert_eq!(held, Holding::Held);
}

#[tokio::test]
async fn what_stands_in_the_way_is_found_before_anything_is_written() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let plain = WriteOptions::default();
    let table: [(Cast, &str, WriteOptions, Expected); 7] = [
        (Cast::Admin, "goto.g2m", plain, |h| {
            *h == Hindrance::OwnAccount
        }),
        (Cast::Admin, "goto.g2m", plain, |h| {
            matches!(h, Hindrance::Administrator(_))
        }),
        (Cast::SeatManager, "goto.g2m", plain, |h| {
            matches!(h, Hindrance::Administrator(_))
        }),
        (Cast::Bundled, "goto.g2m", plain, |h| {
            *h == Hindrance::Bundled
        }),
        (Cast::Trainer, "goto.g2t", plain, |h| {
            matches!(h, Hindrance::Unreclaimable(_))
        }),
        (Cast::SilentCaller, "goto.connect", plain, |h| {
            matches!(h, Hindrance::Unreclaimable(_))
        }),
        (Cast::Supporter, "goto.g2ars", plain, |h| {
            matches!(h, Hindrance::Unreclaimable(_))
        }),
    ];
    for (member, identifier, options, wanted) in table {
        let seat = seat(&bench, member, identifier);
        let found = fresh(&goto, &seat, &options).await;
        assert!(found.hindrances.iter().any(wanted), "{member:?} {found:?}");
    }
    let managed = bench.sim.cast(Cast::Managed).unwrap();
    let identifier = identifier_of(&goto, &managed.key).await;
    let seat = SeatRef {
        external_user_id: managed.key,
        identifier: identifier.parse().unwrap(),
    };
    let found = fresh(&goto, &seat, &connect()).await;
    assert!(
        found.hindrances.contains(&Hindrance::ExternallyManaged),
        "{found:?}"
    );
    assert!(!bench.control().requests().iter().any(LoggedRequest::wrote));
}

/// What somebody of the cast holds.
async fn identifier_of(goto: &AnyConnector, key: &str) -> String {
    let (report, pages) = super::walk(goto).await;
    report.unwrap();
    let seats = super::merged(pages);
    let held = seats.keys().find(|(user, _)| user == key);
    held.unwrap().1.clone()
}

#[tokio::test]
async fn a_webinar_ahead_and_use_that_nobody_recorded_are_seen() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let planner = seat(&bench, Cast::SchedulesOnly, "goto.g2w");
    let found = fresh(&goto, &planner, &connect()).await;
    let ahead = |h: &Hindrance| matches!(h, Hindrance::UpcomingWebinar(_));
    assert!(found.hindrances.iter().any(ahead), "{found:?}");

    let idle = bench.sim.cast(Cast::Idle).unwrap();
    let seat = seat(&bench, Cast::Idle, "goto.g2m");
    let yesterday = bench.started.saturating_sub(20.hours()).unwrap();
    bench
        .control()
        .record(&idle.email, Kind::Meeting, yesterday);
    let found = fresh(&goto, &seat, &connect()).await;
    let day = yesterday.to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(
        found.used_on,
        Some((day, ActivityKind::Meeting, Grade::Hosted))
    );
}

#[tokio::test]
async fn the_first_webinar_ahead_is_told_wherever_it_stands_in_the_list() {
    let bench = Bench::start().await;
    bench
        .control()
        .switch(|switches| switches.webinars_latest_first = true);
    let host = bench.sim.cast(Cast::CoHost).unwrap();
    for days in 3..213 {
        let at = bench.started + SignedDuration::from_hours(24 * days);
        bench.control().record(&host.email, Kind::Webinar, at);
    }
    let goto = bench.goto();
    let seat = seat(&bench, Cast::CoHost, "goto.g2w");
    let found = fresh(&goto, &seat, &connect()).await;
    let first = Hindrance::UpcomingWebinar(date(2026, 3, 5));
    assert_eq!(found.hindrances, [first]);
    assert_eq!(bench.requests_to(Endpoint::OrganizerWebinars).len(), 2);

    // One without a time may be held at any.
    let untimed = Action::Set {
        pointer: "/_embedded/webinars/7/times".to_owned(),
        value: serde_json::json!([]),
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::OrganizerWebinars, untimed));
    let found = fresh(&goto, &seat, &connect()).await;
    let today = Hindrance::UpcomingWebinar(date(2026, 3, 2));
    assert_eq!(found.hindrances, [today]);
}

#[tokio::test]
async fn whose_calls_are_told_by_a_shared_name_keeps_the_phone() {
    let bench = Bench::start().await;
    bench
        .control()
        .grant_only(&["identity:", "collab:", "cr.v1.read", "users.v1.lines.read"]);
    let goto = bench.goto();
    for (member, told_apart) in [
        (Cast::SilentCaller, true),
        (Cast::Namesake, false),
        (Cast::OtherNamesake, false),
    ] {
        let seat = seat(&bench, member, "goto.connect");
        let found = fresh(&goto, &seat, &connect()).await;
        let shares = found.hindrances.contains(&Hindrance::Indistinguishable);
        assert_eq!(!shares, told_apart, "{member:?} {found:?}");
    }
}

#[tokio::test]
async fn webinars_take_the_meetings_of_another_licence_along() {
    let bench = Bench::start().await;
    let idle = bench.sim.cast(Cast::Idle).unwrap();
    bench.control().give_license(&idle.email, "G2W");
    let both = bench.goto();
    let webinars = seat(&bench, Cast::Idle, "goto.g2w");
    let found = fresh(&both, &webinars, &connect()).await;
    let words: Vec<&str> = found.takes_along.iter().map(Identifier::as_str).collect();
    assert_eq!(words, ["goto.g2m"]);
    assert_eq!(found.consequences, [], "the other licence is left");
    let meetings = seat(&bench, Cast::Idle, "goto.g2m");
    assert_eq!(fresh(&both, &meetings, &connect()).await.takes_along, []);

    bench.control().remove_license(&idle.email, "G2M");
    bench.clock.0.advance(SignedDuration::from_mins(2));
    let alone = fresh(&bench.goto(), &webinars, &connect()).await;
    assert_eq!(
        alone.takes_along,
        [],
        "the meetings of the same licence are no seat"
    );
    assert_eq!(alone.consequences, [Consequence::SuspendsUser]);
}

#[tokio::test]
async fn a_phone_is_taken_only_where_the_profile_says_so_and_calls_of_today_are_seen() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let silent = bench.sim.cast(Cast::SilentCaller).unwrap();
    let seat = seat(&bench, Cast::SilentCaller, "goto.connect");
    let found = fresh(&goto, &seat, &connect()).await;
    assert_eq!((found.holding, found.used_on), (Holding::Held, None));
    assert!(
        found
            .consequences
            .contains(&Consequence::PhoneSettingsKeptSevenDays)
    );
    let just_now = bench.started.saturating_sub(1.hours()).unwrap();
    bench.control().record(&silent.email, Kind::Call, just_now);
    let found = fresh(&goto, &seat, &connect()).await;
    assert!(found.used_on.is_some(), "{found:?}");
}

#[tokio::test]
async fn a_lost_answer_is_one_change_and_told_as_unknown() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    let seat = seat(&bench, Cast::Idle, "goto.g2m");
    let before = fresh(&goto, &seat, &connect()).await;
    let lost = Action::Reset { after_effect: true };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::RemoveLicense, lost));
    let written = goto.reclaim_seat(&seat, &before.prior, &connect()).await;
    assert!(
        matches!(written, Err(ConnectorError::Unavailable { .. })),
        "{written:?}"
    );
    assert_eq!(
        bench.requests_to(Endpoint::RemoveLicense).len(),
        1,
        "not repeated"
    );
    let after = settled(&bench, &goto, &seat, Holding::NotHeld).await;
    assert_eq!(after, Holding::NotHeld);
    let nobody = SeatRef {
        external_user_id: "99999999".to_owned(),
        ..seat
    };
    assert_eq!(goto.holding(&nobody).await.unwrap(), Holding::UserGone);
}
