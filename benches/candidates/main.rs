//! Judging every seat of a profile, of which at most 1 % are unused: the whole calculation of
//! candidates as a job runs it, beside a loop that steps the same SELECT and drops the rows, in the
//! same rounds on the same disk. The first pass records the candidates, the steady one finds them
//! again; then the licence position is computed and kept, beside a loop over its own SELECT. Every pass
//! is a process of its own, so that its peak memory is its own; after the rounds all are run once more
//! over a tenth of the seats, to see whether memory grows.
//!
//! `cargo bench --bench candidates [-- SEATS ROUNDS]`
//!
//! It needs about 1 GB under `target/bench-candidates` for 1,000,000 seats.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::SignedDuration;
use rusqlite::{Connection, OpenFlags};
use seatsync::clock::{Clock, SystemClock};
use seatsync::profile::model::SubflowKind;
use seatsync::profile::name::Name;
use seatsync::settings::Settings;
use seatsync::store::Store;
use seatsync::store::job::Counts;
use seatsync::subflow::candidates::refresh_candidates;
use seatsync::subflow::progress::{JobProgress, Reporter, RunningJobs};
use seatsync::subflow::{Outcome, Run};
use serde_json::{Value, json};
use tokio::sync::watch;

mod fill;
mod position;

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
        ["fill", seats, folder] => runtime.block_on(fill::fill(Path::new(folder), seats.parse()?)),
        ["pass", folder] => runtime.block_on(pass(Path::new(folder))),
        ["floor", folder] => floor(Path::new(folder)),
        ["position", folder] => runtime.block_on(position::pass(Path::new(folder))),
        ["position-floor", folder] => position::floor(Path::new(folder)),
        rest => {
            let mut numbers = rest.iter().filter_map(|word| word.parse::<u32>().ok());
            let seats = numbers.next().unwrap_or(1_000_000);
            let rounds = numbers.next().unwrap_or(5).max(5);
            compare(seats, rounds)
        }
    }
}

/// One pass as its process tells it.
#[derive(Debug, Clone, Copy)]
struct Pass {
    seconds: f64,
    peak_mib: f64,
    rows: u64,
}

fn compare(seats: u32, rounds: u32) -> Result<()> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-candidates");
    fs::create_dir_all(&cache)?;
    let disk = tempfile::tempdir_in(cache)?;
    let filled = filled(disk.path(), seats)?;
    let round_folder = disk.path().join("round");
    let (mut floors, mut firsts, mut steadies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut position_floors, mut positions) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        copied(&filled, &round_folder)?;
        // Whoever goes second finds a warmer disk; they take turns.
        if round % 2 == 0 {
            floors.push(part("floor", &round_folder)?);
            firsts.push(part("pass", &round_folder)?);
            steadies.push(part("pass", &round_folder)?);
            position_floors.push(part("position-floor", &round_folder)?);
            positions.push(part("position", &round_folder)?);
        } else {
            firsts.push(part("pass", &round_folder)?);
            steadies.push(part("pass", &round_folder)?);
            floors.push(part("floor", &round_folder)?);
            positions.push(part("position", &round_folder)?);
            position_floors.push(part("position-floor", &round_folder)?);
        }
    }
    let few = self::filled(disk.path(), seats / 10)?;
    let few_first = part("pass", &few)?;
    let few_steady = part("pass", &few)?;
    let few_position = part("position", &few)?;

    let mut out = io::stdout().lock();
    let (p50, p99) = fdatasync(disk.path())?;
    writeln!(
        out,
        "{seats} seats, medians of {rounds} rounds; fdatasync p50 {p50:.2} ms, p99 {p99:.2} ms"
    )?;
    for (name, passes) in [
        ("the SELECT alone", &floors),
        ("first pass", &firsts),
        ("steady pass", &steadies),
        ("position's SELECT", &position_floors),
        ("position", &positions),
        ("first, a tenth", &vec![few_first]),
        ("steady, a tenth", &vec![few_steady]),
        ("position, a tenth", &vec![few_position]),
    ] {
        writeln!(
            out,
            "{name:17} {:7.3} s  peak {:5.1} MiB  rows {}",
            median(passes),
            peak(passes),
            passes.last().map_or(0, |pass| pass.rows),
        )?;
    }
    writeln!(
        out,
        "first / SELECT    {:.2} (goal <= 2)\nsteady / SELECT   {:.2} (goal <= 2)\nposition / SELECT {:.2} (goal <= 2)\npeak of the first pass / of a tenth   {:.2} (goal <= 1.10)\npeak of the steady pass / of a tenth  {:.2} (goal <= 1.10)\npeak of the position / of a tenth     {:.2} (goal <= 1.10)",
        median(&firsts) / median(&floors),
        median(&steadies) / median(&floors),
        median(&positions) / median(&position_floors),
        peak(&firsts) / few_first.peak_mib,
        peak(&steadies) / few_steady.peak_mib,
        peak(&positions) / few_position.peak_mib,
    )?;
    Ok(())
}

fn median(passes: &[Pass]) -> f64 {
    let mut seconds: Vec<f64> = passes.iter().map(|pass| pass.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn peak(passes: &[Pass]) -> f64 {
    passes.iter().map(|pass| pass.peak_mib).fold(0.0, f64::max)
}

/// A state directory with that many seats, filled by a process of its own.
fn filled(disk: &Path, seats: u32) -> Result<PathBuf> {
    let folder = disk.join(format!("filled-{seats}"));
    fs::create_dir(&folder)?;
    let status = Command::new(std::env::current_exe()?)
        .args(["fill", &seats.to_string()])
        .arg(&folder)
        .status()?;
    if status.success() {
        Ok(folder)
    } else {
        Err("the store could not be filled".into())
    }
}

fn copied(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    fs::copy(from.join("seatsync.db"), to.join("seatsync.db"))?;
    File::open(to.join("seatsync.db"))?.sync_data()?;
    Ok(())
}

/// Runs one of this program's parts on a state directory.
fn part(name: &str, folder: &Path) -> Result<Pass> {
    let output = Command::new(std::env::current_exe()?)
        .arg(name)
        .arg(folder)
        // As the daemon tells the allocator, which would keep what the check of the file has let go.
        .envs([
            ("MALLOC_MMAP_THRESHOLD_", "131072"),
            ("MALLOC_ARENA_MAX", "2"),
        ])
        .stderr(Stdio::inherit())
        .output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| told[name].as_f64().ok_or("a pass told nothing");
    Ok(Pass {
        seconds: number("seconds")?,
        peak_mib: number("peak_mib")?,
        rows: told["rows"].as_u64().unwrap_or(0),
    })
}

fn tell(took: SignedDuration, rows: u64) -> Result<()> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<f64>().ok())
        .ok_or("the kernel tells no peak")?;
    let told = json!({ "seconds": took.as_secs_f64(), "peak_mib": peak / 1024.0, "rows": rows });
    writeln!(io::stdout(), "{told}")?;
    Ok(())
}

/// The calculation of candidates as a job runs it. Its rows are candidates: new ones, and open ones that
/// were looked at again.
async fn pass(folder: &Path) -> Result<()> {
    let clock = SystemClock;
    let store = Store::open(folder)?;
    checked()?;
    let name: Name = "judged".parse()?;
    let profile = store.desired_profile(&name).await?.ok_or("no profile")?;
    let progress = JobProgress {
        profile: name,
        subflow: SubflowKind::RefreshCandidates,
        started_at: clock.now(),
        step: String::new(),
        done: 0,
        of: None,
    };
    let running = watch::Sender::new(RunningJobs::new());
    let reporter = Reporter::start(running, "bench".to_owned(), progress);
    let settings = Settings::default();
    let run = Run {
        store: &store,
        clock: &clock,
        zone: &settings.time_zone,
        profile: &profile,
        job: "bench",
        reporter: &reporter,
    };
    let mut counts = Counts::default();
    let start = clock.now();
    let outcome = refresh_candidates(&run, settings.guards, &mut counts).await?;
    let took = clock.now().duration_since(start);
    if outcome != Outcome::Completed {
        return Err(format!("{outcome:?}").into());
    }
    store.close().await;
    tell(took, counts.inserted + counts.fetched)
}

/// Waits until the check of the file that follows an opening is over: it reads the whole file beside what is
/// measured. Peak memory counts from here, without what the check has let go.
fn checked() -> Result<()> {
    loop {
        let mut tasks = fs::read_dir("/proc/self/task")?.flatten();
        let is_check = |task: fs::DirEntry| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "check")
        };
        if !tasks.any(is_check) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    give_back();
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

#[expect(
    unsafe_code,
    reason = "no crate wraps malloc_trim; it takes a number and may be called at any time"
)]
fn give_back() {
    // SAFETY: no pointers are involved, and glibc locks each of its heaps.
    unsafe { libc::malloc_trim(0) };
}

/// Steps what the calculation selects of a seat and drops the rows.
fn floor(folder: &Path) -> Result<()> {
    let database = read_only(folder)?;
    let start = SystemClock.now();
    let count = stepped(
        &database,
        "SELECT s.id, s.external_user_id, s.identifier, s.email, s.department, s.status, s.role,
             s.user_created_at, s.first_seen, s.assigned_at, s.bundled, s.paid, s.last_hosted_day,
             s.last_listed_day, s.display_name, NULL, NULL
         FROM subscriptions AS s
         WHERE +s.profile_id = 1 AND s.id > 0 AND s.ended_at IS NULL ORDER BY s.id",
    )?;
    tell(SystemClock.now().duration_since(start), count)
}

/// A connection like the store's.
fn read_only(folder: &Path) -> Result<Connection> {
    let database = Connection::open_with_flags(
        folder.join("seatsync.db"),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    database.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2000;")?;
    Ok(database)
}

/// How many rows a query has.
fn stepped(database: &Connection, query: &str) -> Result<u64> {
    let mut statement = database.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn fdatasync(folder: &Path) -> Result<(f64, f64)> {
    let mut file = File::create(folder.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = SystemClock.now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(SystemClock.now().duration_since(start).as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |index: usize| times.get(index).copied().unwrap_or(f64::NAN);
    Ok((at(100), at(198)))
}
