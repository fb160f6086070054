//! Trouble on the way: what is repeated, what ends the call, and what the error says.

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::Clock as _;
use seatsync::connector::ConnectorError;
use vendor_sim::aha::{Action, Endpoint, Fault, Refusal, Suspended, TooMany};

use super::{Bench, reason, walk};

async fn walk_with(fault: Fault) -> (Bench, Result<(), ConnectorError>) {
    let bench = Bench::start().await;
    bench.control().set_fault(fault);
    let (report, _) = walk(&bench.aha()).await;
    let report = report.map(|report| assert_eq!(reason(&report), "complete"));
    (bench, report)
}

fn refuse(refusal: Refusal) -> Fault {
    Fault::on(Endpoint::ListUsers, Action::Refuse { refusal })
}

#[tokio::test]
async fn passing_trouble_is_repeated_until_it_passes() {
    let html = |status| Action::Html {
        status,
        after_effect: false,
    };
    let cases = [
        html(500),
        html(502),
        html(504),
        Action::Reset {
            after_effect: false,
        },
        Action::CutBody { bytes: 500 },
        Action::TruncateJson { bytes: 500 },
        // A proxy that answers in the vendor's place.
        html(200),
    ];
    for action in cases {
        let fault = Fault::on(Endpoint::ListUsers, action.clone())
            .after(1)
            .times(2);
        let (bench, walked) = walk_with(fault).await;
        walked.unwrap();
        assert_eq!(bench.stats.counts().retries, 2, "{action:?}");
    }
}

#[tokio::test]
async fn lasting_trouble_ends_after_the_attempts() {
    let html = Action::Html {
        status: 502,
        after_effect: false,
    };
    let (bench, walked) = walk_with(Fault::on(Endpoint::ListUsers, html)).await;
    assert_eq!(
        walked.unwrap_err().to_string(),
        "list users: the vendor cannot be reached: it answers 502 without saying why"
    );
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 5);
}

#[tokio::test]
async fn a_refused_key_is_told_once_with_what_to_do() {
    for refusal in [Refusal::Unauthorized, Refusal::UnauthorizedJson] {
        // In the middle of the walk: there is no other key to go on with.
        let (bench, walked) = walk_with(refuse(refusal).after(2)).await;
        let error = walked.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Unauthorized { .. }),
            "{error:?}"
        );
        let message = error.to_string();
        for part in [
            "list users: ",
            "make a new API key at http://127.0.0.1",
            "connection `aha`",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains(bench.sim.api_key()), "{message}");
        assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 3);
    }
    let bench = Bench::start().await;
    assert!(bench.control().revoke(bench.sim.api_key()));
    let error = walk(&bench.aha()).await.0.unwrap_err();
    assert!(
        error.to_string().starts_with("read whose key it is: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_want_of_rights_and_a_suspended_account_say_what_to_do() {
    for refusal in [Refusal::Forbidden, Refusal::PaymentRequired] {
        let (bench, walked) = walk_with(refuse(refusal)).await;
        let error = walked.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Unauthorized { .. }),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("as a user who is an administrator"),
            "{error}"
        );
        assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 1);
    }
    for suspended in [Suspended::Forbidden, Suspended::PaymentRequired] {
        let bench = Bench::start().await;
        bench
            .control()
            .switch(|switches| switches.suspended = suspended);
        let error = walk(&bench.aha()).await.0.unwrap_err();
        assert!(
            error.to_string().contains("the account is not suspended"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn other_refusals_are_final_and_keep_the_vendors_words() {
    for (refusal, status, words) in [
        (Refusal::Invalid, 422, "Something is invalid"),
        (Refusal::BadRequest, 400, "Something is missing"),
        (Refusal::NotFound, 404, "Record not found"),
    ] {
        let (bench, walked) = walk_with(refuse(refusal)).await;
        let Err(ConnectorError::Rejected { context, message }) = walked else {
            panic!("{walked:?}");
        };
        assert_eq!((context.status, message.as_str()), (Some(status), words));
        assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 1);
    }
}

fn storm(kind: TooMany) -> Fault {
    Fault::on(Endpoint::ListUsers, Action::TooMany { kind })
}

#[tokio::test]
async fn a_limit_is_waited_out_by_its_header_and_not_longer_than_a_minute() {
    let cases = [
        (TooMany::ResetIn(40), 40..=41),
        // Clocks that differ, or a header gone wrong.
        (TooMany::ResetIn(3_000), 60..=61),
        (TooMany::ResetIn(-30), 1..=3),
        (TooMany::Bare, 1..=3),
    ];
    for (kind, seconds) in cases {
        let (bench, walked) = walk_with(storm(kind).after(2).times(1)).await;
        walked.unwrap();
        let waited = bench.waited().as_secs();
        assert!(seconds.contains(&waited), "{kind:?}: {waited}");
        assert_eq!(bench.stats.counts().retries, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_storm_of_limits_ends_the_run_within_bounds_and_puts_it_off() {
    let (bench, walked) = walk_with(storm(TooMany::ResetIn(40))).await;
    let Err(ConnectorError::RateLimited { until, .. }) = walked else {
        panic!("{walked:?}");
    };
    let now: Timestamp = bench.clock.now();
    assert!(until > now && until <= now + SignedDuration::from_secs(60));
    let calls = bench.requests_to(Endpoint::ListUsers).len();
    assert!((2..=11).contains(&calls), "{calls}");
    assert!(
        bench.waited() <= SignedDuration::from_mins(8),
        "{:?}",
        bench.waited()
    );
}
