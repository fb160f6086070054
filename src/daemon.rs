//! Start order, reload and shutdown: the only room that knows every other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context;

use crate::clock::SharedClock;
use crate::store::Store;
use crate::store::lock::StateLock;

/// Where the daemon finds and leaves things.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of profiles.
    pub profiles: PathBuf,
    /// Folder of the databases.
    pub state: PathBuf,
    /// Folder of the sockets.
    pub runtime: PathBuf,
    /// The settings file; `/etc/seatsync/seatsync.yaml` where there is one, when absent.
    pub config: Option<PathBuf>,
    /// Reconcile, run what is due, and end.
    pub once: bool,
}

/// What the process was given by whoever started it, read once.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    environment: BTreeMap<String, String>,
}

impl Surroundings {
    /// This process's environment.
    pub fn of_this_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { environment }
    }

    /// Whether standard error is the journal.
    pub fn journal(&self) -> bool {
        self.environment.contains_key("JOURNAL_STREAM")
    }
}

/// How a run of the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// With `--once`: something failed.
    pub failed: bool,
}

/// Runs the daemon until SIGTERM or SIGINT, or with `once` until everything due has run.
pub async fn run(
    options: Options,
    _surroundings: Surroundings,
    _clock: SharedClock,
) -> anyhow::Result<Ended> {
    std::fs::create_dir_all(&options.state)
        .with_context(|| format!("make the state directory `{}`", options.state.display()))?;
    let _lock = StateLock::take(&options.state)?;
    let store = Store::open(&options.state)?;
    store.close().await;
    Ok(Ended { failed: false })
}
