//! A temporary directory with everything a daemon needs, and the daemon in it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::BE_SEATSYNC;
use super::vendors::Vendors;

/// A pretended host: folders, settings and, while it runs, the daemon.
pub(crate) struct Host {
    folder: TempDir,
    secrets: Vec<(String, String)>,
    daemon: Option<Child>,
}

impl Host {
    /// Copies the sample files into a temporary directory and points them at the simulators.
    pub(crate) fn build(vendors: &Vendors) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("seatsync-quickstart-")
            .tempdir()
            .context("make a temporary directory")?;
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
        let profiles = folder.path().join("profiles.d");
        for made in [&profiles, &folder.path().join("run")] {
            std::fs::create_dir(made).with_context(|| format!("make `{}`", made.display()))?;
        }
        for file in [
            "profiles.d/zoom.yaml",
            "profiles.d/goto.yaml",
            "profiles.d/aha.yaml",
            "profiles.d/company.yaml",
            "profiles.d/licences.yaml",
            "profiles.d/entitlements.yaml",
            "seatsync.yaml",
        ] {
            let from = samples.join(file);
            let text = std::fs::read_to_string(&from)
                .with_context(|| format!("read `{}`", from.display()))?;
            std::fs::write(folder.path().join(file), vendors.adapt(&text))?;
        }
        Ok(Self {
            folder,
            secrets: vendors.secrets(),
            daemon: None,
        })
    }

    /// The folder of profiles.
    pub(crate) fn profiles(&self) -> PathBuf {
        self.folder.path().join("profiles.d")
    }

    /// The daemon's settings.
    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.path().join("seatsync.yaml")
    }

    /// Where the report goes.
    pub(crate) fn report(&self) -> PathBuf {
        self.folder.path().join("report.html")
    }

    /// The folder of sockets.
    pub(crate) fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The socket that agents push usage to.
    pub(crate) fn usage_socket(&self) -> PathBuf {
        self.runtime().join("usage.sock")
    }

    /// The command line that is seatsync on this host.
    fn seatsync(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg(BE_SEATSYNC).envs(self.secrets.clone());
        Ok(command)
    }

    /// Starts the daemon; its log goes to `daemon.log`.
    pub(crate) fn start_daemon(&mut self) -> Result<()> {
        let at = |name: &str| self.folder.path().join(name);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(at("daemon.log"))
            .context("open the log")?;
        let child = self
            .seatsync()?
            .arg("run")
            .arg("--profiles")
            .arg(self.profiles())
            .arg("--state")
            .arg(at("state"))
            .arg("--runtime")
            .arg(self.runtime())
            .arg("--config")
            .arg(self.settings())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .context("start the daemon")?;
        self.daemon = Some(child);
        Ok(())
    }

    /// The daemon's process id.
    pub(crate) fn daemon_pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// Kills the daemon with SIGKILL: it gets no chance to tidy up.
    pub(crate) fn kill_daemon(&mut self) -> Result<()> {
        let mut child = self.daemon.take().context("no daemon runs")?;
        child.kill().context("kill the daemon")?;
        child.wait().context("wait for the daemon")?;
        Ok(())
    }

    /// Runs one command line and returns what it printed, with its exit code.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<(String, Option<i32>)> {
        let mut child = self
            .seatsync()?
            .args(arguments)
            .arg("--runtime")
            .arg(self.runtime())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("run seatsync")?;
        let mut text = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_string(&mut text)?;
        }
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut text)?;
        }
        let code = child.wait()?.code();
        Ok((text, code))
    }

    /// Runs one command line that must succeed, and returns its JSON.
    pub(crate) fn ask_json(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        let (text, code) = self.ask(&[arguments, &["--format", "json"]].concat())?;
        ensure!(
            code == Some(0),
            "`seatsync {}` failed: {text}",
            arguments.join(" ")
        );
        serde_json::from_str(&text).with_context(|| format!("read `{text}`"))
    }

    /// The last lines of the daemon's log.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("daemon.log"));
        let text = text.unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
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
