//! Folders of profiles reconciled with a real store: what is applied, what keeps its last good
//! version, and what waits for a person.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use seatsync::clock::{Clock, ManualClock, SharedClock, SystemClock};
use seatsync::profile::name::Name;
use seatsync::reconcile::{Driver, Outcome, PassOptions, ReconcileHandle, Reconciler, Trigger};
use seatsync::settings::Settings;
use seatsync::store::Store;
use seatsync::store::condition::{Condition, ConditionKind, ConditionStatus};
use seatsync::store::document::RecordedProfile;
use seatsync::store::revision::RevisionOutcome;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const CONNECTION: &str = "kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, account_id: acct, client_id: app, client_secret: {credential: zoom-secret}}
";

fn profile(name: &str, more: &str) -> String {
    format!("kind: Profile\nname: {name}\ntype: zoom\nconnection: zoom\n{more}")
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A host with a folder of profiles and a store, and a clock that stands still between passes.
struct Host {
    folder: PathBuf,
    store: Store,
    clock: ManualClock,
    reconciler: Reconciler,
    _temporary: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("profiles.d");
        fs::create_dir(&folder).unwrap();
        let store = Store::open(temporary.path()).unwrap();
        let clock = ManualClock::at("2027-01-01T00:00:00Z".parse().unwrap());
        let reconciler = reconciler(&folder, &store, Arc::new(clock.clone()));
        Self {
            folder,
            store,
            clock,
            reconciler,
            _temporary: temporary,
        }
    }

    /// A host with the connection and these published profiles in force, each in its own file.
    async fn with(profiles: &[&str]) -> Self {
        let mut host = Self::new();
        host.write("connection.yaml", CONNECTION);
        for called in profiles {
            host.write(
                &format!("{called}.yaml"),
                &profile(called, "state: published\n"),
            );
        }
        let outcome = host.pass().await;
        assert_eq!(outcome.findings, []);
        assert_eq!(outcome.result, RevisionOutcome::Applied);
        host
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.folder.join(file)).unwrap();
    }

    /// A pass a minute later, as somebody asks for it.
    async fn pass(&mut self) -> Arc<Outcome> {
        self.pass_with(PassOptions::default()).await
    }

    async fn pass_with(&mut self, options: PassOptions) -> Arc<Outcome> {
        self.clock.advance(SignedDuration::from_mins(1));
        self.reconciler
            .reconcile(Trigger::Request, options)
            .await
            .unwrap()
    }

    /// The daemon starts anew over the same state.
    fn restart(&mut self) {
        self.reconciler = reconciler(&self.folder, &self.store, Arc::new(self.clock.clone()));
    }

    async fn recorded(&self, called: &str) -> RecordedProfile {
        self.store
            .desired_profile(&name(called))
            .await
            .unwrap()
            .unwrap()
    }

    /// The profiles of which it is uncertain what may be reclaimed, once `file` says this.
    async fn uncertain_with(&mut self, file: &str, text: &str) -> String {
        self.write(file, text);
        self.pass().await;
        let mut uncertain = String::new();
        for profile in ["a", "b", "c"] {
            let trouble = self.store.files_trouble(&name(profile)).await.unwrap();
            uncertain.extend(trouble.map(|_| profile));
        }
        uncertain
    }

    async fn condition(&self, called: &str, kind: ConditionKind) -> Condition {
        let conditions = self.store.conditions(&name(called)).await.unwrap();
        conditions.into_iter().find(|c| c.kind == kind).unwrap()
    }

    async fn stalled(&self, called: &str) -> (ConditionStatus, String) {
        let condition = self.condition(called, ConditionKind::Stalled).await;
        (condition.status, condition.reason)
    }
}

fn reconciler(folder: &std::path::Path, store: &Store, clock: SharedClock) -> Reconciler {
    let settings = Arc::new(Settings::default());
    Reconciler::new(folder.to_owned(), settings, store.clone(), clock)
}

/// The changes of a pass, one line each.
fn changes(outcome: &Outcome) -> Vec<String> {
    outcome
        .plan
        .changes
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[tokio::test]
async fn what_a_folder_says_comes_into_force_and_says_so() {
    let host = Host::with(&["a", "b"]).await;
    let recorded = host.recorded("a").await;
    assert_eq!(recorded.desired.connection.name, "zoom");
    assert!(recorded.first_published_at.is_some());
    let ready = host.condition("a", ConditionKind::Ready).await;
    assert_eq!(
        (ready.status, ready.reason.as_str()),
        (ConditionStatus::Unknown, "Validating")
    );
    let applied = host.store.revision_applied().await.unwrap().unwrap();
    assert_eq!(recorded.revision, applied.digest);
    assert_eq!(ready.observed_revision, applied.digest);
}

#[tokio::test]
async fn an_unchanged_folder_writes_nothing_but_the_attempt() {
    let mut host = Host::with(&["a"]).await;
    let before = host.recorded("a").await;
    let outcome = host.pass().await;
    assert!(outcome.plan.is_empty());
    assert_eq!(outcome.plan.unchanged, 2);
    assert_eq!(host.recorded("a").await, before);
    let attempted = host.store.revision_attempted().await.unwrap().unwrap();
    assert_eq!(attempted.last_attempted_at, host.clock.now());
    assert_eq!(attempted.applied_at, Some(before.applied_at));
    host.restart();
    assert!(host.pass().await.plan.is_empty());
}

#[tokio::test]
async fn an_edit_names_what_it_changes_and_leaves_the_rest() {
    let mut host = Host::with(&["a", "b"]).await;
    let other = host.recorded("b").await;
    host.write("a.yaml", &profile("a", "state: published\nsuspend: true\n"));
    let outcome = host.pass().await;
    assert_eq!(
        changes(&outcome),
        ["~ Profile a (a.yaml)\n    suspend: `false` → `true`"]
    );
    assert!(host.recorded("a").await.desired.profile.suspend);
    assert_eq!(host.recorded("b").await, other);
    let ready = host.condition("a", ConditionKind::Ready).await;
    assert_eq!(
        (ready.status, ready.reason.as_str()),
        (ConditionStatus::False, "Suspended")
    );
}

#[tokio::test]
async fn a_changed_connection_reaches_every_profile_that_uses_it() {
    let mut host = Host::with(&["a"]).await;
    host.write(
        "connection.yaml",
        &CONNECTION.replace("client_id: app", "client_id: other"),
    );
    let outcome = host.pass().await;
    assert_eq!(
        changes(&outcome),
        ["~ Connection zoom (connection.yaml)\n    oauth.client_id: `app` → `other`"]
    );
    assert_eq!(outcome.plan.affected, [name("a")]);
    let recorded = host.recorded("a").await;
    assert_eq!(
        recorded.desired.connection.client_id.as_deref(),
        Some("other")
    );
}

#[tokio::test]
async fn a_broken_edit_leaves_the_old_version_in_force_and_others_go_on() {
    let mut host = Host::with(&["a", "b"]).await;
    let before = host.recorded("a").await;
    host.write(
        "a.yaml",
        &profile("a", "state: published\nsuspended: true\n"),
    );
    host.write("b.yaml", &profile("b", "state: published\nsuspend: true\n"));
    let outcome = host.pass().await;
    assert_eq!(outcome.result, RevisionOutcome::Partial);
    assert_eq!(host.recorded("a").await, before);
    assert!(host.recorded("b").await.desired.profile.suspend);
    let stalled = host.condition("a", ConditionKind::Stalled).await;
    assert_eq!(stalled.status, ConditionStatus::True);
    assert!(stalled.message.contains("a.yaml:6:"), "{}", stalled.message);
    assert!(
        stalled.message.contains("`suspended`"),
        "{}",
        stalled.message
    );
    assert_eq!(host.stalled("b").await.0, ConditionStatus::False);

    host.restart();
    host.pass().await;
    assert_eq!(host.recorded("a").await, before);

    host.write("a.yaml", &profile("a", "state: published\n"));
    let outcome = host.pass().await;
    assert_eq!(outcome.result, RevisionOutcome::Applied);
    assert_eq!(
        host.stalled("a").await,
        (ConditionStatus::False, "Loaded".into())
    );
    assert_eq!(host.recorded("a").await, before);
}

#[tokio::test]
async fn a_profile_that_lost_its_connection_runs_on_with_the_last_good_one() {
    let mut host = Host::with(&["a"]).await;
    let before = host.recorded("a").await;
    host.remove("connection.yaml");
    host.pass().await;
    assert_eq!(host.recorded("a").await, before);
    assert_eq!(
        host.stalled("a").await,
        (ConditionStatus::True, "NotLinked".into())
    );
    host.restart();
    host.pass().await;
    assert_eq!(host.recorded("a").await, before);
}

#[tokio::test]
async fn nothing_is_pruned_while_a_file_hides_what_it_holds() {
    let mut host = Host::with(&["a", "b"]).await;
    host.remove("a.yaml");
    host.write("new.yaml", "kind: Profile\nname: [");
    host.pass().await;
    assert_eq!(host.recorded("a").await.orphaned_at, None);
    assert_eq!(
        host.stalled("a").await,
        (ConditionStatus::True, "NotPruned".into())
    );
    host.remove("new.yaml");
    host.pass().await;
    assert!(host.recorded("a").await.orphaned_at.is_some());
}

#[tokio::test]
async fn a_rule_that_does_not_load_makes_only_the_profiles_uncertain_that_it_names() {
    let mut host = Host::with(&["a", "b", "c"]).await;
    let rule = |name: &str, more: &str| {
        format!("{{kind: ReclamationRule, name: {name}, identifiers: [zoom.licensed], {more}}}\n")
    };
    let good = rule("idle", "profiles: [a], mode: manual");
    assert_eq!(host.uncertain_with("idle.yaml", &good).await, "");
    let moved = rule("idle", "profiles: [b], mode: sometimes");
    assert_eq!(
        host.uncertain_with("idle.yaml", &moved).await,
        "ab",
        "the last good version's and the new one's"
    );
    let nobody = rule("idle", "mode: sometimes");
    assert_eq!(host.uncertain_with("idle.yaml", &nobody).await, "abc");
    assert_eq!(host.uncertain_with("idle.yaml", &good).await, "");
    let new = rule("late", "profiles: [c], mode: sometimes");
    assert_eq!(
        host.uncertain_with("late.yaml", &new).await,
        "c",
        "one that never loaded"
    );
    assert_eq!(
        host.uncertain_with("late.yaml", "kind: ReclamationRule\nprofiles: [c\n")
            .await,
        "abc"
    );
    let trouble = host.store.files_trouble(&name("a")).await.unwrap().unwrap();
    assert!(trouble.contains("late.yaml"), "{trouble}");
    assert_eq!(
        host.uncertain_with("late.yaml", &rule("late", "profiles: [c], mode: sometimes"))
            .await,
        "c"
    );
    let trouble = host.store.files_trouble(&name("c")).await.unwrap().unwrap();
    assert!(
        trouble.contains("`late` does not load") && trouble.contains("seatsync check"),
        "{trouble}"
    );
}

#[tokio::test]
async fn a_removed_profile_is_orphaned_and_comes_back_as_itself() {
    let mut host = Host::with(&["a", "b"]).await;
    let before = host.recorded("a").await;
    host.remove("a.yaml");
    let outcome = host.pass().await;
    assert_eq!(
        changes(&outcome),
        ["- Profile a (a.yaml): its jobs stop, its data stays"]
    );
    assert_eq!(host.recorded("a").await.orphaned_at, Some(host.clock.now()));
    let ready = host.condition("a", ConditionKind::Ready).await;
    assert_eq!(
        (ready.status, ready.reason.as_str()),
        (ConditionStatus::False, "Orphaned")
    );
    host.write("elsewhere.yaml", &profile("a", "state: published\n"));
    host.pass().await;
    let after = host.recorded("a").await;
    assert_eq!((after.id, after.orphaned_at), (before.id, None));
    let ready = host.condition("a", ConditionKind::Ready).await;
    assert_eq!(ready.reason, "Validating");
}

#[tokio::test]
async fn a_renamed_profile_keeps_its_history_through_formerly() {
    let mut host = Host::with(&["old"]).await;
    let before = host.recorded("old").await;
    host.remove("old.yaml");
    host.write(
        "new.yaml",
        &profile("new", "state: published\nformerly: [old]\n"),
    );
    let outcome = host.pass().await;
    assert_eq!(outcome.findings, []);
    let after = host.recorded("new").await;
    assert_eq!(after.id, before.id);
    assert_eq!(after.first_published_at, before.first_published_at);
    let gone = host.store.desired_profile(&name("old")).await.unwrap();
    assert_eq!(gone, None);
    assert!(host.pass().await.plan.is_empty());
}

#[tokio::test]
async fn a_former_name_that_comes_after_the_rename_is_told_to_change_nothing() {
    let mut host = Host::with(&["old"]).await;
    host.remove("old.yaml");
    host.write("new.yaml", &profile("new", "state: published\n"));
    assert_eq!(host.pass().await.findings, []);
    let late = profile("new", "state: published\nformerly: [old]\n");
    host.write("new.yaml", &late);
    for _ in 0..2 {
        let outcome = host.pass().await;
        let [found] = outcome.findings.as_slice() else {
            panic!("{:?}", outcome.findings);
        };
        let told = found.to_string();
        assert!(!found.is_error(), "{told}");
        assert!(told.contains("new.yaml:6:12: `old` was removed"), "{told}");
        assert!(told.contains("take `old` out of `formerly`"), "{told}");
        assert_eq!(outcome.result, RevisionOutcome::Applied);
    }
    assert!(host.recorded("old").await.orphaned_at.is_some());
    let preview = host.reconciler.preview().await.unwrap();
    assert_eq!(preview.findings.len(), 1);
    host.write("new.yaml", &profile("new", "state: published\n"));
    assert_eq!(host.pass().await.findings, []);
}

#[tokio::test]
async fn an_empty_or_vanished_folder_is_held_until_a_person_confirms_it() {
    let mut host = Host::with(&["a"]).await;
    for vanish in [false, true] {
        host.remove("a.yaml");
        host.remove("connection.yaml");
        if vanish {
            fs::remove_dir(&host.folder).unwrap();
        }
        let outcome = host.pass().await;
        assert_eq!(outcome.result, RevisionOutcome::Held);
        let held = outcome.held().unwrap();
        assert!(held.contains("seatsync reload --allow-empty"), "{held}");
        assert_eq!(host.recorded("a").await.orphaned_at, None);
        assert_eq!(
            host.stalled("a").await,
            (ConditionStatus::True, "FolderHeld".into())
        );

        fs::create_dir_all(&host.folder).unwrap();
        host.write("a.yaml", &profile("a", "state: published\n"));
        host.write("connection.yaml", CONNECTION);
        assert_eq!(host.pass().await.result, RevisionOutcome::Applied);
        assert_eq!(host.stalled("a").await.0, ConditionStatus::False);
    }
    fs::remove_dir_all(&host.folder).unwrap();
    let allow_empty = PassOptions {
        allow_empty: true,
        full: false,
    };
    let outcome = host.pass_with(allow_empty).await;
    assert_eq!(outcome.held(), None);
    assert!(host.recorded("a").await.orphaned_at.is_some());
    let again = host.pass().await;
    assert_eq!(again.held(), None);
}

#[tokio::test]
async fn a_preview_tells_and_changes_nothing() {
    let mut host = Host::with(&["a"]).await;
    let before = host.recorded("a").await;
    host.write("a.yaml", &profile("a", "state: draft\n"));
    let preview = host.reconciler.preview().await.unwrap();
    assert_eq!(preview.plan.changes.len(), 1);
    assert_eq!(host.recorded("a").await, before);
    let outcome = host.pass().await;
    assert_eq!(outcome.plan.digest(), preview.plan.digest());
}

/// A running driver over a folder, on the host's own clock.
struct Running {
    host: Host,
    handle: ReconcileHandle,
    applied: Arc<Notify>,
    stop: CancellationToken,
}

impl Running {
    async fn over(host: Host) -> Self {
        let clock: SharedClock = Arc::new(SystemClock);
        let applied = Arc::new(Notify::new());
        let reconciler = reconciler(&host.folder, &host.store, Arc::clone(&clock));
        let (driver, handle) = Driver::new(reconciler, clock, Arc::clone(&applied));
        let stop = CancellationToken::new();
        tokio::spawn(driver.run(stop.clone()));
        let running = Self {
            host,
            handle,
            applied,
            stop,
        };
        running.until(|_| true).await;
        running
    }

    /// Waits for an outcome that is so.
    async fn until(&self, so: impl Fn(&Outcome) -> bool) -> Arc<Outcome> {
        let mut outcomes = self.handle.subscribe();
        let found = outcomes.wait_for(|last| last.as_ref().is_some_and(|last| so(last)));
        let found = tokio::time::timeout(Duration::from_secs(20), found).await;
        found
            .expect("no such outcome in time")
            .unwrap()
            .clone()
            .unwrap()
    }
}

#[tokio::test]
async fn the_driver_applies_an_edit_by_itself_and_wakes_who_plans_jobs() {
    let running = Running::over(Host::with(&["a"]).await).await;
    running
        .host
        .write("a.yaml", &profile("a", "state: published\nsuspend: true\n"));
    let outcome = running.until(|last| !last.plan.is_empty()).await;
    assert_eq!(outcome.trigger, Trigger::Change);
    running.applied.notified().await;
    assert!(running.host.recorded("a").await.desired.profile.suspend);
    running.stop.cancel();
}

#[tokio::test]
async fn a_reload_answers_when_the_folder_is_in_force() {
    let running = Running::over(Host::with(&["a"]).await).await;
    running.host.write("b.yaml", &profile("b", ""));
    let outcome = running.handle.reload(false).await.unwrap();
    assert_eq!(changes(&outcome), ["+ Profile b (b.yaml)"]);
    let preview = running.handle.plan().await.unwrap();
    assert!(preview.plan.is_empty());
    assert!(running.handle.last().is_some());
    running.stop.cancel();
}

#[tokio::test]
async fn a_rescan_finds_what_no_event_told() {
    let host = Host::with(&["a"]).await;
    let clock: SharedClock = Arc::new(host.clock.clone());
    let reconciler = reconciler(&host.folder, &host.store, Arc::clone(&clock));
    let (driver, handle) = Driver::new(reconciler, clock, Arc::new(Notify::new()));
    let stop = CancellationToken::new();
    tokio::spawn(driver.run(stop.clone()));
    let mut outcomes = handle.subscribe();
    outcomes.wait_for(Option::is_some).await.unwrap();

    // A write through another name of the file tells the folder nothing.
    let other_name = host.folder.with_file_name("other-name");
    fs::hard_link(host.folder.join("a.yaml"), &other_name).unwrap();
    fs::write(
        &other_name,
        profile("a", "state: published\nsuspend: true\n"),
    )
    .unwrap();
    host.clock.advance(SignedDuration::from_mins(1));
    let found = outcomes.wait_for(|last| last.as_ref().is_some_and(|l| !l.plan.is_empty()));
    let found = tokio::time::timeout(Duration::from_secs(20), found).await;
    let trigger = found.unwrap().unwrap().as_ref().unwrap().trigger;
    assert_eq!(trigger, Trigger::Rescan);
    stop.cancel();
}

#[tokio::test]
async fn an_organisation_wide_exclusion_reaches_a_profile_at_its_last_good_version() {
    let mut host = Host::with(&["a"]).await;
    host.write(
        "a.yaml",
        &profile("a", "state: published\nsuspended: true\n"),
    );
    host.write(
        "company.yaml",
        "kind: Exclusions\nname: company\nusers: [{user: ceo@example.com, reason: board}]\n",
    );
    let outcome = host.pass().await;
    assert_eq!(outcome.plan.affected, [name("a")]);
    assert_eq!(host.recorded("a").await.desired.exclusions.len(), 1);
    assert_eq!(
        host.stalled("a").await,
        (ConditionStatus::True, "DocumentBroken".into())
    );
    assert!(host.pass().await.plan.is_empty());
}
