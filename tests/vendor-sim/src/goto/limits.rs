//! GoTo's rate limit: ten calls a second of each API. A refusal carries no header and no body.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::goto::endpoint::Family;
use crate::http::Reply;

/// Calls that one API takes in a second.
pub(crate) const CALLS_PER_SECOND: u32 = 10;

/// The counters of the current second.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    seconds: BTreeMap<Family, (i64, u32)>,
}

impl Limits {
    /// Whether one more call fits in second `now`; it is counted then.
    pub(crate) fn take(&mut self, family: Family, now: i64) -> bool {
        let (second, used) = self.seconds.entry(family).or_default();
        if *second != now {
            (*second, *used) = (now, 0);
        }
        if *used >= CALLS_PER_SECOND {
            return false;
        }
        *used += 1;
        true
    }
}

/// A way to say 429; GoTo documents none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TooMany {
    /// Nothing but the status.
    Bare,
    /// With `Retry-After` in seconds, should it ever appear.
    Seconds,
}

impl TooMany {
    pub(crate) fn reply(self) -> Reply {
        let mut reply = Reply::empty(429);
        if self == Self::Seconds {
            reply.set_header("retry-after", "7");
        }
        reply
    }
}
