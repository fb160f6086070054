//! Who used what: meetings, webinars, trainings, support and calls.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Trial, friday, rows, text};
use crate::goto::activity::Kind;
use crate::goto::cast::Cast;
use crate::goto::world::ACCOUNT;

fn meetings(trial: &Trial, key: &str, from: &str, to: &str) -> Vec<Value> {
    let target =
        format!("/G2M/rest/organizers/{key}/historicalMeetings?startDate={from}&endDate={to}");
    rows(&trial.get(&target)).clone()
}

#[test]
fn meetings_are_told_by_their_start_when_they_are_over() {
    let trial = Trial::new(&friday());
    let idle = trial.key(Cast::Idle);
    let last = trial
        .control
        .last("ida.idle@example.com", Kind::Meeting)
        .unwrap();
    let from = "2026-06-01T00:00:00Z";
    let told = meetings(&trial, &idle, from, "2026-11-20T15:00:00Z");
    assert_eq!(text(&told.last().unwrap()["startTime"]), last.to_string());
    assert_eq!(told[0]["organizerKey"], idle.as_str());
    assert!(
        meetings(
            &trial,
            &idle,
            "2026-10-01T00:00:00Z",
            "2026-11-20T15:00:00Z"
        )
        .is_empty()
    );
    let running: Timestamp = "2026-11-20T14:55:00Z".parse().unwrap();
    trial
        .control
        .record("ida.idle@example.com", Kind::Meeting, running);
    assert!(
        meetings(
            &trial,
            &idle,
            "2026-11-20T00:00:00Z",
            "2026-11-20T15:00:00Z"
        )
        .is_empty()
    );
    trial.control.advance(jiff::SignedDuration::from_mins(10));
    assert_eq!(
        meetings(
            &trial,
            &idle,
            "2026-11-20T00:00:00Z",
            "2026-11-20T15:00:00Z"
        )
        .len(),
        1
    );
    let backwards = format!(
        "/G2M/rest/organizers/{idle}/historicalMeetings?startDate=2026-11-02T00:00:00Z&endDate=2026-11-01T00:00:00Z"
    );
    assert_eq!(trial.call("GET", &backwards, "").0, 400);
}

const AUTUMN: &str = "fromTime=2026-09-21T00:00:00Z&toTime=2026-11-20T00:00:00Z";

#[test]
fn a_planned_webinar_is_not_a_held_one() {
    let trial = Trial::new(&friday());
    let key = trial.key(Cast::SchedulesOnly);
    let planned = trial.get(&format!("/G2W/rest/v2/organizers/{key}/webinars?{AUTUMN}"));
    assert!(!rows(&planned["_embedded"]["webinars"]).is_empty());
    let held = trial.get(&format!("/G2W/rest/v2/organizers/{key}/sessions?{AUTUMN}"));
    assert!(held.get("_embedded").is_none());
    assert_eq!(held["page"]["totalElements"], 0);
}

#[test]
fn sessions_name_who_made_and_who_started_the_webinar() {
    let trial = Trial::new(&friday());
    let (maker, starter) = (trial.key(Cast::WebinarOrganizer), trial.key(Cast::CoHost));
    for key in [&maker, &starter] {
        let held = trial.get(&format!(
            "/G2W/rest/v2/organizers/{key}/sessions?{AUTUMN}&size=200"
        ));
        let held = rows(&held["_embedded"]["sessionInfoResources"]);
        assert!(held.iter().all(|session| {
            session["creatingOrganizerKey"] == maker.as_str()
                && session["startingOrganizerKey"] == starter.as_str()
        }));
    }
    let all = format!("/G2W/rest/v2/accounts/{ACCOUNT}/webinars?{AUTUMN}&size=201");
    assert_eq!(trial.call("GET", &all, "").0, 400);
    trial
        .control
        .switch(|switches| switches.webinar_size_clamped = true);
    assert_eq!(trial.get(&all)["page"]["size"], 200);
}

#[test]
fn trainings_and_support_sessions_name_their_person() {
    let trial = Trial::new(&friday());
    let trainer = trial.key(Cast::Trainer);
    let body = json!({"startDate": "2026-09-21T00:00:00Z", "endDate": "2026-11-20T00:00:00Z"});
    let target = format!("/G2T/rest/reports/organizers/{trainer}/sessions");
    let (status, held) = trial.call("POST", &target, &body.to_string());
    assert_eq!(status, 200);
    assert_eq!(held[0]["organizers"][0]["organizerKey"], trainer.as_str());
    let support = trial.get(&format!("/G2A/rest/v1/extendedsessions?{AUTUMN}"));
    let supporter = trial.key(Cast::Supporter);
    let sessions = rows(&support["sessions"]);
    assert!(
        sessions
            .iter()
            .any(|session| session["expertUserKey"] == supporter.as_str())
    );
    let oldest = sessions
        .iter()
        .map(|session| text(&session["startedAt"]))
        .min()
        .unwrap();
    assert!(
        oldest.as_str() >= "2026-10-21",
        "older ones are gone: {oldest}"
    );
}

#[test]
fn call_reports_know_names_and_no_keys_and_count_milliseconds() {
    let trial = Trial::new(&friday());
    let window = "startTime=2026-09-21T00:00:00Z&endTime=2026-11-20T00:00:00Z";
    let report = "/api.goto.com/call-reports/v1/reports/user-activity";
    let page = trial.get(&format!("{report}?{window}&pageSize=1000"));
    let sams: Vec<&Value> = rows(&page["items"])
        .iter()
        .filter(|item| item["userName"] == "Sam Same")
        .collect();
    let volume = |item: &Value| item["dataValues"]["volume"].as_u64().unwrap();
    assert_eq!(sams.len(), 2);
    assert_eq!(sams.iter().filter(|item| volume(item) > 0).count(), 1);
    let busy = sams.iter().find(|item| volume(item) > 0).unwrap();
    let calls = trial.get(&format!("{report}/{}?{window}", text(&busy["userId"])));
    let total: u64 = rows(&calls["items"])
        .iter()
        .map(|call| call["duration"].as_u64().unwrap())
        .sum();
    assert_eq!(busy["dataValues"]["totalDuration"], total);
    assert!(total > 60_000);
    let short = trial.get(&format!("{report}?{window}&pageSize=10&page=1"));
    assert_eq!(rows(&short["items"]).len(), 10);
}

#[test]
fn calls_by_key_come_in_pages_within_31_days_and_a_little_late() {
    let trial = Trial::new(&friday());
    let base = "/api.goto.com/call-events-report/v1/report-summaries";
    let window =
        format!("accountKey={ACCOUNT}&startTime=2026-11-01T00:00:00Z&endTime=2026-11-20T15:00:00Z");
    let first = trial.get(&format!("{base}?{window}&pageSize=50"));
    assert_eq!(rows(&first["items"]).len(), 50);
    let marker = text(&first["nextPageMarker"]);
    let second = trial.get(&format!("{base}?{window}&pageSize=50&pageMarker={marker}"));
    assert_ne!(first["items"][0], second["items"][0]);
    let long = format!(
        "{base}?accountKey={ACCOUNT}&startTime=2026-10-01T00:00:00Z&endTime=2026-11-20T15:00:00Z"
    );
    assert_eq!(trial.call("GET", &long, "").0, 400);

    let at: Timestamp = "2026-11-20T14:48:00Z".parse().unwrap();
    trial
        .control
        .record("silas.silent@example.com", Kind::Call, at);
    let key = trial.key(Cast::SilentCaller);
    let mine =
        format!("{base}?userKey={key}&startTime=2026-11-01T00:00:00Z&endTime=2026-11-21T00:00:00Z");
    assert!(rows(&trial.get(&mine)["items"]).is_empty());
    trial.control.advance(jiff::SignedDuration::from_mins(5));
    assert_eq!(rows(&trial.get(&mine)["items"]).len(), 1);
}

#[test]
fn call_reports_older_than_thirteen_months_are_empty() {
    let trial = Trial::new(&friday());
    let report = "/api.goto.com/call-reports/v1/reports/user-activity";
    let volume = |window: &str| -> u64 {
        let page = trial.get(&format!("{report}?{window}&pageSize=1000"));
        let items = rows(&page["items"]).iter();
        items
            .map(|item| item["dataValues"]["volume"].as_u64().unwrap())
            .sum()
    };
    assert_eq!(
        volume("startTime=2025-09-01T00:00:00Z&endTime=2025-10-01T00:00:00Z"),
        0
    );
    assert!(volume("startTime=2025-11-01T00:00:00Z&endTime=2025-12-01T00:00:00Z") > 0);
}

#[test]
fn a_webinars_id_is_spelt_as_switched() {
    let trial = Trial::new(&friday());
    let key = trial.key(Cast::SchedulesOnly);
    let target = format!("/G2W/rest/v2/organizers/{key}/webinars?{AUTUMN}");
    for (upper, spelt) in [(false, "webinarId"), (true, "webinarID")] {
        trial
            .control
            .switch(|switches| switches.webinar_id_upper = upper);
        let planned = trial.get(&target);
        assert!(planned["_embedded"]["webinars"][0][spelt].is_string());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = || {
        let trial = Trial::new(&friday());
        trial
            .raw("GET", &super::admin("users?pageSize=1000"), "")
            .body
    };
    assert_eq!(bytes(), bytes());
}
