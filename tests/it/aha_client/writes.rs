//! Deactivating a user, which is what taking a paid seat back is, and activating them again.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use seatsync::connector::facts::{ActivityKind, Grade};
use seatsync::connector::{
    AnyConnector, Connector as _, ConnectorError, Consequence, FreshSeat, Hindrance, Holding,
    RefusalKind, SeatRef, WriteOptions, Written,
};
use vendor_sim::aha::{Action, Cast, Endpoint, Fault, LoggedRequest, PersonChange, WithoutSeat};

use super::{Bench, merged, reason, walk};

/// Sixty days before the start.
const SINCE: Date = date(2026, 1, 1);

fn seat(bench: &Bench, member: Cast) -> SeatRef {
    SeatRef {
        external_user_id: bench.sim.cast(member).unwrap().id,
        identifier: "aha.paid_seat".parse().unwrap(),
    }
}

async fn fresh(aha: &AnyConnector, seat: &SeatRef) -> FreshSeat {
    let options = WriteOptions::default();
    let kinds = [ActivityKind::SignIn];
    aha.read_seat(seat, &kinds, SINCE, &options).await.unwrap()
}

async fn take(aha: &AnyConnector, seat: &SeatRef) -> Result<Written, ConnectorError> {
    let before = fresh(aha, seat).await;
    let options = WriteOptions::default();
    aha.reclaim_seat(seat, &before.prior, &options).await
}

#[tokio::test]
async fn a_seat_goes_with_its_user_and_comes_back() {
    let bench = Bench::start().await;
    let aha = bench.aha();
    for member in [Cast::Idle, Cast::NeverSignedIn, Cast::LongId, Cast::ShortId] {
        let seat = seat(&bench, member);
        let before = fresh(&aha, &seat).await;
        assert_eq!(before.holding, Holding::Held);
        let written = take(&aha, &seat).await;
        assert!(matches!(written, Ok(Written::Done { .. })), "{written:?}");
        assert_eq!(aha.holding(&seat).await.unwrap(), Holding::NotHeld);
        assert!(
            !bench
                .control()
                .person(&seat.external_user_id)
                .unwrap()
                .enabled
        );
        let back = aha.restore_seat(&seat, &before.prior).await;
        assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
        assert_eq!(aha.holding(&seat).await.unwrap(), Holding::Held);
    }
}

#[tokio::test]
async fn nobody_whom_the_account_needs_is_touched() {
    let bench = Bench::start().await;
    let aha = bench.aha();
    let owner = fresh(&aha, &seat(&bench, Cast::TokenOwner)).await;
    assert!(
        owner.hindrances.contains(&Hindrance::OwnAccount),
        "{owner:?}"
    );
    for member in [Cast::AccountOwner, Cast::SecondAdmin, Cast::BillingAdmin] {
        let found = fresh(&aha, &seat(&bench, member)).await;
        let administers = |h: &Hindrance| matches!(h, Hindrance::Administrator(_));
        assert!(
            found.hindrances.iter().any(administers),
            "{member:?} {found:?}"
        );
    }
    let free = SeatRef {
        identifier: "aha.unpaid_seat".parse().unwrap(),
        ..seat(&bench, Cast::Reviewer)
    };
    let found = fresh(&aha, &free).await;
    assert!(matches!(
        found.hindrances[..],
        [Hindrance::Unreclaimable(_)]
    ));
    assert!(!bench.control().requests().iter().any(LoggedRequest::wrote));
}

#[tokio::test]
async fn an_access_since_the_download_is_seen() {
    let bench = Bench::start().await;
    let aha = bench.aha();
    let seat = seat(&bench, Cast::Idle);
    assert_eq!(fresh(&aha, &seat).await.used_on, None);
    let just_now = bench.started.saturating_sub(1.hours()).unwrap();
    bench.control().sign_in(&seat.external_user_id, just_now);
    let day = just_now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let expected = Some((day, ActivityKind::SignIn, Grade::Hosted));
    assert_eq!(fresh(&aha, &seat).await.used_on, expected);
}

#[tokio::test]
async fn a_refusal_a_lost_answer_and_a_missing_user_are_told_apart() {
    let bench = Bench::start().await;
    let aha = bench.aha();
    let idle = seat(&bench, Cast::Idle);
    let refuses = Action::Answer {
        status: 422,
        body: Some(serde_json::json!({"errors": ["Last administrator"]})),
        headers: std::collections::BTreeMap::new(),
        after_effect: false,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::UpdateUser, refuses).times(1));
    let Ok(Written::Refused(refusal)) = take(&aha, &idle).await else {
        panic!("it is refused");
    };
    assert_eq!(refusal.kind, RefusalKind::Protected);
    assert!(
        refusal.message.contains("Last administrator"),
        "{}",
        refusal.message
    );
    bench.control().clear_faults();
    let lost = Action::Reset { after_effect: true };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::UpdateUser, lost));
    let before = bench.requests_to(Endpoint::UpdateUser).len();
    let written = take(&aha, &idle).await;
    assert!(
        matches!(written, Err(ConnectorError::Unavailable { .. })),
        "{written:?}"
    );
    assert_eq!(bench.requests_to(Endpoint::UpdateUser).len(), before + 1);
    assert_eq!(aha.holding(&idle).await.unwrap(), Holding::NotHeld);
    let nobody = SeatRef {
        external_user_id: "1".to_owned(),
        ..idle
    };
    assert_eq!(fresh(&aha, &nobody).await.holding, Holding::UserGone);
}

#[tokio::test]
async fn giving_back_where_no_seat_is_free_is_charged_or_refused() {
    let bench = Bench::start().await;
    let aha = bench.aha();
    let seat = seat(&bench, Cast::Idle);
    let before = fresh(&aha, &seat).await;
    assert!(before.consequences.contains(&Consequence::RestoreMayCost));
    take(&aha, &seat).await.unwrap();
    let full = bench.control().seats();
    for _ in full.used..full.bought {
        let paid = PersonChange {
            paid_seat: Some(true),
            ..PersonChange::default()
        };
        bench.control().add_person(paid).unwrap();
    }
    bench
        .control()
        .switch(|switches| switches.enable_without_seat = WithoutSeat::Refuse);
    let Ok(Written::Refused(refusal)) = aha.restore_seat(&seat, &before.prior).await else {
        panic!("it is refused");
    };
    assert!(
        refusal.message.contains("No paid seat is available"),
        "{}",
        refusal.message
    );
    assert_eq!(aha.holding(&seat).await.unwrap(), Holding::NotHeld);
    assert_eq!(bench.control().seats().bought, full.bought);

    bench
        .control()
        .switch(|switches| switches.enable_without_seat = WithoutSeat::Charge);
    let back = aha.restore_seat(&seat, &before.prior).await;
    assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
    assert_eq!(bench.control().seats().bought, full.bought + 1);
}

#[tokio::test]
async fn a_list_that_shows_a_write_late_does_not_make_it_doubted() {
    let bench = Bench::start().await;
    bench
        .control()
        .switch(|switches| switches.write_delay_millis = 60_000);
    let aha = bench.aha();
    let seat = seat(&bench, Cast::Idle);
    assert!(matches!(take(&aha, &seat).await, Ok(Written::Done { .. })));
    assert_eq!(aha.holding(&seat).await.unwrap(), Holding::NotHeld);
    let (report, pages) = walk(&aha).await;
    assert_eq!(reason(&report.unwrap()), "complete");
    assert!(merged(pages).contains_key(&seat.external_user_id), "late");
    bench.clock.0.advance(jiff::SignedDuration::from_mins(1));
    let (_, pages) = walk(&bench.aha()).await;
    assert!(!merged(pages).contains_key(&seat.external_user_id));
}
