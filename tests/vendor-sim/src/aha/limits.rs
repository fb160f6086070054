//! The rate limits: 20 requests a second and 300 a minute for the whole account, whoever asks.

use serde::{Deserialize, Serialize};

use crate::aha::errors;
use crate::http::Reply;

const PER_SECOND: u32 = 20;
const PER_MINUTE: u32 = 300;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;

/// A counter of the requests within one window.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    number: i64,
    used: u32,
}

impl Window {
    fn used(&mut self, number: i64) -> &mut u32 {
        if self.number != number {
            *self = Self { number, used: 0 };
        }
        &mut self.used
    }
}

/// The account's counters.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    second: Window,
    minute: Window,
}

/// What the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    remaining: u32,
    /// Seconds since 1970.
    reset: i64,
}

impl Standing {
    pub(crate) fn mark(self, reply: &mut Reply) {
        reply.set_header("x-ratelimit-limit", PER_MINUTE.to_string());
        reply.set_header("x-ratelimit-remaining", self.remaining.to_string());
        reply.set_header("x-ratelimit-reset", self.reset.to_string());
    }
}

impl Limits {
    /// Takes one request at `now` (milliseconds): what the headers say, and whether it may pass.
    pub(crate) fn take(&mut self, now: i64) -> (Standing, bool) {
        let of_second = *self.second.used(now.div_euclid(SECOND));
        let of_minute = *self.minute.used(now.div_euclid(MINUTE));
        let end_of_minute = (now.div_euclid(MINUTE) + 1) * MINUTE / SECOND;
        if of_minute >= PER_MINUTE {
            let standing = Standing {
                remaining: 0,
                reset: end_of_minute,
            };
            return (standing, false);
        }
        if of_second >= PER_SECOND {
            let standing = Standing {
                remaining: PER_MINUTE - of_minute,
                reset: now.div_euclid(SECOND) + 1,
            };
            return (standing, false);
        }
        *self.second.used(now.div_euclid(SECOND)) += 1;
        *self.minute.used(now.div_euclid(MINUTE)) += 1;
        let standing = Standing {
            remaining: PER_MINUTE - of_minute - 1,
            reset: end_of_minute,
        };
        (standing, true)
    }

    /// The headers when limits are off: as if nobody had asked.
    pub(crate) const fn unlimited(now: i64) -> Standing {
        Standing {
            remaining: PER_MINUTE,
            reset: (now.div_euclid(MINUTE) + 1) * MINUTE / SECOND,
        }
    }
}

/// A way to say 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooMany {
    /// With the headers, the limit ending in so many seconds.
    ResetIn(i64),
    /// Without any header.
    Bare,
}

impl TooMany {
    /// The answer at `now` (milliseconds).
    pub(crate) fn reply(self, now: i64) -> Reply {
        let mut reply = errors::too_many();
        if let Self::ResetIn(seconds) = self {
            let standing = Standing {
                remaining: 0,
                reset: now.div_euclid(SECOND) + seconds,
            };
            standing.mark(&mut reply);
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_and_the_minute_each_have_their_end() {
        let mut limits = Limits::default();
        let passed = |limits: &mut Limits, now| limits.take(now).1;
        let in_first = (0..30).filter(|_| passed(&mut limits, 60_500)).count();
        assert_eq!(in_first, 20);
        let (standing, _) = limits.take(60_999);
        assert_eq!((standing.remaining, standing.reset), (280, 61));
        let rest: usize = (61..90)
            .map(|second| {
                (0..30)
                    .filter(|_| passed(&mut limits, second * 1_000))
                    .count()
            })
            .sum();
        assert_eq!(rest, 280);
        let (standing, passes) = limits.take(119_999);
        assert_eq!(
            (standing.remaining, standing.reset, passes),
            (0, 120, false)
        );
        assert!(passed(&mut limits, 120_000));
    }
}
