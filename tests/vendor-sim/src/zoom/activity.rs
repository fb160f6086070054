//! What generated users do: the meetings and webinars they host and when they sign in. This is the
//! ground truth from which every report, list and dashboard of the simulator is answered, for any
//! day past or to come.

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::random::{below, draw, mix};
use crate::zoom::generate::{DAY, Generator};
use crate::zoom::traits::{For, Hosting, SignIn, Traits, Webinars};

/// A meeting or webinar that takes place. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Zoom's `type`: 1 instant, 2 scheduled, 8 recurring, 5 webinar.
    pub(crate) kind: u8,
    /// The meeting's number.
    pub(crate) number: u64,
    /// Identifies this occurrence.
    pub(crate) key: u64,
    pub(crate) start: i64,
    pub(crate) minutes: u32,
    /// Unique participants, the host included.
    pub(crate) participants: u32,
    pub(crate) topic: u64,
}

impl Session {
    pub(crate) const INSTANT: u8 = 1;
    pub(crate) const SCHEDULED: u8 = 2;
    pub(crate) const RECURRING: u8 = 8;
    pub(crate) const WEBINAR: u8 = 5;

    pub(crate) fn end(&self) -> i64 {
        self.start + i64::from(self.minutes) * 60
    }

    pub(crate) const fn is_webinar(&self) -> bool {
        matches!(self.kind, 5 | 6 | 9)
    }

    /// Whether it was put into the calendar beforehand, so that list calls show it.
    pub(crate) const fn listed(&self) -> bool {
        self.kind != Self::INSTANT
    }

    /// Zoom's UUID: base64 with `/` and `+`, so a path must escape it.
    pub(crate) fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&mix(self.key).to_be_bytes());
        bytes[8..].copy_from_slice(&mix(self.key ^ self.number).to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// The sum of the minutes of all participants; the host stays to the end, others leave early.
    pub(crate) fn participant_minutes(&self) -> u32 {
        self.minutes + self.participants.saturating_sub(1) * (self.minutes * 3 / 4)
    }
}

/// How many days the truth is searched back for a last session.
pub(crate) const REACH: i64 = 900;

/// When the account's clock struck the start of a day.
pub(crate) const fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(DAY)
}

impl Hosting {
    /// The days within `days` on which this user may host.
    fn possible(self, days: RangeInclusive<i64>, anchor: i64) -> RangeInclusive<i64> {
        let (from, to) = days.into_inner();
        match self {
            Self::Regular => from..=to,
            Self::Until(last) => from..=to.min(last),
            Self::UntilThenOn(_, then) => from..=to.min(then.max(anchor)),
            #[expect(clippy::reversed_empty_ranges, reason = "an empty range is meant")]
            Self::Never => 1..=0,
        }
    }
}

/// Whether `day` is one of the user's working days and not skipped.
fn works(seed: u64, traits: &Traits, day: i64) -> bool {
    let weekday = (day + 3).rem_euclid(7);
    let on = traits.weekdays & (1 << weekday) != 0;
    on && !draw(seed, occasion(traits.index, day), For::Sessions as u64).is_multiple_of(7)
}

fn hosts_meetings(seed: u64, traits: &Traits, day: i64) -> bool {
    if day <= traits.created_day {
        return false;
    }
    match traits.hosting {
        Hosting::Regular => works(seed, traits, day),
        Hosting::Until(last) => day == last || day < last && works(seed, traits, day),
        Hosting::UntilThenOn(last, then) => {
            day == last || day == then || day < last && works(seed, traits, day)
        }
        Hosting::Never => false,
    }
}

fn hosts_webinar(traits: &Traits, day: i64) -> bool {
    match traits.webinars {
        Webinars::Every {
            period,
            phase,
            until,
        } => {
            day > traits.created_day
                && day.rem_euclid(period) == phase
                && until.is_none_or(|until| day <= until)
        }
        Webinars::Never => false,
    }
}

/// One number for a user on a day.
fn occasion(index: u32, day: i64) -> u64 {
    (u64::from(index) << 24) ^ day.unsigned_abs()
}

impl Generator {
    /// Calls `each` with every session of a user on the days given, oldest first.
    pub(crate) fn sessions(
        &self,
        traits: &Traits,
        days: RangeInclusive<i64>,
        mut each: impl FnMut(Session),
    ) {
        let seed = self.drawer.seed;
        let webinars = traits.webinars != Webinars::Never;
        let possible = if webinars {
            days
        } else {
            traits.hosting.possible(days, self.drawer.anchor_day)
        };
        for day in possible {
            if hosts_meetings(seed, traits, day) {
                self.meetings_on(traits, day, &mut each);
            }
            if webinars && hosts_webinar(traits, day) {
                each(self.webinar_on(traits, day));
            }
        }
    }

    fn meetings_on(&self, traits: &Traits, day: i64, each: &mut impl FnMut(Session)) {
        let seed = self.drawer.seed;
        let occasion = occasion(traits.index, day);
        let count = 1 + below(draw(seed, occasion, For::SessionShape as u64), 3);
        for nth in 0..count {
            let key = draw(seed, occasion ^ (nth << 60), For::SessionId as u64);
            let kind = kind_of(traits, day, nth, key);
            let participants = if traits.solo || key.is_multiple_of(23) {
                1
            } else {
                2 + below(mix(key), 11)
            };
            let number = if kind == Session::RECURRING {
                self.series_number(traits.index)
            } else {
                meeting_number(key)
            };
            each(Session {
                kind,
                number,
                key,
                start: day * DAY + start_of_day(key, nth),
                minutes: narrow(15 + below(mix(key ^ 1), 61)),
                participants: narrow(participants),
                topic: mix(key ^ 2),
            });
        }
    }

    fn webinar_on(&self, traits: &Traits, day: i64) -> Session {
        let occasion = occasion(traits.index, day);
        let key = draw(
            self.drawer.seed,
            occasion ^ (7 << 60),
            For::SessionId as u64,
        );
        let seats = u64::from(traits.webinar.unwrap_or(100));
        Session {
            kind: Session::WEBINAR,
            number: meeting_number(key),
            key,
            start: day * DAY + start_of_day(key, 1),
            minutes: 60,
            participants: narrow(5 + below(mix(key), seats / 2)),
            topic: mix(key ^ 2),
        }
    }

    /// The number of a user's recurring meeting.
    pub(crate) fn series_number(&self, index: u32) -> u64 {
        meeting_number(self.drawer.draw(index, For::SessionId))
    }

    /// The latest meeting and webinar that began and ended by `now`, as far back as two years and
    /// a half.
    pub(crate) fn last_sessions(
        &self,
        traits: &Traits,
        now: i64,
    ) -> (Option<Session>, Option<Session>) {
        let today = day_of(now);
        let (mut meeting, mut webinar) = (None, None);
        let webinars = traits.webinars != Webinars::Never;
        let meetings = traits.hosting != Hosting::Never;
        let latest_day = match traits.hosting {
            Hosting::Until(last) if !webinars => today.min(last),
            _ => today,
        };
        for day in (today - REACH..=latest_day).rev() {
            if (meeting.is_some() || !meetings) && (webinar.is_some() || !webinars) {
                break;
            }
            self.sessions(traits, day..=day, |session| {
                if session.end() > now {
                    return;
                }
                let latest = if session.is_webinar() {
                    &mut webinar
                } else {
                    &mut meeting
                };
                // Within a day the sessions come oldest first; between days, newest first.
                if latest
                    .as_ref()
                    .is_none_or(|known: &Session| day_of(known.start) == day)
                {
                    *latest = Some(session);
                }
            });
        }
        (meeting, webinar)
    }

    /// The time Zoom shows as the last login: a login within three days of it does not move it.
    pub(crate) fn last_login(&self, traits: &Traits, now: i64) -> Option<i64> {
        let SignIn::Every {
            period,
            phase,
            until,
        } = traits.sign_in
        else {
            return None;
        };
        let time = self.sign_in_time(traits.index);
        let today = until.map_or(day_of(now), |until| until.min(day_of(now)));
        let mut day = today - (today - phase).rem_euclid(period);
        if day * DAY + time > now {
            day -= period;
        }
        // Everybody who signs in at all did so when the account was made.
        Some((day * DAY + time).max(traits.created_day * DAY + 64_800))
    }

    /// Calls `each` with the time of every sign-in of a user on one day.
    pub(crate) fn sign_ins(&self, traits: &Traits, day: i64, mut each: impl FnMut(i64)) {
        let SignIn::Every {
            period,
            phase,
            until,
        } = traits.sign_in
        else {
            return;
        };
        if day <= traits.created_day || until.is_some_and(|until| day > until) {
            return;
        }
        let time = self.sign_in_time(traits.index);
        match (day - phase).rem_euclid(period) {
            0 => each(day * DAY + time),
            1 | 2 if works(self.drawer.seed, traits, day) => {
                let later = below(
                    draw(self.drawer.seed, occasion(traits.index, day), 99),
                    14_400,
                );
                each(day * DAY + 28_800 + i64::try_from(later).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn sign_in_time(&self, index: u32) -> i64 {
        let after_seven = below(self.drawer.draw(index, For::SignIn), 7_200);
        25_200 + i64::try_from(after_seven).unwrap_or_default()
    }
}

fn kind_of(traits: &Traits, day: i64, nth: u64, key: u64) -> u8 {
    if let Hosting::UntilThenOn(_, then) = traits.hosting
        && day == then
        && nth == 0
    {
        return Session::SCHEDULED;
    }
    match key % 10 {
        _ if traits.instant_only => Session::INSTANT,
        0..=4 => Session::SCHEDULED,
        5..=7 => Session::RECURRING,
        _ => Session::INSTANT,
    }
}

/// An eleven-digit meeting number.
fn meeting_number(key: u64) -> u64 {
    80_000_000_000 + below(mix(key ^ 3), 9_999_999_999)
}

/// Seconds after midnight: morning, noon and afternoon, on the quarter hour.
fn start_of_day(key: u64, nth: u64) -> i64 {
    let quarters = 28 + nth * 16 + below(mix(key ^ 4), 8);
    i64::try_from(quarters * 900).unwrap_or_default()
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
