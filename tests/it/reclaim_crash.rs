//! kill -9 around a vendor write: whatever the point, the vendor is changed once and the record is true.

use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use vendor_sim::{AhaSim, AhaSimOptions, GoToSim, ZoomSim, aha, goto as goto_sim, zoom};

use super::reclaim::{host, last_reclaim, release_of, vendor};
use super::support::{Host, SEATSYNC, aha_profile, goto};

/// For settings: a twentieth of a small account's seats would be one.
const TWO_IN_A_RUN: &str = "guards: {max_per_run: {percent: 50, count: 25}}\n";

/// Where the daemon is killed, by the call that is not answered then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// It asks whose account it is: nothing is intended yet.
    Account,
    /// It asks for a token: nothing is intended yet.
    Token,
    /// It reads the user again: the write is intended.
    FreshRead,
    /// The vendor has the call, and did nothing so far.
    Call,
    /// The change took effect: the daemon does not know.
    CallDone,
    /// It reads back what became of the change.
    ReadBack,
    /// The first write is recorded: it reads the next user again.
    NextRead,
}

/// A simulated account, as far as these tests steer it.
trait Account {
    /// The profile's name.
    const PROFILE: &'static str;
    /// The seats that are taken back.
    const IDENTIFIER: &'static str;
    /// The points that there are.
    const POINTS: &'static [Point];

    /// Lets the call of a point hang from now on; `next` is who is written to after the first.
    fn hang(&self, point: Point, next: &str);
    /// Waits until that call has come.
    async fn until_it_hangs(&self);
    /// Answers everything again.
    fn answer(&self);
    /// Forgets the calls so far.
    fn forget_calls(&self);
    /// How many changes of a user took place.
    fn changes(&self, user: &str) -> usize;
}

macro_rules! account {
    (
        $sim:ty, $vendor:ident, $profile:literal, $identifier:literal, $account:literal,
        $write:ident, $user:ident, $points:expr
    ) => {
        impl Account for $sim {
            const PROFILE: &'static str = $profile;
            const IDENTIFIER: &'static str = $identifier;
            const POINTS: &'static [Point] = $points;

            fn hang(&self, point: Point, next: &str) {
                use $vendor::{Action, Endpoint, Fault};
                let fault = match point {
                    Point::Account => Fault::on_path($account, Action::Hang),
                    Point::Token => Fault::on_path("/oauth/token", Action::Hang),
                    Point::FreshRead => Fault::on(Endpoint::GetUser, Action::Hang),
                    Point::Call => Fault::on(Endpoint::$write, Action::Hang),
                    Point::CallDone => Fault::on(Endpoint::$write, Action::Swallow),
                    Point::ReadBack => Fault::on(Endpoint::GetUser, Action::Hang).after(1),
                    Point::NextRead => Fault::on(Endpoint::GetUser, Action::Hang).for_user(next),
                };
                if point == Point::Token {
                    expire_tokens!($vendor, self);
                }
                self.control().set_fault(fault);
            }

            async fn until_it_hangs(&self) {
                self.control()
                    .until(|request| request.fault.is_some())
                    .await;
            }

            fn answer(&self) {
                self.control().clear_faults();
            }

            fn forget_calls(&self) {
                self.control().clear_requests();
            }

            fn changes(&self, user: &str) -> usize {
                let requests = self.control().requests();
                let of_user = requests
                    .iter()
                    .filter(|one| one.wrote() && one.$user.as_deref() == Some(user));
                of_user.count()
            }
        }
    };
}

/// Aha!'s keys do not expire.
macro_rules! expire_tokens {
    (aha, $sim:ident) => {};
    ($vendor:ident, $sim:ident) => {
        $sim.control().expire_tokens()
    };
}

// Zoom's account is known from the connection: nothing is asked before the user.
account!(
    ZoomSim,
    zoom,
    "zoom",
    "zoom.licensed",
    "/v2",
    UpdateUser,
    user_id,
    &[
        Point::Token,
        Point::FreshRead,
        Point::Call,
        Point::CallDone,
        Point::ReadBack,
        Point::NextRead,
    ]
);
// GoTo's changes take up to a minute to show: what did not take effect would be waited for that long.
account!(
    GoToSim,
    goto_sim,
    "goto",
    "goto.g2m",
    "/admin",
    RemoveLicense,
    user,
    &[
        Point::Account,
        Point::Token,
        Point::FreshRead,
        Point::CallDone,
        Point::ReadBack,
        Point::NextRead,
    ]
);
account!(
    AhaSim,
    aha,
    "aha",
    "aha.paid_seat",
    "/api",
    UpdateUser,
    subject,
    &[
        Point::Account,
        Point::FreshRead,
        Point::Call,
        Point::CallDone,
        Point::ReadBack,
        Point::NextRead,
    ]
);

/// A candidate that can be pressed.
#[derive(Debug)]
struct Ready {
    id: String,
    user: String,
    /// By this, and then by its number, a plan knows whose turn it is.
    idle_since: String,
}

/// The candidates in the order in which a plan goes through them.
fn ready<A: Account>(host: &Host) -> Vec<Ready> {
    let listing = host.json(&[
        "candidates",
        "list",
        "--identifier",
        A::IDENTIFIER,
        "--state",
        "ready",
    ]);
    let rows = listing["rows"].as_array().unwrap();
    let mut found: Vec<Ready> = rows
        .iter()
        .map(|row| Ready {
            id: row["id"].to_string(),
            user: row["external_user_id"].as_str().unwrap().to_owned(),
            idle_since: row["reference"]["day"].as_str().unwrap().to_owned(),
        })
        .collect();
    found.sort_by_key(|one| (one.idle_since.clone(), one.id.parse::<i64>().unwrap()));
    found
}

fn press(host: &Host, candidates: &[Ready]) {
    let ids = candidates.iter().map(|one| one.id.as_str());
    let command: Vec<&str> = ["candidates", "reclaim"].into_iter().chain(ids).collect();
    host.json(&command);
}

fn shown(host: &Host, candidate: &Ready) -> Value {
    host.json(&["candidates", "show", &candidate.id])
}

/// How far each write of a candidate is, the first one first.
fn writes(shown: &Value) -> Vec<String> {
    let writes = shown["writes"].as_array().unwrap().iter();
    writes
        .map(|write| write["state"].as_str().unwrap().to_owned())
        .collect()
}

/// How far the first candidate's writes are while the call of a point hangs, and at the end.
fn record_at<A: Account>(point: Point) -> (&'static [&'static str], &'static [&'static str]) {
    // Where no account is asked for, it is the fresh read that needs the token.
    let nothing_asked = !A::POINTS.contains(&Point::Account);
    match point {
        Point::Token if nothing_asked => (&["intended"], &["withdrawn", "done"]),
        Point::Account | Point::Token => (&[], &["done"]),
        Point::FreshRead | Point::Call => (&["intended"], &["withdrawn", "done"]),
        Point::CallDone | Point::ReadBack => (&["intended"], &["done"]),
        Point::NextRead => (&["done"], &["done"]),
    }
}

async fn killed_at<A: Account>(vendor: &A, host: &mut Host, point: Point, pressed: &[Ready]) {
    vendor.forget_calls();
    vendor.hang(point, &pressed[pressed.len() - 1].user);
    press(host, pressed);
    let hangs = tokio::time::timeout(Duration::from_mins(2), vendor.until_it_hangs()).await;
    assert!(hangs.is_ok(), "{point:?}: never called\n{}", host.log());
    let (before, after) = record_at::<A>(point);
    let record = shown(host, &pressed[0]);
    assert_eq!(writes(&record), before, "{point:?}: {record:#}");
    host.kill();
    vendor.answer();
    host.start();
    for candidate in pressed {
        let shown = host.until(&["candidates", "show", &candidate.id], |shown| {
            shown["state"] == "closed_complete"
        });
        assert_eq!(vendor.changes(&candidate.user), 1, "{point:?}: {shown:#}");
        // The second, where there is one, was only read when the daemon died.
        let expected = if candidate.id == pressed[0].id {
            after
        } else {
            &["withdrawn", "done"]
        };
        assert_eq!(writes(&shown), expected, "{point:?}: {shown:#}");
        assert!(shown["kept_until"].is_string(), "{point:?}: {shown:#}");
    }
    until_nothing_runs(host);
}

/// A reclaim that is asked for while one runs is refused, and a seat is closed before its run is over.
fn until_nothing_runs(host: &Host) {
    let results = ["jobs", "results", "--subflow", "reclaim_subscriptions"];
    host.until(&results, |listing| {
        let rows = listing["rows"].as_array().unwrap();
        rows.iter()
            .all(|job| job["state"] != "in_progress" && job["state"] != "pending")
    });
}

async fn killed_at_every_point<A: Account>(vendor: &A, mut host: Host) {
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    let candidates = ready::<A>(&host);
    let enough = A::POINTS.len() + 2;
    assert!(
        candidates.len() >= enough,
        "{} candidates",
        candidates.len()
    );
    let (first, candidates) = candidates.split_first().unwrap();
    press(&host, std::slice::from_ref(first));
    release_of(&host, A::PROFILE);
    last_reclaim(&host, |job| job["counts"]["ended"] == 1);
    until_nothing_runs(&host);
    for (at, point) in A::POINTS.iter().enumerate() {
        let pressed = if *point == Point::NextRead { 2 } else { 1 };
        killed_at(vendor, &mut host, *point, &candidates[at..at + pressed]).await;
    }
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_was_cut_is_seen_to_have_worked_and_its_user_keeps_the_seat() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    let taken = ready::<ZoomSim>(&host).remove(0);
    press(&host, std::slice::from_ref(&taken));
    release_of(&host, "zoom");
    host.until(&["candidates", "show", &taken.id], |shown| {
        shown["state"] == "closed_complete"
    });
    until_nothing_runs(&host);
    vendor.forget_calls();
    vendor.hang(Point::CallDone, &taken.user);
    let mut undo = Command::new(SEATSYNC);
    undo.args(["undo", &taken.id, "--runtime"])
        .arg(host.path("run"));
    let mut undo = undo.stderr(Stdio::null()).spawn().unwrap();
    vendor.until_it_hangs().await;
    host.kill();
    assert_eq!(undo.wait().unwrap().code(), Some(3));
    vendor.answer();
    hours_pass_for_open_writes(&host);
    host.start();
    let told = open_writes(&host);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["about"], format!("candidate {}", taken.id));
    host.json(&["jobs", "run", "zoom", "--subflow", "reclaim_subscriptions"]);
    let shown = host.until(&["candidates", "show", &taken.id], |shown| {
        shown["restored_at"].is_string()
    });
    assert_eq!(open_writes(&host), [] as [Value; 0]);
    let time = |key: &str| shown[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(time("kept_until") > time("restored_at"), "{shown:#}");
    let why = shown["reason"].as_str().unwrap();
    assert!(why.contains("given back"), "{why}");
    assert_eq!(vendor.changes(&taken.user), 1);
    assert_eq!(host.stop(), Some(0));
}

/// While the daemon is down.
fn hours_pass_for_open_writes(host: &Host) {
    let database = rusqlite::Connection::open(host.path("state/seatsync.db")).unwrap();
    let changed = database.execute(
        "UPDATE writes SET intended_at = intended_at - 7200000 WHERE state = 'intended'",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
}

fn open_writes(host: &Host) -> Vec<Value> {
    let health = host.seatsync(&["doctor", "--format", "json"]);
    let health: Value = serde_json::from_slice(&health.stdout).unwrap();
    let mut findings = health["findings"].as_array().unwrap().clone();
    findings.retain(|finding| finding["check"] == "open_write");
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_it_changes_zoom_once() {
    let vendor = vendor().await;
    let host = host(&vendor, "mode: manual");
    killed_at_every_point(&vendor, host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_it_changes_goto_once() {
    let vendor = goto::account().await;
    for number in 0..GoToSim::POINTS.len() + 2 {
        goto::add_idle(&vendor, number);
    }
    let settings = format!("writes: true\n{TWO_IN_A_RUN}");
    let host = goto::host(&vendor, &settings, goto::TAKES_IDLE);
    killed_at_every_point(&vendor, host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_it_changes_aha_once() {
    let vendor = AhaSim::start(AhaSimOptions {
        users: 120,
        limits: false,
        ..AhaSimOptions::default()
    })
    .await
    .unwrap();
    // A candidate whose last access lies ahead: the fresh read finds it used.
    let ahead = vendor.cast(aha::Cast::FutureAccess).unwrap();
    vendor.control().remove_person(&ahead.id);
    let host = Host::with_aha(&vendor);
    host.settings(&format!(
        "writes: true\nconnections: {{allowed_hosts: [127.0.0.1]}}\n{TWO_IN_A_RUN}"
    ));
    let profile = aha_profile(&vendor).replace(
        "connection: aha\n---",
        "connection: aha\nsubflows: {reclaim_subscriptions: {enabled: true}}\nreclamation: {notify_user: false}\n---",
    );
    host.profile("aha.yaml", &profile);
    killed_at_every_point(&vendor, host).await;
}
