//! Downloading every user of a simulated Zoom account into the store, beside a minimal loop that
//! stages each page and merges once, in the same rounds on the same disk, and where asked for beside
//! dlt (dlthub.com), which merges into SQLite too. The simulator is a process of its own with its
//! limits off; every pull is one too, so that its peak memory is its own.
//!
//! `cargo bench --bench download [-- USERS ROUNDS] [dlt]`
//!
//! dlt's packages stay under `target/bench-download`.

mod peers;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use seatsync::clock::{Clock, SharedClock, SystemClock};
use seatsync::connector::{CallStats, ConnectorOptions, Connectors, Limits};
use seatsync::profile::model::{DesiredProfile, SubflowKind};
use seatsync::profile::name::Name;
use seatsync::secret::Secrets;
use seatsync::settings::Settings;
use seatsync::store::Store;
use seatsync::store::document::{Application, ProfileWrite};
use seatsync::store::job::Counts;
use seatsync::store::revision::{Attempt, RevisionOutcome};
use seatsync::subflow::download::download;
use seatsync::subflow::progress::{JobProgress, Reporter, RunningJobs};
use seatsync::subflow::{Outcome, Run};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use vendor_sim::{SimClock, ZoomSim, ZoomSimOptions};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", users] => runtime.block_on(serve(users.parse()?)),
        ["ours", account, folder] => runtime.block_on(ours(account, Path::new(folder))),
        ["minimal", account, folder] => runtime.block_on(minimal(account, Path::new(folder))),
        rest => {
            let mut numbers = rest.iter().filter_map(|word| word.parse::<usize>().ok());
            let users = numbers.next().unwrap_or(100_000);
            let rounds = numbers.next().unwrap_or(5);
            compare(users, rounds, rest.contains(&"dlt"))
        }
    }
}

/// One pull as its process tells it.
#[derive(Debug, Clone, Copy)]
struct Pull {
    seconds: f64,
    peak_mib: f64,
    rows_written: u64,
}

fn compare(users: usize, rounds: usize, with_dlt: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-download");
    fs::create_dir_all(&cache)?;
    if with_dlt {
        peers::install("dlt", &cache)?;
    }
    let mut server = Server::start(users)?;
    let (mut minimal, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    let mut dlt = Vec::new();
    let disk = tempfile::tempdir_in(&cache)?;
    for round in 0..rounds {
        let folder = |name: &str| -> Result<_> {
            let path = disk.path().join(format!("{name}-{round}"));
            fs::create_dir(&path)?;
            Ok(path)
        };
        let (theirs, own) = (folder("minimal")?, folder("ours")?);
        // Whoever goes second finds a warmer disk; they take turns.
        let pulls: [&str; 3] = if round % 2 == 0 {
            ["minimal", "ours", "ours"]
        } else {
            ["ours", "ours", "minimal"]
        };
        let mut before = false;
        for pull in pulls {
            let target = if pull == "minimal" { &theirs } else { &own };
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(pull);
            let measured = server.pull(command, target)?;
            match (pull, before) {
                ("minimal", _) => minimal.push(measured),
                (_, false) => {
                    before = true;
                    first.push(measured);
                }
                (_, true) => second.push(measured),
            }
        }
        if with_dlt {
            let target = folder("dlt")?;
            let mut command = Command::new(cache.join("dlt/bin/python"));
            command.arg(peers::source("dlt").join("pull.py"));
            dlt.push(server.pull(command, &target)?);
            fs::remove_dir_all(&target)?;
        }
        fs::remove_dir_all(&theirs)?;
        fs::remove_dir_all(&own)?;
    }
    let (p50, p99) = fdatasync(disk.path())?;
    writeln!(
        out,
        "{users} users, medians of {rounds} rounds; fdatasync p50 {p50:.2} ms, p99 {p99:.2} ms"
    )?;
    for (name, pulls) in [
        ("minimal loop", &minimal),
        ("first download", &first),
        ("nothing changed", &second),
        ("dlt, merge", &dlt),
    ] {
        if pulls.is_empty() {
            continue;
        }
        writeln!(
            out,
            "{name:16} {:7.3} s (min {:.3}, max {:.3})  peak {:6.1} MiB  rows written {}",
            median(pulls),
            pulls
                .iter()
                .map(|pull| pull.seconds)
                .fold(f64::INFINITY, f64::min),
            pulls.iter().map(|pull| pull.seconds).fold(0.0, f64::max),
            pulls.iter().map(|pull| pull.peak_mib).fold(0.0, f64::max),
            pulls.last().map_or(0, |pull| pull.rows_written),
        )?;
    }
    writeln!(
        out,
        "first / minimal  {:.2} (goal <= 1.3)\nunchanged / first {:.2} (goal <= 0.8)",
        median(&first) / median(&minimal),
        median(&second) / median(&first),
    )?;
    if with_dlt {
        let ratio = median(&dlt) / median(&first);
        writeln!(out, "dlt / first       {ratio:.1} (goal >= 12)")?;
    }
    server.process.kill()?;
    server.process.wait()?;
    Ok(())
}

fn median(pulls: &[Pull]) -> f64 {
    let mut seconds: Vec<f64> = pulls.iter().map(|pull| pull.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn fdatasync(folder: &Path) -> Result<(f64, f64)> {
    let mut file = File::create(folder.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = SystemClock.now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(since(start) * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    Ok((at(100), at(198)))
}

fn since(start: Timestamp) -> f64 {
    SystemClock.now().duration_since(start).as_secs_f64()
}

/// The simulator's process.
struct Server {
    process: Child,
    account: String,
}

impl Server {
    fn start(users: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", &users.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut account = String::new();
        let stdout = process.stdout.take().ok_or("the simulator has no output")?;
        BufReader::new(stdout).read_line(&mut account)?;
        Ok(Self {
            process,
            account: account.trim().to_owned(),
        })
    }

    /// Runs `command` on the account, into an existing folder.
    fn pull(&mut self, mut command: Command, folder: &Path) -> Result<Pull> {
        let output = command
            .arg(&self.account)
            .arg(folder)
            .stderr(Stdio::inherit())
            .output()?;
        let told: Value = serde_json::from_slice(&output.stdout)?;
        let number = |name: &str| told[name].as_f64().ok_or("a pull told nothing");
        Ok(Pull {
            seconds: number("seconds")?,
            peak_mib: number("peak_mib")?,
            rows_written: told["rows_written"].as_u64().unwrap_or(0),
        })
    }
}

/// Serves until it is killed. Nobody is licensed: only the list of users is asked for.
async fn serve(users: u32) -> Result<()> {
    let mut options = ZoomSimOptions {
        users,
        limits: false,
        clock: SimClock::system(),
        ..ZoomSimOptions::default()
    };
    options.population.licensed = 0.0;
    let mut sim = ZoomSim::start(options).await?;
    let account = json!({
        "url": sim.api_url(), "token_url": sim.token_url(), "account_id": sim.account_id(),
        "client_id": sim.client_id(), "client_secret": sim.client_secret(),
    });
    writeln!(io::stdout(), "{account}")?;
    sim.ended().await;
    Ok(())
}

fn tell(start: Timestamp, rows_written: u64) -> Result<()> {
    let seconds = since(start);
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<f64>().ok())
        .ok_or("the kernel tells no peak")?;
    let told = json!({
        "seconds": seconds, "peak_mib": peak / 1024.0, "rows_written": rows_written,
    });
    writeln!(io::stdout(), "{told}")?;
    Ok(())
}

async fn ours(account: &str, folder: &Path) -> Result<()> {
    let account: Value = serde_json::from_str(account)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Store::open(folder)?;
    let name: Name = "zoom".parse()?;
    if store.desired_profile(&name).await?.is_none() {
        store.apply(application(&account, clock.now())?).await?;
    }
    let profile = store.desired_profile(&name).await?.ok_or("no profile")?;
    let secret = account["client_secret"].as_str().unwrap_or_default();
    let secrets = Secrets::new(None, [("SECRET".to_owned(), secret.to_owned())]);
    let options = ConnectorOptions {
        limits: Limits::Unlimited,
        scratch: Some(folder.to_owned()),
        ..ConnectorOptions::default()
    };
    let connectors = Connectors::new(Arc::new(secrets), Arc::clone(&clock), options);
    let stats = CallStats::default();
    let connector = connectors.connect(
        &profile.desired.connection,
        profile.desired.connect_connection.as_ref(),
        profile.desired.profile.profile_type,
        &stats,
    )?;
    let progress = JobProgress {
        profile: name,
        subflow: SubflowKind::DownloadSubscriptions,
        started_at: clock.now(),
        step: String::new(),
        done: 0,
        of: None,
    };
    let reporter = Reporter::start(
        watch::Sender::new(RunningJobs::new()),
        "bench".to_owned(),
        progress,
    );
    let settings = Settings::default();
    let run = Run {
        store: &store,
        clock: &*clock,
        zone: &settings.time_zone,
        profile: &profile,
        job: "bench",
        reporter: &reporter,
    };
    let mut counts = Counts::default();
    let start = clock.now();
    let outcome = download(&connector, &run, &mut counts).await?;
    if outcome != Outcome::Completed {
        return Err(format!("{outcome:?}").into());
    }
    tell(start, counts.inserted + counts.updated + counts.ended)
}

fn application(account: &Value, now: Timestamp) -> Result<Application> {
    let desired: DesiredProfile = serde_json::from_value(json!({
        "profile": {
            "name": "zoom", "display_name": "zoom", "profile_type": "zoom",
            "state": "published", "suspend": false, "formerly": [],
            "connection": {"named": "zoom"}, "connect_connection": null,
            "subflows": {
                "download_subscriptions": {"enabled": true, "schedule": null},
                "pull_user_activity": {"enabled": true, "schedule": null},
                "analyze_from": "60d",
                "reclaim_subscriptions": {"enabled": false, "schedule": null}
            },
            "exclusions": {"identifiers": [], "users": []},
            "protected": [], "reclamation": null
        },
        "connection": {
            "name": "zoom", "vendor": "zoom", "url": account["url"],
            "grant": "account_credentials", "token_url": account["token_url"],
            "authorize_url": account["token_url"], "account_id": account["account_id"],
            "client_id": account["client_id"], "client_secret": {"env": "SECRET"},
            "token": null, "plan": "pro", "share": 25
        },
        "connect_connection": null, "exclusions": [], "protected": []
    }))?;
    Ok(Application {
        attempt: Attempt {
            digest: "sha256:bench".into(),
            label: None,
            outcome: RevisionOutcome::Applied,
            findings: 0,
            message: String::new(),
            at: now,
        },
        renames: Vec::new(),
        documents: Vec::new(),
        states: Vec::new(),
        removed: Vec::new(),
        profiles: vec![ProfileWrite {
            digest: "sha256:bench".into(),
            desired,
            published: true,
        }],
        orphans: Vec::new(),
        conditions: Vec::new(),
    })
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Page {
    next_page_token: String,
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    id: String,
    email: String,
    #[serde(default)]
    display_name: String,
    #[serde(rename = "type", default)]
    kind: i64,
    #[serde(default)]
    status: String,
    #[serde(default)]
    role_id: String,
    dept: Option<String>,
    #[serde(rename = "user_created_at")]
    created: Option<String>,
    last_login_time: Option<String>,
}

/// The least that does the work: fetch a page, stage it, and merge once at the end. It syncs
/// nothing; ours syncs its merge.
async fn minimal(account: &str, folder: &Path) -> Result<()> {
    let account: Value = serde_json::from_str(account)?;
    let text = |name: &str| account[name].as_str().unwrap_or_default().to_owned();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().gzip(true).build()?;
    let mut database = Connection::open(folder.join("minimal.db"))?;
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000;
         PRAGMA wal_autocheckpoint = 20000;
         CREATE TABLE staged (id TEXT, email TEXT, display_name TEXT, type INTEGER, status TEXT,
             role TEXT, dept TEXT, created TEXT, last_login TEXT);
         CREATE TABLE users (number INTEGER PRIMARY KEY, id TEXT NOT NULL, email TEXT,
             display_name TEXT, type INTEGER NOT NULL, status TEXT, role TEXT, dept TEXT,
             created TEXT, last_login TEXT, UNIQUE (id, type));",
    )?;
    let start = SystemClock.now();
    let token: Token = client
        .post(text("token_url"))
        .basic_auth(text("client_id"), Some(text("client_secret")))
        .form(&[
            ("grant_type", "account_credentials"),
            ("account_id", &text("account_id")),
        ])
        .send()
        .await?
        .json()
        .await?;
    for status in ["active", "inactive", "pending"] {
        let mut next = String::new();
        loop {
            let page: Page = client
                .get(format!("{}/users", text("url")))
                .bearer_auth(&token.access_token)
                .query(&[
                    ("status", status),
                    ("page_size", "300"),
                    ("next_page_token", &next),
                ])
                .send()
                .await?
                .json()
                .await?;
            let transaction = database.transaction()?;
            {
                let mut insert = transaction.prepare_cached(
                    "INSERT INTO staged VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?;
                for user in &page.users {
                    let id = if user.id.is_empty() {
                        &user.email
                    } else {
                        &user.id
                    };
                    insert.execute(params![
                        id,
                        user.email,
                        user.display_name,
                        user.kind,
                        user.status,
                        user.role_id,
                        user.dept,
                        user.created,
                        user.last_login_time,
                    ])?;
                }
            }
            transaction.commit()?;
            next = page.next_page_token;
            if next.is_empty() {
                break;
            }
        }
    }
    let written = database.execute(
        "INSERT INTO users (id, email, display_name, type, status, role, dept, created, last_login)
         SELECT * FROM staged WHERE true
         ON CONFLICT (id, type) DO UPDATE SET email = excluded.email,
             display_name = excluded.display_name, status = excluded.status,
             role = excluded.role, dept = excluded.dept, created = excluded.created,
             last_login = excluded.last_login",
        [],
    )?;
    tell(start, u64::try_from(written)?)
}
