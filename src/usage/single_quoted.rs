//! The notation of the vendor's own cURL examples, JSON with single quotes, rewritten as JSON.
//!
//! Only the quotes differ: names and text stand in single quotes, `\'` is a quote inside them, and a
//! double quote there is itself. Everything else is JSON, and is left to its strict reader.

use std::borrow::Cow;

use super::batch::BodyError;

/// The longest body in that notation, in bytes. People type it; programs write JSON.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// A body in that notation, as JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct SingleQuoted {
    json: String,
    /// Where the two differ in length, in their order.
    moved: Vec<Moved>,
}

/// From these offsets on, both texts run alike until the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moved {
    in_json: u32,
    in_body: u32,
}

/// Whether `body` is in that notation: it begins with `{` and then a single quote, which no JSON
/// does.
pub(super) fn is_single_quoted(body: &[u8]) -> bool {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let inside = body.trim_ascii_start().strip_prefix(b"{");
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"'"))
}

impl SingleQuoted {
    /// Rewrites a body. An error where quotes do not match; any other fault is still in the JSON.
    pub(super) fn rewrite(body: &[u8]) -> Result<Self, BodyError> {
        if body.len() > MAX_BYTES {
            return Err(BodyError::TooLongForSingleQuotes);
        }
        let body = std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        let body = body.strip_prefix('\u{feff}').unwrap_or(body);
        let mut rewriting = Rewriting {
            body,
            json: String::with_capacity(body.len() + body.len() / 16),
            moved: Vec::new(),
        };
        let mut rest = body;
        while let Some(at) = rest.find(['\'', '"']) {
            let (before, from_quote) = rest.split_at(at);
            rewriting.json.push_str(before);
            let offset = body.len() - from_quote.len();
            if from_quote.starts_with('"') {
                return Err(fault(body, offset, "a double quote beside single quotes"));
            }
            rest = rewriting
                .text(&from_quote[1..])
                .ok_or_else(|| fault(body, offset, "text without its closing quote"))?;
        }
        rewriting.json.push_str(rest);
        Ok(Self {
            json: rewriting.json,
            moved: rewriting.moved,
        })
    }

    /// As JSON.
    pub(super) fn json(&self) -> &[u8] {
        self.json.as_bytes()
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.json.capacity() + self.moved.capacity() * size_of::<Moved>()
    }

    /// An error that the JSON has, at its place in the body. Lines are the same in both.
    pub(super) fn locate(&self, error: BodyError) -> BodyError {
        match error {
            BodyError::Syntax {
                line,
                column,
                reason,
            } => {
                let lines = self.json.split_inclusive('\n');
                let start = lines.take(line.saturating_sub(1)).map(str::len).sum();
                let offset = self.in_body(start + column.saturating_sub(1));
                BodyError::Syntax {
                    line,
                    column: offset - self.in_body(start) + 1,
                    reason,
                }
            }
            other => other,
        }
    }

    /// The offset in the body of one in the JSON.
    fn in_body(&self, in_json: usize) -> usize {
        let is_before = |moved: &Moved| moved.in_json as usize <= in_json;
        let behind = self.moved.partition_point(is_before);
        match behind.checked_sub(1).and_then(|last| self.moved.get(last)) {
            Some(moved) => moved.in_body as usize + (in_json - moved.in_json as usize),
            None => in_json,
        }
    }
}

struct Rewriting<'a> {
    body: &'a str,
    json: String,
    moved: Vec<Moved>,
}

impl<'a> Rewriting<'a> {
    /// Rewrites text behind its opening quote; what follows its closing one.
    fn text(&mut self, text: &'a str) -> Option<&'a str> {
        self.json.push('"');
        let mut rest = text;
        loop {
            let at = rest.find(['\'', '"', '\\'])?;
            let (before, special) = rest.split_at(at);
            self.json.push_str(before);
            rest = &special[1..];
            match (special.as_bytes()[0], rest.chars().next()) {
                (b'\'', _) => {
                    self.json.push('"');
                    return Some(rest);
                }
                (b'"', _) => {
                    self.json.push_str("\\\"");
                    self.mark(rest);
                }
                (_, Some('\'')) => {
                    self.json.push('\'');
                    rest = &rest[1..];
                    self.mark(rest);
                }
                (_, Some(escaped)) => {
                    self.json.push('\\');
                    self.json.push(escaped);
                    rest = &rest[escaped.len_utf8()..];
                }
                (_, None) => return None,
            }
        }
    }

    /// Notes that the end of the JSON so far is the beginning of `rest`.
    fn mark(&mut self, rest: &str) {
        // Twice the largest body fits.
        let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        self.moved.push(Moved {
            in_json: narrow(self.json.len()),
            in_body: narrow(self.body.len() - rest.len()),
        });
    }
}

/// A fault at an offset of the body.
pub(super) fn fault(body: &str, offset: usize, reason: impl Into<Cow<'static, str>>) -> BodyError {
    let before = &body.as_bytes()[..offset.min(body.len())];
    let lines = before.split(|byte| *byte == b'\n');
    let (line, last) = lines.fold((0, 0), |(line, _), text| (line + 1, text.len()));
    BodyError::Syntax {
        line,
        column: last + 1,
        reason: reason.into().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::{Batch, Rules};

    fn json(body: &str) -> String {
        let rewritten = SingleQuoted::rewrite(body.as_bytes()).unwrap();
        String::from_utf8(rewritten.json().to_vec()).unwrap()
    }

    fn detail(body: &str) -> String {
        assert!(is_single_quoted(body.as_bytes()), "{body}");
        let error = match SingleQuoted::rewrite(body.as_bytes()) {
            Ok(rewritten) => {
                rewritten.locate(Batch::parse(rewritten.json(), &Rules::default()).unwrap_err())
            }
            Err(error) => error,
        };
        error.to_string()
    }

    #[test]
    fn only_what_begins_with_a_single_quoted_name_is_meant() {
        for body in ["{'a':1}", " {\n 'a':1}", "\u{feff}{'"] {
            assert!(is_single_quoted(body.as_bytes()), "{body}");
        }
        for body in ["", "{}", "'a'", "['a']", "{\"a\":'b'}", "{ ", "x{'a':1}"] {
            assert!(!is_single_quoted(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn quotes_are_rewritten_and_nothing_else() {
        let table = [
            ("{'a': 'b', 'c': 1e3}", r#"{"a": "b", "c": 1e3}"#),
            (r"{'a':'it\'s'}", r#"{"a":"it's"}"#),
            (r#"{'a':'say "hi"'}"#, r#"{"a":"say \"hi\""}"#),
            (r"{'a':'\\','b':'\n\u0041'}", r#"{"a":"\\","b":"\n\u0041"}"#),
            (r#"{'a':'\"'}"#, r#"{"a":"\""}"#),
            ("{'é':'\u{1f600}'}", "{\"é\":\"\u{1f600}\"}"),
        ];
        for (body, expected) in table {
            assert_eq!(json(body), expected);
        }
    }

    #[test]
    fn faults_are_told_at_their_place_in_the_body() {
        let table = [
            ("{'items':[],}", "line 1, column 13: trailing comma"),
            (
                "{'items':\n [{'a':\"b\"}]}",
                "line 2, column 8: a double quote beside single quotes",
            ),
            (
                "{'items':[{'a':'b]}",
                "line 1, column 16: text without its closing quote",
            ),
            (
                "{'items':[{'a':'\"\"\"\"\"',}]}",
                "line 1, column 24: key must be a string",
            ),
            (
                r"{'items':[{'a':'\'\'\'\'',}]}",
                "line 1, column 27: key must be a string",
            ),
            (
                "{'items':[{'a':1,\n'a':2}]}",
                "line 2, column 6: duplicate member",
            ),
        ];
        for (body, expected) in table {
            assert_eq!(detail(body), expected, "{body}");
        }
    }

    #[test]
    fn it_is_for_short_bodies() {
        let long = format!("{{'a':'{}'}}", "\"".repeat(MAX_BYTES));
        let refused = SingleQuoted::rewrite(long.as_bytes());
        assert_eq!(refused, Err(BodyError::TooLongForSingleQuotes));
    }

    proptest! {
        #[test]
        fn what_json_says_it_says_too(text in r#"[a-z'" \\é\n]{0,12}"#, number in any::<i32>()) {
            let value = serde_json::json!({ "a": text, "b": [number] });
            let quoted = serde_json::to_string(&text).unwrap();
            let inner = quoted[1..quoted.len() - 1].replace("\\\"", "\"").replace('\'', "\\'");
            let body = format!("{{'a':'{inner}','b':[{number}]}}");
            let read: serde_json::Value = serde_json::from_str(&json(&body)).unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn nothing_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let body = [b"{'", &body[..]].concat();
            if let Ok(rewritten) = SingleQuoted::rewrite(&body)
                && let Err(error) = Batch::parse(rewritten.json(), &Rules::default())
            {
                rewritten.locate(error);
            }
        }
    }
}
