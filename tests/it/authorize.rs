//! A person authorises a connection from the command line; the daemon works with it, over a
//! restart, and nothing of a secret is to be found anywhere.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vendor_sim::ZoomSim;
use vendor_sim::zoom::{AppKind, ZoomSimOptions};

use super::support::{Host, SEATSYNC, browser, text};

async fn vendor() -> ZoomSim {
    let options = ZoomSimOptions {
        users: 40,
        seed: 5,
        limits: false,
        ..ZoomSimOptions::default()
    };
    ZoomSim::start(options).await.unwrap()
}

/// A host with two published profiles on two connections of one app that needs a person.
fn host_for(vendor: &ZoomSim) -> Host {
    let app = vendor.app(AppKind::General).unwrap();
    let mut host = Host::new();
    host.secret(app.client_secret.as_deref().unwrap());
    host.profile(
        "zoom.yaml",
        &format!(
            "kind: Profile
name: zoom
type: zoom
state: published
connection: zoom
---
kind: Connection
name: zoom
vendor: zoom
url: {}
oauth:
  grant: authorization_code
  token_url: {}
  authorize_url: {}
  client_id: {}
  client_secret: {{env: VENDOR_SECRET}}
limits: {{plan: business, share: 100%}}
",
            vendor.api_url(),
            vendor.token_url(),
            vendor.authorize_url(),
            app.client_id,
        ),
    );
    host
}

/// `seatsync authorize` in front of a person, with the page that it asks them to open.
struct Asked {
    command: Child,
    page: String,
    /// What it says after that.
    said: std::thread::JoinHandle<String>,
}

fn authorize(host: &Host, arguments: &[&str]) -> Asked {
    let mut command = Command::new(SEATSYNC)
        .args(["authorize", "zoom", "--format", "json"])
        .args(arguments)
        .arg("--runtime")
        .arg(host.path("run"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(command.stderr.take().unwrap()).lines();
    let mut told = String::new();
    let page = loop {
        let line = lines.next().unwrap_or_else(|| panic!("{told}")).unwrap();
        if line.starts_with("http://") {
            break line;
        }
        told.push_str(&line);
    };
    let said =
        std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    Asked {
        command,
        page,
        said,
    }
}

fn authorised(asked: Asked) -> serde_json::Value {
    let output = asked.command.wait_with_output().unwrap();
    let said = asked.said.join().unwrap();
    assert!(output.status.success(), "{:?}: {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_consents_in_a_browser_and_the_profile_comes_to_life() {
    let vendor = vendor().await;
    let mut host = host_for(&vendor);
    host.start();
    let status = host.until(&["status", "zoom"], |status| {
        let conditions = status["conditions"].as_array();
        conditions.is_some_and(|all| {
            all.iter()
                .any(|c| c["type"] == "Stalled" && c["status"] == "True")
        })
    });
    let told = status.to_string();
    assert!(told.contains("run `seatsync authorize zoom`"), "{told}");
    let shown = text(&host.seatsync(&["status"]).stdout);
    assert!(
        shown.contains("nobody has authorised connection `zoom`"),
        "{shown}"
    );

    let asked = authorize(&host, &["--port", "0"]);
    let callback = browser::consent(&asked.page).await;
    let (place, _) = callback.split_once("/callback").unwrap();
    let stranger = browser::open(&format!("{place}/callback?code=x&state=y")).await;
    assert_eq!(stranger.status, 400);
    assert_eq!(browser::open(&format!("{place}/other")).await.status, 404);
    let page = browser::open(&callback).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("close this page"), "{}", page.body);
    let done = authorised(asked);
    assert_eq!(done["started"], serde_json::json!(["zoom"]));
    assert_eq!(done["authorization"]["account"], vendor.account_id());
    host.until_first_run_is_over("zoom");

    let connections = host.json(&["connections", "list"]);
    let connection = &connections["rows"][0];
    assert_eq!(connection["profiles"], serde_json::json!(["zoom"]));
    assert_eq!(connection["warning"], serde_json::Value::Null);
    let principal = connection["authorization"]["principal"].as_str().unwrap();
    let table = text(&host.seatsync(&["connections", "list"]).stdout);
    assert!(table.contains(principal), "{table}");

    // A restart needs nobody.
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    host.start();
    let validated = host.json(&["validate", "zoom"]);
    assert_eq!(validated["account"], vendor.account_id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_https_is_registered_the_address_is_pasted() {
    let vendor = vendor().await;
    let client_id = vendor.app(AppKind::General).unwrap().client_id.clone();
    let registered = "https://seatsync.example.com/callback";
    vendor.control().change_app(&client_id, |app| {
        app.redirect_uris = vec![registered.to_owned()];
    });
    let mut host = host_for(&vendor);
    host.start();
    host.until(&["connections", "list"], |all| {
        all["rows"][0]["name"] == "zoom"
    });
    let mut asked = authorize(&host, &["--redirect-uri", registered]);
    let address = browser::consent(&asked.page).await;
    assert!(address.starts_with(registered), "{address}");
    let mut paste = asked.command.stdin.take().unwrap();
    writeln!(paste, "\n  {address}  ").unwrap();
    drop(paste);
    let done = authorised(asked);
    assert_eq!(done["connection"], "zoom");

    let unknown = host.seatsync(&["authorize", "other", "--paste"]);
    assert_eq!(unknown.status.code(), Some(1));
    let message = text(&unknown.stderr);
    assert!(
        message.contains("no profile uses a connection `other`"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_and_no_token_is_found_in_files_logs_or_answers() {
    let vendor = vendor().await;
    let mut host = host_for(&vendor);
    host.log_level("trace");
    host.start();
    host.until(&["connections", "list"], |all| {
        all["rows"][0]["name"] == "zoom"
    });
    let asked = authorize(&host, &["--port", "0"]);
    let state = asked.page.split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap().to_owned();
    let callback = browser::consent(&asked.page).await;
    browser::open(&callback).await;
    authorised(asked);
    host.until_first_run_is_over("zoom");
    // A renewal, and the end of the consent, are where tokens could slip into a message.
    vendor.control().expire_tokens();
    host.json(&["validate", "zoom"]);
    vendor.control().withdraw_consent();
    assert!(!host.seatsync(&["validate", "zoom"]).status.success());

    let mut answers = String::new();
    for command in [
        &["status"][..],
        &["status", "zoom"],
        &["connections", "list"],
        &["jobs", "results"],
        &["plan"],
    ] {
        for format in ["table", "json"] {
            let output = host.seatsync(&[command, &["--format", format]].concat());
            answers.push_str(&text(&output.stdout));
            answers.push_str(&text(&output.stderr));
        }
    }
    let mut secrets = vendor.control().issued();
    assert!(
        secrets.len() >= 5,
        "a code and two pairs: {}",
        secrets.len()
    );
    secrets.push(state);
    let app = vendor.app(AppKind::General).unwrap();
    secrets.push(app.client_secret.clone().unwrap());
    let pair = format!("{}:{}", app.client_id, app.client_secret.as_ref().unwrap());
    secrets.push(base64(&pair));
    let key = std::fs::read_to_string(host.path("state/token.key")).unwrap();
    secrets.push(key.trim().to_owned());

    assert!(answers.contains("no longer accepts"), "{answers}");
    assert_eq!(found(&secrets, answers.as_bytes()), 0, "in answers");
    let log = host.log();
    assert!(log.contains("TRACE"), "the log is not whole");
    for secret in &secrets {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "in the log");
    }
    for file in files(&host.path("state")) {
        let bytes = std::fs::read(&file).unwrap();
        // The key is allowed in its own file alone.
        let allowed = usize::from(file.ends_with("token.key"));
        assert_eq!(found(&secrets, &bytes), allowed, "{}", file.display());
    }
}

/// How many of the secrets stand in `bytes`.
fn found(secrets: &[String], bytes: &[u8]) -> usize {
    let text = text(bytes);
    secrets
        .iter()
        .filter(|secret| text.contains(secret.as_str()))
        .count()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
