//! Reclaiming on the real daemon: from a seat nobody uses to a freed one, and back.

use jiff::tz::TimeZone;
use seatsync::clock::{Clock as _, SystemClock};
use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::Cast;

use super::support::{Host, text, zoom_account, zoom_profile};

/// A host that may write to `vendor`, with one rule for licensed seats.
pub(crate) fn host(vendor: &ZoomSim, rule: &str) -> Host {
    let mut host = Host::new();
    host.secret(vendor.client_secret());
    host.settings("writes: true\nconnections: {allowed_hosts: [127.0.0.1]}\n");
    let extra = "subflows: {reclaim_subscriptions: {enabled: true}}\n";
    host.profile("zoom.yaml", &zoom_profile(vendor, extra));
    host.profile("rule.yaml", &self::rule(rule));
    host
}

/// The document of the rule for licensed seats.
pub(crate) fn rule(rule: &str) -> String {
    format!(
        "{{kind: ReclamationRule, name: licensed, identifiers: [zoom.licensed], notify_user: false, {rule}}}\n"
    )
}

pub(crate) async fn vendor() -> ZoomSim {
    zoom_account(120).await
}

pub(crate) fn last_reclaim(host: &Host, wanted: impl Fn(&Value) -> bool) -> Value {
    let listing = host.until(
        &["jobs", "results", "--subflow", "reclaim_subscriptions"],
        |listing| {
            listing["rows"]
                .as_array()
                .is_some_and(|rows| rows.iter().any(&wanted))
        },
    );
    let rows = listing["rows"].as_array().unwrap();
    rows.iter().find(|row| wanted(row)).unwrap().clone()
}

/// Waits for the first run, and presses Reclaim on the candidate of a user. Its number.
pub(crate) fn press(host: &Host, user: &str) -> String {
    host.until_first_run_is_over("zoom");
    last_reclaim(host, |job| job["state"] == "completed");
    let listing = host.json(&["candidates", "list", "--user", user]);
    let id = listing["rows"][0]["id"].to_string();
    host.json(&["candidates", "reclaim", &id]);
    id
}

/// Waits until the plan of `zoom` is held, and releases exactly it.
pub(crate) fn release(host: &Host) {
    release_of(host, "zoom");
}

/// Waits until the plan of a profile is held, and releases exactly it.
pub(crate) fn release_of(host: &Host, profile: &str) {
    let plan = host.until(&["plan", "--seats", profile], |plans| {
        plans[0]["held"] == true && plans[0]["steps"][0]["action"] == "reclaim"
    });
    let digest = plan[0]["digest"].as_str().unwrap().to_owned();
    host.until(&["status", profile], |status| {
        let conditions = status["conditions"].as_array();
        conditions.is_some_and(|all| {
            all.iter()
                .any(|c| c["type"] == "Held" && c["status"] == "True")
        })
    });
    host.json(&["release", profile, "--plan", &digest]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unused_seat_is_planned_held_released_taken_back_and_given_back() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    let idle = vendor.cast(Cast::Idle).unwrap();
    let listing = host.json(&["candidates", "list", "--user", &idle.email]);
    let [candidate] = listing["rows"].as_array().unwrap().as_slice() else {
        panic!(
            "{listing:#}\n{}",
            text(&host.seatsync(&["explain", "zoom", &idle.email]).stdout)
        );
    };
    assert_eq!(candidate["state"], "ready");
    let id = candidate["id"].to_string();

    host.json(&["candidates", "reclaim", &id]);
    let held = host.until(&["status", "zoom"], |status| {
        status["conditions"].as_array().is_some_and(|conditions| {
            conditions
                .iter()
                .any(|c| c["type"] == "Held" && c["status"] == "True")
        })
    });
    assert!(held.to_string().contains("first plan"), "{held:#}");
    assert!(
        !vendor
            .control()
            .requests()
            .iter()
            .any(vendor_sim::zoom::LoggedRequest::wrote)
    );
    let plan = host.json(&["plan", "--seats", "zoom"]);
    let digest = plan[0]["digest"].as_str().unwrap();
    assert_eq!(plan[0]["held"], true);
    assert_eq!(plan[0]["steps"][0]["withheld"]["guard"], "trip_wire");

    host.json(&["release", "zoom", "--plan", digest]);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    let closed = host.json(&["candidates", "show", &id]);
    assert_eq!(closed["state"], "closed_complete");
    assert_eq!(closed["writes"][0]["state"], "done");
    assert_eq!(vendor.control().person(&idle.id).unwrap().kind, 1);
    assert_eq!(vendor.control().violations(), []);

    let undone = host.json(&["undo", &id]);
    assert_eq!(undone["restored"][0]["ok"], true, "{undone:#}");
    assert_eq!(vendor.control().person(&idle.id).unwrap().kind, 2);
    let listed = host.json(&["candidates", "list", "--closed", "--user", &idle.email]);
    let why = listed["rows"][0]["reason"].as_str().unwrap();
    assert!(
        why.contains("given back") && why.contains("`undo` of uid"),
        "{why}"
    );
    let again = host.seatsync(&["undo", &id]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

/// Gives the profile `zoom` the name `renamed`, without a word of the old one, and waits for its first run.
fn rename(host: &Host, vendor: &ZoomSim) {
    let extra = "subflows: {reclaim_subscriptions: {enabled: true}}\n";
    let renamed = zoom_profile(vendor, extra).replacen("name: zoom\n", "name: renamed\n", 1);
    host.profile("zoom.yaml", &renamed);
    let reloaded = host.seatsync(&["reload", "--wait"]);
    assert!(reloaded.status.success(), "{}", text(&reloaded.stderr));
    host.until_first_run_is_over("renamed");
    host.until(&["status", "renamed"], |status| {
        let subflows = status["subflows"].as_array().unwrap();
        let last = |one: &&Value| one["subflow"] == "reclaim_subscriptions";
        let reclaim = subflows.iter().find(last).unwrap();
        reclaim["last"]["state"] == "completed"
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_under_another_name_keeps_who_keeps_a_seat_and_gives_back() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let kept = press(&host, &idle.email);
    let listing = host.json(&["candidates", "list", "--identifier", "zoom.licensed"]);
    let rows = listing["rows"].as_array().unwrap();
    let other = rows
        .iter()
        .find(|row| row["state"] == "ready")
        .expect("a second candidate");
    let (taken, user) = (
        other["id"].to_string(),
        other["external_user_id"].as_str().unwrap(),
    );
    host.json(&["candidates", "reclaim", &taken]);
    host.until(&["plan", "--seats", "zoom"], |plans| {
        plans[0]["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() == 2)
    });
    release(&host);
    for id in [&kept, &taken] {
        host.until(&["candidates", "show", id], |shown| {
            shown["state"] == "closed_complete"
        });
    }
    let undone = host.json(&["undo", &kept]);
    assert_eq!(undone["restored"][0]["ok"], true, "{undone:#}");

    rename(&host, &vendor);
    let open = ["candidates", "list", "--profile", "renamed", "--user"];
    let again = host.json(&[&open[..], &[&idle.id]].concat());
    assert_eq!(again["rows"], serde_json::json!([]), "{again:#}");
    let explained = text(&host.seatsync(&["explain", "renamed", &idle.email]).stdout);
    assert!(explained.contains("not_kept"), "{explained}");

    // What the profile took under its old name comes back by it.
    let undone = host.json(&["undo", &taken]);
    assert_eq!(undone["restored"][0]["ok"], true, "{undone:#}");
    assert_eq!(vendor.control().person(user).unwrap().kind, 2);
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

/// A time zone in which the day neither begins nor ends soon.
fn zone_at_midday() -> String {
    let now = SystemClock.now().to_zoned(TimeZone::UTC);
    // The sign is that of POSIX: west is positive.
    format!("Etc/GMT{:+}", now.hour() - 12)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_today_counts_under_another_name_of_the_profile() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.settings(&format!(
        "writes: true\nconnections: {{allowed_hosts: [127.0.0.1]}}\nguards: {{max_per_day: 1}}\ntime_zone: {}\n",
        zone_at_midday()
    ));
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let taken = press(&host, &idle.email);
    release(&host);
    host.until(&["candidates", "show", &taken], |shown| {
        shown["state"] == "closed_complete"
    });
    rename(&host, &vendor);
    let open = host.json(&["candidates", "list", "--profile", "renamed"]);
    let other = open["rows"][0]["id"].to_string();
    host.json(&["candidates", "reclaim", &other]);
    let plan = host.until(&["plan", "--seats", "renamed"], |plans| {
        plans[0]["steps"][0]["action"] == "reclaim"
    });
    let withheld = &plan[0]["steps"][0]["withheld"];
    assert_eq!(withheld["guard"], "max_per_day", "{plan:#}");
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
