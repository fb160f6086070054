//! Plans from an exported snapshot: the daemon's own answer, where no daemon is.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use vendor_sim::zoom::Cast;

use super::reclaim::{host, last_reclaim, press, vendor};
use super::support::{Host, SEATSYNC, text, zoom_profile};

/// Runs one command line where no daemon is.
fn away(arguments: &[&str]) -> Output {
    Command::new(SEATSYNC)
        .args(arguments)
        .args(["--runtime", "/nowhere", "--format", "json"])
        .output()
        .unwrap()
}

fn answer(snapshot: &Path, folder: Option<&Path>) -> Value {
    let mut arguments = vec!["plan", "--snapshot", snapshot.to_str().unwrap()];
    arguments.extend(folder.map(|folder| folder.to_str().unwrap()));
    let output = away(&arguments);
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stderr),
        text(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn export(host: &Host, more: &[&str]) -> std::path::PathBuf {
    let file = host.path("snapshot");
    let arguments = [
        &["export", "snapshot", "--out", file.to_str().unwrap()],
        more,
    ]
    .concat();
    let output = host.seatsync(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    file
}

/// A plan without the time at which it was made.
fn timeless(mut plan: Value) -> Value {
    plan.as_object_mut().unwrap().remove("made_at");
    plan
}

/// Steps of a plan that name a user by address.
fn steps_of(plan: &Value, email: &str) -> usize {
    let steps = plan["steps"].as_array().unwrap();
    steps.iter().filter(|step| step["email"] == email).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_gives_the_answer_of_the_daemon_with_the_same_digest() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: automatic");
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    let asked = host.json(&["plan", "--seats", "zoom"]);
    let idle = vendor.cast(Cast::Idle).unwrap();
    assert_eq!(steps_of(&asked[0], &idle.email), 1, "{asked:#}");

    let clear = std::fs::read_to_string(export(&host, &[])).unwrap();
    let exported = host.json(&["audit", "list", "--action", "snapshot_exported"]);
    assert_eq!(
        exported["rows"].as_array().unwrap().len(),
        1,
        "{exported:#}"
    );
    let hashed_file = export(&host, &["--hash-users"]);
    let hashed = std::fs::read_to_string(&hashed_file).unwrap();
    let clear_file = host.path("clear");
    std::fs::write(&clear_file, &clear).unwrap();
    assert_eq!(host.stop(), Some(0), "{}", host.log());

    let folder = host.path("profiles.d");
    for folder in [None, Some(folder.as_path())] {
        let told = answer(&clear_file, folder);
        assert_eq!(told["changed"], Value::Array(Vec::new()));
        assert_eq!(
            timeless(told["plans"][0].clone()),
            timeless(asked[0].clone())
        );
        let hidden = answer(&hashed_file, folder);
        assert_eq!(hidden["users"], "hashed");
        assert_eq!(hidden["changed"], Value::Array(Vec::new()));
        assert_eq!(hidden["plans"][0]["digest"], asked[0]["digest"]);
        assert_eq!(hidden["plans"][0]["guards"], asked[0]["guards"]);
    }
    let (local, domain) = idle.email.split_once('@').unwrap();
    for (what, is_clear, is_hashed) in [
        (vendor.client_secret(), false, false),
        (idle.id.as_str(), true, false),
        (idle.email.as_str(), true, false),
        (local, true, false),
        (domain, true, true),
    ] {
        assert_eq!(clear.contains(what), is_clear, "{what}");
        assert_eq!(hashed.contains(what), is_hashed, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_files_are_answered_for_as_if_they_were_in_force() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: automatic");
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    let idle = vendor.cast(Cast::Idle).unwrap();
    let before = host.json(&["plan", "--seats", "zoom"]);
    let snapshots = ["clear", "hashed"].map(|name| host.path(name));
    std::fs::rename(export(&host, &[]), &snapshots[0]).unwrap();
    std::fs::rename(export(&host, &["--hash-users"]), &snapshots[1]).unwrap();
    assert_eq!(host.stop(), Some(0), "{}", host.log());

    let proposed = host.path("proposed");
    let rule = "{kind: ReclamationRule, name: licensed, identifiers: [zoom.licensed], notify_user: false, mode: automatic, guards: {max_per_run: {percent: 0, count: 0}}}\n";
    let enabled = "subflows: {reclaim_subscriptions: {enabled: true}}\n";
    let protected = format!(
        "{enabled}protected: [{{user: {}, reason: board}}]\n",
        idle.email
    );
    let excluded = format!(
        "{enabled}exclusions: {{users: [{{domain: example.com, reason: all}}, {{domain: \"*.example.com\", reason: all}}]}}\n"
    );
    let same_rule = std::fs::read_to_string(host.path("profiles.d/rule.yaml")).unwrap();
    for snapshot in &snapshots {
        let propose = |profile: &str, rule: &str| {
            let _ = std::fs::remove_dir_all(&proposed);
            std::fs::create_dir(&proposed).unwrap();
            std::fs::write(proposed.join("zoom.yaml"), profile).unwrap();
            std::fs::write(proposed.join("rule.yaml"), rule).unwrap();
            let told = answer(snapshot, Some(&proposed));
            assert_eq!(told["changed"], serde_json::json!(["zoom"]));
            told["plans"][0].clone()
        };
        let count = |plan: &Value| plan["steps"].as_array().unwrap().len();

        let fewer = propose(&zoom_profile(&vendor, &protected), &same_rule);
        assert_eq!(count(&fewer) + 1, count(&before[0]), "{fewer:#}");
        let nobody = propose(&zoom_profile(&vendor, &excluded), &same_rule);
        assert_eq!(count(&nobody), 0, "{nobody:#}");
        let spared = propose(&zoom_profile(&vendor, enabled), rule);
        assert_eq!(count(&spared), count(&before[0]));
        let withheld = &spared["steps"][0]["withheld"]["guard"];
        assert_eq!(withheld, "max_per_run", "{spared:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pressed_candidate_and_a_release_travel_with_the_snapshot() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let idle = vendor.cast(Cast::Idle).unwrap();
    press(&host, &idle.email);
    let asked = host.until(&["plan", "--seats", "zoom"], |plans| {
        plans[0]["steps"][0]["action"] == "reclaim"
    });
    let told = answer(&export(&host, &[]), None);
    assert_eq!(
        timeless(told["plans"][0].clone()),
        timeless(asked[0].clone())
    );
    assert_eq!(told["plans"][0]["held"], true);
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_whole_snapshot_is_refused_with_what_to_do() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    host.until_first_run_is_over("zoom");
    let whole = std::fs::read_to_string(export(&host, &[])).unwrap();
    assert_eq!(host.stop(), Some(0), "{}", host.log());

    let cut = whole.lines().take(20).collect::<Vec<_>>().join("\n");
    let other = whole.replacen("\"seatsync_snapshot\":1", "\"seatsync_snapshot\":7", 1);
    let changed = whole.replacen("zoom.licensed", "zoom.unlocked", 1);
    for (snapshot, says) in [
        (cut.as_str(), "cut after"),
        (other.as_str(), "format 7"),
        (changed.as_str(), "changed since"),
        ("kind: Profile\n", "is no snapshot"),
    ] {
        let file = host.path("bad");
        std::fs::write(&file, snapshot).unwrap();
        let output = away(&["plan", "--snapshot", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(said.contains(says) && said.contains("bad"), "{said}");
        assert!(output.stdout.is_empty());
    }

    let file = host.path("good");
    std::fs::write(&file, &whole).unwrap();
    host.profile("broken.yaml", "kind: Profile\nname: other\ntyp: zoom\n");
    let folder = host.path("profiles.d");
    let arguments = [
        "plan",
        "--snapshot",
        file.to_str().unwrap(),
        folder.to_str().unwrap(),
    ];
    let output = away(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told["findings"].to_string().contains("typ"), "{told:#}");
    let unknown = away(&[
        "plan",
        "--snapshot",
        file.to_str().unwrap(),
        "--seats",
        "nobody",
    ]);
    assert!(text(&unknown.stderr).contains("no profile `nobody`"));
}
