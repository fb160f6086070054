//! Cron schedules in a time zone: the next due instant after another one, right on the days on
//! which clocks are changed. Used by [`super::missed`] and [`super::planner`].

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use sha2::{Digest, Sha256};

use crate::profile::name::Name;

/// Minutes after local midnight over which profiles without a schedule of their own are spread.
const NIGHT_MINUTES: u64 = 6 * 60;

/// A five-field cron schedule. A daily time that a spring day does not have runs at the first
/// instant after the gap; one that an autumn day has twice runs at the first of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    cron: Cron,
}

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a schedule ({reason}): write five cron fields, for instance `15 3 * * *` for 03:15 every day"
)]
pub struct ScheduleError {
    /// The text.
    pub text: String,
    /// What the parser minds.
    pub reason: String,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.cron.pattern.to_string())
    }
}

impl Schedule {
    /// Reads five cron fields: minute, hour, day of month, month, day of week.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(text)
            .map(|cron| Self { cron })
            .map_err(|error| ScheduleError {
                text: text.to_owned(),
                reason: error.to_string(),
            })
    }

    /// Once a day between 00:00 and 06:00 local time, at a minute that depends on nothing but the
    /// profile's name, so that many profiles do not start at once and a restart changes nothing.
    pub fn daily_for(profile: &Name) -> Result<Self, ScheduleError> {
        let digest = Sha256::digest(profile.as_str());
        let number = digest
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let minute = number % NIGHT_MINUTES;
        Self::parse(&format!("{} {} * * *", minute % 60, minute / 60))
    }

    /// The first due instant after `after`; `None` for a schedule that never comes due again.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let from = after.to_zoned(zone.clone());
        if let Ok(next) = self.cron.find_next_occurrence(&from, false) {
            return Some(next.timestamp());
        }
        // A day that a zone leaves out altogether is more than the search goes over.
        let later = past_missing_day(&from)?;
        let next = self.cron.find_next_occurrence(&later, true).ok()?;
        Some(next.timestamp())
    }

    /// The last due instant after `after` and not after `until`, and whether there were others
    /// before it.
    pub fn last_between(
        &self,
        after: Timestamp,
        until: Timestamp,
        zone: &TimeZone,
    ) -> Option<LastDue> {
        let first = self.next_after(after, zone).filter(|due| *due <= until)?;
        let last = self
            .cron
            .find_previous_occurrence(&until.to_zoned(zone.clone()), true)
            .map_or(first, |due| due.timestamp())
            .clamp(first, until);
        Some(LastDue {
            at: last,
            skipped: last != first,
        })
    }
}

/// The last due instant of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastDue {
    /// When.
    pub at: Timestamp,
    /// Whether others came before it in the span.
    pub skipped: bool,
}

fn past_missing_day(from: &Zoned) -> Option<Zoned> {
    from.checked_add(2.days()).ok()?.start_of_day().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::Date;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn runs(schedule: &str, zone_name: &str, from: &str, to: &str) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let zone = zone(zone_name);
        let end = at(to);
        let mut found = Vec::new();
        let mut now = at(from);
        while let Some(next) = schedule.next_after(now, &zone).filter(|next| *next < end) {
            found.push(
                next.to_zoned(zone.clone())
                    .strftime("%d %H:%M %:z")
                    .to_string(),
            );
            now = next;
        }
        found
    }

    #[test]
    fn days_on_which_clocks_change_have_their_run_at_a_time_that_exists() {
        let table = [
            (
                "30 1 * * *",
                "Europe/London",
                "2026-03-29T00:00:00Z",
                "2026-03-30T00:00:00Z",
                "29 02:00 +01:00",
            ),
            (
                "30 1 * * *",
                "Europe/London",
                "2026-10-24T23:00:00Z",
                "2026-10-26T00:00:00Z",
                "25 01:30 +01:00",
            ),
            (
                "0 0 * * *",
                "Europe/London",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
                "29 00:00 +00:00",
            ),
            (
                "30 2 * * *",
                "America/New_York",
                "2026-03-08T05:00:00Z",
                "2026-03-09T04:00:00Z",
                "08 03:00 -04:00",
            ),
            (
                "30 1 * * *",
                "America/New_York",
                "2026-11-01T04:00:00Z",
                "2026-11-02T05:00:00Z",
                "01 01:30 -04:00",
            ),
            (
                "15 2 * * *",
                "Australia/Lord_Howe",
                "2026-10-03T13:30:00Z",
                "2026-10-04T12:00:00Z",
                "04 02:30 +11:00",
            ),
            (
                "45 1 * * *",
                "Australia/Lord_Howe",
                "2026-04-04T13:00:00Z",
                "2026-04-05T13:00:00Z",
                "05 01:45 +11:00",
            ),
            (
                "0 0 * * *",
                "America/Santiago",
                "2026-09-06T03:30:00Z",
                "2026-09-07T02:00:00Z",
                "06 01:00 -03:00",
            ),
            (
                "30 23 * * *",
                "America/Santiago",
                "2026-04-04T12:00:00Z",
                "2026-04-05T12:00:00Z",
                "04 23:30 -03:00",
            ),
        ];
        for (schedule, zone, from, to, expected) in table {
            // Santiago's first case starts before the gap: the day begins at 01:00.
            let from = if zone == "America/Santiago" && schedule == "0 0 * * *" {
                "2026-09-06T03:00:00Z"
            } else {
                from
            };
            assert_eq!(
                runs(schedule, zone, from, to),
                [expected],
                "{schedule} {zone}"
            );
        }
    }

    const ZONES: [&str; 12] = [
        "UTC",
        "Europe/London",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",
        "America/Havana",
        "Atlantic/Azores",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Pacific/Chatham",
    ];

    fn run_days(schedule: &Schedule, zone: &TimeZone, from: Date, to: Date) -> BTreeMap<Date, u32> {
        let mut now = from.to_zoned(zone.clone()).unwrap().timestamp() - 1.second();
        let mut days = BTreeMap::new();
        while let Some(next) = schedule.next_after(now, zone) {
            let day = next.to_zoned(zone.clone()).date();
            if day >= to {
                break;
            }
            *days.entry(day).or_insert(0) += 1;
            now = next;
        }
        days
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_daily_schedule_runs_once_on_every_local_day(
            zone_index in 0..ZONES.len(), hour in 0_u8..24, minute in 0_u8..60, year in 2024_i16..2032,
        ) {
            let zone = zone(ZONES[zone_index]);
            let schedule = Schedule::parse(&format!("{minute} {hour} * * *")).unwrap();
            let from = jiff::civil::date(year, 1, 1);
            let to = jiff::civil::date(year + 1, 1, 1);
            let days = run_days(&schedule, &zone, from, to);
            let expected: BTreeMap<Date, u32> =
                from.series(1.day()).take_while(|day| *day < to).map(|day| (day, 1)).collect();
            prop_assert_eq!(days, expected);
        }

        #[test]
        fn the_last_due_instant_is_the_one_that_stepping_forward_finds(
            zone_index in 0..ZONES.len(), start in 1_700_000_000_i64..1_900_000_000,
            hours in 0_i64..24 * 20, pick in 0_usize..4,
        ) {
            let zone = zone(ZONES[zone_index]);
            let schedule = ["30 1 * * *", "15 0 * * *", "0 2 * * 1-5", "45 23 1 * *"][pick];
            let schedule = Schedule::parse(schedule).unwrap();
            let after = Timestamp::from_second(start).unwrap();
            let until = after + jiff::SignedDuration::from_hours(hours);
            let mut stepped = Vec::new();
            let mut now = after;
            while let Some(next) = schedule.next_after(now, &zone).filter(|next| *next <= until) {
                stepped.push(next);
                now = next;
            }
            let found = schedule.last_between(after, until, &zone);
            prop_assert_eq!(found.map(|due| due.at), stepped.last().copied());
            prop_assert_eq!(found.is_some_and(|due| due.skipped), stepped.len() > 1);
        }
    }

    #[test]
    fn a_day_that_a_zone_leaves_out_is_passed_over() {
        let found = runs(
            "0 3 * * *",
            "Pacific/Apia",
            "2011-12-29T10:00:00Z",
            "2011-12-31T05:00:00Z",
        );
        assert_eq!(found, ["29 03:00 -10:00", "31 03:00 +14:00"]);
    }

    #[test]
    fn the_default_is_spread_over_the_night_and_depends_on_the_name_alone() {
        let mut minutes = std::collections::BTreeSet::new();
        for number in 0..200 {
            let name: Name = format!("profile-{number}").parse().unwrap();
            let schedule = Schedule::daily_for(&name).unwrap();
            assert_eq!(schedule, Schedule::daily_for(&name).unwrap());
            let next = schedule.next_after(at("2026-03-01T00:00:00Z"), &TimeZone::UTC);
            let time = next.unwrap().to_zoned(TimeZone::UTC).time();
            assert!(time.hour() < 6, "{time}");
            minutes.insert(time);
        }
        assert!(minutes.len() > 130, "{} minutes", minutes.len());
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_an_example() {
        for text in ["", "61 6 * * *", "* * * *", "0 15 3 * * *"] {
            let error = Schedule::parse(text).unwrap_err().to_string();
            assert!(error.contains("15 3 * * *"), "{error}");
        }
    }
}
