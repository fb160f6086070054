//! What one run asked of a vendor: calls, retries, time spent waiting. The job that made the
//! [`CallStats`] reads it while the connector counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Counters shared by a job and the connector it runs with. Clones share one set of numbers.
#[derive(Debug, Clone, Default)]
pub struct CallStats {
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Counters {
    vendor_calls: AtomicU64,
    retries: AtomicU64,
    throttled_nanos: AtomicI64,
    vendor_ahead_millis: AtomicI64,
    answers: [AtomicU64; 6],
}

/// Stands for "no answer with a date yet".
const NO_DATE: i64 = i64::MIN;

impl Default for Counters {
    fn default() -> Self {
        Self {
            vendor_calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            throttled_nanos: AtomicI64::new(0),
            vendor_ahead_millis: AtomicI64::new(NO_DATE),
            answers: Default::default(),
        }
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Requests sent to the vendor's API, retries included; token requests are not counted, since
    /// no rate limit of the API covers them.
    pub vendor_calls: u64,
    /// Requests sent again after trouble.
    pub retries: u64,
    /// Time spent waiting for the rate budget, ours or the vendor's.
    pub throttled: SignedDuration,
}

impl CallStats {
    /// The counters now.
    pub fn counts(&self) -> CallCounts {
        CallCounts {
            vendor_calls: self.counters.vendor_calls.load(Ordering::Relaxed),
            retries: self.counters.retries.load(Ordering::Relaxed),
            throttled: SignedDuration::from_nanos(
                self.counters.throttled_nanos.load(Ordering::Relaxed),
            ),
        }
    }

    /// How far the vendor's clock was ahead of ours at the latest answer that carried a date;
    /// negative when it was behind, absent before the first such answer.
    pub fn vendor_ahead(&self) -> Option<SignedDuration> {
        match self.counters.vendor_ahead_millis.load(Ordering::Relaxed) {
            NO_DATE => None,
            millis => Some(SignedDuration::from_millis(millis)),
        }
    }

    /// How many calls were answered with a status of each class: `2xx`, and `none` where no answer came.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let classes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"].into_iter();
        let counts = self.counters.answers.iter();
        classes.zip(counts.map(|count| count.load(Ordering::Relaxed)))
    }

    /// A call was answered with this HTTP status, or not at all.
    pub fn answered(&self, status: Option<u16>) {
        let class = status.map_or(0, |status| usize::from(status / 100));
        if let Some(count) = self.counters.answers.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request goes out.
    pub fn called(&self) {
        self.counters.vendor_calls.fetch_add(1, Ordering::Relaxed);
    }

    /// It was sent again after trouble.
    pub fn retried(&self) {
        self.counters.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// The run waited for a rate budget.
    pub fn throttled(&self, waited: SignedDuration) {
        let nanos = i64::try_from(waited.as_nanos()).unwrap_or(i64::MAX);
        self.counters
            .throttled_nanos
            .fetch_add(nanos.max(0), Ordering::Relaxed);
    }

    /// An answer carried the vendor's time.
    pub fn vendor_said(&self, vendor_now: Timestamp, our_now: Timestamp) {
        let ahead = vendor_now.duration_since(our_now);
        let millis = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
        self.counters
            .vendor_ahead_millis
            .store(millis, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_the_clock_difference_keeps_its_sign() {
        let stats = CallStats::default();
        assert_eq!(stats.vendor_ahead(), None);
        let connector = stats.clone();
        connector.called();
        connector.called();
        connector.retried();
        connector.throttled(SignedDuration::from_millis(250));
        let ours: Timestamp = "2026-03-01T00:05:00Z".parse().unwrap();
        let theirs: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        connector.vendor_said(theirs, ours);
        assert_eq!(
            stats.counts(),
            CallCounts {
                vendor_calls: 2,
                retries: 1,
                throttled: SignedDuration::from_millis(250)
            }
        );
        assert_eq!(stats.vendor_ahead(), Some(SignedDuration::from_mins(-5)));
        for status in [Some(200), Some(204), Some(429), None, Some(999)] {
            connector.answered(status);
        }
        let answers: Vec<_> = stats.answers().filter(|(_, count)| *count > 0).collect();
        assert_eq!(answers, [("none", 1), ("2xx", 2), ("4xx", 1)]);
    }
}
