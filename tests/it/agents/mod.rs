//! The agents of `examples/agents`, against the real daemon: what they were given arrives once and
//! whole, whoever is killed and whatever is lost on the way.

mod curl_script;
mod delivery;
mod osquery;
mod refusals;
mod relay;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use super::support::Host;
use super::support::programs::{printed, repository};

/// Distinct good records.
fn records(count: u32) -> Vec<Value> {
    (0..count)
        .map(|number| {
            json!({
                "reclamation_type": "last_used_date",
                "configuration_item": "eaa9604d3790200044e0bfc8bcbe5dc1",
                "norm_product": format!("{number:032x}"),
                "last_used_time": "2026-01-05 08:00:00",
            })
        })
        .collect()
}

/// A monthly record whose count tells when it was made.
fn counted(count: u32) -> Value {
    json!({
        "reclamation_type": "total_usage",
        "configuration_item": "eaa9604d3790200044e0bfc8bcbe5dc1",
        "norm_product": "40209c060b3022002d6c650d37673a89",
        "month_used": 2,
        "year": 2026,
        "usage_count": count,
    })
}

/// An agent that runs until it is killed, at the latest with the test.
struct Running(Child);

impl Running {
    fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A host with an agent's spool.
struct Agent {
    host: Host,
}

impl Agent {
    fn new() -> Self {
        Self { host: Host::new() }
    }

    /// The agent on `socket`, with short waits.
    fn command(&self, socket: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command
            .arg(repository("examples/agents/seatsync_agent.py"))
            .arg("--spool")
            .arg(self.host.path("spool"))
            .arg("--socket")
            .arg(socket)
            .args(["--first-wait", "0.01"])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// The agent on `socket`, as it runs.
    fn spawn(&self, socket: &Path, arguments: &[&str]) -> Running {
        let mut command = self.command(socket, arguments);
        Running(command.stderr(Stdio::null()).spawn().unwrap())
    }

    fn run(&self, socket: &Path, arguments: &[&str]) -> Output {
        self.command(socket, arguments).output().unwrap()
    }

    /// Delivers over the daemon's own socket what must all be accepted.
    fn deliver(&self, arguments: &[&str]) {
        printed(&mut self.command(&self.host.usage_socket(), arguments));
    }

    /// A file of records.
    fn file(&self, records: &[Value]) -> String {
        let path = self.host.path("records.json");
        fs::write(&path, Value::from(records).to_string()).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// The files of a folder of the spool.
    fn spooled(&self, folder: &str) -> Vec<PathBuf> {
        let folder = self.host.path("spool").join(folder);
        let files = fs::read_dir(folder).unwrap();
        files.map(|entry| entry.unwrap().path()).collect()
    }

    /// What was not accepted: (record, errors).
    fn rejected(&self) -> Vec<(Value, Value)> {
        let files = self.spooled("rejected");
        let lines = files.iter().map(|file| fs::read_to_string(file).unwrap());
        lines
            .collect::<String>()
            .lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                (line["item"].clone(), line["errors"].clone())
            })
            .collect()
    }
}
