//! The simulator on a real socket: what a client's HTTP library gets to see.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::friday;
use crate::ZoomSim;
use crate::zoom::faults::{Action, Fault};

async fn exchange(sim: &ZoomSim, path: &str) -> std::io::Result<String> {
    let address = sim.base_url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
    read.await.map_err(std::io::Error::other)??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The announced and the received length of a body.
fn lengths(answer: &str) -> (usize, usize) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    (announced.parse().unwrap(), body.len())
}

#[tokio::test]
async fn the_wire_misbehaves_as_told() {
    let sim = ZoomSim::start(friday()).await.unwrap();
    let whole = exchange(&sim, "/v2/users").await.unwrap();
    assert!(
        whole.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
        "{whole}"
    );
    let (announced, received) = lengths(&whole);
    assert_eq!(announced, received);

    sim.control()
        .set_fault(Fault::on_path("/v2", Action::CutBody { bytes: 7 }).times(1));
    let cut = exchange(&sim, "/v2/users").await.unwrap();
    assert_eq!(lengths(&cut), (announced, 7));

    let reset = Action::Reset {
        after_effect: false,
    };
    sim.control()
        .set_fault(Fault::on_path("/v2", reset).times(1));
    let nothing = exchange(&sim, "/v2/users").await.unwrap_or_default();
    assert_eq!(nothing, "");

    let slow = Action::Slow {
        piece: 10,
        pause_millis: 1,
    };
    sim.control()
        .set_fault(Fault::on_path("/v2", slow).times(1));
    let slow = exchange(&sim, "/v2/users").await.unwrap();
    assert_eq!(lengths(&slow), (announced, announced));
}

#[tokio::test]
async fn a_hung_request_does_not_stop_the_others_and_dropping_closes_the_port() {
    let sim = ZoomSim::start(friday()).await.unwrap();
    sim.control()
        .set_fault(Fault::on_path("/v2/users", Action::Hang).times(1));
    let address = sim.base_url().strip_prefix("http://").unwrap().to_owned();
    let mut hung = TcpStream::connect(&address).await.unwrap();
    hung.write_all(b"GET /v2/users HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // The rule is spent as soon as the request has arrived.
    while sim
        .control()
        .faults()
        .iter()
        .any(|fault| fault.count != Some(0))
    {
        tokio::task::yield_now().await;
    }
    assert!(
        exchange(&sim, "/_sim/clock")
            .await
            .unwrap()
            .contains("2026-11-20T15:00:00Z")
    );
    drop(sim);
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(5), hung.read_to_end(&mut rest)).await;
    assert!(closed.is_ok() && rest.is_empty());
    assert!(TcpStream::connect(&address).await.is_err());
}
