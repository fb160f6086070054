//! createOrUpdate over a unix socket into the store, beside a bare loop of prepared upserts, this
//! same server with a transaction for each request, and the least servers that do the same in Node
//! and Python. Each is a process of its own, in the same rounds, on the same disk, with the store
//! empty and with ten million records in it.
//!
//! `cargo bench --bench usage [-- ROUNDS] [batches|single] [empty|full] [alone]`
//!
//! The words narrow: batches of 1,000 on one connection, or one item on 64; the state of the store;
//! without Node and Python. The full file and the peers' packages stay under `target/bench-usage`.

mod floor;
mod load;
#[path = "../peers/mod.rs"]
mod peers;
mod records;
mod servers;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use seatsync::clock::{Clock, SystemClock};
use serde_json::Value;

use self::floor::Task;
use self::load::Push;
use self::records::State;
use self::servers::{Checkpoint, Kind, Server};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve-alone", folder] => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(servers::serve_alone(Path::new(folder)))
        }
        ["floor", folder, first, bodies, items, together] => floor::run(
            Path::new(folder),
            Task {
                first: first.parse()?,
                bodies: bodies.parse()?,
                items: items.parse()?,
                together: together.parse()?,
            },
        ),
        words => compare(words),
    }
}

/// One way to push: how many items in a body, over how many connections, and how many bodies, of
/// the fast and of the slow.
#[derive(Debug, Clone, Copy)]
struct Work {
    name: &'static str,
    items: u64,
    connections: u64,
    bodies: u64,
    slow_bodies: u64,
}

const BATCHES: Work = Work {
    name: "batches of 1,000, one connection",
    items: 1000,
    connections: 1,
    bodies: 100,
    slow_bodies: 30,
};
const SINGLE: Work = Work {
    name: "one item, 64 connections",
    items: 1,
    connections: 64,
    bodies: 64_000,
    slow_bodies: 6_400,
};

impl Work {
    fn bodies_for(self, kind: Kind) -> u64 {
        match kind {
            Kind::Daemon => self.bodies,
            Kind::Alone if self.items > 1 => self.bodies,
            Kind::Alone | Kind::Node | Kind::Python => self.slow_bodies,
        }
    }
}

fn compare(words: &[&str]) -> Result<()> {
    let asked = |word: &str, other: &str| words.contains(&word) || !words.contains(&other);
    let rounds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(5);
    let cache = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench-usage");
    fs::create_dir_all(&cache)?;
    let mut out = io::stdout().lock();
    let mut peers = Vec::new();
    for kind in [Kind::Node, Kind::Python] {
        if words.contains(&"alone") {
            continue;
        }
        match kind.install(&cache) {
            Ok(()) => peers.push(kind),
            Err(reason) => writeln!(out, "absent: {}: {reason}", kind.name())?,
        }
    }
    for (state, work) in [
        (State::Empty, BATCHES),
        (State::TenMillion, BATCHES),
        (State::Empty, SINGLE),
        (State::TenMillion, SINGLE),
    ] {
        let wanted = match state {
            State::Empty => asked("empty", "full"),
            State::TenMillion => asked("full", "empty"),
        } && match work.items {
            1 => asked("single", "batches"),
            _ => asked("batches", "single"),
        };
        if wanted {
            Bench {
                cache: &cache,
                state,
                work,
                peers: &peers,
            }
            .measure(rounds, &mut out)?;
        }
    }
    Ok(())
}

/// What is measured, and where.
struct Bench<'a> {
    cache: &'a Path,
    state: State,
    work: Work,
    peers: &'a [Kind],
}

/// One system in one round.
#[derive(Debug, Clone, Default)]
struct Cell {
    /// Items a second.
    rate: f64,
    peak_mib: f64,
    /// Bodies in one transaction, on average.
    together: f64,
    /// Seconds to the answer: the median, the 99th percentile, the 99th percentile of those that no
    /// checkpoint touched, the longest.
    latency: [f64; 4],
    checkpoints: usize,
}

impl Bench<'_> {
    fn measure(&self, rounds: u64, out: &mut impl io::Write) -> Result<()> {
        let work = self.work;
        let place = tempfile::tempdir_in(self.cache)?;
        let mut floor = Vec::new();
        let mut kinds = vec![Kind::Daemon];
        if work.connections > 1 {
            kinds.push(Kind::Alone);
        }
        kinds.extend(self.peers);
        let mut cells: Vec<Vec<Cell>> = vec![Vec::new(); kinds.len()];
        let mut syncs = Vec::new();
        for round in 0..rounds {
            // Numbers that no round before has used, and the same for every system.
            let first = (round + 1) << 32;
            for (kind, cells) in kinds.iter().zip(&mut cells) {
                let folder = self.folder(place.path(), kind.name(), round)?;
                let cell = self.serve(*kind, &folder, first)?;
                if *kind == Kind::Daemon {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "an average of a few bodies, rounded"
                    )]
                    let together = cell.together.round().max(1.0) as u64;
                    let folder = self.folder(place.path(), "bare loop", round)?;
                    floor.push(self.bare(&folder, first, together)?);
                }
                cells.push(cell);
            }
            syncs.extend(fdatasync(place.path())?);
        }
        self.report(out, rounds, &floor, &kinds, &cells, &mut syncs)
    }

    /// A folder with the store in its state: one for each round where it is empty; where it is full,
    /// one for all rounds.
    fn folder(&self, place: &Path, system: &str, round: u64) -> Result<PathBuf> {
        let system: String = system.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = match self.state {
            State::Empty => place.join(format!("{system}{round}")),
            State::TenMillion => place.join(system),
        };
        if !folder.exists() {
            self.state.prepare(&folder, self.cache)?;
            // What preparing left to be written is not to meet what is measured.
            Command::new("sync").arg("-f").arg(&folder).status()?;
        }
        Ok(folder)
    }

    fn serve(&self, kind: Kind, folder: &Path, first: u64) -> Result<Cell> {
        let work = self.work;
        let server = Server::start(kind, folder, self.cache)?;
        let counted = || match kind {
            Kind::Daemon => server.commits(),
            _ => Ok(0),
        };
        let bodies = work.bodies_for(kind);
        let pushed = load::Work {
            connections: work.connections,
            first,
            bodies,
            items: work.items,
        };
        let mut before = 0;
        let load = load::push(&server.socket(), pushed, || {
            before = counted()?;
            Ok(())
        })?;
        let commits = counted()? - before;
        let checkpoints = match kind {
            Kind::Daemon => server.checkpoints()?,
            _ => Vec::new(),
        };
        let peak_mib = server.peak_mib()?;
        server.stop()?;
        Ok(Cell {
            rate: float(bodies * work.items) / load.seconds,
            peak_mib,
            together: float(bodies) / float(commits),
            latency: latency(&load.pushes, &checkpoints),
            checkpoints: checkpoints.len(),
        })
    }

    fn bare(&self, folder: &Path, first: u64, together: u64) -> Result<Cell> {
        let work = self.work;
        let numbers = [first, work.bodies, work.items, together];
        let output = Command::new(std::env::current_exe()?)
            .arg("floor")
            .arg(folder)
            .args(numbers.map(|number| number.to_string()))
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let told: Value = serde_json::from_slice(&output.stdout)?;
        let number = |name: &str| told[name].as_f64().ok_or("the bare loop told nothing");
        Ok(Cell {
            rate: float(work.bodies * work.items) / number("seconds")?,
            peak_mib: number("peak_mib")?,
            together: float(together),
            ..Cell::default()
        })
    }

    fn report(
        &self,
        out: &mut impl io::Write,
        rounds: u64,
        floor: &[Cell],
        kinds: &[Kind],
        cells: &[Vec<Cell>],
        syncs: &mut [f64],
    ) -> Result<()> {
        let (p50, p99) = (percentile(syncs, 50), percentile(syncs, 99));
        writeln!(
            out,
            "\n{}, store: {}; medians of {rounds} rounds; fdatasync p50 {p50:.2} ms, p99 {p99:.2} ms; load {}",
            self.work.name,
            self.state.name(),
            fs::read_to_string("/proc/loadavg")?.trim(),
        )?;
        writeln!(out, "{:30} {}", "bare loop", line(floor))?;
        for (kind, cells) in kinds.iter().zip(cells) {
            writeln!(out, "{:30} {}", kind.name(), line(cells))?;
        }
        let Some((ours, others)) = cells.split_first() else {
            return Ok(());
        };
        let goal = if self.work.items > 1 { 0.7 } else { 0.6 };
        writeln!(
            out,
            "ours / bare loop     {:5.2} (goal >= {goal})",
            ratio(ours, floor)
        )?;
        for (kind, cells) in kinds.iter().skip(1).zip(others) {
            writeln!(out, "ours / {:30} {:5.1}", kind.name(), ratio(ours, cells))?;
        }
        let of = |at: usize| median(ours, |cell| cell.latency[at]) * 1e3;
        writeln!(
            out,
            "answers: median {:.2} ms, p99 {:.2} ms, p99 outside checkpoints {:.2} ms = {:.1} x median, longest {:.0} ms; {} checkpoints a round",
            of(0),
            of(1),
            of(2),
            of(2) / of(0),
            ours.iter().map(|cell| cell.latency[3]).fold(0.0, f64::max) * 1e3,
            median(ours, |cell| float(cell.checkpoints as u64)),
        )?;
        out.flush()?;
        Ok(())
    }
}

/// Items a second, memory, and bodies in a transaction.
fn line(cells: &[Cell]) -> String {
    let rates = || cells.iter().map(|cell| cell.rate);
    let together = median(cells, |cell| cell.together);
    let together = if together.is_finite() {
        format!("  {together:.1} bodies a commit")
    } else {
        String::new()
    };
    format!(
        "{:9.0}/s (min {:.0}, max {:.0})  peak {:6.1} MiB{together}",
        median(cells, |cell| cell.rate),
        rates().fold(f64::INFINITY, f64::min),
        rates().fold(0.0, f64::max),
        cells.iter().map(|cell| cell.peak_mib).fold(0.0, f64::max),
    )
}

/// The median of the rounds' ratios: a disk that slows down slows both of a round.
fn ratio(ours: &[Cell], other: &[Cell]) -> f64 {
    let mut ratios: Vec<f64> = ours
        .iter()
        .zip(other)
        .map(|(ours, other)| ours.rate / other.rate)
        .collect();
    percentile(&mut ratios, 50)
}

fn median(cells: &[Cell], of: impl Fn(&Cell) -> f64) -> f64 {
    let mut values: Vec<f64> = cells.iter().map(of).collect();
    percentile(&mut values, 50)
}

fn latency(pushes: &[Push], checkpoints: &[Checkpoint]) -> [f64; 4] {
    let mut all: Vec<f64> = pushes.iter().map(|push| push.seconds).collect();
    let touched = |push: &Push| {
        let answered = push.sent + jiff::SignedDuration::from_secs_f64(push.seconds);
        checkpoints
            .iter()
            .any(|checkpoint| push.sent <= checkpoint.to && answered >= checkpoint.from)
    };
    let mut outside: Vec<f64> = pushes
        .iter()
        .filter(|push| !touched(push))
        .map(|push| push.seconds)
        .collect();
    [
        percentile(&mut all, 50),
        percentile(&mut all, 99),
        percentile(&mut outside, 99),
        percentile(&mut all, 100),
    ]
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get(last * percent / 100)
        .copied()
        .unwrap_or(f64::NAN)
}

/// A count as a number to divide by.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far below 2^52"
)]
fn float(count: u64) -> f64 {
    count as f64
}

fn fdatasync(folder: &Path) -> Result<Vec<f64>> {
    let mut file = File::create(folder.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = SystemClock.now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(since(start) * 1e3);
    }
    Ok(times)
}

fn since(start: Timestamp) -> f64 {
    SystemClock.now().duration_since(start).as_secs_f64()
}

/// The most memory that a process (its id, or `self`) has had resident.
fn peak_mib(process: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<f64>().ok())
        .ok_or("the kernel tells no peak")?;
    Ok(peak / 1024.0)
}

/// Prints what a process of the benchmark found out.
fn tell(told: &Value) -> Result<()> {
    writeln!(io::stdout(), "{told}")?;
    Ok(())
}
