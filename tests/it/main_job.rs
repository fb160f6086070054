//! The main job, from a file in the folder to seats that can be queried.

use serde_json::Value;
use vendor_sim::aha::Cast;
use vendor_sim::zoom::{Action, Endpoint, Fault, Plan, When, ZoomSimOptions};
use vendor_sim::{AhaSim, AhaSimOptions, ZoomSim};

use super::support::{Host, text, zoom_profile};

async fn vendor(users: u32) -> ZoomSim {
    ZoomSim::start(ZoomSimOptions {
        users,
        seed: 3,
        plan: Plan::Business,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_profile_comes_down_and_can_be_queried() {
    let vendor = vendor(120).await;
    let mut host = Host::with_zoom(&vendor);
    host.start();
    let status = host.until_first_run_is_over("zoom");
    assert_eq!(status["account"], vendor.account_id());
    let condition = |kind: &str| {
        let found = status["conditions"].as_array().unwrap();
        found.iter().find(|c| c["type"] == kind).unwrap()["status"].clone()
    };
    assert_eq!(condition("Ready"), "True");
    assert_eq!(condition("Complete"), "True");
    assert_eq!(condition("Validated/download"), "True");

    let seats = host.json(&["subscriptions", "list", "--limit", "1000"]);
    assert!(seats["rows"].as_array().unwrap().len() >= 120);
    let identifiers = host.json(&["identifiers", "list", "--profile", "zoom"]);
    let licensed = identifiers["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["identifier"] == "zoom.licensed")
        .unwrap();
    assert!(licensed["seats"].as_u64().unwrap() > 40);
    assert!(licensed["with_activity"].as_u64().unwrap() > 10);

    let user = seats["rows"][0]["email"].as_str().unwrap();
    let explained = host.seatsync(&["explain", "zoom", user]);
    assert!(text(&explained.stdout).contains("last activity of this seat"));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aha_profile_comes_down_with_the_last_access_of_everybody() {
    let options = AhaSimOptions {
        users: 120,
        limits: false,
        ..AhaSimOptions::default()
    };
    let vendor = AhaSim::start(options).await.unwrap();
    // One user's last access lies ahead, which every download would tell.
    let ahead = vendor.cast(Cast::FutureAccess).unwrap();
    assert!(vendor.control().remove_person(&ahead.id));
    let mut host = Host::with_aha(&vendor);
    host.start();
    let status = host.until(&["status", "aha"], |status| {
        status["subflows"][0]["last"]["state"] == "completed"
    });
    assert_eq!(status["account"], "example");
    let condition = |kind: &str| {
        let found = status["conditions"].as_array().unwrap();
        found.iter().find(|c| c["type"] == kind).unwrap()["status"].clone()
    };
    for kind in ["Ready", "Complete", "Validated/download"] {
        assert_eq!(condition(kind), "True", "{kind}");
    }
    let identifiers = host.json(&["identifiers", "list", "--profile", "aha"]);
    let rows = identifiers["rows"].as_array().unwrap();
    let paid = rows
        .iter()
        .find(|row| row["identifier"] == "aha.paid_seat")
        .unwrap();
    assert_eq!(paid["seats"], vendor.control().seats().used);
    assert!(paid["with_activity"].as_u64().unwrap() > 60);

    let idle = vendor.cast(Cast::Idle).unwrap();
    let facts = host.json(&["explain", "aha", &idle.email]);
    let last = idle.accessed.unwrap().to_string();
    assert_eq!(facts["seats"][0]["last_hosted"], last[..10]);
    assert_eq!(facts["coverage"][0]["kind"], "sign_in");
    let validated = host.json(&["validate", "aha"]);
    let verdicts = validated["verdicts"].as_array().unwrap();
    assert!(
        verdicts.iter().all(|verdict| verdict["ok"] == true),
        "{validated:#}"
    );
    let activity = host.seatsync(&["jobs", "run", "aha", "--subflow", "pull_user_activity"]);
    assert!(!activity.status.success());
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    assert!(!host.log().contains(vendor.api_key()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_runs_what_is_due_and_tells_by_its_exit_code() {
    let vendor = vendor(40).await;
    let host = Host::with_zoom(&vendor);
    let ran = host.daemon_command().arg("--once").output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(!vendor.control().requests().is_empty());

    host.profile("broken.yaml", "kind: Profile\nname: broken\ntype: zom\n");
    let ran = host.daemon_command().arg("--once").output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_runs_nothing() {
    let vendor = vendor(40).await;
    let host = Host::with_zoom(&vendor);
    let draft = zoom_profile(&vendor, "").replace("state: published", "state: draft");
    host.profile("zoom.yaml", &draft);
    let ran = host.daemon_command().arg("--once").output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(vendor.control().requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_is_kept_off_the_state_directory() {
    let mut host = Host::new();
    host.start();
    let second = host.daemon_command().output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains("in use by another seatsync"), "{said}");
    assert!(said.contains(&host.pid().to_string()), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_daemon_says_so_and_ends_with_3() {
    let host = Host::new();
    let asked = host.seatsync(&["status"]);
    assert_eq!(asked.status.code(), Some(3));
    assert!(text(&asked.stderr).contains("no daemon answers on"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_is_recorded_as_interrupted_and_runs_again() {
    let vendor = vendor(700).await;
    let mut host = Host::with_zoom(&vendor);
    vendor.control().set_fault(Fault {
        name: "the second page never comes".to_owned(),
        when: When {
            endpoint: Some(Endpoint::ListUsers),
            later_page: Some(true),
            ..When::default()
        },
        skip: 0,
        count: None,
        action: Action::Hang,
    });
    host.start();
    let state = |status: &Value| status["subflows"][0]["last"]["state"].clone();
    host.until(&["status", "zoom"], |status| state(status) == "in_progress");
    host.kill();
    vendor.control().clear_faults();
    host.start();
    host.until_first_run_is_over("zoom");
    let jobs = host.until(&["jobs", "list"], |jobs| {
        let rows = jobs["rows"].as_array();
        rows.is_some_and(|rows| rows.iter().all(|job| job["state"] != "in_progress"))
    });
    let states: Vec<&str> = jobs["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|job| job["state"].as_str())
        .collect();
    assert!(states.contains(&"interrupted"), "{states:?}");
    assert!(!states.contains(&"in_progress"), "{states:?}");
}
