//! Lists a page at a time: how many rows, from where on, and whether more follow.

use super::answer::Refusal;

/// Most rows of one page.
pub(super) const LARGEST: u32 = 10_000;
/// Rows of one page, when the asker does not say.
pub(super) const USUAL: u32 = 100;

/// How many rows a page has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageSize(u32);

impl PageSize {
    /// What was asked for, or `usual`.
    pub(super) fn of(asked: Option<u32>, usual: u32) -> Self {
        Self(asked.unwrap_or(usual).clamp(1, LARGEST))
    }

    /// Rows of a list that has one page.
    pub(super) fn rows(self) -> u32 {
        self.0
    }

    /// What to read: the row after the page tells whether more follow.
    pub(super) fn with_one_ahead(self) -> u32 {
        self.0 + 1
    }

    /// The page, and the token that leads on from its last row where more follow.
    pub(super) fn cut<T>(
        self,
        mut read: Vec<T>,
        token: impl FnOnce(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let more = read.len() > self.0 as usize;
        read.truncate(self.0 as usize);
        let next = read.last().filter(|_| more).map(token);
        (read, next)
    }
}

/// The row number that a token of a page is.
pub(super) fn number_after(token: Option<&str>) -> Result<Option<i64>, Refusal> {
    token
        .map(str::parse)
        .transpose()
        .map_err(|_| Refusal::bad_request("`after` is not a token that a page gave"))
}
