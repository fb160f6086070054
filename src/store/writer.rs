//! The thread that alone writes to a database file, and group commit: works that may share a
//! transaction do, so that one sync makes all of them durable. Used by `database` only.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

/// What the writer is asked to do.
pub(super) enum Work {
    /// With the connection to itself.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    /// In a transaction shared with whatever else waits.
    Shared(Box<dyn Share>),
}

/// Bytes of work in one transaction, as its callers weigh it: more makes the first wait too long
/// for its answer.
const GROUP_WEIGHT: usize = 4 << 20;

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

/// Works until the last handle to the queue is gone.
pub(super) fn run(connection: &mut Connection, mut queue: mpsc::Receiver<Work>) {
    let mut next = None;
    while let Some(work) = next.take().or_else(|| queue.blocking_recv()) {
        match work {
            Work::Alone(work) => work(connection),
            Work::Shared(first) => next = commit_group(connection, first, &mut queue),
        }
    }
}

/// Commits `first` and whatever waits behind it, as far as it may share, and only then answers.
/// What may not share comes back.
fn commit_group(
    connection: &mut Connection,
    first: Box<dyn Share>,
    queue: &mut mpsc::Receiver<Work>,
) -> Option<Work> {
    let mut group = vec![first];
    let mut rest = None;
    let committed = fill_and_commit(connection, &mut group, &mut rest, queue);
    match committed {
        Ok(()) => group.into_iter().for_each(|work| work.answer(Ok(()))),
        Err(error) => {
            tracing::error!(%error, group = group.len(), "nothing of a group was stored");
            for work in group {
                work.answer(Err(error.for_another()));
            }
        }
    }
    rest
}

fn fill_and_commit(
    connection: &mut Connection,
    group: &mut Vec<Box<dyn Share>>,
    rest: &mut Option<Work>,
    queue: &mut mpsc::Receiver<Work>,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_sqlite("commit a group", error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let mut weight = 0;
    let mut done = 0;
    while let Some(work) = group.get_mut(done) {
        work.run(&transaction)?;
        weight += work.weight();
        done += 1;
        if weight >= GROUP_WEIGHT {
            break;
        }
        match queue.try_recv() {
            Ok(Work::Shared(work)) => group.push(work),
            Ok(other) => *rest = Some(other),
            Err(_) => {}
        }
    }
    transaction.commit().map_err(failed)
}
