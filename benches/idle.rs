//! What the daemon costs while it has nothing to do: resident memory, and how often it wakes up. A hundred
//! published profiles, each of a simulated account of its own, are looked at one minute after the daemon is
//! ready for the first time, which is no rest yet where their first runs take longer; when each has run once and a
//! minute has passed; and again after a restart, when nothing is due.
//! Wake-ups are counted twice, a minute each: by the kernel, as switches that the daemon's threads made of
//! their own accord, and by `strace`, as calls in which a thread slept, by thread and call. The second tells what they
//! were for. Needs `strace`, and to be allowed to trace.
//!
//! `cargo bench --bench idle [-- PROFILES SECONDS]`

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use vendor_sim::{SimClock, ZoomSim, ZoomSimOptions};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The least that a sleep takes: calls that return sooner woke nobody up.
const SLEPT: f64 = 0.000_1;

fn main() -> Result<()> {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let profiles = numbers.next().unwrap_or(100);
    let period = Duration::from_secs(numbers.next().unwrap_or(60));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(profiles, period))
}

async fn measure(profiles: u64, period: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut vendors = Vec::new();
    let mut secrets = Vec::new();
    // Apart from where the daemon logs to: it watches the folder that its profiles are in.
    fs::create_dir_all(folder.path().join("etc/profiles.d"))?;
    fs::write(
        folder.path().join("seatsync.yaml"),
        "connections: {allowed_hosts: [127.0.0.1]}\n",
    )?;
    for number in 0..profiles {
        let vendor = ZoomSim::start(ZoomSimOptions {
            users: 50,
            seed: 1_000 + number,
            clock: SimClock::system(),
            ..ZoomSimOptions::default()
        })
        .await?;
        let secret = format!("SECRET_{number}");
        let file = folder
            .path()
            .join(format!("etc/profiles.d/zoom-{number}.yaml"));
        fs::write(file, documents(&vendor, number, &secret))?;
        secrets.push((secret, vendor.client_secret().to_owned()));
        vendors.push(vendor);
    }
    writeln!(
        io::stdout(),
        "{profiles} profiles, {} s each time",
        period.as_secs()
    )?;

    let daemon = Daemon::start(folder.path(), &secrets)?;
    thread::sleep(period);
    writeln!(io::stdout(), "after ready:          {}", daemon.resident()?)?;
    let ran = daemon.ran()?;
    writeln!(io::stdout(), "  {ran} of {profiles} have run")?;
    daemon.until_all_ran(profiles)?;
    thread::sleep(period);
    writeln!(io::stdout(), "after all ran once:   {}", daemon.resident()?)?;
    daemon.tell_wake_ups(period)?;
    drop(daemon);

    let daemon = Daemon::start(folder.path(), &secrets)?;
    thread::sleep(period);
    writeln!(io::stdout(), "after a restart:      {}", daemon.resident()?)?;
    daemon.tell_wake_ups(period)
}

fn documents(vendor: &ZoomSim, number: u64, secret: &str) -> String {
    format!(
        "kind: Profile\nname: zoom-{number}\ntype: zoom\nstate: published\nconnection: zoom-{number}\n---\n\
         kind: Connection\nname: zoom-{number}\nvendor: zoom\nurl: {}\noauth:\n  grant: account_credentials\n  \
         token_url: {}\n  account_id: {}\n  client_id: {}\n  client_secret: {{env: {secret}}}\n\
         limits: {{plan: business, share: 100%}}\n",
        vendor.api_url(),
        vendor.token_url(),
        vendor.account_id(),
        vendor.client_id(),
    )
}

/// A running daemon; it is ended with the value.
struct Daemon {
    process: Child,
    folder: PathBuf,
}

impl Daemon {
    /// Starts it, and waits until it serves.
    fn start(folder: &Path, secrets: &[(String, String)]) -> Result<Self> {
        let process = Command::new(env!("CARGO_BIN_EXE_seatsync"))
            .args(["run", "--profiles"])
            .arg(folder.join("etc/profiles.d"))
            .arg("--state")
            .arg(folder.join("state"))
            .arg("--config")
            .arg(folder.join("seatsync.yaml"))
            .arg("--runtime")
            .arg(folder.join("run"))
            .envs(secrets.iter().cloned())
            .stdin(Stdio::null())
            .stderr(fs::File::create(folder.join("log"))?)
            .spawn()?;
        let daemon = Self {
            process,
            folder: folder.to_owned(),
        };
        for _ in 0..600 {
            if daemon.ask(&["healthcheck"]).is_ok() {
                return Ok(daemon);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(format!("the daemon does not come up:\n{}", daemon.log()).into())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        let answer = Command::new(env!("CARGO_BIN_EXE_seatsync"))
            .args(arguments)
            .arg("--runtime")
            .arg(self.folder.join("run"))
            .output()?;
        if answer.status.success() {
            Ok(String::from_utf8(answer.stdout)?)
        } else {
            Err(String::from_utf8_lossy(&answer.stderr).into())
        }
    }

    /// Waits until each profile has come to the end of its chain.
    fn until_all_ran(&self, profiles: u64) -> Result<()> {
        for _ in 0..600 {
            if self.ran()? >= profiles {
                return Ok(());
            }
            thread::sleep(Duration::from_secs(1));
        }
        Err(format!("not every profile ran:\n{}", self.log()).into())
    }

    /// How many profiles have come to the end of their chain.
    fn ran(&self) -> Result<u64> {
        let answer = self.ask(&["jobs", "results", "--limit", "1000", "--format", "json"])?;
        let results: Value = serde_json::from_str(&answer)?;
        Ok(results["rows"].as_array().map_or(0, |rows| {
            let ran = rows.iter().filter(|row| {
                row["state"] == "completed" && row["subflow"] == "refresh_candidates"
            });
            ran.count() as u64
        }))
    }

    fn status(&self, of: &str) -> Result<BTreeMap<String, u32>> {
        let text = fs::read_to_string(format!("/proc/{}/{of}", self.process.id()))?;
        Ok(text
            .lines()
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                let number = value.split_whitespace().next()?.parse().ok()?;
                Some((name.to_owned(), number))
            })
            .collect())
    }

    fn resident(&self) -> Result<String> {
        let status = self.status("status")?;
        let mib = |name: &str| f64::from(status.get(name).copied().unwrap_or_default()) / 1_024.0;
        Ok(format!(
            "{:.1} MiB resident, of which {:.1} MiB are its own and {:.1} MiB of files; {} threads",
            mib("VmRSS"),
            mib("RssAnon"),
            mib("RssFile"),
            status.get("Threads").copied().unwrap_or_default(),
        ))
    }

    fn tell_wake_ups(&self, period: Duration) -> Result<()> {
        let before = self.switches()?;
        thread::sleep(period);
        let switches: u32 = self
            .switches()?
            .into_iter()
            .map(|(thread, count)| count.saturating_sub(before.get(&thread).copied().unwrap_or(0)))
            .sum();
        let per_second = |count: u32| f64::from(count) / period.as_secs_f64();
        writeln!(
            io::stdout(),
            "  by the kernel: {:.2} wake-ups/s",
            per_second(switches)
        )?;
        let calls = self.sleeps(period)?;
        let all = calls.values().sum::<u32>();
        writeln!(
            io::stdout(),
            "  by strace:     {:.2} wake-ups/s",
            per_second(all)
        )?;
        let mut most: Vec<_> = calls.iter().collect();
        most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for ((thread, call), count) in most {
            writeln!(io::stdout(), "    {count:>5} {thread} {call}")?;
        }
        Ok(())
    }

    fn threads(&self) -> Result<Vec<String>> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id()))?;
        tasks
            .map(|task| Ok(task?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// How often each thread went to sleep of its own accord, since its start: one that ends takes its count with it.
    fn switches(&self) -> Result<BTreeMap<String, u32>> {
        let mut all = BTreeMap::new();
        for thread in self.threads()? {
            let status = self.status(&format!("task/{thread}/status"))?;
            let count = status.get("voluntary_ctxt_switches").copied();
            all.insert(thread, count.unwrap_or(0));
        }
        Ok(all)
    }

    /// Calls in which a thread slept, by its name and the call's.
    fn sleeps(&self, period: Duration) -> Result<BTreeMap<(String, String), u32>> {
        let mut names = BTreeMap::new();
        for thread in self.threads()? {
            let path = format!("/proc/{}/task/{thread}/comm", self.process.id());
            let name = fs::read_to_string(path)?.trim().to_owned();
            names.insert(thread, name);
        }
        let trace = self.folder.join("trace");
        let traced = Command::new("timeout")
            .arg("--signal=INT")
            .arg(period.as_secs().to_string())
            .args(["strace", "-f", "-qq", "-T", "-o"])
            .arg(&trace)
            .args(["-p", &self.process.id().to_string()])
            .status()?;
        // 124: the time was over, which is how it is to end.
        if traced.code() != Some(124) {
            return Err(format!("strace ended with {traced}").into());
        }
        let mut calls = BTreeMap::new();
        for line in fs::read_to_string(trace)?.lines() {
            if let Some((thread, call)) = slept(line) {
                let name = names.get(thread).map_or("another", String::as_str);
                *calls.entry((name.to_owned(), call.to_owned())).or_insert(0) += 1;
            }
        }
        Ok(calls)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        // Where it has ended already there is nothing to end.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.process.wait();
    }
}

/// Thread and call of a line of `strace -f -T` that tells the end of a call, when it slept in it.
fn slept(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(char::is_whitespace)?;
    let seconds = rest.strip_suffix('>')?.rsplit_once('<')?.1;
    let rest = rest.trim_start();
    let call = rest.strip_prefix("<... ").unwrap_or(rest);
    let call = call
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .next()?;
    (seconds.parse::<f64>().ok()? >= SLEPT && sleeps_in(call)).then_some((thread, call))
}

/// Whether a call waits for something to happen, and not for the disk.
fn sleeps_in(call: &str) -> bool {
    [
        "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2",
        "futex",
        "poll",
        "ppoll",
        "select",
        "pselect6",
        "nanosleep",
        "clock_nanosleep",
        "read",
        "recvmsg",
        "accept4",
    ]
    .contains(&call)
}
