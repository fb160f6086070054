//! Licences of GoTo that are taken, looked for until they are gone, and given back.

use jiff::ToSpan as _;
use serde_json::Value;
use vendor_sim::GoToSim;
use vendor_sim::goto::{Action, Cast, Endpoint, Fault, Kind, LoggedRequest, SuspendedWord};

use super::{goto_with_idle, press, until_state};
use crate::reclaim::release_of;
use crate::support::text;

/// The changes of somebody's licences that were asked for.
fn writes(vendor: &GoToSim, email: &str) -> Vec<LoggedRequest> {
    let key = vendor.control().person(email).unwrap().key;
    let mut requests = vendor.control().requests();
    requests.retain(|one| one.wrote() && one.user.as_deref() == Some(&key));
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_goto_use_cancels_and_a_licence_goes_is_seen_to_be_gone_and_comes_back() {
    let (vendor, mut host, ready) = goto_with_idle(3).await;
    let [used, gone, gone_already] = ready.as_slice() else {
        panic!("{} candidates", ready.len());
    };
    let hour_ago = vendor.control().now().saturating_sub(1.hours()).unwrap();
    vendor
        .control()
        .record(&used.email, Kind::Meeting, hour_ago);
    // As where somebody else, or an attempt whose answer was lost, was faster.
    let key = vendor.control().person(&gone_already.email).unwrap().key;
    let nothing_there = Action::Answer {
        status: 404,
        body: Some(serde_json::json!({"errorCode": "not.found", "message": "no assignment"})),
        headers: std::collections::BTreeMap::new(),
        after_effect: true,
    };
    vendor
        .control()
        .set_fault(Fault::on(Endpoint::RemoveLicense, nothing_there).for_user(&key));
    press(&host, &[used, gone, gone_already]);
    release_of(&host, "goto");

    until_state(&host, used, "closed_canceled");
    assert_eq!(writes(&vendor, &used.email).len(), 0);
    for taken in [gone, gone_already] {
        let shown = until_state(&host, taken, "closed_complete");
        assert_eq!(shown["writes"][0]["state"], "done", "{shown:#}");
        assert_eq!(writes(&vendor, &taken.email).len(), 1, "{shown:#}");
        // The vendor goes on to tell the licence for two seconds: the first look still found it.
        let person = vendor.control().person(&taken.email).unwrap();
        assert_eq!(
            (person.status.as_str(), person.licenses.len()),
            ("SUSPENDED", 0)
        );
    }
    let looks = vendor.control().requests();
    let looks = looks
        .iter()
        .filter(|one| one.endpoint == Some(Endpoint::GetUser) && one.user.as_deref() == Some(&key));
    assert!(looks.count() >= 3, "before, too soon, and when it was gone");

    let undone = host.json(&["undo", &gone.id]);
    assert_eq!(undone["restored"][0]["ok"], true, "{undone:#}");
    let back = vendor.control().person(&gone.email).unwrap();
    assert_eq!((back.status.as_str(), back.licenses.len()), ("ACTIVE", 1));
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_licence_does_not_come_back_where_no_seat_is_free() {
    let (vendor, mut host, ready) = goto_with_idle(1).await;
    vendor
        .control()
        .switch(|switches| switches.consistency_delay_ms = 0);
    press(&host, &[&ready[0]]);
    release_of(&host, "goto");
    until_state(&host, &ready[0], "closed_complete");
    let holders = vendor.control().people();
    let meetings = "5200000000000000001";
    let holders = holders
        .iter()
        .filter(|person| person.licenses.iter().any(|key| key == meetings))
        .count();
    vendor.control().buy_seats("G2M", holders as u64);
    let undo = ["undo", &ready[0].id, "--format", "json"];
    let refused = host.seatsync(&undo);
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stdout);
    assert!(told.contains("no seat of that licence is free"), "{told}");
    vendor.control().buy_seats("G2M", holders as u64 + 1);
    assert_eq!(host.json(&undo[..2])["restored"][0]["ok"], true);
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_suspended_for_want_of_a_licence_was_suspended_by_us() {
    for word in [SuspendedWord::Suspended, SuspendedWord::Inactive] {
        let (vendor, mut host, ready) = goto_with_idle(1).await;
        vendor.control().switch(|switches| {
            switches.consistency_delay_ms = 0;
            switches.suspended_word = word;
        });
        let idle = &ready[0];
        press(&host, &[idle]);
        release_of(&host, "goto");
        let shown = until_state(&host, idle, "closed_complete");
        let outcome = shown["writes"][0]["outcome"].as_str().unwrap();
        assert!(
            outcome.contains("the vendor suspends the user"),
            "{outcome}"
        );

        // The next walk finds somebody without a licence and makes no news of it.
        host.json(&["jobs", "run", "goto"]);
        let two_downloads = |listing: &Value| {
            let rows = listing["rows"].as_array().unwrap().iter();
            rows.filter(|job| job["state"] == "completed").count() == 2
        };
        let downloads = ["jobs", "results", "--subflow", "download_subscriptions"];
        let jobs = host.until(&downloads, two_downloads);
        assert_eq!(jobs["rows"][0]["counts"]["ended"], 0, "{jobs:#}");
        let ended = host.json(&["subscriptions", "list", "--ended"]);
        assert_eq!(ended["rows"].as_array().unwrap().len(), 1);
        assert_eq!(ended["rows"][0]["email"], idle.email.as_str());
        assert_eq!(ended["rows"][0]["ended_by"], "reclaim");
        let explained = text(&host.seatsync(&["explain", "goto", &idle.email]).stdout);
        assert!(
            explained.contains("the vendor suspends the user"),
            "{explained}"
        );
        assert_eq!(host.stop(), Some(0), "{}", host.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_half_the_users_takes_no_licence() {
    let (vendor, mut host, ready) = goto_with_idle(2).await;
    vendor
        .control()
        .switch(|switches| switches.consistency_delay_ms = 0);
    // The first plan waits for a person, whatever it holds; the second one would not.
    press(&host, &[&ready[0]]);
    release_of(&host, "goto");
    until_state(&host, &ready[0], "closed_complete");
    let before = host.json(&["subscriptions", "list", "--limit", "1000"]);

    let admin = vendor.cast(Cast::Admin).unwrap().email;
    let idle = &ready[1];
    let others = vendor.control().people().into_iter().rev();
    let others = others.filter(|one| one.email != admin && one.email != idle.email);
    for gone in others.take(14) {
        vendor.control().remove_person(&gone.email);
    }
    let failed = host.seatsync(&["jobs", "run", "goto"]);
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stdout));
    let status = host.until(&["status", "goto"], |status| {
        status["subflows"][0]["last"]["state"] == "failed"
    });
    assert!(status.to_string().contains("TooFewUsers"), "{status:#}");
    assert_eq!(
        host.json(&["subscriptions", "list", "--limit", "1000"]),
        before
    );
    vendor.control().clear_requests();
    press(&host, &[idle]);
    let plans = host.until(&["plan", "--seats", "goto"], |plans| {
        plans[0]["steps"][0]["action"] == "reclaim"
    });
    assert_eq!(
        plans[0]["steps"][0]["withheld"]["guard"], "evidence",
        "{plans:#}"
    );
    let whose = |one: &LoggedRequest| one.endpoint == Some(Endpoint::Me);
    vendor.control().until(whose).await;
    host.until(&["jobs", "results"], |listing| {
        let rows = listing["rows"].as_array().unwrap();
        rows.iter().all(|job| job["state"] != "in_progress")
    });
    let asked = vendor.control().requests();
    assert!(
        asked.iter().all(whose),
        "nobody is even looked at: {asked:#?}"
    );
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
