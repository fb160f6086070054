//! A socket between an agent and the daemon, which decides what becomes of each request.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use crate::support::{Host, text};

const PATIENCE: Duration = Duration::from_mins(1);

/// What becomes of one request that passes a [`Relay`].
pub(super) enum Fate {
    /// The daemon gets it, the agent its answer.
    Pass,
    /// The daemon gets it, its answer does not come back, and the connection ends.
    LoseAnswer,
    /// The daemon gets it, and nothing more happens.
    HoldAnswer,
    /// The daemon gets only the first bytes of it, and nothing more happens.
    HoldRequest,
    /// It is answered so, and the daemon never sees it.
    Answer(&'static str),
}

/// Stands between agent and daemon.
pub(super) struct Relay {
    pub(super) socket: PathBuf,
    /// The bodies of requests, once their fate is sealed.
    bodies: Receiver<Vec<u8>>,
}

impl Relay {
    pub(super) fn start(host: &Host, fates: impl IntoIterator<Item = Fate>) -> Self {
        let socket = host.path("relay.sock");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let daemon = host.usage_socket();
        let fates: Vec<Fate> = fates.into_iter().collect();
        let (sender, bodies) = mpsc::channel();
        thread::spawn(move || relay(&listener, &daemon, fates, &sender));
        Self { socket, bodies }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        self.bodies.recv_timeout(PATIENCE).unwrap()
    }
}

fn relay(listener: &UnixListener, daemon: &Path, fates: Vec<Fate>, bodies: &Sender<Vec<u8>>) {
    let mut held = Vec::new();
    let mut client = None;
    for fate in fates {
        let partly = matches!(fate, Fate::HoldRequest);
        let (mut stream, mut request) = loop {
            let kept = client.take();
            let mut stream = kept.unwrap_or_else(|| listener.accept().unwrap().0);
            let request = if partly {
                part(&mut stream)
            } else {
                message(&mut stream)
            };
            // A kept connection may have ended instead.
            if !request.is_empty() {
                break (stream, request);
            }
        };
        let mut answer = Vec::new();
        if let Fate::Answer(fixed) = fate {
            answer = fixed.as_bytes().to_vec();
        } else {
            let mut inner = UnixStream::connect(daemon).unwrap();
            inner.write_all(&request).unwrap();
            if !partly {
                answer = message(&mut inner);
            }
            held.push(inner);
        }
        match fate {
            Fate::Pass => {
                stream.write_all(&answer).unwrap();
                client = Some(stream);
            }
            Fate::Answer(_) => stream.write_all(&answer).unwrap(),
            Fate::LoseAnswer => {}
            Fate::HoldAnswer | Fate::HoldRequest => held.push(stream),
        }
        let body = request.windows(4).position(|four| four == b"\r\n\r\n");
        let _ = bodies.send(request.split_off(body.unwrap() + 4));
    }
    // Nobody who was kept waiting gets an end before the test is over.
    loop {
        thread::park();
    }
}

/// The first bytes of a request.
fn part(stream: &mut UnixStream) -> Vec<u8> {
    let mut taken = vec![0; 4096];
    stream.read_exact(&mut taken).unwrap();
    taken
}

/// One request or answer with a length; nothing where the connection ended.
fn message(stream: &mut UnixStream) -> Vec<u8> {
    let mut taken = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            assert!(taken.is_empty(), "broken off: {}", text(&taken));
            return taken;
        }
        taken.extend_from_slice(&buffer[..count]);
        let Some(head) = taken.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let fields = text(&taken[..head]).to_ascii_lowercase();
        let length = fields
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap();
        if taken.len() == head + 4 + length.parse::<usize>().unwrap() {
            return taken;
        }
    }
}
