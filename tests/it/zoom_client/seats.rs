//! Add-ons, what was bought, and whether each process can work.

use seatsync::connector::facts::{Process, Purchased};
use seatsync::connector::{Connector as _, WriteOptions};
use seatsync::profile::identifier::{Identifier, ProfileType};
use serde_json::json;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, Refusal};

use super::Bench;

#[tokio::test]
async fn settings_tell_the_add_ons_that_the_profile_type_counts() {
    let bench = Bench::start().await;
    let cases: [(Cast, ProfileType, &[&str]); 5] = [
        (Cast::WebinarHost, ProfileType::Zoom, &["zoom.webinar.500"]),
        (
            Cast::WebinarUnused,
            ProfileType::Zoom,
            &["zoom.webinar.1000"],
        ),
        (
            Cast::LargeMeeting,
            ProfileType::Zoom,
            &["zoom.large_meeting.500"],
        ),
        (Cast::Regular, ProfileType::Zoom, &[]),
        (Cast::Events, ProfileType::Zoom, &[]),
    ];
    for (member, profile_type, expected) in cases {
        let person = bench.control().cast(member).unwrap();
        let report = bench
            .zoom_for(profile_type)
            .add_ons(&person.id)
            .await
            .unwrap();
        let found: Vec<&str> = report.identifiers.iter().map(Identifier::as_str).collect();
        assert_eq!(found, expected, "{member:?}");
        assert!(!report.gone);
    }
}

#[tokio::test]
async fn a_user_who_is_gone_is_a_fact_and_one_who_is_invited_is_not_asked_for() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    assert!(zoom.add_ons("nobody/of?that#id").await.unwrap().gone);
    for refusal in [
        Refusal::NotInAccount,
        Refusal::InviteExpired,
        Refusal::NoSuchUser,
    ] {
        bench.control().clear_faults();
        bench
            .control()
            .set_fault(Fault::on(Endpoint::GetSettings, Action::Refuse { refusal }));
        let person = bench.control().cast(Cast::Regular).unwrap();
        assert!(zoom.add_ons(&person.id).await.unwrap().gone, "{refusal:?}");
    }
    let calls = bench.requests_to(Endpoint::GetSettings).len();
    let invited = zoom.add_ons("pending:new@example.com").await.unwrap();
    assert!(!invited.gone && invited.identifiers.is_empty());
    assert_eq!(bench.requests_to(Endpoint::GetSettings).len(), calls);
}

async fn purchased(bench: &Bench) -> Vec<Purchased> {
    bench.zoom().purchased().await.unwrap()
}

#[tokio::test]
async fn what_was_bought_is_read_in_every_shape_and_sums_up() {
    let bench = Bench::start().await;
    let found = purchased(&bench).await;
    let licensed = found
        .iter()
        .find(|one| one.identifier.as_str() == "zoom.licensed");
    let licensed = licensed.unwrap();
    assert!(licensed.bought.unwrap() >= licensed.assigned && licensed.assigned > 50);
    assert!(
        found
            .iter()
            .any(|one| one.identifier.as_str() == "zoom.webinar.500")
    );
    assert!(
        found
            .iter()
            .any(|one| one.identifier.as_str() == "zoom.large_meeting.500")
    );
    bench.control().switch(|switches| {
        switches.plan_objects_as_arrays = true;
        switches.usage_as_active_hosts = true;
    });
    assert_eq!(purchased(&bench).await, found);
}

#[tokio::test]
async fn where_plans_cannot_be_read_the_summary_tells_what_is_assigned() {
    let bench = Bench::start().await;
    let from_plans = purchased(&bench).await;
    for action in [
        Action::Refuse {
            refusal: Refusal::MissingScope,
        },
        Action::Refuse {
            refusal: Refusal::NoPermission,
        },
        Action::Refuse {
            refusal: Refusal::Forbidden,
        },
        Action::Answer {
            status: 404,
            body: Some(json!({"code": 2001, "message": "Account does not exist: me."})),
            headers: std::collections::BTreeMap::new(),
            after_effect: false,
        },
    ] {
        bench.control().clear_faults();
        bench
            .control()
            .set_fault(Fault::on(Endpoint::PlanUsage, action.clone()));
        let found = purchased(&bench).await;
        let words: Vec<&str> = found.iter().map(|one| one.identifier.as_str()).collect();
        assert_eq!(words, ["zoom.licensed", "zoom.basic"], "{action:?}");
        assert!(
            found
                .iter()
                .all(|one| one.bought.is_none() && one.assigned > 0)
        );
        let licensed = from_plans
            .iter()
            .find(|one| one.identifier.as_str() == "zoom.licensed");
        assert!(
            found[0].assigned <= licensed.unwrap().assigned,
            "{action:?}"
        );
    }
}

#[tokio::test]
async fn every_process_of_a_well_made_app_is_proved_without_a_write() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        let verdict = zoom.validate(process, &WriteOptions::default()).await;
        assert!(verdict.ok, "{verdict:?}");
        assert_eq!(verdict.process, process);
        assert!(!verdict.scopes_needed.is_empty());
        assert_eq!(
            verdict.scopes_needed.len(),
            verdict.scopes_held.len(),
            "{verdict:?}"
        );
    }
    let requests = bench.control().requests();
    assert!(requests.iter().all(|request| !request.wrote()));
    assert!(!bench.requests_to(Endpoint::ReportUsers).is_empty());
    assert!(!bench.requests_to(Endpoint::GetSettings).is_empty());
}

#[tokio::test]
async fn a_verdict_names_what_is_missing_and_sees_a_scope_just_added() {
    let bench = Bench::start().await;
    let client_id = bench.sim.client_id().to_owned();
    let grant = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        bench
            .control()
            .change_app(&client_id, |app| app.scopes = scopes);
    };
    grant(&["user:read:list_users:admin", "report:read:admin"]);
    let zoom = bench.zoom();
    let cases = [
        (Process::Download, "user:read:settings"),
        (Process::Reclaim, "user:read:user:admin or user:read:admin"),
    ];
    for (process, missing) in cases {
        let verdict = zoom.validate(process, &WriteOptions::default()).await;
        assert!(
            !verdict.ok && verdict.message.contains(missing),
            "{verdict:?}"
        );
    }
    assert!(
        zoom.validate(Process::Activity, &WriteOptions::default())
            .await
            .ok
    );
    grant(&[
        "user:write:admin",
        "meeting:read:admin",
        "webinar:read:admin",
        "report:read:admin",
    ]);
    assert!(
        zoom.validate(Process::Download, &WriteOptions::default())
            .await
            .ok
    );
    assert!(
        zoom.validate(Process::Reclaim, &WriteOptions::default())
            .await
            .ok
    );
    grant(&["user:write:admin"]);
    let verdict = zoom
        .validate(Process::Activity, &WriteOptions::default())
        .await;
    assert!(
        !verdict.ok && verdict.message.contains("report:read:list_users:admin"),
        "{verdict:?}"
    );
    grant(&[
        "user:read:admin",
        "meeting:read:admin",
        "webinar:read:admin",
    ]);
    let verdict = zoom
        .validate(Process::Activity, &WriteOptions::default())
        .await;
    assert!(verdict.ok, "{verdict:?}");
    assert!(
        verdict
            .message
            .contains("only scheduled meetings are known"),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn the_right_to_delete_is_asked_for_only_where_users_may_be_deleted() {
    let bench = Bench::start().await;
    let zoom = bench.zoom();
    let deleting = WriteOptions {
        delete_basic_users: true,
        ..WriteOptions::default()
    };
    let grant = |more: &str| {
        let scopes = [
            "user:read:user:admin",
            "user:read:settings:admin",
            "user:update:user:admin",
            "user:update:settings:admin",
            "meeting:read:admin",
            "webinar:read:admin",
            "report:read:admin",
            more,
        ];
        let scopes = scopes.map(str::to_owned).to_vec();
        let client = bench.sim.client_id();
        bench
            .control()
            .change_app(client, |app| app.scopes = scopes);
    };
    grant("user:read:list_users:admin");
    let plain = WriteOptions::default();
    assert!(zoom.validate(Process::Reclaim, &plain).await.ok);
    let verdict = zoom.validate(Process::Reclaim, &deleting).await;
    assert!(
        !verdict.ok && verdict.message.contains("user:delete:user:admin"),
        "{verdict:?}"
    );
    grant("user:delete:user:admin");
    let verdict = zoom.validate(Process::Reclaim, &deleting).await;
    assert!(
        verdict.ok && verdict.message.contains("deleting Basic users"),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn an_address_that_is_not_the_apis_is_named() {
    let mut bench = Bench::start().await;
    bench.connection.url = bench.sim.api_url().replace("/v2", "");
    for process in [Process::Download, Process::Activity] {
        let verdict = bench
            .zoom()
            .validate(process, &WriteOptions::default())
            .await;
        assert!(
            !verdict.ok
                && verdict
                    .message
                    .ends_with("connection `zoom-emea`): check `url`"),
            "{verdict:?}"
        );
    }
}

#[tokio::test]
async fn a_master_account_is_told_by_its_scopes() {
    let bench = Bench::start().await;
    let told = async || {
        let zoom = bench.zoom();
        let verdict = zoom
            .validate(Process::Download, &WriteOptions::default())
            .await;
        assert!(verdict.ok, "{verdict:?}");
        verdict.message
    };
    assert!(!told().await.contains("master"));
    let client = bench.sim.client_id();
    bench.control().change_app(client, |app| {
        app.scopes.push("user:read:list_users:master".to_owned());
    });
    let message = told().await;
    assert!(
        message.contains("`user:read:list_users:master`") && message.contains("master account"),
        "{message}"
    );
}

#[tokio::test]
async fn the_samples_name_every_scope_that_a_process_needs() {
    let bench = Bench::start().await;
    let all = WriteOptions {
        delete_basic_users: true,
        ..WriteOptions::default()
    };
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles.d");
    for (profile_type, sample) in [
        (ProfileType::Zoom, "zoom.yaml"),
        (ProfileType::ZoomWorkplace, "zoom-workplace.yaml"),
    ] {
        let told = std::fs::read_to_string(samples.join(sample)).unwrap();
        let zoom = bench.zoom_for(profile_type);
        for process in [Process::Download, Process::Activity, Process::Reclaim] {
            for needed in zoom.validate(process, &all).await.scopes_needed {
                let granular = needed.split('|').next().unwrap();
                assert!(told.contains(granular), "{sample} does not name {granular}");
            }
        }
    }
}

#[tokio::test]
async fn credentials_that_are_refused_fail_every_process() {
    let mut bench = Bench::start().await;
    bench.connection.client_id = Some("other".to_owned());
    let verdict = bench
        .zoom()
        .validate(Process::Download, &WriteOptions::default())
        .await;
    assert!(!verdict.ok);
    assert!(verdict.message.contains("check `client_id`"), "{verdict:?}");
}
