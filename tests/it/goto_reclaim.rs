//! Taking licences back at GoTo on the real daemon: one of webinars is one of meetings too.

use serde_json::Value;
use vendor_sim::goto::{Cast, LoggedRequest};

use super::support::{Host, goto};

const SUBFLOWS: &str =
    "subflows: {pull_user_activity: {analyze_from: 75d}, reclaim_subscriptions: {enabled: true}}\n";

fn rule(host: &Host, identifiers: &str) {
    host.profile(
        "rule.yaml",
        &format!(
            "{{kind: ReclamationRule, name: idle, identifiers: [{identifiers}], mode: manual, notify_user: false, include_no_activity: true}}\n"
        ),
    );
}

fn step_of<'a>(plans: &'a Value, identifier: &str) -> &'a Value {
    let steps = plans[0]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["identifier"] == identifier);
    step.unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webinars_go_only_where_the_meetings_of_the_same_user_go_too() {
    let vendor = goto::account().await;
    let idle = vendor.cast(Cast::Idle).unwrap();
    vendor.control().give_license(&idle.email, "G2W");
    let mut host = goto::host(&vendor, "writes: true\n", SUBFLOWS);
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

    let requests = vendor.control().requests();
    assert!(!requests.iter().any(LoggedRequest::wrote), "{requests:#?}");
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
