//! Tests of the simulated account as its clients meet it, without a network in between; one opens
//! sockets.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    Action, AhaSim, AhaSimOptions, Cast, Control, Endpoint, Fault, NonAdmin, OverMax, PersonChange,
    Place, Population, Shape, Shift, Suspended, TooMany, Unauthorized, WithoutSeat,
};
use crate::SimClock;
use crate::aha::intake::Account;
use crate::aha::service::State;
use crate::http::{Answer, Reply, Request, parse_form};

/// An account and the token owner's key.
struct Trial {
    account: Arc<Account>,
    control: Control,
    key: String,
}

/// A Friday afternoon, without rate limits.
fn friday() -> AhaSimOptions {
    let at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
    AhaSimOptions {
        limits: false,
        clock: SimClock::manual(at),
        ..AhaSimOptions::default()
    }
}

impl Trial {
    fn new(options: &AhaSimOptions) -> Self {
        let account = Arc::new(Account::new(State::new(options)));
        let control = Control::new(account.clone());
        let owner = control.cast(Cast::TokenOwner).unwrap();
        let key = control.make_key(&owner.id).unwrap();
        Self {
            account,
            control,
            key,
        }
    }

    fn raw(&self, method: &str, target: &str, sent: &str, headers: &[(&str, &str)]) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            raw_query: query.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: parse_form(query),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: sent.as_bytes().to_vec(),
        };
        let (_, ticket) = self.account.arrive(&request);
        self.account.answer(&request, ticket)
    }

    fn reply(&self, method: &str, target: &str, sent: &str) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let target = format!("/api/v1{target}");
        self.raw(method, &target, sent, &[("authorization", &bearer)])
    }

    fn call(&self, method: &str, target: &str, sent: &str) -> (u16, Value) {
        let reply = self.reply(method, target, sent);
        (reply.status, body(&reply))
    }

    fn get(&self, target: &str) -> Value {
        let (status, body) = self.call("GET", target, "");
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    fn put(&self, id: &str, user: &Value) -> (u16, Value) {
        let sent = json!({"user": user}).to_string();
        self.call("PUT", &format!("/users/{id}"), &sent)
    }

    fn id(&self, member: Cast) -> String {
        self.control.cast(member).unwrap().id
    }

    fn ids(&self, pages: usize, per_page: usize) -> Vec<String> {
        let page = |page: usize| self.get(&format!("/users?page={page}&per_page={per_page}"));
        (1..=pages)
            .flat_map(|number| page(number)["users"].as_array().unwrap().clone())
            .map(|user| user["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let found = reply.headers.iter().find(|(key, _)| *key == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn the_list_has_everybody_once_in_pages_of_at_most_two_hundred() {
    let trial = Trial::new(&friday());
    let first = trial.get("/users?page=1&per_page=500");
    assert_eq!(first["users"].as_array().unwrap().len(), 200);
    assert_eq!(
        first["pagination"],
        json!({"total_records": 300, "total_pages": 2, "current_page": 1})
    );
    let beyond = trial.get("/users?page=11");
    assert_eq!(beyond["users"], json!([]));
    assert_eq!(beyond["pagination"]["total_pages"], 10);
    let mut ids = trial.ids(3, 100);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 300);
    let refuse = |switches: &mut super::Switches| switches.over_max_per_page = OverMax::Refuse;
    trial.control.switch(refuse);
    assert_eq!(trial.call("GET", "/users?per_page=201", "").0, 400);
}

#[test]
fn the_cast_is_as_it_says() {
    let trial = Trial::new(&friday());
    let user = |member| trial.get(&format!("/users/{}", trial.id(member)))["user"].clone();
    assert_eq!(user(Cast::NeverSignedIn)["accessed_at"], Value::Null);
    assert_eq!(user(Cast::NoName)["name"], Value::Null);
    let disabled = user(Cast::Disabled);
    assert_eq!(
        (&disabled["enabled"], &disabled["paid_seat"]),
        (&json!(false), &json!(true))
    );
    assert!(user(Cast::FutureAccess)["accessed_at"].as_str().unwrap() > "2026-11-29");
    assert!(
        user(Cast::Idle)["accessed_at"]
            .as_str()
            .unwrap()
            .starts_with("2026-08-22")
    );
    let (twin, other) = (user(Cast::Twin), user(Cast::OtherTwin));
    assert_ne!(twin["email"], other["email"]);
    let folded = |user: &Value| user["email"].as_str().unwrap().to_lowercase();
    assert_eq!(folded(&twin), folded(&other));
    assert_eq!(user(Cast::ShortId)["id"].as_str().unwrap().len(), 8);
    assert_eq!(user(Cast::LongId)["id"].as_str().unwrap().len(), 19);
    assert_eq!(user(Cast::Grouped)["paid_seat_group"]["name"], "Group 1");
    assert!(user(Cast::Ungrouped).get("paid_seat_group").is_none());
    assert!(user(Cast::CustomRole).get("user_roles").is_none());
    let listed = trial.get("/users?per_page=30")["users"].clone();
    let custom = usize::try_from(Cast::CustomRole.row()).unwrap();
    assert_eq!(listed[custom]["user_roles"][0]["role_id"], 409_541_421);
}

#[test]
fn who_signs_in_daily_moves_with_the_clock() {
    let trial = Trial::new(&friday());
    let accessed = |member| trial.control.cast(member).unwrap().accessed.unwrap();
    let (regular, idle) = (accessed(Cast::Member), accessed(Cast::Idle));
    trial.control.advance(SignedDuration::from_hours(72));
    assert_eq!(
        accessed(Cast::Member).duration_since(regular).as_hours(),
        72
    );
    assert_eq!(accessed(Cast::Idle), idle);
    let at = trial.control.now();
    assert!(trial.control.sign_in(&trial.id(Cast::Idle), at));
    assert_eq!(accessed(Cast::Idle), at);
}

#[test]
fn a_key_is_as_good_as_its_user() {
    let trial = Trial::new(&friday());
    let me = trial.get("/me")["user"].clone();
    assert_eq!(me["id"], trial.id(Cast::TokenOwner).as_str());
    assert_eq!(me["accounts"][0]["account"]["domain"], "example");
    let member = Trial {
        key: trial.control.make_key(&trial.id(Cast::Member)).unwrap(),
        account: trial.account.clone(),
        control: trial.control.clone(),
    };
    assert_eq!(member.call("GET", "/users", "").0, 403);
    assert_eq!(member.call("GET", "/paid_seat_groups", "").0, 403);
    let alone = |switches: &mut super::Switches| switches.non_admin = NonAdmin::CallerOnly;
    trial.control.switch(alone);
    assert_eq!(member.get("/users")["pagination"]["total_records"], 1);

    let own = trial.id(Cast::TokenOwner);
    let off = PersonChange {
        enabled: Some(false),
        ..PersonChange::default()
    };
    trial.control.change_person(&own, off).unwrap();
    let refused = trial.reply("GET", "/me", "");
    assert_eq!((refused.status, refused.body.len()), (401, 0));
    assert_eq!(header(&refused, "content-type"), Some("text/html"));
    trial.control.switch(|switches| {
        switches.unauthorized = Unauthorized::Json;
        switches.disabled_users_tokens_die = false;
    });
    assert_eq!(trial.call("GET", "/me", "").0, 200);
    assert!(trial.control.revoke(&trial.key));
    assert_eq!(
        trial.call("GET", "/me", ""),
        (401, json!({"error": "unauthorized"}))
    );
}

#[test]
fn a_code_buys_one_token_without_an_end() {
    let trial = Trial::new(&friday());
    let app = trial.control.with(|state| state.tokens.app.clone());
    let authorize = |redirect: &str| {
        let id = &app.client_id;
        let target = format!(
            "/oauth/authorize?response_type=code&client_id={id}&redirect_uri={redirect}&state=s"
        );
        let page = trial.raw("GET", &target, "", &[]);
        if page.status != 200 {
            return page;
        }
        let form = [("content-type", "application/x-www-form-urlencoded")];
        trial.raw("POST", &target, "decision=allow", &form)
    };
    assert_eq!(
        authorize("https://seatsync.example.com/callback/").status,
        400
    );
    let back = authorize(&app.redirect_uri);
    let location = header(&back, "location").unwrap();
    let code = location
        .split_once("code=")
        .unwrap()
        .1
        .split('&')
        .next()
        .unwrap();
    let form = format!(
        "grant_type=authorization_code&client_id={}&client_secret={}&redirect_uri={}&code={code}",
        app.client_id, app.client_secret, app.redirect_uri
    );
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let spend = || trial.raw("POST", "/oauth/token", &form, &kind);
    let token = body(&spend());
    assert_eq!(token.as_object().unwrap().len(), 2, "{token}");
    assert_eq!(spend().status, 401);
    let owned = Trial {
        key: token["access_token"].as_str().unwrap().to_owned(),
        account: trial.account.clone(),
        control: trial.control.clone(),
    };
    assert_eq!(
        owned.get("/me")["user"]["id"],
        trial.id(Cast::TokenOwner).as_str()
    );
}

#[test]
fn disabling_frees_a_seat_and_enabling_may_cost_one() {
    let mut options = friday();
    options.population.seats = Some(0);
    let trial = Trial::new(&options);
    let used = || trial.control.seats().used;
    let before = used();
    trial.control.with(|state| state.seats = before);
    let idle = trial.id(Cast::Idle);
    let (status, answer) = trial.put(&idle, &json!({"enabled": false}));
    assert_eq!(status, 200);
    assert_eq!(
        (&answer["id"], &answer["paid_seat"]),
        (&json!(idle), &json!(true))
    );
    assert!(answer.get("user_roles").is_none());
    assert_eq!(used(), before - 1);
    let other = trial.id(Cast::Disabled);
    assert_eq!(trial.put(&other, &json!({"enabled": true})).0, 200);
    assert_eq!(trial.control.seats().bought, before);
    assert_eq!(trial.put(&idle, &json!({"enabled": true})).0, 200);
    assert_eq!(trial.control.seats().bought, before + 1);
    trial.put(&idle, &json!({"enabled": false}));
    trial.control.with(|state| state.seats = 0);
    let refuse = |switches: &mut super::Switches| {
        switches.enable_without_seat = WithoutSeat::Refuse;
    };
    trial.control.switch(refuse);
    assert_eq!(trial.put(&idle, &json!({"enabled": true})).0, 422);
}

#[test]
fn the_owner_and_the_last_administrator_stay() {
    let trial = Trial::new(&friday());
    let off = json!({"enabled": false});
    assert_eq!(trial.put(&trial.id(Cast::AccountOwner), &off).0, 422);
    assert_eq!(trial.put(&trial.id(Cast::SecondAdmin), &off).0, 200);
    let demoted = PersonChange {
        administers_account: Some(false),
        ..PersonChange::default()
    };
    let owner = trial.id(Cast::AccountOwner);
    trial.control.change_person(&owner, demoted).unwrap();
    let (status, answer) = trial.put(&trial.id(Cast::TokenOwner), &off);
    assert_eq!(status, 422);
    assert!(
        answer["errors"][0]
            .as_str()
            .unwrap()
            .contains("last administrator")
    );
    trial
        .control
        .switch(|switches| switches.last_admin_refused = false);
    assert_eq!(trial.put(&trial.id(Cast::TokenOwner), &off).0, 200);
}

#[test]
fn a_write_may_show_late_in_the_list() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.write_delay_millis = 2_000);
    trial.control.advance(SignedDuration::from_secs(60));
    trial.put(&trial.id(Cast::Idle), &json!({"enabled": false}));
    let listed = || {
        let row = usize::try_from(Cast::Idle.row()).unwrap();
        trial.get("/users?per_page=30")["users"][row]["enabled"].clone()
    };
    assert_eq!(listed(), json!(true));
    trial.control.advance(SignedDuration::from_secs(3));
    assert_eq!(listed(), json!(false));
}

#[test]
fn seat_groups_tell_capacity_and_take_users_in_and_out() {
    let trial = Trial::new(&friday());
    let groups = trial.get("/paid_seat_groups");
    assert!(groups.get("pagination").is_none());
    let first = groups["paid_seat_groups"][0].clone();
    let used = first["allocated_seats"].as_u64().unwrap();
    assert!(used > 10 && first["capacity"].as_u64().unwrap() > used);
    let path = format!(
        "/paid_seat_groups/{}/modify_user",
        first["id"].as_str().unwrap()
    );
    let modify = |user: &str, remove: Value| {
        let id: u64 = user.parse().unwrap();
        let sent = json!({"user_id": id, "remove": remove}).to_string();
        trial.call("POST", &path, &sent)
    };
    let user = trial.id(Cast::Ungrouped);
    assert_eq!(modify(&user, Value::Null).1["allocated_seats"], used + 1);
    assert_eq!(modify(&user, json!(true)).1["allocated_seats"], used);
    trial.control.with(|state| state.groups[0].capacity = used);
    assert_eq!(modify(&user, Value::Null).0, 422);
    trial
        .control
        .switch(|switches| switches.groups_administered = Some(1));
    let few = trial.get("/paid_seat_groups");
    assert_eq!(few["paid_seat_groups"].as_array().unwrap().len(), 1);
}

#[test]
fn roles_come_and_go() {
    let trial = Trial::new(&friday());
    let path = format!("/users/{}/product_roles", trial.id(Cast::Reviewer));
    let sent = json!({"product_role": {"role": "viewer", "product_id": "702241743"}}).to_string();
    let (status, role) = trial.call("POST", &path, &sent);
    assert_eq!((status, &role["role"]), (200, &json!(50)));
    let listed = trial.get(&path);
    assert!(listed["product_roles"].as_array().unwrap().contains(&role));
    assert_eq!(
        trial.call("DELETE", &format!("{path}/702241743"), "").0,
        204
    );
    assert_eq!(
        trial.call("DELETE", &format!("{path}/702241743"), "").0,
        404
    );
}

#[test]
fn audits_tell_changes_of_twelve_months_after_an_id() {
    let trial = Trial::new(&friday());
    let member = trial.id(Cast::Member);
    let all = trial.get(&format!("/audits?user_id={member}&per_page=200"));
    assert_eq!(all["pagination"]["total_records"], 365);
    let tenth = all["audits"][9]["id"].as_str().unwrap();
    let rest = trial.get(&format!("/audits?user_id={member}&after_id={tenth}"));
    assert_eq!(rest["pagination"]["total_records"], 355);
    let week = "created_since=2026-11-01T00:00:00Z&created_before=2026-11-08T00:00:00Z";
    let some = trial.get(&format!("/audits?user_id={member}&{week}"));
    assert_eq!(some["audits"].as_array().unwrap().len(), 7);
    let idle = trial.id(Cast::NeverSignedIn);
    assert_eq!(
        trial.get(&format!("/audits?user_id={idle}"))["audits"],
        json!([])
    );
    trial
        .control
        .switch(|switches| switches.audits_need_bounds = true);
    assert_eq!(trial.call("GET", "/audits", "").0, 504);
    let old = trial.get(&format!("/historical_audits?user_id={member}"));
    assert!(
        old["historical_audits"][0]["dates_active"]
            .as_array()
            .unwrap()
            .len()
            > 300
    );
    let search = trial.reply("POST", "/historical_audits", "{}");
    assert_eq!(header(&search, "x-historical-tokens-available"), Some("99"));
}

#[test]
fn limits_are_told_in_every_answer_and_end_as_told() {
    let mut options = friday();
    options.limits = true;
    let trial = Trial::new(&options);
    let first = trial.reply("GET", "/me", "");
    assert_eq!(header(&first, "x-ratelimit-limit"), Some("300"));
    assert_eq!(header(&first, "x-ratelimit-remaining"), Some("299"));
    let statuses: Vec<u16> = (0..25)
        .map(|_| trial.reply("GET", "/me", "").status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 19);
    trial.control.advance(SignedDuration::from_secs(1));
    assert_eq!(trial.reply("GET", "/me", "").status, 200);
    let storm = Action::TooMany {
        kind: TooMany::ResetIn(40),
    };
    trial
        .control
        .set_fault(Fault::on(Endpoint::Me, storm).times(1));
    let refused = trial.reply("GET", "/me", "");
    let reset = trial.control.now().as_second() + 40;
    assert_eq!(refused.status, 429);
    assert_eq!(
        header(&refused, "x-ratelimit-reset"),
        Some(reset.to_string().as_str())
    );
}

#[test]
fn suspension_and_manners_are_switches() {
    let trial = Trial::new(&friday());
    let status = || trial.reply("GET", "/me", "").status;
    trial
        .control
        .switch(|switches| switches.suspended = Suspended::Forbidden);
    assert_eq!(status(), 403);
    trial
        .control
        .switch(|switches| switches.suspended = Suspended::PaymentRequired);
    assert_eq!(status(), 402);
    trial.control.switch(|switches| {
        switches.suspended = Suspended::No;
        switches.user_agent_required = true;
    });
    assert_eq!(status(), 400);
}

#[test]
fn the_list_shifts_between_pages_when_told() {
    let trial = Trial::new(&friday());
    let before = trial.ids(3, 100);
    trial.control.shift(Shift {
        after_page: 1,
        remove: Some(5),
        add: Some(Place::Last),
    });
    let seen = trial.ids(3, 100);
    assert_eq!(seen.len(), 300, "the total did not move");
    let lost: Vec<&String> = before.iter().filter(|id| !seen.contains(id)).collect();
    assert_eq!(
        lost,
        [&before[100]],
        "the first of the second page slipped away"
    );
    assert!(!trial.ids(3, 100).contains(&before[5]));
}

#[test]
fn answers_take_other_shapes_when_told() {
    let trial = Trial::new(&friday());
    let reshaped = |shape| {
        trial.control.clear_faults();
        let reshape = Action::Reshape { shape };
        trial
            .control
            .set_fault(Fault::on(Endpoint::ListUsers, reshape));
        trial.get("/users?per_page=2")
    };
    assert!(reshaped(Shape::NumericIds)["users"][0]["id"].is_u64());
    assert!(reshaped(Shape::NoPagination).get("pagination").is_none());
    assert_eq!(
        reshaped(Shape::TotalsAsText)["pagination"]["total_records"],
        "300"
    );
    let created = reshaped(Shape::TimesWithOffset)["users"][0]["created_at"].clone();
    assert!(created.as_str().unwrap().ends_with("+00:00"));
    assert!(
        reshaped(Shape::UnknownFields)["users"][1]
            .get("x_new_member")
            .is_some()
    );
}

#[tokio::test]
async fn it_starts_with_two_hundred_thousand_and_is_steered_over_http() {
    let options = AhaSimOptions {
        users: 200_000,
        population: Population {
            disabled: 0.0,
            ..Population::default()
        },
        ..friday()
    };
    let sim = AhaSim::start(options).await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(sim.base_url().trim_start_matches("http://"))
        .await
        .unwrap();
    let request = "GET /_sim/account HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let account: Value = serde_json::from_str(json).unwrap();
    assert_eq!(account["users"], 200_000);
    assert!(account["seats"]["used"].as_u64().unwrap() > 100_000);
}
