//! The report of a company with that many subscriptions: how long it takes to write, how large it is, and
//! how long the host's chromium takes to open it, beside an empty page in the same rounds.
//!
//! `cargo bench --bench report [-- SEATS ROUNDS]`
//!
//! Without /usr/bin/chromium, node and `target/browser` (`.ci/run prepare` installs all three) it says so
//! and opens nothing.

#[path = "candidates/fill.rs"]
mod fill;

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use seatsync::clock::{Clock as _, SystemClock};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SEATSYNC: &str = env!("CARGO_BIN_EXE_seatsync");
const CHROMIUM: &str = "/usr/bin/chromium";
/// A page that has nothing to lay out.
const EMPTY: &str = "<!DOCTYPE html><html lang=\"en\"><title>empty</title><body></body></html>";

fn main() -> Result<()> {
    let mut numbers = std::env::args().filter_map(|word| word.parse::<u32>().ok());
    let seats = numbers.next().unwrap_or(100_000);
    let rounds = numbers.next().unwrap_or(5).max(5);
    let folder = tempfile::tempdir()?;
    let host = Host::start(folder.path(), seats)?;
    let report = folder.path().join("report.html");
    let empty = folder.path().join("empty.html");
    fs::write(&empty, EMPTY)?;
    let (mut writing, mut opening, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
    let browser = browser();
    for round in 0..rounds {
        let start = SystemClock.now();
        host.seatsync(&["report".as_ref(), "--out".as_ref(), report.as_ref()])?;
        let took = SystemClock.now().duration_since(start);
        writing.push(took.as_secs_f64());
        let Ok(driver) = &browser else { continue };
        // Whoever goes second finds the browser's files in memory; they take turns.
        if round % 2 == 0 {
            nothing.push(opened(driver, &empty)?);
            opening.push(opened(driver, &report)?);
        } else {
            opening.push(opened(driver, &report)?);
            nothing.push(opened(driver, &empty)?);
        }
    }
    let size = fs::metadata(&report)?.len();
    let rows = fs::read_to_string(&report)?.matches("<tr>").count();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{seats} seats, medians of {rounds} rounds\nwritten in    {:.3} s\nsize          {:.2} MB in {rows} rows (goal < 5)",
        median(&mut writing),
        f64::from(u32::try_from(size)?) / 1e6,
    )?;
    match browser {
        Ok(_) => {
            let (page, empty) = (median(&mut opening), median(&mut nothing));
            writeln!(
                out,
                "opened in     {page:.3} s (goal <= 2), {:.1} times an empty page's {empty:.3} s",
                page / empty
            )?;
        }
        Err(reason) => writeln!(out, "SKIP: not opened: {reason}")?,
    }
    Ok(())
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Where the browser's driver is, or why it cannot be used.
fn browser() -> std::result::Result<PathBuf, String> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser/node_modules");
    for needed in [Path::new(CHROMIUM), &modules.join("playwright-core")] {
        if !needed.exists() {
            return Err(format!("{} is not installed", needed.display()));
        }
    }
    match Command::new("node").arg("--version").output() {
        Ok(_) => Ok(modules),
        Err(error) => Err(format!("node: {error}")),
    }
}

/// Seconds until a page is painted, as the test of the report measures it.
fn opened(modules: &Path, page: &Path) -> Result<f64> {
    let kept = tempfile::tempdir()?;
    let output = Command::new("node")
        .env("NODE_PATH", modules)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/report.js"))
        .args([CHROMIUM.as_ref(), kept.path(), page])
        .args(["1280", "light"])
        .stderr(Stdio::inherit())
        .output()?;
    let seen: Value = serde_json::from_slice(&output.stdout)?;
    let open_ms = seen["open_ms"].as_f64().ok_or("the browser told nothing")?;
    Ok(open_ms / 1e3)
}

/// A daemon over a filled store. Its profiles folder is empty, so that nothing of what is recorded changes:
/// a folder that came up empty is held.
struct Host {
    daemon: Child,
    runtime: PathBuf,
}

impl Host {
    fn start(folder: &Path, seats: u32) -> Result<Self> {
        let state = folder.join("state");
        let profiles = folder.join("profiles.d");
        let runtime = folder.join("run");
        for folder in [&state, &profiles, &runtime] {
            fs::create_dir(folder)?;
        }
        tokio::runtime::Runtime::new()?.block_on(fill::fill(&state, seats))?;
        candidates_and_jobs(&state)?;
        let daemon = Command::new(SEATSYNC)
            .arg("run")
            .args(["--profiles".as_ref(), profiles.as_os_str()])
            .args(["--state".as_ref(), state.as_os_str()])
            .args(["--runtime".as_ref(), runtime.as_os_str()])
            .stderr(Stdio::null())
            .spawn()?;
        let host = Self { daemon, runtime };
        let mut tries = 0;
        while host
            .seatsync(&["position".as_ref(), "--run".as_ref()])
            .is_err()
        {
            tries += 1;
            if tries == 600 {
                return Err("the daemon does not serve".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(host)
    }

    fn seatsync(&self, arguments: &[&std::ffi::OsStr]) -> Result<()> {
        let output = Command::new(SEATSYNC)
            .args(arguments)
            .arg("--runtime")
            .arg(&self.runtime)
            .output()?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into())
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Nothing is left to be told; the folder goes with it.
        let _ = self.daemon.kill().and_then(|()| self.daemon.wait());
    }
}

/// A candidate for each fifth seat, and a job that ended every ten minutes of some weeks, so that both
/// lists of the page are full and rows are left out.
fn candidates_and_jobs(state: &Path) -> Result<()> {
    let database = Connection::open(state.join("seatsync.db"))?;
    // Nothing runs meanwhile.
    database.execute_batch(
        "UPDATE profiles SET desired = json_set(desired, '$.profile.suspend', json('true'))",
    )?;
    database.execute(
        "INSERT INTO candidates (profile_id, subscription_id, external_user_id, email, display_name,
             identifier, state, reason, justification, rule, rule_digest, reference, reference_day,
             last_activity, last_grade, grade, evidence_digest, savings, opened_at, changed_at)
         SELECT profile_id, id, external_user_id, email, display_name, identifier, 'ready',
             'no use in the 60 days to 2026-02-27, which are known', 'low_usage', 'bench',
             'sha256:bench', 'last_activity', last_hosted_day, last_hosted_day, 'hosted', 'hosted',
             'sha256:bench', json_object('amount', (id % 7) || '.90', 'currency', 'EUR', 'period',
                 'annually', 'entitlement', 'bench'), first_seen, first_seen
         FROM subscriptions WHERE paid AND id % 5 = 1",
        [],
    )?;
    database.execute(
        "WITH RECURSIVE number (it) AS (VALUES (1) UNION ALL SELECT it + 1 FROM number WHERE it < 3650)
         INSERT INTO jobs (id, profile_id, subflow, trigger, due_at, state, not_before, attempts,
             started_at, ended_at, counts, failure)
         SELECT printf('bench-%d', it), 1, 'download_subscriptions', 'schedule', ?1 - it * 600000,
             'failed', 0, 1, ?1 - it * 600000, ?1 - it * 600000 + 60000, '{}',
             json_object('step', 'list users', 'message', 'the vendor does not answer: the next run tries again')
         FROM number",
        [SystemClock.now().as_millisecond()],
    )?;
    Ok(())
}
