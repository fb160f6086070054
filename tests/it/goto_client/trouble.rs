//! Rate limits without a header, gateways in trouble, lists that break.

use jiff::SignedDuration;
use seatsync::clock::Clock as _;
use seatsync::connector::facts::Completeness;
use seatsync::connector::{Connector as _, ConnectorError, ConnectorOptions, Limits};
use vendor_sim::goto::{Action, Endpoint, Fault, Refusal, Shape, TooMany};

use super::{Bench, impatient, walk};

#[tokio::test]
async fn a_storm_of_429_without_a_header_is_waited_out_in_growing_steps() {
    let bench = Bench::start().await;
    let storm = Action::TooMany {
        kind: TooMany::Bare,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, storm).times(5));
    let (report, _) = walk(&bench.goto()).await;
    assert_eq!(report.unwrap().completeness, Completeness::Complete);
    let waited = bench.clock.now().duration_since(bench.started);
    // 1, 2, 4, 8 and 16 seconds, with jitter.
    assert!(waited >= SignedDuration::from_secs(31), "{waited}");
    assert!(waited < SignedDuration::from_mins(3), "{waited}");
    assert!(bench.requests_to(Endpoint::ListUsers).len() < 20);
}

#[tokio::test]
async fn a_storm_that_does_not_end_puts_the_run_off() {
    let bench = Bench::start().await;
    let storm = Action::TooMany {
        kind: TooMany::Bare,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, storm));
    let (report, _) = walk(&bench.goto()).await;
    assert!(matches!(
        report.unwrap_err(),
        ConnectorError::RateLimited { .. }
    ));
    assert!(bench.requests_to(Endpoint::ListUsers).len() <= 11);
}

#[tokio::test]
async fn each_api_is_called_within_our_share_of_its_own_limit() {
    let options = ConnectorOptions {
        limits: Limits::ByPlan,
        ..impatient()
    };
    let bench = Bench::with(options, |sim| sim.limits = true).await;
    let (report, _) = walk(&bench.goto()).await;
    assert_eq!(report.unwrap().completeness, Completeness::Complete);
    let requests = bench.control().requests();
    assert!(
        requests.iter().all(|request| request.status == 200),
        "no 429"
    );
    let calls = bench.stats.counts().vendor_calls;
    let waited = bench.clock.now().duration_since(bench.started);
    // A quarter of eight calls a second: each call but the first waits half a second.
    let least = SignedDuration::from_millis(500 * (i64::try_from(calls).unwrap() - 2));
    assert!(waited >= least, "{calls} calls in {waited}");
}

#[tokio::test]
async fn connections_of_one_client_share_what_each_api_allows_it() {
    let options = ConnectorOptions {
        limits: Limits::ByPlan,
        page_size: 10,
        ..impatient()
    };
    let mut bench = Bench::with(options, |sim| sim.limits = true).await;
    bench.connection.share = 100;
    let first = bench.goto();
    "goto-emea".clone_into(&mut bench.connection.name);
    let second = bench.goto();
    let (one, other) = tokio::join!(walk(&first), walk(&second));
    assert_eq!(one.0.unwrap().completeness, Completeness::Complete);
    assert_eq!(other.0.unwrap().completeness, Completeness::Complete);
    let requests = bench.requests_to(Endpoint::ListUsers);
    assert!(requests.len() >= 40, "{}", requests.len());
    assert!(requests.iter().all(|request| request.status == 200));
    let mut seconds: Vec<i64> = requests.iter().map(|one| one.at.as_second()).collect();
    seconds.sort_unstable();
    let most = seconds.chunk_by(|a, b| a == b).map(<[i64]>::len).max();
    assert!(most.unwrap() <= 9, "{most:?} calls within a second");
}

#[tokio::test]
async fn a_gateway_in_trouble_and_cut_answers_are_asked_again() {
    let bench = Bench::start().await;
    for action in [
        Action::Html {
            status: 504,
            after_effect: false,
        },
        Action::Refuse {
            refusal: Refusal::BadGateway,
        },
        Action::Reset {
            after_effect: false,
        },
        Action::CutBody { bytes: 100 },
        Action::TruncateJson { bytes: 100 },
    ] {
        bench
            .control()
            .set_fault(Fault::on(Endpoint::ListUsers, action).after(1).times(1));
    }
    // One walk has fewer pages than there is trouble.
    for _ in 0..2 {
        let (report, _) = walk(&bench.goto()).await;
        assert_eq!(report.unwrap().completeness, Completeness::Complete);
    }
    assert_eq!(bench.stats.counts().retries, 5);
}

#[tokio::test]
async fn a_gateway_that_fails_every_fifth_call_loses_nobody() {
    let bench = Bench::with(impatient(), |sim| {
        sim.switches.gateway_errors_ppm = 200_000;
    })
    .await;
    let mut retries = 0;
    for _ in 0..5 {
        let (report, _) = walk(&bench.goto()).await;
        let report = report.unwrap();
        assert_eq!(
            (report.completeness, report.users),
            (Completeness::Complete, 200)
        );
        retries = bench.stats.counts().retries;
    }
    assert!(retries > 0);
}

#[tokio::test]
async fn pages_that_repeat_or_end_early_are_not_believed() {
    for action in [
        Action::RepeatToken,
        Action::CutWalk,
        Action::DropRows { rows: 1 },
    ] {
        let bench = Bench::start().await;
        let name = format!("{action:?}");
        bench
            .control()
            .set_fault(Fault::on(Endpoint::ListUsers, action).after(1));
        let (report, _) = walk(&bench.goto()).await;
        let complete = report.unwrap().completeness;
        assert_ne!(complete, Completeness::Complete, "{name}");
    }
}

#[tokio::test]
async fn unknown_members_and_words_do_no_harm() {
    let bench = Bench::start().await;
    for shape in [Shape::UnknownFields, Shape::UnknownStatus] {
        bench.control().clear_faults();
        bench
            .control()
            .set_fault(Fault::on(Endpoint::ListUsers, Action::Reshape { shape }));
        let (report, pages) = walk(&bench.goto()).await;
        let report = report.unwrap();
        assert_eq!(report.completeness, Completeness::Complete);
        assert!(!pages.is_empty());
        let told = report
            .unrecognized
            .iter()
            .any(|(word, _)| word == "status ON_LOAN");
        assert_eq!(told, shape == Shape::UnknownStatus);
    }
}

#[tokio::test]
async fn an_empty_answer_is_told_as_nobody_and_never_as_an_error() {
    let bench = Bench::start().await;
    bench.control().set_fault(Fault::on(
        Endpoint::ListUsers,
        Action::Reshape {
            shape: Shape::NoResults,
        },
    ));
    let (report, pages) = walk(&bench.goto()).await;
    assert!(matches!(
        report.unwrap().completeness,
        Completeness::Incomplete(_)
    ));
    assert!(pages.is_empty());
    bench.goto().account().await.unwrap();
}
