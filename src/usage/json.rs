//! What a strict reader of JSON refuses and `serde_json` lets pass in values that it skips: the same
//! member twice, half a surrogate pair, endless nesting. Used by the parsers beside it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep arrays and objects may nest, the body itself counted.
const MAX_DEPTH: usize = 32;

/// Looks through a value that was skipped. `depth` is its own: 1 for the body.
pub(super) fn check(raw: &str, depth: usize) -> Result<(), String> {
    match raw.as_bytes().first() {
        Some(b'"') => text(raw).map(drop),
        Some(b'[' | b'{') if depth > MAX_DEPTH => {
            Err(format!("nested deeper than {MAX_DEPTH} levels"))
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> =
                serde_json::from_str(raw).map_err(|error| reason(&error))?;
            elements
                .iter()
                .try_for_each(|element| check(element.get(), depth + 1))
        }
        Some(b'{') => serde_json::Deserializer::from_str(raw)
            .deserialize_map(Members { depth })
            .map_err(|error| reason(&error)),
        _ => Ok(()),
    }
}

/// The text of a JSON string, quotes and all.
pub(super) fn text(raw: &str) -> Result<Cow<'_, str>, String> {
    if raw.as_bytes().contains(&b'\\') {
        return serde_json::from_str(raw)
            .map(Cow::Owned)
            .map_err(|error| reason(&error));
    }
    let inner = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Ok(Cow::Borrowed(inner.unwrap_or(raw)))
}

/// The reason of an error, its position left to the caller.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.rfind(" at line ").map_or(&*text, |end| &text[..end]);
    match reason {
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => {
            "half of a surrogate pair".to_owned()
        }
        other => other.to_owned(),
    }
}

struct Members {
    depth: usize,
}

impl<'de> Visitor<'de> for Members {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let value: &RawValue = map.next_value()?;
            if !names.insert(name) {
                return Err(A::Error::custom(DUPLICATE));
            }
            check(value.get(), self.depth + 1).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// What a body with the same member twice is told.
pub(super) const DUPLICATE: &str = "duplicate member";

/// A member's name, borrowed from the body unless it is escaped.
pub(super) struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_skips_over_is_refused() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(&deep(29), 4), Ok(()));
        assert_eq!(
            check(&deep(30), 4),
            Err("nested deeper than 32 levels".to_owned())
        );
        assert_eq!(check(r#"{"a":[{"b":1,"c":1e999}]}"#, 4), Ok(()));
        assert_eq!(
            check(r#"{"a":[{"b":1,"\u0062":2}]}"#, 4),
            Err(DUPLICATE.to_owned())
        );
        for half in [r#""\ud800""#, r#"["\udc00"]"#, r#"{"\ud800":1}"#] {
            assert_eq!(
                check(half, 4).unwrap_err(),
                "half of a surrogate pair",
                "{half}"
            );
        }
    }
}
