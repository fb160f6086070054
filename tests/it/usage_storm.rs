//! Many agents at once: the daemon is killed in the middle of a storm, and slow senders of large
//! bodies try to fill its memory while an agent that behaves is served.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::Uid;
use rustix::thread::set_thread_res_uid;
use seatsync::clock::{Clock as _, SystemClock};
use seatsync::store::usage::{UsageFilter, UsageStore};
use serde_json::Value;

use super::support::Host;
use super::support::agent::{exchange, item, post};

/// Kills of one run of the test. `SEATSYNC_KILLS` asks for more.
const KILLS: u32 = 4;
const CLIENTS: u32 = 64;
/// Products that a client reports again and again, beside new ones.
const OLD: u32 = 3;

#[expect(
    clippy::disallowed_methods,
    reason = "how long to go on is the choice of whoever runs the test"
)]
fn kills() -> u32 {
    let wanted = std::env::var("SEATSYNC_KILLS").ok();
    wanted.map_or(KILLS, |text| text.parse().unwrap())
}

/// One acknowledged item.
struct Fact {
    client: u32,
    product: u32,
    count: u32,
    sys_id: String,
    inserted: bool,
}

/// What the daemon owes: for each record, its id and the count that was acknowledged last.
#[derive(Default)]
struct Owed {
    records: BTreeMap<(u32, u32), (String, u32)>,
    acknowledged: u64,
}

impl Owed {
    fn take(&mut self, fact: &Fact) {
        self.acknowledged += 1;
        let record = (fact.client, fact.product);
        let known = self
            .records
            .insert(record, (fact.sys_id.clone(), fact.count));
        if let Some((sys_id, _)) = known {
            assert_eq!(sys_id, fact.sys_id, "{record:?} has another id");
            assert!(!fact.inserted, "{record:?} was inserted twice");
        }
    }

    /// Every acknowledged record is there once, with its id and at least its count.
    fn verify(&self, state: &Path) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (stored, rows, damage) = runtime.block_on(async {
            let store = UsageStore::open(state).unwrap();
            let (mut stored, mut rows) = (BTreeMap::new(), 0);
            let mut export = store.export(UsageFilter::default());
            while let Some(page) = export.next().await.unwrap() {
                rows += page.len();
                stored
                    .extend(page.into_iter().map(|record| {
                        (record.key.sys_id().to_string(), record.values.usage_count)
                    }));
            }
            let damage = store.check().await.unwrap().findings;
            store.close().await;
            (stored, rows, damage)
        });
        assert_eq!(damage, [] as [String; 0]);
        assert_eq!(stored.len(), rows, "a record is there twice");
        let ids: BTreeSet<&String> = self.records.values().map(|(sys_id, _)| sys_id).collect();
        assert_eq!(ids.len(), self.records.len(), "two records have one id");
        for (record, (sys_id, count)) in &self.records {
            // A later report may have been stored without its answer getting out.
            let found = stored.get(sys_id).copied().flatten();
            let is_kept = found.is_some_and(|found| found >= i32::try_from(*count).unwrap());
            assert!(
                is_kept,
                "{record:?} was acknowledged as {count}, and is {found:?}"
            );
        }
        rows
    }
}

/// Pushes until the daemon dies, and tells of each acknowledged batch.
fn push_until_death(socket: &Path, client: u32, round: u32, told: &mpsc::Sender<Vec<Fact>>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    for turn in 0.. {
        let count = round * 1_000_000 + turn;
        let products = [turn % OLD, OLD + round * 100_000 + turn];
        let items = products.map(|product| item(client, product, count));
        let Some(answer) = post(&mut stream, &items) else {
            return;
        };
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let items = answer["result"]["reply"]["items"].as_array().unwrap();
        let facts = products.iter().zip(items).map(|(&product, item)| Fact {
            client,
            product,
            count,
            sys_id: item["sysId"].as_str().unwrap().to_owned(),
            inserted: item["status"] == "INSERT",
        });
        let _ = told.send(facts.collect());
    }
}

#[test]
fn nothing_acknowledged_is_lost_however_often_a_storm_is_cut() {
    let mut host = Host::new();
    let mut owed = Owed::default();
    let mut rows = 0;
    for round in 1..=kills() {
        host.start();
        let socket = host.path("run/usage.sock");
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for client in 1..=CLIENTS {
                let (sender, socket) = (sender.clone(), &socket);
                scope.spawn(move || push_until_death(socket, client, round, &sender));
            }
            drop(sender);
            let kill_after = 300 + 97 * (round % 7);
            let mut batches = 0;
            for facts in &receiver {
                for fact in &facts {
                    owed.take(fact);
                }
                batches += 1;
                if batches == kill_after {
                    host.kill();
                }
            }
        });
        rows = owed.verify(&host.path("state"));
    }
    println!(
        "{} kills, {CLIENTS} clients: {} items acknowledged, of {} records; {rows} are there",
        kills(),
        owed.acknowledged,
        owed.records.len()
    );
    assert!(owed.acknowledged > u64::from(kills()) * 600);
}

/// The users that fill the daemon's memory, and the one that behaves.
const FLOODERS: [u32; 4] = [41_001, 41_002, 41_003, 41_004];
const AGENT: u32 = 41_005;
const CONNECTIONS: usize = 64;
/// A body of about 10 MB.
const ITEMS: u32 = 55_000;
/// Most memory of the daemon, in KiB.
const MOST: u64 = 128 << 10;
/// Large batches that must have been answered before the storm may end.
const LARGE_ANSWERS: u32 = 8;
const AGENT_ANSWERS: u32 = 40;

/// A connection of another user of this host.
fn connect_as(uid: u32, socket: &Path) -> UnixStream {
    thread::scope(|scope| {
        let connecting = scope.spawn(|| {
            let uid = Uid::from_raw(uid);
            // Of this thread alone, which ends.
            set_thread_res_uid(uid, uid, uid).unwrap();
            UnixStream::connect(socket).unwrap()
        });
        connecting.join().unwrap()
    })
}

/// A sender of one request: its connection, as long as there is one, how much it has sent, and
/// whether the answer has begun.
#[derive(Default)]
struct Sender {
    stream: Option<UnixStream>,
    sent: usize,
    is_answered: bool,
}

/// Bytes that a sender sends at a time.
const BIT: usize = 64 << 10;

impl Sender {
    fn connect_as(uid: u32, socket: &Path) -> Self {
        let stream = connect_as(uid, socket);
        stream.set_nonblocking(true).unwrap();
        Self {
            stream: Some(stream),
            ..Self::default()
        }
    }

    /// Sends the next bit and reads what it is told; whether anything moved.
    fn step(&mut self, request: &[u8], answers: &AtomicU32) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let bit = &request[self.sent..request.len().min(self.sent + BIT)];
        let written = stream.write(bit);
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(count) if count > 0 => {
                if !self.is_answered && buffer.starts_with(b"HTTP/1.1 200") {
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                self.is_answered = true;
                return true;
            }
            _ => {
                self.stream = None;
                return true;
            }
        }
        match written {
            Ok(count) => {
                self.sent += count;
                count > 0
            }
            Err(_) => false,
        }
    }
}

/// Sends a request bit by bit over many connections in turn, until `stop`, and counts the answers
/// of 200. A connection that ended is replaced after a while: there are always many.
fn flood(uid: u32, socket: &Path, request: &[u8], stop: &AtomicBool, answers: &AtomicU32) {
    const REPLACE_AFTER: u32 = 100;
    let mut senders: Vec<Sender> = Vec::new();
    senders.resize_with(CONNECTIONS, Sender::default);
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if round % REPLACE_AFTER == 0 {
            for sender in senders.iter_mut().filter(|sender| sender.stream.is_none()) {
                *sender = Sender::connect_as(uid, socket);
            }
        }
        let moved = senders
            .iter_mut()
            .map(|sender| sender.step(request, answers))
            .filter(|moved| *moved)
            .count();
        if moved == 0 {
            // Slow senders leave the processor to the others.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Settings under which these users may push, in a folder that they can get through.
fn open_to(host: &Host, uids: &[u32]) {
    let uids: Vec<String> = uids.iter().map(ToString::to_string).collect();
    host.settings(&format!(
        "usage: {{roles: {{sam_admin: {{users: [{}]}}}}}}\n",
        uids.join(", ")
    ));
    std::fs::set_permissions(host.path(""), PermissionsExt::from_mode(0o711)).unwrap();
}

fn is_not_root() -> bool {
    let is_not_root = !rustix::process::geteuid().is_root();
    if is_not_root {
        eprintln!("SKIP: only root can be several users");
    }
    is_not_root
}

/// A whole request of one body.
fn request(body: &str) -> String {
    format!(
        "POST /api/now/sam_software_usage_integration/createOrUpdate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The status of the next answer, as soon as it begins.
fn status(stream: &mut UnixStream) -> u16 {
    let mut told = [0; 12];
    stream.read_exact(&mut told).unwrap();
    let told = std::str::from_utf8(&told).unwrap();
    told.rsplit(' ').next().unwrap().parse().unwrap()
}

fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = peak.unwrap().trim().strip_suffix(" kB").unwrap();
    number.trim().parse().unwrap()
}

#[test]
fn slow_senders_of_large_bodies_fill_no_memory_and_keep_nobody_else_waiting() {
    if is_not_root() {
        return;
    }
    let mut host = Host::new();
    open_to(&host, &[&FLOODERS[..], &[AGENT]].concat());
    host.start();
    let socket = host.path("run/usage.sock");
    let (stop, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    let requests = FLOODERS.map(|uid| {
        let items: Vec<String> = (0..ITEMS).map(|product| item(uid, product, 1)).collect();
        request(&format!(r#"{{"items":[{}]}}"#, items.join(",")))
    });
    let (taken, waits) = thread::scope(|scope| {
        for (uid, request) in FLOODERS.iter().zip(&requests) {
            let (socket, stop, answers) = (&socket, &stop, &answers);
            scope.spawn(move || flood(*uid, socket, request.as_bytes(), stop, answers));
        }
        let mut taken = 0;
        let mut waits = Vec::new();
        let mut refused = Vec::new();
        while taken < AGENT_ANSWERS || answers.load(Ordering::Relaxed) < LARGE_ANSWERS {
            // A new connection each time: the others have taken all that there are.
            let asked_at = SystemClock.now();
            let mut agent = connect_as(AGENT, &socket);
            let batch: Vec<String> = (0..100)
                .map(|product| item(AGENT, product, taken))
                .collect();
            match exchange(&mut agent, &batch) {
                Some((200, _)) => {
                    taken += 1;
                    waits.push(SystemClock.now().duration_since(asked_at));
                }
                other => {
                    refused.push(other);
                    break;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(refused.is_empty(), "the agent was told {refused:?}");
        waits.sort_unstable();
        (taken, waits)
    });
    let peak = peak_kib(host.pid());
    println!(
        "{} connections of {} users; {} large bodies and {taken} of the agent's were taken, \
         half of them within {} ms, all within {} ms; peak {} MiB",
        FLOODERS.len() * CONNECTIONS,
        FLOODERS.len(),
        answers.load(Ordering::Relaxed),
        waits[waits.len() / 2].as_millis(),
        waits[waits.len() - 1].as_millis(),
        peak >> 10
    );
    assert!(peak < MOST, "the daemon took {peak} KiB");
}

/// Small bodies with large answers, which nobody reads: of nothing but faults, and of names that XML
/// writes in many times their length.
#[test]
fn answers_that_nobody_reads_fill_no_memory() {
    let mut host = Host::new();
    host.start();
    let socket = host.path("run/usage.sock");
    let faulty = |count: usize| format!(r#"{{"items":[{}]}}"#, vec!["{}"; count].join(","));
    let named = format!(r#"{{"items":[{{"{}":1}}]}}"#, " ".repeat(700_000));
    let in_xml = request(&named).replacen("Host: x", "Host: x\r\nAccept: text/xml", 1);
    let requests = [
        request(&faulty(100_000)),
        request(&faulty(50_000)),
        request(&faulty(7_000)),
        in_xml,
    ];
    let held: Vec<UnixStream> = (0..CONNECTIONS - 4)
        .map(|number| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            let request = &requests[number % requests.len()];
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    // Each is answered or sent away; what is answered stays where it is.
    let mut told: BTreeMap<u16, usize> = BTreeMap::new();
    for mut stream in &held {
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).unwrap();
        let status = std::str::from_utf8(&begun[9..]).unwrap().parse().unwrap();
        *told.entry(status).or_default() += 1;
    }
    let mut agent = UnixStream::connect(&socket).unwrap();
    let taken = exchange(&mut agent, &[item(1, 1, 1)]).unwrap();
    assert_eq!(taken.0, 200, "{}", taken.1);
    let peak = peak_kib(host.pid());
    println!("{told:?}; peak {} MiB", peak >> 10);
    assert!(told[&200] >= 2 && told.keys().all(|status| [200, 400, 503].contains(status)));
    assert!(peak < MOST, "the daemon took {peak} KiB");
}

/// Two users declare all the room that there is and send next to nothing.
#[test]
fn bodies_that_hardly_come_keep_no_room_from_others() {
    if is_not_root() {
        return;
    }
    let mut host = Host::new();
    open_to(&host, &[&FLOODERS[..], &[AGENT]].concat());
    host.start();
    let socket = host.path("run/usage.sock");
    let large = request(&" ".repeat(10 << 20));
    let stop = AtomicBool::new(false);
    let all_is_taken = Barrier::new(3);
    let items: Vec<String> = (0..8_000).map(|product| item(AGENT, product, 1)).collect();
    thread::scope(|scope| {
        for uid in &FLOODERS[..2] {
            let (socket, stop, large) = (&socket, &stop, large.as_bytes());
            let all_is_taken = &all_is_taken;
            scope.spawn(move || {
                let mut held: Vec<(UnixStream, usize)> = Vec::new();
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // By then the daemon has read their heads.
                    if round == 5 {
                        all_is_taken.wait();
                    }
                    while held.len() < 16 {
                        let mut stream = connect_as(*uid, socket);
                        stream.write_all(&large[..300]).unwrap();
                        held.push((stream, 300));
                    }
                    held.retain_mut(|(stream, sent)| {
                        *sent += 1;
                        stream.write_all(&large[*sent..=*sent]).is_ok()
                    });
                    // So slow they are; nothing is waited for.
                    thread::sleep(Duration::from_millis(200));
                }
            });
        }
        all_is_taken.wait();
        let told = (0..3).map(|_| {
            let mut agent = connect_as(AGENT, &socket);
            let body = format!(r#"{{"items":[{}]}}"#, items.join(","));
            // It may be sent away before it has said all.
            let _ = agent.write_all(request(&body).as_bytes());
            status(&mut agent)
        });
        let told: Vec<u16> = told.collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(told, [200; 3]);
    });
}

/// Bodies that take long to read, many of one user: another's waits for one of them.
#[test]
fn large_bodies_of_one_user_keep_those_of_another_waiting_for_one_of_them() {
    if is_not_root() {
        return;
    }
    let mut host = Host::new();
    open_to(&host, &[&FLOODERS[..], &[AGENT]].concat());
    host.start();
    let socket = host.path("run/usage.sock");
    let deep = format!(
        r#"{{"x":{}{}1{},"items":[]}}"#,
        "[".repeat(26),
        "1,".repeat(1_100_000),
        "]".repeat(26)
    );
    let mut flood: Vec<UnixStream> = (0..14).map(|_| connect_as(FLOODERS[0], &socket)).collect();
    thread::scope(|scope| {
        for stream in &mut flood {
            let request = request(&deep);
            scope.spawn(move || {
                let _ = stream.write_all(request.as_bytes());
                let told = status(stream);
                assert!([200, 503].contains(&told), "{told}");
            });
        }
        let items: Vec<String> = (0..16_000).map(|product| item(AGENT, product, 1)).collect();
        let body = format!(r#"{{"items":[{}]}}"#, items.join(","));
        let mut agent = connect_as(AGENT, &socket);
        agent.write_all(request(&body).as_bytes()).unwrap();
        assert_eq!(status(&mut agent), 200);
    });
}
