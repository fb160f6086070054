//! Gives memory back: when nothing goes on, what the databases keep of their pages and the allocator of what was freed;
//! and at all times code that is not run. A hundred profiles that have run leave some tens of MiB behind otherwise.

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{allocator, program};
use crate::clock::{SharedClock, sleep};
use crate::store::Store;
use crate::store::usage::UsageStore;

/// How often it is looked whether anything goes on.
const LOOK: SignedDuration = SignedDuration::from_secs(10);
/// Works of the databases, within one look, that are no more than looking after them.
const FEW: u64 = 8;

/// How long code stays mapped that was run: each look at the store maps 5 MiB of it where the page cache has the program in
/// large pieces. What is in use comes back from there without a read, so it is not asked whether anything goes on: work at
/// each minute would keep it mapped otherwise.
const CODE_IS_KEPT: SignedDuration = SignedDuration::from_secs(5);

/// Lets go of code that is not run, and lets both databases rest when little is asked of them after more was, until `stop`.
pub(super) async fn watch(
    store: Store,
    usage: UsageStore,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let works = || store.works() + usage.works();
    let watching = async {
        let mut rested = 0;
        loop {
            let before = works();
            sleep(&*clock, LOOK).await;
            let busy = works() - before > FEW;
            if busy || works() - rested <= FEW {
                continue;
            }
            for rested in [store.rest().await, usage.rest().await] {
                if let Err(error) = rested {
                    tracing::debug!(%error, "a database keeps its memory");
                }
            }
            allocator::give_all_back();
            rested = works();
        }
    };
    let letting_go = async {
        loop {
            sleep(&*clock, CODE_IS_KEPT).await;
            program::let_code_go();
        }
    };
    let both = async { tokio::join!(watching, letting_go) };
    stop.run_until_cancelled(both).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn databases_rest_after_work_and_not_within_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let usage = UsageStore::open(folder.path()).unwrap();
        let clock = ManualClock::at("2026-03-01T00:00:00Z".parse().unwrap());
        let watching = tokio::spawn(watch(
            store.clone(),
            usage.clone(),
            Arc::new(clock.clone()),
            CancellationToken::new(),
        ));
        // Both writers are asked when the databases rest.
        let look = async |reads: u64, asked: u64| {
            tokio::task::yield_now().await;
            for _ in 0..reads {
                store.ping().await.unwrap();
            }
            let before = store.works() + usage.works();
            clock.advance(LOOK);
            while store.works() + usage.works() < before + asked {
                tokio::task::yield_now().await;
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(store.works() + usage.works(), before + asked);
        };
        look(FEW + 1, 0).await;
        look(0, 2).await;
        look(0, 0).await;
        look(FEW / 2, 0).await;
        look(FEW, 2).await;
        watching.abort();
    }
}
