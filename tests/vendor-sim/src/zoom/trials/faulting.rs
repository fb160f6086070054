//! Faults hit what they are told to, in the way they are told.

use serde_json::json;

use super::{Trial, friday};
use crate::http::Wire;
use crate::zoom::cast::Cast;
use crate::zoom::endpoint::{Endpoint, Label};
use crate::zoom::faults::{Action, Fault, Refusal, Shape};
use crate::zoom::limits::TooMany;
use crate::zoom::options::ZoomSimOptions;

#[test]
fn a_rule_counts() {
    let trial = Trial::new(&friday());
    let broken = Action::Html {
        status: 502,
        after_effect: false,
    };
    trial
        .control
        .set_fault(Fault::on(Endpoint::ListUsers, broken).after(1).times(2));
    let statuses: Vec<u16> = (0..5).map(|_| trial.call("GET", "/users", "").0).collect();
    assert_eq!(statuses, [200, 502, 502, 200, 200]);
    let log = trial.control.requests();
    let hit = log.iter().filter(|entry| entry.fault.is_some()).count();
    assert_eq!(hit, 2);
}

#[test]
fn refusals_have_their_status_and_code() {
    for (refusal, expected) in [
        (Refusal::ExpiredToken, (401, 124)),
        (Refusal::InvalidToken400, (400, 124)),
        (Refusal::MissingScope, (400, 4711)),
        (Refusal::Forbidden, (403, 403)),
        (Refusal::NoSuchUser, (404, 1001)),
        (Refusal::NotInAccount, (400, 1010)),
        (Refusal::InviteExpired, (400, 1120)),
        (Refusal::NoHosting, (400, 3161)),
        (Refusal::WebinarPlanMissing, (400, 200)),
        (Refusal::BadPageToken, (400, 300)),
        (Refusal::NoPermission, (400, 200)),
        (Refusal::InternalError, (500, 500)),
        (Refusal::Unavailable, (503, 503)),
    ] {
        let trial = Trial::new(&friday());
        trial
            .control
            .set_fault(Fault::on(Endpoint::GetUser, Action::Refuse { refusal }));
        assert_eq!(
            trial.refused("GET", "/users/x", ""),
            expected,
            "{refusal:?}"
        );
    }
}

#[test]
fn a_lost_answer_leaves_its_effect() {
    let trial = Trial::new(&friday());
    let lost = Action::Reset { after_effect: true };
    trial
        .control
        .set_fault(Fault::on(Endpoint::UpdateUser, lost).times(1));
    let target = format!("/users/{}", trial.id(Cast::Idle));
    let bearer = format!("Bearer {}", trial.token);
    let reply = trial.raw("PATCH", &format!("/v2{target}"), r#"{"type":1}"#, &bearer);
    assert_eq!(reply.wire, Wire::Reset);
    assert_eq!(trial.get(&target)["type"], 1);
    assert!(
        trial
            .control
            .requests()
            .iter()
            .any(crate::zoom::LoggedRequest::wrote)
    );

    let refused = Action::Reset {
        after_effect: false,
    };
    trial
        .control
        .set_fault(Fault::on(Endpoint::UpdateUser, refused).times(1));
    trial.raw("PATCH", &format!("/v2{target}"), r#"{"type":2}"#, &bearer);
    assert_eq!(trial.get(&target)["type"], 1);
}

#[test]
fn walks_can_be_led_astray() {
    let trial = Trial::new(&friday());
    let page = |token: &str| trial.get(&format!("/users?page_size=50&next_page_token={token}"));
    let first = page("");
    let token = first["next_page_token"].as_str().unwrap().to_owned();
    for (action, check) in [
        (Action::RepeatToken, json!({"token": token, "rows": 50})),
        (Action::CutWalk, json!({"token": "", "rows": 50})),
    ] {
        trial
            .control
            .set_fault(Fault::on(Endpoint::ListUsers, action));
        let next = page(&token);
        assert_eq!(next["next_page_token"], check["token"]);
        assert_eq!(next["users"].as_array().unwrap().len(), 50);
        trial.control.clear_faults();
    }
    trial
        .control
        .set_fault(Fault::on(Endpoint::ListUsers, Action::DropRows { rows: 3 }));
    let short = page("");
    assert_eq!(short["users"].as_array().unwrap().len(), 47);
    assert_eq!(short["total_records"], first["total_records"]);
    trial.control.clear_faults();
    trial.control.set_fault(Fault::on(
        Endpoint::ListUsers,
        Action::RepeatRows { rows: 3 },
    ));
    assert_eq!(page("")["users"].as_array().unwrap().len(), 53);
}

#[test]
fn answers_take_the_shapes_seen_in_the_field() {
    let shaped = |endpoint: Endpoint, shape: Shape, target: &str| {
        let trial = Trial::new(&friday());
        trial
            .control
            .set_fault(Fault::on(endpoint, Action::Reshape { shape }));
        trial.get(target)
    };
    let window = "from=2026-11-19&to=2026-11-19";
    let report = format!("/report/users?{window}");
    let history = format!("/report/history_meetings?{window}&page_size=300");
    let body = shaped(
        Endpoint::ReportUsers,
        Shape::CustomAttributesObject,
        &report,
    );
    assert!(body["users"][0]["custom_attributes"].is_object());
    let body = shaped(Endpoint::ReportUsers, Shape::CustomAttributesArray, &report);
    assert!(body["users"][0]["custom_attributes"].is_array());
    let body = shaped(
        Endpoint::PlanUsage,
        Shape::PlanBaseArray,
        "/accounts/me/plans/usage",
    );
    assert!(body["plan_base"].is_array() && body["plan_zoom_rooms"].is_array());
    let body = shaped(Endpoint::HistoryMeetings, Shape::GroupString, &history);
    let groups = body["history_meetings"].as_array().unwrap();
    assert!(groups.iter().any(|row| row["group"].is_string()));
    let body = shaped(Endpoint::GetUser, Shape::HugeZoomOneType, &{
        let trial = Trial::new(&friday());
        format!("/users/{}", trial.id(Cast::Idle))
    });
    assert_eq!(body["zoom_one_type"], 576_460_752_303_423_488_u64);
    let body = shaped(Endpoint::ListUsers, Shape::UnknownType, "/users");
    assert_eq!(body["users"][0]["type"], 17);
    let body = shaped(Endpoint::ListUsers, Shape::UnknownFields, "/users");
    assert!(body["x_new_member"].is_object() && body["users"][0]["x_new_member"].is_object());
}

#[test]
fn every_kind_of_429() {
    for (kind, has_category, retry_after) in [
        (TooMany::Qps, true, None),
        (TooMany::Daily, true, Some("2026-11-21T00:00:00Z")),
        (TooMany::Bare, false, None),
        (TooMany::Seconds, true, Some("2")),
        (TooMany::Concurrent, false, None),
    ] {
        let trial = Trial::new(&friday());
        trial
            .control
            .set_fault(Fault::on(Endpoint::ListUsers, Action::TooMany { kind }));
        let reply = trial.raw("GET", "/v2/users", "", &format!("Bearer {}", trial.token));
        let header = |name: &str| {
            let found = reply.headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(reply.status, 429);
        assert_eq!(
            header("x-ratelimit-category").is_some(),
            has_category,
            "{kind:?}"
        );
        assert_eq!(header("retry-after"), retry_after, "{kind:?}");
        assert!(header("x-zm-trackingid").is_some());
        assert_eq!(header("date"), Some("Fri, 20 Nov 2026 15:00:00 GMT"));
    }
}

#[test]
fn limits_are_enforced_when_on_and_the_share_is_watched() {
    let options = ZoomSimOptions {
        limits: true,
        ..friday()
    };
    let trial = Trial::new(&options);
    let ok = (0..30)
        .filter(|_| trial.call("GET", "/users", "").0 == 200)
        .count();
    assert_eq!(ok, 20);
    assert_eq!(trial.control.calls(Label::Medium), 30);
    // A quarter of 20 a second is 5; the other 25 are too many.
    assert_eq!(trial.control.calls_over_share(0.25).len(), 25);
    assert!(trial.control.calls_over_share(1.0).len() == 10);
}

#[test]
fn rules_can_be_set_over_http() {
    let trial = Trial::new(&friday());
    let rules = json!([
        {"when": {"endpoint": "list_users", "later_page": true}, "count": 1,
         "action": {"do": "truncate_json", "bytes": 100}},
        {"when": {"path": "/oauth/token"}, "action": {"do": "answer", "status": 500, "body": "oops"}},
    ]);
    let reply = trial.raw("POST", "/_sim/faults", &rules.to_string(), "");
    assert_eq!(
        reply.status,
        200,
        "{}",
        String::from_utf8_lossy(&reply.body)
    );
    assert_eq!(trial.control.faults().len(), 2);
    let first = trial.get("/users?page_size=10");
    let token = first["next_page_token"].as_str().unwrap();
    let bearer = format!("Bearer {}", trial.token);
    let next = format!("/v2/users?page_size=10&next_page_token={token}");
    assert_eq!(trial.raw("GET", &next, "", &bearer).body.len(), 100);
    assert_eq!(
        trial.raw("POST", "/oauth/token", "grant_type=x", "").status,
        500
    );
    let bad = trial.raw(
        "POST",
        "/_sim/faults",
        r#"{"action": {"do": "explode"}}"#,
        "",
    );
    assert_eq!(bad.status, 400);
}

#[test]
fn the_account_is_steered_over_http() {
    let trial = Trial::new(&friday());
    let control = |method: &str, path: &str, sent: &serde_json::Value| {
        let sent = if sent.is_null() {
            String::new()
        } else {
            sent.to_string()
        };
        let reply = trial.raw(method, path, &sent, "");
        (reply.status, super::body(&reply))
    };
    let none = json!(null);
    let (_, account) = control("GET", "/_sim/account", &none);
    assert_eq!(account["users"]["active"], 285);
    let (_, clock) = control("POST", "/_sim/clock", &json!({"advance": "36h"}));
    assert_eq!(clock["now"], "2026-11-22T03:00:00Z");
    let (_, cast) = control("GET", "/_sim/people", &none);
    let id = cast["idle"]["id"].as_str().unwrap();
    let start = json!({"start": "2026-11-21T09:00:00Z"});
    assert_eq!(
        control("POST", &format!("/_sim/people/{id}/sessions"), &start).0,
        200
    );
    let (_, truth) = control("GET", &format!("/_sim/truth/{id}"), &none);
    assert_eq!(truth["last_meeting"], "2026-11-21T09:00:00Z");
    let (_, changed) = control("PATCH", &format!("/_sim/people/{id}"), &json!({"type": 1}));
    assert_eq!(changed["type"], 1);
    let (_, switches) = control("PATCH", "/_sim/switches", &json!({"users_page_max": 2000}));
    assert_eq!(switches["users_page_max"], 2000);
    assert_eq!(
        control("PATCH", "/_sim/switches", &json!({"nonsense": 1})).0,
        400
    );
    let (_, limits) = control(
        "PATCH",
        "/_sim/limits",
        &json!({"plan": "business", "enforced": true}),
    );
    assert_eq!(limits, json!({"enforced": true, "plan": "business"}));
    assert_eq!(
        control("POST", "/_sim/seed", &json!({"users": 1000, "seed": 9})).0,
        200
    );
    let (_, account) = control("GET", "/_sim/account", &none);
    assert_eq!(account["users"]["active"], 950);
    assert_eq!(control("GET", "/_sim/nothing", &none).0, 404);
    assert_eq!(control("GET", "/_sim/people/nobody", &none).0, 404);
}
