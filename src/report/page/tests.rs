use serde_json::json;

use super::*;
use crate::doctor::{Finding, Severity};
use crate::store::report::{IdleSeats, TrendDay};

fn facts() -> Facts {
    let day = |day: &str, owned, used, stale| TrendDay {
        day: day.parse().unwrap(),
        owned,
        used,
        stale,
    };
    Facts {
        made_at: "2026-03-02T12:00:00Z".parse().unwrap(),
        position: None,
        products: Vec::new(),
        sums: ReportSums {
            trend: vec![day("2026-03-01", 10, 8, 1), day("2026-03-02", 10, 9, 2)],
            idle: vec![IdleSeats {
                profile: "zoom".parse().unwrap(),
                identifier: "zoom.licensed".to_owned(),
                seats: [5, 1, 0, 0, 2, 1],
            }],
            open_candidates: 2_345,
            ended_jobs: 0,
        },
        candidates: vec![candidate()],
        health: Health {
            checks: vec!["failed_run".to_owned()],
            findings: vec![Finding {
                check: "failed_run".to_owned(),
                severity: Severity::Warning,
                profile: None,
                about: "</td></table>".to_owned(),
                value: "1".to_owned(),
                message: "m".to_owned(),
                remedy: "run `seatsync doctor`".to_owned(),
            }],
        },
        jobs: Vec::new(),
    }
}

fn candidate() -> ReportCandidate {
    serde_json::from_value(json!({
        "id": 1, "profile": "zoom", "subscription": 1, "external_user_id": "u",
        "email": "\" onmouseover='x'@example.com", "display_name": "</script><script>alert(1)</script>",
        "identifier": "zoom.licensed", "state": "ready", "attention": null, "reason": "not used",
        "justification": "low_usage", "rule": "r", "rule_digest": "d",
        "reference": {"kind": "last_activity", "day": "2025-12-01"}, "last_activity": "2025-12-01",
        "last_grade": "hosted", "grade": "hosted", "evidence_digest": "e", "savings": null,
        "assignment_group": null, "opened_at": "2026-03-01T00:00:00Z",
        "changed_at": "2026-03-01T00:00:00Z", "closed_at": null, "pressed_by": null, "round": 0,
        "asked_at": null, "answer_by": null, "kept_until": null, "restored_at": null,
        "saves": {"amount": "1149.9", "currency": "EUR"},
    }))
    .unwrap()
}

#[test]
fn a_name_that_is_a_script_is_shown_and_not_run() {
    let page = page(&facts()).unwrap();
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;"), "{page}");
    assert!(page.contains("&quot; onmouseover=&#x27;x&#x27;@example.com"));
    assert!(page.contains("&lt;&#x2f;td&gt;&lt;&#x2f;table&gt;"));
}

#[test]
fn the_page_asks_for_nothing_and_its_policy_names_its_own_script() {
    // An attribute's value is the same with a slash written as a reference.
    let page = page(&facts()).unwrap().replace("&#x2f;", "/");
    assert!(page.starts_with("<!DOCTYPE html>"));
    for name in [" src=", "@import", "url(", " style=", "https://", "<link"] {
        assert!(!page.contains(name), "{name}");
    }
    let inside = |open: &str, close: &str| {
        let (_, rest) = page.split_once(open).unwrap();
        rest.split_once(close).unwrap().0.to_owned()
    };
    assert!(page.contains(&format!(
        "script-src 'sha256-{}'",
        hash(&inside("<script>", "</script>"))
    )));
    assert!(page.contains(&format!(
        "style-src 'sha256-{}'",
        hash(&inside("<style>", "</style>"))
    )));
}

#[test]
fn what_is_left_out_is_counted_and_the_command_named() {
    let page = page(&facts()).unwrap();
    assert!(page.contains("2344 more are not on this page"), "{page}");
    assert!(page.contains("seatsync export candidates --as csv --out FILE"));
    assert!(page.contains("No job has ended yet."));
}

#[test]
fn no_list_is_longer_than_a_person_reads() {
    let mut many = facts();
    let one = many.sums.idle[0].clone();
    many.sums.idle = vec![one; MOST_ROWS as usize + 7];
    let page = page(&many).unwrap();
    let (_, rest) = page.split_once("<h2 id=\"idle\">").unwrap();
    let (section, _) = rest.split_once("</section>").unwrap();
    assert_eq!(section.matches("<tr><td").count(), MOST_ROWS as usize);
    assert!(section.contains("7 more are not on this page"));
}

#[test]
fn a_page_whose_lists_are_full_is_below_five_megabytes() {
    let most = MOST_ROWS as usize;
    let candidate = |_| {
        let mut row = candidate();
        row.candidate.display_name = "A Name of Usual Length".to_owned();
        row.candidate.email = "a.name.of.usual.length@subsidiary.example.com".to_owned();
        row.candidate.reason = "no use by the vendor's reports in the 60 days to 2026-02-27, which are known; last hosted 2025-12-01; the account is older".to_owned();
        row
    };
    let job = || {
        serde_json::from_value(json!({
            "id": "0195f0f0-0000-7000-8000-000000000000", "profile": "zoom-emea",
            "subflow": "download_subscriptions", "trigger": "schedule",
            "due_at": "2026-03-01T03:15:00Z", "state": "failed", "not_before": "2026-03-01T03:15:00Z", "attempts": 3,
            "started_at": "2026-03-01T03:15:00Z", "ended_at": "2026-03-01T03:16:00Z",
            "counts": {"fetched": 100_000, "inserted": 1_000, "updated": 5_000, "ended": 40},
            "failure": {"step": "list users", "message": "the vendor does not answer: the connection was closed before the answer was whole; the next run tries again"},
        }))
        .unwrap()
    };
    let full = Facts {
        candidates: (0..most).map(candidate).collect(),
        jobs: (0..most).map(|_| job()).collect(),
        ..facts()
    };
    let page = page(&full).unwrap();
    assert!(page.contains("the connection was closed"));
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
}

#[test]
fn the_same_facts_give_the_same_page() {
    let first = page(&facts()).unwrap();
    assert_eq!(first, page(&facts()).unwrap());
    let (_, main) = first.split_once("<main>").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    insta::assert_snapshot!(main);
}

#[test]
fn a_sentence_shows_commands_as_code_and_runs_nothing() {
    for (sentence, html) in [
        (
            "run `seatsync doctor`, then",
            "run <code>seatsync doctor</code>, then",
        ),
        (
            "`<b>` and one ` alone",
            "<code>&lt;b&gt;</code> and one ` alone",
        ),
        ("</td>", "&lt;&#x2f;td&gt;"),
    ] {
        assert_eq!(prose(sentence.into()).to_string(), html);
    }
}
