//! The curl script.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::relay::{Fate, Relay};
use super::{Agent, records};
use crate::support::programs::{both, has, printed, repository};
use crate::support::text;

/// The curl script on `socket`, reading standard input where no file is given.
fn script(socket: &Path, input: &str) -> Output {
    let mut child = Command::new("sh")
        .arg(repository("examples/agents/push_usage.sh"))
        .env("SEATSYNC_SOCKET", socket)
        .env("SEATSYNC_RETRIES", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_curl_script_pushes_and_its_exit_code_tells_how_it_went() {
    if !has("curl") {
        return;
    }
    let mut agent = Agent::new();
    let socket = agent.host.usage_socket();
    let body = |records: &[Value]| json!({ "items": records }).to_string();
    let down = script(&socket, &body(&records(1)));
    assert_eq!(down.status.code(), Some(69), "{}", both(&down));
    assert!(
        both(&down).contains("is the daemon running"),
        "{}",
        both(&down)
    );
    agent.host.start();
    let file = repository("examples/agents/osquery/expected.json");
    let stored = printed(
        Command::new("sh")
            .arg(repository("examples/agents/push_usage.sh"))
            .arg(file)
            .env("SEATSYNC_SOCKET", &socket),
    );
    assert_eq!(stored.matches("\"INSERT\"").count(), 5, "{stored}");
    let mixed = script(&socket, &body(&[records(1).remove(0), json!({})]));
    assert_eq!(mixed.status.code(), Some(65), "{}", both(&mixed));
    assert!(
        text(&mixed.stdout).contains("MISSING_FIELD"),
        "{}",
        both(&mixed)
    );
    let refused = script(&socket, "{\"items\":");
    assert_eq!(refused.status.code(), Some(70), "{}", both(&refused));
    assert!(
        text(&refused.stdout).contains("\"status\":\"failure\""),
        "{}",
        both(&refused)
    );
    assert!(
        text(&refused.stderr).contains("answers 400"),
        "{}",
        both(&refused)
    );
    let relay = Relay::start(&agent.host, [Fate::LoseAnswer, Fate::Pass]);
    let again = script(&relay.socket, &body(&records(3)));
    assert_eq!(again.status.code(), Some(0), "{}", both(&again));
    assert_eq!(relay.body(), relay.body());
}
