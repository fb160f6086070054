//! What the Python agent does when the daemon, or its input, says no: what can never be stored steps
//! aside, what may be later is tried again, and nothing is lost.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::relay::{Fate, Relay};
use super::{Agent, records};
use crate::support::programs::{both, has, repository};

#[test]
fn records_that_are_not_accepted_are_kept_with_their_errors() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let mut batch = records(3);
    batch[1]["configuration_item"] = json!("laptop-7");
    let bad = batch[1].clone();
    batch.push(json!("no record"));
    let ran = agent.run(&agent.host.usage_socket(), &[&agent.file(&batch)]);
    assert_eq!(ran.status.code(), Some(65), "{}", both(&ran));
    let rejected = agent.rejected();
    assert_eq!(rejected.len(), 2);
    assert_eq!(rejected[0].0, bad);
    assert_eq!(rejected[0].1[0]["error"], "INVALID_REFERENCE");
    assert_eq!(rejected[1].1[0]["error"], "INVALID_ITEM");
    assert!(agent.spooled("new").is_empty());
    assert_eq!(agent.host.usage_records().len(), 2);
}

#[test]
fn one_record_that_refuses_its_batch_holds_up_no_other() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.settings("usage: {strict_batches: true}\n");
    agent.host.start();
    let mut batch = records(9);
    batch[4]["norm_product"] = json!("");
    // Good JSON to Python, none to the daemon.
    let surrogate = r#"{"reclamation_type":"\ud800"}"#;
    let file = agent.host.path("records.json");
    let lines: Vec<String> = batch.iter().map(Value::to_string).collect();
    fs::write(&file, format!("{}\n{surrogate}\n", lines.join("\n"))).unwrap();
    let ran = agent.run(&agent.host.usage_socket(), &[&file.to_string_lossy()]);
    assert_eq!(ran.status.code(), Some(65), "{}", both(&ran));
    assert_eq!(agent.host.usage_records().len(), 8);
    let files = agent.spooled("rejected");
    let kept: String = files
        .iter()
        .map(|f| fs::read_to_string(f).unwrap())
        .collect();
    assert_eq!(kept.lines().count(), 2, "{kept}");
    assert!(
        kept.contains("1 of 1 items rejected: `norm_product`"),
        "{kept}"
    );
    assert!(kept.contains("surrogate"), "{kept}");
}

#[test]
fn a_file_that_holds_no_records_is_told_and_holds_up_nothing() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let good = agent.file(&records(2));
    let broken = agent.host.path("broken.json");
    for content in [
        "",
        "{\"a\": NaN}",
        "[1e400]",
        "{\"a\":1,\"a\":2}",
        "5",
        "{\"items\":[{}",
    ] {
        fs::write(&broken, content).unwrap();
        let ran = agent.run(
            &agent.host.usage_socket(),
            &[&broken.to_string_lossy(), &good],
        );
        assert_eq!(ran.status.code(), Some(65), "{content}: {}", both(&ran));
        assert!(
            both(&ran).contains("nothing of it was spooled"),
            "{}",
            both(&ran)
        );
        assert!(both(&ran).contains("2 records delivered"), "{}", both(&ran));
    }
}

#[test]
fn a_full_daemon_is_tried_again_as_it_asks() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let socket = agent.host.usage_socket();
    let crowd: Vec<UnixStream> = (0..64)
        .map(|_| UnixStream::connect(&socket).unwrap())
        .collect();
    let ran = agent.run(&socket, &["--once", &agent.file(&records(2))]);
    assert_eq!(ran.status.code(), Some(75), "{}", both(&ran));
    assert!(
        both(&ran).contains("503: Service unavailable"),
        "{}",
        both(&ran)
    );
    assert!(both(&ran).contains("it asks to wait 1 s"), "{}", both(&ran));
    drop(crowd);
    // The daemon may not have seen all of them go yet.
    agent.deliver(&[]);
    assert_eq!(agent.host.usage_records().len(), 2);
}

/// Runs the agent without its waits, and prints them.
const WITHOUT_WAITS: &str = "
import json, sys
sys.path.insert(0, sys.argv[1])
import seatsync_agent
waits = []
seatsync_agent.pause = waits.append
code = seatsync_agent.main(sys.argv[2:])
json.dump({'code': code, 'waits': waits}, sys.stdout)
";

#[test]
fn waits_grow_and_are_never_shorter_than_asked() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let fates = [
        Fate::Answer("HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"),
        Fate::Answer("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"),
        Fate::Answer("HTTP/1.1 429 X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
        Fate::LoseAnswer,
        Fate::Answer("HTTP/1.1 408 X\r\nRetry-After: nonsense\r\nContent-Length: 0\r\n\r\n"),
        Fate::Answer("no HTTP at all\r\n\r\n"),
        Fate::Pass,
        Fate::Answer(
            "HTTP/1.1 503 X\r\nRetry-After: Sat, 01 Jan 2400 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
        ),
    ];
    let relay = Relay::start(&agent.host, fates);
    let run = || -> (Value, Vec<f64>) {
        let ran = Command::new("python3")
            .args(["-B", "-c", WITHOUT_WAITS])
            .arg(repository("examples/agents"))
            .arg("--spool")
            .arg(agent.host.path("spool"))
            .arg("--socket")
            .arg(&relay.socket)
            .arg(agent.file(&records(2)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told: Value =
            serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", both(&ran)));
        let waits = told["waits"].as_array().unwrap().iter();
        (
            told["code"].clone(),
            waits.map(|wait| wait.as_f64().unwrap()).collect(),
        )
    };
    let (code, waits) = run();
    assert_eq!(code, 0);
    let bounds = [
        (7.0, 7.0),
        (1.0, 2.0),
        (2.0, 4.0),
        (4.0, 8.0),
        (8.0, 16.0),
        (16.0, 32.0),
    ];
    assert_eq!(waits.len(), bounds.len(), "{waits:?}");
    for (wait, (least, most)) in waits.iter().zip(bounds) {
        assert!((least..=most).contains(wait), "{waits:?}");
    }
    let (code, waits) = run();
    assert_eq!(
        (code, waits),
        (json!(75), vec![]),
        "longer than its patience"
    );
}

#[test]
fn who_may_not_push_is_told_what_is_missing_and_loses_nothing() {
    if !has("python3") {
        return;
    }
    let agent = Agent::new();
    let forbidden = "HTTP/1.1 403 X\r\nContent-Length: 105\r\n\r\n{\"error\":{\"message\":\"User Not Authorized\",\"detail\":\"Failed API level ACL Validation\"},\"status\":\"failure\"}";
    let strange = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n{\"result\":{\"reply\":{\"items\":[]},\"message\":1}}";
    let relay = Relay::start(&agent.host, [forbidden, strange, short].map(Fate::Answer));
    for (code, said) in [
        (77, "`seatsync-usage`"),
        (78, "taken for delivered"),
        (78, "taken for delivered"),
    ] {
        let ran = agent.run(&relay.socket, &[]);
        assert_eq!(
            ran.status.code(),
            Some(0),
            "nothing to send: {}",
            both(&ran)
        );
        let ran = agent.run(&relay.socket, &[&agent.file(&records(2))]);
        assert_eq!(ran.status.code(), Some(code), "{}", both(&ran));
        assert!(both(&ran).contains(said), "{}", both(&ran));
        assert_eq!(agent.spooled("new").len(), 1);
        fs::remove_file(&agent.spooled("new")[0]).unwrap();
    }
}
