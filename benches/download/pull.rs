//! Pulls, each a process of its own, and the simulator's process that they pull from.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use seatsync::clock::{Clock, SharedClock, SystemClock};
use seatsync::connector::{CallStats, ConnectorOptions, Connectors, Limits};
use seatsync::profile::identifier::Vendor;
use seatsync::profile::model::SubflowKind;
use seatsync::profile::name::Name;
use seatsync::settings::Settings;
use seatsync::store::Store;
use seatsync::store::job::Counts;
use seatsync::subflow::download::download;
use seatsync::subflow::progress::{JobProgress, Reporter, RunningJobs};
use seatsync::subflow::{Outcome, Run};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{Result, accounts};

/// One pull as its process tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pull {
    pub(crate) seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) rows_written: u64,
    pub(crate) calls: u32,
}

/// The simulator's process.
pub(crate) struct Server {
    process: Child,
    account: String,
}

impl Server {
    pub(crate) fn start(vendor: Vendor, users: u32) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", vendor.as_str(), &users.to_string()])
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
    pub(crate) fn pull(&self, mut command: Command, folder: &Path) -> Result<Pull> {
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
            calls: told["calls"]
                .as_u64()
                .and_then(|calls| u32::try_from(calls).ok())
                .unwrap_or(0),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn since(start: Timestamp) -> f64 {
    SystemClock.now().duration_since(start).as_secs_f64()
}

pub(crate) fn tell(start: Timestamp, rows_written: u64, calls: u64) -> Result<()> {
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
        "calls": calls,
    });
    writeln!(io::stdout(), "{told}")?;
    Ok(())
}

/// One download by seatsync's own code into `folder`.
pub(crate) async fn ours(account: &str, folder: &Path) -> Result<()> {
    let account: Value = serde_json::from_str(account)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Store::open(folder)?;
    let name: Name = "pulled".parse()?;
    if store.desired_profile(&name).await?.is_none() {
        store
            .apply(accounts::application(&account, clock.now())?)
            .await?;
    }
    let profile = store.desired_profile(&name).await?.ok_or("no profile")?;
    let options = ConnectorOptions {
        limits: Limits::Unlimited,
        scratch: Some(folder.to_owned()),
        ..ConnectorOptions::default()
    };
    let secrets = Arc::new(accounts::secrets(&account));
    let connectors = Connectors::new(secrets, Arc::clone(&clock), options);
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
    let rows_written = counts.inserted + counts.updated + counts.ended;
    tell(start, rows_written, stats.counts().vendor_calls)
}
