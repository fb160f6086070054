//! 10,000 profile files: how long until they are checked, until one changed file is in force, and
//! until a rescan knows that nothing changed. Each is set beside a loop that only does what the
//! disk demands, in the same rounds.
//!
//! `cargo bench --bench profiles [-- FILES ROUNDS]`

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use seatsync::clock::{Clock, SharedClock, SystemClock};
use seatsync::profile::link::link;
use seatsync::profile::load::{LoadCache, load};
use seatsync::reconcile::{PassOptions, Reconciler, Trigger};
use seatsync::settings::Settings;
use seatsync::store::Store;
use seatsync::watch::Watcher;
use sha2::{Digest, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PER_FOLDER: usize = 100;

fn main() -> Result<()> {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let files = numbers.next().unwrap_or(10_000);
    let rounds = numbers.next().unwrap_or(7).max(5);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(files, rounds))
}

/// The times of one kind of work, one per round.
#[derive(Default)]
struct Times(Vec<SignedDuration>);

impl Times {
    async fn add<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let start = SystemClock.now();
        let value = work.await?;
        self.0.push(SystemClock.now().duration_since(start));
        Ok(value)
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

async fn measure(files: usize, rounds: usize) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path().join("profiles.d");
    fill(&folder, files)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let settings = Arc::new(Settings::default());
    let store = Store::open(temporary.path())?;
    let new = || {
        let (settings, store) = (Arc::clone(&settings), store.clone());
        Reconciler::new(folder.clone(), settings, store, Arc::clone(&clock))
    };
    let mut reconciler = new();
    let mut watcher = Watcher::new(folder.clone(), Arc::clone(&clock));

    let mut first = Times::default();
    let outcome = first
        .add(async {
            Ok(reconciler
                .reconcile(Trigger::Start, PassOptions::default())
                .await?)
        })
        .await?;
    if outcome.plan.changes.len() != files + 1 {
        return Err(format!("not everything was applied: {}", outcome.message).into());
    }

    let [
        mut check,
        mut read,
        mut changed,
        mut stat,
        mut rescan,
        mut restart,
        mut sync,
    ] = std::array::from_fn(|_| Times::default());
    for round in 1..=rounds {
        read.add(async { read_and_hash(&folder) }).await?;
        check
            .add(async {
                let loaded = load(&folder, &settings, &mut LoadCache::default(), true);
                let (set, _) = link(&loaded.documents, &settings);
                Ok(set.profiles.len())
            })
            .await?;
        stat.add(async { stat_all(&folder) }).await?;
        write_profile(&folder, round * 31 % files, round)?;
        let outcome = changed
            .add(async {
                watcher.arm().await;
                Ok(reconciler
                    .reconcile(Trigger::Change, PassOptions::default())
                    .await?)
            })
            .await?;
        if outcome.plan.changes.len() != 1 {
            return Err(format!("not one change: {}", outcome.plan).into());
        }
        rescan
            .add(async {
                watcher.arm().await;
                Ok(reconciler
                    .reconcile(Trigger::Rescan, PassOptions::default())
                    .await?)
            })
            .await?;
        restart
            .add(async {
                Ok(new()
                    .reconcile(Trigger::Start, PassOptions::default())
                    .await?)
            })
            .await?;
        for _ in 0..20 {
            sync.add(async { fdatasync(temporary.path()) }).await?;
        }
    }

    let title = format!("{files} profile files, {rounds} rounds, medians in ms");
    let rows = [
        ("first apply (once)", &first, None),
        (
            "cold check: load and link",
            &check,
            Some(("read and hash", &read)),
        ),
        (
            "one file changed to applied",
            &changed,
            Some(("stat every file", &stat)),
        ),
        (
            "rescan, nothing changed",
            &rescan,
            Some(("stat every file", &stat)),
        ),
        (
            "restart, nothing changed",
            &restart,
            Some(("read and hash", &read)),
        ),
    ];
    show(&title, &rows, &sync)
}

/// What was done, how long it took, and the floor it is set beside.
type Row<'a> = (&'a str, &'a Times, Option<(&'a str, &'a Times)>);

fn show(title: &str, rows: &[Row<'_>], sync: &Times) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{title}")?;
    for (what, times, floor) in rows {
        let median = times.percentile(50);
        write!(out, "{what:<30} {median:>9.1}")?;
        if let Some((name, floor)) = floor {
            let floor = floor.percentile(50);
            write!(out, "   {:.1} × {name} ({floor:.1})", median / floor)?;
        }
        writeln!(out)?;
    }
    let (p50, p99) = (sync.percentile(50), sync.percentile(99));
    writeln!(out, "fdatasync p50 {p50:.2} p99 {p99:.2}")?;
    Ok(())
}

const CONNECTION: &str = "kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, account_id: acct, client_id: app, client_secret: {credential: zoom-secret}}
";

fn fill(folder: &Path, files: usize) -> Result<()> {
    for number in 0..files {
        write_profile(folder, number, 0)?;
    }
    fs::write(folder.join("connection.yaml"), CONNECTION)?;
    Ok(())
}

fn write_profile(root: &Path, number: usize, edition: usize) -> Result<()> {
    let folder = root.join(format!("team-{:03}", number / PER_FOLDER));
    fs::create_dir_all(&folder)?;
    let text = format!(
        "kind: Profile
name: zoom-{number:05}
display_name: Zoom {number} edition {edition}
type: zoom
state: published
connection: zoom
subflows:
  pull_user_activity: {{enabled: true, analyze_from: 60d}}
  reclaim_subscriptions: {{enabled: false}}
exclusions:
  identifiers: [{{identifier: zoom.basic, reason: free}}]
  users: [{{user: rooms@example.com, reason: meeting room}}]
protected:
  - {{user: ceo@example.com, reason: board}}
reclamation: {{last_activity_threshold: 60d}}
"
    );
    fs::write(folder.join(format!("zoom-{number:05}.yaml")), text)?;
    Ok(())
}

fn each_file(root: &Path, work: &mut impl FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            each_file(&entry.path(), work)?;
        } else {
            work(&entry.path())?;
        }
    }
    Ok(())
}

fn read_and_hash(root: &Path) -> Result<()> {
    let mut hash = Sha256::new();
    each_file(root, &mut |path| {
        hash.update(fs::read(path)?);
        Ok(())
    })?;
    std::hint::black_box(hash.finalize());
    Ok(())
}

fn stat_all(root: &Path) -> Result<()> {
    each_file(root, &mut |path| {
        std::hint::black_box(fs::symlink_metadata(path)?);
        Ok(())
    })
}

fn fdatasync(folder: &Path) -> Result<()> {
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(folder.join("sync"))?;
    file.write_all(&[0; 4096])?;
    file.sync_data()?;
    Ok(())
}
