//! A bounded memory of requests. What an entry holds is each vendor's own.

/// An entry that knows its place.
pub(crate) trait Numbered {
    /// Takes its number; the first is 1.
    fn number(&mut self, number: u64);
}

/// All requests so far, up to a limit; the oldest half goes first.
#[derive(Debug)]
pub(crate) struct Log<T> {
    entries: Vec<T>,
    count: u64,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            count: 0,
        }
    }
}

impl<T: Numbered> Log<T> {
    const MOST: usize = 200_000;

    pub(crate) const fn next_number(&self) -> u64 {
        self.count + 1
    }

    pub(crate) fn push(&mut self, mut entry: T) {
        self.count += 1;
        entry.number(self.count);
        if self.entries.len() >= Self::MOST {
            self.entries.drain(..Self::MOST / 2);
        }
        self.entries.push(entry);
    }

    pub(crate) fn entries(&self) -> &[T] {
        &self.entries
    }

    /// Forgets the entries; the count goes on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
