//! Writes: Zoom's rules, and seats that always add up.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Trial, friday};
use crate::zoom::cast::Cast;
use crate::zoom::endpoint::Endpoint;
use crate::zoom::faults::{Action, Fault};
use crate::zoom::options::{Pools, SeatRefusal};
use crate::zoom::oracle::Rule;

impl Trial {
    fn patch(&self, member: Cast, sent: &Value) -> (u16, i64) {
        self.refused(
            "PATCH",
            &format!("/users/{}", self.id(member)),
            &sent.to_string(),
        )
    }

    fn patch_settings(&self, member: Cast, sent: &Value) -> (u16, i64) {
        let target = format!("/users/{}/settings", self.id(member));
        self.refused("PATCH", &target, &sent.to_string())
    }

    fn delete(&self, member: Cast, query: &str) -> (u16, i64) {
        self.refused("DELETE", &format!("/users/{}?{query}", self.id(member)), "")
    }

    fn status(&self, member: Cast, action: &str) -> (u16, i64) {
        let target = format!("/users/{}/status", self.id(member));
        self.refused("PUT", &target, &json!({"action": action}).to_string())
    }

    fn seats(&self) -> (i64, i64, i64) {
        let usage = self.get("/accounts/me/plans/usage");
        let summary = self.get("/users/summary");
        let webinars = usage["plan_webinar"].as_array().unwrap().iter();
        (
            usage["plan_base"]["usage"].as_i64().unwrap(),
            summary["basic_users_count"].as_i64().unwrap(),
            webinars.map(|plan| plan["usage"].as_i64().unwrap()).sum(),
        )
    }

    /// The seats as a count over all rows and settings gives them.
    fn counted(&self) -> (i64, i64, i64) {
        let rows = self.walk("/users?page_size=300", "users");
        let (mut base, mut basic, mut webinars) = (0, 0, 0);
        for row in &rows {
            let id = row["id"].as_str().unwrap();
            let user = self.get(&format!("/users/{id}"));
            let bundle = user
                .get("zoom_one_type")
                .or_else(|| user.get("plan_united_type"));
            base += i64::from(row["type"] == 2 && bundle.is_none());
            basic += i64::from(row["type"] == 1);
            let settings = self.get(&format!("/users/{id}/settings"));
            webinars += i64::from(settings["feature"]["webinar"] == true);
        }
        (base, basic, webinars)
    }
}

#[test]
fn seats_add_up_before_and_after_changes() {
    let trial = Trial::new(&friday());
    let before = trial.seats();
    assert_eq!(before, trial.counted());
    assert_eq!(
        trial.patch(Cast::WebinarIdle, &json!({"type": 1})),
        (204, 0)
    );
    assert_eq!(trial.status(Cast::Idle, "deactivate"), (204, 0));
    assert_eq!(trial.delete(Cast::LongIdle, ""), (204, 0));
    assert_eq!(trial.patch(Cast::BasicIdle, &json!({"type": 2})), (204, 0));
    let after = trial.seats();
    assert_eq!(after, trial.counted());
    assert_eq!(after, (before.0 - 3 + 1, before.1 + 1 - 1, before.2 - 1));
}

#[test]
fn a_downgrade_takes_the_add_ons_unless_switched_off() {
    let trial = Trial::new(&friday());
    let webinar = |member| {
        let settings = trial.get(&format!("/users/{}/settings", trial.id(member)));
        settings["feature"]["webinar"].clone()
    };
    assert_eq!(
        trial.patch(Cast::WebinarIdle, &json!({"type": 1})),
        (204, 0)
    );
    assert_eq!(webinar(Cast::WebinarIdle), false);
    trial
        .control
        .switch(|switches| switches.downgrade_clears_add_ons = false);
    assert_eq!(
        trial.patch(Cast::WebinarUnused, &json!({"type": 1})),
        (204, 0)
    );
    assert_eq!(webinar(Cast::WebinarUnused), true);
    // Undo: first the seat, then the add-on.
    let on = json!({"feature": {"webinar": true, "webinar_capacity": 500}});
    assert_eq!(trial.patch_settings(Cast::WebinarIdle, &on), (400, 1122));
    assert_eq!(
        trial.patch(Cast::WebinarIdle, &json!({"type": 2})),
        (204, 0)
    );
    assert_eq!(trial.patch_settings(Cast::WebinarIdle, &on), (204, 0));
    assert_eq!(webinar(Cast::WebinarIdle), true);
}

#[test]
fn type_changes_are_refused_by_rule() {
    let trial = Trial::new(&friday());
    let basic = json!({"type": 1});
    for (member, sent, expected) in [
        (Cast::EventsUpcoming, &basic, (400, 300)),
        (Cast::ZoomOne, &basic, (400, 300)),
        (
            Cast::Idle,
            &json!({"type": 1, "zoom_one_type": 0}),
            (400, 300),
        ),
        (Cast::Idle, &json!({"type": 3}), (400, 300)),
        (Cast::Idle, &json!({"type": 7}), (400, 300)),
        (Cast::Idle, &json!({"plan_united_type": "gold"}), (400, 300)),
        (Cast::Idle, &json!({"type": 1}), (204, 0)),
        (Cast::Idle, &json!({"type": 1}), (204, 0)),
        (Cast::ZoomOne, &json!({"zoom_one_type": 0}), (204, 0)),
        (Cast::United, &json!({"plan_united_type": "none"}), (204, 0)),
    ] {
        assert_eq!(trial.patch(member, sent), expected, "{member:?} {sent}");
    }
    trial
        .control
        .switch(|switches| switches.unpaid_host_refused = true);
    assert_eq!(trial.patch(Cast::Idle, &basic), (400, 1109));
    trial
        .control
        .switch(|switches| switches.caller_may_not_change_types = true);
    assert_eq!(trial.patch(Cast::LongIdle, &basic), (400, 1108));
    let room = trial.control.with(|state| {
        let room = state.world.generator.layout.rooms.start;
        state.world.generator.id(room)
    });
    trial
        .control
        .switch(|switches| switches.caller_may_not_change_types = false);
    let target = format!("/users/{room}");
    assert_eq!(
        trial.refused("PATCH", &target, &basic.to_string()),
        (400, 200)
    );
    assert_eq!(
        trial.refused("PATCH", "/users/nobody", &basic.to_string()),
        (404, 1001)
    );
    assert_eq!(trial.refused("PATCH", &target, "nonsense"), (400, 300));
}

#[test]
fn pools_run_out() {
    let trial = Trial::new(&friday());
    trial.control.set_pools(Pools {
        base: Some(0),
        basic_ceiling: Some(0),
        webinar: Some([0; 6]),
        ..Pools::default()
    });
    assert_eq!(trial.patch(Cast::Idle, &json!({"type": 1})), (400, 2033));
    assert_eq!(
        trial.patch(Cast::BasicIdle, &json!({"type": 2})),
        (400, 2034)
    );
    assert_eq!(
        trial.patch(Cast::ZoomOne, &json!({"zoom_one_type": 0})),
        (400, 2039)
    );
    trial
        .control
        .switch(|switches| switches.seat_refusal = SeatRefusal::Either);
    assert_eq!(trial.patch(Cast::Idle, &json!({"type": 1})), (400, 3412));
    assert_eq!(
        trial.patch(Cast::BasicIdle, &json!({"type": 2})),
        (400, 3412)
    );
    let on = json!({"feature": {"webinar": true}});
    let target = format!("/users/{}/settings", trial.id(Cast::Idle));
    let (status, body) = trial.call("PATCH", &target, &on.to_string());
    assert_eq!(
        (status, body["message"].as_str()),
        (400, Some("You can add max 0 Webinar 500 users."))
    );
}

#[test]
fn add_ons_exclude_each_other() {
    let trial = Trial::new(&friday());
    let webinar = json!({"feature": {"webinar": true}});
    let events = json!({"feature": {"zoom_events": true}});
    let large = json!({"feature": {"large_meeting": true}});
    assert_eq!(trial.patch_settings(Cast::Events, &webinar), (400, 1204));
    assert_eq!(
        trial.patch_settings(Cast::WebinarIdle, &events),
        (400, 1205)
    );
    assert_eq!(trial.patch_settings(Cast::BasicIdle, &events), (400, 1206));
    assert_eq!(trial.patch_settings(Cast::BasicIdle, &large), (400, 1108));
    let off = json!({"feature": {"zoom_events": false}});
    assert_eq!(trial.patch_settings(Cast::EventsUpcoming, &off), (400, 300));
    assert_eq!(trial.patch_settings(Cast::Events, &off), (204, 0));
}

#[test]
fn deletion_and_deactivation_are_refused_by_rule() {
    let trial = Trial::new(&friday());
    let own = trial.control.cast(Cast::Idle).unwrap().email;
    for (member, query, expected) in [
        (Cast::Admin, String::new(), (400, 1117)),
        (Cast::Owner, String::new(), (400, 200)),
        (Cast::ManagedDomain, String::new(), (400, 1107)),
        (Cast::QueueManager, String::new(), (400, 1000)),
        (Cast::Events, String::new(), (400, 300)),
        (Cast::Idle, format!("transfer_email={own}"), (400, 300)),
        (
            Cast::Idle,
            "transfer_email=nobody@example.com".to_owned(),
            (404, 1001),
        ),
        (Cast::Idle, "action=vanish".to_owned(), (400, 300)),
        (Cast::ManagedDomain, "action=delete".to_owned(), (204, 0)),
        (Cast::Idle, "action=delete".to_owned(), (204, 0)),
        (Cast::Idle, "action=delete".to_owned(), (404, 1001)),
    ] {
        assert_eq!(trial.delete(member, &query), expected, "{member:?} {query}");
    }
    assert_eq!(trial.status(Cast::Admin, "deactivate"), (400, 200));
    assert_eq!(trial.status(Cast::EventsUpcoming, "deactivate"), (400, 300));
    assert_eq!(trial.status(Cast::LongIdle, "explode"), (400, 300));
    assert_eq!(trial.status(Cast::LongIdle, "deactivate"), (204, 0));
    assert_eq!(
        trial.get(&format!("/users/{}", trial.id(Cast::LongIdle)))["status"],
        "inactive"
    );
    assert_eq!(trial.status(Cast::LongIdle, "activate"), (204, 0));
    assert_eq!(
        trial.get(&format!("/users/{}", trial.id(Cast::LongIdle)))["type"],
        1
    );
}

#[test]
fn a_pending_user_is_changed_in_name_only() {
    let trial = Trial::new(&friday());
    let email = trial.get("/users?status=pending")["users"][0]["email"]
        .as_str()
        .unwrap()
        .to_owned();
    let target = format!("/users/{email}");
    let before = trial.get(&target)["type"].as_u64().unwrap();
    let sent = json!({"type": 3 - before}).to_string();
    assert_eq!(trial.refused("PATCH", &target, &sent), (204, 0));
    assert_eq!(trial.get(&target)["type"].as_u64().unwrap(), before);
    assert_eq!(
        trial.refused("DELETE", &format!("{target}?action=delete"), ""),
        (400, 1120)
    );
    assert_eq!(trial.refused("DELETE", &target, ""), (204, 0));
}

#[test]
fn a_second_deletion_meanwhile_is_too_many() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.delete_takes_seconds = 10);
    assert_eq!(trial.delete(Cast::Idle, ""), (204, 0));
    assert_eq!(trial.delete(Cast::Idle, ""), (429, 429));
    trial.control.advance(SignedDuration::from_secs(10));
    assert_eq!(trial.delete(Cast::Idle, ""), (404, 1001));
}

#[test]
fn reads_lag_as_switched() {
    let trial = Trial::new(&friday());
    trial.control.switch(|switches| {
        switches.lag_user_seconds = 30;
        switches.lag_list_seconds = 60;
        switches.lag_usage_seconds = 90;
    });
    trial.control.advance(SignedDuration::from_mins(5));
    let before = trial.seats().0;
    assert_eq!(trial.patch(Cast::Idle, &json!({"type": 1})), (204, 0));
    let id = trial.id(Cast::Idle);
    let seen = || {
        let single = trial.get(&format!("/users/{id}"))["type"].as_u64().unwrap();
        let rows = trial.walk("/users?page_size=300", "users");
        let row = rows.iter().find(|row| row["id"] == id.as_str()).unwrap();
        (
            single,
            row["type"].as_u64().unwrap(),
            trial.seats().0 - before,
        )
    };
    assert_eq!(seen(), (2, 2, 0));
    trial.control.advance(SignedDuration::from_secs(30));
    assert_eq!(seen(), (1, 2, 0));
    trial.control.advance(SignedDuration::from_secs(30));
    assert_eq!(seen(), (1, 1, 0));
    trial.control.advance(SignedDuration::from_secs(30));
    assert_eq!(seen(), (1, 1, -1));
}

#[test]
fn the_bulk_call_says_who_failed_and_why() {
    let trial = Trial::new(&friday());
    trial.control.set_pools(Pools {
        webinar: Some([0, 6, 0, 0, 0, 0]),
        ..Pools::default()
    });
    let users: Vec<Value> = [
        Cast::Idle,
        Cast::LongIdle,
        Cast::NearlyIdle,
        Cast::BasicIdle,
    ]
    .iter()
    .map(|member| json!({"id": trial.id(*member)}))
    .chain([json!({"email": "nobody@example.com"})])
    .collect();
    let sent = json!({"feature_type": "webinar", "feature_value": "1", "users": users});
    let (status, body) = trial.call("POST", "/users/features", &sent.to_string());
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        body["success_user_ids"].as_array().unwrap().len(),
        2,
        "{body}"
    );
    let reasons: Vec<&str> = super::texts(body["fail_details"].as_array().unwrap(), "reason");
    assert_eq!(reasons.len(), 3, "{body}");
    assert!(reasons.contains(&"Not enough seats") && reasons.contains(&"User does not exist"));
    let many: Vec<Value> = (0..31).map(|_| json!({"id": "x"})).collect();
    let sent = json!({"feature_type": "webinar", "feature_value": "0", "users": many});
    assert_eq!(
        trial.refused("POST", "/users/features", &sent.to_string()),
        (400, 300)
    );
    let sent = json!({"feature_type": "webinar", "feature_value": "2", "users": users});
    assert_eq!(
        trial.refused("POST", "/users/features", &sent.to_string()),
        (400, 300)
    );
}

#[test]
fn changes_are_in_the_audit_log() {
    let trial = Trial::new(&friday());
    assert_eq!(trial.patch(Cast::Idle, &json!({"type": 1})), (204, 0));
    let off = json!({"feature": {"webinar": false}});
    assert_eq!(trial.patch_settings(Cast::WebinarIdle, &off), (204, 0));
    let log = |category: &str| {
        let target = format!(
            "/report/operationlogs?from=2026-11-20&to=2026-11-20&category_type={category}&page_size=300"
        );
        trial.walk(&target, "operation_logs")
    };
    assert_eq!(log("all").len(), 2);
    assert!(
        log("user")[0]["operation_detail"]
            .as_str()
            .unwrap()
            .contains("from Licensed to Basic")
    );
    assert!(
        log("user_settings")[0]["operation_detail"]
            .as_str()
            .unwrap()
            .contains("Webinar: from 500 to Off")
    );
}

#[test]
fn who_is_deactivated_or_gone_hosts_no_more() {
    let trial = Trial::new(&friday());
    let regular = trial.id(Cast::Regular);
    assert_eq!(trial.status(Cast::Regular, "deactivate"), (204, 0));
    let last = trial.control.truth_of(&regular).unwrap().last_meeting;
    trial.control.advance(SignedDuration::from_hours(24 * 20));
    assert_eq!(trial.control.truth_of(&regular).unwrap().last_meeting, last);
}

#[test]
fn the_oracle_sees_careless_writes() {
    let rules = |trial: &Trial| {
        let mut rules: Vec<Rule> = trial.control.violations().iter().map(|v| v.rule).collect();
        rules.sort();
        rules
    };
    let careful = Trial::new(&friday());
    careful.walk("/users?page_size=300", "users");
    careful.get(&format!("/users/{}", careful.id(Cast::Idle)));
    assert_eq!(careful.patch(Cast::Idle, &json!({"type": 1})), (204, 0));
    assert_eq!(rules(&careful), []);
    // Nothing was read between the two writes.
    assert_eq!(careful.patch(Cast::Idle, &json!({"type": 2})), (204, 0));
    assert_eq!(rules(&careful), [Rule::WriteWithoutFreshRead]);

    let careless = Trial::new(&friday());
    careless.control.protect([careless.id(Cast::LongIdle)]);
    for member in [Cast::Admin, Cast::LongIdle] {
        careless.get(&format!("/users/{}", careless.id(member)));
        assert_eq!(careless.patch(member, &json!({"type": 1})), (204, 0));
    }
    assert_eq!(rules(&careless), [Rule::WriteOnProtected; 2]);

    // A walk that lost a page, and then has it again.
    let partial = Trial::new(&friday());
    let drop_rows = Action::DropRows { rows: 1 };
    partial
        .control
        .set_fault(Fault::on(Endpoint::ReportUsers, drop_rows).times(1));
    let report = "/report/users?from=2026-11-19&to=2026-11-19&page_size=300";
    partial.get(report);
    let write = |kind: u64| {
        partial.get(&format!("/users/{}", partial.id(Cast::Idle)));
        assert_eq!(partial.patch(Cast::Idle, &json!({"type": kind})), (204, 0));
    };
    write(1);
    assert_eq!(rules(&partial), [Rule::WriteWhilePartial]);
    partial.get(report);
    write(2);
    assert_eq!(rules(&partial), [Rule::WriteWhilePartial]);
}
