//! Taking licences back at GoTo on the real daemon: one of webinars is one of meetings too.

use serde_json::Value;
use vendor_sim::goto::Cast;
use vendor_sim::{GoToSim, GoToSimOptions};

use super::goto_job;
use super::support::Host;

const SUBFLOWS: &str =
    "{pull_user_activity: {analyze_from: 60d}, reclaim_subscriptions: {enabled: true}}";

fn rule(host: &Host, identifiers: &str) {
    host.profile(
        "rule.yaml",
        &format!(
            "{{kind: ReclamationRule, name: idle, identifiers: [{identifiers}], mode: manual, notify_user: false, include_no_activity: true}}\n"
        ),
    );
}

/// Presses Reclaim on each candidate of a user; their identifiers.
fn press_all(host: &Host, user: &str) -> Vec<String> {
    let listing = host.json(&["candidates", "list", "--user", user]);
    let rows = listing["rows"].as_array().unwrap();
    let ready = rows.iter().filter(|row| row["state"] == "ready");
    for row in ready {
        host.json(&["candidates", "reclaim", &row["id"].to_string()]);
    }
    rows.iter()
        .map(|row| row["identifier"].as_str().unwrap().to_owned())
        .collect()
}

fn step_of<'a>(plans: &'a Value, identifier: &str) -> &'a Value {
    let steps = plans[0]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["identifier"] == identifier);
    step.unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webinars_go_only_where_the_meetings_of_the_same_user_go_too() {
    let vendor = GoToSim::start(GoToSimOptions {
        users: 24,
        limits: false,
        ..GoToSimOptions::default()
    })
    .await
    .unwrap();
    let idle = vendor.cast(Cast::Idle).unwrap();
    vendor.control().give_license(&idle.email, "G2W");
    let mut host = goto_job::host(&vendor, "writes: true\n", SUBFLOWS);
    rule(&host, "goto.g2w");
    host.start();
    host.until_first_run_is_over("goto");
    host.until(&["candidates", "list", "--user", &idle.email], |listing| {
        listing["rows"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
    });
    // The rule that is generated for meetings makes candidates as well; nobody presses it.
    let webinars = host.json(&[
        "candidates",
        "list",
        "--user",
        &idle.email,
        "--identifier",
        "goto.g2w",
    ]);
    host.json(&[
        "candidates",
        "reclaim",
        &webinars["rows"][0]["id"].to_string(),
    ]);
    let plans = host.json(&["plan", "--seats", "goto"]);
    let step = step_of(&plans, "goto.g2w");
    assert_eq!(step["withheld"]["guard"], "collateral", "{plans:#}");
    assert!(step.to_string().contains("goto.g2m"), "{plans:#}");

    press_all(&host, &idle.email);
    let plans = host.until(&["plan", "--seats", "goto"], |plans| {
        !step_of(plans, "goto.g2m").is_null()
    });
    let guards = |identifier: &str| step_of(&plans, identifier)["withheld"]["guard"].clone();
    assert_eq!(
        guards("goto.g2w"),
        "trip_wire",
        "only the first plan's hold is left: {plans:#}"
    );
    let digest = plans[0]["digest"].as_str().unwrap().to_owned();
    host.until(&["status", "goto"], |status| {
        status.to_string().contains("first plan")
    });
    host.json(&["release", "goto", "--plan", &digest]);
    host.until(&["candidates", "list", "--user", &idle.email], |listing| {
        let rows = listing["rows"].as_array().unwrap();
        rows.iter().all(|row| row["state"] == "closed_complete")
    });
    let person = vendor.control().person(&idle.email).unwrap();
    assert!(person.products.is_empty(), "{person:?}");
    let requests = vendor.control().requests();
    let removals = requests.iter().filter(|request| request.wrote());
    assert_eq!(removals.count(), 2);
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
