//! Accepts connections on a unix socket and serves them, for both sockets alike: the peer is taken
//! at accept, no user may crowd out the others, and stopping lets requests in hand finish.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::connection::{attend, see_off};
use super::listen::Listener;
use super::peer::Peer;
use super::unserved::{Unserved, closing_bytes};
use crate::clock::{SharedClock, sleep};

/// What connections may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections of one user.
    pub per_uid: usize,
    /// Connections in all.
    pub total: usize,
    /// Connections that each user may have even so: others can never keep one out.
    pub reserved: usize,
    /// From the first byte of a request to the end of its head.
    pub head: SignedDuration,
    /// Between requests.
    pub idle: SignedDuration,
    /// During which a client takes nothing of its answer.
    pub stall: SignedDuration,
    /// For requests in hand, when stopping.
    pub drain: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_uid: 64,
            total: 256,
            reserved: 4,
            head: SignedDuration::from_secs(10),
            idle: SignedDuration::from_secs(60),
            stall: SignedDuration::from_secs(30),
            drain: SignedDuration::from_secs(20),
        }
    }
}

/// How long to wait when the system cannot give us another connection.
const OUT_OF_DESCRIPTORS: SignedDuration = SignedDuration::from_millis(100);

/// Serves `listener` until `stop`, then finishes the requests in hand within `limits.drain`.
///
/// `make_service` is called once per connection with the peer on its other end; an axum `Router`
/// is a service. The service runs as a task of its own, so it must not hold what it borrows.
/// `refuse` words the answers to what never becomes a request.
pub async fn serve<M, R, S>(
    listener: Listener,
    limits: Limits,
    clock: SharedClock,
    make_service: M,
    refuse: R,
    stop: CancellationToken,
) where
    M: Fn(Arc<Peer>) -> S,
    R: Fn(Unserved) -> Response<Vec<u8>> + Clone + Send + Sync + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    let crowd = Arc::new(Crowd::new(&limits));
    let mut complaints = Complaints::default();
    let limits = Arc::new(limits);
    loop {
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(&*clock, OUT_OF_DESCRIPTORS).await;
                    continue;
                }
            },
        };
        let peer = match Peer::of(&stream) {
            Ok(peer) => Arc::new(peer),
            Err(error) => {
                tracing::warn!(%error, "the kernel does not tell who connected");
                continue;
            }
        };
        let (clock, refuse) = (Arc::clone(&clock), refuse.clone());
        let Some(seat) = crowd.admit(peer.uid) else {
            if let Some(untold) = complaints.due(peer.uid, clock.now()) {
                tracing::warn!(
                    uid = peer.uid,
                    pid = peer.pid,
                    untold,
                    "too many connections"
                );
            }
            if let Some(seat) = crowd.admit_refused() {
                let answer = refuse(Unserved::TooManyConnections);
                tasks.spawn(cut.clone().run_until_cancelled_owned(async move {
                    turn_away(stream, &closing_bytes(answer), &clock).await;
                    drop(seat);
                }));
            }
            continue;
        };
        let service = make_service(peer);
        let (limits, stop) = (Arc::clone(&limits), stop.clone());
        tasks.spawn(cut.clone().run_until_cancelled_owned(async move {
            attend(stream, service, refuse, &limits, &*clock, &stop).await;
            drop(seat);
        }));
    }
    drop(listener);
    tasks.close();
    tokio::select! {
        () = tasks.wait() => {}
        () = sleep(&*clock, limits.drain) => {
            tracing::warn!(
                connections = tasks.len(),
                uids = ?crowd.uids(),
                "cutting connections whose requests do not end"
            );
            cut.cancel();
            tasks.wait().await;
        }
    }
}

async fn turn_away(mut stream: UnixStream, answer: &[u8], clock: &SharedClock) {
    if stream.write_all(answer).await.is_ok() {
        see_off(stream, &**clock).await;
    }
}

/// When somebody's refusals were last told of, so that who is refused often does not fill the log.
#[derive(Debug, Default)]
struct Complaints {
    by_uid: HashMap<u32, (Timestamp, u64)>,
}

/// How long refusals of one user are counted and not told.
const QUIET: SignedDuration = SignedDuration::from_mins(1);

impl Complaints {
    /// How many refusals of `uid` were not told since the last one that was, when one is to be told
    /// now.
    fn due(&mut self, uid: u32, now: Timestamp) -> Option<u64> {
        let is_old = |told: Timestamp| now.duration_since(told) >= QUIET;
        let untold = match self.by_uid.get_mut(&uid) {
            Some((told, untold)) if !is_old(*told) => {
                *untold += 1;
                return None;
            }
            Some((_, untold)) => *untold,
            None => 0,
        };
        // Of who is quiet nothing is remembered.
        self.by_uid.retain(|_, (told, _)| !is_old(*told));
        self.by_uid.insert(uid, (now, 0));
        Some(untold)
    }
}

/// Who is connected, so that nobody takes more than a share.
#[derive(Debug)]
struct Crowd {
    per_uid: usize,
    total: usize,
    reserved: usize,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    total: usize,
    by_uid: HashMap<u32, usize>,
    refused: usize,
}

/// Connections that are being told that there are too many; more are closed without a word.
const MAX_REFUSED: usize = 32;

impl Crowd {
    fn new(limits: &Limits) -> Self {
        Self {
            per_uid: limits.per_uid,
            total: limits.total,
            reserved: limits.reserved,
            present: Mutex::default(),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Present) -> T) -> T {
        change(&mut self.present.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn admit(self: &Arc<Self>, uid: u32) -> Option<Seat> {
        self.change(|present| {
            let of_this_uid = present.by_uid.get(&uid).copied().unwrap_or_default();
            let is_full = present.total >= self.total && of_this_uid >= self.reserved;
            if is_full || of_this_uid >= self.per_uid {
                return None;
            }
            present.by_uid.insert(uid, of_this_uid + 1);
            present.total += 1;
            Some(Seat {
                crowd: Arc::clone(self),
                uid: Some(uid),
            })
        })
    }

    fn admit_refused(self: &Arc<Self>) -> Option<Seat> {
        self.change(|present| {
            if present.refused >= MAX_REFUSED {
                return None;
            }
            present.refused += 1;
            Some(Seat {
                crowd: Arc::clone(self),
                uid: None,
            })
        })
    }

    fn uids(&self) -> Vec<u32> {
        self.change(|present| present.by_uid.keys().copied().collect())
    }
}

/// One connection's place in the [`Crowd`], given up when dropped.
#[derive(Debug)]
struct Seat {
    crowd: Arc<Crowd>,
    /// None for a connection that is only being refused.
    uid: Option<u32>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.crowd.change(|present| match self.uid {
            None => present.refused -= 1,
            Some(uid) => {
                present.total -= 1;
                if let Some(count) = present.by_uid.get_mut(&uid) {
                    *count -= 1;
                    if *count == 0 {
                        present.by_uid.remove(&uid);
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_user_are_told_once_a_minute_with_how_many_were_not() {
        let mut complaints = Complaints::default();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(complaints.due(1, at(0)), Some(0));
        assert_eq!(complaints.due(1, at(1)), None);
        assert_eq!(complaints.due(1, at(59)), None);
        // Another user is heard all the same.
        assert_eq!(complaints.due(2, at(59)), Some(0));
        assert_eq!(complaints.due(1, at(60)), Some(2));
        assert_eq!(complaints.due(1, at(61)), None);
        assert_eq!(complaints.due(1, at(600)), Some(1));
        assert_eq!(complaints.by_uid.len(), 1);
    }
}
