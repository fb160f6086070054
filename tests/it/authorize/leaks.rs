//! Nothing of a secret is to be found anywhere.

use std::path::Path;

use vendor_sim::zoom::AppKind;

use super::super::support::{browser, text};
use super::{App, authorize, start_zoom};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_and_no_token_is_found_in_files_logs_or_answers() {
    let vendor = start_zoom().await;
    let mut host = App::at_zoom(&vendor).host();
    host.log_level("trace");
    host.start();
    host.until(&["connections", "list"], |all| all[0]["name"] == "zoom");
    let asked = authorize(&host, "zoom", &["--port", "0"]);
    let state = asked.page.split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap().to_owned();
    let callback = browser::consent(&asked.page).await;
    browser::open(&callback).await;
    asked.done();
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
