//! Repeating what is worth repeating: how long to wait, and how often in one run.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::connector::options::RetryPolicy;

/// The waits before the repetitions of one request: doubling, with jitter, then no more.
pub(crate) fn backoff(policy: &RetryPolicy) -> ExponentialBackoff {
    let repetitions = policy.attempts.saturating_sub(1);
    ExponentialBuilder::new()
        .with_min_delay(policy.first_wait)
        .with_max_delay(policy.longest_wait)
        .with_max_times(usize::try_from(repetitions).unwrap_or(usize::MAX))
        .with_jitter()
        .build()
}

/// The shortest wait after a refusal for rate that names no time. Zoom's per-second limits free
/// within a second.
const FIRST_THROTTLE: Duration = Duration::from_secs(1);
const LONGEST_THROTTLE_STEP: Duration = Duration::from_mins(1);
const MOST_THROTTLES: usize = 10;

/// The waits after refusals for rate that name no time, as often as one call puts up with.
pub(crate) fn throttle_backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_THROTTLE)
        .with_max_delay(LONGEST_THROTTLE_STEP)
        .with_max_times(MOST_THROTTLES)
        .with_jitter()
        .build()
}

/// What a repetition costs, in tenths of one.
const COST: i64 = 10;

/// Repetitions that one run may still make. Successes earn some back, a tenth each, so that a
/// vendor in trouble is not asked five times by every one of a thousand calls.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tenths: AtomicI64,
    most: i64,
}

impl RetryBudget {
    pub(crate) fn new(retries: u32) -> Self {
        let most = i64::from(retries) * COST;
        Self {
            tenths: AtomicI64::new(most),
            most,
        }
    }

    /// Takes one repetition, if there is one.
    pub(crate) fn spend(&self) -> bool {
        self.tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                (left >= COST).then(|| left - COST)
            })
            .is_ok()
    }

    /// A call went well.
    pub(crate) fn earn(&self) {
        let most = self.most;
        self.tenths
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                (left < most).then(|| left + 1)
            })
            .ok();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_waits_double_and_end_with_the_attempts() {
        let policy = RetryPolicy {
            attempts: 4,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_millis(250),
            ..RetryPolicy::default()
        };
        let waits: Vec<Duration> = backoff(&policy).collect();
        assert_eq!(waits.len(), 3);
        for (wait, least) in waits.iter().zip([100, 200, 250]) {
            let least = Duration::from_millis(least);
            assert!(*wait >= least && *wait <= least * 2, "{waits:?}");
        }
    }

    #[test]
    fn a_spent_budget_earns_one_repetition_back_by_ten_successes() {
        let budget = RetryBudget::new(2);
        assert!(budget.spend());
        assert!(budget.spend());
        assert!(!budget.spend());
        for _ in 0..9 {
            budget.earn();
        }
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
    }

    proptest! {
        #[test]
        fn repetitions_never_exceed_the_budget_and_a_tenth_of_the_successes(
            retries in 0u32..20,
            wins in proptest::collection::vec(any::<bool>(), 0..400),
        ) {
            let budget = RetryBudget::new(retries);
            let (mut spent, mut earned) = (0u32, 0u32);
            for win in wins {
                if win {
                    budget.earn();
                    earned += 1;
                } else if budget.spend() {
                    spent += 1;
                }
                prop_assert!(spent * 10 <= retries * 10 + earned);
            }
        }
    }
}
