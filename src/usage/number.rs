//! Whole numbers as agents send them: JSON numbers and text, kept as digits until they are checked,
//! so that nothing is rounded. `13`, `13.0`, `1.3e1` and `"13"` are one number.

/// Why a text is no number that we keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberError {
    /// It is no whole number of zero or more.
    NotWhole,
    /// It does not fit the platform's integer: 2147483647 at most.
    TooLarge,
}

/// Reads a whole number from 0 to 2147483647 (the platform's integer has 32 bits).
pub(super) fn whole(text: &str) -> Result<i32, NumberError> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, power(exponent).ok_or(NumberError::NotWhole)?),
        None => (text, 0),
    };
    let (integer, fraction) = match mantissa.split_once('.') {
        Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
        Some(_) => return Err(NumberError::NotWhole),
        None => (mantissa, ""),
    };
    if integer.is_empty()
        || !integer
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit())
    {
        return Err(NumberError::NotWhole);
    }
    shifted(integer.as_bytes(), fraction.as_bytes(), exponent, negative)
}

/// A power of ten; what does not fit is as good as infinite.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let magnitude = digits.parse::<u32>().map_or(i64::from(u32::MAX), i64::from);
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

fn shifted(
    integer: &[u8],
    fraction: &[u8],
    exponent: i64,
    negative: bool,
) -> Result<i32, NumberError> {
    let length = |digits: &[u8]| i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let digits = || integer.iter().chain(fraction);
    let Some(first) = digits().position(|digit| *digit != b'0') else {
        return Ok(0);
    };
    if negative {
        return Err(NumberError::NotWhole);
    }
    // Where the point stands after the shift, counted from the first digit.
    let point = length(integer) + exponent;
    let last = digits().count() - digits().rev().take_while(|digit| **digit == b'0').count();
    if i64::try_from(last).unwrap_or(i64::MAX) > point {
        return Err(NumberError::NotWhole);
    }
    let first_from_point = point - i64::try_from(first).unwrap_or(i64::MAX);
    if first_from_point > 10 {
        return Err(NumberError::TooLarge);
    }
    let places = usize::try_from(first_from_point).map_err(|_| NumberError::NotWhole)?;
    let value = digits()
        .skip(first)
        .chain(std::iter::repeat(&b'0'))
        .take(places)
        .fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    i32::try_from(value).map_err(|_| NumberError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_without_rounding() {
        let long = "9".repeat(400);
        let table = [
            ("13", Ok(13)),
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("0e999999999999", Ok(0)),
            ("13.0", Ok(13)),
            ("1.3e1", Ok(13)),
            ("130e-1", Ok(13)),
            ("0.0013E4", Ok(13)),
            ("02", Ok(2)),
            ("1e9", Ok(1_000_000_000)),
            ("2147483647", Ok(2_147_483_647)),
            ("2147483648", Err(NumberError::TooLarge)),
            ("1e400", Err(NumberError::TooLarge)),
            (&long, Err(NumberError::TooLarge)),
            ("13.5", Err(NumberError::NotWhole)),
            ("1e-1", Err(NumberError::NotWhole)),
            ("1e-99999999999999", Err(NumberError::NotWhole)),
            ("-1", Err(NumberError::NotWhole)),
            ("", Err(NumberError::NotWhole)),
            (" 13", Err(NumberError::NotWhole)),
            ("13 times", Err(NumberError::NotWhole)),
            ("1.", Err(NumberError::NotWhole)),
            (".5", Err(NumberError::NotWhole)),
            ("1e", Err(NumberError::NotWhole)),
            ("+1", Err(NumberError::NotWhole)),
            ("0x10", Err(NumberError::NotWhole)),
            ("true", Err(NumberError::NotWhole)),
        ];
        for (text, expected) in table {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_way_to_write_a_number_is_that_number(value in 0..i32::MAX, shift in 0_usize..12) {
            let zeros = "0".repeat(shift);
            for text in [
                format!("{value}"),
                format!("{zeros}{value}.{zeros}0"),
                format!("{value}{zeros}e-{shift}"),
                format!("0.{zeros}{value}e{}", value.to_string().len() + shift),
            ] {
                prop_assert_eq!(whole(&text), Ok(value), "{}", text);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "[-+0-9.eE]{0,40}") {
            let _ = whole(&text);
        }
    }
}
