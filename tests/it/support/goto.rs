//! A simulated GoTo account, and a host whose profile `goto` leads to it by both its connections.

use std::os::unix::fs::PermissionsExt as _;

use jiff::SignedDuration;
use vendor_sim::goto::Kind;
use vendor_sim::{GoToSim, GoToSimOptions};

use super::Host;

/// A profile that looks back far enough to see that [`add_idle`]'s people did nothing lately, and takes
/// their licences back without asking them.
pub(crate) const TAKES_IDLE: &str =
    "subflows: {pull_user_activity: {analyze_from: 15d}, reclaim_subscriptions: {enabled: true}}
reclamation: {notify_user: false, last_activity_threshold: 10d}
";

/// The cast and few others, without rate limits.
pub(crate) async fn account() -> GoToSim {
    GoToSim::start(GoToSimOptions {
        users: 24,
        limits: false,
        ..GoToSimOptions::default()
    })
    .await
    .unwrap()
}

/// Adds somebody with GoToMeeting alone who hosted for the last time 13 days ago; their address.
pub(crate) fn add_idle(vendor: &GoToSim, number: usize) -> String {
    let email = format!("member{number}@example.com");
    let met = vendor.control().now() - SignedDuration::from_hours(24 * 13);
    let name = format!("Member{number}");
    vendor
        .control()
        .add_person(&email, (&name, "Idle"), &["G2M"]);
    vendor.control().record(&email, Kind::Meeting, met);
    email
}

/// A host with one published GoTo profile `goto` that leads to `vendor`; `settings` go beside what it
/// needs, `extra` into the profile's document.
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
