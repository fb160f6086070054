//! Nothing of a secret is to be found anywhere: not in the state directory, not in a log at its most
//! talkative, not in what commands print or the control socket answers, whatever the grant. Each
//! test ends with credentials that the vendor refuses, since messages are where secrets slip in.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use vendor_sim::zoom::AppKind;

use super::super::support::programs::both;
use super::super::support::{Host, browser, text};
use super::{AHA_CALLBACK, App, authorize, start_aha, start_goto, start_zoom, until_downloaded};

/// What must not be found, and what was printed so far.
#[derive(Default)]
struct Hunt {
    secrets: Vec<String>,
    printed: String,
}

impl Hunt {
    /// Consents to the app, on the loopback address where the vendor allows it.
    async fn consent(&mut self, host: &Host, app: &App) {
        let pastes = app.vendor == "aha";
        let how = if pastes {
            ["--redirect-uri", AHA_CALLBACK]
        } else {
            ["--port", "0"]
        };
        let mut asked = authorize(host, app.vendor, &how);
        let state = asked.page.split("state=").nth(1).unwrap();
        self.secrets
            .push(state.split('&').next().unwrap().to_owned());
        let callback = browser::consent(&asked.page).await;
        if pastes {
            asked.paste(&callback);
        } else {
            browser::open(&callback).await;
        }
        self.printed.push_str(&asked.done().to_string());
    }

    /// The app's secret, alone and as it goes to the token endpoint.
    fn app(&mut self, client_id: &str, client_secret: &str) {
        use base64::Engine as _;
        let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
        self.secrets.push(client_secret.to_owned());
        self.secrets
            .push(encode(format!("{client_id}:{client_secret}")));
    }

    /// Validates with credentials that the vendor no longer takes.
    fn refused(&mut self, host: &Host, profile: &str) {
        let output = host.seatsync(&["validate", profile]);
        assert!(!output.status.success(), "{}", both(&output));
        self.printed.push_str(&both(&output));
    }

    /// Looks for the secrets everywhere; `issued` is what the vendor gave out and was sent.
    fn ends(mut self, host: &Host, profile: &str, issued: Vec<String>) {
        self.secrets.extend(issued);
        let key = std::fs::read_to_string(host.path("state/token.key"));
        let own_keys: Vec<String> = key.iter().map(|key| key.trim().to_owned()).collect();
        self.secrets.extend(own_keys.clone());
        self.ask(host, profile);
        for secret in &self.secrets {
            assert!(secret.len() >= 16, "too short to be looked for: {secret}");
        }
        assert_eq!(self.found(self.printed.as_bytes()), [""; 0], "is printed");
        let log = host.log();
        assert!(log.contains("TRACE"), "the log is not whole");
        for secret in &self.secrets {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "in the log");
        }
        let files = files(&host.path("state"));
        assert!(files.iter().any(|file| file.ends_with("seatsync.db")));
        for file in files {
            let found = self.found(&std::fs::read(&file).unwrap());
            // The key is allowed in its own file alone.
            let allowed = own_keys.iter().filter(|_| file.ends_with("token.key"));
            let allowed: Vec<&str> = allowed.map(String::as_str).collect();
            assert_eq!(found, allowed, "in {}", file.display());
        }
    }

    /// Everything that can be asked of the daemon.
    fn ask(&mut self, host: &Host, profile: &str) {
        for command in [
            &["status"][..],
            &["status", profile],
            &["connections", "list"],
            &["jobs", "list"],
            &["jobs", "results"],
            &["plan"],
        ] {
            for format in ["table", "json"] {
                let output = host.seatsync(&[command, &["--format", format]].concat());
                self.printed.push_str(&both(&output));
            }
        }
        assert!(self.printed.contains(profile), "{}", self.printed);
        let one = format!("v1/status/{profile}");
        for path in [
            "v1/status",
            &one,
            "v1/connections",
            "v1/jobs",
            "metrics",
            "health",
        ] {
            self.printed.push_str(&fetch(host, path));
        }
    }

    fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let text = text(bytes);
        let found = self.secrets.iter().map(String::as_str);
        found.filter(|secret| text.contains(secret)).collect()
    }
}

/// What the control socket answers, head and body.
fn fetch(host: &Host, path: &str) -> String {
    let mut socket = UnixStream::connect(host.path("run/control.sock")).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

fn start_talkative(host: &mut Host, connection: &str) {
    host.log_level("trace");
    host.start();
    host.until(&["connections", "list"], |all| {
        all["rows"][0]["name"] == connection
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_at_zoom_leaves_no_secret() {
    let vendor = start_zoom().await;
    let app = App::at_zoom(&vendor);
    let mut host = app.host();
    start_talkative(&mut host, "zoom");
    let mut hunt = Hunt::default();
    hunt.app(&app.client_id, &app.client_secret);
    hunt.consent(&host, &app).await;
    host.until_first_run_is_over("zoom");
    vendor.control().expire_tokens();
    host.json(&["validate", "zoom"]);
    vendor.control().withdraw_consent();
    hunt.refused(&host, "zoom");
    let issued = vendor.control().issued();
    assert!(issued.len() >= 6, "a code, a verifier, two pairs");
    hunt.ends(&host, "zoom", issued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_at_goto_leaves_no_secret() {
    let vendor = start_goto().await;
    let app = App::at_goto(&vendor);
    let mut host = app.host();
    start_talkative(&mut host, "goto");
    let mut hunt = Hunt::default();
    hunt.app(&app.client_id, &app.client_secret);
    hunt.consent(&host, &app).await;
    until_downloaded(&host, "goto");
    vendor.control().expire_tokens();
    host.json(&["validate", "goto"]);
    vendor.control().revoke_refresh();
    hunt.refused(&host, "goto");
    let issued = vendor.control().issued();
    assert!(issued.len() >= 5, "a code, a verifier, three tokens");
    hunt.ends(&host, "goto", issued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_at_aha_leaves_no_secret() {
    let vendor = start_aha().await;
    let app = App::at_aha(&vendor);
    let mut host = app.host();
    start_talkative(&mut host, "aha");
    let mut hunt = Hunt::default();
    hunt.app(&app.client_id, &app.client_secret);
    hunt.consent(&host, &app).await;
    until_downloaded(&host, "aha");
    let issued = vendor.control().issued();
    assert!(issued.len() >= 3, "a code, a verifier, a token");
    assert!(vendor.control().revoke(issued.last().unwrap()));
    hunt.refused(&host, "aha");
    hunt.ends(&host, "aha", issued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zooms_account_credentials_leave_no_secret() {
    let vendor = start_zoom().await;
    let mut host = Host::with_zoom(&vendor);
    start_talkative(&mut host, "zoom");
    let mut hunt = Hunt::default();
    hunt.app(vendor.client_id(), vendor.client_secret());
    host.until_first_run_is_over("zoom");
    vendor.control().change_app(vendor.client_id(), |app| {
        assert_eq!(app.kind, AppKind::ServerToServer);
        app.client_secret = Some("another".to_owned());
    });
    vendor.control().expire_tokens();
    hunt.refused(&host, "zoom");
    hunt.ends(&host, "zoom", vendor.control().issued());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gotos_personal_access_token_leaves_no_secret() {
    let vendor = start_goto().await;
    let app = App::at_goto(&vendor);
    let mut host = app.host();
    let client = vendor.client();
    let folder = host.path("secrets");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("token");
    std::fs::write(&file, &client.personal_access_token).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    host.settings(&format!(
        "connections: {{allowed_hosts: [127.0.0.1]}}\nsecrets: {{directories: [\"{}\"]}}\n",
        folder.display()
    ));
    let profile = std::fs::read_to_string(host.path("profiles.d/profile.yaml")).unwrap();
    let token = format!(
        "personal_access_token\n  token: {{file: {}}}",
        file.display()
    );
    host.profile(
        "profile.yaml",
        &profile.replace("authorization_code", &token),
    );
    start_talkative(&mut host, "goto");
    let mut hunt = Hunt::default();
    hunt.app(&app.client_id, &app.client_secret);
    hunt.secrets.push(client.personal_access_token.clone());
    assert!(until_downloaded(&host, "goto") > 0);
    vendor.control().expire_tokens();
    host.json(&["validate", "goto"]);
    vendor
        .control()
        .change_client(|client| client.personal_access_token = "another".to_owned());
    vendor.control().expire_tokens();
    hunt.refused(&host, "goto");
    let issued = vendor.control().issued();
    assert!(issued.len() >= 2, "an access token for each mint");
    hunt.ends(&host, "goto", issued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ahas_api_key_leaves_no_secret() {
    let vendor = start_aha().await;
    let mut host = Host::with_aha(&vendor);
    start_talkative(&mut host, "aha");
    let mut hunt = Hunt::default();
    assert!(until_downloaded(&host, "aha") > 0);
    assert!(vendor.control().revoke(vendor.api_key()));
    hunt.refused(&host, "aha");
    hunt.secrets.push(vendor.api_key().to_owned());
    hunt.ends(&host, "aha", vendor.control().issued());
}
