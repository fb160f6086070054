//! GoTo: refresh tokens that usually stay, and the end of one.

use std::process::{Command, Stdio};

use serde_json::Value;
use vendor_sim::GoToSim;
use vendor_sim::goto::{Action, Fault, Refresh};

use super::super::support::programs::both;
use super::super::support::{Host, SEATSYNC, browser, text};
use super::{App, authorize, start_goto, until_downloaded};

fn consent(host: &Host) -> impl Future<Output = Value> {
    let asked = authorize(host, "goto", &["--port", "0"]);
    async {
        let callback = browser::consent(&asked.page).await;
        assert_eq!(browser::open(&callback).await.status, 200);
        asked.done()
    }
}

fn authorization(host: &Host) -> Value {
    host.json(&["connections", "list"])["rows"][0]["authorization"].clone()
}

/// How often a token was got so far, by each grant.
fn token_requests(vendor: &GoToSim) -> (usize, usize) {
    let requests = vendor.control().requests();
    let by = |grant: &str| {
        let asked = requests
            .iter()
            .filter(|r| r.grant.as_deref() == Some(grant));
        asked.count()
    };
    (by("authorization_code"), by("refresh_token"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_is_used_again_until_the_vendor_brings_another() {
    let vendor = start_goto().await;
    let mut host = App::at_goto(&vendor).running_host();
    consent(&host).await;
    assert!(until_downloaded(&host, "goto") > 0);
    let first = authorization(&host);
    assert_eq!(first["principal"], "ada.admin@example.com");
    assert!(first["refresh_ends_at"].is_string(), "{first}");
    let (codes, refreshes) = token_requests(&vendor);

    vendor.control().expire_tokens();
    let validated = host.json(&["validate", "goto"]);
    assert_eq!(validated["account"], vendor.account_key());
    assert!(token_requests(&vendor).1 > refreshes);
    let kept = authorization(&host);
    assert_eq!(kept["refresh_issued_at"], first["refresh_issued_at"]);
    assert_ne!(kept["access_issued_at"], first["access_issued_at"]);

    vendor
        .control()
        .switch(|switches| switches.refresh = Refresh::SingleUse);
    let mut before = first;
    for _ in 0..2 {
        vendor.control().expire_tokens();
        host.json(&["validate", "goto"]);
        let after = authorization(&host);
        assert_ne!(after["refresh_issued_at"], before["refresh_issued_at"]);
        before = after;
        // The new one is on the disk: another process goes on with it.
        assert_eq!(host.stop(), Some(0), "{}", host.log());
        host.start();
    }
    assert_eq!(
        token_requests(&vendor).0,
        codes,
        "nobody had to consent again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_refresh_token_is_tried_once_and_told_everywhere() {
    let vendor = start_goto().await;
    let host = App::at_goto(&vendor).running_host();
    consent(&host).await;
    until_downloaded(&host, "goto");
    vendor.control().revoke_refresh();
    vendor.control().clear_requests();
    let remedy = "run `seatsync authorize goto`";
    for _ in 0..3 {
        let refused = host.seatsync(&["validate", "goto"]);
        assert!(!refused.status.success());
        let told = both(&refused);
        assert!(
            told.contains("no longer accepts") && told.contains(remedy),
            "{told}"
        );
    }
    host.seatsync(&["jobs", "run", "goto"]);
    host.until(&["status", "goto"], |status| {
        status["subflows"][0]["last"]["state"] == "failed"
    });
    assert_eq!(token_requests(&vendor), (0, 1), "it is asked once");
    let asked = vendor.control().requests().len();
    assert!(asked <= 2, "{asked} requests with a dead authorisation");

    for command in [
        &["status"][..],
        &["status", "goto"],
        &["connections", "list"],
    ] {
        let shown = text(&host.seatsync(command).stdout);
        assert!(shown.contains(remedy), "{command:?}: {shown}");
    }
    let table = text(&host.seatsync(&["connections", "list"]).stdout);
    assert!(table.contains("ended"), "{table}");

    let done = consent(&host).await;
    assert_eq!(done["started"], serde_json::json!(["goto"]));
    assert!(until_downloaded(&host, "goto") > 0);
    assert_eq!(
        host.json(&["connections", "list"])["rows"][0]["warning"],
        Value::Null
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_before_a_new_token_is_written_ends_in_work_or_in_one_question() {
    for (refresh, old_one_works) in [(Refresh::Rotate, true), (Refresh::SingleUse, false)] {
        let vendor = start_goto().await;
        vendor
            .control()
            .switch(|switches| switches.refresh = refresh);
        let mut host = App::at_goto(&vendor).running_host();
        consent(&host).await;
        until_downloaded(&host, "goto");
        vendor.control().expire_tokens();
        vendor.control().clear_requests();
        // The vendor gives a new token and does not get to say so.
        vendor
            .control()
            .set_fault(Fault::on_path("/oauth/token", Action::Swallow));
        let mut asking = Command::new(SEATSYNC)
            .args(["jobs", "run", "goto", "--runtime"])
            .arg(host.path("run"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let taken = vendor.control().until(|request| request.fault.is_some());
        tokio::time::timeout(std::time::Duration::from_mins(2), taken)
            .await
            .unwrap();
        host.kill();
        assert!(!asking.wait().unwrap().success());
        vendor.control().clear_faults();
        host.start();
        if old_one_works {
            until_downloaded(&host, "goto");
            host.json(&["validate", "goto"]);
            assert_eq!(token_requests(&vendor).0, 0, "nobody was asked");
            continue;
        }
        host.until(&["status", "goto"], |status| {
            status["subflows"][0]["last"]["state"] == "failed"
        });
        let refused = host.seatsync(&["validate", "goto"]);
        let told = both(&refused);
        assert!(
            told.contains("the answer to a refresh was lost")
                && told.contains("run `seatsync authorize goto`"),
            "{told}"
        );
        assert_eq!(token_requests(&vendor), (0, 2), "it is asked once more");
        consent(&host).await;
        host.json(&["validate", "goto"]);
    }
}
