//! Which days of activity are known, and which are still to be read. Pure.
//!
//! A vendor's day may begin a few hours before or after a UTC day, so a day counts as known only
//! when the days beside it were read too; and reports arrive late, so the last days never count.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::connector::facts::{ActivityKind, Grade};
use crate::store::activity::{CoverageSpan, ReadDay};

/// The last day that may count as known, counted back from today.
pub const SETTLED_AFTER_DAYS: i64 = 3;

/// The last day that can be known at `now`.
pub fn known_until(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC)
        .date()
        .saturating_sub(SETTLED_AFTER_DAYS.days())
}

/// Whether every day from `from` to the last that can be known at `now` is known for `kind`, with
/// at least `grade`.
pub fn covers(
    spans: &[CoverageSpan],
    kind: ActivityKind,
    grade: Grade,
    from: Date,
    now: Timestamp,
) -> bool {
    let needed_first = from.saturating_sub(1.day());
    let needed_last = known_until(now).saturating_add(1.day());
    let read = |day: Date| {
        spans.iter().any(|span| {
            span.kind == kind && span.grade >= grade && (span.first..=span.last).contains(&day)
        })
    };
    needed_first <= needed_last
        && needed_first
            .series(1.day())
            .take_while(|day| *day <= needed_last)
            .all(read)
}

/// The first day from which on [`covers`] holds; `None` where it holds from no day.
pub fn known_since(
    spans: &[CoverageSpan],
    kind: ActivityKind,
    grade: Grade,
    now: Timestamp,
) -> Option<Date> {
    let mut usable: Vec<&CoverageSpan> = spans
        .iter()
        .filter(|span| span.kind == kind && span.grade >= grade)
        .collect();
    usable.sort_by_key(|span| std::cmp::Reverse(span.last));
    let needed_last = known_until(now).saturating_add(1.day());
    let mut first = None;
    for span in usable {
        let reaches_on = match first {
            None => span.last >= needed_last,
            Some(first) => span.last.saturating_add(1.day()) >= first,
        };
        if reaches_on {
            first = Some(first.map_or(span.first, |first: Date| first.min(span.first)));
        }
    }
    Some(first?.saturating_add(1.day()))
}

/// The days to read at `now`, the newest first: those of the last `horizon` days that were never
/// read, and those that were read before reports of them could all have arrived.
pub fn days_to_read(now: Timestamp, horizon: u32, late_days: u32, read: &[ReadDay]) -> Vec<Date> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let late = i64::from(late_days);
    (1..=i64::from(horizon))
        .map(|back| today.saturating_sub(back.days()))
        .filter(|day| {
            read.iter()
                .find(|known| known.day == *day)
                .is_none_or(|known| {
                    let read_on = known.read_at.to_zoned(TimeZone::UTC).date();
                    read_on < day.saturating_add(late.days()) && read_on < today
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(first: Date, last: Date) -> CoverageSpan {
        CoverageSpan {
            kind: ActivityKind::Meeting,
            grade: Grade::Hosted,
            first,
            last,
        }
    }

    #[test]
    fn coverage_needs_a_day_on_either_side_and_ends_three_days_ago() {
        let now = at("2026-03-20T04:00:00Z");
        let from = date(2026, 3, 1);
        let covered = |first, last| {
            covers(
                &[span(first, last)],
                ActivityKind::Meeting,
                Grade::Hosted,
                from,
                now,
            )
        };
        assert!(covered(date(2026, 2, 28), date(2026, 3, 18)));
        assert!(!covered(date(2026, 3, 1), date(2026, 3, 18)));
        assert!(!covered(date(2026, 2, 28), date(2026, 3, 17)));
        let holed = [
            span(date(2026, 2, 28), date(2026, 3, 9)),
            span(date(2026, 3, 11), date(2026, 3, 19)),
        ];
        assert!(!covers(
            &holed,
            ActivityKind::Meeting,
            Grade::Hosted,
            from,
            now
        ));
    }

    #[test]
    fn what_is_only_listed_covers_no_hosted_window() {
        let now = at("2026-03-20T04:00:00Z");
        let mut listed = span(date(2026, 1, 1), date(2026, 3, 19));
        listed.grade = Grade::Listed;
        let from = date(2026, 3, 1);
        let covered = |grade| covers(&[listed], ActivityKind::Meeting, grade, from, now);
        assert!(covered(Grade::Listed));
        assert!(!covered(Grade::Hosted));
    }

    #[test]
    fn known_since_is_the_first_day_that_is_covered() {
        let now = at("2026-03-20T04:00:00Z");
        let days = |first: u8, last: u8| {
            let day = |number: u8| date(2026, 3, 1).saturating_add(i64::from(number).days());
            span(day(first), day(last))
        };
        let cases = [
            vec![],
            vec![days(0, 16)],
            vec![days(0, 17)],
            vec![days(0, 18)],
            vec![days(0, 5), days(6, 18)],
            vec![days(0, 5), days(7, 18)],
            vec![days(0, 9), days(4, 18)],
            vec![days(17, 17)],
            vec![days(16, 18), days(0, 15)],
        ];
        for spans in cases {
            let since = known_since(&spans, ActivityKind::Meeting, Grade::Hosted, now);
            let covered = |from| covers(&spans, ActivityKind::Meeting, Grade::Hosted, from, now);
            let all = date(2026, 2, 20).series(1.day()).take(40);
            assert_eq!(
                since,
                all.into_iter().find(|day| covered(*day)),
                "{spans:?}"
            );
        }
    }

    #[test]
    fn a_first_run_reads_the_whole_horizon_and_a_daily_one_the_late_days() {
        let now = at("2026-03-20T04:00:00Z");
        let all = days_to_read(now, 60, 3, &[]);
        assert_eq!((all.len(), all[0]), (60, date(2026, 3, 19)));
        let read: Vec<ReadDay> = all
            .iter()
            .map(|day| ReadDay {
                day: *day,
                read_at: now,
            })
            .collect();
        assert_eq!(days_to_read(now, 60, 3, &read), []);
        let tomorrow = at("2026-03-21T04:00:00Z");
        let expected = [date(2026, 3, 20), date(2026, 3, 19), date(2026, 3, 18)];
        assert_eq!(days_to_read(tomorrow, 60, 3, &read), expected);
    }
}
