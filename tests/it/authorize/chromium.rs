//! Debian's chromium opens the page that `seatsync authorize` shows and presses its buttons.

use vendor_sim::zoom::AppKind;

use super::super::support::chromium::{is_installed, press};
use super::{AHA_CALLBACK, App, authorize, start_aha, start_goto, start_zoom, until_downloaded};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lets_seatsync_in_at_zoom() {
    if !is_installed() {
        return;
    }
    let vendor = start_zoom().await;
    let host = App::at_zoom(&vendor).running_host();
    let asked = authorize(&host, "zoom", &["--port", "0"]);
    let visit = press("Allow", &asked.page);
    assert!(visit.shown.contains(vendor.account_id()), "{}", visit.shown);
    let scopes = &vendor.app(AppKind::General).unwrap().scopes;
    assert!(visit.shown.contains(&scopes[0]), "{}", visit.shown);
    let landed = visit.landed.unwrap();
    assert!(landed.contains("close this page"), "{landed}");
    let done = asked.done();
    assert_eq!(done["authorization"]["account"], vendor.account_id());
    host.until_first_run_is_over("zoom");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_lets_seatsync_in_at_goto() {
    if !is_installed() {
        return;
    }
    let vendor = start_goto().await;
    let host = App::at_goto(&vendor).running_host();
    let asked = authorize(&host, "goto", &["--port", "0"]);
    let visit = press("Allow", &asked.page);
    let admin = "ada.admin@example.com";
    assert!(visit.shown.contains(admin), "{}", visit.shown);
    assert!(
        visit.shown.contains("users.v1.lines.read"),
        "{}",
        visit.shown
    );
    assert!(visit.landed.unwrap().contains("close this page"));
    let done = asked.done();
    assert_eq!(done["authorization"]["principal"], admin);
    assert!(until_downloaded(&host, "goto") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_shows_the_address_to_paste_at_aha() {
    if !is_installed() {
        return;
    }
    let vendor = start_aha().await;
    let host = App::at_aha(&vendor).running_host();
    let mut asked = authorize(&host, "aha", &["--redirect-uri", AHA_CALLBACK]);
    let visit = press("Allow", &asked.page);
    assert!(visit.shown.contains("everything that you may do"));
    assert_eq!(visit.landed, None, "nobody answers there");
    asked.paste(&visit.address);
    let done = asked.done();
    assert_eq!(done["started"], serde_json::json!(["aha"]));
    assert!(until_downloaded(&host, "aha") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_denies_changes_nothing_and_is_told() {
    if !is_installed() {
        return;
    }
    let vendor = start_zoom().await;
    let host = App::at_zoom(&vendor).running_host();
    let asked = authorize(&host, "zoom", &["--port", "0"]);
    let visit = press("Deny", &asked.page);
    assert!(visit.address.contains("error=access_denied"));
    let landed = visit.landed.unwrap();
    assert!(landed.contains("was not let in"), "{landed}");
    let said = asked.failed();
    assert!(
        said.contains(
            "connection `zoom` was not authorised: somebody denied it on the vendor's page (`access_denied`). Nothing was changed; run `seatsync authorize zoom` to ask again"
        ),
        "{said}"
    );
    let connections = host.json(&["connections", "list"]);
    assert_eq!(
        connections["rows"][0]["authorization"],
        serde_json::Value::Null
    );
}
