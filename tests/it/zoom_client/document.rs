//! Every request the client sends, judged by Zoom's own document. Without the document (see
//! `zoom_document`) the test says so and passes; CI provides it.

use jiff::civil::date;
use seatsync::connector::facts::Process;
use seatsync::connector::{AnyConnector, Connector as _, SeatRef, WriteOptions, Written};
use seatsync::profile::identifier::ProfileType;
use seatsync::reclamation::evidence;
use tokio::sync::mpsc;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, Refusal};

use super::{Bench, walk};
use crate::zoom_document::ZoomDocument;

fn document() -> Option<ZoomDocument> {
    ZoomDocument::open()
        .inspect_err(|reason| println!("SKIP: {reason}"))
        .ok()
}

#[tokio::test]
async fn every_request_is_one_that_zoom_documents() {
    let Some(document) = document() else { return };
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    walk(&zoom).await.0.unwrap();
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        assert!(zoom.validate(process, &WriteOptions::default()).await.ok);
    }
    zoom.purchased().await.unwrap();
    let forbidden = Action::Refuse {
        refusal: Refusal::Forbidden,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::PlanUsage, forbidden));
    zoom.purchased().await.unwrap();
    let (sender, mut receiver) = mpsc::channel(64);
    let plans = zoom.activity_plans().await.unwrap();
    zoom.activity_of_day(&plans[0], date(2026, 2, 27), sender)
        .await
        .unwrap();
    while receiver.recv().await.is_some() {}
    let host = bench.control().cast(Cast::WebinarHost).unwrap();
    zoom.add_ons(&host.id).await.unwrap();
    let workplace = bench.zoom_for(ProfileType::ZoomWorkplace);
    walk(&workplace).await.0.unwrap();
    workplace.add_ons(&host.id).await.unwrap();
    zoom.activity_of_user(&host.id, date(2026, 2, 1))
        .await
        .unwrap();

    let requests = bench.control().requests();
    let called = |endpoint| requests.iter().any(|one| one.endpoint == Some(endpoint));
    for endpoint in [
        Endpoint::ListUsers,
        Endpoint::GetUser,
        Endpoint::GetSettings,
        Endpoint::ReportUsers,
        Endpoint::HistoryMeetings,
        Endpoint::UserMeetings,
        Endpoint::UserWebinars,
        Endpoint::PlanUsage,
        Endpoint::UserSummary,
    ] {
        assert!(called(endpoint), "{endpoint:?} was not called");
    }
    let findings = document.judge_requests(&requests);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Reads, takes and, where there is a way back, gives back.
async fn take(zoom: &AnyConnector, user: &str, identifier: &str, comes_back: bool) {
    let seat = SeatRef {
        external_user_id: user.to_owned(),
        identifier: identifier.parse().unwrap(),
    };
    let options = WriteOptions {
        delete_basic_users: true,
        ..WriteOptions::default()
    };
    let kinds = evidence::counting(&seat.identifier);
    let fresh = zoom.read_seat(&seat, kinds, date(2026, 2, 1), &options);
    let fresh = fresh.await.unwrap();
    let taken = zoom.reclaim_seat(&seat, &fresh.prior, &options).await;
    assert!(matches!(taken, Ok(Written::Done { .. })), "{taken:?}");
    zoom.holding(&seat).await.unwrap();
    if comes_back {
        let back = zoom.restore_seat(&seat, &fresh.prior).await;
        assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
    }
}

#[tokio::test]
async fn every_write_and_the_reads_before_it_are_what_zoom_documents() {
    let Some(document) = document() else { return };
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    for (member, identifier, comes_back) in [
        (Cast::Idle, "zoom.licensed", true),
        (Cast::WebinarIdle, "zoom.webinar.500", true),
        (Cast::LargeMeeting, "zoom.large_meeting.500", true),
        (Cast::BasicIdle, "zoom.basic", false),
    ] {
        let person = bench.control().cast(member).unwrap();
        take(&zoom, &person.id, identifier, comes_back).await;
    }

    let requests = bench.control().requests();
    let count = |endpoint| {
        let of_it = requests.iter().filter(|one| one.endpoint == Some(endpoint));
        of_it.count()
    };
    assert_eq!(count(Endpoint::UpdateUser), 2);
    assert_eq!(count(Endpoint::UpdateSettings), 4);
    assert_eq!(count(Endpoint::DeleteUser), 1);
    assert!(count(Endpoint::ReportUserMeetings) > 0);
    let findings = document.judge_requests(&requests);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
