//! Backups of the real daemon: whole, or not there; and what comes back writes nothing before it knows
//! what happened since.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, When};

use super::reclaim::{host, last_reclaim, press, release, vendor};
use super::support::agent::{item, post};
use super::support::{Host, SEATSYNC, text};

/// Takes a backup of a running daemon.
fn back_up(host: &Host, name: &str) -> PathBuf {
    let out = host.path(name);
    let taken = host.seatsync(&["backup", "--out", out.to_str().unwrap()]);
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    out
}

/// Puts a backup into `state`.
fn restore(from: &Path, state: &Path, more: &[&str]) -> Output {
    Command::new(SEATSYNC)
        .arg("restore")
        .arg(from)
        .arg("--state")
        .arg(state)
        .args(more)
        .output()
        .unwrap()
}

fn check(state: &Path) -> Output {
    Command::new(SEATSYNC)
        .args(["db", "check", "--format", "json", "--state"])
        .arg(state)
        .output()
        .unwrap()
}

/// The databases of a state directory with their logs, by name.
fn files(state: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(state).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.file_name().to_string_lossy().contains(".db"))
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Lets every list of users fail.
fn vendor_is_down(vendor: &vendor_sim::ZoomSim) {
    vendor.control().set_fault(Fault {
        name: "down".to_owned(),
        when: When {
            endpoint: Some(Endpoint::ListUsers),
            path: None,
            method: None,
            user: None,
            query: BTreeMap::new(),
            later_page: None,
        },
        skip: 0,
        count: None,
        action: Action::Html {
            status: 503,
            after_effect: false,
        },
    });
}

/// The verdict of a guard in the plan of `zoom`.
fn guard(plans: &Value, name: &str) -> Value {
    let guards = plans[0]["guards"].as_array();
    let found = guards.and_then(|all| all.iter().find(|report| report["guard"] == name));
    found.cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_comes_back_whole_and_writes_nothing_before_the_vendor_was_asked() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, &[item(1, 1, 3), item(1, 2, 4)]).unwrap();
    let idle = vendor.cast(Cast::Idle).unwrap();
    let id = press(&host, &idle.email);
    let out = back_up(&host, "a.tar");
    assert_eq!(
        fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut archive = tar::Archive::new(fs::File::open(&out).unwrap());
    let members = archive.entries().unwrap().map(Result::unwrap);
    let names: Vec<PathBuf> = members
        .map(|member| member.path().unwrap().into_owned())
        .collect();
    let wanted = ["manifest.json", "seatsync.db", "usage.db"].map(PathBuf::from);
    assert_eq!(names, wanted, "the key is not in it");
    assert_eq!(unfinished(&out), 0);
    assert!(!host.path("state/staging/backup-seatsync.db").exists());
    // After the backup, more comes and a seat is taken back.
    post(&mut agent, &[item(2, 1, 9)]).unwrap();
    release(&host);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);

    let again = host.seatsync(&["backup", "--out", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is already there"));
    let state = host.path("state");
    let refused = restore(&out, &state, &["--force"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("in use by another seatsync"), "{said}");
    assert_eq!(host.stop(), Some(0));
    let refused = restore(&out, &state, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("is there already: give `--force`"), "{said}");

    let restored = restore(&out, &state, &["--force"]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    vendor_is_down(&vendor);
    vendor.control().clear_requests();
    host.start();
    let counts: Vec<i64> = host
        .usage_records()
        .iter()
        .map(|record| record["usage_count"].as_i64().unwrap())
        .collect();
    assert_eq!(counts, [3, 4], "as it was when the backup was taken");
    let shown = host.json(&["candidates", "show", &id]);
    assert_eq!(shown["state"], "awaiting_revocation", "{shown:#}");
    let plans = host.until(&["plan", "--seats", "zoom"], |plans| {
        guard(plans, "restored")["verdict"] == "holds"
    });
    assert_eq!(plans[0]["held"], true);
    let told = guard(&plans, "restored")["value"].to_string();
    assert!(
        told.contains("before the connection is validated"),
        "{told}"
    );

    vendor.control().clear_faults();
    host.until(&["plan", "--seats", "zoom"], |plans| {
        guard(plans, "restored")["verdict"] == "passes"
    });
    for request in vendor.control().requests() {
        assert!(!request.wrote(), "{request:?}");
    }
    let entries = host.json(&["audit", "list", "--action", "backup_restored"]);
    assert_eq!(entries["rows"].as_array().unwrap().len(), 1);
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    let checked = host.json(&["db", "check"]);
    assert_eq!(checked["files"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_a_person_looks_at_the_first_plan_again() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    press(&host, &idle.email);
    release(&host);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    // What is pressed next would be written at once: a plan was acted on before.
    let stop = host.path("stop-writes");
    fs::write(&stop, "").unwrap();
    let ready = host.json(&["candidates", "list", "--state", "ready"]);
    host.json(&["candidates", "reclaim", &ready["rows"][0]["id"].to_string()]);
    let out = back_up(&host, "a.tar");
    assert_eq!(host.stop(), Some(0));
    let restored = restore(&out, &host.path("state"), &["--force"]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    fs::remove_file(&stop).unwrap();
    vendor.control().clear_requests();
    host.start();
    let plans = host.until(&["plan", "--seats", "zoom"], |plans| {
        guard(plans, "restored")["verdict"] == "passes"
    });
    assert_eq!(guard(&plans, "trip_wire")["verdict"], "holds", "{plans:#}");
    last_reclaim(&host, |job| job["state"] == "completed");
    for request in vendor.control().requests() {
        assert!(!request.wrote(), "{request:?}");
    }
}

#[test]
fn a_backup_that_was_cut_or_changed_is_refused_and_nothing_is_touched() {
    let mut host = Host::new();
    host.start();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, &[item(1, 1, 3)]).unwrap();
    let out = back_up(&host, "a.tar");
    assert_eq!(host.stop(), Some(0));
    let state = host.path("state");
    let before = files(&state);
    let whole = fs::read(&out).unwrap();
    let refuse = |bytes: &[u8], what: &str| {
        let path = host.path("cut.tar");
        fs::write(&path, bytes).unwrap();
        let refused = restore(&path, &state, &["--force"]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{what}: {said}");
        assert!(
            said.contains("is damaged") || said.contains("is no backup"),
            "{what}: {said}"
        );
        assert!(files(&state) == before, "{what}");
        assert!(!state.join("restored").exists(), "{what}");
    };
    // The last 1024 bytes say that it ends, and before them the last file is filled up to a block.
    let end = whole.len() - 1024 - 512;
    let cuts = (0..20)
        .map(|part| end / 20 * part)
        .chain([1, 511, 700, end]);
    for cut in cuts {
        refuse(&whole[..cut], &format!("cut at {cut}"));
    }
    for at in [600, 1_600, end / 2, end] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refuse(&changed, &format!("changed at {at}"));
    }
    let elsewhere = host.path("elsewhere");
    assert!(restore(&out, &elsewhere, &[]).status.success());
    assert!(check(&elsewhere).status.success());
}

/// How many files stand beside a backup that are not whole yet.
fn unfinished(out: &Path) -> usize {
    let is_of_it = |name: &str| name.starts_with(".a.tar.") && name.ends_with(".partial");
    let beside = fs::read_dir(out.parent().unwrap()).unwrap();
    let names = beside.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| is_of_it(name)).count()
}

#[test]
fn a_backup_that_is_killed_leaves_no_file_of_its_name() {
    let mut host = Host::new();
    host.start();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    for batch in 0..40 {
        let items: Vec<String> = (0..1_000).map(|number| item(batch, number, 1)).collect();
        post(&mut agent, &items).unwrap();
    }
    let out = host.path("a.tar");
    let begin = || {
        Command::new(SEATSYNC)
            .args(["backup", "--out"])
            .arg(&out)
            .arg("--runtime")
            .arg(host.path("run"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut cut = begin();
    let theirs = host.path("a.tar.partial");
    fs::write(&theirs, "somebody's own").unwrap();
    while unfinished(&out) == 0 {
        assert!(cut.try_wait().unwrap().is_none(), "it ended too early");
    }
    cut.kill().unwrap();
    cut.wait().unwrap();
    assert!(!out.exists());
    // The one that was cut may still be under way in the daemon.
    let mut taken = false;
    for _ in 0..1_000 {
        taken = begin().wait().unwrap().success();
        if taken {
            break;
        }
    }
    assert!(taken, "{}", host.log());
    assert_eq!(fs::read(&theirs).unwrap(), b"somebody's own");

    // The daemon is killed while it makes one: nothing is left after its next start.
    fs::remove_file(&out).unwrap();
    let mut cut = begin();
    while !host.path("state/staging/backup-seatsync.db").exists()
        && !host.path("state/staging/backup-usage.db").exists()
    {
        if cut.try_wait().unwrap().is_some() {
            break;
        }
    }
    host.kill();
    assert!(!cut.wait().unwrap().success() || out.exists());
    host.start();
    host.until(&["status"], |_| {
        !host.path("state/staging/backup-seatsync.db").exists()
            && !host.path("state/staging/backup-usage.db").exists()
    });
    assert_eq!(host.usage_records().len(), 10_000, "and more");
}

#[test]
fn a_check_finds_what_is_wrong_with_a_database() {
    let mut host = Host::new();
    host.start();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    let items: Vec<String> = (0..1_000).map(|number| item(1, number, 1)).collect();
    post(&mut agent, &items).unwrap();
    let sound = host.seatsync(&["db", "check"]);
    assert!(sound.status.success(), "{}", text(&sound.stdout));
    host.kill();
    let state = host.path("state");
    assert!(
        check(&state).status.success(),
        "with a log that is not moved yet"
    );

    let own = Connection::open(state.join("seatsync.db")).unwrap();
    own.execute_batch(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO standings (profile_id, published_since) VALUES (77, 1);",
    )
    .unwrap();
    drop(own);
    let lost = check(&state);
    assert_eq!(lost.status.code(), Some(1));
    assert!(text(&lost.stdout).contains("of `standings` refers to a row of `profiles`"));

    drop(Connection::open(state.join("usage.db")).unwrap());
    let usage = state.join("usage.db");
    Connection::open(&usage)
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let mut bytes = fs::read(&usage).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&usage, &bytes).unwrap();
    let damaged: Value = serde_json::from_slice(&check(&state).stdout).unwrap();
    assert_eq!(damaged["files"][1]["name"], "usage.db");
    assert_ne!(damaged["files"][1]["findings"], serde_json::json!([]));
    fs::remove_file(&usage).unwrap();
    let gone = check(&state);
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stdout).contains("is this the state directory"));
}

#[test]
fn a_restore_that_was_cut_is_finished_by_the_next_start() {
    let mut host = Host::new();
    host.start();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, &[item(1, 1, 3)]).unwrap();
    let out = back_up(&host, "a.tar");
    post(&mut agent, &[item(1, 2, 3)]).unwrap();
    host.kill();
    let state = host.path("state");
    // As a restore leaves it that is cut after its first file came into its place.
    let new = host.path("new");
    assert!(restore(&out, &new, &[]).status.success());
    let whole = state.join("restored");
    fs::create_dir(&whole).unwrap();
    for log in ["seatsync.db-wal", "seatsync.db-shm"] {
        let _ = fs::remove_file(state.join(log));
    }
    fs::rename(new.join("seatsync.db"), state.join("seatsync.db")).unwrap();
    fs::rename(new.join("usage.db"), whole.join("usage.db")).unwrap();
    // And what one leaves that was cut before.
    fs::create_dir(state.join("restoring")).unwrap();
    fs::write(state.join("restoring/usage.db"), b"half").unwrap();
    host.start();
    assert_eq!(host.usage_records().len(), 1);
    assert!(!whole.exists() && !state.join("restoring").exists());
    assert!(host.log().contains("a restore that was cut was finished"));
}

/// What the databases of a state directory are of: records of agents, and documents of that name.
fn knows(state: &Path, document: &str) -> (i64, i64) {
    let count = |file: &str, sql: &str| -> i64 {
        let database = Connection::open(state.join(file)).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    (
        count("usage.db", "SELECT count(*) FROM usage_record"),
        count(
            "seatsync.db",
            &format!("SELECT count(*) FROM documents WHERE name = '{document}'"),
        ),
    )
}

/// Calls by which a restore changes what is on the disk, but for the pages that it writes: strace ends the
/// command before one of them.
const CHANGES: &str = "?mkdir,?mkdirat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?rmdir,fsync,fdatasync,ftruncate";

#[test]
fn a_restore_that_is_killed_anywhere_leaves_all_or_nothing() {
    let probe = Command::new("strace")
        .args(["-qq", "-e", "trace=none", "true"])
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("SKIP: strace is not installed, or may not trace here");
        return;
    }
    let mut host = Host::new();
    host.start();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, &[item(1, 1, 3)]).unwrap();
    let out = back_up(&host, "a.tar");
    post(&mut agent, &[item(1, 2, 3)]).unwrap();
    host.profile("later.yaml", "kind: Exclusions\nname: later\n");
    let reloaded = host.seatsync(&["reload", "--wait"]);
    assert!(reloaded.status.success(), "{}", text(&reloaded.stderr));
    host.kill();
    let before = host.path("state");
    assert_eq!(knows(&before, "later"), (2, 1));
    let empty = host.path("empty");
    fs::create_dir(&empty).unwrap();

    let (mut kept, mut restored) = (0, 0);
    for call in 1.. {
        let state = host.path(&format!("state-{call}"));
        fs::create_dir(&state).unwrap();
        for file in fs::read_dir(&before).unwrap().map(Result::unwrap) {
            if file.path().is_file() {
                fs::copy(file.path(), state.join(file.file_name())).unwrap();
            }
        }
        let ended = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("inject={CHANGES}:signal=KILL:when={call}"))
            .args([SEATSYNC, "restore", "--force", "--state"])
            .args([&state, &out])
            .output()
            .unwrap();
        // The next daemon on it.
        Command::new(SEATSYNC)
            .args(["run", "--once", "--state"])
            .arg(&state)
            .arg("--profiles")
            .arg(&empty)
            .output()
            .unwrap();
        assert!(check(&state).status.success(), "killed at change {call}");
        match knows(&state, "later") {
            (2, 1) => kept += 1,
            (1, 0) => restored += 1,
            mixed => panic!("killed at change {call}, it has {mixed:?}"),
        }
        assert!(!state.join("restored").exists() && !state.join("restoring").exists());
        fs::remove_dir_all(&state).unwrap();
        if ended.status.success() {
            break;
        }
    }
    assert!(kept > 5 && restored > 3, "{kept} before, {restored} after");
}
