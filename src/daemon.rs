//! Start order, reload and shutdown: the only room that knows every other.

mod allocator;
mod grants;
mod opening;
mod position;
mod program;
mod rest;
mod retention;
mod traces;
mod watchdog;

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::answers::{self, Answers};
use crate::api::control::{self, Control};
use crate::api::listen::{Access, Listener};
use crate::api::role::{ControlAccess, gid_of};
use crate::api::scrape::Scrape;
use crate::api::serve::{Limits, serve};
use crate::api::usage::{UsageApi, UsagePolicy};
use crate::clock::{Clock, SharedClock, sleep};
use crate::connector::{ConnectorOptions, Connectors};
use crate::delivery::{Deliverer, DelivererParts};
use crate::job::{InstalledParts, InstalledRunner, Runner, RunnerParts};
use crate::metrics::Metrics;
use crate::reconcile::{Driver, ReconcileHandle, Reconciler};
use crate::sandbox::{self, Sandbox};
use crate::secret::Secrets;
use crate::secret::seal::Sealer;
use crate::settings::model::Principal;
use crate::settings::{self, Settings};
use crate::store::Store;
use crate::store::backup::restore;
use crate::store::grant::GrantVault;
use crate::store::lock::StateLock;
use crate::store::usage::UsageStore;
use crate::systemd::{self, HandedSockets};
use crate::telemetry::Notable;
use watchdog::Vitals;

/// The longest that stopping may take before what still runs is named and left.
const STOP_WITHIN: SignedDuration = SignedDuration::from_secs(30);

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
    sandbox: Sandbox,
}

impl Surroundings {
    /// This process's environment.
    pub fn of_this_process() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            environment,
            sandbox: Sandbox::default(),
        }
    }

    /// Gives up, for the rest of the process, what a daemon with these `options` never does. To be
    /// called before there is a second thread.
    pub fn confine(&mut self, options: &Options) -> Result<()> {
        make_private(&options.state)?;
        let mut writable = vec![options.state.clone(), PathBuf::from("/dev/null")];
        // Where SQLite sorts what does not fit into memory.
        writable.extend(
            ["SQLITE_TMPDIR", "TMPDIR"]
                .map(|name| self.get(name).map(PathBuf::from))
                .into_iter()
                .flatten(),
        );
        writable.extend(["/var/tmp", "/usr/tmp", "/tmp"].map(PathBuf::from));
        if !options.once && !self.sockets_by_systemd() {
            make_enterable(&options.runtime)?;
            writable.push(options.runtime.clone());
        }
        self.sandbox = sandbox::close(&writable);
        match &self.sandbox {
            Sandbox::Closed { .. } => tracing::info!(
                state = %options.state.display(),
                "{}: no writing but beneath the state directory, the sockets' and the temporary ones; no program is started",
                self.sandbox
            ),
            Sandbox::Open { .. } => {
                tracing::warn!(message_id = %Notable::SandboxOff, "{}", self.sandbox);
            }
        }
        Ok(())
    }

    /// Whether systemd bound the sockets of agents and commands.
    fn sockets_by_systemd(&self) -> bool {
        let names = self.get("LISTEN_FDNAMES").unwrap_or_default();
        ["control", "usage"]
            .iter()
            .all(|socket| names.split(':').any(|name| name == *socket))
    }

    /// Where the service manager says that it led standard error to (`$JOURNAL_STREAM`).
    pub fn journal_stream(&self) -> Option<&str> {
        self.get("JOURNAL_STREAM")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    fn secrets(&self) -> Secrets {
        let credentials = self.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Secrets::new(credentials, self.environment.clone())
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
    surroundings: Surroundings,
    clock: SharedClock,
) -> Result<Ended> {
    let traces = traces::begin(&surroundings);
    let ended = open_and_run(options, surroundings, clock).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    ended
}

async fn open_and_run(
    options: Options,
    surroundings: Surroundings,
    clock: SharedClock,
) -> Result<Ended> {
    allocator::give_large_blocks_back();
    let settings = Arc::new(read_settings(options.config.as_deref())?);
    make_private(&options.state)?;
    let _lock = StateLock::take(&options.state)?;
    if restore::finish(&options.state)? {
        tracing::warn!(message_id = %Notable::RestoreFinished, "a restore that was cut was finished");
    }
    // Before any database is made: who is turned away here leaves nothing behind.
    let doors = if options.once {
        None
    } else {
        Some(Doors::open(&options.runtime, &surroundings, &settings)?)
    };
    let (store, usage) = opening::open(&options.state, &*clock).await?;
    let secrets = Arc::new(surroundings.secrets());
    let sealer = Sealer::new(Arc::clone(&secrets), &options.state);
    let grants = GrantVault::open(store.clone(), sealer.clone()).await?;
    let kept = Kept {
        store,
        usage,
        grants,
        sealer,
    };
    let rooms = Rooms::furnish(&options, secrets, &settings, kept, clock);
    match doors {
        None => rooms.run_once().await,
        Some(doors) => rooms.serve(&options, doors, surroundings.sandbox).await,
    }
}

/// The sockets, handed over by systemd or bound here.
struct Doors {
    control: Listener,
    usage: Listener,
    /// Only where users answer by a link.
    answers: Option<Listener>,
    /// Only where systemd passed a socket for it.
    metrics: Option<Scrape>,
}

impl Doors {
    fn open(runtime: &Path, surroundings: &Surroundings, settings: &Settings) -> Result<Self> {
        let handed = HandedSockets::take(surroundings.get("LISTEN_FDNAMES"))
            .context("take the sockets that systemd passed")?;
        let by_systemd = handed.control.is_some() && handed.usage.is_some();
        if !by_systemd {
            make_enterable(runtime)?;
        }
        let listen = |handed, name: &str, group: &str| match handed {
            Some(socket) => Listener::handed_over(socket).context("take a socket from systemd"),
            None => Ok(Listener::bind(&runtime.join(name), access_for(group))?),
        };
        let answers = match (handed.answers, &settings.notifications.answer_url) {
            (None, None) => None,
            (None, Some(_)) if by_systemd => {
                tracing::error!(
                    "nobody can answer by a link: `notifications.answer_url` is set, and systemd passed no socket for it: `systemctl enable seatsync-answers.socket`, `systemctl stop seatsync.service`, `systemctl start seatsync-answers.socket seatsync.service`"
                );
                None
            }
            (handed, _) => Some(listen(handed, "answers.sock", "seatsync-answers")?),
        };
        let metrics = handed.metrics.map(Scrape::handed_over).transpose();
        let metrics = metrics.context("take the metrics socket from systemd")?;
        Ok(Self {
            metrics,
            control: listen(handed.control, "control.sock", "seatsync-admin")?,
            usage: listen(handed.usage, "usage.sock", "seatsync-usage")?,
            answers,
        })
    }
}

impl Doors {
    /// Serves every socket until `stop`.
    fn attend(
        self,
        tasks: &TaskTracker,
        control: Control,
        usage: UsageApi,
        asked: Answers,
        stop: &CancellationToken,
    ) {
        let clock = Arc::clone(&control.clock);
        if let Some(listener) = self.answers {
            tasks.spawn(serve(
                listener,
                Limits::default(),
                Arc::clone(&clock),
                move |_| answers::service(&asked),
                answers::unserved,
                stop.clone(),
            ));
        }
        if let Some(metrics) = self.metrics {
            let router = control::metrics_only(&control);
            tasks.spawn(metrics.serve(router, Arc::clone(&clock), stop.clone()));
        }
        tasks.spawn(serve(
            self.control,
            Limits::default(),
            Arc::clone(&clock),
            move |peer| control::service(&control, &peer),
            control::unserved,
            stop.clone(),
        ));
        let refusing = usage.clone();
        tasks.spawn(serve(
            self.usage,
            Limits::default(),
            clock,
            move |peer| usage.service(peer),
            move |fault| refusing.unserved(fault),
            stop.clone(),
        ));
    }
}

fn read_settings(config: Option<&Path>) -> Result<Settings> {
    settings::load(config).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the settings are wrong:\n{}", lines.join("\n"))
    })
}

/// Makes a directory that only its owner may enter, with what leads to it.
fn make_private(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("make the directory `{}`", path.display()))
}

/// Makes the directory of the sockets, which everybody may enter: each socket has its own group.
fn make_enterable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .with_context(|| format!("make the directory `{}`", path.display()))
}

/// Who may connect to a socket that the daemon binds itself: its own user and, where it may give
/// a socket away and the host has it, a group.
fn access_for(group: &str) -> Access {
    let gid = rustix::process::geteuid()
        .is_root()
        .then(|| gid_of(&Principal::Name(group.to_owned())).ok())
        .flatten();
    Access { mode: 0o660, gid }
}

/// What is kept in the state directory.
struct Kept {
    store: Store,
    usage: UsageStore,
    grants: GrantVault,
    /// Holds the key of tokens and of the links by which users answer.
    sealer: Sealer,
}

/// Everything that runs, wired together.
struct Rooms {
    store: Store,
    usage: UsageStore,
    grants: GrantVault,
    sealer: Sealer,
    connectors: Arc<Connectors>,
    settings: Arc<Settings>,
    clock: SharedClock,
    metrics: Metrics,
    driver: Driver,
    reconcile: ReconcileHandle,
    runner: Runner,
    deliverer: Deliverer,
    installed: InstalledRunner,
    applied: Arc<Notify>,
}

impl Rooms {
    fn furnish(
        options: &Options,
        secrets: Arc<Secrets>,
        settings: &Arc<Settings>,
        kept: Kept,
        clock: SharedClock,
    ) -> Self {
        let Kept {
            store,
            usage,
            grants,
            sealer,
        } = kept;
        let applied = Arc::new(Notify::new());
        let metrics = Metrics::default();
        let reconciler = Reconciler::new(
            options.profiles.clone(),
            Arc::clone(settings),
            store.clone(),
            Arc::clone(&clock),
        );
        let (driver, reconcile) = Driver::new(reconciler, Arc::clone(&clock), Arc::clone(&applied));
        let stop_files = settings::stop_files(options.config.as_deref());
        let options = ConnectorOptions {
            scratch: Some(options.state.clone()),
            ..ConnectorOptions::default()
        };
        let deliverer = Deliverer::new(DelivererParts {
            store: store.clone(),
            clock: Arc::clone(&clock),
            settings: Arc::clone(settings),
            secrets: Arc::clone(&secrets),
            sealer: sealer.clone(),
            grants: grants.clone(),
        });
        let connectors = Connectors::new(secrets, Arc::clone(&clock), options)
            .keeping_grants(Arc::new(grants.clone()));
        let connectors = Arc::new(connectors);
        let runner = Runner::new(RunnerParts {
            store: store.clone(),
            clock: Arc::clone(&clock),
            settings: Arc::clone(settings),
            source: Arc::clone(&connectors),
            metrics: metrics.clone(),
            stop_files,
        });
        let installed = InstalledRunner::new(InstalledParts {
            store: store.clone(),
            usage: usage.clone(),
            clock: Arc::clone(&clock),
            settings: Arc::clone(settings),
        });
        Self {
            store,
            usage,
            grants,
            sealer,
            connectors,
            settings: Arc::clone(settings),
            clock,
            metrics,
            driver,
            reconcile,
            runner,
            deliverer,
            installed,
            applied,
        }
    }

    async fn run_once(mut self) -> Result<Ended> {
        let outcome = self.driver.once().await?;
        for finding in &outcome.findings {
            tracing::warn!("{finding}");
        }
        let jobs = self.runner.run_due_to_completion().await?;
        let judged = self.installed.run_due_to_completion().await;
        self.deliverer.pass(&CancellationToken::new()).await?;
        self.connectors.close().await;
        self.store.close().await;
        self.usage.close().await;
        let held = outcome.held().is_some();
        Ok(Ended {
            failed: outcome.errors() > 0 || held || jobs.failed() || !judged,
        })
    }

    async fn serve(self, options: &Options, doors: Doors, sandbox: Sandbox) -> Result<Ended> {
        // Before anything is stored: a clock that is behind is not believed.
        self.usage
            .note_time(self.clock.now(), self.clock.elapsed())
            .await?;
        let mut unknown = Vec::new();
        let control_access = ControlAccess::resolve(&self.settings.control, &mut unknown);
        let usage_policy = UsagePolicy::resolve(&self.settings.usage, &mut unknown)
            .context("find the users of `usage.bind`")?;
        for principal in unknown {
            tracing::warn!("{principal}");
        }
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let usage_api = UsageApi::new(
            self.usage.clone(),
            usage_policy,
            Arc::clone(&self.clock),
            self.metrics.clone(),
        );
        let control = Control {
            store: self.store.clone(),
            usage: self.usage.clone(),
            usage_api: usage_api.clone(),
            reconcile: self.reconcile.clone(),
            runner: self.runner.clone(),
            installed: self.installed.clone(),
            connectors: Arc::clone(&self.connectors),
            grants: self.grants.clone(),
            settings: Arc::clone(&self.settings),
            access: Arc::new(control_access),
            metrics: self.metrics.clone(),
            clock: Arc::clone(&self.clock),
            started_at: self.clock.now(),
            sandbox,
            folder: options.profiles.clone(),
            config: options.config.clone(),
        };
        let reloaded = usage_api.clone();
        let asked = Answers {
            store: self.store.clone(),
            settings: Arc::clone(&self.settings),
            sealer: self.sealer,
            clock: Arc::clone(&self.clock),
        };
        doors.attend(&tasks, control, usage_api, asked, &stop);
        let mut planners =
            run_what_is_due(&tasks, self.runner, self.installed, self.applied, &stop);
        planners.push(tasks.spawn(self.driver.run(stop.clone())));
        let (store, usage) = (self.store.clone(), self.usage.clone());
        tend_what_is_kept(&tasks, store, usage, &self.settings, &self.clock, &stop);
        tasks.spawn(grants::watch(
            self.grants,
            Arc::clone(&self.clock),
            stop.clone(),
        ));
        tasks.spawn(self.deliverer.run(stop.clone()));
        let vitals = Vitals {
            store: self.store.clone(),
            usage: self.usage.clone(),
            planners,
        };
        let clock = Arc::clone(&self.clock);
        tasks.spawn(watchdog::keep(vitals, clock, stop.clone()));
        tasks.close();

        let signals = Signals::catch()?;
        systemd::ready("serving");
        tracing::info!(
            message_id = %Notable::Serving,
            version = env!("CARGO_PKG_VERSION"),
            profiles = %options.profiles.display(),
            state = %options.state.display(),
            runtime = %options.runtime.display(),
            "seatsync serves"
        );
        let in_force = Arc::clone(&self.settings);
        let reload = async || {
            reload(
                &self.reconcile,
                &reloaded,
                &in_force,
                options.config.clone(),
            )
            .await;
        };
        signals.attend(reload).await;
        systemd::stopping();
        tracing::info!("stopping");
        stop.cancel();
        end(&tasks, &self.connectors, &*self.clock).await;
        self.store.close().await;
        self.usage.close().await;
        tracing::info!("stopped");
        Ok(Ended { failed: false })
    }
}

/// Waits for what still runs, and for tokens that are being written down; not for ever.
async fn end(tasks: &TaskTracker, connectors: &Connectors, clock: &dyn Clock) {
    let ended = async {
        tasks.wait().await;
        connectors.close().await;
    };
    tokio::select! {
        () = ended => {}
        () = sleep(clock, STOP_WITHIN) => {
            tracing::warn!(tasks = tasks.len(), "stopping without those that do not end");
        }
    }
}

/// Runs jobs of profiles, and what judges installed software; both look again when the files changed.
fn run_what_is_due(
    tasks: &TaskTracker,
    runner: Runner,
    installed: InstalledRunner,
    applied: Arc<Notify>,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    vec![
        tasks.spawn(runner.clone().run(stop.clone())),
        tasks.spawn(installed.clone().run(stop.clone())),
        tasks.spawn(wake_planners(applied, runner, installed, stop.clone())),
    ]
}

/// Lets go of what is old and of memory that nobody uses, and computes the licence position every week.
fn tend_what_is_kept(
    tasks: &TaskTracker,
    store: Store,
    usage: UsageStore,
    settings: &Arc<Settings>,
    clock: &SharedClock,
    stop: &CancellationToken,
) {
    tasks.spawn(rest::watch(
        store.clone(),
        usage.clone(),
        Arc::clone(clock),
        stop.clone(),
    ));
    tasks.spawn(retention::run(
        store.clone(),
        usage,
        settings.retention,
        Arc::clone(clock),
        stop.clone(),
    ));
    tasks.spawn(position::run(
        store,
        Arc::clone(settings),
        Arc::clone(clock),
        stop.clone(),
    ));
}

/// Wakes the planners whenever a pass over the folder changed something.
async fn wake_planners(
    applied: Arc<Notify>,
    runner: Runner,
    installed: InstalledRunner,
    stop: CancellationToken,
) {
    while stop.run_until_cancelled(applied.notified()).await.is_some() {
        runner.wake();
        installed.wake();
    }
}

/// The signals that mean something to the daemon.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Of a file that may not grow further: caught, it is an error of the write, and no end.
    _file_size: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("catch signals");
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hangup: catch(SignalKind::hangup())?,
            _file_size: catch(SignalKind::from_raw(libc::SIGXFSZ))?,
        })
    }

    /// Reloads at each SIGHUP; returns at SIGTERM or SIGINT.
    async fn attend(mut self, reload: impl AsyncFn()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => reload().await,
            }
        }
    }
}

/// The usage socket's settings and the profiles folder, each for itself: a mistake in one does not
/// keep the other from being obeyed.
async fn reload(
    reconcile: &ReconcileHandle,
    usage: &UsageApi,
    in_force: &Settings,
    config: Option<PathBuf>,
) {
    systemd::reloading();
    if let Err(findings) = usage.reload(config.clone()).await {
        for finding in findings {
            tracing::error!(message_id = %Notable::SettingsWrong, "the settings are wrong, and what was in force stays: {finding}");
        }
    }
    if let Some(waiting) = settings::not_in_force(in_force, config.as_deref()) {
        tracing::warn!("{waiting}");
    }
    match reconcile.reload(false).await {
        Ok(outcome) => tracing::info!(revision = %outcome.revision, "reloaded on SIGHUP"),
        Err(error) => tracing::error!(%error, "reload on SIGHUP failed"),
    }
    systemd::ready("serving");
}
