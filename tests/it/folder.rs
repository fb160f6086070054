//! The daemon and its folder of profiles as an operator meets them: an editor on one side,
//! `status`, `plan` and `reload` on the other.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::Host;

const CONNECTION: &str = "kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, account_id: acct, client_id: app, client_secret: {env: ZOOM_SECRET}}
";

fn draft(called: &str, more: &str) -> String {
    format!("kind: Profile\nname: {called}\ntype: zoom\nconnection: zoom\n{more}")
}

/// A running daemon with one draft in force.
fn with_draft() -> Host {
    let mut host = Host::new();
    host.profile("zoom.yaml", CONNECTION);
    host.profile("a.yaml", &draft("a", "display_name: first\n"));
    host.start();
    host.until(&["status"], |status| {
        status["profiles"][0]["display_name"] == "first"
    });
    host
}

fn condition<'a>(profile: &'a Value, kind: &str) -> &'a Value {
    let conditions = profile["conditions"].as_array().into_iter().flatten();
    let mut found = conditions.filter(|condition| condition["type"] == kind);
    found.next().unwrap_or(&Value::Null)
}

#[test]
fn an_edit_shows_in_status_by_itself() {
    let host = with_draft();
    host.profile("a.yaml", &draft("a", "display_name: second\n"));
    host.until(&["status", "a"], |profile| {
        profile["display_name"] == "second"
    });
    let log = host.log();
    assert!(log.contains("display_name: `first` → `second`"), "{log}");
}

#[test]
fn a_broken_edit_leaves_the_old_version_in_force_and_says_where_it_is_broken() {
    let host = with_draft();
    host.profile("a.yaml", &draft("a", "display_nam: second\n"));
    let profile = host.until(&["status", "a"], |profile| {
        condition(profile, "Stalled")["status"] == "True"
    });
    assert_eq!(profile["display_name"], "first");
    let message = condition(&profile, "Stalled")["message"].as_str().unwrap();
    assert!(message.contains("a.yaml:5:1: "), "{message}");
    assert!(message.contains("`display_nam`"), "{message}");
    let status = host.json(&["status"]);
    assert_eq!(status["folder"]["findings"][0]["line"], 5);
    let reload = host.seatsync(&["reload", "--wait"]);
    assert_eq!(reload.status.code(), Some(1));

    host.profile("a.yaml", &draft("a", "display_name: third\n"));
    let profile = host.until(&["status", "a"], |profile| {
        profile["display_name"] == "third"
    });
    assert_eq!(condition(&profile, "Stalled")["status"], "False");
}

#[test]
fn an_empty_folder_is_held_until_it_is_confirmed() {
    let host = with_draft();
    for file in ["a.yaml", "zoom.yaml"] {
        fs::remove_file(host.path("profiles.d").join(file)).unwrap();
    }
    let status = host.until(&["status"], |status| !status["folder"]["held"].is_null());
    assert_eq!(status["profiles"][0]["state"], "draft");
    let reload = host.seatsync(&["reload", "--wait"]);
    assert_eq!(reload.status.code(), Some(1));
    let reload = host.seatsync(&["reload", "--wait", "--allow-empty"]);
    assert!(!String::from_utf8_lossy(&reload.stdout).contains("nothing changed"));
    let status = host.json(&["status"]);
    assert_eq!(status["profiles"][0]["state"], "orphaned");
    assert_eq!(status["folder"]["held"], Value::Null);
}

#[test]
fn a_swapped_checkout_is_applied_as_git_sync_swaps_it() {
    let mut host = Host::new();
    for (revision, called) in [("rev1", "first"), ("rev2", "second")] {
        let folder = host.path(".worktrees").join(revision).join("profiles");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("zoom.yaml"), CONNECTION).unwrap();
        let text = draft("a", &format!("display_name: {called}\n"));
        fs::write(folder.join("a.yaml"), text).unwrap();
    }
    fs::remove_dir(host.path("profiles.d")).unwrap();
    symlink(".worktrees/rev1", host.path("checkout")).unwrap();
    symlink("checkout/profiles", host.path("profiles.d")).unwrap();
    host.start();
    host.until(&["status"], |status| {
        status["profiles"][0]["display_name"] == "first"
    });
    symlink(".worktrees/rev2", host.path("new")).unwrap();
    fs::rename(host.path("new"), host.path("checkout")).unwrap();
    host.until(&["status"], |status| {
        status["profiles"][0]["display_name"] == "second"
    });
}

#[test]
fn a_reload_waits_for_what_it_applies_and_a_plan_then_finds_nothing() {
    let host = with_draft();
    host.profile("b.yaml", &draft("b", ""));
    let reloaded = host.json(&["reload", "--wait"]);
    let names = |status: &Value| -> Vec<String> {
        let profiles = status["profiles"].as_array().unwrap().iter();
        profiles
            .map(|profile| profile["name"].to_string())
            .collect()
    };
    assert_eq!(
        names(&host.json(&["status"])),
        ["\"a\"", "\"b\""],
        "{reloaded}"
    );
    assert_eq!(host.json(&["plan"])["changes"], false);
}

#[test]
fn a_file_ending_in_capitals_is_read_and_watched_like_any_other() {
    let mut host = Host::new();
    host.profile("zoom.Yml", CONNECTION);
    host.profile("a.YAML", &draft("a", "display_name: first\n"));
    host.start();
    host.until(&["status", "a"], |profile| {
        profile["display_name"] == "first"
    });
    host.profile("a.YAML", &draft("a", "display_name: second\n"));
    host.until(&["status", "a"], |profile| {
        profile["display_name"] == "second"
    });
}
