//! Every switch for undocumented behaviour does what its name says.

use serde_json::json;

use super::{Trial, friday, texts};
use crate::http::{Answer, Request};
use crate::zoom::cast::Cast;
use crate::zoom::oauth::AppKind;
use crate::zoom::roll::Hosted;

#[test]
fn rooms_may_be_rows_of_the_list() {
    let trial = Trial::new(&friday());
    let total = || {
        trial.get("/users?page_size=1")["total_records"]
            .as_u64()
            .unwrap()
    };
    let rooms = trial.get("/users/summary")["room_users_count"]
        .as_u64()
        .unwrap();
    let without = total();
    trial
        .control
        .switch(|switches| switches.rooms_listed = true);
    assert!(rooms > 0);
    assert_eq!(total(), without + rooms);
}

#[test]
fn each_walk_may_come_in_its_own_order() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.shuffled_walks = true);
    let walk = || {
        let rows = trial.walk("/users?page_size=40", "users");
        texts(&rows, "id")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (mut first, mut second) = (walk(), walk());
    assert_ne!(first, second);
    first.sort();
    second.sort();
    assert_eq!(first, second);
    first.dedup();
    assert_eq!(first.len(), second.len());
}

#[test]
fn later_pages_may_leave_out_the_counts() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.counts_on_first_page_only = true);
    let first = trial.get("/users?page_size=100");
    assert_eq!(first["page_count"], 3);
    let token = first["next_page_token"].as_str().unwrap();
    let second = trial.get(&format!("/users?page_size=100&next_page_token={token}"));
    assert!(second.get("page_count").is_none() && second.get("page_number").is_none());
    assert_eq!(second["total_records"], first["total_records"]);
}

#[test]
fn plan_usage_may_come_in_the_older_shapes() {
    let trial = Trial::new(&friday());
    let usage = trial.get("/accounts/me/plans/usage");
    trial.control.switch(|switches| {
        switches.plan_objects_as_arrays = true;
        switches.usage_as_active_hosts = true;
    });
    let own = trial.account_id();
    let older = trial.get(&format!("/accounts/{own}/plans/usage"));
    assert_eq!(
        older["plan_base"][0]["active_hosts"],
        usage["plan_base"]["usage"]
    );
    assert!(older["plan_base"][0].get("usage").is_none());
    assert_eq!(older["plan_zoom_rooms"][0], usage["plan_zoom_rooms"]);
    assert_eq!(
        trial.refused("GET", "/accounts/other/plans/usage", ""),
        (404, 2001)
    );
}

#[test]
fn the_host_report_counts_as_switched() {
    let trial = Trial::new(&friday());
    let meetings = |member| {
        let target = "/report/users?type=active&from=2026-11-01&to=2026-11-20&page_size=300";
        let rows = trial.walk(target, "users");
        let id = trial.id(member);
        let row = rows.iter().find(|row| row["id"] == id.as_str());
        row.map_or(0, |row| row["meetings"].as_u64().unwrap())
    };
    assert_eq!(meetings(Cast::WebinarHost), 0);
    assert!(meetings(Cast::SoloOnly) > 0);
    trial.control.switch(|switches| {
        switches.report_counts_webinars = true;
        switches.report_counts_solo_meetings = false;
    });
    assert!(meetings(Cast::WebinarHost) > 0);
    assert_eq!(meetings(Cast::SoloOnly), 0);
}

#[test]
fn a_reports_day_may_begin_elsewhere() {
    let trial = Trial::new(&friday());
    let start = "2026-11-19T04:00:00Z".parse().unwrap();
    let id = trial.id(Cast::LongIdle);
    assert!(trial.control.host(&id, &Hosted::meeting(start)));
    let named_on = |day: &str| {
        let target = format!("/report/users?from={day}&to={day}&page_size=300");
        let rows = trial.walk(&target, "users");
        rows.iter().any(|row| row["id"] == id.as_str())
    };
    assert!(named_on("2026-11-19") && !named_on("2026-11-18"));
    trial
        .control
        .switch(|switches| switches.report_day_starts_at_hour = 5);
    assert!(named_on("2026-11-18") && !named_on("2026-11-19"));
}

#[test]
fn the_date_header_may_be_off() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.date_skew_seconds = -600);
    let reply = trial.raw("GET", "/v2/users", "", "");
    let date = reply
        .headers
        .iter()
        .find(|(name, _)| name == "date")
        .unwrap();
    assert_eq!(date.1, "Fri, 20 Nov 2026 14:50:00 GMT");
}

#[test]
fn token_parameters_may_stand_in_the_query() {
    let trial = Trial::new(&friday());
    let target = format!(
        "/oauth/token?grant_type=account_credentials&account_id={}",
        trial.account_id()
    );
    let ask = || {
        trial
            .raw("POST", &target, "", &trial.basic(AppKind::ServerToServer))
            .status
    };
    assert_eq!(ask(), 400);
    trial
        .control
        .switch(|switches| switches.token_parameters_in_query = true);
    assert_eq!(ask(), 200);
}

#[test]
fn deactivated_users_may_keep_their_type_and_resist_deletion() {
    let trial = Trial::new(&friday());
    trial.control.switch(|switches| {
        switches.deactivated_keeps_type = true;
        switches.deactivated_may_be_deleted = false;
    });
    let target = format!("/users/{}", trial.id(Cast::Idle));
    let seats = || {
        trial.get("/accounts/me/plans/usage")["plan_base"]["usage"]
            .as_i64()
            .unwrap()
    };
    let before = seats();
    let sent = json!({"action": "deactivate"}).to_string();
    assert_eq!(
        trial.refused("PUT", &format!("{target}/status"), &sent),
        (204, 0)
    );
    let user = trial.get(&target);
    assert_eq!(
        (&user["type"], &user["status"]),
        (&json!(2), &json!("inactive"))
    );
    assert_eq!(
        seats(),
        before - 1,
        "the seat is free whatever the list says"
    );
    assert_eq!(trial.refused("DELETE", &target, ""), (400, 200));
}

#[test]
fn the_dashboard_may_be_off() {
    let trial = Trial::new(&friday());
    trial.control.set_plan(crate::zoom::Plan::Business);
    let target = "/metrics/meetings?from=2026-11-20&to=2026-11-20";
    trial.get(target);
    trial.control.switch(|switches| switches.dashboard = false);
    assert_eq!(trial.refused("GET", target, ""), (400, 200));
}

#[test]
fn of_two_deletions_at_once_the_second_is_too_many() {
    let trial = Trial::new(&friday());
    let request = || Request {
        method: "DELETE".to_owned(),
        path: format!("/v2/users/{}", trial.id(Cast::Idle)),
        headers: vec![(
            "authorization".to_owned(),
            format!("Bearer {}", trial.token),
        )],
        ..Request::default()
    };
    let (first, second) = (request(), request());
    let (_, ticket) = trial.account.arrive(&first);
    let (_, late) = trial.account.arrive(&second);
    assert_eq!(trial.account.answer(&second, late).status, 429);
    assert_eq!(trial.account.answer(&first, ticket).status, 204);
    let (_, again) = trial.account.arrive(&second);
    assert_eq!(trial.account.answer(&second, again).status, 404);
}
