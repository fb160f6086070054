//! Reclaiming on the real daemon: from a seat nobody uses to a freed one, and back.

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
    host.profile(
        "rule.yaml",
        &format!("{{kind: ReclamationRule, name: licensed, identifiers: [zoom.licensed], notify_user: false, {rule}}}\n"),
    );
    host
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
    let again = host.seatsync(&["undo", &id]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
