//! kill -9 in the middle of a walk and in the middle of a merge: what was acknowledged stays, no
//! reader sees half a refresh, and nothing is left in progress.

use std::io::{Read, Write};
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;
use vendor_sim::zoom::{Action, Endpoint, Fault, Plan, Population, When};
use vendor_sim::{ZoomSim, ZoomSimOptions};

use super::support::{Host, text, zoom_profile};

/// Kills of one run of the test. `SEATSYNC_KILLS` asks for more.
const KILLS: u32 = 8;
/// Records of one batch.
const BATCH: u32 = 50;
/// Batches that are acknowledged before each kill.
const BATCHES: usize = 3;
/// The account has one of these populations, which have no user in common: going from one to the
/// other, a merge ends every seat and inserts as many. Their sizes tell them apart.
const WORLDS: [u32; 2] = [9_000, 9_500];

#[expect(
    clippy::disallowed_methods,
    reason = "how long to go on is the choice of whoever runs the test"
)]
fn kills() -> u32 {
    let wanted = std::env::var("SEATSYNC_KILLS").ok();
    wanted.map_or(KILLS, |text| text.parse().unwrap())
}

/// Where a kill is to hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    Walk,
    Merge,
}

impl Aim {
    /// How the progress of a job in that step begins.
    fn step(self) -> &'static str {
        match self {
            Self::Walk => "pages of users",
            Self::Merge => "merging seats",
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_half_done_however_often_the_daemon_is_killed() {
    let vendor = ZoomSim::start(ZoomSimOptions {
        users: WORLDS[0],
        population: nobody_hosts(),
        plan: Plan::Business,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_zoom(&vendor);
    let downloads_only = "subflows: {pull_user_activity: {enabled: false}}\n";
    host.profile("zoom.yaml", &zoom_profile(&vendor, downloads_only));
    host.start();
    let seats = seats_of_each_world(&host, &vendor);
    let mut in_force = 1;
    let mut acknowledged = 0;
    let (mut in_walk, mut in_merge) = (0, 0);
    host.kill();
    let mut made = 0;
    // A merge on a busy host may be over before it is seen, so a few more may be aimed at.
    while made < kills() || in_merge * 5 < kills() && made < 4 * kills() {
        made += 1;
        let kill = made;
        let aim = if kill % 2 == 0 { Aim::Walk } else { Aim::Merge };
        populate(&vendor, 1 - in_force);
        if aim == Aim::Walk {
            vendor.control().set_fault(endless_walk());
        }
        host.start();
        drive_to(&host, aim, &seats);
        let pushed = push_until_death(host.path("run/usage.sock"), kill);
        let before: u32 = pushed.iter().take(BATCHES).sum();
        let hit = match aim {
            Aim::Walk => true,
            Aim::Merge => deep_in_a_transaction(&host, kill),
        };
        host.kill();
        acknowledged += before + pushed.iter().sum::<u32>();
        // Nobody can go on with the run that was cut, so that what is there is what it left.
        vendor.control().set_fault(endless_walk());
        host.start();
        let found = seats_of(&host);
        let now = seats.iter().position(|known| *known == found);
        let now = now.unwrap_or_else(|| {
            panic!("{found} of {seats:?} seats are in force after kill {kill}: half a refresh")
        });
        match aim {
            Aim::Walk => {
                assert_eq!(now, in_force, "an unfinished walk came into force");
                in_walk += 1;
            }
            // The transaction had not been committed, and it was the merge's.
            Aim::Merge => in_merge += u32::from(hit && now == in_force),
        }
        in_force = now;
        let stored = records_of(&host);
        assert!(
            stored >= u64::from(acknowledged),
            "{acknowledged} records were acknowledged, {stored} are there after kill {kill}"
        );
        host.kill();
    }
    vendor.control().clear_faults();
    host.start();
    host.until(&["jobs", "list", "--limit", "1000"], |jobs| {
        jobs["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|job| !["pending", "in_progress"].contains(&job["state"].as_str().unwrap()))
    });
    assert!(seats.contains(&seats_of(&host)));
    println!(
        "{acknowledged} records acknowledged and found; of {made} kills {in_walk} inside a walk, {in_merge} inside a merge"
    );
    assert!(in_walk * 3 >= kills(), "{in_walk} kills hit a walk");
    assert!(in_merge * 5 >= kills(), "{in_merge} kills hit a merge");
    assert!(acknowledged >= 100 * made, "{acknowledged}");
}

/// Next to nobody is asked for, so that a job is soon over.
fn nobody_hosts() -> Population {
    Population {
        hosts: 0.0,
        licensed: 0.0,
        former: 0.0,
        ..Population::default()
    }
}

fn populate(vendor: &ZoomSim, world: usize) {
    let seed = u64::try_from(world).unwrap() + 1;
    vendor
        .control()
        .reseed(WORLDS[world], seed, &nobody_hosts());
}

/// Downloads each population once, and tells how many seats each has. The last one stays in force.
fn seats_of_each_world(host: &Host, vendor: &ZoomSim) -> [u64; 2] {
    let downloaded = |status: &Value| status["subflows"][0]["last"]["state"] == "completed";
    host.until(&["status", "zoom"], downloaded);
    let first = seats_of(host);
    populate(vendor, 1);
    let ran = host.seatsync(&["jobs", "run", "zoom"]);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let second = seats_of(host);
    assert_ne!(first, second);
    [first, second]
}

/// Asks for runs until one is at the step that is aimed at, and meanwhile for the seats.
fn drive_to(host: &Host, aim: Aim, seats: &[u64]) {
    host.until(&["status", "zoom"], |status| {
        let download = &status["subflows"][0];
        if download["last"]["state"] != "in_progress" {
            host.seatsync(&["jobs", "run", "zoom", "--no-wait"]);
        }
        let seen = seats_of(host);
        assert!(seats.contains(&seen), "a reader saw {seen} of {seats:?}");
        download["progress"]
            .as_str()
            .is_some_and(|progress| progress.starts_with(aim.step()))
    });
}

/// Looks until the daemon has held its database's write lock for some looks in a row, more of them
/// each time, and tells whether it did: what else is written beside the merge is soon over. SQLite's
/// file format names the byte of the lock.
fn deep_in_a_transaction(host: &Host, kill: u32) -> bool {
    const WRITE_LOCK: &str = "120";
    let shared = host.path("state/seatsync.db-shm");
    let inode = std::fs::metadata(shared).unwrap().st_ino().to_string();
    let pid = host.pid().to_string();
    let held = || {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            matches!(words[..], [_, "POSIX", "ADVISORY", "WRITE", holder, file, WRITE_LOCK, _]
                if holder == pid && file.rsplit(':').next() == Some(&inode))
        })
    };
    let wanted = 1 + (kill * 5) % 64;
    let mut in_a_row = 0;
    (0..100_000).any(|_| {
        in_a_row = if held() { in_a_row + 1 } else { 0 };
        in_a_row == wanted
    })
}

fn endless_walk() -> Fault {
    Fault {
        name: "the second page never comes".to_owned(),
        when: When {
            endpoint: Some(Endpoint::ListUsers),
            later_page: Some(true),
            ..When::default()
        },
        skip: 0,
        count: None,
        action: Action::Hang,
    }
}

/// The seats that come from the list of users, all in one merge. Add-ons, whose identifiers have a
/// capacity behind them, are asked for later and user by user.
fn seats_of(host: &Host) -> u64 {
    let identifiers = host.json(&["identifiers", "list"]);
    let rows = identifiers["rows"].as_array().unwrap();
    rows.iter()
        .filter(|row| row["identifier"].as_str().unwrap().split('.').count() == 2)
        .map(|row| row["seats"].as_u64().unwrap())
        .sum()
}

fn records_of(host: &Host) -> u64 {
    let summary: Value = host.json(&["usage", "summary"]);
    let rows = summary["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row["records"].as_u64().unwrap())
        .sum()
}

/// Pushes new records, batch after batch, until the daemon is gone; tells how many of each batch
/// were acknowledged.
fn push_until_death(socket: PathBuf, kill: u32) -> Receiver<u32> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for batch in 0.. {
            let Ok(count) = push(&socket, kill, batch) else {
                return;
            };
            if sender.send(count).is_err() {
                return;
            }
        }
    });
    receiver
}

fn push(socket: &PathBuf, kill: u32, batch: u32) -> std::io::Result<u32> {
    let items: Vec<String> = (0..BATCH)
        .map(|item| {
            format!(
                r#"{{"reclamation_type":"last_used_date","configuration_item":"{kill:016x}{batch:016x}","norm_product":"{item:032x}","last_used_time":"2026-01-05 08:00:00"}}"#
            )
        })
        .collect();
    let body = format!(r#"{{"items":[{}]}}"#, items.join(","));
    let mut stream = UnixStream::connect(socket)?;
    write!(
        stream,
        "POST /api/now/sam_software_usage_integration/createOrUpdate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    // A connection that the kill cut acknowledges nothing.
    let whole = answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"message\":\"Ok\"}}");
    Ok(if whole { BATCH } else { 0 })
}
