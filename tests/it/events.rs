//! Events on the real daemon: what users did, day by day, and of which product it is use.

use std::collections::BTreeSet;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rusqlite::{Connection, params};
use serde_json::Value;
use vendor_sim::{AhaSim, AhaSimOptions};

use super::support::{Host, zoom_account};

fn events(host: &Host, narrow: &[&str]) -> Vec<Value> {
    let arguments = [&["events", "list", "--limit", "10000"], narrow].concat();
    let listed = host.json(&arguments);
    assert_eq!(listed["next"], Value::Null);
    listed["rows"].as_array().unwrap().clone()
}

/// The last day with an event of each seat, by the seat's number.
fn last_hosted(events: &[Value], seat: &Value) -> Option<String> {
    let of_seat = events
        .iter()
        .filter(|event| event["subscription"] == *seat && event["grade"] == "hosted");
    of_seat
        .map(|event| event["day"].as_str().unwrap().to_owned())
        .max()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_event_of_a_seat_is_its_last_activity_and_names_its_product() {
    let vendor = zoom_account(120).await;
    let mut host = Host::with_zoom(&vendor);
    host.start();
    host.until_first_run_is_over("zoom");
    let all = events(&host, &[]);
    let ids: BTreeSet<&str> = all
        .iter()
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), all.len());
    let seats = host.json(&["subscriptions", "list", "--limit", "10000"]);
    let seats = seats["rows"].as_array().unwrap();
    let used = seats
        .iter()
        .filter(|seat| seat["last_hosted"] != Value::Null);
    assert!(used.clone().count() > 10);
    for seat in used {
        let last = last_hosted(&all, &seat["id"]);
        assert_eq!(last.as_deref(), seat["last_hosted"].as_str(), "{seat:#}");
    }
    let products: BTreeSet<(&str, &str, &str)> = all
        .iter()
        .filter(|event| event["subscription"] != Value::Null)
        .map(|event| {
            let word = |key: &str| event[key].as_str().unwrap();
            (word("event"), word("publisher"), word("product"))
        })
        .collect();
    assert!(
        products.contains(&("meeting", "Zoom", "Zoom Workplace Licensed")),
        "{products:?}"
    );
    assert!(
        products.contains(&("webinar", "Zoom", "Zoom Webinars")),
        "{products:?}"
    );
    assert!(
        !products.contains(&("meeting", "Zoom", "Zoom Webinars")),
        "{products:?}"
    );

    // Page by page it is the same list, a user with several seats across two pages among it.
    let mut paged = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut arguments = vec!["events", "list", "--limit", "7"];
        arguments.extend(after.iter().flat_map(|token| ["--after", token]));
        let page = host.json(&arguments);
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() <= 7);
        paged.extend(rows.iter().cloned());
        match page["next"].as_str() {
            Some(token) => after = Some(token.to_owned()),
            None => break,
        }
    }
    assert_eq!(paged, all);

    let address = |event: &&Value| {
        event["email"]
            .as_str()
            .is_some_and(|email| !email.is_empty())
    };
    let somebody = all.iter().find(address).unwrap();
    let user = somebody["email"].as_str().unwrap();
    let of_user = events(
        &host,
        &["--user", &user.to_uppercase(), "--profile", "zoom"],
    );
    let expected = all.iter().filter(|event| {
        let email = event["email"].as_str();
        email.is_some_and(|email| email.eq_ignore_ascii_case(user))
    });
    assert_eq!(of_user, expected.cloned().collect::<Vec<_>>());
    assert_eq!(
        events(&host, &["--user", "nobody@example.org"]),
        Vec::<Value>::new()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_shown_for_a_year_and_further_back_where_asked_for() {
    let vendor = zoom_account(120).await;
    let mut host = Host::with_zoom(&vendor);
    host.start();
    host.until_first_run_is_over("zoom");
    let status = host.json(&["status"]);
    let now: Timestamp = status["now"].as_str().unwrap().parse().unwrap();
    let today = now.to_zoned(TimeZone::UTC).date();
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    let database = Connection::open(host.path("state/seatsync.db")).unwrap();
    for age in [300, 390] {
        let day = today - age.days();
        let number = day.duration_since(date(1970, 1, 1)).as_hours() / 24;
        let add = "INSERT INTO activities SELECT id, 'email:old@example.org', 'meeting', 'hosted', ?1, 2 FROM profiles";
        database.execute(add, params![number]).unwrap();
    }
    drop(database);
    host.start();
    let shown = events(&host, &["--user", "old@example.org"]);
    let [event] = shown.as_slice() else {
        panic!("{shown:#?}");
    };
    assert_eq!(event["day"], (today - 300.days()).to_string());
    // Nobody of this address holds a seat.
    assert_eq!(
        (&event["subscription"], &event["count"]),
        (&Value::Null, &2.into())
    );
    let since = (today - 395.days()).to_string();
    assert_eq!(
        events(&host, &["--user", "old@example.org", "--since", &since]).len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_is_use_is_an_event() {
    let options = AhaSimOptions {
        users: 60,
        limits: false,
        ..AhaSimOptions::default()
    };
    let vendor = AhaSim::start(options).await.unwrap();
    let mut host = Host::with_aha(&vendor);
    host.start();
    host.until(&["status", "aha"], |status| {
        status["subflows"][0]["last"]["ended_at"] != Value::Null
    });
    let since = ["--since", "2000-01-01"];
    let all = events(&host, &since);
    let seats = host.json(&["subscriptions", "list", "--limit", "10000"]);
    let seats = seats["rows"].as_array().unwrap();
    assert!(seats.iter().any(|seat| seat["last_hosted"] != Value::Null));
    for seat in seats {
        let last = last_hosted(&all, &seat["id"]);
        assert_eq!(last.as_deref(), seat["last_hosted"].as_str(), "{seat:#}");
    }
    assert!(all.iter().all(|event| event["event"] == "sign_in"));
    assert!(all.iter().any(|event| event["product"] == "Aha! Paid Seat"));
}
