//! A GoTo profile on the real daemon: from a file in the folder to seats that can be queried.

use serde_json::Value;
use vendor_sim::goto::{Cast, LoggedRequest};

use super::support::{goto, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goto_profile_comes_down_with_its_calls_and_keys_unchanged() {
    let vendor = goto::account().await;
    let extra = "subflows: {pull_user_activity: {analyze_from: 15d}}\n";
    let mut host = goto::host(&vendor, "", extra);
    host.start();
    let status = host.until_first_run_is_over("goto");
    assert_eq!(status["account"], vendor.account_key());

    let key = "78888886011013972886849029";
    let seats = host.json(&["subscriptions", "list", "--limit", "1000"]);
    let seats = seats["rows"].as_array().unwrap();
    let of = |key: &str| -> Vec<&Value> {
        seats
            .iter()
            .filter(|row| row["external_user_id"] == key)
            .collect()
    };
    assert_eq!(
        of(key).len(),
        2,
        "the key of 26 digits is text from end to end"
    );
    let table = host.seatsync(&["subscriptions", "list", "--limit", "1000"]);
    assert!(text(&table.stdout).contains("wendy.webinar@example.com"));

    let identifiers = host.json(&["identifiers", "list", "--profile", "goto"]);
    let row = |identifier: &str| {
        let rows = identifiers["rows"].as_array().unwrap();
        rows.iter()
            .find(|row| row["identifier"] == identifier)
            .unwrap()
    };
    for identifier in ["goto.g2m", "goto.connect", "goto.g2t", "goto.g2ars"] {
        assert!(
            row(identifier)["with_activity"].as_u64().unwrap() > 0,
            "{identifier}"
        );
    }
    assert_eq!(row("goto.openvoice")["with_activity"], 0);

    let silent = vendor.cast(Cast::SilentCaller).unwrap().email;
    let explained = host.seatsync(&["explain", "goto", &silent]);
    assert!(explained.status.success(), "{}", text(&explained.stderr));
    assert!(!vendor.control().requests().iter().any(LoggedRequest::wrote));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
