//! A bounded memory of requests. What an entry holds is each vendor's own.

use tokio::sync::watch;

/// An entry that knows its place.
pub(crate) trait Numbered {
    /// Takes its number; the first is 1.
    fn number(&mut self, number: u64);
}

/// All requests so far, up to a limit; the oldest half goes first.
#[derive(Debug)]
pub(crate) struct Log<T> {
    entries: Vec<T>,
    /// How many came, the forgotten ones too.
    count: watch::Sender<u64>,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            count: watch::Sender::new(0),
        }
    }
}

impl<T: Numbered> Log<T> {
    const MOST: usize = 200_000;

    pub(crate) fn next_number(&self) -> u64 {
        *self.count.borrow() + 1
    }

    /// Tells of each further entry.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    pub(crate) fn push(&mut self, mut entry: T) {
        let number = self.next_number();
        entry.number(number);
        if self.entries.len() >= Self::MOST {
            self.entries.drain(..Self::MOST / 2);
        }
        self.entries.push(entry);
        self.count.send_replace(number);
    }

    pub(crate) fn entries(&self) -> &[T] {
        &self.entries
    }

    /// Forgets the entries; the count goes on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Waits until `has_come` holds, looking at each entry that `entries` tells of.
pub(crate) async fn until(mut entries: watch::Receiver<u64>, has_come: impl Fn() -> bool) {
    loop {
        entries.mark_unchanged();
        if has_come() || entries.changed().await.is_err() {
            return;
        }
    }
}
