//! When to come back after HTTP 429. Zoom names the time in several forms or not at all: an ISO
//! instant in `Retry-After` on its daily limit, nothing on its per-second limit, and answers with
//! no rate header whatever have been seen; GoTo and Aha! write seconds.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use reqwest::header::HeaderMap;

/// The furthest a vendor can put us off. Daily limits end within a day; a later time is an error
/// of the header or of a clock.
const FURTHEST: SignedDuration = SignedDuration::from_hours(25);

/// When there is room again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Throttle {
    pub(crate) until: Timestamp,
    /// The day's budget is used up, not the second's.
    pub(crate) daily: bool,
}

/// Reads a 429. `fallback` is the wait when the answer names no time.
pub(crate) fn read(
    headers: &HeaderMap,
    message: &str,
    fallback: Duration,
    now: Timestamp,
) -> Throttle {
    let daily =
        text(headers, "x-ratelimit-type").is_some_and(|kind| is_daily(&kind)) || is_daily(message);
    let named = text(headers, "retry-after")
        .and_then(|value| instant(&value, now))
        .or_else(|| text(headers, "x-ratelimit-reset").and_then(|value| reset(&value, now)))
        .filter(|until| *until > now);
    let fallback = SignedDuration::try_from(fallback).unwrap_or(FURTHEST);
    let until = match named {
        Some(until) => until,
        None if daily => next_midnight(now),
        None => now.saturating_add(fallback).unwrap_or(Timestamp::MAX),
    };
    let furthest = now.saturating_add(FURTHEST).unwrap_or(Timestamp::MAX);
    Throttle {
        until: until.min(furthest),
        daily,
    }
}

/// 00:00 UTC after `now`: when Zoom's daily counters start again.
pub(crate) fn next_midnight(now: Timestamp) -> Timestamp {
    let day = now.to_zoned(TimeZone::UTC).date();
    day.checked_add(1.day())
        .and_then(|day| day.to_datetime(Time::midnight()).to_zoned(TimeZone::UTC))
        .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn is_daily(text: &str) -> bool {
    text.to_ascii_lowercase().contains("daily")
}

/// Seconds, an RFC 3339 instant, or HTTP's own date.
fn instant(value: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(seconds) = value.parse::<u32>() {
        return now
            .checked_add(SignedDuration::from_secs(i64::from(seconds)))
            .ok();
    }
    if let Ok(instant) = value.parse::<Timestamp>() {
        return Some(instant);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Timestamp::try_from(date).ok()
}

/// Seconds since 1970; anything not soon after now is another unit and is not believed.
fn reset(value: &str, now: Timestamp) -> Option<Timestamp> {
    let until = Timestamp::from_second(value.parse().ok()?).ok()?;
    (until.duration_since(now) <= FURTHEST).then_some(until)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::try_from(*name).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    /// Headers, message, the instant expected, and whether it is the daily limit.
    type Case = (
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static str,
        bool,
    );

    const NOW: &str = "2026-03-01T22:00:00Z";

    #[test]
    fn every_documented_form_names_the_time() {
        let daily = "You have reached the maximum daily rate limit for this API.";
        let qps =
            "You have reached the maximum per-second rate limit for this API. Try again later.";
        let cases: &[Case] = &[
            (
                &[
                    ("X-RateLimit-Type", "Daily-limit"),
                    ("Retry-After", "2026-03-02T00:00:00Z"),
                ],
                daily,
                "2026-03-02T00:00:00Z",
                true,
            ),
            (
                &[("X-RateLimit-Type", "QPS")],
                qps,
                "2026-03-01T22:00:02Z",
                false,
            ),
            (&[], qps, "2026-03-01T22:00:02Z", false),
            (&[], "", "2026-03-01T22:00:02Z", false),
            (&[], daily, "2026-03-02T00:00:00Z", true),
            (
                &[("X-RateLimit-Type", "Daily-limit")],
                "",
                "2026-03-02T00:00:00Z",
                true,
            ),
            (&[("Retry-After", "17")], qps, "2026-03-01T22:00:17Z", false),
            (
                &[("Retry-After", "Sun, 01 Mar 2026 22:00:30 GMT")],
                qps,
                "2026-03-01T22:00:30Z",
                false,
            ),
            (
                &[("X-RateLimit-Reset", "1772402405")],
                qps,
                "2026-03-01T22:00:05Z",
                false,
            ),
            // Milliseconds, a past instant and nonsense are not believed.
            (
                &[("X-RateLimit-Reset", "1772402405000")],
                qps,
                "2026-03-01T22:00:02Z",
                false,
            ),
            (
                &[("Retry-After", "2026-03-01T21:00:00Z")],
                qps,
                "2026-03-01T22:00:02Z",
                false,
            ),
            (
                &[("Retry-After", "soon")],
                qps,
                "2026-03-01T22:00:02Z",
                false,
            ),
            (
                &[("Retry-After", "2036-01-01T00:00:00Z")],
                qps,
                "2026-03-02T23:00:00Z",
                false,
            ),
        ];
        for (pairs, message, until, daily) in cases {
            let found = read(
                &headers(pairs),
                message,
                Duration::from_secs(2),
                NOW.parse().unwrap(),
            );
            let expected = Throttle {
                until: until.parse().unwrap(),
                daily: *daily,
            };
            assert_eq!(found, expected, "{pairs:?} {message}");
        }
    }

    proptest! {
        #[test]
        fn any_header_gives_a_time_after_now_and_within_the_bound(
            value in "[ -~]{0,40}", reset in "[0-9]{0,20}", message in ".{0,60}",
        ) {
            let now: Timestamp = NOW.parse().unwrap();
            let pairs = [("retry-after", value.as_str()), ("x-ratelimit-reset", &reset)];
            let found = read(&headers(&pairs), &message, Duration::from_secs(1), now);
            prop_assert!(found.until > now);
            prop_assert!(found.until.duration_since(now) <= FURTHEST);
        }
    }
}
