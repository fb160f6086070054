//! The adapter for osquery and Fleet.

use std::fs;
use std::process::{Command, Stdio};

use super::Agent;
use crate::support::programs::{both, has, repository};
use crate::support::text;

fn adapter() -> Command {
    let mut command = Command::new("python3");
    command
        .arg("../osquery_to_usage.py")
        .current_dir(repository("examples/agents/osquery"))
        .stdin(Stdio::null());
    command
}

const SAMPLES: [&str; 7] = [
    "--mapping",
    "mapping.json",
    "--host",
    "anna-mac",
    "apps.json",
    "fleet_host.json",
    "results.log",
];

#[test]
fn the_adapter_makes_records_of_the_samples_that_the_daemon_takes() {
    if !has("python3") {
        return;
    }
    let mut agent = Agent::new();
    agent.host.start();
    let ran = adapter().args(SAMPLES).output().unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    let expected = repository("examples/agents/osquery/expected.json");
    assert_eq!(text(&ran.stdout), fs::read_to_string(&expected).unwrap());
    let said = text(&ran.stderr);
    for unmapped in ["`com.apple.Preview`", "`bash`", "`lin-099`"] {
        assert!(said.contains(unmapped), "{said}");
    }
    for unused in ["com.apple.Chess", "com.apple.Stickies", "7-Zip"] {
        assert!(!said.contains(unused), "has no time: {said}");
    }
    agent.deliver(&[&expected.to_string_lossy()]);
    let stored = agent.host.usage_records();
    let times = stored
        .iter()
        .map(|row| row["last_used_time"].as_str().unwrap());
    let mut times: Vec<&str> = times.collect();
    times.sort_unstable();
    assert_eq!(
        times,
        [
            "2026-01-05T08:00:00Z",
            "2026-01-05T08:00:00Z",
            "2026-01-05T22:30:00Z",
            "2026-01-06T08:00:00Z",
            "2026-01-06T09:50:00Z"
        ]
    );
}

#[test]
fn the_adapter_tells_what_it_cannot_read() {
    if !has("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    };
    let wrong_id = r#"{"products": {"zoom": "17"}, "configuration_items": {}}"#;
    let wrong_id = file("wrong_id.json", wrong_id);
    let no_table = file("no_table.json", r#"{"products": {}}"#);
    let wrong_time = r#"[{"name": "zoom", "last_opened_at": "yesterday"}]"#;
    let wrong_time = file("wrong_time.json", wrong_time);
    let mapping = "mapping.json";
    let table: [(&[&str], i32, &str); 6] = [
        (
            &["--mapping", &wrong_id, "apps.json"],
            65,
            "not a sys_id of 32 hex digits",
        ),
        (
            &["--mapping", &no_table, "apps.json"],
            65,
            "has no object `configuration_items`",
        ),
        (
            &["--mapping", "none.json", "apps.json"],
            65,
            "`none.json` cannot be read",
        ),
        (&["--mapping", mapping, "apps.json"], 65, "give `--host`"),
        (
            &["--mapping", mapping, "--host", "x", &wrong_time],
            65,
            "`yesterday` is not a time",
        ),
        (&["apps.json"], 64, "--mapping"),
    ];
    for (arguments, code, said) in table {
        let ran = adapter().args(arguments).output().unwrap();
        assert_eq!(
            ran.status.code(),
            Some(code),
            "{arguments:?}: {}",
            both(&ran)
        );
        assert!(
            text(&ran.stderr).contains(said),
            "{arguments:?}: {}",
            both(&ran)
        );
        assert!(ran.stdout.is_empty(), "{arguments:?}: {}", both(&ran));
    }
}
