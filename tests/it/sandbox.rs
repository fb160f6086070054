//! What the daemon's process gave up: told by `status`, and meant.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use super::support::{Host, text};

/// Whether the kernel holds the daemon; says why not where it does not.
pub(crate) fn holds(host: &Host) -> bool {
    let sandbox = &host.json(&["status"])["sandbox"];
    let active = sandbox["active"].as_bool().unwrap();
    if !active {
        println!("SKIP: {}", sandbox["message"].as_str().unwrap());
    }
    active
}

#[test]
fn status_tells_whether_landlock_is_active() {
    let mut host = Host::new();
    host.start();
    let told = text(&host.seatsync(&["status"]).stdout);
    let wanted = if holds(&host) {
        "Landlock active (ABI "
    } else {
        "Landlock off: "
    };
    assert!(told.contains(wanted), "{told}");
    assert!(host.log().contains(wanted), "{}", host.log());
}

#[test]
fn nothing_is_written_outside_the_state_directory() {
    let mut host = Host::new();
    host.start();
    if !holds(&host) {
        return;
    }
    host.stop();
    let outside = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let (inside, outside) = (host.path("state/usage.db"), outside.path().join("usage.db"));
    fs::copy(&inside, &outside).unwrap();
    fs::remove_file(&inside).unwrap();
    symlink(&outside, &inside).unwrap();
    let before = fs::read(&outside).unwrap();
    let mut daemon = host.daemon_command();
    let output = daemon
        .arg("--once")
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("usage.db"), "{said}");
    assert_eq!(fs::read(&outside).unwrap(), before);
    let beside = fs::read_dir(outside.parent().unwrap()).unwrap();
    assert_eq!(beside.count(), 1);
}
