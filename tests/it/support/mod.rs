//! A pretended host for tests of the real binary: folders, settings, the daemon as a process of
//! its own, and its command line.

pub(crate) mod agent;
pub(crate) mod browser;
pub(crate) mod chromium;
pub(crate) mod goto;
pub(crate) mod mail_server;
pub(crate) mod programs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vendor_sim::{AhaSim, ZoomSim, ZoomSimOptions};

/// The built binary.
pub(crate) const SEATSYNC: &str = env!("CARGO_BIN_EXE_seatsync");

/// How often [`Host::until`] asks before it gives up. Each question is a process of its own, so
/// this is some tens of seconds.
const PATIENCE: usize = 3_000;

/// The variable that sample connections take their secret from.
const SECRET: &str = "VENDOR_SECRET";

/// Folders and settings of one daemon, gone with the value; the daemon is killed with it.
pub(crate) struct Host {
    folder: TempDir,
    secret: String,
    log_level: String,
    trusted: Option<PathBuf>,
    environment: BTreeMap<String, String>,
    daemon: Option<Child>,
}

impl Host {
    /// A host with an empty profiles folder whose settings let connections go to this machine.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["profiles.d", "run"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let host = Self {
            folder,
            secret: "unset".to_owned(),
            log_level: "info".to_owned(),
            trusted: None,
            environment: BTreeMap::new(),
            daemon: None,
        };
        host.settings("connections: {allowed_hosts: [127.0.0.1]}\n");
        host
    }

    /// A host with one published Zoom profile `zoom` that leads to `vendor`.
    pub(crate) fn with_zoom(vendor: &ZoomSim) -> Self {
        let mut host = Self::new();
        host.secret = vendor.client_secret().to_owned();
        host.profile("zoom.yaml", &zoom_profile(vendor, ""));
        host
    }

    /// A host with one published Aha! profile `aha` that leads to `vendor`.
    pub(crate) fn with_aha(vendor: &AhaSim) -> Self {
        let mut host = Self::new();
        vendor.api_key().clone_into(&mut host.secret);
        host.profile("aha.yaml", &aha_profile(vendor));
        host
    }

    /// The app's secret that sample connections name.
    pub(crate) fn secret(&mut self, secret: &str) {
        secret.clone_into(&mut self.secret);
    }

    /// How much the daemon logs.
    pub(crate) fn log_level(&mut self, level: &str) {
        level.clone_into(&mut self.log_level);
    }

    /// The daemon trusts the certificate authorities of this file, and no other.
    pub(crate) fn trust(&mut self, authorities: PathBuf) {
        self.trusted = Some(authorities);
    }

    /// A variable of the daemon's environment.
    pub(crate) fn environment(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Writes the settings file.
    pub(crate) fn settings(&self, text: &str) {
        std::fs::write(self.path("seatsync.yaml"), text).unwrap();
    }

    /// Writes a file of the profiles folder.
    pub(crate) fn profile(&self, file: &str, text: &str) {
        std::fs::write(self.path("profiles.d").join(file), text).unwrap();
    }

    /// A file or folder of the host.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where agents push.
    pub(crate) fn usage_socket(&self) -> PathBuf {
        self.path("run").join("usage.sock")
    }

    /// The usage records that the daemon has, at most 10,000.
    pub(crate) fn usage_records(&self) -> Vec<Value> {
        let listing = self.json(&["usage", "list", "--limit", "10000"]);
        listing["rows"].as_array().unwrap().clone()
    }

    /// The command line of a daemon on this host; the caller may add to it before it runs.
    pub(crate) fn daemon_command(&self) -> Command {
        let mut command = Command::new(SEATSYNC);
        command
            .arg("run")
            .arg("--profiles")
            .arg(self.path("profiles.d"))
            .arg("--state")
            .arg(self.path("state"))
            .arg("--runtime")
            .arg(self.path("run"))
            .arg("--config")
            .arg(self.path("seatsync.yaml"))
            .env(SECRET, &self.secret)
            .env("SEATSYNC_LOG", &self.log_level)
            .envs(&self.environment)
            .stdin(Stdio::null());
        if let Some(authorities) = &self.trusted {
            command.env("SSL_CERT_FILE", authorities);
        }
        command
    }

    /// Starts the daemon, its log appended to `log`, and waits until it serves.
    pub(crate) fn start(&mut self) {
        self.launch(self.daemon_command());
    }

    /// Starts the daemon with more on its command line.
    pub(crate) fn start_with(&mut self, more: &[&str]) {
        let mut command = self.daemon_command();
        command.args(more);
        self.launch(command);
    }

    fn launch(&mut self, mut command: Command) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let child = command.stderr(log).spawn().unwrap();
        self.daemon = Some(child);
        for _ in 0..PATIENCE {
            if self.seatsync(&["healthcheck"]).status.success() {
                return;
            }
            let ended = self.daemon.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended:\n{}", self.log());
        }
        panic!("the daemon does not come up:\n{}", self.log());
    }

    /// The daemon's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// Kills the daemon with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// Ends the daemon with SIGTERM and returns its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut daemon = self.daemon.take().unwrap();
        let pid = rustix::process::Pid::from_child(&daemon);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        daemon.wait().unwrap().code()
    }

    /// Waits for a daemon that ends by itself; its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.daemon.take().unwrap().wait().unwrap().code()
    }

    /// Waits until the daemon has logged `text`.
    pub(crate) fn until_log(&self, text: &str) {
        for _ in 0..PATIENCE {
            if self.log().contains(text) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("`{text}` is never logged:\n{}", self.log());
    }

    /// What the daemon logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Runs one command line against this host's daemon.
    pub(crate) fn seatsync(&self, arguments: &[&str]) -> Output {
        Command::new(SEATSYNC)
            .args(arguments)
            .arg("--runtime")
            .arg(self.path("run"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What one command line that must succeed prints as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.seatsync(&[arguments, &["--format", "json"]].concat());
        assert!(
            output.status.success(),
            "`seatsync {}` ended with {:?}:\n{}\n{}\nlog:\n{}",
            arguments.join(" "),
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
            self.log()
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Asks until the answer is as wanted, and returns it.
    pub(crate) fn until(&self, arguments: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
        let arguments = [arguments, &["--format", "json"]].concat();
        let mut answer = Value::Null;
        for _ in 0..PATIENCE {
            let output = self.seatsync(&arguments);
            // What is asked for may not be known before the first pass over the folder.
            answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if output.status.success() && wanted(&answer) {
                return answer;
            }
        }
        panic!(
            "`seatsync {}` never was as wanted; last {answer:#}\nlog:\n{}",
            arguments.join(" "),
            self.log()
        );
    }

    /// Waits until the profile's download and activity have ended well.
    pub(crate) fn until_first_run_is_over(&self, profile: &str) -> Value {
        self.until(&["status", profile], |status| {
            let completed = |subflow: &str| {
                status["subflows"].as_array().is_some_and(|subflows| {
                    subflows
                        .iter()
                        .any(|s| s["subflow"] == subflow && s["last"]["state"] == "completed")
                })
            };
            completed("download_subscriptions") && completed("pull_user_activity")
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // It may have ended by itself.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// A Zoom account with so many users and everything that may befall them, without rate limits.
pub(crate) async fn zoom_account(users: u32) -> ZoomSim {
    let options = ZoomSimOptions {
        users,
        limits: false,
        ..ZoomSimOptions::default()
    };
    ZoomSim::start(options).await.unwrap()
}

/// A profile `zoom` with its connection, `extra` added to the profile's document.
pub(crate) fn zoom_profile(vendor: &ZoomSim, extra: &str) -> String {
    format!(
        "kind: Profile
name: zoom
type: zoom
state: published
connection: zoom
{extra}---
kind: Connection
name: zoom
vendor: zoom
url: {}
oauth:
  grant: account_credentials
  token_url: {}
  account_id: {}
  client_id: {}
  client_secret: {{env: {SECRET}}}
limits: {{plan: business, share: 100%}}
",
        vendor.api_url(),
        vendor.token_url(),
        vendor.account_id(),
        vendor.client_id(),
    )
}

/// A profile `aha` with its connection.
pub(crate) fn aha_profile(vendor: &AhaSim) -> String {
    format!(
        "kind: Profile
name: aha
type: aha
state: published
connection: aha
---
kind: Connection
name: aha
vendor: aha
url: {}
oauth: {{grant: api_key, token: {{env: {SECRET}}}}}
limits: {{share: 100%}}
",
        vendor.api_url(),
    )
}

/// Bytes that a process printed, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
