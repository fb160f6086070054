//! What `check` says of rules for installed software, and what a number is of.

use std::os::unix::net::UnixStream;

use jiff::ToSpan as _;
use seatsync::clock::{Clock as _, SystemClock};
use seatsync::reclamation::installed::judge::Check;
use serde_json::Value;
use vendor_sim::{ZoomSim, ZoomSimOptions};

use super::{CAD, MODELS, Site, id, idle, last_used};
use crate::support::agent::post;
use crate::support::{Host, text};

/// What `check` prints of one more file beside the models, and its exit code.
fn checked(extra: &str) -> (String, Option<i32>) {
    let host = Host::new();
    host.profile("models.yaml", MODELS);
    host.profile("rule.yaml", extra);
    let folder = host.path("profiles.d");
    let output = host.seatsync(&["check", folder.to_str().unwrap()]);
    (text(&output.stdout), output.status.code())
}

#[test]
fn every_mistake_in_a_rule_is_told_with_what_would_be_right() {
    let table = [
        (
            "software_models: [cda]",
            "there is no SoftwareModel `cda`",
            "did you mean `cad`?",
            0,
        ),
        (
            "name: x",
            "one of `identifiers`, `software_models` is needed",
            "",
            1,
        ),
        (
            "software_models: []",
            "a rule needs at least one software model",
            "",
            1,
        ),
        ("software_models: [cad, cad]", "`cad` is given twice", "", 1),
        (
            "software_models: [cad], mode: manual",
            "`mode` goes with `identifiers`",
            "is for seats",
            1,
        ),
        (
            "identifiers: [zoom.licensed], months: 3",
            "`months` goes with `software_models`",
            "",
            1,
        ),
        (
            "software_models: [cad], last_used_before: 90d",
            "`last_used_before` goes with `reclamation_type: last_used_date`",
            "leave it out",
            1,
        ),
        (
            "software_models: [cad], reclamation_type: last_used_date, total_hours_used: 3",
            "`total_hours_used` goes with `reclamation_type: total_usage`",
            "leave it out",
            1,
        ),
        (
            "software_models: [cad], reclamation_type: last_used_date, last_used_before: 2d",
            "`2d` is too short to tell disuse",
            "at least 7d",
            1,
        ),
        (
            "software_models: [cad], months: 0",
            "`0` is out of range",
            "from 1 to 24",
            1,
        ),
        (
            "software_models: [cad], total_hours_use: 3",
            "`total_hours_use` is not known here",
            "did you mean `total_hours_used`?",
            1,
        ),
        (
            "software_models: [cad], reclamation_type: total_use",
            "`total_use` is not one of",
            "did you mean `total_usage`?",
            1,
        ),
    ];
    for (fields, message, help, code) in table {
        let name = if fields.starts_with("name:") {
            ""
        } else {
            "name: r, "
        };
        let rule = format!("{{kind: ReclamationRule, {name}{fields}}}\n");
        let (said, ended) = checked(&rule);
        assert!(
            said.contains(message) && said.contains(help),
            "{fields}:\n{said}"
        );
        assert_eq!(ended, Some(code), "{fields}:\n{said}");
    }
}

#[test]
fn models_and_rules_that_contradict_each_other_are_told() {
    let rule = |name: &str| {
        format!("{{kind: ReclamationRule, name: {name}, software_models: [cad]}}\n---\n")
    };
    let (said, ended) = checked(&format!("{}{}", rule("one"), rule("two")));
    assert!(
        said.contains("ReclamationRule `one` is for SoftwareModel `cad` too"),
        "{said}"
    );
    assert_eq!(ended, Some(1));
    let model = "{kind: SoftwareModel, name: cad-too, publisher: A, product: B, norm_products: [00000000000000000000000000000CAD]}";
    let (said, ended) = checked(model);
    assert!(
        said.contains("SoftwareModel `cad")
            && said.contains("has product `00000000000000000000000000000cad` too"),
        "{said}"
    );
    assert_eq!(ended, Some(1));
    let (said, ended) = checked("{kind: SoftwareModel, name: none, publisher: A, product: B}");
    assert!(
        said.contains("a model needs at least one identifier or product"),
        "{said}"
    );
    assert_eq!(ended, Some(1));
    let seats = "{kind: SoftwareModel, name: zoom, publisher: A, product: B, identifiers: [{is: zoom.licensed}]}
---
{kind: ReclamationRule, name: r, software_models: [zoom]}";
    let (said, ended) = checked(seats);
    assert!(
        said.contains("SoftwareModel `zoom` has no `norm_products`"),
        "{said}"
    );
    assert_eq!(ended, Some(0));
}

/// With the vendor and the host's own clock, for seats have candidates too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_of_a_seat_or_of_software_and_never_of_both() {
    let vendor = ZoomSim::start(ZoomSimOptions {
        users: 120,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_zoom(&vendor);
    host.profile("models.yaml", MODELS);
    host.start();
    host.until(
        &["jobs", "results", "--subflow", "refresh_candidates"],
        |jobs| jobs["rows"].as_array().is_some_and(|rows| !rows.is_empty()),
    );
    let seats = host.json(&["candidates", "list"])["rows"]
        .as_array()
        .unwrap()
        .clone();
    let highest = seats
        .iter()
        .filter_map(|seat| seat["id"].as_i64())
        .max()
        .unwrap();
    let long_ago = SystemClock.now() - (24 * 200).hours();
    let long_ago = long_ago.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, &[last_used(1, CAD, &long_ago)]).unwrap();
    host.profile(
        "rule.yaml",
        "{kind: ReclamationRule, name: r, software_models: [cad], reclamation_type: last_used_date}\n",
    );
    let found = host.until(&["candidates", "list", "--installed"], |found| {
        found["rows"][0]["state"] == "ready"
    });
    let number = found["rows"][0]["id"].as_i64().unwrap();
    assert!(number > highest, "{number} {highest}");
    let shown = host.json(&["candidates", "show", &number.to_string()]);
    assert_eq!(shown["configuration_item"], id(1));
    let seat = host.json(&["candidates", "show", &highest.to_string()]);
    assert_eq!(seat["profile"], "zoom");
    assert_eq!(seat["configuration_item"], Value::Null);
    let undone = host.seatsync(&["undo", &number.to_string()]);
    assert_eq!(undone.status.code(), Some(1));
    let said = text(&undone.stderr);
    assert!(said.contains("nothing was written for it"), "{said}");
    // Both at once, by their numbers.
    let both = [
        "candidates",
        "skip",
        &number.to_string(),
        &highest.to_string(),
    ];
    let answer = host.json(&both);
    assert_eq!(answer["decided"][0]["candidate"]["state"], "closed_skipped");
    assert_eq!(
        answer["installed"][0]["candidate"]["state"],
        "closed_skipped"
    );
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[test]
fn the_page_shows_documents_that_load_and_rows_that_are_given() {
    let page = std::fs::read_to_string("docs/reclamation.md").unwrap();
    let (_, part) = page.split_once("## Installed software").unwrap();
    let block = |kind: &str, number: usize| {
        let rest = part.split(&format!("```{kind}\n")).nth(number).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let host = Host::new();
    host.profile("page.yaml", &block("yaml", 1));
    let folder = host.path("profiles.d");
    let checked = host.seatsync(&["check", folder.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));

    let site = Site::with("months: 3, total_hours_used: 1, assignment_group: sam@example.com");
    site.push(&idle(1));
    site.judge();
    let shown: Value = serde_json::from_str(&block("json", 1)).unwrap();
    let given = site.candidate();
    let keys = |value: &Value| -> Vec<String> {
        let entries = value.as_object().unwrap().keys();
        entries.cloned().collect()
    };
    assert_eq!(keys(&given), keys(&shown));
    assert_eq!(keys(&given["evidence"]), keys(&shown["evidence"]));
    assert_eq!(keys(&given["savings"]), keys(&shown["savings"]));
    assert_eq!(given["reason"], shown["reason"]);
    let shown: Value = serde_json::from_str(&block("json", 2)).unwrap();
    let given = site.host.json(&["explain", "--configuration-item", &id(1)]);
    assert_eq!(keys(&given), keys(&shown));
    assert_eq!(given["months_reported"], shown["months_reported"]);
    let (given, shown) = (&given["verdicts"][0], &shown["verdicts"][0]);
    assert_eq!(keys(given), keys(shown));
    assert_eq!(keys(&given["predicates"][0]), keys(&shown["predicates"][0]));
    assert_eq!(given["predicates"][1], shown["predicates"][0]);
    for check in Check::ALL {
        let row = format!("| `{}` |", check.as_str());
        assert!(part.contains(&row), "the page says nothing of {row}");
    }
}
