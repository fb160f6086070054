//! How many requests a user may make in an hour, where the settings say: the platform's rate limit
//! rules. As there, requests are counted by the hour of the clock, and the count ends with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderName, HeaderValue};
use jiff::Timestamp;

/// Seconds of the platform's only window.
const HOUR: i64 = 3600;
/// The platform tells the sys_id of the rule. There is one here, and this is its name for good.
const RULE: &str = "26388833c03f5412ac54779e8639d772";

const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const X_RATELIMIT_RULE: HeaderName = HeaderName::from_static("x-ratelimit-rule");

/// The requests of each user in the present hour.
#[derive(Debug, Default)]
pub(super) struct Rates {
    hour: Mutex<Hour>,
}

#[derive(Debug, Default)]
struct Hour {
    /// Hours since 1970.
    number: i64,
    by_uid: HashMap<u32, u32>,
}

/// How a user stands under the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Requests per hour.
    limit: u32,
    /// When the count begins anew, in seconds since 1970.
    reset: i64,
    /// Seconds until then, where the user has had its requests.
    exceeded: Option<i64>,
}

impl Rates {
    /// Counts a request.
    pub(super) fn count(&self, uid: u32, limit: u32, now: Timestamp) -> Standing {
        let now = now.as_second();
        let number = now.div_euclid(HOUR);
        let mut hour = self.hour.lock().unwrap_or_else(PoisonError::into_inner);
        if hour.number != number {
            *hour = Hour {
                number,
                by_uid: HashMap::new(),
            };
        }
        let count = hour.by_uid.entry(uid).or_default();
        *count = count.saturating_add(1);
        let reset = (number + 1) * HOUR;
        Standing {
            limit,
            reset,
            exceeded: (*count > limit).then_some(reset - now),
        }
    }
}

impl Standing {
    /// (requests per hour, seconds to wait) where this request is one too many.
    pub(super) fn exceeded(&self) -> Option<(u32, i64)> {
        self.exceeded.map(|seconds| (self.limit, seconds))
    }

    /// What every answer under a rule tells.
    pub(super) fn headers(&self) -> [(HeaderName, HeaderValue); 3] {
        [
            (X_RATELIMIT_LIMIT, HeaderValue::from(self.limit)),
            (X_RATELIMIT_RESET, HeaderValue::from(self.reset)),
            (X_RATELIMIT_RULE, HeaderValue::from_static(RULE)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_user_has_its_requests_in_each_hour() {
        let rates = Rates::default();
        let exceeded = |uid, second| rates.count(uid, 2, at(second)).exceeded();
        assert_eq!(exceeded(1, 7200), None);
        assert_eq!(exceeded(1, 7201), None);
        assert_eq!(exceeded(1, 7202), Some((2, 3598)));
        assert_eq!(exceeded(2, 7203), None);
        assert_eq!(exceeded(1, 10_799), Some((2, 1)));
        assert_eq!(exceeded(1, 10_800), None);
        // A clock that is set back begins anew too.
        assert_eq!(exceeded(1, 7200), None);
    }
}
