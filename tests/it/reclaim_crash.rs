//! kill -9 around a vendor write: whatever the point, the vendor is changed once and the record is true.

use std::collections::BTreeMap;

use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, When};

use super::reclaim::{host, last_reclaim, press, release, vendor};
use super::support::Host;

/// Lets the calls of `endpoint` about `user` hang, or those of everybody.
fn hang(vendor: &ZoomSim, endpoint: Endpoint, user: Option<&str>, action: Action) {
    vendor.control().set_fault(Fault {
        name: "the daemon is killed here".to_owned(),
        when: When {
            endpoint: Some(endpoint),
            path: None,
            method: None,
            user: user.map(str::to_owned),
            query: BTreeMap::new(),
            later_page: None,
        },
        skip: 0,
        count: None,
        action,
    });
}

/// Waits until a call of this kind about the user has come.
fn until_called(vendor: &ZoomSim, endpoint: Endpoint, user: &str) {
    for _ in 0..3_000 {
        let came = vendor.control().requests().iter().any(|request| {
            request.endpoint == Some(endpoint) && request.user.as_deref() == Some(user)
        });
        if came {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{endpoint:?} of {user} is never called");
}

fn writes_to(vendor: &ZoomSim, user: &str) -> usize {
    let requests = vendor.control().requests();
    let to_user = requests
        .iter()
        .filter(|request| request.wrote() && request.user.as_deref() == Some(user));
    to_user.count()
}

/// After a restart: the seat is taken back by one change, and the record says so.
fn ends_with_one_change(host: &mut Host, vendor: &ZoomSim, id: &str, user: &str) -> Value {
    vendor.control().clear_faults();
    host.kill();
    host.start();
    let shown = host.until(&["candidates", "show", id], |shown| {
        shown["state"] == "closed_complete"
    });
    assert_eq!(vendor.control().person(user).unwrap().kind, 1);
    assert_eq!(writes_to(vendor, user), 1, "one change");
    let done = shown["writes"].as_array().unwrap().iter();
    assert_eq!(
        done.filter(|write| write["state"] == "done").count(),
        1,
        "{shown:#}"
    );
    assert!(shown["kept_until"].is_string(), "{shown:#}");
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    shown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_intent_it_writes_once() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    vendor.control().clear_requests();
    hang(&vendor, Endpoint::GetUser, Some(&idle.id), Action::Hang);
    release(&host);
    until_called(&vendor, Endpoint::GetUser, &idle.id);
    let shown = host.json(&["candidates", "show", &id]);
    assert_eq!(shown["writes"][0]["state"], "intended");
    assert_eq!(writes_to(&vendor, &idle.id), 0);
    let shown = ends_with_one_change(&mut host, &vendor, &id, &idle.id);
    assert_eq!(shown["writes"][0]["state"], "withdrawn");
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_call_before_the_record_it_does_not_write_again() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    vendor.control().clear_requests();
    // The change takes effect and its answer is long in coming.
    let slow = Action::Slow {
        piece: 1,
        pause_millis: 60_000,
    };
    hang(&vendor, Endpoint::UpdateUser, Some(&idle.id), slow);
    release(&host);
    until_called(&vendor, Endpoint::UpdateUser, &idle.id);
    let shown = ends_with_one_change(&mut host, &vendor, &id, &idle.id);
    let outcome = shown["writes"][0]["outcome"].as_str().unwrap();
    assert!(
        outcome.contains("cut") || outcome.contains("read back"),
        "{outcome}"
    );
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_reads_back_it_does_not_write_again() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    vendor.control().clear_requests();
    let mut reading_back = Fault::on(Endpoint::GetUser, Action::Hang);
    reading_back.when.user = Some(idle.id.clone());
    // The fresh read goes through.
    vendor.control().set_fault(reading_back.after(1));
    release(&host);
    until_called(&vendor, Endpoint::UpdateUser, &idle.id);
    assert_eq!(
        host.json(&["candidates", "show", &id])["state"],
        "awaiting_revocation"
    );
    let shown = ends_with_one_change(&mut host, &vendor, &id, &idle.id);
    assert_eq!(shown["writes"].as_array().unwrap().len(), 1);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_intent_or_after_the_record_nothing_is_lost_or_done_twice() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    vendor.control().clear_requests();
    // The run cannot even learn whose account it is.
    host.kill();
    vendor.control().expire_tokens();
    host.start();
    release(&host);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    // It is recorded: another kill changes nothing.
    ends_with_one_change(&mut host, &vendor, &id, &idle.id);
    assert_eq!(host.stop(), Some(0));
}
