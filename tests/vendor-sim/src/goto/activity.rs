//! When people use what they have. Every session is drawn from the seed, the person, the day and
//! the kind, so that no history is kept and the truth is known.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::goto::world::{Person, World};
use crate::random::{Ppm, below, draw};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// What people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Host a meeting.
    Meeting,
    /// Host a webinar.
    Webinar,
    /// Host a training.
    Training,
    /// Support somebody.
    Support,
    /// Call, or take a call.
    Call,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Meeting,
        Self::Webinar,
        Self::Training,
        Self::Support,
        Self::Call,
    ];

    /// In percent, how many working days of a busy person see it.
    const fn days_percent(self) -> f64 {
        match self {
            Self::Meeting | Self::Call => 0.45,
            Self::Support => 0.35,
            Self::Webinar | Self::Training => 0.15,
        }
    }
}

/// Whether somebody uses what they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// On many working days, and on.
    Busy,
    /// For the last time on this day.
    Stopped { on: i64 },
    /// Never.
    Never,
    /// Plans webinars and holds none.
    SchedulesOnly,
}

/// One session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Seconds since 1970.
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Unlike any other of this person and kind.
    pub(crate) number: u64,
    /// Of calls: made, not taken.
    pub(crate) outbound: bool,
    /// Of calls taken: not answered.
    pub(crate) missed: bool,
}

/// A session that a test asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) kind: Kind,
    pub(crate) session: Session,
}

impl World {
    /// The sessions of a person that start on one of `days`, in the order of their start.
    pub(crate) fn sessions(&self, row: u32, kind: Kind, days: RangeInclusive<i64>) -> Vec<Session> {
        let Some(person) = self.person(row) else {
            return Vec::new();
        };
        let recorded = person.recorded.iter().filter(|known| known.kind == kind);
        let mut sessions: Vec<Session> = recorded
            .map(|known| known.session)
            .filter(|session| days.contains(&session.start.div_euclid(DAY)))
            .collect();
        if person.kinds.contains(&kind) {
            for day in days {
                if self.happens(person, row, kind, day) {
                    sessions.extend(self.of_day(row, kind, day));
                }
            }
        }
        sessions.sort_by_key(|session| (session.start, session.number));
        sessions
    }

    /// The latest session that ended by `now`, within a year.
    pub(crate) fn latest(&self, row: u32, kind: Kind, now: i64) -> Option<Session> {
        let today = now.div_euclid(DAY);
        (today - 365..=today).rev().find_map(|day| {
            let sessions = self.sessions(row, kind, day..=day);
            sessions
                .into_iter()
                .rfind(|session| session.end <= now && !session.missed)
        })
    }

    fn happens(&self, person: &Person, row: u32, kind: Kind, day: i64) -> bool {
        let last = match person.habit {
            Habit::Never | Habit::SchedulesOnly => return false,
            Habit::Busy => i64::MAX,
            Habit::Stopped { on } => on,
        };
        if day == last {
            return true;
        }
        day < last && self.drawn(row, kind, day)
    }

    /// Whether the dice say that a busy person does it on `day`: working days, Monday to Friday.
    pub(crate) fn drawn(&self, row: u32, kind: Kind, day: i64) -> bool {
        let weekday = (day + 3).rem_euclid(7);
        weekday < 5 && Ppm::of(kind.days_percent()).holds(self.dice(row, kind, day, 0))
    }

    fn dice(&self, row: u32, kind: Kind, day: i64, purpose: u64) -> u64 {
        let place = u64::from(row) << 32 | day.unsigned_abs();
        draw(self.seed, place, (kind as u64 + 1) * 64 + purpose)
    }

    /// The sessions of a day on which something happens.
    pub(crate) fn of_day(&self, row: u32, kind: Kind, day: i64) -> Vec<Session> {
        let count = match kind {
            Kind::Call => 1 + below(self.dice(row, kind, day, 1), 3),
            _ => 1,
        };
        (0..count)
            .map(|nth| {
                let random = self.dice(row, kind, day, 8 + nth);
                let into = 7 * 3600 + signed(below(random, 9 * 3600));
                let length = match kind {
                    Kind::Call => 20 + signed(random % 900),
                    _ => 600 + signed(random % 3600),
                };
                let start = day * DAY + into;
                let outbound = random & 0x100 == 0;
                // The first call of a day is never missed, so that a day that counts has one.
                let missed = kind == Kind::Call && nth > 0 && !outbound && random & 0x600 == 0;
                Session {
                    start,
                    end: if missed { start + 15 } else { start + length },
                    number: day.unsigned_abs() * 4 + nth,
                    outbound,
                    missed,
                }
            })
            .collect()
    }
}

pub(crate) const fn signed(small: u64) -> i64 {
    small.cast_signed()
}
