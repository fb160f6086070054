//! Downloading every user of a simulated Zoom account into the store, beside a minimal loop that
//! stages each page and merges once, in the same rounds on the same disk, and where asked for beside
//! dlt (dlthub.com), which merges into SQLite too. With `calls`, one download from each vendor instead,
//! its calls beside the fewest that the vendor's API permits. Simulators are processes of their own
//! with their limits off; every pull is one too, so that its peak memory is its own.
//!
//! `cargo bench --bench download [-- USERS ROUNDS] [dlt|calls]`
//!
//! dlt's packages stay under `target/bench-download`.

mod accounts;
mod minimal;
#[path = "../peers/mod.rs"]
mod peers;
mod pull;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use seatsync::clock::{Clock, SystemClock};
use seatsync::profile::identifier::Vendor;

use self::pull::{Pull, Server, since};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", vendor, users] => {
            let vendor = vendor_of(vendor).ok_or("no such vendor")?;
            runtime.block_on(accounts::serve(vendor, users.parse()?))
        }
        ["ours", account, folder] => runtime.block_on(pull::ours(account, Path::new(folder))),
        ["minimal", account, folder] => {
            runtime.block_on(minimal::minimal(account, Path::new(folder)))
        }
        rest => {
            let mut numbers = rest.iter().filter_map(|word| word.parse::<u32>().ok());
            let users = numbers.next().unwrap_or(100_000);
            let rounds = numbers.next().unwrap_or(5);
            if rest.contains(&"calls") {
                count_calls(users)
            } else {
                compare(users, rounds, rest.contains(&"dlt"))
            }
        }
    }
}

const VENDORS: [Vendor; 3] = [Vendor::Zoom, Vendor::GoTo, Vendor::Aha];

fn vendor_of(word: &str) -> Option<Vendor> {
    VENDORS.into_iter().find(|vendor| vendor.as_str() == word)
}

/// Where results of others and scratch files go.
fn cache() -> Result<PathBuf> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-download");
    fs::create_dir_all(&cache)?;
    Ok(cache)
}

/// This program, as one of its parts.
fn part(name: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(name);
    Ok(command)
}

/// One first download from each vendor.
fn count_calls(users: u32) -> Result<()> {
    let mut out = io::stdout().lock();
    let disk = tempfile::tempdir_in(cache()?)?;
    writeln!(out, "{users} users of each vendor, a first download each")?;
    for vendor in VENDORS {
        let server = Server::start(vendor, users)?;
        let folder = disk.path().join(vendor.as_str());
        fs::create_dir(&folder)?;
        let pull = server.pull(part("ours")?, &folder)?;
        let fewest = accounts::fewest_calls(vendor, users);
        writeln!(
            out,
            "{:5} {:7.3} s  peak {:5.1} MiB  rows written {:6}  calls {:5}, {:.2} x the {fewest} of reading the list once (goal <= 1.1)",
            vendor.as_str(),
            pull.seconds,
            pull.peak_mib,
            pull.rows_written,
            pull.calls,
            f64::from(pull.calls) / f64::from(fewest),
        )?;
    }
    Ok(())
}

fn compare(users: u32, rounds: u32, with_dlt: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    let cache = cache()?;
    if with_dlt {
        peers::install("dlt", &cache)?;
    }
    let server = Server::start(Vendor::Zoom, users)?;
    let (mut minimal, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    let mut dlt = Vec::new();
    let disk = tempfile::tempdir_in(&cache)?;
    for round in 0..rounds {
        let folder = |name: &str| -> Result<_> {
            let path = disk.path().join(format!("{name}-{round}"));
            fs::create_dir(&path)?;
            Ok(path)
        };
        let (theirs, own) = (folder("minimal")?, folder("ours")?);
        // Whoever goes second finds a warmer disk; they take turns.
        let pulls: [&str; 3] = if round % 2 == 0 {
            ["minimal", "ours", "ours"]
        } else {
            ["ours", "ours", "minimal"]
        };
        let mut before = false;
        for pull in pulls {
            let target = if pull == "minimal" { &theirs } else { &own };
            let measured = server.pull(part(pull)?, target)?;
            match (pull, before) {
                ("minimal", _) => minimal.push(measured),
                (_, false) => {
                    before = true;
                    first.push(measured);
                }
                (_, true) => second.push(measured),
            }
        }
        if with_dlt {
            let target = folder("dlt")?;
            let mut command = Command::new(cache.join("dlt/bin/python"));
            command.arg(peers::source("dlt").join("pull.py"));
            dlt.push(server.pull(command, &target)?);
            fs::remove_dir_all(&target)?;
        }
        fs::remove_dir_all(&theirs)?;
        fs::remove_dir_all(&own)?;
    }
    let (p50, p99) = fdatasync(disk.path())?;
    writeln!(
        out,
        "{users} users, medians of {rounds} rounds; fdatasync p50 {p50:.2} ms, p99 {p99:.2} ms"
    )?;
    for (name, pulls) in [
        ("minimal loop", &minimal),
        ("first download", &first),
        ("nothing changed", &second),
        ("dlt, merge", &dlt),
    ] {
        if pulls.is_empty() {
            continue;
        }
        writeln!(
            out,
            "{name:16} {:7.3} s (min {:.3}, max {:.3})  peak {:6.1} MiB  rows written {}",
            median(pulls),
            pulls
                .iter()
                .map(|pull| pull.seconds)
                .fold(f64::INFINITY, f64::min),
            pulls.iter().map(|pull| pull.seconds).fold(0.0, f64::max),
            pulls.iter().map(|pull| pull.peak_mib).fold(0.0, f64::max),
            pulls.last().map_or(0, |pull| pull.rows_written),
        )?;
    }
    writeln!(
        out,
        "first / minimal  {:.2} (goal <= 1.3)\nunchanged / first {:.2} (goal <= 0.8)",
        median(&first) / median(&minimal),
        median(&second) / median(&first),
    )?;
    if with_dlt {
        let ratio = median(&dlt) / median(&first);
        writeln!(out, "dlt / first       {ratio:.1} (goal >= 12)")?;
    }
    Ok(())
}

fn median(pulls: &[Pull]) -> f64 {
    let mut seconds: Vec<f64> = pulls.iter().map(|pull| pull.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn fdatasync(folder: &Path) -> Result<(f64, f64)> {
    let mut file = File::create(folder.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = SystemClock.now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(since(start) * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    Ok((at(100), at(198)))
}
