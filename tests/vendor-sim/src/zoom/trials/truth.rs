//! Everything that speaks of activity agrees with the truth.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::{Trial, friday};
use crate::zoom::cast::Cast;
use crate::zoom::options::{Plan, ZoomSimOptions};
use crate::zoom::roll::Hosted;

/// The last day each host is named in the per-day reports of `days` before the start.
fn last_days(trial: &Trial, days: i64) -> BTreeMap<String, String> {
    let mut last = BTreeMap::new();
    let today: jiff::civil::Date = "2026-11-20".parse().unwrap();
    for back in (0..=days).rev() {
        let day = today.saturating_sub(jiff::Span::new().days(back));
        let target = format!("/report/users?type=active&from={day}&to={day}&page_size=50");
        for row in trial.walk(&target, "users") {
            last.insert(row["id"].as_str().unwrap().to_owned(), day.to_string());
        }
    }
    last
}

#[test]
fn the_daily_reports_lead_to_the_true_last_meeting() {
    let trial = Trial::new(&friday());
    let reported = last_days(&trial, 100);
    let mut compared = 0;
    for truth in trial.control.truth() {
        let since = "2026-08-12T00:00:00Z".parse().unwrap();
        let expected = truth.last_meeting.filter(|at| *at >= since);
        let expected = expected.map(|at| at.to_string()[..10].to_owned());
        assert_eq!(reported.get(&truth.id), expected.as_ref(), "{truth:?}");
        compared += usize::from(expected.is_some());
    }
    assert!(compared > 80, "{compared} hosts");
}

#[test]
fn the_cast_does_what_it_says() {
    let trial = Trial::new(&friday());
    let truth = |member| trial.control.truth_of(&trial.id(member)).unwrap();
    let day = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string()[..10].to_owned());
    assert_eq!(
        day(truth(Cast::Idle).last_meeting).as_deref(),
        Some("2026-08-22")
    );
    assert_eq!(
        day(truth(Cast::LongIdle).last_meeting).as_deref(),
        Some("2026-05-04")
    );
    assert_eq!(
        day(truth(Cast::NearlyIdle).last_meeting).as_deref(),
        Some("2026-09-22")
    );
    assert_eq!(truth(Cast::NeverHosted).last_meeting, None);
    assert_eq!(truth(Cast::WebinarHost).last_meeting, None);
    assert_eq!(
        day(truth(Cast::WebinarHost).last_webinar).as_deref(),
        Some("2026-11-17")
    );
    assert_eq!(
        day(truth(Cast::Booked).next_event).as_deref(),
        Some("2026-11-25")
    );
    assert_eq!(truth(Cast::StaleSchedule).next_event, None);
    for member in [
        Cast::Owner,
        Cast::InstantOnly,
        Cast::SoloOnly,
        Cast::Regular,
        Cast::BasicRegular,
    ] {
        assert!(
            *day(truth(member).last_meeting).unwrap() >= *"2026-11-09",
            "{member:?}"
        );
    }
}

#[test]
fn the_configured_share_of_users_hosts() {
    let options = ZoomSimOptions {
        users: 10_000,
        ..friday()
    };
    let trial = Trial::new(&options);
    let month = trial.get("/report/users?type=active&from=2026-10-21&to=2026-11-20&page_size=1");
    let active = month["total_records"].as_u64().unwrap();
    assert!((2_750..3_300).contains(&active), "{active} of 9,500");
    let inactive =
        trial.get("/report/users?type=inactive&from=2026-10-21&to=2026-11-20&page_size=1");
    let people = trial.get("/users?page_size=1")["total_records"]
        .as_u64()
        .unwrap();
    let hosts_in_account = active + inactive["total_records"].as_u64().unwrap();
    // Former users are in the report only; users without Meetings are in neither.
    assert!(
        hosts_in_account.abs_diff(people) < 30,
        "{hosts_in_account} against {people}"
    );
}

#[test]
fn all_sources_tell_of_the_same_sessions() {
    let options = ZoomSimOptions {
        plan: Plan::Business,
        ..friday()
    };
    let trial = Trial::new(&options);
    let window = "from=2026-11-10&to=2026-11-19&page_size=300";
    let history = trial.walk(
        &format!("/report/history_meetings?{window}"),
        "history_meetings",
    );
    let of_kind = |kind: &str| history.iter().filter(|row| row["type"] == kind).count();
    let past = trial.walk(&format!("/metrics/meetings?type=past&{window}"), "meetings");
    let alone = trial.walk(
        &format!("/metrics/meetings?type=pastOne&{window}"),
        "meetings",
    );
    let webinars = trial.walk(&format!("/metrics/webinars?type=past&{window}"), "webinars");
    assert_eq!(past.len() + alone.len(), of_kind("Meeting"));
    assert_eq!(webinars.len(), of_kind("Webinar"));
    assert!(!alone.is_empty() && !webinars.is_empty());
    let hosts = trial.get(&format!("/report/users?type=active&{window}"));
    assert_eq!(hosts["total_meetings"], of_kind("Meeting"));

    let solo = trial.id(Cast::SoloOnly);
    let of_solo = |kind: &str| {
        trial.get(&format!(
            "/report/users/{solo}/meetings?type={kind}&{window}"
        ))["total_records"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(of_solo("past"), 0);
    assert!(of_solo("pastOne") > 0);
}

#[test]
fn instant_meetings_are_in_no_list_and_scheduled_ones_prove_nothing() {
    let trial = Trial::new(&friday());
    let listed = |member| {
        let target = format!("/users/{}/meetings?page_size=300", trial.id(member));
        trial.get(&target)["total_records"].as_u64().unwrap()
    };
    assert_eq!(listed(Cast::InstantOnly), 0);
    assert_eq!(listed(Cast::StaleSchedule), 1);
    assert!(listed(Cast::Regular) > 10);
    let target = format!("/users/{}/meetings?type=upcoming", trial.id(Cast::Booked));
    assert_eq!(
        trial.get(&target)["meetings"][0]["start_time"]
            .as_str()
            .unwrap()[..10],
        *"2026-11-25"
    );
    let events = trial.walk(
        "/report/upcoming_events?type=meeting&from=2026-11-20&to=2026-12-15&page_size=300",
        "upcoming_events",
    );
    let booked = trial.id(Cast::Booked);
    assert!(
        events
            .iter()
            .any(|event| event["host_id"] == booked.as_str())
    );
    assert_eq!(
        trial.refused(
            "GET",
            &format!("/users/{}/meetings", trial.id(Cast::NoMeetings)),
            ""
        ),
        (400, 3161)
    );
    assert_eq!(
        trial.refused(
            "GET",
            &format!("/users/{}/webinars", trial.id(Cast::Idle)),
            ""
        ),
        (400, 200)
    );
}

#[test]
fn what_is_planned_takes_place_when_time_comes() {
    let trial = Trial::new(&friday());
    let booked = trial.id(Cast::Booked);
    let planned = trial.control.truth_of(&booked).unwrap().next_event.unwrap();
    trial.control.advance(SignedDuration::from_hours(24 * 7));
    let held = trial
        .control
        .truth_of(&booked)
        .unwrap()
        .last_meeting
        .unwrap();
    assert!(held >= planned && held.duration_since(planned) < SignedDuration::from_hours(12));
}

#[test]
fn a_late_row_arrives_when_the_lag_is_over() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.report_lag_hours = 24);
    let idle = trial.id(Cast::Idle);
    let start = "2026-11-20T10:00:00Z".parse().unwrap();
    assert!(trial.control.host(&idle, &Hosted::meeting(start)));
    let seen = |trial: &Trial| {
        let target = "/report/users?type=active&from=2026-11-20&to=2026-11-20&page_size=300";
        let rows = trial.walk(target, "users");
        rows.iter().any(|row: &Value| row["id"] == idle.as_str())
    };
    assert!(!seen(&trial));
    trial.control.advance(SignedDuration::from_hours(20));
    let mut trial = trial;
    trial.token = trial.mint();
    assert!(seen(&trial));
    assert_eq!(
        trial.control.truth_of(&idle).unwrap().last_meeting,
        Some(start)
    );
}

#[test]
fn the_last_login_moves_only_past_three_days() {
    let trial = Trial::new(&friday());
    let sees = |trial: &Trial| {
        let user = trial.get(&format!("/users/{}", trial.id(Cast::SignsInOnly)));
        user["last_login_time"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let mut moves = Vec::new();
    let mut trial = trial;
    for _ in 0..40 {
        let shown = sees(&trial);
        if moves.last() != Some(&shown) {
            moves.push(shown);
        }
        trial.control.advance(SignedDuration::from_hours(24));
        trial.token = trial.mint();
    }
    assert!(moves.len() > 8, "{moves:?}");
    for pair in moves.windows(2) {
        assert!(
            pair[1].duration_since(pair[0]) > SignedDuration::from_hours(72),
            "{pair:?}"
        );
    }
    let log = "/report/activities?from=2026-11-15&to=2026-11-20&page_size=300";
    let email = trial.control.cast(Cast::SignsInOnly).unwrap().email;
    let rows = trial.walk(log, "activity_logs");
    let sign_ins = rows
        .iter()
        .filter(|row| row["email"] == email.as_str() && row["type"] == "Sign in");
    assert!(
        sign_ins.count() >= 2,
        "the log knows the logins that the time does not show"
    );
}

#[test]
fn reports_name_former_users_whom_the_list_does_not() {
    let trial = Trial::new(&friday());
    let hosts = trial.walk(
        "/report/users?from=2026-10-25&to=2026-11-20&page_size=300",
        "users",
    );
    let unknown = hosts.iter().filter(|row| {
        let id = row["id"].as_str().unwrap();
        trial.call("GET", &format!("/users/{id}"), "").0 == 404
    });
    assert!(unknown.count() >= 1);
}
