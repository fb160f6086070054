//! The Python agent delivers once and whole, whoever is killed and whatever is lost.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::relay::{Fate, Relay};
use super::{Agent, counted, records};
use crate::support::programs::{both, has};

#[test]
fn what_is_spooled_waits_for_a_daemon_that_is_down() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    let socket = agent.host.usage_socket();
    let ran = agent.run(&socket, &["--once", &agent.file(&records(5))]);
    assert_eq!(ran.status.code(), Some(75), "{}", both(&ran));
    assert!(both(&ran).contains("no answer on"), "{}", both(&ran));
    let ran = agent.run(&socket, &["--once", &agent.file(&[counted(1)])]);
    assert_eq!(ran.status.code(), Some(75), "{}", both(&ran));
    assert_eq!(agent.spooled("new").len(), 2);
    agent.host.start();
    agent.deliver(&["--once"]);
    assert_eq!(agent.host.usage_records().len(), 6);
    assert!(agent.spooled("new").is_empty());
    // Nothing is left to send, and that is well.
    agent.deliver(&["--once"]);
}

#[test]
fn an_agent_killed_before_its_answer_sends_again_and_nothing_is_there_twice() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let relay = Relay::start(&agent.host, [Fate::HoldAnswer]);
    let child = agent.spawn(&relay.socket, &[&agent.file(&records(5))]);
    relay.body();
    child.kill();
    let stored = agent.host.usage_records();
    assert_eq!(stored.len(), 5, "the daemon had all of it");
    assert_eq!(agent.spooled("new").len(), 1, "the agent does not know");
    agent.deliver(&[]);
    let again = agent.host.usage_records();
    let ids = |rows: &[Value]| -> Vec<Value> { rows.iter().map(|r| r["sys_id"].clone()).collect() };
    assert_eq!(ids(&again), ids(&stored));
    assert!(agent.spooled("new").is_empty());
}

#[test]
fn an_agent_killed_in_mid_request_loses_nothing() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let relay = Relay::start(&agent.host, [Fate::HoldRequest]);
    let child = agent.spawn(&relay.socket, &[&agent.file(&records(500))]);
    relay.body();
    child.kill();
    assert!(agent.host.usage_records().is_empty());
    agent.deliver(&[]);
    assert_eq!(agent.host.usage_records().len(), 500);
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let relay = Relay::start(
        &agent.host,
        [Fate::LoseAnswer, Fate::LoseAnswer, Fate::Pass],
    );
    let ran = agent.run(&relay.socket, &[&agent.file(&records(5))]);
    assert_eq!(ran.status.code(), Some(0), "{}", both(&ran));
    let first = relay.body();
    assert_eq!(first, relay.body());
    assert_eq!(first, relay.body());
    assert_eq!(agent.host.usage_records().len(), 5);
    assert!(agent.spooled("new").is_empty());
}

#[test]
fn a_later_report_arrives_later() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    let nowhere = agent.host.path("nowhere.sock");
    // An older one that says that it is from the future, as after a clock was set back.
    for count in 1..=3 {
        agent.run(&nowhere, &["--once", &agent.file(&[counted(count)])]);
        if count == 1 {
            let first = agent.spooled("new").remove(0);
            fs::rename(&first, first.with_file_name("09999999999999999999-1.json")).unwrap();
        }
    }
    assert_eq!(agent.spooled("new").len(), 3);
    agent.host.start();
    agent.deliver(&[]);
    assert_eq!(agent.host.usage_records()[0]["usage_count"], 3);
}

#[test]
fn batches_are_bounded_by_number_and_by_bytes() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let relay = Relay::start(&agent.host, [Fate::Pass, Fate::Pass, Fate::Pass]);
    let ran = agent.run(
        &relay.socket,
        &["--max-items", "2", &agent.file(&records(5))],
    );
    assert_eq!(ran.status.code(), Some(0), "{}", both(&ran));
    let counts = [(); 3].map(|()| {
        let body: Value = serde_json::from_slice(&relay.body()).unwrap();
        body["items"].as_array().unwrap().len()
    });
    assert_eq!(counts, [2, 2, 1]);

    let mut large = records(3000);
    for record in &mut large {
        record["u_note"] = json!("x".repeat(3900));
    }
    let mut too_large = records(1);
    too_large[0]["u_note"] = json!("x".repeat(11 << 20));
    large.extend(too_large);
    let relay = Relay::start(&agent.host, [Fate::Pass, Fate::Pass]);
    let ran = agent.run(
        &relay.socket,
        &["--max-items", "100000", &agent.file(&large)],
    );
    assert_eq!(ran.status.code(), Some(65), "{}", both(&ran));
    for _ in 0..2 {
        assert!(relay.body().len() <= 10 << 20);
    }
    assert_eq!(agent.host.usage_records().len(), 3000);
    assert_eq!(agent.rejected()[0].1[0]["error"], "TOO_LARGE");
}

#[test]
fn two_runs_do_not_send_at_once() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let relay = Relay::start(&agent.host, [Fate::HoldAnswer]);
    let first = agent.spawn(&relay.socket, &[&agent.file(&records(2))]);
    relay.body();
    let second = agent.run(&agent.host.usage_socket(), &[&agent.file(&records(4))]);
    assert_eq!(second.status.code(), Some(75), "{}", both(&second));
    assert!(
        both(&second).contains("another run is sending"),
        "{}",
        both(&second)
    );
    first.kill();
    assert_eq!(agent.spooled("new").len(), 2, "both are still there");
    agent.deliver(&[]);
    assert_eq!(agent.host.usage_records().len(), 4);
}

#[test]
fn records_are_on_the_disk_before_they_are_sent_and_until_they_are_answered() {
    if !has("python3") || !has("strace") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let trace = agent.host.path("trace");
    let command = agent.command(&agent.host.usage_socket(), &[&agent.file(&records(2))]);
    let calls = "trace=fsync,rename,renameat,renameat2,connect,recvfrom,read,unlink,unlinkat";
    let traced = Command::new("strace")
        .args(["-qq", "-y", "-e", "signal=none", "-e", calls, "-o"])
        .arg(&trace)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if both(&traced).contains("Operation not permitted") {
        eprintln!("SKIP: strace may not trace here");
        return;
    }
    assert!(traced.status.success(), "{}", both(&traced));
    let seen = fs::read_to_string(&trace).unwrap();
    let mut rest = seen.lines();
    let steps: [&[&str]; 7] = [
        &["fsync(", "/spool/new/.", "= 0"],
        &["rename", "/spool/new/.", "= 0"],
        &["fsync(", "/spool/new>", "= 0"],
        &["connect(", "usage.sock"],
        &["recvfrom(", "HTTP/1.1 200"],
        &["unlink", "/spool/new/", "= 0"],
        &["fsync(", "/spool/new>", "= 0"],
    ];
    for step in steps {
        assert!(
            rest.any(|line| step.iter().all(|part| line.contains(part))),
            "{step:?} is not there, or too early:\n{}",
            seen.lines()
                .filter(|line| line.contains("spool") || line.contains("sock"))
                .collect::<Vec<_>>()
                .join("\n")
        );
    }
}
