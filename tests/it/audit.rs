//! The audit log of the real daemon: every decision and write is in it once, and it shows what was done
//! to it.

use rusqlite::Connection;
use serde_json::Value;
use vendor_sim::zoom::Cast;

use super::reclaim::{host, last_reclaim, press, release, vendor};
use super::support::{Host, text};

fn actions(host: &Host, candidate: &str) -> Vec<String> {
    let listing = host.json(&["audit", "list", "--candidate", candidate]);
    let rows = listing["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let word = |name: &str| row["facts"][name].as_str().unwrap_or_default().to_owned();
            format!(
                "{} {}{}",
                row["action"].as_str().unwrap(),
                word("event"),
                word("state")
            )
            .trim()
            .to_owned()
        })
        .collect()
}

fn broken(host: &Host, more: &[&str]) -> String {
    let output = host.seatsync(&[&["audit", "verify"], more].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    text(&output.stdout)
}

fn change(host: &Host, sql: &str) {
    let database = Connection::open(host.path("state").join("seatsync.db")).unwrap();
    database
        .execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened;")
        .unwrap();
    database.execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reclaim_and_its_undo_are_in_the_log_once_and_tampering_shows() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    release(&host);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    host.json(&["undo", &id]);
    assert_eq!(
        actions(&host, &id),
        [
            "candidate_opened",
            "candidate_moved",
            "write_intended",
            "write_ended done",
            "candidate_moved revoked",
            "write_intended",
            "write_ended done",
        ]
    );
    let pressed = host.json(&[
        "audit",
        "list",
        "--user",
        &idle.email,
        "--action",
        "candidate_moved",
    ]);
    let who = pressed["rows"][0]["who"].as_str().unwrap();
    assert!(who.starts_with("uid "), "{who}");
    let verified = host.json(&["audit", "verify"]);
    assert_eq!(verified["broken"], Value::Null);
    let head = format!(
        "{}:{}",
        verified["head"]["seq"],
        verified["head"]["hash"].as_str().unwrap()
    );
    host.until_log("audit head");
    host.json(&["audit", "verify", "--head", &head]);
    let seq = verified["head"]["seq"].as_i64().unwrap();
    assert!(broken(&host, &["--head", &format!("{}:00", seq + 9)]).contains("not in the log"));
    host.stop();

    let whole = std::fs::read(host.path("state").join("seatsync.db")).unwrap();
    let tampered = [
        (
            "UPDATE audit SET who = 'uid 7' WHERE seq = 3",
            "entry 3 was altered",
        ),
        ("DELETE FROM audit WHERE seq = 3", "entry 3 is missing"),
        (
            "UPDATE audit_texts SET text = 'eve@example.com' WHERE seq = 2 AND label = 'email'",
            "the text `email` of entry 2 was altered",
        ),
    ];
    for (sql, said) in tampered {
        std::fs::write(host.path("state").join("seatsync.db"), &whole).unwrap();
        change(&host, sql);
        host.start();
        assert!(broken(&host, &[]).contains(said), "{sql}");
        host.stop();
    }
    std::fs::write(host.path("state").join("seatsync.db"), &whole).unwrap();
    change(&host, &format!("DELETE FROM audit WHERE seq > {}", seq - 1));
    host.start();
    host.json(&["audit", "verify"]);
    assert!(broken(&host, &["--head", &head]).contains("not in the log"));
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_is_in_no_byte_of_the_store_and_the_chain_stays_whole() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    release(&host);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    let refused = host.seatsync(&["forget", &idle.email]);
    assert_eq!(refused.status.code(), Some(0), "{}", text(&refused.stderr));
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    let shown = host.json(&["candidates", "show", &id]);
    assert_eq!(
        (&shown["email"], &shown["state"]),
        (&"".into(), &"closed_complete".into())
    );
    host.stop();
    for entry in std::fs::read_dir(host.path("state")).unwrap() {
        let file = entry.unwrap().path();
        if file.is_dir() {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        for name in [&idle.email, &idle.id] {
            let found = bytes
                .windows(name.len())
                .any(|window| window.eq_ignore_ascii_case(name.as_bytes()));
            assert!(!found, "`{name}` is in {}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_seat_is_not_forgotten() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    host.until_first_run_is_over("zoom");
    let idle = vendor.cast(Cast::Idle).unwrap();
    let refused = host.seatsync(&["forget", &idle.email]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("still holds"),
        "{}",
        text(&refused.stderr)
    );
    assert_eq!(host.stop(), Some(0));
}
