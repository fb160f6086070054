//! What a strict reader of JSON refuses and `serde_json` lets pass in values that it skips: the same
//! member twice, half a surrogate pair, endless nesting. Used by the parsers beside it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

/// How deep arrays and objects may nest, the body itself counted.
const MAX_DEPTH: usize = 32;

/// Looks through a value that was skipped, so that it is JSON already. `depth` is its own: 1 for the
/// body. Each byte is looked at once, however deep the value is.
pub(super) fn check(raw: &str, depth: usize) -> Result<(), String> {
    match raw.as_bytes().first() {
        Some(b'"') => text(raw).map(drop),
        Some(b'[' | b'{') => Walk::new(raw, depth).check(),
        _ => Ok(()),
    }
}

/// A way through a container.
struct Walk<'a> {
    raw: &'a str,
    depth: usize,
    /// The containers around the present place; of an object the names so far.
    open: Vec<Option<BTreeSet<Cow<'a, str>>>>,
    /// The next string is a member's name.
    at_name: bool,
}

impl<'a> Walk<'a> {
    fn new(raw: &'a str, depth: usize) -> Self {
        Self {
            raw,
            depth,
            open: Vec::new(),
            at_name: false,
        }
    }

    fn check(mut self) -> Result<(), String> {
        let bytes = self.raw.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'[' => self.enter(None)?,
                b'{' => self.enter(Some(BTreeSet::new()))?,
                b']' | b'}' => drop(self.open.pop()),
                b',' => self.at_name = matches!(self.open.last(), Some(Some(_))),
                b'"' => {
                    let end = end_of_string(bytes, at);
                    self.string(self.raw.get(at..end).unwrap_or_default())?;
                    at = end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    fn enter(&mut self, names: Option<BTreeSet<Cow<'a, str>>>) -> Result<(), String> {
        if self.depth + self.open.len() > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.at_name = names.is_some();
        self.open.push(names);
        Ok(())
    }

    fn string(&mut self, raw: &'a str) -> Result<(), String> {
        let text = text(raw)?;
        if std::mem::take(&mut self.at_name)
            && let Some(Some(names)) = self.open.last_mut()
            && !names.insert(text)
        {
            return Err(DUPLICATE.to_owned());
        }
        Ok(())
    }
}

/// Where the string that begins at `start` ends, behind its closing quote.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
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
        assert_eq!(
            check(
                r#"[{"a":"\\\"","b":"a"},{"a":[{"a":{}}, {"a":"{\"b\":"}]}]"#,
                4
            ),
            Ok(())
        );
        assert_eq!(
            check(r#"[{"a":1},{"a":[{"b":{"c":1 , "c":2}}]}]"#, 4),
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
