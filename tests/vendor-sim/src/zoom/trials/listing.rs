//! The list of users: whole, stable, and honest about what is absent.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{Trial, friday, texts};
use crate::zoom::cast::Cast;
use crate::zoom::options::{OverMax, Paging, ZoomSimOptions};
use crate::zoom::roll::PersonChange;

#[test]
fn a_walk_sees_everybody_once_and_ends_on_an_empty_token() {
    // 285 active people: 95 pages of 3 are an exact multiple, 10 is not.
    for size in [3, 10, 300] {
        let trial = Trial::new(&friday());
        let rows = trial.walk(&format!("/users?page_size={size}"), "users");
        let ids: BTreeSet<&str> = texts(&rows, "id").into_iter().collect();
        let total = trial.get("/users")["total_records"].as_u64().unwrap();
        assert_eq!(ids.len() as u64, total, "page_size {size}");
        assert_eq!(rows.len() as u64, total, "page_size {size}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let page = |seed| {
        let options = ZoomSimOptions { seed, ..friday() };
        Trial::new(&options).get("/users?page_size=300").to_string()
    };
    assert_eq!(page(1), page(1));
    assert_ne!(page(1), page(2));
}

#[test]
fn ids_and_addresses_lead_back_to_their_row_in_a_large_account() {
    let options = ZoomSimOptions {
        users: 200_000,
        ..friday()
    };
    let trial = Trial::new(&options);
    trial.control.with(|state| {
        let world = &state.world;
        let layout = &world.generator.layout;
        let mut addresses = BTreeSet::new();
        for index in (0..layout.former.end).step_by(97) {
            let user = world.user_at(index, i64::MAX).unwrap();
            assert_eq!(world.find(&user.id, i64::MAX).unwrap().index, index);
            if world.generator.twin(index).is_none() {
                let found = world.find(&user.email.to_uppercase(), i64::MAX).unwrap();
                assert_eq!(found.index, index, "{}", user.email);
                assert!(
                    addresses.insert(user.email.to_lowercase()),
                    "{}",
                    user.email
                );
            }
        }
    });
}

#[test]
fn pending_users_have_no_id_and_are_as_old_as_the_call() {
    let trial = Trial::new(&friday());
    for row in trial.walk("/users?status=pending&page_size=2", "users") {
        assert!(
            row.get("id").is_none() && row.get("last_login_time").is_none(),
            "{row}"
        );
        assert_eq!(row["created_at"], "2026-11-20T15:00:00Z");
        let email = row["email"].as_str().unwrap();
        assert_eq!(trial.get(&format!("/users/{email}"))["status"], "pending");
    }
}

#[test]
fn an_address_may_repeat_in_other_capitals_and_then_the_active_user_is_meant() {
    let trial = Trial::new(&friday());
    let active = trial.walk("/users?page_size=300", "users");
    let inactive = trial.walk("/users?status=inactive&page_size=300", "users");
    let known: BTreeSet<String> = texts(&active, "email")
        .into_iter()
        .map(str::to_lowercase)
        .collect();
    let twin = texts(&inactive, "email")
        .into_iter()
        .find(|email| known.contains(&email.to_lowercase()))
        .unwrap();
    assert!(!known.contains(twin));
    assert_eq!(trial.get(&format!("/users/{twin}"))["status"], "active");
}

#[test]
fn what_does_not_apply_is_absent() {
    let trial = Trial::new(&friday());
    let one = |member| trial.get(&format!("/users/{}", trial.id(member)));
    assert!(one(Cast::NeverSignedIn).get("last_login_time").is_none());
    assert!(one(Cast::Idle).get("zoom_one_type").is_none());
    assert!(one(Cast::Idle).get("phone_numbers").is_none());
    assert_eq!(one(Cast::ZoomOne)["zoom_one_type"], 16);
    assert_eq!(
        one(Cast::UnknownBundle)["zoom_one_type"],
        576_460_752_303_423_488_u64
    );
    assert_eq!(one(Cast::United)["plan_united_type"], "1");
    assert_eq!(one(Cast::NoMeetings)["type"], 4);
    let settings = trial.get(&format!("/users/{}/settings", trial.id(Cast::Idle)));
    assert_eq!(settings["feature"]["webinar"], false);
    assert!(settings["feature"].get("webinar_capacity").is_none());
    assert!(settings.to_string().len() > 6_000, "the body is large");
}

#[test]
fn tokens_die_after_a_quarter_of_an_hour_and_with_another_query() {
    let trial = Trial::new(&friday());
    let token = trial.get("/users?page_size=10")["next_page_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = format!("/users?page_size=10&next_page_token={token}");
    assert_eq!(trial.get(&next)["users"].as_array().unwrap().len(), 10);
    let other = format!("/users?page_size=20&next_page_token={token}");
    assert_eq!(trial.refused("GET", &other, ""), (400, 300));
    let elsewhere = format!("/users?status=inactive&page_size=10&next_page_token={token}");
    assert_eq!(trial.refused("GET", &elsewhere, ""), (400, 300));
    trial.control.advance(SignedDuration::from_mins(16));
    assert_eq!(trial.refused("GET", &next, ""), (400, 300));
}

#[test]
fn a_removal_in_mid_walk_loses_a_row_only_when_paging_is_live() {
    for (paging, expected) in [(Paging::Snapshot, 285), (Paging::Live, 284 - 1)] {
        let trial = Trial::new(&friday());
        trial.control.switch(|switches| switches.paging = paging);
        let first = trial.get("/users?page_size=100");
        let gone = first["users"][5]["id"].as_str().unwrap();
        assert!(trial.control.remove_person(gone));
        let token = first["next_page_token"].as_str().unwrap();
        let rest = trial.get(&format!("/users?page_size=100&next_page_token={token}"));
        let token = rest["next_page_token"].as_str().unwrap();
        let last = trial.get(&format!("/users?page_size=100&next_page_token={token}"));
        let mut ids: BTreeSet<&str> = texts(first["users"].as_array().unwrap(), "id")
            .into_iter()
            .chain(texts(rest["users"].as_array().unwrap(), "id"))
            .chain(texts(last["users"].as_array().unwrap(), "id"))
            .collect();
        if paging == Paging::Live {
            ids.remove(gone);
            assert_eq!(last["total_records"], 284);
        }
        assert_eq!(ids.len(), expected, "{paging:?}");
    }
}

#[test]
fn additions_filters_and_sizes() {
    let trial = Trial::new(&friday());
    let before = trial.get("/users")["total_records"].as_u64().unwrap();
    let added = trial
        .control
        .add_person(PersonChange {
            email: Some("new.hire@example.com".to_owned()),
            kind: Some(2),
            ..PersonChange::default()
        })
        .unwrap()
        .unwrap();
    assert_eq!(
        trial.get("/users")["total_records"].as_u64().unwrap(),
        before + 1
    );
    assert_eq!(
        trial.get("/users/NEW.hire@example.com")["id"],
        added.id.as_str()
    );

    let admins = trial.walk("/users?role_id=1&page_size=1", "users");
    assert!(admins.len() >= 2 && admins.iter().all(|row| row["role_id"] == "1"));
    assert_eq!(
        trial.get("/users?page_size=1&role_id=1")["total_records"],
        admins.len()
    );
    assert_eq!(
        trial.get("/users?license=zoom_workforce_management")["total_records"],
        0
    );
    assert_eq!(
        trial.refused("GET", "/users?license=webinar", ""),
        (400, 300)
    );

    assert_eq!(trial.get("/users?page_size=2000")["page_size"], 300);
    trial
        .control
        .switch(|switches| switches.over_max_page_size = OverMax::Refuse);
    assert_eq!(
        trial.refused("GET", "/users?page_size=2000", ""),
        (400, 300)
    );
    trial
        .control
        .switch(|switches| switches.users_page_max = 2000);
    assert_eq!(trial.get("/users?page_size=2000")["page_size"], 2000);
    assert_eq!(
        trial.get("/users?page_size=100&page_number=3")["users"]
            .as_array()
            .unwrap()
            .len(),
        86
    );
}

#[test]
fn groups_and_their_members_agree() {
    let trial = Trial::new(&friday());
    for group in trial.get("/groups")["groups"].as_array().unwrap() {
        let id = group["id"].as_str().unwrap();
        let members = trial.walk(&format!("/groups/{id}/members?page_size=7"), "members");
        assert_eq!(group["total_members"], members.len());
        let first = members[0]["id"].as_str().unwrap();
        let user = trial.get(&format!("/users/{first}"));
        assert!(user["group_ids"].as_array().unwrap().contains(&group["id"]));
    }
    assert_eq!(
        trial.refused("GET", "/groups/none/members", ""),
        (404, 4130)
    );
}
