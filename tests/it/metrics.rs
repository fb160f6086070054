//! What monitoring sees of the real daemon: over the control socket, and over TCP where systemd passes a
//! socket for that.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;

use vendor_sim::zoom::Cast;

use super::reclaim::{host, last_reclaim, vendor};
use super::support::Host;

/// One request; status line and body.
fn ask(mut stream: impl std::io::Read + std::io::Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_vendors_candidates_and_guards_are_counted_and_nobody_is_named() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: automatic");
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    let control = UnixStream::connect(host.path("run/control.sock")).unwrap();
    let text = ask(control, "/metrics");
    for series in [
        "seatsync_job_results_total{profile=\"zoom\",subflow=\"download_subscriptions\",state=\"completed\"} 1",
        "seatsync_vendor_answers_total{vendor=\"zoom\",status_class=\"2xx\"} ",
        "seatsync_vendor_throttled_seconds_total{profile=\"zoom\"} ",
        "seatsync_candidates{profile=\"zoom\",state=\"ready\"} ",
        "seatsync_guard_holds{profile=\"zoom\",guard=\"trip_wire\"} 1",
        "seatsync_guard_holds{profile=\"zoom\",guard=\"switch\"} 0",
        "seatsync_seats{profile=\"zoom\",identifier=\"zoom.licensed\"} ",
        "seatsync_store_bytes{database=\"usage.db\"} ",
        "seatsync_last_success_timestamp_seconds{profile=\"zoom\",subflow=\"download_subscriptions\"} ",
        "seatsync_start_timestamp_seconds ",
        "seatsync_build_info{version=",
    ] {
        assert!(text.contains(series), "`{series}` is not in:\n{text}");
    }
    let idle = vendor.cast(Cast::Idle).unwrap();
    assert!(!text.contains('@') && !text.contains(&idle.id), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_socket_of_its_own_serves_the_metrics_and_nothing_else() {
    let host = Host::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let daemon = host.daemon_command();
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg(format!("--listen={address}"))
        .arg("--fdname=metrics")
        .arg(daemon.get_program())
        .args(daemon.get_args());
    let Ok(mut child) = command.spawn() else {
        println!("SKIP: systemd-socket-activate is not installed");
        return;
    };
    // The connection starts the daemon and waits in the socket until it serves.
    let mut stream = None;
    for _ in 0..100_000 {
        stream = TcpStream::connect(address).ok();
        if stream.is_some() {
            break;
        }
    }
    let scraped = ask(stream.unwrap(), "/metrics");
    let elsewhere = ask(TcpStream::connect(address).unwrap(), "/v1/status");
    let pushed = {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(scraped.starts_with("HTTP/1.1 200 "), "{scraped}");
    assert!(scraped.contains("seatsync_build_info"), "{scraped}");
    assert!(elsewhere.starts_with("HTTP/1.1 404 "), "{elsewhere}");
    assert!(pushed.starts_with("HTTP/1.1 405 "), "{pushed}");
}
