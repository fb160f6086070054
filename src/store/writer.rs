//! The thread that alone writes to a database file, and group commit: works that may share a
//! transaction do, so that one sync makes all of them durable. Used by `database` only.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::checkpoint::Checkpointer;
use super::error::StoreError;
use super::fair_queue::FairQueue;

/// What the writer is asked to do.
pub(super) enum Work {
    /// With the connection to itself.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    /// In a transaction shared with whatever else waits.
    Shared(Box<dyn Share>),
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone(_) => "Alone",
            Self::Shared(_) => "Shared",
        })
    }
}

/// Bytes of work in one transaction, as its callers weigh it: more makes the first wait too long
/// for its answer. A single work may weigh more, and then has a transaction of its own.
pub(super) const GROUP_WEIGHT: usize = 4 << 20;

/// A work that shares its transaction with others.
pub(super) trait Share: Send {
    /// Roughly how many bytes it writes.
    fn weight(&self) -> usize;
    /// Does it. An error undoes the whole group.
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError>;
    /// Tells its caller how the commit went.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A closure as a [`Share`].
pub(super) struct Sharing<F, T> {
    pub(super) weight: usize,
    pub(super) work: Option<F>,
    pub(super) value: Option<T>,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Share for Sharing<F, T>
where
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(transaction)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let value = match (committed, self.value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => Err(StoreError::Closed),
            (Err(error), _) => Err(error),
        };
        // A caller that went away does not undo what it asked for.
        let _ = self.answer.send(value);
    }
}

/// The thread that writes.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) queue: Arc<FairQueue<Work>>,
    pub(super) checkpointer: Checkpointer,
    /// Most bytes of work that share a transaction.
    pub(super) group_weight: usize,
    /// Counts the transactions of shared works that were committed.
    pub(super) groups: Arc<AtomicU64>,
    /// Grows with each work, and within a long one.
    pub(super) beats: Arc<AtomicU64>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a panic, whoever waits is told that nobody works any more.
        self.queue.abandon();
    }
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(&mut self) {
        while let Some(work) = self.queue.wait() {
            self.beats.fetch_add(1, Ordering::Relaxed);
            match work {
                Work::Alone(work) => work(&mut self.connection),
                Work::Shared(first) => self.commit_group(first),
            }
            self.checkpointer.after_commit(&self.connection);
        }
    }

    /// Commits `first` and whatever waits behind it, as far as it may share, and only then answers.
    fn commit_group(&mut self, first: Box<dyn Share>) {
        let mut group = vec![first];
        match self.fill_and_commit(&mut group) {
            Ok(()) => {
                self.groups.fetch_add(1, Ordering::Relaxed);
                for work in group {
                    work.answer(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, group = group.len(), "nothing of a group was stored");
                for work in group {
                    work.answer(Err(error.for_another()));
                }
            }
        }
    }

    fn fill_and_commit(&mut self, group: &mut Vec<Box<dyn Share>>) -> Result<(), StoreError> {
        let failed = |error| StoreError::from_sqlite("commit a group", error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let mut weight = 0;
        let mut done = 0;
        while let Some(work) = group.get_mut(done) {
            work.run(&transaction)?;
            weight += work.weight();
            done += 1;
            let limit = self.group_weight;
            let fits = |next: &Work| match next {
                Work::Shared(work) => weight + work.weight() <= limit,
                Work::Alone(_) => false,
            };
            if let Some(Work::Shared(work)) = self.queue.next_if(fits) {
                group.push(work);
            }
        }
        transaction.commit().map_err(failed)
    }
}
