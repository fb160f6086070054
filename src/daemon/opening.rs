//! Opening the databases at the start: a large one may take longer to bring up to date than the service
//! manager waits for a daemon to be ready.

use std::path::Path;

use anyhow::{Context, Result};
use jiff::SignedDuration;
use tokio::sync::oneshot;

use crate::clock::{Clock, ThreadTime, sleep};
use crate::store::usage::UsageStore;
use crate::store::{Store, StoreError};
use crate::systemd;

/// How often it is looked whether the work gets on.
const LOOK: SignedDuration = SignedDuration::from_secs(15);
/// How much longer the service manager is asked to wait from then on.
const MORE: SignedDuration = SignedDuration::from_secs(60);

/// Opens both databases of `state`.
pub(super) async fn open(state: &Path, clock: &dyn Clock) -> Result<(Store, UsageStore)> {
    let state = state.to_owned();
    let open = move || Ok::<_, StoreError>((Store::open(&state)?, UsageStore::open(&state)?));
    let ask = || systemd::takes_longer(MORE, "bringing the databases up to date");
    Ok(patiently(open, clock, ask).await??)
}

/// Does `work` on a thread of its own, and calls `ask` whenever it got on meanwhile.
async fn patiently<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    clock: &dyn Clock,
    ask: impl Fn(),
) -> Result<T> {
    let (tell, told) = oneshot::channel();
    let mut working = tokio::task::spawn_blocking(move || {
        // Who asked waits for it.
        let _ = tell.send(ThreadTime::of_this_thread());
        work()
    });
    let time = told.await.context("start to open the databases")?;
    let mut worked = time.tenths();
    loop {
        tokio::select! {
            done = &mut working => return done.context("open the databases"),
            () = sleep(clock, LOOK) => {
                let now = time.tenths();
                if now > worked {
                    ask();
                }
                worked = now;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::clock::ManualClock;

    fn clock() -> ManualClock {
        ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn more_time_is_asked_for_while_the_work_gets_on() {
        let (clock, enough) = (clock(), Arc::new(AtomicBool::new(false)));
        let mover = clock.clone();
        let stop = Arc::clone(&enough);
        let working = patiently(
            move || {
                let mine = ThreadTime::of_this_thread();
                while !stop.load(Ordering::Relaxed) {
                    let now = mine.tenths();
                    while mine.tenths() == now {}
                    mover.advance(LOOK);
                }
            },
            &clock,
            || enough.store(true, Ordering::Relaxed),
        );
        working.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_time_is_asked_for_while_it_stands_still() {
        let (clock, asked) = (clock(), AtomicU32::new(0));
        let (release, held) = mpsc::channel::<()>();
        let working = patiently(
            move || {
                let _ = held.recv();
            },
            &clock,
            || {
                asked.fetch_add(1, Ordering::Relaxed);
            },
        );
        let moving = async {
            for _ in 0..10 {
                tokio::task::yield_now().await;
                clock.advance(LOOK);
            }
            drop(release);
        };
        let (done, ()) = tokio::join!(working, moving);
        done.unwrap();
        assert_eq!(asked.into_inner(), 0);
    }
}
