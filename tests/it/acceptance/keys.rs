//! Keys that no number of a computer holds.

use vendor_sim::goto::Cast;

use crate::support::{goto, text};

/// One more than a double can tell from its neighbours, and too long for 64 bits.
const KEY: &str = "78888886011013972886849029";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_26_digits_is_the_same_text_wherever_it_goes() {
    let vendor = goto::account().await;
    let wendy = vendor.cast(Cast::WebinarOrganizer).unwrap();
    assert_eq!(wendy.key, KEY);
    let mut host = goto::host(
        &vendor,
        "",
        "subflows: {pull_user_activity: {analyze_from: 15d}}\n",
    );
    host.start();
    host.until_first_run_is_over("goto");

    let listed = host.json(&["subscriptions", "list", "--user", KEY]);
    let rows = listed["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{listed:#}");
    for row in rows {
        assert_eq!(row["external_user_id"], KEY);
        assert_eq!(row["email"], wendy.email.as_str());
        assert!(
            row["last_activity"].is_object(),
            "sessions and calls find it: {row:#}"
        );
    }
    for command in [
        &["explain", "goto", KEY],
        &["explain", "goto", &wendy.email],
    ] {
        let shown = text(&host.seatsync(command).stdout);
        assert!(shown.contains(KEY), "{command:?}: {shown}");
    }

    for kind in ["csv", "jsonl"] {
        let exported = text(
            &host
                .seatsync(&["export", "subscriptions", "--as", kind])
                .stdout,
        );
        let expected = if kind == "csv" {
            format!(",{KEY},")
        } else {
            format!("\"external_user_id\":\"{KEY}\"")
        };
        assert_eq!(exported.matches(&expected).count(), 2, "{kind}: {exported}");
    }

    let store = rusqlite::Connection::open(host.path("state/seatsync.db")).unwrap();
    let seats: i64 = store
        .query_row(
            "SELECT count(*) FROM subscriptions WHERE external_user_id = ?1
               AND typeof(external_user_id) = 'text'",
            [KEY],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(seats, 2);
    let status = host.json(&["status", "goto"]);
    assert_eq!(status["account"], vendor.account_key());
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
