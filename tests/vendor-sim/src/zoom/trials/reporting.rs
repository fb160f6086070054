//! Windows, plans and the shape of reports.

use super::{Trial, friday};
use crate::zoom::options::{Plan, ZoomSimOptions};

#[test]
fn windows_are_checked() {
    let trial = Trial::new(&friday());
    for (query, refused) in [
        ("from=2026-11-01&to=2026-11-20", false),
        ("from=2026-11-19&to=2026-11-19", false),
        ("from=2026-10-20&to=2026-11-20", false),
        ("from=2026-10-19&to=2026-11-20", true),
        ("from=2026-05-20&to=2026-06-19", false),
        ("from=2026-05-19&to=2026-06-18", true),
        ("from=2026-11-20&to=2026-11-19", true),
        ("from=2026-11-19", true),
        ("to=2026-11-19", true),
        ("from=20261101&to=2026-11-02", true),
        ("from=2026-11-01T00:00:00Z&to=2026-11-02", true),
    ] {
        for path in [
            "/report/users",
            "/report/history_meetings",
            "/report/operationlogs",
        ] {
            let (status, body) = trial.call("GET", &format!("{path}?{query}"), "");
            assert_eq!(status == 400, refused, "{path}?{query}: {body}");
            assert!(status == 200 || body["code"] == 300, "{body}");
        }
    }
    trial
        .control
        .switch(|switches| switches.single_day_reports = false);
    let one_day = "/report/users?from=2026-11-19&to=2026-11-19";
    assert_eq!(trial.refused("GET", one_day, ""), (400, 300));
}

#[test]
fn plans_decide_which_reports_exist() {
    let window = "from=2026-11-18&to=2026-11-19";
    for (plan, report, dashboard) in [
        (Plan::Free, 400, 400),
        (Plan::Pro, 200, 400),
        (Plan::Business, 200, 200),
    ] {
        let trial = Trial::new(&ZoomSimOptions { plan, ..friday() });
        let status = |path: &str| trial.call("GET", &format!("{path}?{window}"), "").0;
        assert_eq!(status("/report/users"), report, "{plan:?}");
        assert_eq!(status("/metrics/meetings"), dashboard, "{plan:?}");
        assert_eq!(status("/metrics/webinars"), dashboard, "{plan:?}");
    }
}

#[test]
fn some_totals_are_absent_where_the_vendor_omits_them() {
    let trial = Trial::new(&friday());
    let window = "from=2026-11-18&to=2026-11-20&page_size=2";
    for path in [
        "/report/history_meetings",
        "/report/activities",
        "/report/upcoming_events",
    ] {
        let page = trial.get(&format!("{path}?{window}"));
        assert!(page.get("total_records").is_none(), "{path}");
        assert!(
            !page["next_page_token"].as_str().unwrap().is_empty(),
            "{path}"
        );
    }
}

#[test]
fn streams_give_each_session_once_whatever_the_page_size() {
    let trial = Trial::new(&friday());
    let ids = |size: u32| {
        let target =
            format!("/report/history_meetings?from=2026-11-09&to=2026-11-19&page_size={size}");
        let rows = trial.walk(&target, "history_meetings");
        let mut ids: Vec<String> = rows
            .iter()
            .map(|row| row["meeting_uuid"].as_str().unwrap().to_owned())
            .collect();
        let rows = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), rows);
        ids
    };
    let all = ids(300);
    assert_eq!(ids(1), all);
    assert_eq!(ids(7), all);
}

#[test]
fn hosts_are_paged_by_token_and_by_number() {
    let trial = Trial::new(&friday());
    let window = "/report/users?from=2026-11-09&to=2026-11-19&page_size=20";
    let by_token = trial.walk(window, "users");
    let mut by_number = Vec::new();
    for number in 1.. {
        let page = trial.get(&format!("{window}&page_number={number}"));
        by_number.extend(page["users"].as_array().unwrap().clone());
        if number >= page["page_count"].as_i64().unwrap() {
            break;
        }
    }
    assert_eq!(by_number, by_token);
}

#[test]
fn searching_the_history() {
    let trial = Trial::new(&friday());
    let window = "from=2026-11-09&to=2026-11-19&page_size=300";
    let found = trial.walk(
        &format!("/report/history_meetings?{window}&search_key=budget"),
        "history_meetings",
    );
    assert!(!found.is_empty());
    assert!(found.iter().all(|row| row["topic"] == "Budget review"));
    let webinars = trial.walk(
        &format!("/report/history_meetings?{window}&meeting_type=webinar&date_type=end_time"),
        "history_meetings",
    );
    assert!(!webinars.is_empty() && webinars.iter().all(|row| row["type"] == "Webinar"));
}
