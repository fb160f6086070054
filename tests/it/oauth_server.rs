//! The authorization code grant against an OAuth server that is not ours: npm's
//! `oauth2-mock-server`, which checks PKCE and gives refresh tokens.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::SignedDuration;
use seatsync::clock::{Clock as _, ManualClock};
use seatsync::connector::authorize::AuthorizeError;
use seatsync::connector::grant::GrantKeeper as _;
use seatsync::connector::{CallStats, Connector as _, ConnectorOptions, Connectors};
use seatsync::profile::identifier::{ProfileType, Vendor};
use seatsync::profile::model::{Grant, Plan, ResolvedConnection, Retry, SecretRef};
use seatsync::secret::Secrets;
use seatsync::secret::seal::Sealer;
use seatsync::store::Store;
use seatsync::store::grant::GrantVault;

use super::support::browser;

/// The server, gone with the value.
struct Server {
    process: Child,
    origin: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Says so where the test has to be skipped.
    fn start() -> Option<Self> {
        let program = installed();
        if !program.exists() {
            eprintln!("SKIP: {} is not installed", program.display());
            return None;
        }
        let mut process = Command::new("node")
            .arg(program)
            .args(["-a", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let origin = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("listening on ")?.1.trim().to_owned()))
            .expect("the server ended before it served");
        // It stops when nobody reads what it says.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { process, origin })
    }
}

fn installed() -> PathBuf {
    let package = "../oauth-server/node_modules/oauth2-mock-server";
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    package.join("dist/oauth2-mock-server.mjs")
}

#[tokio::test]
async fn another_server_accepts_our_codes_verifiers_and_refreshes() {
    let Some(server) = Server::start() else {
        return;
    };
    let origin = &server.origin;
    let connection = ResolvedConnection {
        name: "other".to_owned(),
        vendor: Vendor::Zoom,
        url: format!("{origin}/v2"),
        grant: Grant::AuthorizationCode,
        token_url: format!("{origin}/token"),
        authorize_url: format!("{origin}/authorize"),
        account_id: None,
        client_id: Some("app".to_owned()),
        client_secret: Some(SecretRef::Env("APP_SECRET".to_owned())),
        token: None,
        plan: Plan::Pro,
        share: 25,
        retry: Retry::default(),
    };
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets::new(None, [("APP_SECRET".to_owned(), "hush".to_owned())]);
    let secrets = Arc::new(secrets);
    let sealer = Sealer::new(secrets.clone(), folder.path());
    let store = Store::open(folder.path()).unwrap();
    let vault = GrantVault::open(store, sealer).await.unwrap();
    let clock = ManualClock::at("2026-03-02T09:00:00Z".parse().unwrap());
    let connectors = Connectors::new(
        secrets,
        Arc::new(clock.clone()),
        ConnectorOptions::default(),
    )
    .keeping_grants(Arc::new(vault.clone()));
    let begin = || {
        let callback = "http://127.0.0.1:7328/callback";
        let begun = connectors.begin_authorization(&connection, callback, "uid 0");
        begun.unwrap()
    };

    let (ours, theirs) = (begin(), begin());
    let swapped = browser::consent(&theirs.url).await;
    let swapped = swapped.replace(&theirs.state, &ours.state);
    let refused = connectors.complete_authorization(&swapped, "uid 0").await;
    assert!(
        matches!(refused, Err(AuthorizeError::Connector(_))),
        "a code with another's verifier: {refused:?}"
    );
    assert_eq!(vault.facts("other"), None);

    let redirected = browser::consent(&begin().url).await;
    let done = connectors
        .complete_authorization(&redirected, "uid 0")
        .await;
    assert_eq!(done.unwrap().facts.scopes, ["dummy"]);

    clock.advance(SignedDuration::from_hours(1));
    let zoom = connectors.connect(&connection, None, ProfileType::Zoom, &CallStats::default());
    // It is no Zoom, so the call itself fails; what matters is the token that it was made with.
    let error = zoom.unwrap().account().await.unwrap_err();
    assert_eq!(error.context().unwrap().status, Some(404), "{error}");
    let facts = vault.facts("other").unwrap();
    assert_eq!(facts.refresh_issued_at, Some(clock.now()));
    assert_eq!(facts.unanswered_since, None);
}
