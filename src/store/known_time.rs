//! The time that is known to have come, whatever the clock shows: what ages is measured by it, so that
//! a wrong clock makes nothing old. It follows the clock no faster than time passes by the host's own
//! count, or twice as fast where it has to catch up, as after a time without the daemon.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction};

use super::column::At;
use super::database::Database;
use super::error::StoreError;

/// 2026-01-01: no clock that is right showed less while this program was there.
const EARLIEST: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// What of it is in memory.
#[derive(Debug)]
pub(super) struct KnownTime {
    /// Milliseconds since 1970.
    at: AtomicI64,
    /// The host's count when it was looked at last.
    looked: Mutex<Option<SignedDuration>>,
}

impl Default for KnownTime {
    fn default() -> Self {
        Self {
            at: AtomicI64::new(i64::MIN),
            looked: Mutex::default(),
        }
    }
}

impl KnownTime {
    /// The time to note for what happens now: a clock that is behind is not believed.
    pub(super) fn not_before(&self, now: Timestamp) -> Timestamp {
        let known = Timestamp::from_millisecond(self.at.load(Ordering::Relaxed));
        known.map_or(now, |known| known.max(now))
    }

    /// Looks at the clock, which shows `now` when the host has counted `elapsed`, and notes in the
    /// file what time is known. `newest` finds the newest time in a file that has noted none.
    pub(super) async fn look(
        &self,
        database: &Database,
        now: Timestamp,
        elapsed: SignedDuration,
        newest: fn(&Transaction<'_>) -> rusqlite::Result<Option<At>>,
    ) -> Result<Timestamp, StoreError> {
        let before = {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            looked.replace(elapsed)
        };
        let passed = before.map_or(SignedDuration::ZERO, |before| {
            elapsed.saturating_sub(before)
        });
        let At(known) = database
            .write("note the time", move |transaction| {
                let noted = transaction
                    .query_row("SELECT at FROM known_time", [], |row| row.get(0))
                    .optional()?;
                let known = match noted {
                    Some(At(noted)) => followed(noted, now, passed),
                    None => newest(transaction)?
                        .map_or(now, |At(newest)| newest.min(now))
                        .max(EARLIEST),
                };
                transaction.execute(
                    "INSERT INTO known_time (one, at) VALUES (1, ?1)
                     ON CONFLICT (one) DO UPDATE SET at = ?1",
                    [At(known)],
                )?;
                Ok(At(known))
            })
            .await?;
        self.at.store(known.as_millisecond(), Ordering::Relaxed);
        Ok(known)
    }
}

/// What is known when the clock shows `now`, and `passed` by the host's count after `known` was.
fn followed(known: Timestamp, now: Timestamp, passed: SignedDuration) -> Timestamp {
    let behind = now.duration_since(known).max(SignedDuration::ZERO);
    known
        .saturating_add(behind.min(passed.saturating_mul(2)))
        .unwrap_or(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_followed_no_faster_than_time_passes() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let known = at("2027-01-01T00:00:00Z");
        let table = [
            ("2027-01-01T01:00:00Z", 1, "2027-01-01T01:00:00Z"),
            // After a night without the daemon.
            ("2027-01-01T09:00:00Z", 1, "2027-01-01T02:00:00Z"),
            // A clock that is wrong.
            ("2032-01-01T00:00:00Z", 1, "2027-01-01T02:00:00Z"),
            ("2032-01-01T00:00:00Z", 0, "2027-01-01T00:00:00Z"),
            ("1970-01-01T00:00:00Z", 1, "2027-01-01T00:00:00Z"),
        ];
        for (now, hours, expected) in table {
            let passed = SignedDuration::from_hours(hours);
            assert_eq!(followed(known, at(now), passed), at(expected), "{now}");
        }
    }
}
