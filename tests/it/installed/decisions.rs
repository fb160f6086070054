//! Every state that software goes through, and what is not asked again.

use serde_json::Value;

use super::{CAD, OTHER, Site, id, idle, last_used, month};
use crate::support::text;

const HOURS: &str = "months: 3, total_hours_used: 1, cool_down: 30d";

#[test]
fn software_is_removed_by_a_person_and_found_again_only_when_it_came_back() {
    let site = Site::with(HOURS);
    site.push(&idle(1));
    site.judge();
    let candidate = site.candidate();
    let number = candidate["id"].to_string();
    let pressed = site.host.json(&["candidates", "reclaim", &number]);
    let said = pressed["message"].as_str().unwrap();
    assert!(
        said.contains(&format!("`seatsync candidates close {number}`")),
        "{said}"
    );
    assert_eq!(site.shown(&candidate)["state"], "awaiting_revocation");
    let closed = site.decide(&["close"], &candidate);
    assert_eq!(closed["state"], "closed_complete");
    let why = closed["reason"].as_str().unwrap();
    assert!(why.starts_with("closed as removed by"), "{why}");

    // The agent repeats the month's sum, as it does after the software is gone.
    site.push(&idle(1));
    site.pass(31);
    site.push(&[month(1, OTHER, 5, 60)]);
    site.judge();
    assert_eq!(site.candidates(&[]), [Value::Null; 0]);
    assert_eq!(site.verdict(1)["fails"], "not_removed");

    // Installed again in June, and used for a second.
    site.push(&[month(1, CAD, 6, 1)]);
    site.judge();
    assert_ne!(site.candidate()["id"], candidate["id"]);
}

#[test]
fn who_skips_is_not_asked_again_before_the_cool_down_is_over() {
    let site = Site::with(HOURS);
    site.push(&idle(1));
    site.judge();
    let candidate = site.candidate();
    assert_eq!(
        site.decide(&["skip"], &candidate)["state"],
        "closed_skipped"
    );
    site.pass(20);
    site.judge();
    assert_eq!(site.candidates(&[]), [Value::Null; 0]);
    assert_eq!(site.verdict(1)["fails"], "not_kept");
    site.pass(1);
    site.push(&[month(1, OTHER, 5, 60)]);
    site.pass(10);
    site.judge();
    assert_ne!(site.candidate()["id"], candidate["id"]);
}

#[test]
fn what_is_kept_until_a_day_stays_until_then_whatever_its_state() {
    let site = Site::with(HOURS);
    site.push(&idle(1));
    site.judge();
    let candidate = site.candidate();
    let kept = site.decide(&["keep", "--until", "2027-05-19"], &candidate);
    assert_eq!(kept["state"], "closed_skipped");
    assert_eq!(kept["kept_until"], "2027-05-20T00:00:00Z");
    let longer = site.decide(&["keep", "--until", "2027-05-29"], &candidate);
    assert_eq!(longer["kept_until"], "2027-05-30T00:00:00Z");
    site.pass(19);
    site.judge();
    assert_eq!(site.candidates(&[]), [Value::Null; 0]);
    site.pass(1);
    site.judge();
    assert_eq!(site.candidate()["state"], "ready");
}

#[test]
fn use_cancels_in_every_open_state_and_silence_does_not() {
    let rule = "reclamation_type: last_used_date, last_used_before: 60d, notify_user: true";
    let site = Site::with(rule);
    let report = |at: &str| {
        let items: Vec<String> = (1..=4).map(|item| last_used(item, CAD, at)).collect();
        site.push(&items);
    };
    report("2027-02-01 08:00:00");
    site.judge();
    let all = site.candidates(&[]);
    let [ready, asked, wanted, given_up] = all.as_slice() else {
        panic!("{all:#?}");
    };
    for one in [asked, wanted, given_up] {
        assert_eq!(site.decide(&["reclaim"], one)["state"], "awaiting_user");
    }
    let decided = site.decide(&["answer", "--keep"], wanted);
    assert_eq!(decided["state"], "awaiting_approval");
    let decided = site.decide(&["answer", "--give-up"], given_up);
    assert_eq!(decided["state"], "awaiting_revocation");
    site.pass(3);
    assert_eq!(site.judge()["ended"], 0);
    report("2027-05-12 08:00:00");
    assert_eq!(site.judge()["ended"], 4);
    for one in [ready, asked, wanted, given_up] {
        let closed = site.shown(one);
        assert_eq!(closed["state"], "closed_canceled", "{closed:#}");
        let why = closed["reason"].as_str().unwrap();
        assert!(why.contains("last used 2027-05-12"), "{why}");
    }
}

#[test]
fn who_is_asked_and_does_not_answer_needs_a_person_and_is_given_up_in_the_end() {
    let rule = format!("{HOURS}, notify_user: true, days_before_auto_reclamation: 7");
    let site = Site::with(&rule);
    site.push(&idle(1));
    site.judge();
    let candidate = site.candidate();
    site.decide(&["reclaim"], &candidate);
    site.pass(7);
    site.judge();
    assert_eq!(site.shown(&candidate)["state"], "awaiting_user");
    site.pass(1);
    site.judge();
    let stuck = site.shown(&candidate);
    assert_eq!(stuck["state"], "attention_required");
    assert!(
        stuck["reason"]
            .as_str()
            .unwrap()
            .contains("candidates answer")
    );
    assert_eq!(site.decide(&["resume"], &candidate)["state"], "ready");
    site.decide(&["reclaim"], &candidate);
    site.pass(8);
    site.judge();
    site.pass(31);
    site.judge();
    let closed = site.shown(&candidate);
    assert_eq!(closed["state"], "closed_canceled", "{closed:#}");
}

#[test]
fn decisions_are_on_many_at_once_are_refused_where_they_cannot_be_and_are_in_the_audit_log() {
    let site = Site::with(HOURS);
    for item in 1..=3 {
        site.push(&idle(item));
    }
    site.judge();
    let item = id(2);
    let only = ["--all", "--installed", "--configuration-item", &item];
    let answer = site
        .host
        .json(&[&["candidates", "skip"], &only[..]].concat());
    assert_eq!(answer["installed"].as_array().unwrap().len(), 1);
    let answer = site
        .host
        .json(&["candidates", "reclaim", "--all", "--installed"]);
    assert_eq!(answer["installed"].as_array().unwrap().len(), 2);
    let waiting = site.candidates(&["--state", "awaiting_revocation"]);
    let number = waiting[0]["id"].to_string();
    let refused = site.host.seatsync(&["candidates", "reclaim", &number]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stdout);
    assert!(
        said.contains("not done: it is awaiting_revocation"),
        "{said}"
    );
    let entries = site.host.json(&["audit", "list", "--candidate", &number]);
    let entries = entries["rows"].as_array().unwrap().clone();
    let actions: Vec<&str> = entries
        .iter()
        .filter_map(|one| one["action"].as_str())
        .collect();
    assert_eq!(actions.len(), 2, "{entries:#?}");
    assert!(actions.contains(&"candidate_opened") && actions.contains(&"candidate_moved"));
    assert!(
        entries
            .iter()
            .all(|one| one["facts"]["software_model"] == "cad")
    );
    let read = text(
        &site
            .host
            .seatsync(&["audit", "list", "--candidate", &number])
            .stdout,
    );
    assert!(
        read.contains(waiting[0]["configuration_item"].as_str().unwrap()),
        "{read}"
    );
    let verified = site.host.json(&["audit", "verify"]);
    assert_eq!(verified["broken"], serde_json::Value::Null, "{verified:#}");
}
