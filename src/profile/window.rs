//! Times of the week in which a vendor may be written to: `mon..fri 09:00-16:00`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, Weekday};
use serde::{Deserialize, Serialize};

/// Days of the week and a stretch of each, in the settings' zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    /// One bit a day, Monday lowest.
    days: u8,
    /// Minutes from midnight.
    start: u16,
    /// Minutes from midnight, up to 1440.
    end: u16,
}

/// Why a text is not a [`Window`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time window: write days and a stretch of the day, for instance `mon..fri 09:00-16:00`"
)]
pub struct WindowError(pub String);

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Window {
    /// Whether local time `at` is in it.
    pub fn contains(self, at: DateTime) -> bool {
        let day = at.weekday().to_monday_zero_offset();
        let minute = i32::from(at.hour()) * 60 + i32::from(at.minute());
        self.days & (1 << day) != 0
            && (i32::from(self.start)..i32::from(self.end)).contains(&minute)
    }

    /// How many minutes of the week are in it.
    pub fn minutes_a_week(self) -> u32 {
        self.days.count_ones() * u32::from(self.end - self.start)
    }

    /// Whether every minute of `other` is in it.
    pub fn covers(self, other: Self) -> bool {
        other.days & !self.days == 0 && self.start <= other.start && other.end <= self.end
    }

    /// Whether it holds on this day of the week.
    pub fn holds_on(self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let error = || WindowError(text.to_owned());
        let (days, hours) = text.split_once(' ').ok_or_else(error)?;
        let (start, end) = hours.trim().split_once('-').ok_or_else(error)?;
        let window = Self {
            days: days_of(days).ok_or_else(error)?,
            start: minutes_of(start).ok_or_else(error)?,
            end: minutes_of(end).ok_or_else(error)?,
        };
        if window.start < window.end {
            Ok(window)
        } else {
            Err(error())
        }
    }
}

/// `mon`, `mon..fri`, `mon,wed`, in any mixture; a range may wrap round the week.
fn days_of(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let mut bits = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once("..").unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        loop {
            bits |= 1 << at;
            if at == last {
                break;
            }
            at = (at + 1) % DAYS.len();
        }
    }
    Some(bits)
}

/// `HH:MM`, up to `24:00`.
fn minutes_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= 24 * 60).then_some(total)
}

impl TryFrom<String> for Window {
    type Error = WindowError;

    fn try_from(text: String) -> Result<Self, WindowError> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        let mut day = 0;
        while day < DAYS.len() {
            if self.days & (1 << day) == 0 {
                day += 1;
                continue;
            }
            let mut last = day;
            while last + 1 < DAYS.len() && self.days & (1 << (last + 1)) != 0 {
                last += 1;
            }
            parts.push(if last == day {
                DAYS[day].to_owned()
            } else {
                format!("{}..{}", DAYS[day], DAYS[last])
            });
            day = last + 1;
        }
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let text = format!(
            "{} {}-{}",
            parts.join(","),
            clock(self.start),
            clock(self.end)
        );
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn office_hours_are_office_hours() {
        let window: Window = "mon..fri 09:00-16:00".parse().unwrap();
        let friday = date(2027, 1, 1);
        assert!(window.contains(friday.at(9, 0, 0, 0)));
        assert!(window.contains(friday.at(15, 59, 59, 0)));
        assert!(!window.contains(friday.at(16, 0, 0, 0)));
        assert!(!window.contains(date(2027, 1, 2).at(10, 0, 0, 0)));
        assert_eq!(window.minutes_a_week(), 5 * 7 * 60);
    }

    #[test]
    fn a_range_of_days_may_wrap_round_the_week() {
        let window: Window = "sat..mon 00:00-24:00".parse().unwrap();
        assert_eq!(window.to_string(), "mon,sat..sun 00:00-24:00");
    }

    #[test]
    fn what_is_not_a_window_is_refused() {
        for text in [
            "",
            "mon",
            "mon 9:00-16:00",
            "mon 16:00-09:00",
            "mon 09:00-09:00",
            "man 09:00-10:00",
            "mon 09:60-10:00",
            "mon 00:00-24:01",
            "mon..  09:00-10:00",
            "mon, 09:00-10:00",
        ] {
            text.parse::<Window>().unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn a_window_reads_back_what_it_prints(days in 1u8..128, start in 0u16..1440, length in 1u16..1440) {
            let window = Window { days, start, end: (start + length).min(1440) };
            prop_assert_eq!(window.to_string().parse::<Window>().unwrap(), window);
        }
    }
}
