//! Seats of people who left, by a user directory, on the real daemon: found, guarded and taken back.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use seatsync::clock::{Clock as _, SystemClock};
use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::Cast;

use super::reclaim::{host, last_reclaim, press, release, vendor};
use super::support::{Host, text};

/// The address that the directory names for somebody of the account.
fn address(vendor: &ZoomSim, cast: Cast) -> String {
    vendor.cast(cast).unwrap().email
}

/// People who left: one who hosts often, one who is protected, an administrator, and one of whom there are
/// two lines. A program that hosts nothing any more.
fn directory(host: &Host, vendor: &ZoomSim) {
    let line = |cast, here, class| format!("{},{here},{class}\n", address(vendor, cast));
    let lines = [
        line(Cast::InstantOnly, "no", ""),
        line(Cast::SoloOnly, "no", ""),
        line(Cast::SecondAdmin, "no", ""),
        line(Cast::SignsInOnly, "no", ""),
        line(Cast::SignsInOnly, "no", ""),
        line(Cast::LongIdle, "yes", "service"),
    ];
    let file = format!("mail,here,kind\n{}", lines.concat());
    fs::write(host.path("profiles.d/hr.csv"), file).unwrap();
    host.profile(
        "hr.yaml",
        "{kind: UserDirectory, name: hr, file: hr.csv, columns: {email: mail, active: here, class: kind}}\n",
    );
    let protected = address(vendor, Cast::SoloOnly);
    host.profile(
        "company.yaml",
        &format!("{{kind: Exclusions, name: company, protected: [{{user: '{protected}', reason: handover}}]}}\n"),
    );
}

fn candidates(host: &Host, user: &str) -> Vec<Value> {
    let listing = host.json(&["candidates", "list", "--user", user]);
    listing["rows"].as_array().unwrap().clone()
}

/// The verdict on the licensed seat of a user.
fn verdict(host: &Host, user: &str) -> Value {
    let explained = host.json(&["explain", "zoom", user, "--identifier", "zoom.licensed"]);
    explained["verdicts"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_of_somebody_who_left_is_taken_back_however_much_it_was_used() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual, leavers: true");
    directory(&host, &vendor);
    host.start();
    let left = address(&vendor, Cast::InstantOnly);
    let id = press(&host, &left);
    let [candidate] = candidates(&host, &left).try_into().unwrap();
    assert_eq!(candidate["justification"], "left");
    let shown = host.json(&["candidates", "show", &id]).to_string();
    assert!(!shown.contains("awaiting_user"), "{shown}");
    let told = text(&host.seatsync(&["explain", "zoom", &left]).stdout);
    assert!(told.contains("its user left: a candidate"), "{told}");
    assert!(
        told.contains("UserDirectory hr, line 2 of `hr.csv`"),
        "{told}"
    );
    for (cast, fails) in [
        (Cast::SoloOnly, "not_protected"),
        (Cast::SecondAdmin, "not_administrator"),
        (Cast::LongIdle, "held_by_person"),
    ] {
        let user = address(&vendor, cast);
        let verdict = verdict(&host, &user);
        assert_eq!(verdict["fails"], fails, "{cast:?}: {verdict:#}");
        assert_eq!(candidates(&host, &user), [""; 0], "{cast:?}");
    }
    // Of two lines nobody guesses: the seat is judged by its use alone.
    let tie = verdict(&host, &address(&vendor, Cast::SignsInOnly));
    assert_eq!(tie["justification"], "low_usage");
    let idle = candidates(&host, &address(&vendor, Cast::Idle));
    assert_eq!(idle[0]["justification"], "low_usage");

    release(&host);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    let closed = host.json(&["candidates", "show", &id]);
    assert_eq!(closed["state"], "closed_complete");
    let person = vendor.cast(Cast::InstantOnly).unwrap();
    assert_eq!(vendor.control().person(&person.id).unwrap().kind, 1);
    assert_eq!(vendor.control().violations(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_counts_as_having_left_unless_the_rule_and_a_fresh_file_say_so() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    directory(&host, &vendor);
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    let left = address(&vendor, Cast::InstantOnly);
    assert_eq!(candidates(&host, &left), [""; 0]);

    host.profile(
        "rule.yaml",
        "{kind: ReclamationRule, name: licensed, identifiers: [zoom.licensed], notify_user: false, leavers: true, service_accounts: true}\n",
    );
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
    let verdict_now = |user: &str| verdict(&host, user);
    assert_eq!(verdict_now(&left)["fails"], Value::Null);
    let program = address(&vendor, Cast::LongIdle);
    assert_eq!(verdict_now(&program)["fails"], Value::Null);

    let month = Duration::from_hours(30 * 24);
    let old = SystemTime::from(SystemClock.now()) - month;
    let path = host.path("profiles.d/hr.csv");
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(old)
        .unwrap();
    host.seatsync(&["reload", "--wait"]);
    let stale = verdict_now(&left);
    assert_eq!(stale["fails"], "directory_fresh", "{stale:#}");
    let status = text(&host.seatsync(&["status"]).stdout);
    assert!(status.contains("longer ago than `max_age`"), "{status}");

    fs::write(&path, "half a file\n").unwrap();
    host.seatsync(&["reload", "--wait"]);
    assert_eq!(verdict_now(&left)["fails"], "directory_fresh");

    // Who is back is nobody who left.
    let back = format!("mail,here,kind\n{left},yes,\n");
    fs::write(&path, back).unwrap();
    host.profile(
        "hr.yaml",
        "{kind: UserDirectory, name: hr, file: hr.csv, columns: {email: mail, active: here, class: kind}, largest_loss: 100%}\n",
    );
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
    assert_eq!(verdict_now(&left)["justification"], "low_usage");
}
