//! The audit log of the real daemon: every decision and write is in it once, and it shows what was done
//! to it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rusqlite::Connection;
use seatsync::store::Store;
use seatsync::store::audit::AuditAction;
use seatsync::store::retention::Keep;
use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::{Cast, Hosted};

use super::bed::change as change_of_person;
use super::reclaim::{host, last_reclaim, press, release, vendor};
use super::support::agent::post;
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

/// Takes the seat of somebody idle back; the candidate's number.
fn take_back(host: &Host, vendor: &ZoomSim) -> String {
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(host, &idle.email);
    release(host);
    last_reclaim(host, |job| job["counts"]["ended"] == 1);
    id
}

/// `SEQ:HASH` of an entry in a listing.
fn head_of(entry: &Value) -> String {
    format!("{}:{}", entry["seq"], entry["hash"].as_str().unwrap())
}

fn count(host: &Host, sql: &str) -> i64 {
    let database = Connection::open(host.path("state").join("seatsync.db")).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Lets go, on a stopped host, of the entries from before `cutoff`.
async fn let_go_before(host: &Host, cutoff: Timestamp) {
    let long = SignedDuration::from_hours(24 * 3_650);
    let hour = SignedDuration::from_hours(1);
    let keep = Keep {
        subscriptions: long,
        activity: long,
        job_results: long,
        candidates: long,
        audit: hour,
        events: long,
        usage: long,
    };
    let store = Store::open(&host.path("state")).unwrap();
    let now = cutoff + hour;
    store.note_time(now, SignedDuration::ZERO).await.unwrap();
    store.let_go(keep, now, hour).await.unwrap();
    store.close().await;
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
            "PRAGMA foreign_keys = OFF; UPDATE audit SET seq = -3 WHERE seq = 3;
             UPDATE audit SET seq = 3 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = -3",
            "entry 2 does not follow entry 1",
        ),
        (
            "UPDATE audit SET facts = '{}', hash = (SELECT hash FROM audit WHERE seq = 4) WHERE seq = 3",
            "entry 3 was altered",
        ),
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
async fn who_is_known_in_a_removed_profile_alone_is_forgotten_by_the_address_in_any_form() {
    let vendor = vendor().await;
    let idle = vendor.cast(Cast::Idle).unwrap();
    let mut with_accent = change_of_person();
    with_accent.email = Some("\u{c4}rger@example.com".to_owned());
    with_accent.webinar = Some(500);
    vendor
        .control()
        .change_person(&idle.id, with_accent)
        .unwrap();
    // Webinars are told by address; long enough ago.
    let days_ago = vendor.control().now() - SignedDuration::from_hours(24 * 45);
    vendor.control().host(&idle.id, &Hosted::webinar(days_ago));
    let mut host = host(&vendor, "mode: manual, last_activity_threshold: 30d");
    std::fs::write(
        host.path("profiles.d/hr.csv"),
        "mail,boss\nA\u{308}RGER@example.com,\nother@example.com,\u{c4}rger@Example.com\n",
    )
    .unwrap();
    host.profile(
        "hr.yaml",
        "{kind: UserDirectory, name: hr, file: hr.csv, columns: {email: mail, manager: boss}}\n",
    );
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    let as_two = "a\u{308}rger@Example.com";
    let entries = host.json(&["audit", "list", "--user", as_two]);
    assert_eq!(entries["rows"][0]["texts"]["user"], idle.id.as_str());
    let refused = host.seatsync(&["forget", as_two]);
    assert_eq!(refused.status.code(), Some(1));
    std::fs::remove_file(host.path("profiles.d/zoom.yaml")).unwrap();
    host.json(&["reload", "--wait"]);

    let forgotten = host.json(&["forget", as_two]);
    for some in ["seats", "activity", "candidates", "audit_texts", "people"] {
        assert_ne!(forgotten[some], 0, "{some}: {forgotten:#}");
    }
    assert_eq!(host.json(&["forget", as_two])["seats"], 0);
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    host.stop();
    let bytes = std::fs::read(host.path("state/seatsync.db")).unwrap();
    for name in ["\u{c4}rger", "\u{e4}rger", &idle.id] {
        let mut windows = bytes.windows(name.len());
        assert!(!windows.any(|window| window == name.as_bytes()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_whose_seat_aged_out_is_found_by_the_address_in_any_form() {
    let vendor = vendor().await;
    let idle = vendor.cast(Cast::Idle).unwrap();
    let mut with_accent = change_of_person();
    with_accent.email = Some("A\u{308}rger@example.com".to_owned());
    vendor
        .control()
        .change_person(&idle.id, with_accent)
        .unwrap();
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let id = take_back(&host, &vendor);
    host.stop();
    let database = Connection::open(host.path("state").join("seatsync.db")).unwrap();
    database.pragma_update(None, "foreign_keys", true).unwrap();
    database
        .execute(
            "DELETE FROM subscriptions WHERE external_user_id = ?1",
            [&idle.id],
        )
        .unwrap();
    drop(database);
    host.start();
    let as_one = "\u{c4}RGER@example.com";
    let listing = host.json(&["candidates", "list", "--closed", "--user", as_one]);
    assert_eq!(listing["rows"][0]["id"].to_string(), id);
    let forgotten = host.json(&["forget", as_one]);
    assert_eq!(
        (&forgotten["seats"], &forgotten["candidates"]),
        (&0.into(), &1.into())
    );
    assert_eq!(host.json(&["candidates", "show", &id])["email"], "");
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_under_an_earlier_address_are_listed_by_the_one_of_now_too() {
    let vendor = vendor().await;
    let idle = vendor.cast(Cast::Idle).unwrap();
    let mut host = host(&vendor, "mode: manual");
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    let mut married = change_of_person();
    married.email = Some("Married@example.com".to_owned());
    vendor.control().change_person(&idle.id, married).unwrap();
    host.json(&["jobs", "run", "zoom", "--subflow", "download_subscriptions"]);
    let by = |user: &str| {
        let entries = host.json(&[
            "audit",
            "list",
            "--user",
            user,
            "--action",
            "candidate_opened",
        ]);
        entries["rows"].as_array().unwrap().clone()
    };
    host.until(&["audit", "list", "--user", "married@example.com"], |all| {
        all["rows"][0].is_object()
    });
    let entries = by("married@example.com");
    assert_eq!(entries[0]["texts"]["user"], idle.id.as_str());
    let earlier = entries[0]["texts"]["email"].as_str().unwrap();
    assert_ne!(earlier, "Married@example.com");
    assert_eq!(by(earlier), entries);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_listed_from_a_time_or_a_day_on() {
    let mut host = Host::new();
    host.start();
    // Of somebody who is nobody, which is an entry too.
    host.json(&["forget", "nobody@example.com"]);
    let since = |since: &str| host.json(&["audit", "list", "--since", since])["rows"].clone();
    let whole = host.json(&["audit", "list"])["rows"].clone();
    let at: Timestamp = whole[0]["at"].as_str().unwrap().parse().unwrap();
    let day = at.to_zoned(TimeZone::UTC).date();
    assert_eq!(since(&day.to_string()), whole);
    assert_eq!(since(&at.to_string()), whole);
    let none = Value::Array(Vec::new());
    assert_eq!(since(&(day + 1.day()).to_string()), none);
    assert_eq!(since(&(at + 1.hour()).to_string()), none);
    for wrong in ["yesterday", "2026-13-01", "26-11-01", "2026-11-01 08:00"] {
        let refused = host.seatsync(&["audit", "list", "--since", wrong]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("2026-11-01T08:00:00Z"), "{said}");
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_user_of_usage_records_is_forgotten_and_the_records_stay() {
    for in_key in [false, true] {
        let mut host = Host::new();
        host.settings(&format!("usage: {{include_user_in_key: {in_key}}}\n"));
        host.start();
        let (gone, stays) = ("ab".repeat(16), "cd".repeat(16));
        let used = |device: u32, user: &str| {
            format!(
                r#"{{"configuration_item":"{device:032x}","norm_product":"{:032x}","reclamation_type":"last_used_date","last_used_time":"2026-01-05 08:00:00","user":"{user}"}}"#,
                7
            )
        };
        let mut agent = UnixStream::connect(host.path("run/usage.sock")).unwrap();
        let items = [
            used(1, &gone),
            used(2, &gone),
            used(3, &stays),
            used(1, &stays),
        ];
        // Without the user in the key, the last item is another report of the first one's record.
        let items = &items[..if in_key { 4 } else { 3 }];
        post(&mut agent, items).unwrap();
        let before = host.json(&["usage", "list"]);
        let forgotten = host.json(&["forget", &gone.to_uppercase()]);
        assert_eq!(forgotten["usage_records"], 2, "{forgotten:#}");
        let after = host.json(&["usage", "list"]);
        let (before, after) = (
            before["rows"].as_array().unwrap(),
            after["rows"].as_array().unwrap(),
        );
        assert_eq!(after.len(), items.len(), "every record stays: {after:#?}");
        let users = |user: &str| after.iter().filter(|row| row["user"] == user).count();
        assert_eq!((users(&gone), users(&stays)), (0, items.len() - 2));
        let same_ids = before
            .iter()
            .all(|old| after.iter().any(|new| new["sys_id"] == old["sys_id"]));
        assert_eq!(same_ids, !in_key, "the id is a digest of the key");
        let listing = host.json(&["audit", "list", "--action", "user_forgotten"]);
        assert_eq!(
            listing["rows"][0]["facts"]["usage_records"], 2,
            "{listing:#}"
        );
        assert_eq!(host.json(&["forget", &gone])["usage_records"], 0);

        // The record is found again by its key, and the user who reports anew is known anew.
        post(&mut agent, &[used(2, &gone)]).unwrap();
        let again = host.json(&["usage", "list"]);
        let expected = items.len() + usize::from(in_key);
        assert_eq!(again["rows"].as_array().unwrap().len(), expected);
        host.json(&["forget", &gone]);
        host.stop();
        let bytes = std::fs::read(host.path("state/usage.db")).unwrap();
        assert!(
            !bytes.windows(16).any(|window| window == [0xab; 16]),
            "in free space too"
        );
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
        text(&refused.stderr).contains("still has seats"),
        "{}",
        text(&refused.stderr)
    );
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_aged_out_is_told_as_that_and_the_chain_goes_on() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    take_back(&host, &vendor);
    let listing = host.json(&["audit", "list", "--limit", "1000"]);
    let rows = listing["rows"].as_array().unwrap();
    let (first, last) = (rows.first().unwrap(), rows.last().unwrap());
    host.stop();
    let cutoff: Timestamp = last["at"].as_str().unwrap().parse().unwrap();
    let_go_before(&host, cutoff).await;

    host.start();
    let first_kept = host.json(&["audit", "list"])["rows"][0].clone();
    assert!(first_kept["seq"].as_i64() > first["seq"].as_i64());
    assert_eq!(
        count(
            &host,
            "SELECT count(*) FROM audit_texts WHERE seq NOT IN (SELECT seq FROM audit)"
        ),
        0,
        "texts of entries that are gone"
    );
    host.json(&["audit", "verify", "--head", &head_of(last)]);
    let said = broken(&host, &["--head", &head_of(first)]);
    assert!(said.contains("aged out"), "{said}");
    assert!(!said.contains("BROKEN") && !said.contains("cut"), "{said}");
    // Of the last one that went, the hash is still known.
    let gone = first_kept["seq"].as_i64().unwrap() - 1;
    let went = rows.iter().find(|row| row["seq"] == gone).unwrap();
    host.json(&["audit", "verify", "--head", &head_of(went)]);
    let said = broken(&host, &["--head", &format!("{gone}:00")]);
    assert!(said.contains("cut or written anew"), "{said}");

    host.json(&["reload", "--wait", "--allow-empty"]);
    let verified = host.json(&["audit", "verify"]);
    assert_eq!(verified["broken"], Value::Null, "{verified:#}");
    assert!(verified["head"]["seq"].as_i64() > last["seq"].as_i64());
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgetting_empties_the_texts_and_leaves_the_hashes() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let id = take_back(&host, &vendor);
    let of_candidate = ["audit", "list", "--candidate", &id];
    let before = host.json(&of_candidate);
    assert!(before["rows"][0]["texts"]["email"].is_string());
    let idle = vendor.cast(Cast::Idle).unwrap();
    host.json(&["forget", &idle.email]);
    let after = host.json(&of_candidate);
    let pairs = before["rows"].as_array().unwrap().iter();
    for (before, after) in pairs.zip(after["rows"].as_array().unwrap()) {
        assert_eq!(head_of(before), head_of(after));
        assert_eq!(before["facts"], after["facts"]);
        assert_eq!(after["texts"], serde_json::json!({}), "{after:#}");
    }
    let listing = host.json(&["audit", "list", "--action", "user_forgotten"]);
    let who = listing["rows"][0]["who"].as_str().unwrap();
    assert!(who.starts_with("uid "), "{who}");
    host.json(&["audit", "verify", "--head", &head_of(&listing["rows"][0])]);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_of_entry_that_is_none_is_refused_with_those_there_are() {
    let mut host = Host::new();
    host.start();
    let refused = host.seatsync(&["audit", "list", "--action", "write_end"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    for known in [
        "`write_end`",
        "write_ended",
        "candidate_opened",
        "user_forgotten",
    ] {
        assert!(said.contains(known), "{said}");
    }
    let mut socket = UnixStream::connect(host.path("run/control.sock")).unwrap();
    let request = "GET /v1/audit?action=write_end HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("write_ended"), "{answer}");
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_finds_the_seat_back_already_is_in_the_log() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let id = take_back(&host, &vendor);
    let idle = vendor.cast(Cast::Idle).unwrap();
    let mut licensed = change_of_person();
    licensed.kind = Some(2);
    vendor.control().change_person(&idle.id, licensed).unwrap();
    let undone = host.json(&["undo", &id]);
    assert_eq!(undone["restored"][0]["ok"], true, "{undone:#}");
    let listing = host.json(&["audit", "list", "--candidate", &id]);
    let last = listing["rows"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["action"], "found_held", "{listing:#}");
    assert!(
        last["who"].as_str().unwrap().starts_with("uid "),
        "{last:#}"
    );
    assert_eq!(last["texts"]["email"], idle.email.as_str());
    let shown = host.json(&["candidates", "show", &id]);
    assert_eq!(last["facts"]["kept_until"], shown["kept_until"]);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn every_kind_of_entry_is_documented() {
    let documented = std::fs::read_to_string("docs/audit.md").unwrap();
    for action in AuditAction::ALL {
        let word = format!("`{}`", action.as_str());
        assert!(documented.contains(&word), "{word} is not in docs/audit.md");
    }
}
