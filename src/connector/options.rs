//! How patient and how greedy the client is. The defaults are for production; tests and benchmarks
//! shorten the one and lift the other.

use std::path::PathBuf;
use std::time::Duration;

use crate::profile::model::Retry;
use crate::yaml::duration::Span;

/// Deadlines, sizes and retries of every vendor call.
#[derive(Debug, Clone)]
pub struct ConnectorOptions {
    /// For a connection to stand, TLS included.
    pub connect_timeout: Duration,
    /// For one request, from the first byte out to the last byte of the answer.
    pub request_timeout: Duration,
    /// For silence within an answer's body.
    pub read_timeout: Duration,
    /// The largest answer read, in bytes after decompression; a larger one is malformed.
    pub largest_answer: usize,
    /// How patient calls are where their connection does not say otherwise.
    pub retry: RetryPolicy,
    /// The most users or rows asked for per page; no vendor is asked for more than it gives.
    pub page_size: u32,
    /// Whether calls keep to the account's share of the vendor's rate limits.
    pub limits: Limits,
    /// Where a walk over very many users may put the hashes that do not fit its memory; without
    /// it, all stay in memory.
    pub scratch: Option<PathBuf>,
}

/// How patient the calls of a connection are with a vendor in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often one request is sent at most, the first time included.
    pub attempts: u32,
    /// The wait before the first repetition; it doubles each time, with jitter.
    pub first_wait: Duration,
    /// The longest wait between two repetitions.
    pub longest_wait: Duration,
    /// Repetitions one run may make before the first success earns more: a vendor in trouble is
    /// not to be asked five times by every one of a thousand calls.
    pub per_run: u32,
    /// The longest a run waits for the vendor's rate limit; beyond it the run is put off.
    pub rate_limit_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            per_run: 20,
            rate_limit_wait: Duration::from_mins(5),
        }
    }
}

impl RetryPolicy {
    /// What a connection says, and where it is silent, this policy. A first wait beyond this
    /// policy's longest one is the longest, too.
    #[must_use]
    pub fn of(self, said: &Retry) -> Self {
        let span = |span: Span| Duration::from_secs(u64::from(span.as_secs()));
        let first_wait = said.first_wait.map_or(self.first_wait, span);
        Self {
            attempts: said.attempts.unwrap_or(self.attempts),
            first_wait,
            longest_wait: said
                .longest_wait
                .map_or(self.longest_wait.max(first_wait), span),
            per_run: said.per_run.unwrap_or(self.per_run),
            rate_limit_wait: said.rate_limit_wait.map_or(self.rate_limit_wait, span),
        }
    }
}

/// Whether rate budgets hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limits {
    /// Each vendor account has one budget, by its plan and our share of it.
    #[default]
    ByPlan,
    /// None. For measuring against a simulator through the library; no setting reaches it.
    Unlimited,
}

impl Default for ConnectorOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_mins(1),
            read_timeout: Duration::from_secs(30),
            largest_answer: 32 * 1024 * 1024,
            retry: RetryPolicy::default(),
            page_size: 1_000,
            limits: Limits::ByPlan,
            scratch: None,
        }
    }
}
