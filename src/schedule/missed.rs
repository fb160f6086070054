//! Runs that were missed while the daemon was down are caught up once. Used by
//! [`super::planner`].

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cron::Schedule;
use crate::store::job::Trigger;

/// One due run of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRun {
    /// When it was due.
    pub at: Timestamp,
    /// [`Trigger::Schedule`], or [`Trigger::CatchUp`] when it was missed.
    pub trigger: Trigger,
}

/// The run of `schedule` that is due at `now`, when `last` was the last one before. However many
/// were missed, there is one: the latest. It counts as caught up when the daemon came up after it
/// was due, or when others before it were missed too.
pub fn due(
    schedule: &Schedule,
    last: Timestamp,
    now: Timestamp,
    up_since: Timestamp,
    zone: &TimeZone,
) -> Option<DueRun> {
    let due = schedule.last_between(last, now, zone)?;
    let missed = due.skipped || due.at < up_since;
    Some(DueRun {
        at: due.at,
        trigger: if missed {
            Trigger::CatchUp
        } else {
            Trigger::Schedule
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn five_days_of_downtime_are_caught_up_once_at_the_latest_due_time() {
        let schedule = Schedule::parse("0 3 * * *").unwrap();
        let up = at("2026-03-09T12:00:00Z");
        let run = due(
            &schedule,
            at("2026-03-04T03:00:00Z"),
            up,
            up,
            &TimeZone::UTC,
        );
        let expected = DueRun {
            at: at("2026-03-09T03:00:00Z"),
            trigger: Trigger::CatchUp,
        };
        assert_eq!(run, Some(expected));
        assert_eq!(due(&schedule, expected.at, up, up, &TimeZone::UTC), None);
    }

    #[test]
    fn a_run_that_comes_due_while_the_daemon_is_up_is_an_ordinary_one() {
        let schedule = Schedule::parse("0 3 * * *").unwrap();
        let run = due(
            &schedule,
            at("2026-03-04T03:00:00Z"),
            at("2026-03-05T03:00:20Z"),
            at("2026-03-01T00:00:00Z"),
            &TimeZone::UTC,
        );
        assert_eq!(run.map(|run| run.trigger), Some(Trigger::Schedule));
    }
}
