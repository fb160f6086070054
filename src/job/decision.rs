//! What an error means for the job that ran into it. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::connector::ConnectorError;

/// What becomes of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It runs again then.
    PutOff {
        /// When.
        until: Timestamp,
        /// Whether that counts against it.
        costs_attempt: bool,
    },
    /// It is over: a person must act, or the next due time may do better.
    Fail,
}

/// How long an outage is waited out before the second, third and fourth run.
const OUTAGE_WAITS: [SignedDuration; 3] = [
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
];

/// The least that a rate limit is waited out, whatever the vendor's header says.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(5);

/// What becomes of a job after `error`, when `attempts` runs of it counted against it before.
pub(super) fn after(error: &ConnectorError, attempts: u32, now: Timestamp) -> Decision {
    match error {
        ConnectorError::RateLimited { until, .. } => Decision::PutOff {
            until: (*until).max(later(now, SHORTEST_WAIT)),
            costs_attempt: false,
        },
        ConnectorError::Unavailable { .. } => after_outage(attempts, now),
        ConnectorError::Unauthorized { .. }
        | ConnectorError::MissingScope { .. }
        | ConnectorError::Rejected { .. }
        | ConnectorError::Malformed { .. }
        | ConnectorError::Unsupported { .. }
        | ConnectorError::Misconfigured { .. }
        | ConnectorError::Secret(_)
        | ConnectorError::Cancelled => Decision::Fail,
    }
}

/// What becomes of a job after the vendor could not be reached.
pub(super) fn after_outage(attempts: u32, now: Timestamp) -> Decision {
    let wait = usize::try_from(attempts)
        .ok()
        .and_then(|index| OUTAGE_WAITS.get(index));
    match wait {
        Some(wait) => Decision::PutOff {
            until: later(now, *wait),
            costs_attempt: true,
        },
        None => Decision::Fail,
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::CallContext;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_limit_costs_no_attempt_and_is_waited_out() {
        let now = at("2026-03-01T00:00:00Z");
        let until = at("2026-03-02T00:00:00Z");
        let limited = |until| ConnectorError::RateLimited {
            context: CallContext::default(),
            until,
        };
        for attempts in [0, 3, 100] {
            let expected = Decision::PutOff {
                until,
                costs_attempt: false,
            };
            assert_eq!(after(&limited(until), attempts, now), expected);
        }
        let past = after(&limited(at("2026-02-01T00:00:00Z")), 0, now);
        assert!(matches!(past, Decision::PutOff { until, .. } if until > now));
    }

    #[test]
    fn an_outage_is_waited_out_three_times() {
        let now = at("2026-03-01T00:00:00Z");
        let outage = ConnectorError::Unavailable {
            context: CallContext::default(),
            message: "connection refused".into(),
        };
        for attempts in 0..3 {
            let decision = after(&outage, attempts, now);
            assert!(matches!(
                decision,
                Decision::PutOff {
                    costs_attempt: true,
                    ..
                }
            ));
        }
        assert_eq!(after(&outage, 3, now), Decision::Fail);
    }

    #[test]
    fn refused_credentials_are_not_tried_again() {
        let refused = ConnectorError::Unauthorized {
            context: CallContext::default(),
            message: "invalid_client".into(),
        };
        let now = at("2026-03-01T00:00:00Z");
        assert_eq!(after(&refused, 0, now), Decision::Fail);
    }
}
