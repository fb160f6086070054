//! Whoever meets a mistake is told what it is about and what to do, and that remedy is the right one.

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
