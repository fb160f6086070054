//! Times as GoTo writes and wants them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// The UTC day of a time; some answers write the offset without a colon.
pub(super) fn day_of(time: &str) -> Option<Date> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.to_zoned(TimeZone::UTC).date())
}

/// The UTC day of something that took place. One that cannot be read is an answer that cannot be
/// understood: left out, it would look as if nothing had been used.
pub(super) fn told_day(time: &str) -> serde_json::Result<Date> {
    use serde::de::Error as _;
    day_of(time).ok_or_else(|| serde_json::Error::custom(format!("`{time}` is not a time")))
}

/// The beginning of a day, as a parameter.
pub(super) fn start_of(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

/// The windows of at most `days` days from `since` to `now`, each with its end.
pub(super) fn windows(since: Date, now: Timestamp, days: i64) -> Vec<(String, String)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let end = whole_seconds(now);
    let mut windows = Vec::new();
    let mut first = since;
    while first <= today {
        let next = first.saturating_add(days.days());
        let to = if next > today {
            end.clone()
        } else {
            start_of(next)
        };
        windows.push((start_of(first), to));
        if next <= first {
            break;
        }
        first = next;
    }
    windows
}

fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn windows_join_without_gaps_and_end_now() {
        let now = "2026-03-02T09:00:00.5Z".parse().unwrap();
        let found = windows(date(2026, 1, 1), now, 31);
        let expected = [
            ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2026-02-01T00:00:00Z", "2026-03-02T09:00:00Z"),
        ];
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        // 1 February and 31 days are 4 March, which is still to come.
        assert_eq!(found, expected);
        assert_eq!(windows(date(2026, 3, 2), now, 31).len(), 1);
        assert!(windows(date(2026, 3, 3), now, 31).is_empty());
    }

    #[test]
    fn both_spellings_of_an_offset_are_read() {
        for time in [
            "2026-07-01T09:00:12Z",
            "2026-07-01T09:00:12+0000",
            "2026-07-01T09:00:12.000Z",
        ] {
            assert_eq!(day_of(time), Some(date(2026, 7, 1)), "{time}");
        }
        assert_eq!(day_of("1. Juli 2026"), None);
    }
}
