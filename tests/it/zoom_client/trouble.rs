//! Trouble on the way: what is repeated, what ends the call, and what the error says.

use std::collections::BTreeMap;
use std::time::Duration;

use seatsync::connector::facts::Completeness;
use seatsync::connector::{CallContext, ConnectorError, ConnectorOptions, RetryPolicy};
use serde_json::json;
use vendor_sim::zoom::{Action, Endpoint, Fault, Refusal};

use super::{Bench, impatient, walk};

async fn walk_with(fault: Fault) -> (Bench, Result<(), ConnectorError>) {
    walk_with_options(impatient(), fault).await
}

async fn walk_with_options(
    options: ConnectorOptions,
    fault: Fault,
) -> (Bench, Result<(), ConnectorError>) {
    let bench = Bench::with(options, |_| {}).await;
    bench.control().set_fault(fault);
    let (report, _) = walk(&bench.zoom()).await;
    let report = report.map(|report| assert_eq!(report.completeness, Completeness::Complete));
    (bench, report)
}

fn hasty() -> ConnectorOptions {
    ConnectorOptions {
        request_timeout: Duration::from_millis(300),
        ..impatient()
    }
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
        html(503),
        html(504),
        Action::Refuse {
            refusal: Refusal::InternalError,
        },
        Action::Refuse {
            refusal: Refusal::Unavailable,
        },
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
        // Half a second, then a second, each with jitter.
        assert!(bench.waited().as_millis() >= 1_500, "{action:?}");
    }
}

#[tokio::test]
async fn lasting_trouble_ends_after_the_attempts_and_names_the_place() {
    let fault = Fault::on(
        Endpoint::ListUsers,
        Action::Html {
            status: 502,
            after_effect: false,
        },
    );
    let (bench, walked) = walk_with(fault).await;
    let error = walked.unwrap_err();
    let ConnectorError::Unavailable { context, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (context.step.as_str(), context.status),
        ("list active users", Some(502))
    );
    let requests = bench.requests_to(Endpoint::ListUsers);
    assert_eq!(requests.len(), 5);
    assert_eq!(
        context.trace_id.as_deref(),
        requests.last().map(|last| last.tracking_id.as_str())
    );
    assert_eq!(
        error.to_string(),
        "list active users: the vendor cannot be reached: it answers 502 without saying why"
    );
}

#[tokio::test]
async fn a_spent_retry_budget_ends_the_run_early() {
    let options = ConnectorOptions {
        retry: RetryPolicy {
            per_run: 2,
            ..RetryPolicy::default()
        },
        ..impatient()
    };
    let fault = Fault::on(
        Endpoint::ListUsers,
        Action::Reset {
            after_effect: false,
        },
    );
    let (bench, walked) = walk_with_options(options, fault).await;
    assert!(matches!(walked, Err(ConnectorError::Unavailable { .. })));
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 3);
}

#[tokio::test]
async fn silence_and_a_trickle_end_at_the_deadline() {
    let cases = [
        Action::Hang,
        Action::Slow {
            piece: 16,
            pause_millis: 20,
        },
    ];
    for action in cases {
        let options = ConnectorOptions {
            retry: RetryPolicy {
                attempts: 2,
                ..RetryPolicy::default()
            },
            ..hasty()
        };
        let fault = Fault::on(Endpoint::ListUsers, action.clone());
        let (_, walked) = walk_with_options(options, fault).await;
        let error = walked.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no whole answer within the deadline (connection `"),
            "{error}"
        );
    }
    // Once is forgiven.
    let (bench, walked) = walk_with_options(
        hasty(),
        Fault::on(Endpoint::ListUsers, Action::Hang).times(1),
    )
    .await;
    walked.unwrap();
    assert_eq!(bench.stats.counts().retries, 1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unavailable() {
    let mut bench = Bench::start().await;
    bench.connection.url = "http://127.0.0.1:9/v2".to_owned();
    let (report, _) = walk(&bench.zoom()).await;
    let error = report.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.to_string().contains("`127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn refusals_are_final_and_keep_the_vendors_words() {
    let refuse = |refusal| Fault::on(Endpoint::ListUsers, Action::Refuse { refusal });
    let (bench, walked) = walk_with(refuse(Refusal::NoPermission)).await;
    let Err(ConnectorError::Rejected { context, message }) = walked else {
        panic!("{walked:?}");
    };
    let requests = bench.requests_to(Endpoint::ListUsers);
    assert_eq!(requests.len(), 1);
    assert_eq!(
        context,
        CallContext {
            step: "list active users".to_owned(),
            status: Some(400),
            code: Some("200".to_owned()),
            trace_id: Some(requests[0].tracking_id.clone()),
        }
    );
    assert!(message.contains("No permission"), "{message}");
    let (bench, walked) = walk_with(refuse(Refusal::Forbidden)).await;
    let error = walked.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Unauthorized { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("give the role"), "{error}");
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 1);
}

#[tokio::test]
async fn a_missing_scope_names_the_alternatives() {
    let bench = Bench::start().await;
    let client_id = bench.sim.client_id().to_owned();
    bench.control().change_app(&client_id, |app| {
        app.scopes = vec!["group:read:admin".to_owned()];
    });
    let (report, _) = walk(&bench.zoom()).await;
    let Err(ConnectorError::MissingScope { scopes, context }) = report else {
        panic!("{report:?}");
    };
    assert_eq!(
        scopes,
        ["user:read:list_users", "user:read:list_users:admin"]
    );
    assert_eq!(context.code.as_deref(), Some("4711"));
    // Where Zoom names none, we do.
    bench.control().set_fault(Fault::on(
        Endpoint::ListUsers,
        Action::Answer {
            status: 400,
            body: Some(json!({"code": 4700, "message": "Invalid scope."})),
            headers: BTreeMap::new(),
            after_effect: false,
        },
    ));
    let (report, _) = walk(&bench.zoom()).await;
    assert_eq!(
        report.unwrap_err().to_string(),
        "list active users: scope user:read:list_users:admin or user:read:admin is not granted: add it to the vendor app and authorise again"
    );
}

#[tokio::test]
async fn answers_of_another_shape_or_size_are_malformed_at_once() {
    let users = Action::Set {
        pointer: "/users".to_owned(),
        value: json!("none"),
    };
    let (bench, walked) = walk_with(Fault::on(Endpoint::ListUsers, users)).await;
    assert!(
        matches!(walked, Err(ConnectorError::Malformed { .. })),
        "{walked:?}"
    );
    assert_eq!(bench.requests_to(Endpoint::ListUsers).len(), 1);
    let options = ConnectorOptions {
        largest_answer: 1_000,
        ..impatient()
    };
    let none = Fault::on(Endpoint::ListGroups, Action::Hang);
    let (_, walked) = walk_with_options(options, none).await;
    let error = walked.unwrap_err();
    assert!(
        error.to_string().contains("larger than 1000 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_is_not_carried_to_another_host() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/v2/users", elsewhere.local_addr().unwrap());
    let fault = Fault::on(
        Endpoint::ListUsers,
        Action::Answer {
            status: 302,
            body: None,
            headers: [("location".to_owned(), location.clone())].into(),
            after_effect: false,
        },
    );
    let (_, walked) = walk_with(fault).await;
    let error = walked.unwrap_err();
    assert!(error.to_string().contains(&location), "{error}");
    let nobody = tokio::time::timeout(Duration::from_millis(50), elsewhere.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}
