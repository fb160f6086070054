//! `seatsync usage` as a person and a program read it, over the real daemon: filters, the last
//! months, and exports.

use std::os::unix::net::UnixStream;

use jiff::Timestamp;
use jiff::ToSpan;
use jiff::tz::TimeZone;
use seatsync::clock::{Clock, SystemClock};
use serde_json::Value;

use super::support::agent::post;
use super::support::{Host, text};

/// The present month, or one before it, as (year, month).
fn month(before: i32) -> (i16, i8) {
    let now: Timestamp = SystemClock.now();
    let date = now.to_zoned(TimeZone::UTC).date().first_of_month();
    let date = date.checked_sub(before.months()).unwrap();
    (date.year(), date.month())
}

fn used(host: u32, product: u32, before: i32, seconds: u32) -> String {
    let (year, month) = month(before);
    format!(
        r#"{{"configuration_item":"{host:032x}","norm_product":"{product:032x}","reclamation_type":"total_usage","month_used":{month},"year":{year},"usage_count":1,"total_usage_time":{seconds}}}"#
    )
}

fn last_used(host: u32, product: u32) -> String {
    format!(
        r#"{{"configuration_item":"{host:032x}","norm_product":"{product:032x}","reclamation_type":"last_used_date","discovery_source":"=ACME, \"Inc\"","usage_type":"metered","last_used_time":"2020-01-05 08:00:00"}}"#
    )
}

fn rows(answer: &Value) -> &Vec<Value> {
    answer["rows"].as_array().unwrap()
}

#[test]
fn what_agents_pushed_is_read_by_filter_by_month_and_as_a_file() {
    let mut host = Host::new();
    host.start();
    let mut agent = UnixStream::connect(host.path("run/usage.sock")).unwrap();
    let items = [
        used(1, 7, 0, 60),
        used(1, 7, 1, 40),
        used(2, 7, 5, 50),
        used(2, 8, 0, 5),
        last_used(3, 7),
    ];
    post(&mut agent, &items).unwrap();
    let product = format!("{:032x}", 7);
    let device = format!("{:032x}", 1);
    let (year, this_month) = month(0);
    let this_month = format!("{year:04}-{this_month:02}");
    for (arguments, expected) in [
        (vec!["--product", &product], 4),
        (vec!["--host", &device], 2),
        (vec!["--month", &this_month], 2),
        (vec!["--type", "last_used_date"], 1),
        (vec!["--type", "total_usage", "--host", &device], 2),
    ] {
        let list = host.json(&[&["usage", "list"], &arguments[..]].concat());
        assert_eq!(rows(&list).len(), expected, "{arguments:?}");
        let exported = host.seatsync(&[&["usage", "export"], &arguments[..]].concat());
        assert_eq!(text(&exported.stdout).lines().count(), expected);
        let summary = host.json(&[&["usage", "summary"], &arguments[..]].concat());
        let records = rows(&summary).iter().map(|row| row["records"].as_u64());
        assert_eq!(records.sum::<Option<u64>>(), Some(expected as u64));
    }
    let csv = host.seatsync(&["usage", "export", "--as", "csv", "--product", &product]);
    let csv = text(&csv.stdout);
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(header[..2], ["sys_id", "reclamation_type"]);
    let is_whole = |line: &str| line.contains('"') || line.split(',').count() == header.len();
    assert!(lines.clone().all(is_whole));
    assert_eq!(lines.count(), 4);
    let found = host.json(&["usage", "list", "--type", "last_used_date"]);
    let row = &rows(&found)[0];
    assert_eq!(row["discovery_source"], "=ACME, \"Inc\"");
    assert_eq!(row["usage_type"], "metered");
    let listed = host.seatsync(&["usage", "list", "--type", "last_used_date"]);
    assert!(text(&listed.stdout).contains("metered"));
    let csv = host.seatsync(&["usage", "export", "--as", "csv", "--type", "last_used_date"]);
    let csv = text(&csv.stdout);
    assert!(csv.contains(r#","'=ACME, ""Inc""",metered,"#), "{csv}");
    last_months(&mut host, &product);
    let refused = host.seatsync(&["usage", "summary", "--months", "0"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("from 1 to 120"));
}

fn last_months(host: &mut Host, product: &str) {
    let summary = host.json(&["usage", "summary", "--months", "3"]);
    let first = &rows(&summary)[0];
    assert_eq!(first["norm_product"], *product);
    assert_eq!(
        (&first["devices"], &first["idle_devices"]),
        (&1.into(), &2.into())
    );
    assert_eq!(first["total_usage_time"], 100);
    let longer = host.json(&["usage", "summary", "--months", "6", "--product", product]);
    assert_eq!(rows(&longer)[0]["devices"], 2);
    let mut seen = Vec::new();
    let mut after = Vec::new();
    loop {
        let page = [
            "usage",
            "summary",
            "--months",
            "3",
            "--by-device",
            "--limit",
            "1",
        ];
        let after_words: Vec<&str> = after.iter().map(String::as_str).collect();
        let page = host.json(&[&page[..], &after_words[..]].concat());
        seen.extend(rows(&page).iter().map(|row| row["used"] == true));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = vec!["--after".to_owned(), next.to_owned()];
    }
    assert_eq!(seen, [true, false, true, false]);
}
