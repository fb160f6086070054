//! A GoTo profile on the real daemon: from a file in the folder to seats that can be queried.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use vendor_sim::goto::{Cast, LoggedRequest};
use vendor_sim::{GoToSim, GoToSimOptions};

use super::support::{Host, text};

fn connection(vendor: &GoToSim, name: &str, url: &str, secrets: &str) -> String {
    format!(
        "---
kind: Connection
name: {name}
vendor: goto
url: {url}
oauth:
  grant: personal_access_token
  token_url: {}
  client_id: {}
  client_secret: {{file: {secrets}/secret}}
  token: {{file: {secrets}/token}}
limits: {{share: 100%}}
",
        vendor.token_url(),
        vendor.client().client_id
    )
}

/// A profile `goto` with its two connections, `extra` added to the profile's document.
fn profile(vendor: &GoToSim, secrets: &str, extra: &str) -> String {
    let first = connection(vendor, "goto", vendor.api_url(), secrets);
    let second = connection(vendor, "goto-connect", &vendor.connect_url(), secrets);
    format!(
        "kind: Profile
name: goto
type: goto
state: published
connection: goto
connect_connection: goto-connect
{extra}{first}{second}"
    )
}

/// A host with one published GoTo profile `goto` that leads to `vendor`; `settings` go beside what it needs.
pub(crate) fn host(vendor: &GoToSim, settings: &str, extra: &str) -> Host {
    let host = Host::new();
    let secrets = host.path("secrets");
    std::fs::create_dir(&secrets).unwrap();
    let client = vendor.client();
    let secret = client.client_secret.as_ref().unwrap();
    std::fs::write(secrets.join("secret"), secret).unwrap();
    std::fs::write(secrets.join("token"), &client.personal_access_token).unwrap();
    for name in ["secret", "token"] {
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(secrets.join(name), owner_only).unwrap();
    }
    let secrets = secrets.display().to_string();
    host.settings(&format!(
        "connections: {{allowed_hosts: [127.0.0.1]}}\nsecrets: {{directories: [\"{secrets}\"]}}\n{settings}"
    ));
    host.profile("goto.yaml", &profile(vendor, &secrets, extra));
    host
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goto_profile_comes_down_with_its_calls_and_keys_unchanged() {
    let vendor = GoToSim::start(GoToSimOptions {
        users: 24,
        limits: false,
        ..GoToSimOptions::default()
    })
    .await
    .unwrap();
    let extra = "subflows: {pull_user_activity: {analyze_from: 15d}}\n";
    let mut host = host(&vendor, "", extra);
    host.start();
    let status = host.until_first_run_is_over("goto");
    assert_eq!(status["account"], vendor.account_key());

    let key = "78888886011013972886849029";
    let seats = host.json(&["subscriptions", "list", "--limit", "1000"]);
    let seats = seats["rows"].as_array().unwrap();
    let of = |key: &str| -> Vec<&Value> {
        seats
            .iter()
            .filter(|row| row["external_user_id"] == key)
            .collect()
    };
    assert_eq!(
        of(key).len(),
        2,
        "the key of 26 digits is text from end to end"
    );
    let table = host.seatsync(&["subscriptions", "list", "--limit", "1000"]);
    assert!(text(&table.stdout).contains("wendy.webinar@example.com"));

    let identifiers = host.json(&["identifiers", "list", "--profile", "goto"]);
    let row = |identifier: &str| {
        let rows = identifiers["rows"].as_array().unwrap();
        rows.iter()
            .find(|row| row["identifier"] == identifier)
            .unwrap()
    };
    for identifier in ["goto.g2m", "goto.connect", "goto.g2t", "goto.g2ars"] {
        assert!(
            row(identifier)["with_activity"].as_u64().unwrap() > 0,
            "{identifier}"
        );
    }
    assert_eq!(row("goto.openvoice")["with_activity"], 0);

    let silent = vendor.cast(Cast::SilentCaller).unwrap().email;
    let explained = host.seatsync(&["explain", "goto", &silent]);
    assert!(explained.status.success(), "{}", text(&explained.stderr));
    assert!(!vendor.control().requests().iter().any(LoggedRequest::wrote));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}
