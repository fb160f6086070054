//! People who are never written to: whom the account needs, whom another system manages, and who cannot
//! be told from somebody else.

use jiff::SignedDuration;
use serde_json::Value;
use vendor_sim::aha::{self, PersonChange};
use vendor_sim::goto::{Cast, Kind, LoggedRequest};
use vendor_sim::{AhaSim, AhaSimOptions, GoToSim};

use super::{WRITES, goto_with_idle, press, ready};
use crate::reclaim::{last_reclaim, release_of};
use crate::support::{Host, aha_profile, goto, text};

/// Nobody in this account has a candidate.
fn is_no_candidate(host: &Host, user: &str, why: &str) {
    let listing = host.json(&["candidates", "list", "--user", user]);
    assert_eq!(listing["rows"], Value::Array(Vec::new()), "{user}");
    let profile = host.json(&["status"])["profiles"][0]["name"].clone();
    let explained = host.seatsync(&["explain", profile.as_str().unwrap_or_default(), user]);
    let explained = text(&explained.stdout);
    assert!(explained.contains(why), "{user}: {explained}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_goto_needs_is_not_written_to() {
    let (vendor, mut host, ready) = goto_with_idle(1).await;
    let promoted = &ready[0];
    for (member, why) in [
        (Cast::Admin, "owner"),
        (Cast::SeatManager, "admin"),
        (Cast::Managed, "part of a suite"),
        (Cast::Bundled, "part of a suite"),
        (Cast::Invited, "pending"),
    ] {
        is_no_candidate(&host, &vendor.cast(member).unwrap().email, why);
    }
    // Who became an administrator since the list was read is seen by the look before the write.
    vendor
        .control()
        .change_roles(&promoted.email, &["MANAGE_USERS", "MANAGE_SEATS"]);
    press(&host, &[promoted]);
    release_of(&host, "goto");
    let shown = host.until(&["candidates", "show", &promoted.id], |shown| {
        shown["writes"][0]["state"] == "withdrawn"
    });
    let outcome = shown["writes"][0]["outcome"].as_str().unwrap();
    assert!(outcome.contains("admin of the account"), "{outcome}");
    assert!(!vendor.control().requests().iter().any(LoggedRequest::wrote));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_aha_needs_is_not_written_to() {
    let vendor = AhaSim::start(AhaSimOptions {
        users: 120,
        limits: false,
        ..AhaSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_aha(&vendor);
    host.settings(&format!(
        "connections: {{allowed_hosts: [127.0.0.1]}}\n{WRITES}"
    ));
    let profile = aha_profile(&vendor).replace(
        "connection: aha\n---",
        "connection: aha\nsubflows: {reclaim_subscriptions: {enabled: true}}\nreclamation: {notify_user: false}\n---",
    );
    host.profile("aha.yaml", &profile);
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    for member in [
        aha::Cast::TokenOwner,
        aha::Cast::AccountOwner,
        aha::Cast::SecondAdmin,
        aha::Cast::BillingAdmin,
    ] {
        is_no_candidate(&host, &vendor.cast(member).unwrap().email, "admin");
    }
    let promoted = ready(&host, vendor.cast(aha::Cast::Idle).unwrap().email);
    let change = PersonChange {
        administers_account: Some(true),
        ..PersonChange::default()
    };
    vendor.control().change_person(&promoted.email, change);
    press(&host, &[&promoted]);
    release_of(&host, "aha");
    let shown = host.until(&["candidates", "show", &promoted.id], |shown| {
        shown["writes"][0]["state"] == "withdrawn"
    });
    let outcome = shown["writes"][0]["outcome"].as_str().unwrap();
    assert!(outcome.contains("admin of the account"), "{outcome}");
    assert!(
        !vendor
            .control()
            .requests()
            .iter()
            .any(aha::LoggedRequest::wrote)
    );
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

/// A host of an account in which calls are told by name alone, and where whoever makes none is a candidate.
fn host_of_calls_by_name(vendor: &GoToSim) -> Host {
    vendor.control().grant_only(&[
        "identity:",
        "collab:",
        "support:",
        "cr.v1.read",
        "users.v1.lines.read",
    ]);
    let extra = goto::TAKES_IDLE
        .replace("{enabled: true}", "{enabled: true, goto_connect: true}")
        .replace(
            "notify_user: false",
            "notify_user: false, include_no_activity: true",
        );
    goto::host(vendor, WRITES, &extra)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_people_of_one_name_neither_is_found_idle() {
    let vendor = goto::account().await;
    let silent = vendor.cast(Cast::SilentCaller).unwrap().email;
    let days_ago = vendor.control().now() - SignedDuration::from_hours(24 * 13);
    vendor.control().record(&silent, Kind::Call, days_ago);
    let mut host = host_of_calls_by_name(&vendor);
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    // Somebody whose name is one person's is found by it.
    ready(&host, silent);
    for member in [Cast::Namesake, Cast::OtherNamesake] {
        let email = vendor.cast(member).unwrap().email;
        is_no_candidate(&host, &email, "another holder has the same name");
    }
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_other_capitals_and_blanks_is_the_same_name() {
    let vendor = goto::account().await;
    let (one, two) = ("anna.one@example.com", "anna.two@example.com");
    let other = "anna.three@example.com";
    let days_ago = vendor.control().now() - SignedDuration::from_hours(24 * 2);
    for (email, name) in [
        (one, ("\u{c9}lise Anna  Maria", "DUPR\u{c9}")),
        (two, ("\u{e9}lise anna maria", "Dupre\u{301}")),
        (other, ("\u{c9}lise", "Martin")),
    ] {
        vendor.control().add_person(email, name, &["JIVE"]);
    }
    for caller in [one, other] {
        vendor.control().record(caller, Kind::Call, days_ago);
    }
    let mut host = host_of_calls_by_name(&vendor);
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    let calls = |email: &str| {
        let listed = host.json(&["events", "list", "--user", email]);
        listed["rows"].as_array().unwrap().len()
    };
    for email in [one, two] {
        is_no_candidate(&host, email, "another holder has the same name");
        assert_eq!(calls(email), 0, "{email}: nobody knows whose they are");
    }
    assert_eq!(calls(other), 1);
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
