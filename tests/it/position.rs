//! The licence position on the real daemon: from files and a download to what the commands say.

use serde_json::Value;

use super::support::{Host, text, zoom_account, zoom_profile};

const LICENCES: &str = "{kind: Entitlement, name: licensed, software_model: zoom-licensed, quantity: 10, unit_cost: '149.90', currency: EUR, start: 2020-01-01}
---
{kind: Entitlement, name: old, software_model: zoom-licensed, quantity: 1000, unit_cost: '99', currency: USD, start: 2019-01-01, end: 2019-12-31}
---
{kind: Entitlement, name: webinars, product: {publisher: Zoom, product: Zoom Webinars}, unlimited: true, start: 2020-01-01}
";

/// An identifier's row of the list.
fn listed(host: &Host, identifier: &str) -> Value {
    let listed = host.json(&["identifiers", "list"]);
    let mut rows = listed["rows"].as_array().unwrap().iter();
    let row = rows.find(|row| row["identifier"] == identifier);
    row.unwrap().clone()
}

/// The seats of an identifier that are there and not excluded.
fn counted(host: &Host, identifier: &str) -> u64 {
    let row = listed(host, identifier);
    let number = |key: &str| row[key].as_u64().unwrap();
    number("seats") - number("excluded")
}

fn result<'a>(position: &'a Value, product: &str) -> &'a Value {
    let products = position["products"].as_array().unwrap();
    let found = products.iter().find(|result| result["product"] == product);
    found.unwrap_or_else(|| panic!("{position:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_follows_the_download_and_says_where_its_numbers_come_from() {
    let vendor = zoom_account(120).await;
    let mut host = Host::with_zoom(&vendor);
    host.profile("licences.yaml", LICENCES);
    host.start();
    let early = host.seatsync(&["position"]);
    assert_eq!(early.status.code(), Some(1));
    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
    let position = host.until(&["position"], |position| {
        position["products"]
            .as_array()
            .is_some_and(|products| products.iter().any(|one| one["rights_used"] != 0))
    });
    assert_eq!(position["run"]["trigger"], "chain");
    let used = counted(&host, "zoom.licensed");
    let licensed = result(&position, "Zoom Workplace Licensed");
    assert_eq!(licensed["rights_used"], used);
    assert_eq!(licensed["rights_owned"], 10);
    assert_eq!(licensed["rights_needed"], used - 10);
    assert_eq!(licensed["status"], "not_compliant");
    assert_eq!(licensed["amounts"]["EUR"]["total_spend"], "1499.00");
    assert_eq!(licensed["amounts"].get("USD"), None);
    // The vendor's own numbers, beside the ten rights.
    let told = listed(&host, "zoom.licensed");
    let bought = told["bought"].as_i64().unwrap();
    assert_eq!(licensed["vendor"]["bought"], bought);
    assert_eq!(licensed["vendor"]["assigned"], told["assigned"]);
    assert_eq!(licensed["vendor"]["drift"], bought - 10);

    let grouped = host.json(&[
        "position",
        "--group",
        "department",
        "--product",
        "Zoom Workplace Licensed",
    ]);
    let groups = grouped["products"].as_array().unwrap();
    assert!(groups.len() > 1, "{grouped:#}");
    let sum: u64 = groups
        .iter()
        .map(|one| one["rights_used"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, used);

    let explained = text(&host.seatsync(&["position", "--explain"]).stdout);
    for said in [
        "10 by entitlement licensed, EUR 1,499.00 a year, EUR 149.90 each",
        "not counted, retired: 1000 by entitlement old",
        &format!("used: {used} seats of zoom.licensed in zoom"),
        "option purchase_rights",
        &format!("{:+}", bought - 10),
        &format!(
            "vendor: {bought} bought, {} assigned of zoom.licensed in zoom, as of 20",
            told["assigned"]
        ),
    ] {
        assert!(explained.contains(said), "`{said}` in:\n{explained}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_computed_on_demand_and_earlier_ones_are_kept() {
    let vendor = zoom_account(120).await;
    let mut host = Host::with_zoom(&vendor);
    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    host.profile("licences.yaml", LICENCES);
    host.start();
    host.until_first_run_is_over("zoom");
    let first = host.json(&["position", "--run"]);
    let licensed = counted(&host, "zoom.licensed");
    host.profile(
        "more.yaml",
        "{kind: SoftwareModel, name: ours, publisher: Zoom, product: Ours, identifiers: [{is: zoom.licensed}]}\n",
    );
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
    let second = host.json(&["position", "--run"]);
    // A model that comes late has the seats that were there before.
    assert_eq!(result(&second, "Ours")["rights_used"], licensed);
    assert_eq!(result(&second, "Zoom Workplace Licensed")["rights_used"], 0);
    let number = first["run"]["id"].to_string();
    let again = host.json(&["position", "--id", &number]);
    assert_eq!(again["products"], first["products"]);
    let history = host.json(&["position", "--history"]);
    let latest: Vec<&Value> = history["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["latest"] == true)
        .collect();
    assert_eq!(latest.len(), 1);
    assert_eq!(latest[0]["id"], second["run"]["id"]);
    let unknown = host.seatsync(&["position", "--id", "999"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("seatsync position --history"));

    let models = host.json(&["models", "list"]);
    let ours = &models["rows"][0];
    assert_eq!(
        (&ours["name"], &ours["seats"]),
        (&"ours".into(), &licensed.into())
    );
    let entitlements = host.json(&["entitlements", "list"]);
    let states: Vec<&Value> = entitlements["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["state"])
        .collect();
    assert_eq!(states, ["in_use", "retired", "in_use"]);
    let strange = host.json(&["identifiers", "list", "--unrecognized"]);
    for row in strange["rows"].as_array().unwrap() {
        assert_eq!(row["software_model"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_excluded_uses_no_right_and_is_told_beside_the_position() {
    let vendor = zoom_account(120).await;
    let mut host = Host::with_zoom(&vendor);
    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    host.profile("licences.yaml", LICENCES);
    host.start();
    host.until_first_run_is_over("zoom");
    let before = host.json(&["position", "--run"]);
    assert_eq!(before["run"]["ignored"]["excluded"], 0);
    let used =
        |position: &Value| result(position, "Zoom Workplace Licensed")["rights_used"].clone();
    let seats = host.json(&[
        "subscriptions",
        "list",
        "--identifier",
        "zoom.licensed",
        "--limit",
        "1",
    ]);
    let somebody = seats["rows"][0]["email"].as_str().unwrap().to_owned();
    host.profile(
        "company.yaml",
        &format!("{{kind: Exclusions, name: company, identifiers: [{{identifier: zoom.basic, reason: free}}], users: [{{user: '{somebody}', reason: meeting room}}]}}\n"),
    );
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
    let excluded = |listed: &Value, identifier: &str| {
        let rows = listed["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["identifier"] == identifier);
        row.map_or(0, |row| row["excluded"].as_u64().unwrap())
    };
    let listed = host.until(&["identifiers", "list"], |listed| {
        excluded(listed, "zoom.licensed") > 0 && excluded(listed, "zoom.basic") > 0
    });
    let after = host.json(&["position", "--run"]);
    assert_eq!(used(&after), counted(&host, "zoom.licensed"));
    assert_eq!(
        used(&before).as_u64().unwrap() - used(&after).as_u64().unwrap(),
        excluded(&listed, "zoom.licensed")
    );
    let all: u64 = listed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["excluded"].as_u64().unwrap())
        .sum();
    assert_eq!(after["run"]["ignored"]["excluded"], all);
    let told = text(&host.seatsync(&["position"]).stdout);
    assert!(told.contains(&format!("{all} excluded")), "{told}");
}
