//! Every request the client sends, judged by Zoom's own document. Without the document (see
//! `zoom_document`) the test says so and passes; CI provides it.

use jiff::civil::date;
use seatsync::connector::Connector as _;
use seatsync::connector::facts::Process;
use seatsync::profile::identifier::ProfileType;
use tokio::sync::mpsc;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, Refusal};

use super::{Bench, walk};
use crate::zoom_document::ZoomDocument;

#[tokio::test]
async fn every_request_is_one_that_zoom_documents() {
    let document = match ZoomDocument::open() {
        Ok(document) => document,
        Err(reason) => {
            println!("SKIP: {reason}");
            return;
        }
    };
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    walk(&zoom).await.0.unwrap();
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        assert!(zoom.validate(process).await.ok);
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
