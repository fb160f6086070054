//! An acknowledged usage record survives: the real daemon is killed in mid-work, and its system
//! calls are watched to see that no answer leaves before the disk has what it acknowledges.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use seatsync::store::usage::{UsageFilter, UsageStore};

use super::support::agent::{exchange, item, post, tag};

const PATIENCE: Duration = Duration::from_mins(1);

/// Directories of one daemon, which may be started in them again and again.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("profiles")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("run").join("usage.sock")
    }

    /// Starts the daemon, `wrapped` by another program, and waits until it answers.
    fn start(&self, wrapped: &[&str]) -> Child {
        let mut words = wrapped.to_vec();
        words.push(env!("CARGO_BIN_EXE_seatsync"));
        let mut daemon = Command::new(words[0])
            .args(&words[1..])
            .arg("run")
            .arg("--profiles")
            .arg(self.path("profiles"))
            .arg("--state")
            .arg(self.path("state"))
            .arg("--runtime")
            .arg(self.path("run"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = poll(|| UnixStream::connect(self.socket()).is_ok());
        if !started {
            let _ = daemon.kill();
            panic!(
                "the daemon does not listen; it ended with {:?}",
                daemon.wait()
            );
        }
        daemon
    }

    /// The daemon's own process, whatever wraps it.
    fn pid(&self) -> Pid {
        let lock = std::fs::read_to_string(self.path("state").join("seatsync.lock")).unwrap();
        Pid::from_raw(lock.trim().parse().unwrap()).unwrap()
    }
}

fn poll(mut done: impl FnMut() -> bool) -> bool {
    for _ in 0..PATIENCE.as_millis() / 10 {
        if done() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

/// (client, product), and what was acknowledged of it: (sysId, count).
type Fact = ((u32, u32), (String, u32));
type Acknowledged = BTreeMap<(u32, u32), (String, u32)>;

/// Pushes until the daemon dies, and tells of each acknowledged batch.
fn push_until_death(
    socket: &Path,
    client: u32,
    round: u32,
    acknowledged: &mpsc::Sender<Vec<Fact>>,
) {
    let mut stream = UnixStream::connect(socket).unwrap();
    for turn in 0.. {
        let count = round * 1_000_000 + turn;
        // New records, and old ones with a new count.
        let products = [turn % 50, round * 10_000 + turn, turn % 7];
        let items: Vec<String> = products.iter().map(|&p| item(client, p, count)).collect();
        let Some(answer) = post(&mut stream, &items) else {
            return;
        };
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let told = answer["result"]["reply"]["items"].as_array().unwrap();
        let facts = products.iter().zip(told).map(|(&product, item)| {
            let sys_id = item["sysId"].as_str().unwrap().to_owned();
            ((client, product), (sys_id, count))
        });
        let _ = acknowledged.send(facts.collect());
    }
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    const ROUNDS: u32 = 6;
    const CLIENTS: u32 = 4;
    let home = Home::new();
    let mut known = Acknowledged::new();
    for round in 1..=ROUNDS {
        let mut daemon = home.start(&[]);
        let (sender, receiver) = mpsc::channel();
        let socket = home.socket();
        thread::scope(|scope| {
            for client in 1..=CLIENTS {
                let (sender, socket) = (sender.clone(), &socket);
                scope.spawn(move || push_until_death(socket, client, round, &sender));
            }
            drop(sender);
            let mut batches = 0;
            while let Ok(facts) = receiver.recv_timeout(PATIENCE) {
                known.extend(facts);
                batches += 1;
                if batches == 100 + 37 * round {
                    daemon.kill().unwrap();
                }
            }
        });
        daemon.wait().unwrap();
        verify(&home, &known);
    }
    assert!(
        known.len() > 600,
        "{} records: too few to mean anything",
        known.len()
    );
}

/// Every acknowledged record is in the file, with its id and at least its count.
fn verify(home: &Home, known: &Acknowledged) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let stored = runtime.block_on(async {
        let store = UsageStore::open(&home.path("state")).unwrap();
        let mut stored = BTreeMap::new();
        let mut export = store.export(UsageFilter::default());
        while let Some(page) = export.next().await.unwrap() {
            for record in page {
                let id = record.key.sys_id().to_string();
                stored.insert(id, record.values.usage_count.unwrap());
            }
        }
        store.close().await;
        stored
    });
    for (record, (sys_id, count)) in known {
        let found = stored.get(sys_id);
        // A later batch may have been stored without its answer getting out.
        let is_kept = found.is_some_and(|found| *found >= i32::try_from(*count).unwrap());
        assert!(
            is_kept,
            "{record:?} was acknowledged with count {count}, and is {found:?}"
        );
    }
}

/// One line of strace, where it matters.
#[derive(Debug)]
enum Call {
    /// Bytes, in hex, on their way into the write-ahead log.
    Log(String),
    /// The log is on the disk.
    Synced,
    /// Bytes, in hex, on their way to a client.
    Answer(String),
}

/// Reads what strace saw. A call is where its line begins, except for a sync, which counts from
/// its return.
fn calls(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut syncing: BTreeMap<&str, bool> = BTreeMap::new();
    let log = format!("{}>", escaped("/usage.db-wal"));
    let success = escaped("HTTP/1.1 200");
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let on_log = call.contains(&log);
        let is_sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if is_sync && call.contains("<unfinished") {
            syncing.insert(thread, on_log);
        } else if is_sync && on_log && call.ends_with("= 0") {
            calls.push(Call::Synced);
        } else if call.contains("sync resumed>") {
            if syncing.remove(thread) == Some(true) && call.ends_with("= 0") {
                calls.push(Call::Synced);
            }
        } else if call.starts_with("pwrite") && on_log {
            calls.push(Call::Log(hex_of(call)));
        } else if call.contains(&success) {
            calls.push(Call::Answer(hex_of(call)));
        }
    }
    calls
}

/// Text as strace writes it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        escaped.push_str("\\x");
        escaped.push_str(&hex([byte]));
    }
    escaped
}

fn hex_of(call: &str) -> String {
    call.split('"')
        .skip(1)
        .step_by(2)
        .flat_map(|text| text.split("\\x"))
        .collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether, in this order, the log got the record, the log was synced, and the answer began.
fn is_durable_first(calls: &[Call], tag: u128) -> Result<(), String> {
    let stored = hex(tag.to_be_bytes());
    let told = hex(format!("{tag:032x}"));
    let answer = calls
        .iter()
        .position(|call| matches!(call, Call::Answer(text) if text.contains(&told)))
        .ok_or("no answer was seen")?;
    let logged = calls[..answer]
        .iter()
        .position(|call| matches!(call, Call::Log(bytes) if bytes.contains(&stored)))
        .ok_or("answered before the log got it")?;
    calls[logged..answer]
        .iter()
        .any(|call| matches!(call, Call::Synced))
        .then_some(())
        .ok_or_else(|| "answered before the log was synced".to_owned())
}

#[test]
fn no_answer_leaves_before_the_disk_has_it() {
    const CLIENTS: u32 = 16;
    const TURNS: u32 = 12;
    let home = Home::new();
    let trace = home.path("trace");
    let output = trace.to_string_lossy();
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-y",
        "-xx",
        "-s",
        "8192",
        "-o",
        &output,
        "-e",
        "signal=none",
        "-e",
        "trace=fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg",
    ];
    let probe = Command::new("strace")
        .args(["-qq", "-e", "trace=none", "true"])
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("SKIP: strace is not installed, or may not trace here");
        return;
    }
    let mut daemon = home.start(&strace);
    thread::scope(|scope| {
        for client in 1..=CLIENTS {
            let socket = home.socket();
            scope.spawn(move || {
                let mut stream = UnixStream::connect(socket).unwrap();
                for turn in 0..TURNS {
                    post(&mut stream, &[item(client, turn, 1)]).unwrap();
                }
            });
        }
    });
    kill_process(home.pid(), Signal::TERM).unwrap();
    daemon.wait().unwrap();
    let seen = String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    let calls = calls(&seen);
    for client in 1..=CLIENTS {
        for turn in 0..TURNS {
            if let Err(reason) = is_durable_first(&calls, tag(client, turn)) {
                panic!("record {turn} of client {client}: {reason}");
            }
        }
    }
    let shared = answers_by_sync(&calls);
    let most = shared.iter().max().copied().unwrap_or_default();
    eprintln!(
        "{} answers, {} syncs of the log, up to {most} answers after one",
        CLIENTS * TURNS,
        shared.len()
    );
    assert!(most > 1, "no two answers shared a commit: {shared:?}");
}

/// How many answers began between each sync of the log and the next.
fn answers_by_sync(calls: &[Call]) -> Vec<usize> {
    calls
        .split(|call| matches!(call, Call::Synced))
        .skip(1)
        .map(|between| {
            between
                .iter()
                .filter(|call| matches!(call, Call::Answer(_)))
                .count()
        })
        .collect()
}

/// A file system of a few megabytes at `path`, for as long as this lives.
struct SmallDisk<'a> {
    path: &'a Path,
}

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(path)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self { path })
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path).status();
    }
}

#[test]
fn a_full_disk_is_an_error_and_no_restart_is_needed_when_it_has_room_again() {
    let home = Home::new();
    let state = home.path("state");
    let Some(_disk) = SmallDisk::mount(&state) else {
        eprintln!("SKIP: no small file system may be mounted here");
        return;
    };
    let mut daemon = home.start(&[]);
    let mut stream = UnixStream::connect(home.socket()).unwrap();
    post(&mut stream, &[item(1, 0, 1)]).unwrap();
    let ballast = state.join("ballast");
    let room = rustix::fs::statvfs(&state).unwrap();
    let free = usize::try_from(room.f_bavail * room.f_frsize).unwrap();
    std::fs::write(&ballast, vec![0; free - 64 * 1024]).unwrap();
    let batch: Vec<String> = (1..2000).map(|product| item(2, product, 1)).collect();
    let refused = at_once(&home.socket(), 8, &batch);
    for (status, body) in &refused {
        assert_eq!(*status, 500, "{body}");
        assert!(body.contains("Internal server error"), "{body}");
    }
    // What is known already needs no room.
    let again = post(&mut stream, &[item(1, 0, 1)]).unwrap();
    assert!(again.contains("UPDATE"), "{again}");
    std::fs::remove_file(&ballast).unwrap();
    let taken = post(&mut stream, &batch).unwrap();
    assert_eq!(
        taken.matches("INSERT").count(),
        batch.len(),
        "half of it was stored"
    );
    kill_process(home.pid(), Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
}

/// The answers to one batch that several connections send at once.
fn at_once(socket: &Path, connections: usize, batch: &[String]) -> Vec<(u16, String)> {
    let ready = Barrier::new(connections);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = UnixStream::connect(socket).unwrap();
                    ready.wait();
                    exchange(&mut stream, batch).unwrap()
                })
            })
            .collect();
        senders
            .into_iter()
            .map(|sender| sender.join().unwrap())
            .collect()
    })
}
