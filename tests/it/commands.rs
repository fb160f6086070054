//! The command line against a running daemon: what it accepts, how it ends, how it prints.

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::{Host, SEATSYNC, text};

/// What `arguments` end with and what they say on stderr.
fn ended(host: &Host, arguments: &[&str]) -> (Option<i32>, String) {
    let output = host.seatsync(arguments);
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_wrong_argument_ends_with_2_and_says_what_is_wrong() {
    let mut host = Host::new();
    host.start();
    let table: [(&[&str], &str); 12] = [
        (&["jobs", "list", "--subflow", "downlod"], "not a subflow"),
        (&["usage", "list", "--month", "2026-13"], "must look like"),
        (&["status", "Zoom EMEA"], "is not a name"),
        (&["status", "../health"], "is not a name"),
        (&["validate", "a?b"], "is not a name"),
        (&["explain", "a/b", "c"], "is not a name"),
        (
            &["subscriptions", "list", "--profile", "A"],
            "is not a name",
        ),
        (&["run", "--log", "seatsync=loud"], "--log seatsync=loud"),
        (&["jobs", "list", "--limit", "0"], "1..=10000"),
        (&["subscriptions", "list", "--limit", "-1"], "1..=10000"),
        (&["usage", "list", "--limit", "10001"], "1..=10000"),
        (
            &["usage", "export", "--format", "json", "--as", "csv"],
            "contradict each other",
        ),
    ];
    for (arguments, said) in table {
        let (code, stderr) = ended(&host, arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    for arguments in [
        ["status", "nobody"].as_slice(),
        &["jobs", "list", "--profile", "nobody"],
        &["jobs", "results", "--profile", "nobody"],
    ] {
        let (code, stderr) = ended(&host, arguments);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("no profile is named `nobody`"), "{stderr}");
    }
    let listed = host.json(&["connections", "list"]);
    assert_eq!(listed, serde_json::json!({"rows": [], "next": null}));
}

#[test]
fn a_daemon_that_finds_the_sockets_taken_makes_no_database() {
    let mut host = Host::new();
    host.start();
    let mut second = host.daemon_command();
    second.arg("--state").arg(host.path("state-2"));
    let mut arguments: Vec<_> = second.get_args().map(ToOwned::to_owned).collect();
    let first = arguments.iter().position(|a| a == "--state").unwrap();
    arguments.drain(first..first + 2);
    let output = Command::new(SEATSYNC).args(arguments).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("in use by a running process"), "{said}");
    assert!(host.path("state-2").is_dir());
    assert!(!host.path("state-2/seatsync.db").exists());
    assert!(!host.path("state-2/usage.db").exists());
}

#[test]
fn what_was_logged_once_is_not_logged_at_every_reload() {
    let mut host = Host::new();
    host.settings("usage: {roles: {sam_admin: {groups: [nobody-of-that-name]}}}\n");
    host.start();
    for _ in 0..2 {
        host.seatsync(&["reload", "--wait"]);
    }
    let told = host.log().matches("nobody-of-that-name").count();
    assert_eq!(told, 1, "{}", host.log());

    let draft = "{kind: Profile, name: a, type: aha, connection: {vendor: aha, url: 'https://x.aha.io/api/v1', oauth: {grant: api_key, token: {env: AHA}}}}\n";
    host.profile("a.yaml", draft);
    host.json(&["reload", "--wait"]);
    std::fs::remove_dir_all(host.path("profiles.d")).unwrap();
    host.until_log("is gone");
    std::fs::create_dir(host.path("profiles.d")).unwrap();
    host.profile("a.yaml", draft);
    host.until(&["status"], |status| status["folder"]["held"].is_null());
    assert!(!host.log().contains("WatchNotFound"), "{}", host.log());
}

#[test]
fn a_narrow_terminal_breaks_no_word() {
    let mut host = Host::new();
    host.profile(
        "a.yaml",
        "{kind: Profile, name: a-profile-with-a-long-name, type: aha, connection: {vendor: aha, url: 'https://x.aha.io/api/v1', oauth: {grant: api_key, token: {env: AHA}}}}\n",
    );
    host.start();
    host.until(&["status"], |status| status["profiles"][0].is_object());
    // `script` gives the command a terminal of its own.
    let command = format!(
        "stty cols 40; {SEATSYNC} status --runtime {}",
        host.path("run").display()
    );
    let Ok(output) = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .stdin(Stdio::null())
        .output()
    else {
        println!("SKIP: script is not installed");
        return;
    };
    let said = text(&output.stdout);
    assert!(
        said.contains("PROFILE   a-profile-with-a-long-name"),
        "{said}"
    );
}

#[test]
fn the_daemon_tells_findings_as_check_does() {
    let mut host = Host::new();
    host.profile(
        "a.yaml",
        "{kind: Connection, name: zoom, vendor: zom}\n---\n\
         {kind: Profile, name: a, type: zoom, connection: zoom}\n",
    );
    host.profile(
        "b.yaml",
        "{kind: Profile, name: twice, type: aha, connection: {vendor: aha}}\n",
    );
    host.profile(
        "c.yaml",
        "{kind: Profile, name: twice, type: aha, connection: {vendor: aha}}\n",
    );
    host.start();
    let reloaded = text(&host.seatsync(&["reload", "--wait"]).stdout);
    let told: Vec<&str> = reloaded
        .lines()
        .filter(|line| line.contains("error["))
        .collect();
    assert_eq!(told.len(), 2, "{reloaded}");
    assert!(!reloaded.contains("there is no connection"), "{reloaded}");
    let first = format!("    {}:1:", host.path("profiles.d/b.yaml").display());
    assert!(reloaded.contains(&first), "{reloaded}");
    assert!(host.log().contains("it is here"), "{}", host.log());
}

#[test]
fn an_empty_folder_is_no_mistake_until_something_was_there() {
    let mut host = Host::new();
    host.start();
    let reloaded = host.seatsync(&["reload", "--wait"]);
    assert_eq!(
        reloaded.status.code(),
        Some(0),
        "{}",
        text(&reloaded.stdout)
    );
    assert!(!host.log().contains("ERROR"), "{}", host.log());

    let profile = "{kind: Profile, name: a, type: aha, connection: {vendor: aha, url: 'https://x.aha.io/api/v1', oauth: {grant: api_key, token: {env: AHA}}}}\n";
    host.profile("a.yaml", profile);
    assert_eq!(ended(&host, &["reload", "--wait"]).0, Some(0));
    std::fs::remove_file(host.path("profiles.d/a.yaml")).unwrap();
    let held = host.seatsync(&["reload", "--wait"]);
    assert_eq!(held.status.code(), Some(1));
    assert!(
        text(&held.stdout).contains("HELD"),
        "{}",
        text(&held.stdout)
    );
    let obeyed = host.seatsync(&["reload", "--wait", "--allow-empty"]);
    let said = text(&obeyed.stdout);
    assert_eq!(obeyed.status.code(), Some(0), "{said}");
    assert!(said.contains("- Profile a"), "{said}");
}

#[test]
fn a_daemon_that_takes_the_question_and_never_answers_is_given_up_on() {
    let host = Host::new();
    let daemon = UnixListener::bind(host.path("run/control.sock")).unwrap();
    let commands = ["healthcheck", "status"].map(|command| {
        let mut given_up = Command::new(SEATSYNC);
        given_up.args([command, "--runtime"]).arg(host.path("run"));
        let asking = given_up.stdin(Stdio::null()).stderr(Stdio::piped());
        asking.stdout(Stdio::null()).spawn().unwrap()
    });
    let taken = [daemon.accept().unwrap(), daemon.accept().unwrap()];
    for command in commands {
        let ended = command.wait_with_output().unwrap();
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(3), "{said}");
        assert!(said.contains("did not answer within"), "{said}");
        assert!(said.contains("systemctl status seatsync"), "{said}");
    }
    drop(taken);
}

#[test]
fn status_tells_whether_writes_are_allowed_and_what_stops_them() {
    let mut host = Host::new();
    host.settings("writes: true\n");
    host.start();
    let told = || text(&host.seatsync(&["status"]).stdout);
    assert!(told().contains("vendor writes allowed"), "{}", told());
    assert_eq!(host.json(&["status"])["writes_stopped"], Value::Null);
    let stop = host.path("stop-writes");
    std::fs::write(&stop, "").unwrap();
    let named = stop.display().to_string();
    assert!(told().contains("vendor writes STOPPED: "), "{}", told());
    assert!(told().contains(&named), "{}", told());
    let status = host.json(&["status"]);
    assert_eq!(status["writes"], true);
    let stopped = status["writes_stopped"].as_str().unwrap();
    assert!(stopped.contains(&named), "{stopped}");
    std::fs::remove_file(&stop).unwrap();
    assert!(told().contains("vendor writes allowed"), "{}", told());
}
