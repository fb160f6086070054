//! Tokens: one for everybody, renewed in time and once after a refusal, and clear words when there
//! is none to be had.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use seatsync::clock::Clock as _;
use seatsync::connector::{Connector as _, ConnectorError, ConnectorOptions};
use seatsync::profile::identifier::{ProfileType, Vendor};
use seatsync::profile::model::{Grant, ResolvedConnection, SecretRef};
use serde_json::json;
use vendor_sim::zoom::{Action, Endpoint, Fault, Refusal};

use super::{Bench, impatient, walk};

#[tokio::test]
async fn connectors_of_one_connection_share_one_token_and_mint_it_once() {
    let bench = Bench::start().await;
    let connectors: Vec<_> = (0..8).map(|_| bench.zoom()).collect();
    let mut accounts = tokio::task::JoinSet::new();
    for zoom in connectors {
        accounts.spawn(async move { zoom.account().await });
    }
    while let Some(account) = accounts.join_next().await {
        let account = account.unwrap().unwrap();
        assert_eq!(account.id, bench.sim.account_id());
        assert!(
            account
                .scopes
                .contains(&"user:read:list_users:admin".to_owned())
        );
    }
    assert_eq!(bench.mints(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    zoom.account().await.unwrap();
    bench.clock.0.advance(SignedDuration::from_mins(54));
    zoom.account().await.unwrap();
    assert_eq!(bench.mints(), 1);
    bench.clock.0.advance(SignedDuration::from_mins(2));
    zoom.account().await.unwrap();
    assert_eq!(bench.mints(), 2);
}

#[tokio::test]
async fn while_an_early_renewal_fails_the_old_token_serves() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    zoom.account().await.unwrap();
    let down = Action::Html {
        status: 503,
        after_effect: false,
    };
    bench
        .control()
        .set_fault(Fault::on_path("/oauth/token", down));
    bench.clock.0.advance(SignedDuration::from_mins(56));
    zoom.account().await.unwrap();
    bench.clock.0.advance(SignedDuration::from_mins(5));
    let error = zoom.account().await.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Unavailable { .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "get an access token: the vendor cannot be reached: the token endpoint answers 503 Service Unavailable"
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    for status in [401, 400] {
        let bench = Bench::with(impatient(), |sim| {
            sim.switches.expired_token_status = status;
        })
        .await;
        bench.zoom().account().await.unwrap();
        bench.control().expire_tokens();
        let (report, _) = walk(&bench.zoom()).await;
        assert_eq!(report.unwrap().users, 200, "{status}");
        assert_eq!(bench.mints(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_again_and_again_ends_the_call() {
    for refusal in [Refusal::ExpiredToken, Refusal::InvalidToken400] {
        let bench = Bench::start().await;
        bench
            .control()
            .set_fault(Fault::on(Endpoint::ListUsers, Action::Refuse { refusal }));
        let (report, _) = walk(&bench.zoom()).await;
        let error = report.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Unauthorized { .. }),
            "{error:?}"
        );
        assert_eq!(
            bench.requests_to(Endpoint::ListUsers).len(),
            2,
            "{refusal:?}"
        );
        assert_eq!(bench.mints(), 2, "{refusal:?}");
    }
}

#[tokio::test]
async fn an_account_whose_new_token_ends_the_old_one_still_works() {
    let bench = Bench::with(impatient(), |sim| sim.switches.new_token_kills_old = true).await;
    let (one, two) = (bench.zoom(), bench.zoom_for(ProfileType::ZoomWorkplace));
    let ((first, _), (second, _)) = tokio::join!(walk(&one), walk(&two));
    assert_eq!((first.unwrap().users, second.unwrap().users), (200, 200));
    assert_eq!(bench.mints(), 1);
}

#[tokio::test]
async fn wrong_credentials_are_told_apart_and_not_tried_again() {
    let mut cases = Vec::new();
    let mut bench = Bench::start().await;
    bench.connection.client_id = Some("other".to_owned());
    cases.push((bench, "check `client_id` and the client secret"));
    let mut bench = Bench::start().await;
    bench.connection.account_id = Some("other".to_owned());
    cases.push((bench, "check `account_id`"));
    let bench = Bench::start().await;
    let client_id = bench.sim.client_id().to_owned();
    bench
        .control()
        .change_app(&client_id, |app| app.active = false);
    cases.push((bench, "the app is activated at Zoom"));
    let mut bench = Bench::start().await;
    let general = bench
        .sim
        .app(vendor_sim::zoom::AppKind::General)
        .unwrap()
        .clone();
    bench.connection.client_id = Some(general.client_id.clone());
    let secret = bench.sim.client_secret().to_owned();
    bench
        .control()
        .change_app(&general.client_id, |app| app.client_secret = Some(secret));
    cases.push((bench, "server-to-server OAuth app"));
    for (bench, remedy) in cases {
        let error = bench.zoom().account().await.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Unauthorized { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(remedy), "{error}");
        assert_eq!(bench.mints(), 1, "{remedy}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_none_is_told() {
    let html = Action::Html {
        status: 200,
        after_effect: false,
    };
    let not_found = Action::Html {
        status: 404,
        after_effect: false,
    };
    let without_token = Action::Answer {
        status: 200,
        body: Some(json!({"token_type": "bearer", "scope": "secret-looking"})),
        headers: BTreeMap::new(),
        after_effect: false,
    };
    for (action, expected) in [
        (html, "not a token answer: not JSON"),
        (not_found, "check `token_url`"),
        (without_token, "a field is missing or of another type"),
    ] {
        let bench = Bench::start().await;
        bench
            .control()
            .set_fault(Fault::on_path("/oauth/token", action));
        let error = bench.zoom().account().await.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Malformed { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.to_string().contains("secret-looking"), "{error}");
    }
}

#[tokio::test]
async fn trouble_at_the_token_endpoint_is_repeated() {
    for action in [
        Action::Html {
            status: 502,
            after_effect: false,
        },
        Action::Reset {
            after_effect: false,
        },
    ] {
        let bench = Bench::start().await;
        bench
            .control()
            .set_fault(Fault::on_path("/oauth/token", action).times(3));
        bench.zoom().account().await.unwrap();
        assert_eq!(bench.mints(), 4);
    }
}

#[tokio::test]
async fn a_secret_is_read_at_each_mint_and_never_told() {
    let bench = Bench::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let private = |text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let mut connection = bench.connection.clone();
    connection.client_secret = Some(SecretRef::File(file.clone()));
    let zoom = bench
        .connectors
        .connect(&connection, None, ProfileType::Zoom, &bench.stats)
        .unwrap();
    let error = zoom.account().await.unwrap_err();
    assert!(matches!(error, ConnectorError::Secret(_)), "{error:?}");
    private("wrong-and-private");
    let error = zoom.account().await.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Unauthorized { .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?} {zoom:?}").contains("wrong-and-private"));
    private(bench.sim.client_secret());
    zoom.account().await.unwrap();
    assert!(!format!("{zoom:?}").contains("Bearer"));
}

#[tokio::test]
async fn what_is_not_supported_or_not_configured_is_said_before_any_call() {
    type Change = fn(&mut ResolvedConnection);
    let bench = Bench::start().await;
    let try_with = |change: Change| {
        let mut connection = bench.connection.clone();
        change(&mut connection);
        let found = bench
            .connectors
            .connect(&connection, None, ProfileType::Zoom, &bench.stats);
        found.unwrap_err().to_string()
    };
    let cases: [(Change, &str); 4] = [
        (
            |c| c.vendor = Vendor::GoTo,
            "the grant `account_credentials` at GoTo is not supported",
        ),
        (
            |c| c.vendor = Vendor::Aha,
            "the grant `account_credentials` at Aha! is not supported",
        ),
        (
            |c| c.grant = Grant::ApiKey,
            "the grant `api_key` at Zoom is not supported",
        ),
        (
            |c| c.account_id = None,
            "connection `zoom-emea` has no `oauth.account_id`",
        ),
    ];
    for (change, expected) in cases {
        let message = try_with(change);
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(bench.mints(), 0);
}

#[tokio::test]
async fn a_throttled_token_endpoint_is_waited_for() {
    let bench = Bench::with(ConnectorOptions::default(), |_| {}).await;
    let busy = Action::Answer {
        status: 429,
        body: None,
        headers: [("retry-after".to_owned(), "7".to_owned())].into(),
        after_effect: false,
    };
    bench
        .control()
        .set_fault(Fault::on_path("/oauth/token", busy).times(1));
    let before = bench.clock.now();
    bench.zoom().account().await.unwrap();
    assert_eq!(
        bench.clock.now().duration_since(before),
        SignedDuration::from_secs(7)
    );
}
