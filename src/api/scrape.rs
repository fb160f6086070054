//! The metrics over TCP, where systemd passed a socket for that: one answer a connection, to whoever
//! may connect, so that its address is loopback.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::SignedDuration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, sleep};

/// Connections at once; a further one waits in the socket.
const CONNECTIONS: usize = 8;
/// How long a client may take over its head.
const HEAD: Duration = Duration::from_secs(5);
/// How long a connection may last in all.
const WHOLE: SignedDuration = SignedDuration::from_secs(30);

/// A socket to be scraped on.
#[derive(Debug)]
pub struct Scrape {
    socket: TcpListener,
}

impl Scrape {
    /// Takes a socket that the service manager has bound.
    pub fn handed_over(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
        })
    }

    /// Serves `router` until `stop`.
    pub async fn serve(self, router: Router, clock: SharedClock, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let stream = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            let stream = match stream {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the metrics socket");
                    sleep(&*clock, SignedDuration::from_secs(1)).await;
                    continue;
                }
            };
            let (router, clock, stop) = (router.clone(), Arc::clone(&clock), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = answer(stream, router) => {}
                    () = sleep(&*clock, WHOLE) => {}
                    () = stop.cancelled() => {}
                }
                drop(place);
            });
        }
    }
}

async fn answer(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a scrape was cut");
    }
}
