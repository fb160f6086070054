//! A person's consent at Zoom: given, carried on over rotating refresh tokens and restarts, and at
//! its end told once and clearly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use seatsync::connector::authorize::{AuthorizeError, Authorized, Begun};
use seatsync::connector::grant::{
    GrantFacts, GrantKeeper, GrantOwner, KeeperError, Keeping, KeptGrant,
};
use seatsync::connector::{AnyConnector, Connector as _, ConnectorError, Connectors};
use seatsync::profile::identifier::ProfileType;
use seatsync::profile::model::{Grant, ResolvedConnection, SecretRef};
use seatsync::secret::Secrets;
use seatsync::secret::seal::Sealer;
use seatsync::store::Store;
use seatsync::store::grant::GrantVault;
use tempfile::TempDir;
use vendor_sim::Consent as Answer;
use vendor_sim::zoom::{Action, AppKind, Fault};

use super::{Bench, impatient, walk};
use crate::support::browser;

const CALLBACK: &str = "http://127.0.0.1:7328/callback";
const ASKER: &str = "uid 0";

/// A simulated account with a connection that needs a person, and a state directory.
struct Consent {
    bench: Bench,
    folder: TempDir,
    store: Store,
}

impl Consent {
    async fn new() -> Self {
        let mut bench = Bench::start().await;
        let app = bench.sim.app(AppKind::General).unwrap().clone();
        bench.connection.grant = Grant::AuthorizationCode;
        bench.connection.account_id = None;
        bench.connection.client_id = Some(app.client_id);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut consent = Self {
            bench,
            folder,
            store,
        };
        consent.restart().await;
        consent
    }

    fn secrets(&self) -> Arc<Secrets> {
        let app = self.bench.sim.app(AppKind::General).unwrap();
        let secret = app.client_secret.clone().unwrap();
        let credentials = self.folder.path().join("credentials");
        Arc::new(Secrets::new(
            Some(credentials),
            [("ZOOM_SECRET".to_owned(), secret)],
        ))
    }

    async fn vault(&self) -> GrantVault {
        let sealer = Sealer::new(self.secrets(), self.folder.path());
        GrantVault::open(self.store.clone(), sealer).await.unwrap()
    }

    /// Another daemon on the same state.
    async fn restart(&mut self) {
        let vault = self.vault().await;
        self.start_with(Arc::new(vault));
    }

    fn start_with(&mut self, keeper: Arc<dyn GrantKeeper>) {
        let clock = Arc::new(self.bench.clock.clone());
        self.bench.connectors =
            Connectors::new(self.secrets(), clock, impatient()).keeping_grants(keeper);
    }

    fn begin(&self) -> Begun {
        self.bench
            .connectors
            .begin_authorization(&self.bench.connection, CALLBACK, ASKER)
            .unwrap()
    }

    async fn complete(&self, redirected: &str) -> Result<Authorized, AuthorizeError> {
        self.bench
            .connectors
            .complete_authorization(redirected, ASKER)
            .await
    }

    async fn authorize(&self) -> Authorized {
        let redirected = browser::consent(&self.begin().url).await;
        self.complete(&redirected).await.unwrap()
    }

    fn zoom(&self) -> AnyConnector {
        self.bench.zoom()
    }

    async fn refused(&self) -> String {
        let error = self.zoom().account().await.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Unauthorized { .. }),
            "{error:?}"
        );
        error.to_string()
    }

    async fn misconfigured(&self) -> String {
        let error = self.zoom().account().await.unwrap_err();
        assert!(
            matches!(error, ConnectorError::Misconfigured { .. }),
            "{error:?}"
        );
        error.to_string()
    }

    fn pass(&self, by: SignedDuration) {
        self.bench.clock.0.advance(by);
    }

    async fn facts(&self) -> GrantFacts {
        self.vault().await.facts("zoom-emea").unwrap()
    }

    /// The row as it lies on the disk.
    fn row(&self) -> (String, Vec<u8>) {
        rusqlite::Connection::open(self.folder.path().join("seatsync.db"))
            .unwrap()
            .query_row(
                "SELECT key_id, sealed FROM grants WHERE connection = 'zoom-emea'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap()
    }
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn a_consent_is_asked_for_given_and_used() {
    let consent = Consent::new().await;
    let message = consent.refused().await;
    assert!(
        message.contains(
            "nobody has authorised connection `zoom-emea` yet: run `seatsync authorize zoom-emea`"
        ),
        "{message}"
    );
    assert_eq!(consent.bench.mints(), 0);
    let authorized = consent.authorize().await;
    assert_eq!(authorized.connection, "zoom-emea");
    let facts = authorized.facts;
    assert_eq!(facts.authorized_by, ASKER);
    assert_eq!(
        facts.account.as_deref(),
        Some(consent.bench.sim.account_id())
    );
    assert!(facts.principal.unwrap().contains('@'));
    assert!(
        facts
            .scopes
            .contains(&"user:read:list_users:admin".to_owned())
    );
    let account = consent.zoom().account().await.unwrap();
    assert_eq!(account.id, consent.bench.sim.account_id());
    assert_eq!(account.scopes, facts.scopes);
    let (report, _) = walk(&consent.zoom()).await;
    assert_eq!(report.unwrap().users, 200);
    assert_eq!(consent.bench.mints(), 1);
}

#[tokio::test]
async fn an_answer_counts_once_for_whom_it_was_asked_and_in_time() {
    let consent = Consent::new().await;
    let redirected = browser::consent(&consent.begin().url).await;
    let connectors = &consent.bench.connectors;
    let stranger = connectors
        .complete_authorization(&redirected, "uid 1000")
        .await;
    assert!(matches!(stranger, Err(AuthorizeError::UnknownState)));
    let elsewhere = redirected.replace("state=", "state=x");
    let forged = consent.complete(&elsewhere).await;
    assert!(matches!(forged, Err(AuthorizeError::UnknownState)));
    consent.complete(&redirected).await.unwrap();
    let again = consent.complete(&redirected).await;
    assert!(matches!(again, Err(AuthorizeError::UnknownState)));
    assert_eq!(consent.bench.mints(), 1);

    let late = browser::consent(&consent.begin().url).await;
    consent.pass(SignedDuration::from_mins(15));
    let late = consent.complete(&late).await;
    assert!(matches!(late, Err(AuthorizeError::UnknownState)));
    for text in [
        "",
        "no address",
        "http://127.0.0.1:7328/callback",
        "http://x/?code=1",
    ] {
        let error = consent.complete(text).await.unwrap_err();
        assert!(matches!(error, AuthorizeError::NotARedirect(_)), "{text}");
    }
    let (connection, connectors) = (&consent.bench.connection, &consent.bench.connectors);
    for uri in [
        "http://example.com/",
        "ftp://127.0.0.1/",
        "urn:ietf:wg:oauth:2.0:oob",
        "",
    ] {
        let error = connectors.begin_authorization(connection, uri, ASKER);
        assert!(
            matches!(error, Err(AuthorizeError::RedirectUri(_))),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_code_of_another_authorisation_is_worth_nothing() {
    let consent = Consent::new().await;
    let (ours, theirs) = (consent.begin(), consent.begin());
    let code = browser::consent(&theirs.url).await;
    let swapped = code.replace(&theirs.state, &ours.state);
    let error = consent.complete(&swapped).await.unwrap_err();
    assert!(
        matches!(
            &error,
            AuthorizeError::Connector(ConnectorError::Unauthorized { .. })
        ),
        "{error:?}"
    );
    let told = error.to_string();
    let expected = "get an access token: the vendor refuses the credentials: Invalid Token!: run `seatsync authorize zoom-emea` again; it is `127.0.0.1:";
    assert!(told.starts_with(expected), "{told}");
    assert!(consent.refused().await.contains("nobody has authorised"));
}

#[tokio::test]
async fn a_person_who_says_no_changes_nothing() {
    let consent = Consent::new().await;
    consent.authorize().await;
    consent
        .bench
        .control()
        .switch(|switches| switches.consent = Answer::Deny);
    let redirected = browser::consent(&consent.begin().url).await;
    let error = consent.complete(&redirected).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "connection `zoom-emea` was not authorised: somebody denied it on the vendor's page (`access_denied`). Nothing was changed; run `seatsync authorize zoom-emea` to ask again"
    );
    consent.zoom().account().await.unwrap();
}

#[tokio::test]
async fn refresh_tokens_are_replaced_by_one_caller_and_outlive_the_process() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    // The access token was kept too: a restart asks for nothing.
    consent.restart().await;
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.bench.mints(), 1);
    for round in 2..6 {
        consent.pass(hours(1));
        let mut jobs = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let zoom = consent.bench.zoom_for(ProfileType::ZoomWorkplace);
            jobs.spawn(async move { zoom.account().await });
        }
        while let Some(account) = jobs.join_next().await {
            account.unwrap().unwrap();
        }
        assert_eq!(consent.bench.mints(), round);
        if round % 2 == 0 {
            consent.restart().await;
        }
    }
    let facts = consent.facts().await;
    assert_eq!(facts.unanswered_since, None);
    let now = consent.bench.clock.0.clone();
    let issued = facts.refresh_issued_at.unwrap();
    assert_eq!(issued, seatsync::clock::Clock::now(&now));
    assert_eq!(
        facts.refresh_ends_at.unwrap().duration_since(issued),
        hours(90 * 24)
    );
}

#[tokio::test]
async fn a_withdrawn_consent_is_tried_once_told_and_healed_by_a_new_one() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    consent.bench.control().withdraw_consent();
    let expected = "the vendor no longer accepts the authorisation of connection `zoom-emea` (Invalid Token!): run `seatsync authorize zoom-emea`";
    let message = consent.refused().await;
    assert!(message.contains(expected), "{message}");
    assert_eq!(consent.bench.mints(), 2);
    for _ in 0..3 {
        consent.pass(hours(24));
        assert!(consent.refused().await.ends_with(expected));
        consent.restart().await;
    }
    assert_eq!(consent.bench.mints(), 2);
    assert_eq!(
        consent
            .facts()
            .await
            .warning("zoom-emea", consent.bench.control().now())
            .unwrap(),
        expected
    );
    consent.authorize().await;
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.facts().await.dead, None);
}

#[tokio::test]
async fn a_refresh_that_went_unanswered_is_asked_again_and_its_loss_is_named() {
    let consent = Consent::new().await;
    consent.authorize().await;
    let reset =
        |after_effect| Fault::on_path("/oauth/token", Action::Reset { after_effect }).times(1);
    consent.bench.control().set_fault(reset(false));
    consent.pass(hours(1));
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.facts().await.unanswered_since, None);

    consent.bench.control().set_fault(reset(true));
    consent.pass(hours(1));
    let message = consent.refused().await;
    assert!(
        message.contains("(Invalid Token!; the answer to a refresh was lost at 2026-03-02T11:00:00Z, and the vendor may take a refresh token only once): run `seatsync authorize zoom-emea`"),
        "{message}"
    );
}

#[tokio::test]
async fn an_outage_in_the_middle_of_a_refresh_is_remembered_over_a_restart() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    let lost = Action::Reset { after_effect: true };
    consent
        .bench
        .control()
        .set_fault(Fault::on_path("/oauth/token", lost).times(1));
    let down = Action::Reset {
        after_effect: false,
    };
    consent
        .bench
        .control()
        .set_fault(Fault::on_path("/oauth/token", down));
    consent.pass(hours(1));
    let error = consent.zoom().account().await.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Unavailable { .. }),
        "{error:?}"
    );
    let since = consent.facts().await.unanswered_since.unwrap();
    consent.bench.control().clear_faults();
    consent.restart().await;
    let message = consent.refused().await;
    assert!(
        message.contains(&format!("was lost at {since}")),
        "{message}"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_lose_the_new_token() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    let slow = Action::Delay { millis: 300 };
    consent
        .bench
        .control()
        .set_fault(Fault::on_path("/oauth/token", slow).times(1));
    consent.pass(hours(1));
    let zoom = consent.zoom();
    let mut call = Box::pin(zoom.account());
    // Polled until the request is out, then dropped, as a job is by SIGTERM.
    while consent.bench.mints() < 2 {
        tokio::select! {
            biased;
            _ = &mut call => panic!("it was to be slow"),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(call);
    consent.bench.connectors.close().await;
    consent.restart().await;
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.bench.mints(), 2);
}

#[tokio::test]
async fn a_wrong_client_secret_does_not_end_the_consent() {
    let consent = Consent::new().await;
    consent.authorize().await;
    let client_id = consent.bench.connection.client_id.clone().unwrap();
    let right = consent
        .bench
        .sim
        .app(AppKind::General)
        .unwrap()
        .client_secret
        .clone();
    let set = |secret: Option<String>| {
        consent
            .bench
            .control()
            .change_app(&client_id, |app| app.client_secret = secret);
    };
    set(Some("another".to_owned()));
    consent.pass(hours(1));
    let message = consent.refused().await;
    assert!(
        message.contains("check `client_id` and the client secret of connection `zoom-emea`"),
        "{message}"
    );
    set(right);
    consent.zoom().account().await.unwrap();
}

#[tokio::test]
async fn a_consent_that_ends_of_age_warns_before() {
    let consent = Consent::new().await;
    consent.authorize().await;
    let warning = |facts: GrantFacts| facts.warning("zoom-emea", consent.bench.control().now());
    consent.pass(hours(79 * 24));
    assert_eq!(warning(consent.facts().await), None);
    consent.pass(hours(24));
    let text = warning(consent.facts().await).unwrap();
    assert!(
        text.contains("in 10 days: run `seatsync authorize zoom-emea`"),
        "{text}"
    );
    consent.pass(hours(11 * 24));
    assert!(
        consent
            .refused()
            .await
            .contains("run `seatsync authorize zoom-emea`")
    );
}

#[tokio::test]
async fn tokens_open_only_for_the_connection_they_were_given_to() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    let before = consent.row();
    let right = consent.bench.connection.clone();
    let changes: [fn(&mut ResolvedConnection); 3] = [
        |c| c.client_id = Some("other".to_owned()),
        |c| c.token_url = c.token_url.replace("127.0.0.1", "localhost"),
        |c| c.url = c.url.replace("127.0.0.1", "localhost"),
    ];
    for change in changes {
        change(&mut consent.bench.connection);
        let message = consent.misconfigured().await;
        assert!(
            message.contains("another `client_id`, `url` or `token_url`"),
            "{message}"
        );
        assert!(
            message.contains("run `seatsync authorize zoom-emea`"),
            "{message}"
        );
        consent.bench.connection = right.clone();
        consent.restart().await;
    }
    // Somebody with the database gives the row to a connection of their own.
    let other = {
        let mut other = right.clone();
        other.name = "mine".to_owned();
        other
    };
    let database = rusqlite::Connection::open(consent.folder.path().join("seatsync.db")).unwrap();
    let copy = "INSERT INTO grants SELECT 'mine', bound_to, key_id, sealed, facts FROM grants";
    database.execute(copy, []).unwrap();
    consent.restart().await;
    consent.bench.connection = other.clone();
    let message = consent.misconfigured().await;
    assert!(message.contains("another `client_id`"), "{message}");
    // Somebody who also makes the row look as if it were theirs still has the wrong seal.
    consent.authorize().await;
    let swap =
        "UPDATE grants SET sealed = (SELECT sealed FROM grants WHERE connection = 'zoom-emea')
                WHERE connection = 'mine'";
    database.execute(swap, []).unwrap();
    consent.restart().await;
    let message = consent.misconfigured().await;
    assert!(
        message.contains("was changed since: run `seatsync authorize mine`"),
        "{message}"
    );
    consent.bench.connection = right;
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.row(), before);
    assert_eq!(consent.bench.mints(), 2);
}

#[tokio::test]
async fn a_lost_key_is_named_nothing_is_overwritten_and_the_key_may_come_back() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    let before = consent.row();
    let (file, aside) = (
        consent.folder.path().join("token.key"),
        consent.folder.path().join("aside"),
    );
    std::fs::rename(&file, &aside).unwrap();
    consent.restart().await;
    consent.pass(hours(2));
    let message = consent.misconfigured().await;
    for part in [
        &*before.0,
        "there is no key",
        "seatsync-token-key",
        "or run `seatsync authorize",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!file.exists(), "no key is made where one is missing");
    assert_eq!(consent.row(), before);
    std::fs::rename(&aside, &file).unwrap();
    consent.zoom().account().await.unwrap();
}

#[tokio::test]
async fn a_public_app_needs_no_secret() {
    let mut consent = Consent::new().await;
    let client_id = consent.bench.connection.client_id.clone().unwrap();
    consent
        .bench
        .control()
        .change_app(&client_id, |app| app.client_secret = None);
    consent.bench.connection.client_secret = None;
    consent.authorize().await;
    consent.pass(hours(1));
    consent.zoom().account().await.unwrap();
    consent.bench.connection.client_secret = Some(SecretRef::Env("ZOOM_SECRET".to_owned()));
}

/// A vault whose disk fills up.
#[derive(Debug)]
struct FullDisk {
    vault: GrantVault,
    full: AtomicBool,
}

impl GrantKeeper for FullDisk {
    fn load<'a>(&'a self, owner: &'a GrantOwner) -> Keeping<'a, Option<KeptGrant>> {
        self.vault.load(owner)
    }

    fn keep<'a>(&'a self, owner: &'a GrantOwner, grant: &'a KeptGrant) -> Keeping<'a, ()> {
        if self.full.load(Ordering::Relaxed) {
            let error = KeeperError::Store {
                connection: owner.connection.clone(),
                reason: "database or disk is full".to_owned(),
            };
            return Box::pin(async { Err(error) });
        }
        self.vault.keep(owner, grant)
    }

    fn note<'a>(&'a self, owner: &'a GrantOwner, facts: &'a GrantFacts) -> Keeping<'a, ()> {
        self.vault.note(owner, facts)
    }

    fn facts(&self, connection: &str) -> Option<GrantFacts> {
        self.vault.facts(connection)
    }
}

#[tokio::test]
async fn a_token_that_the_disk_does_not_take_is_not_used_and_not_lost() {
    let mut consent = Consent::new().await;
    consent.authorize().await;
    let disk = Arc::new(FullDisk {
        vault: consent.vault().await,
        full: AtomicBool::new(true),
    });
    consent.start_with(disk.clone());
    consent.pass(hours(1));
    consent.bench.control().clear_requests();
    let error = consent.zoom().account().await.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(
        consent.bench.control().requests().len(),
        1,
        "the refresh alone"
    );
    disk.full.store(false, Ordering::Relaxed);
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.bench.mints(), 1);
    consent.restart().await;
    consent.zoom().account().await.unwrap();
    assert_eq!(consent.bench.mints(), 1);
}
