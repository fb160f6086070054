//! What is found, what is not, and what is told of both.

use serde_json::{Value, json};

use super::{CAD, OTHER, Site, id, idle, last_used, month};
use crate::support::text;

#[test]
fn hours_of_whole_months_find_what_hardly_anybody_uses_and_nothing_that_is_not_known() {
    let site = Site::with("months: 3, total_hours_used: 1");
    site.push(&idle(1));
    // Used more, silent in March, too young, never reported of, and not reported of in the window.
    let mut used = idle(2);
    used.push(month(2, CAD, 3, 1_801));
    site.push(&used);
    let silent = idle(3);
    site.push(&[silent[0].clone(), silent[1].clone(), silent[3].clone()]);
    site.push(&idle(4)[1..]);
    site.push(&idle(5)[2..]);
    let mut old = idle(6);
    old.remove(1);
    site.push(&old);
    let counts = site.judge();
    assert_eq!(counts["inserted"], 1);
    assert_eq!(counts["fetched"], 5);

    let candidate = site.candidate();
    assert_eq!(candidate["configuration_item"], id(1));
    assert_eq!(candidate["norm_product"], id(CAD));
    assert_eq!(candidate["software_model"], "cad");
    assert_eq!(candidate["product"], "Acme CAD");
    assert_eq!(candidate["state"], "ready");
    assert_eq!(candidate["justification"], "low_usage");
    assert_eq!(candidate["rule"], "idle");
    assert_eq!(candidate["evidence"]["total_usage_time"], 1_800);
    assert_eq!(candidate["evidence"]["window_first"], "2027-02-01");
    assert_eq!(candidate["evidence"]["window_last"], "2027-04-30");
    assert_eq!(candidate["savings"]["amount"], "1200.00");
    assert_eq!(candidate["savings"]["entitlement"], "cad-2027");
    assert_eq!(site.shown(&candidate), candidate);

    let fails = |item| site.verdict(item)["fails"].clone();
    assert_eq!(fails(1), Value::Null);
    assert_eq!(fails(2), "unused");
    assert_eq!(fails(3), "item_reported");
    assert_eq!(fails(4), "older_than_window");
    assert_eq!(fails(5), "known");
    assert_eq!(fails(6), "use_reported");

    let again = site.judge();
    assert_eq!(again["inserted"], 0);
    assert_eq!(site.candidates(&["--closed"]).len(), 1);
}

#[test]
fn silence_is_no_use_where_the_rule_says_so_and_somebody_reports_the_product() {
    let site = Site::with("include_no_activity: true");
    let mut silent = idle(1);
    silent.remove(1);
    site.push(&silent);
    assert_eq!(site.judge()["inserted"], 0);
    assert_eq!(site.verdict(1)["fails"], "product_reported");
    site.push(&[month(2, CAD, 4, 5)]);
    assert_eq!(site.judge()["inserted"], 1);
    assert_eq!(site.candidate()["configuration_item"], id(1));
}

#[test]
fn a_last_use_that_lies_long_ago_is_found_while_the_agent_reports() {
    let site = Site::with("reclamation_type: last_used_date, last_used_before: 60d");
    let told = |last| {
        let items = [
            last_used(1, CAD, "2027-02-01 08:00:00"),
            last_used(2, CAD, last),
            last_used(3, OTHER, "2020-01-01 00:00:00"),
        ];
        site.push(&items);
    };
    told("2027-03-20 08:00:00");
    assert_eq!(site.judge()["inserted"], 1);
    let first = site.candidate();
    assert_eq!(first["configuration_item"], id(1));
    assert_eq!(first["evidence"]["last_used_time"], "2027-02-01T08:00:00Z");
    assert_eq!(first["evidence"]["total_usage_time"], Value::Null);

    // The agents fall silent: nothing new is found, and what was found waits.
    site.pass(20);
    let counts = site.judge();
    assert_eq!(
        (&counts["inserted"], &counts["ended"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(site.verdict(2)["fails"], "item_reported");
    assert_eq!(site.candidate()["id"], first["id"]);

    told("2027-03-20 08:00:00");
    assert_eq!(site.judge()["inserted"], 1);
    assert_eq!(site.candidates(&["--configuration-item", &id(2)]).len(), 1);
    assert_eq!(site.candidates(&["--software-model", "word"]).len(), 0);
}

#[test]
fn people_read_what_was_found_why_and_by_which_rule() {
    let site = Site::with("months: 3, total_hours_used: 1, assignment_group: sam@example.com");
    site.push(&idle(1));
    site.judge();
    let said = |command: &[&str]| text(&site.host.seatsync(command).stdout);
    let list = said(&["candidates", "list", "--installed"]);
    assert!(
        list.contains(&id(1)) && list.contains("1200.00 EUR annually"),
        "{list}"
    );
    assert!(list.contains("used 0.5 h since 2027-02-01"), "{list}");
    let number = site.candidate()["id"].to_string();
    let shown = said(&["candidates", "show", &number]);
    assert!(
        shown.contains("Acme CAD") && shown.contains("sam@example.com"),
        "{shown}"
    );
    let why = said(&["explain", "--configuration-item", &id(1)]);
    assert!(
        why.contains("4 months reported, 2027-01 to 2027-04"),
        "{why}"
    );
    assert!(
        why.contains("unused: a candidate, by ReclamationRule idle"),
        "{why}"
    );
    assert!(why.contains("at most 1 h in 3 whole months"), "{why}");
    assert!(why.contains(&format!("candidate {number}: ready")), "{why}");
    let rules = said(&["rules", "list"]);
    assert!(rules.contains("at most 1 h in 3 months"), "{rules}");
    let rows = site.host.json(&["rules", "list"])["installed"].clone();
    assert_eq!(rows[0]["software_model"], "cad");
    assert_eq!(rows[0]["total_hours_used"], 1);

    let unknown = site
        .host
        .seatsync(&["explain", "--configuration-item", &id(9)]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("nothing was reported of"));
    let not_one = site
        .host
        .seatsync(&["explain", "--configuration-item", "laptop"]);
    assert_eq!(not_one.status.code(), Some(2));
    let no_rule = [
        "explain",
        "--configuration-item",
        &id(1),
        "--software-model",
        "word",
    ];
    let no_rule = site.host.seatsync(&no_rule);
    assert!(text(&no_rule.stderr).contains("no rule decides for SoftwareModel `word`"));
}
