//! GoTo's keys: numbers beyond 64 bits in some answers, text in others. They are opaque here and
//! keep every digit.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

/// A key, borrowed from the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Key<'a>(&'a str);

impl<'a> Key<'a> {
    /// The key, unless it is absent.
    pub(super) fn given(self) -> Option<&'a str> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?.get();
        let text = match raw {
            "null" => "",
            _ => raw
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .unwrap_or(raw),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if text.bytes().all(plain) {
            Ok(Key(text))
        } else {
            Err(D::Error::custom("a key is neither text nor a number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_and_text_are_the_same_key() {
        let cases = [
            (
                "78888886011013972886849029",
                Some("78888886011013972886849029"),
            ),
            (
                "\"78888886011013972886849029\"",
                Some("78888886011013972886849029"),
            ),
            ("4266846632996939781", Some("4266846632996939781")),
            ("null", None),
            ("\"\"", None),
        ];
        for (json, expected) in cases {
            let key: Key<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(key.given(), expected, "{json}");
        }
        for json in ["{}", "[1]", "\"a b\"", "\"\\u0041\""] {
            assert!(serde_json::from_str::<Key<'_>>(json).is_err(), "{json}");
        }
    }
}
