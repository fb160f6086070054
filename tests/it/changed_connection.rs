//! What becomes of a profile whose connection was wrong, or leads to another vendor account, once a
//! person has put it right: its jobs start by themselves, and nothing of the old trouble stays.

use std::net::{TcpListener, TcpStream};

use rusqlite::Connection;
use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::{Plan, ZoomSimOptions};

use super::support::{Host, text, zoom_profile};

async fn vendor(seed: u64) -> ZoomSim {
    ZoomSim::start(ZoomSimOptions {
        users: 40,
        seed,
        plan: Plan::Business,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap()
}

fn condition<'a>(profile: &'a Value, kind: &str) -> &'a Value {
    let conditions = profile["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

fn is(profile: &Value, kind: &str, status: &str) -> bool {
    condition(profile, kind)["status"] == status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_is_rebound_comes_to_life_by_itself() {
    let (first, second) = (vendor(3).await, vendor(4).await);
    assert_ne!(first.account_id(), second.account_id());
    let secret = Some(first.client_secret().to_owned());
    let control = second.control();
    control.change_app(second.client_id(), |app| app.client_secret = secret);
    let mut host = Host::with_zoom(&first);
    host.start();
    host.until_first_run_is_over("zoom");

    host.profile("zoom.yaml", &zoom_profile(&second, ""));
    host.until(&["status", "zoom"], |status| is(status, "Held", "True"));
    let released = host.seatsync(&["release", "zoom"]);
    let said = text(&released.stderr);
    assert_eq!(released.status.code(), Some(1), "{said}");
    assert!(said.contains("seatsync rebind zoom"), "{said}");
    assert!(!said.contains("nothing of `zoom` is held"), "{said}");

    // What cannot be recorded is not done.
    let database = Connection::open(host.path("state").join("seatsync.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'full'); END",
        )
        .unwrap();
    let refused = host.seatsync(&["rebind", "zoom"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
    let status = host.json(&["status", "zoom"]);
    assert_eq!(status["account"], first.account_id(), "{status:#}");
    database.execute_batch("DROP TRIGGER full").unwrap();

    let rebound = host.seatsync(&["rebind", "zoom"]);
    assert_eq!(rebound.status.code(), Some(0), "{}", text(&rebound.stderr));
    let listing = host.json(&["audit", "list", "--action", "account_rebound"]);
    let [entry] = listing["rows"].as_array().unwrap().as_slice() else {
        panic!("{listing:#}");
    };
    assert_eq!(entry["facts"]["was"], first.account_id(), "{entry:#}");
    assert_eq!(entry["profile"], "zoom");
    let status = host.json(&["status", "zoom"]);
    assert!(is(&status, "Held", "False"), "{status:#}");
    let status = host.until(&["status", "zoom"], |status| {
        is(status, "Ready", "True") && status["account"] == second.account_id()
    });
    assert!(is(&status, "Held", "False"), "{status:#}");
    host.until(&["jobs", "results", "--profile", "zoom"], |results| {
        let rows = results["rows"].as_array().into_iter().flatten();
        let pulled = rows.filter(|job| job["subflow"] == "pull_user_activity");
        pulled.filter(|job| job["state"] == "completed").count() == 2
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_put_right_again_frees_a_held_profile() {
    let (first, second) = (vendor(3).await, vendor(4).await);
    let secret = Some(first.client_secret().to_owned());
    let control = second.control();
    control.change_app(second.client_id(), |app| app.client_secret = secret);
    let mut host = Host::with_zoom(&first);
    host.start();
    host.until_first_run_is_over("zoom");
    host.profile("zoom.yaml", &zoom_profile(&second, ""));
    host.until(&["status", "zoom"], |status| is(status, "Held", "True"));

    host.profile("zoom.yaml", &zoom_profile(&first, ""));
    let status = host.until(&["status", "zoom"], |status| is(status, "Ready", "True"));
    assert!(is(&status, "Held", "False"), "{status:#}");
}

/// A profile `zoom` that leads to a port where nobody answers.
fn leading_to(port: u16, vendor: &ZoomSim) -> String {
    let here = vendor.base_url();
    zoom_profile(vendor, "").replace(here, &format!("http://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_connection_runs_the_job_that_was_put_off_because_of_the_old_one() {
    let vendor = vendor(3).await;
    let mut host = Host::with_zoom(&vendor);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    host.profile("zoom.yaml", &leading_to(port, &vendor));
    host.start();
    let put_off = host.until(&["status", "zoom"], |status| {
        condition(status, "Ready")["reason"] == "PutOff"
    });
    let message = condition(&put_off, "Ready")["message"].as_str().unwrap();
    for told in [format!("127.0.0.1:{port}"), "connection `zoom`".to_owned()] {
        assert!(message.contains(&told), "{message}");
    }
    assert!(message.contains("check `oauth.token_url`"), "{message}");

    let shown = text(&host.seatsync(&["status", "zoom"]).stdout);
    let download = shown
        .lines()
        .find(|line| line.trim_start().starts_with("download_subscriptions"));
    let download = download.unwrap_or_else(|| panic!("{shown}"));
    assert!(!download.contains("pending"), "{shown}");
    assert!(shown.contains("put off until"), "{shown}");

    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    host.until_first_run_is_over("zoom");
    host.until(&["status", "zoom"], |status| is(status, "Ready", "True"));
    let jobs = host.json(&["jobs", "list", "--profile", "zoom"]);
    let states: Vec<&Value> = jobs["rows"].as_array().unwrap().iter().collect();
    assert!(
        states.iter().all(|job| job["state"] == "completed"),
        "{jobs:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_corrected_while_its_job_runs_is_tried_when_that_job_is_over() {
    let vendor = vendor(3).await;
    let mut host = Host::with_zoom(&vendor);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    host.profile("zoom.yaml", &leading_to(port, &vendor));
    host.start();
    let (asked, _): (TcpStream, _) = silent.accept().unwrap();

    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    let reloaded = host.seatsync(&["reload", "--wait"]);
    assert_eq!(
        reloaded.status.code(),
        Some(0),
        "{}",
        text(&reloaded.stdout)
    );
    // Long enough for the planner to have looked at what was applied.
    host.until(&["jobs", "list"], |jobs| jobs["rows"][0]["id"].is_string());
    drop((silent, asked));
    host.until_first_run_is_over("zoom");
    host.until(&["status", "zoom"], |status| is(status, "Ready", "True"));
    let jobs = host.json(&["jobs", "list", "--profile", "zoom"]);
    let refused = jobs["rows"].as_array().unwrap().iter();
    assert_eq!(
        refused.filter(|job| job["state"] == "refused").count(),
        0,
        "{jobs:#}"
    );
}
