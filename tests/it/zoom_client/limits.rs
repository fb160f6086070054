//! Rate limits: our share is kept, and each way Zoom says "too many" is understood.

use jiff::SignedDuration;
use seatsync::connector::{ConnectorError, ConnectorOptions, Limits};
use seatsync::profile::identifier::ProfileType;
use vendor_sim::zoom::{Action, Endpoint, Fault, Label, TooMany};

use super::{Bench, impatient, walk};

fn by_plan() -> ConnectorOptions {
    ConnectorOptions {
        page_size: 10,
        limits: Limits::ByPlan,
        ..impatient()
    }
}

#[tokio::test]
async fn a_walk_never_calls_more_than_the_share() {
    let bench = Bench::with(by_plan(), |sim| sim.limits = true).await;
    let (report, _) = walk(&bench.zoom()).await;
    assert_eq!(report.unwrap().users, 200);
    assert_eq!(bench.control().calls_over_share(0.25), []);
}

#[tokio::test]
async fn connectors_of_one_account_keep_to_the_share_together() {
    let bench = Bench::with(by_plan(), |sim| sim.limits = true).await;
    let (one, two) = (bench.zoom(), bench.zoom_for(ProfileType::ZoomWorkplace));
    let ((first, _), (second, _)) = tokio::join!(walk(&one), walk(&two));
    assert_eq!((first.unwrap().users, second.unwrap().users), (200, 200));
    let calls = bench.control().calls(Label::Medium);
    // Five a second, the first at once.
    let least = SignedDuration::from_millis(200) * (i32::try_from(calls).unwrap() - 1);
    assert!(
        bench.waited() >= least,
        "{calls} calls in {}",
        bench.waited()
    );
    assert!(
        bench.waited() < least * 2,
        "{calls} calls in {}",
        bench.waited()
    );
    assert!(bench.stats.counts().throttled >= least);
    assert_eq!(bench.stats.counts().retries, 0);
}

#[tokio::test]
async fn without_limits_nothing_waits() {
    let bench = Bench::start().await;
    let (report, _) = walk(&bench.zoom()).await;
    report.unwrap();
    assert_eq!(bench.waited(), SignedDuration::ZERO);
    assert_eq!(bench.stats.counts().throttled, SignedDuration::ZERO);
}

#[tokio::test]
async fn passing_limits_are_waited_out_in_every_form() {
    for kind in [TooMany::Qps, TooMany::Bare, TooMany::Seconds] {
        let bench = Bench::start().await;
        let fault = Fault::on(Endpoint::ListUsers, Action::TooMany { kind });
        bench.control().set_fault(fault.after(1).times(2));
        let (report, _) = walk(&bench.zoom()).await;
        assert_eq!(report.unwrap().users, 200, "{kind:?}");
        let counts = bench.stats.counts();
        assert_eq!(counts.retries, 2, "{kind:?}");
        assert_eq!(counts.throttled, bench.waited(), "{kind:?}");
        assert!(counts.throttled >= SignedDuration::from_secs(2), "{kind:?}");
        assert!(counts.throttled < SignedDuration::from_secs(30), "{kind:?}");
    }
}

#[tokio::test]
async fn the_daily_limit_puts_the_run_off_until_zoom_counts_anew() {
    let bench = Bench::start().await;
    let daily = Action::TooMany {
        kind: TooMany::Daily,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, daily).times(1));
    for _ in 0..2 {
        let (report, _) = walk(&bench.zoom()).await;
        let error = report.unwrap_err();
        let ConnectorError::RateLimited { until, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(until, "2026-03-03T00:00:00Z".parse().unwrap());
        assert_eq!(bench.waited(), SignedDuration::ZERO);
    }
    // The second run did not even ask.
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 1);
    bench.clock.0.set("2026-03-03T00:00:00Z".parse().unwrap());
    let (report, _) = walk(&bench.zoom()).await;
    assert_eq!(report.unwrap().users, 200);
}

#[tokio::test]
async fn a_limit_that_never_ends_puts_the_run_off() {
    let bench = Bench::start().await;
    let qps = Action::TooMany { kind: TooMany::Qps };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, qps));
    let (report, _) = walk(&bench.zoom()).await;
    let error = report.unwrap_err();
    assert!(
        matches!(error, ConnectorError::RateLimited { .. }),
        "{error:?}"
    );
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 11);
}

#[tokio::test]
async fn a_noisy_neighbour_slows_and_does_not_stop() {
    let bench = Bench::with(
        ConnectorOptions {
            page_size: 10,
            ..impatient()
        },
        |sim| {
            sim.limits = true;
            sim.switches.noisy_neighbour = 0.9;
        },
    )
    .await;
    let (report, _) = walk(&bench.zoom()).await;
    assert_eq!(report.unwrap().users, 200);
    assert!(bench.stats.counts().throttled > SignedDuration::ZERO);
}
