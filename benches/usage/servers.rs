//! The servers that are measured, each a process of its own on a unix socket.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use seatsync::api::listen::{Access, Listener};
use seatsync::api::serve::{Limits, serve};
use seatsync::api::usage::{UsageApi, UsagePolicy};
use seatsync::clock::{Clock, SharedClock, SystemClock, sleep};
use seatsync::metrics::Metrics;
use seatsync::settings::model::UsageSettings;
use seatsync::store::usage::{GroupCommit, UsageStore};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Result, peak_mib, peers, since};

/// A server that takes usage records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The daemon, as it is shipped.
    Daemon,
    /// The same socket over the same store, with a transaction of its own for every request.
    Alone,
    /// `node:http` and better-sqlite3.
    Node,
    /// FastAPI, uvicorn and sqlite3.
    Python,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Daemon => "seatsync",
            Self::Alone => "seatsync, a transaction each",
            Self::Node => "node, better-sqlite3",
            Self::Python => "python, FastAPI",
        }
    }

    /// Installs what it needs. The reason, where that is not possible.
    pub(crate) fn install(self, cache: &Path) -> std::result::Result<(), String> {
        match self {
            Self::Daemon | Self::Alone => Ok(()),
            Self::Node => peers::install("node", cache),
            Self::Python => peers::install("python", cache),
        }
    }

    fn command(self, folder: &Path, cache: &Path) -> Result<Command> {
        let socket = socket(self, folder);
        let mut command = match self {
            Self::Daemon => {
                // Apart from the databases, as on a host: the daemon watches what is around it.
                let profiles = folder.join("etc/profiles.d");
                fs::create_dir_all(&profiles)?;
                let mut command = Command::new(env!("CARGO_BIN_EXE_seatsync"));
                command
                    .args(["run", "--log", "warn,seatsync::store=debug"])
                    .arg("--profiles")
                    .arg(profiles)
                    .arg("--state")
                    .arg(folder)
                    .arg("--runtime")
                    .arg(folder.join("run"));
                command
            }
            Self::Alone => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("serve-alone").arg(folder);
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command
                    .env("NODE_PEER_MODULES", cache.join("node/node_modules"))
                    .arg(peers::source("node").join("server.js"))
                    .arg(&socket)
                    .arg(folder.join("usage.db"));
                command
            }
            Self::Python => {
                let mut command = Command::new(cache.join("python/bin/python"));
                command
                    .arg(peers::source("python").join("server.py"))
                    .arg(&socket)
                    .arg(folder.join("usage.db"));
                command
            }
        };
        let log = File::create(folder.join("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Ok(command)
    }
}

fn socket(kind: Kind, folder: &Path) -> PathBuf {
    match kind {
        Kind::Daemon => folder.join("run/usage.sock"),
        _ => folder.join("bench.sock"),
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    folder: PathBuf,
    process: Child,
}

/// A time during which the daemon moved its log into the database file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// How long a server may take to come up, and a large file to be checked.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

impl Server {
    /// Starts it on the `usage.db` of `folder` and waits until it takes connections.
    pub(crate) fn start(kind: Kind, folder: &Path, cache: &Path) -> Result<Self> {
        let large = fs::metadata(folder.join("usage.db"))?.len() > 100 << 20;
        let process = kind.command(folder, cache)?.spawn()?;
        let server = Self {
            kind,
            folder: folder.to_owned(),
            process,
        };
        server.wait(|| server.is_up())?;
        if large && kind == Kind::Daemon {
            // A large file is looked through behind the start; that is not what is measured.
            server.wait(|| server.log().contains("the database is sound"))?;
        }
        Ok(server)
    }

    /// Whether it takes connections; of ours, whether it has answered one to its end, so that none
    /// is left that would count among those of the load.
    fn is_up(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else {
            return false;
        };
        if !matches!(self.kind, Kind::Daemon | Kind::Alone) {
            return true;
        }
        let asked = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        asked.is_ok() && stream.read_to_end(&mut Vec::new()).is_ok()
    }

    fn wait(&self, done: impl Fn() -> bool) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let start = SystemClock.now();
        while !done() {
            if since(start) > PATIENCE.as_secs_f64() {
                return Err(
                    format!("{} does not come up: {}", self.kind.name(), self.log()).into(),
                );
            }
            runtime.block_on(sleep(&SystemClock, SignedDuration::from_millis(20)));
        }
        Ok(())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.kind, &self.folder)
    }

    /// Its peak memory so far.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        peak_mib(&self.process.id().to_string())
    }

    /// Transactions that it committed with usage records in them; of the daemon only.
    pub(crate) fn commits(&self) -> Result<u64> {
        let mut stream = UnixStream::connect(self.folder.join("run/control.sock"))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("seatsync_usage_commits_total "))
            .ok_or("the daemon does not tell its commits")?;
        Ok(count.trim().parse()?)
    }

    /// When the daemon moved its log into the file, as it told its own log.
    pub(crate) fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        let lines = BufReader::new(File::open(self.folder.join("log"))?).lines();
        let (mut checkpoints, mut from) = (Vec::new(), None);
        for line in lines {
            let Ok(line) = serde_json::from_str::<Value>(&line?) else {
                continue;
            };
            let at = line["timestamp"].as_str().unwrap_or_default();
            match line["message"].as_str() {
                Some("moving the write-ahead log into the database") => from = Some(at.parse()?),
                Some("moved the write-ahead log into the database") => {
                    if let Some(from) = from.take() {
                        let to = at.parse()?;
                        checkpoints.push(Checkpoint { from, to });
                    }
                }
                _ => {}
            }
        }
        Ok(checkpoints)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Ends it and waits until it is gone.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        self.process.wait()?;
        let _ = fs::remove_file(self.socket());
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an error it would outlive the benchmark.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves the usage socket of `folder` with a transaction for each request, until it is killed.
pub(crate) async fn serve_alone(folder: &Path) -> Result<()> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store = UsageStore::open_with(folder, GroupCommit::Off)?;
    let policy = UsagePolicy::resolve(&UsageSettings::default(), &mut Vec::new())?;
    let api = UsageApi::new(store, policy, Arc::clone(&clock), Metrics::default());
    let access = Access {
        mode: 0o600,
        gid: None,
    };
    let listener = Listener::bind(&socket(Kind::Alone, folder), access)?;
    let refusing = api.clone();
    serve(
        listener,
        Limits::default(),
        clock,
        move |peer| api.service(peer),
        move |fault| refusing.unserved(fault),
        CancellationToken::new(),
    )
    .await;
    Ok(())
}
