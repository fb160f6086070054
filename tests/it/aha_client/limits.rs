//! The account's rate limits: 300 calls a minute for everybody, of which a share is ours.

use seatsync::connector::{ConnectorOptions, Limits};
use vendor_sim::aha::Endpoint;

use super::{Bench, impatient, reason, walk};

fn in_pages_of_ten() -> ConnectorOptions {
    ConnectorOptions {
        page_size: 10,
        limits: Limits::ByPlan,
        ..impatient()
    }
}

#[tokio::test]
async fn the_share_is_kept_and_no_limit_is_met() {
    for (share, a_minute) in [(25, 75), (100, 300)] {
        let mut bench = Bench::with(in_pages_of_ten(), |sim| {
            sim.users = 2_000;
            sim.limits = true;
        })
        .await;
        bench.connection.share = share;
        let (report, _) = walk(&bench.aha()).await;
        assert_eq!(reason(&report.unwrap()), "complete");
        let requests = bench.requests_to(Endpoint::ListUsers);
        assert_eq!(requests.len(), 326);
        assert!(requests.iter().all(|request| request.status == 200));
        let seconds: Vec<i64> = requests.iter().map(|one| one.at.as_second()).collect();
        for (first, start) in seconds.iter().enumerate() {
            let within = seconds[first..]
                .iter()
                .take_while(|at| **at < start + 60)
                .count();
            assert!(
                within <= a_minute + 1,
                "{within} calls in a minute at {share} %"
            );
        }
        assert!(bench.stats.counts().throttled.as_secs() > 60);
    }
}

#[tokio::test]
async fn two_profiles_on_one_address_share_a_budget() {
    let mut bench = Bench::with(in_pages_of_ten(), |sim| {
        sim.users = 300;
        sim.limits = true;
    })
    .await;
    bench.connection.share = 100;
    let (one, other) = (bench.aha(), bench.aha());
    let (first, second) = tokio::join!(walk(&one), walk(&other));
    assert_eq!(reason(&first.0.unwrap()), "complete");
    assert_eq!(reason(&second.0.unwrap()), "complete");
    let requests = bench.requests_to(Endpoint::ListUsers);
    assert!(requests.iter().all(|request| request.status == 200));
    let mut seconds: Vec<i64> = requests.iter().map(|one| one.at.as_second()).collect();
    seconds.sort_unstable();
    let most = seconds.chunk_by(|a, b| a == b).map(<[i64]>::len).max();
    assert!(most.unwrap() <= 6, "{most:?} calls within a second");
}
