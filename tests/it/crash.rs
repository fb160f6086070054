//! kill -9 at any moment: what was acknowledged stays, no reader sees half a refresh, and nothing is
//! left in progress.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;
use vendor_sim::zoom::{Action, Endpoint, Fault, Plan, When};
use vendor_sim::{ZoomSim, ZoomSimOptions};

use super::support::Host;

/// Kills of one run of the test. `SEATSYNC_KILLS` asks for more.
const KILLS: u32 = 8;
/// Records of one batch.
const BATCH: u32 = 50;

#[expect(
    clippy::disallowed_methods,
    reason = "how long to go on is the choice of whoever runs the test"
)]
fn kills() -> u32 {
    let wanted = std::env::var("SEATSYNC_KILLS").ok();
    wanted.map_or(KILLS, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_half_done_however_often_the_daemon_is_killed() {
    let vendor = ZoomSim::start(ZoomSimOptions {
        users: 900,
        plan: Plan::Business,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_zoom(&vendor);
    host.start();
    host.until_first_run_is_over("zoom");
    let seats = seats_of(&host);
    vendor.control().set_fault(endless_walk());
    let mut acknowledged = 0;
    let mut in_mid_walk = 0;
    for kill in 1..=kills() {
        let pushed = push_until_death(host.path("run/usage.sock"), kill);
        let before = pushed.recv().unwrap();
        if kill % 2 == 0 {
            host.seatsync(&["jobs", "run", "zoom", "--no-wait"]);
            let status = host.until(&["status", "zoom"], |status| {
                status["subflows"][0]["last"]["state"] == "in_progress"
            });
            in_mid_walk += u32::from(status["subflows"][0]["progress"].is_string());
            assert_eq!(seats_of(&host), seats, "a reader saw half a refresh");
        }
        host.kill();
        acknowledged += before + pushed.iter().sum::<u32>();
        host.start();
        assert_eq!(seats_of(&host), seats, "after kill {kill}");
        let stored = records_of(&host);
        assert!(
            stored >= u64::from(acknowledged),
            "{acknowledged} records were acknowledged, {stored} are there after kill {kill}"
        );
    }
    vendor.control().clear_faults();
    host.until(&["jobs", "list", "--limit", "1000"], |jobs| {
        jobs["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|job| !["pending", "in_progress"].contains(&job["state"].as_str().unwrap()))
    });
    assert_eq!(seats_of(&host), seats);
    println!("{acknowledged} records acknowledged, {in_mid_walk} kills inside a walk");
    assert!(in_mid_walk * 3 >= kills(), "{in_mid_walk} kills hit a walk");
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

fn seats_of(host: &Host) -> u64 {
    let identifiers = host.json(&["identifiers", "list"]);
    let rows = identifiers["rows"].as_array().unwrap();
    rows.iter().map(|row| row["seats"].as_u64().unwrap()).sum()
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
