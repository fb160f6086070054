//! Whoever meets a mistake is told what it is about and what to do, and that remedy is the right one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vendor_sim::zoom::{AppKind, ZoomSimOptions};
use vendor_sim::{AhaSim, AhaSimOptions, ZoomSim};

use super::support::{Host, SEATSYNC, aha_profile, text};

const CONNECTION: &str = "kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, account_id: a, client_id: b, client_secret: {env: S}}
";

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A command line that needs no daemon, run in `folder`, without a terminal.
fn offline(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(SEATSYNC)
        .args(arguments)
        .current_dir(folder)
        .env_remove("SEATSYNC_CONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// What `check` finds in one file, as JSON.
fn findings(bytes: &[u8]) -> Vec<Value> {
    let folder = folder(&[("a.yaml", bytes)]);
    let output = offline(folder.path(), &["check", "a.yaml", "--format", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["findings"].as_array().unwrap().clone()
}

#[test]
fn a_comparison_of_folders_is_plain_text_where_there_is_no_terminal() {
    let base = folder(&[("a.yaml", CONNECTION.as_bytes())]);
    let head = folder(&[(
        "a.yaml",
        CONNECTION.replace("vendor: zoom", "vendor: zom").as_bytes(),
    )]);
    let base = base.path().display().to_string();
    let output = offline(head.path(), &["plan", ".", "--base", &base]);
    let told = text(&output.stdout);
    assert!(told.contains("did you mean `zoom`?"), "{told}");
    for steering in ['\u{fffd}', '\u{1b}'] {
        assert!(!told.contains(steering), "{told:?}");
    }
}

#[test]
fn a_foreign_address_without_a_token_address_of_its_own_is_a_warning() {
    let told = |connection: &str| {
        let files = folder(&[
            (
                "a.yaml",
                format!(
                    "{connection}---\n{{kind: Profile, name: z, type: zoom, connection: zoom}}\n"
                )
                .as_bytes(),
            ),
            (
                "seatsync.conf",
                b"connections: {allowed_hosts: [proxy.example.com]}\n",
            ),
        ]);
        let arguments = [
            "check",
            "a.yaml",
            "--config",
            "seatsync.conf",
            "--format",
            "json",
        ];
        let output = offline(files.path(), &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        told["findings"].as_array().unwrap().clone()
    };
    let foreign = format!("{CONNECTION}url: https://proxy.example.com/v2\n");
    let found = told(&foreign);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["severity"], "warning");
    let message = found[0].to_string();
    for word in ["client_secret", "zoom.us", "oauth.token_url"] {
        assert!(message.contains(word), "{message}");
    }
    let both = foreign.replace(
        "oauth: {",
        "oauth: {token_url: https://proxy.example.com/oauth/token, ",
    );
    assert_eq!(told(&both), [] as [Value; 0]);
    let government = format!("{CONNECTION}url: https://api.zoomgov.com/v2\n");
    assert_eq!(told(&government), [] as [Value; 0]);
}

#[test]
fn the_daemon_warns_of_a_secret_that_goes_to_the_vendors_public_host() {
    let mut host = Host::new();
    let foreign = format!(
        "{CONNECTION}url: http://127.0.0.1:9/v2\n---\n{{kind: Profile, name: z, type: zoom, connection: zoom}}\n"
    );
    host.profile("a.yaml", &foreign);
    host.start();
    let reloaded = host.seatsync(&["reload", "--wait"]);
    let said = text(&reloaded.stdout);
    assert_eq!(reloaded.status.code(), Some(0), "{said}");
    assert!(said.contains("oauth.token_url"), "{said}");
    let listed = text(&host.seatsync(&["connections", "list"]).stdout);
    assert!(listed.contains("oauth.token_url"), "{listed}");
}

#[test]
fn settings_that_wait_for_a_restart_are_told() {
    let mut host = Host::new();
    host.settings("{}\n");
    let profile = format!(
        "{CONNECTION}url: https://proxy.example.com/v2\n---\n{{kind: Profile, name: z, type: zoom, connection: zoom}}\n"
    );
    host.profile("a.yaml", &profile);
    host.start();
    let reload = || text(&host.seatsync(&["reload", "--wait"]).stdout);
    assert!(reload().contains("is not a host of"), "{}", reload());
    assert!(!reload().contains("settings::not_in_force"));

    host.settings("connections: {allowed_hosts: [proxy.example.com]}\n");
    let said = reload();
    let told = said
        .lines()
        .find(|line| line.contains("settings::not_in_force"))
        .unwrap_or_else(|| panic!("{said}"));
    for word in ["seatsync.yaml", "`connections`", "restart"] {
        assert!(told.contains(word), "{told}");
    }
    let status = text(&host.seatsync(&["status"]).stdout);
    assert!(status.contains("settings::not_in_force"), "{status}");
    host.settings("{}\n");
    assert!(!reload().contains("settings::not_in_force"));
    // What concerns the usage socket is taken over by a reload.
    host.settings("usage: {strict_batches: true}\n");
    assert!(!reload().contains("settings::not_in_force"));
}

#[test]
fn a_held_folder_tells_what_would_be_removed_and_not_that_it_was() {
    let mut host = Host::new();
    let draft = "{kind: Profile, name: z, type: aha, connection: {vendor: aha, url: 'https://x.aha.io/api/v1', oauth: {grant: api_key, token: {env: AHA}}}}\n";
    host.profile("a.yaml", draft);
    host.start();
    host.json(&["reload", "--wait"]);
    std::fs::remove_file(host.path("profiles.d/a.yaml")).unwrap();
    let held = host.seatsync(&["reload", "--wait"]);
    let said = text(&held.stdout);
    assert_eq!(held.status.code(), Some(1), "{said}");
    let (before, after) = said
        .split_once("nothing was applied; with `--allow-empty` it would be:\n")
        .unwrap_or_else(|| panic!("{said}"));
    assert!(before.contains("HELD"), "{said}");
    assert!(after.contains("Profile z"), "{said}");
    let held = host.seatsync(&["reload", "--wait", "--format", "json"]);
    let answer: Value = serde_json::from_slice(&held.stdout).unwrap();
    assert_eq!(answer["changes"], serde_json::json!([]));
    assert_eq!(answer["would_change"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validating_needs_no_more_scopes_than_the_readme_names() {
    let vendor = ZoomSim::start(ZoomSimOptions {
        users: 20,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_zoom(&vendor);
    host.start();
    host.until_first_run_is_over("zoom");
    let validated = host.json(&["validate", "zoom"]);
    let verdicts = validated["verdicts"].as_array().unwrap();
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut named = 0;
    for verdict in verdicts.iter().filter(|v| v["process"] != "reclaim") {
        for needed in verdict["scopes_needed"].as_array().unwrap() {
            let granular = needed.as_str().unwrap().split('|').next().unwrap();
            assert!(readme.contains(&format!("`{granular}`")), "{granular}");
            named += 1;
        }
    }
    assert_eq!(named, 4, "{verdicts:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_a_consent_page_while_the_secret_is_not_there() {
    let vendor = ZoomSim::start(ZoomSimOptions::default()).await.unwrap();
    let mut host = Host::new();
    host.profile(
        "a.yaml",
        &format!(
            "{{kind: Profile, name: z, type: zoom, connection: zoom}}
---
kind: Connection
name: zoom
vendor: zoom
url: {}
oauth: {{grant: authorization_code, token_url: {}, authorize_url: {}, client_id: {}, client_secret: {{credential: not-there}}}}
",
            vendor.api_url(),
            vendor.token_url(),
            vendor.authorize_url(),
            vendor.app(AppKind::General).unwrap().client_id,
        ),
    );
    host.start();
    host.until(&["connections", "list"], |listed| {
        listed.to_string().contains("authorization_code")
    });
    let asked = host.seatsync(&["authorize", "zoom", "--paste"]);
    let said = text(&asked.stderr);
    assert_eq!(asked.status.code(), Some(1), "{said}");
    assert!(said.contains("`not-there`"), "{said}");
    assert!(!said.contains("Open this page"), "{said}");
}

#[test]
fn every_finding_about_text_and_schedules_has_a_remedy() {
    let schedule = |schedule: &str| {
        format!(
            "kind: Profile\nname: a\ntype: zoom\nconnection: zoom\nsubflows: {{download_subscriptions: {{schedule: \"{schedule}\"}}}}\n"
        )
    };
    let deep = format!("kind: {}1{}\n", "[".repeat(64), "]".repeat(64));
    let texts = [
        ("yaml::syntax", "kind: Profile\nname: a\u{7}b\n".to_owned()),
        ("yaml::syntax", "kind: &a [*a]\n".to_owned()),
        ("yaml::syntax", "kind: !!python/object x\n".to_owned()),
        ("yaml::syntax", "protected: [{user: a@b.c, rea\n".to_owned()),
        ("yaml::syntax", "kind: Profile\nname: \"a\n".to_owned()),
        ("yaml::syntax", deep),
        ("profile::schedule", schedule("61 6 * * *")),
        ("profile::schedule", schedule("6 * * *")),
        ("profile::schedule", schedule("0 0 31 2 *")),
    ];
    for (code, text) in texts {
        let found = findings(text.as_bytes());
        let found = found.iter().find(|finding| finding["code"] == code);
        let found = found.unwrap_or_else(|| panic!("no {code} in {text}"));
        let help = found["help"].as_str().unwrap_or_default();
        assert!(help.len() > 10, "{text}: {found:#}");
    }
}

#[test]
fn what_cannot_be_read_or_is_named_twice_has_a_remedy() {
    let large = vec![b'#'; 2 * 1024 * 1024];
    let found = findings(&large);
    assert_eq!(found[0]["code"], "files::unreadable");
    assert!(
        found[0]["help"]
            .as_str()
            .unwrap_or_default()
            .contains("split"),
        "{found:#?}"
    );
    let links = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", links.path().join("a.yaml")).unwrap();
    let output = offline(links.path(), &["check", ".", "--format", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let help = told["findings"][0]["help"].as_str().unwrap_or_default();
    assert!(help.contains("link"), "{told:#}");

    let twice = "{kind: Exclusions, name: a}\n---\n{kind: Exclusions, name: a}\n";
    let found = findings(twice.as_bytes());
    let help = found[0]["help"].as_str().unwrap();
    assert!(help.contains("last good version"), "{help}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_where_no_api_is_names_its_host_and_what_to_check() {
    let vendor = AhaSim::start(AhaSimOptions::default()).await.unwrap();
    let mut host = Host::with_aha(&vendor);
    let wrong = aha_profile(&vendor).replace("/api/v1", "/api/v7");
    host.profile("aha.yaml", &wrong);
    host.start();
    host.until(&["status", "aha"], |status| {
        status.to_string().contains("404")
    });
    let validated = host.seatsync(&["validate", "aha"]);
    let said = text(&validated.stderr);
    let at = vendor.api_url();
    let at = at.trim_start_matches("http://").split('/').next().unwrap();
    for told in [at, "connection `aha`", "check `url`"] {
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_token_endpoint_that_refuses_is_named() {
    let vendor = ZoomSim::start(ZoomSimOptions::default()).await.unwrap();
    let mut host = Host::with_zoom(&vendor);
    host.secret("wrong");
    host.start();
    host.until(&["status", "zoom"], |status| {
        status.to_string().contains("get an access token")
    });
    let validated = host.seatsync(&["validate", "zoom"]);
    let said = text(&validated.stdout) + &text(&validated.stderr);
    let at = vendor.token_url();
    let at = at.trim_start_matches("http://").split('/').next().unwrap();
    let named = format!("it is `{at}` that refuses");
    for told in [
        named.as_str(),
        "check `oauth.token_url` of connection `zoom`",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn a_larger_share_of_the_rate_limit_loosens() {
    let with = |limits: &str| folder(&[("a.yaml", format!("{CONNECTION}{limits}").as_bytes())]);
    let told = |before: &str, after: &str| {
        let (before, after) = (with(before), with(after));
        let base = before.path().display().to_string();
        text(&offline(after.path(), &["plan", ".", "--base", &base]).stdout)
    };
    let more = told("limits: {share: 25%}\n", "limits: {share: 80%}\n");
    assert!(more.contains("LOOSENS"), "{more}");
    assert!(more.contains("80 %") && more.contains("25 %"), "{more}");
    // What no file says is 25 %.
    assert!(told("", "limits: {share: 80%}\n").contains("LOOSENS"));
    let less = told("limits: {share: 80%}\n", "limits: {share: 25%}\n");
    assert!(!less.contains("LOOSENS"), "{less}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_evidence_of_an_aha_seat_is_called_what_it_is() {
    let vendor = AhaSim::start(AhaSimOptions {
        users: 20,
        limits: false,
        ..AhaSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_aha(&vendor);
    host.start();
    host.until(&["status", "aha"], |status| {
        status.to_string().contains("completed")
    });
    let listed = host.json(&["subscriptions", "list", "--limit", "1000"]);
    let seats = listed["rows"].as_array().unwrap();
    let seat = seats
        .iter()
        .find(|row| !row["last_activity"].is_null())
        .unwrap();
    let user = seat["email"].as_str().unwrap();
    let told = text(&host.seatsync(&["explain", "aha", user]).stdout);
    let line = told
        .lines()
        .find(|line| line.contains("last activity of this seat"))
        .unwrap();
    assert!(line.contains("last access"), "{line}");
    let other = ["explain", "aha", user, "--identifier", "aha.nothing"];
    assert_eq!(host.seatsync(&other).status.code(), Some(1));
    let asked = host.seatsync(&["jobs", "run", "aha", "--subflow", "pull_user_activity"]);
    assert_eq!(asked.status.code(), Some(1));
    let said = text(&asked.stderr);
    assert!(said.contains("reads everybody's last access"), "{said}");
    let status = text(&host.seatsync(&["status", "aha"]).stdout);
    assert!(status.contains("last access"), "{status}");
    // It held names and addresses.
    let staging = host.path("state/staging").metadata().unwrap();
    assert_eq!(staging.permissions().mode() & 0o777, 0o700);
    let table = text(&host.seatsync(&["subscriptions", "list"]).stdout);
    assert!(!table.contains("hosted"), "{table}");
    assert!(table.contains("last access"), "{table}");
}
