//! Durations as files write them: `60d`, `12h`.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::macros::readable_text;

/// A whole number of days (24 h each), hours, minutes or seconds: `60d`, `12h`, `30m`, `10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    seconds: u32,
}

readable_text!(Span, "Span", "yaml::duration", "^[0-9]+[dhms]$");

/// Why a text is not a [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a whole number with a unit, for instance `60d` or `12h`")]
pub struct SpanError(pub String);

impl Span {
    /// So many days of 24 hours.
    pub const fn days(days: u16) -> Self {
        Self {
            seconds: days as u32 * 86_400,
        }
    }

    /// So many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self { seconds }
    }

    /// The length in seconds.
    pub const fn as_secs(self) -> u32 {
        self.seconds
    }

    /// Whole days in it, rounded down.
    pub const fn whole_days(self) -> u32 {
        self.seconds / 86_400
    }
}

impl From<Span> for SignedDuration {
    fn from(span: Span) -> Self {
        Self::from_secs(i64::from(span.seconds))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let error = || SpanError(text.to_owned());
        let (unit, size) = match text.as_bytes().last() {
            Some(b'd') => ('d', 86_400),
            Some(b'h') => ('h', 3_600),
            Some(b'm') => ('m', 60),
            Some(b's') => ('s', 1),
            _ => return Err(error()),
        };
        let digits = text.strip_suffix(unit).ok_or_else(error)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        let count: u32 = digits.parse().map_err(|_| error())?;
        let seconds = count.checked_mul(size).ok_or_else(error)?;
        Ok(Self { seconds })
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.seconds {
            s if s % 86_400 == 0 => format!("{}d", s / 86_400),
            s if s % 3_600 == 0 => format!("{}h", s / 3_600),
            s if s % 60 == 0 => format!("{}m", s / 60),
            s => format!("{s}s"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "", "d", "60", "60 d", "-1d", "+1d", "1w", "1.5d", "60D", "49711d", "ä",
        ] {
            text.parse::<Span>().unwrap_err();
        }
        assert_eq!("60d".parse::<Span>().unwrap(), Span::days(60));
        assert_eq!("24h".parse::<Span>().unwrap().to_string(), "1d");
    }

    proptest! {
        #[test]
        fn a_duration_reads_back_what_it_prints(seconds in any::<u32>()) {
            let span = Span { seconds };
            prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }

        #[test]
        fn no_text_upsets_it(text in ".{0,12}") {
            let _ = text.parse::<Span>();
        }
    }
}
