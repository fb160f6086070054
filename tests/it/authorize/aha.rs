//! Aha!: one token without an end, until somebody revokes it.

use serde_json::Value;
use vendor_sim::AhaSim;

use super::super::support::programs::both;
use super::super::support::{Host, browser, text};
use super::{AHA_CALLBACK, App, authorize, start_aha, until_downloaded};

async fn consent(host: &Host) -> Value {
    let mut asked = authorize(host, "aha", &["--redirect-uri", AHA_CALLBACK]);
    let address = browser::consent(&asked.page).await;
    asked.paste(&address);
    asked.done()
}

fn token_requests(vendor: &AhaSim) -> usize {
    let requests = vendor.control().requests();
    requests.iter().filter(|r| r.path == "/oauth/token").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_without_an_end_is_kept_until_it_is_revoked_and_then_tried_no_more() {
    let vendor = start_aha().await;
    let mut host = App::at_aha(&vendor).running_host();
    consent(&host).await;
    assert!(until_downloaded(&host, "aha") > 0);
    let connections = host.json(&["connections", "list"]);
    let authorization = &connections["rows"][0]["authorization"];
    assert!(authorization["principal"].as_str().unwrap().contains('@'));
    assert_eq!(authorization["access_ends_at"], Value::Null);
    assert_eq!(authorization["refresh_ends_at"], Value::Null);
    let table = text(&host.seatsync(&["connections", "list"]).stdout);
    assert!(table.contains("when revoked"), "{table}");
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    host.start();
    host.json(&["validate", "aha"]);
    assert_eq!(token_requests(&vendor), 1);

    let token = vendor.control().issued().pop().unwrap();
    assert!(vendor.control().revoke(&token));
    vendor.control().clear_requests();
    let remedy = "run `seatsync authorize aha`";
    for _ in 0..3 {
        let refused = host.seatsync(&["validate", "aha"]);
        assert!(!refused.status.success());
        let told = both(&refused);
        assert!(
            told.contains("no longer accepts") && told.contains(remedy),
            "{told}"
        );
    }
    assert_eq!(vendor.control().requests().len(), 1, "it is asked once");
    for command in [&["status"][..], &["connections", "list"]] {
        let shown = text(&host.seatsync(command).stdout);
        assert!(shown.contains(remedy), "{command:?}: {shown}");
    }
    let table = text(&host.seatsync(&["connections", "list"]).stdout);
    assert!(table.contains("ended"), "{table}");

    consent(&host).await;
    host.json(&["validate", "aha"]);
    assert_eq!(
        host.json(&["connections", "list"])["rows"][0]["warning"],
        Value::Null
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_tells_of_a_denial_says_so() {
    let vendor = start_aha().await;
    let host = App::at_aha(&vendor).running_host();
    let mut asked = authorize(&host, "aha", &["--redirect-uri", AHA_CALLBACK]);
    let address = browser::decide(&asked.page, "deny").await;
    asked.paste(&address);
    let said = asked.failed();
    assert!(
        said.contains("connection `aha` was not authorised: somebody denied it"),
        "{said}"
    );
}
