//! Rows 31, 101, 107, 116 and 117: what takes a daemon of its own to see, as a process.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};

use super::support::{Answer, CI1, UNREADABLE, body_of, example, head, whole, with};
use crate::support::Host;

impl Host {
    fn usage(&self) -> UnixStream {
        UnixStream::connect(self.path("run").join("usage.sock")).unwrap()
    }

    /// Sends a request that ends its connection; the answer.
    fn tell(&self, request: &str) -> Answer {
        let mut stream = self.usage();
        stream.write_all(request.as_bytes()).unwrap();
        Answer::parse(&rest(&mut stream))
    }

    fn push(&self, items: &Value) -> Answer {
        let body = json!({ "items": items }).to_string();
        self.tell(&whole(&body).replacen("Host: x\r\n", "Host: x\r\nConnection: close\r\n", 1))
    }
}

fn rest(stream: &mut UnixStream) -> String {
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    told
}

#[test]
fn a_record_keeps_its_id_through_a_crash() {
    // row 31
    let mut host = Host::new();
    host.start();
    let first = host.push(&json!([example()])).item();
    assert_eq!(first["status"], "INSERT");
    host.kill();
    host.start();
    let again = host.push(&json!([example()])).item();
    assert_eq!(again["status"], "UPDATE");
    assert_eq!(again["sysId"], first["sysId"]);
}

#[test]
fn secrets_of_clients_are_not_logged_and_a_broken_connection_is_once() {
    let mut host = Host::new();
    host.start_with(&["--log", "trace"]);
    // row 101
    let secrets = "Connection: close\r\nAuthorization: Basic c2VjcmV0\r\nx-sn-apikey: s3cret\r\n";
    let body = body_of(&example());
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let answer = host.tell(&head(&format!("{secrets}{length}")));
    assert_eq!(answer.status, 200);
    let refused = host.tell(&head(&format!("{secrets}Content-Length: 1\r\n\r\nx")));
    refused.refused(400, UNREADABLE);
    let unserved = head(&format!(
        "{secrets}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
    ));
    host.tell(&unserved).refused(400, UNREADABLE);
    // row 107
    let broken = head("Content-Length: 100\r\n\r\n{");
    host.usage().write_all(broken.as_bytes()).unwrap();
    host.until_log("in mid-body");
    host.stop();
    let log = host.log();
    assert_eq!(log.matches("in mid-body").count(), 1);
    for secret in ["c2VjcmV0", "s3cret"] {
        assert!(!log.contains(secret), "{log}");
    }
}

/// Lets files of the daemon grow to so many bytes.
fn limit_files(pid: Pid, bytes: Option<u64>) {
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(Some(pid), Resource::Fsize, limit).unwrap();
}

#[test]
fn a_failed_commit_is_an_error_that_leaves_nothing_behind() {
    // row 116
    let mut host = Host::new();
    host.start();
    let pid = Pid::from_raw(i32::try_from(host.pid()).unwrap()).unwrap();
    assert_eq!(host.push(&json!([example()])).message(), "Ok");
    limit_files(pid, Some(64 << 10));
    let batch: Vec<Value> = (0..2000)
        .map(|number| {
            with(
                example(),
                &json!({"norm_product": format!("{number:032x}")}),
            )
        })
        .collect();
    let answer = host.push(&json!(batch));
    let transaction = answer.refused(500, "Internal server error");
    assert_eq!(answer.header("x-transaction-id"), Some(&*transaction));
    // Another batch is taken as soon as there is room, without a restart.
    limit_files(pid, None);
    assert_eq!(host.push(&json!([example()])).item()["status"], "UPDATE");
    host.stop();
    host.start();
    let items = host.push(&json!(batch)).items();
    let inserted = items.iter().filter(|item| item["status"] == "INSERT");
    assert_eq!(inserted.count(), batch.len(), "some of it was there");
}

#[test]
fn a_request_in_hand_at_sigterm_is_finished_or_sent_away() {
    // row 117: as a whole. Narrowed: a client that goes on sending nothing is cut off after the 20
    // seconds that stopping may take, without an answer, which it has to repeat after all the same.
    let mut host = Host::new();
    host.start();
    let body = body_of(&example());
    let mut stream = host.usage();
    let fields = format!(
        "Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head(&fields).as_bytes()).unwrap();
    stream.read_exact(&mut [0; 25]).unwrap();
    stream.write_all(&body.as_bytes()[..10]).unwrap();
    let pid = Pid::from_raw(i32::try_from(host.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    host.until_log("stopping");
    stream.write_all(&body.as_bytes()[10..]).unwrap();
    let answer = Answer::parse(&rest(&mut stream));
    assert!([200, 503].contains(&answer.status), "{answer:?}");
    assert_eq!(host.ended(), Some(0));
    assert!(!host.path("run").join("usage.sock").exists());
    host.start();
    let again = host.push(&json!([example()])).item();
    let expected = if answer.status == 200 {
        "UPDATE"
    } else {
        "INSERT"
    };
    assert_eq!(again["status"], expected);
}

#[test]
fn a_bound_user_that_is_not_found_is_never_free() {
    let mut host = Host::new();
    let bound = format!("usage: {{bind: {{no-such-user-here: [{CI1}]}}}}\n");
    host.settings(&bound);
    let refused = host.daemon_command().output().unwrap();
    assert!(!refused.status.success());
    let told = crate::support::text(&refused.stderr);
    assert!(
        told.contains("user `no-such-user-here` is not known on this host"),
        "{told}"
    );
    // One that knows better keeps what was in force.
    host.settings("profiles: {allow_empty: true}\n");
    host.start();
    host.settings(&bound);
    let reload = host.seatsync(&["reload", "--wait"]);
    assert_eq!(reload.status.code(), Some(1), "{reload:?}");
    let told = crate::support::text(&reload.stdout);
    assert!(told.contains("user `no-such-user-here`"), "{told}");
    host.settings("usage: {bind: {0: [zzz]}}\n");
    let reload = host.seatsync(&["reload", "--wait"]);
    let told = crate::support::text(&reload.stdout);
    assert!(
        told.contains("`zzz` is not the id of a configuration item"),
        "{told}"
    );
}

#[test]
fn a_reload_puts_the_settings_of_the_socket_in_force() {
    let mut host = Host::new();
    let settings = |usage: &str| format!("profiles: {{allow_empty: true}}\nusage: {usage}\n");
    host.settings(&settings("{}"));
    host.start();
    let bad = json!([example(), {}]);
    assert_eq!(host.push(&bad).status, 200);
    host.settings(&settings("{strict_batches: true}"));
    assert_eq!(host.push(&bad).status, 200, "not before the reload");
    let reload = host.seatsync(&["reload", "--wait"]);
    assert!(reload.status.success(), "{reload:?}");
    host.push(&bad).refused(400, "1 of 2 items rejected");
    // A mistake is told, and what was in force stays.
    host.settings(&settings("{strict_batches: maybe}"));
    let reload = host.seatsync(&["reload", "--wait"]);
    assert_eq!(reload.status.code(), Some(1));
    let told = crate::support::text(&reload.stdout);
    assert!(told.contains("seatsync.yaml:2:25: error"), "{told}");
    host.push(&bad).refused(400, "1 of 2 items rejected");
    // SIGHUP is a reload too.
    host.settings(&settings("{rate_limit: {requests_per_hour: 1}}"));
    let pid = Pid::from_raw(i32::try_from(host.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    host.until_log("reloaded on SIGHUP");
    assert_eq!(host.push(&bad).status, 200);
    host.push(&bad).refused(429, "Rate limit exceeded");
}
