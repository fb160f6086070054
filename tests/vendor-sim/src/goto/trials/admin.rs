//! Users and licences, read and written.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Trial, admin, friday, rows};
use crate::goto::cast::Cast;
use crate::goto::endpoint::Endpoint;
use crate::goto::faults::{Action, Fault};
use crate::goto::licenses::Plan;

const LONG: &str = "78888886011013972886849029";

fn remove(trial: &Trial, plan: Plan, user: &str) -> u16 {
    let path = format!("licenses/{}/users/{user}?suppressEmail=true", plan.key());
    trial.call("DELETE", &admin(&path), "").0
}

fn user(trial: &Trial, key: &str) -> Value {
    trial.get(&admin(&format!("users/{key}")))
}

#[test]
fn keys_are_numbers_of_any_length_also_after_a_fault_edited_the_page() {
    let trial = Trial::new(&friday());
    let page = trial.raw("GET", &admin("users?offset=0&pageSize=25"), "");
    let body = String::from_utf8(page.body).unwrap();
    assert!(body.contains(&format!("\"key\":{LONG},")), "{body}");
    trial
        .control
        .set_fault(Fault::on(Endpoint::ListUsers, Action::DropRows { rows: 1 }));
    let page = trial.raw("GET", &admin("users?offset=0&pageSize=25"), "");
    let body = String::from_utf8(page.body).unwrap();
    assert!(body.contains(&format!("\"key\":{LONG},")), "{body}");
    let licenses = trial.raw("GET", &admin("licenses?pageSize=100"), "");
    let body = String::from_utf8(licenses.body).unwrap();
    assert!(body.contains(LONG) && !body.contains(&format!("\"{LONG}\"")));
}

#[test]
fn pages_cover_everybody_once_and_sizes_are_clamped() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.admin_page_max = 70);
    let mut seen = BTreeSet::new();
    let mut offset = 0;
    loop {
        let page = trial.get(&admin(&format!("users?offset={offset}&pageSize=5000")));
        for row in rows(&page["results"]) {
            assert!(seen.insert(row["key"].to_string()));
        }
        offset = page["toIndex"].as_u64().unwrap() + 1;
        if offset >= page["total"].as_u64().unwrap() {
            break;
        }
        assert_eq!(rows(&page["results"]).len(), 70);
    }
    assert_eq!(seen.len(), 300);
}

#[test]
fn people_who_come_and_go_between_pages_shift_the_rows() {
    let trial = Trial::new(&friday());
    trial
        .control
        .shift_pages(1, &["new@example.com"], &["ida.idle@example.com"]);
    let first = trial.get(&admin("users?offset=0&pageSize=100"));
    let second = trial.get(&admin("users?offset=100&pageSize=100"));
    assert_eq!(
        (&first["total"], &second["total"]),
        (&json!(300), &json!(300))
    );
    let everybody = trial.get(&admin("users?offset=0&pageSize=1000"));
    assert_eq!(everybody["results"][0]["email"], "new@example.com");
}

#[test]
fn filters_want_escaped_blanks_and_attributes_choose_members() {
    let trial = Trial::new(&friday());
    let found = trial.get(&admin(
        "users?filter=email%20eq%20%22ida.idle@example.com%22&attributes=key,email",
    ));
    assert_eq!(found["total"], 1);
    assert_eq!(found["results"][0].as_object().unwrap().len(), 2);
    let (status, _) = trial.call("GET", &admin("users?filter=email+eq+%22a@b.c%22"), "");
    assert_eq!(status, 400);
    assert_eq!(trial.call("GET", &admin("users/abc"), "").0, 502);
    assert_eq!(trial.call("GET", &admin("users/123"), "").0, 404);
}

#[test]
fn a_removed_licence_frees_the_seat_at_once_and_reaches_the_user_later() {
    let trial = Trial::new(&friday());
    let key = trial.key(Cast::Idle);
    let count = || {
        let licenses = trial.get(&admin("licenses?pageSize=100"));
        licenses["results"][0]["userCount"].as_u64().unwrap()
    };
    let before = count();
    assert_eq!(remove(&trial, Plan::Meeting, &key), 204);
    assert_eq!(count(), before - 1);
    assert_eq!(rows(&user(&trial, &key)["products"]).len(), 1);
    trial.control.advance(SignedDuration::from_secs(2));
    let after = user(&trial, &key);
    assert_eq!(
        (&after["products"], &after["status"]),
        (&json!([]), &json!("SUSPENDED"))
    );
    assert_eq!(remove(&trial, Plan::Meeting, &key), 404);
    trial
        .control
        .switch(|switches| switches.second_removal_status = 204);
    assert_eq!(remove(&trial, Plan::Meeting, &key), 204);
    let managed = trial.key(Cast::Managed);
    assert_eq!(remove(&trial, Plan::Managed, &managed), 403);
}

#[test]
fn a_licence_without_a_free_seat_is_given_to_nobody() {
    let trial = Trial::new(&friday());
    let key = trial.key(Cast::Idle);
    assert_eq!(remove(&trial, Plan::Meeting, &key), 204);
    let licenses = trial.get(&admin("licenses?pageSize=100"));
    let used = licenses["results"][0]["userCount"].as_u64().unwrap();
    trial.control.buy_seats("G2M", used);
    let license = admin(&format!("licenses/{}/users/{key}", Plan::Meeting.key()));
    let (status, answer) = trial.call("PUT", &license, "");
    assert_eq!(
        (status, &answer["errorCode"]),
        (409, &json!("license.no.seats"))
    );
    trial.control.buy_seats("G2M", used + 1);
    assert_eq!(trial.call("PUT", &license, "").0, 204);
    let licenses = trial.get(&admin("licenses?pageSize=100"));
    assert_eq!(licenses["results"][0]["seats"], used + 1);
}

#[test]
fn a_webinar_licence_takes_its_meetings_along_unless_another_gives_them() {
    let trial = Trial::new(&friday());
    for (member, left) in [
        (Cast::SchedulesOnly, json!([])),
        (Cast::Twice, json!(["G2M"])),
    ] {
        let key = trial.key(member);
        assert_eq!(remove(&trial, Plan::Webinar, &key), 204);
        trial.control.advance(SignedDuration::from_secs(2));
        assert_eq!(user(&trial, &key)["products"], left, "{member:?}");
    }
}

#[test]
fn a_phone_licence_given_back_within_seven_days_keeps_its_lines() {
    let mut trial = Trial::new(&friday());
    let key = trial.key(Cast::Caller);
    let line = |trial: &Trial| {
        let lines = trial.get(&format!("/api.goto.com/users/v1/users/{key}/lines"));
        lines["items"][0]["id"].clone()
    };
    let license = admin(&format!("licenses/{}/users/{key}", Plan::Connect.key()));
    let first = line(&trial);
    for (days, same) in [(6, true), (8, false)] {
        assert_eq!(remove(&trial, Plan::Connect, &key), 204);
        assert_eq!(line(&trial), Value::Null);
        trial.control.advance(SignedDuration::from_hours(24 * days));
        trial.renew();
        assert_eq!(trial.call("PUT", &license, "").0, 204);
        assert_eq!(line(&trial) == first, same, "after {days} days");
    }
}

#[test]
fn a_deleted_address_comes_back_with_its_key() {
    let trial = Trial::new(&friday());
    let key = trial.key(Cast::NeverHosted);
    assert_eq!(
        trial.call("DELETE", &admin(&format!("users/{key}")), "").0,
        204
    );
    assert_eq!(
        trial.call("GET", &admin(&format!("users/{key}")), "").0,
        404
    );
    let body = json!({
        "users": [{"email": "ned.never@example.com", "firstName": "Ned", "lastName": "Never"}],
        "licenseKeys": [Plan::Meeting.key().to_string()],
        "suppressEmail": true,
    });
    let (status, answer) = trial.call("POST", &admin("users"), &body.to_string());
    assert_eq!((status, answer[0]["key"].to_string()), (201, key));
}

#[test]
fn licences_tell_who_holds_them_and_who_is_invited() {
    let trial = Trial::new(&friday());
    let page = trial.get(&admin("licenses?pageSize=100"));
    let license = |plan: Plan| {
        let found = rows(&page["results"]).iter();
        let key = serde_json::to_value(u64::try_from(plan.key()).unwrap()).unwrap();
        let mut found = found.filter(|row| row["key"] == key);
        found.next().unwrap().clone()
    };
    let holds = |plan: Plan, list: &str, member: Cast| {
        let keys = license(plan)[list].clone();
        let key = trial.key(member);
        rows(&keys).iter().any(|known| format!("{known}") == key)
    };
    assert!(holds(Plan::Webinar, "invitedUserKeys", Cast::Invited));
    assert!(!holds(Plan::Webinar, "userKeys", Cast::Invited));
    for plan in [Plan::Bundle, Plan::BundledMeeting, Plan::BundledConnect] {
        assert!(holds(plan, "userKeys", Cast::Bundled));
    }
    assert_eq!(rows(&license(Plan::Bundle)["childLicenseKeys"]).len(), 2);
    assert_eq!(license(Plan::Ended)["enabled"], false);
    assert_eq!(license(Plan::Managed)["externallyManaged"], true);
}
