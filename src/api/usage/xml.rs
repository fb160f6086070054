//! Answers in XML, in the platform's shape: arrays are repeated elements of the member's name.
//!
//! What JSON may say and XML may not is put otherwise: a character that no name may have is `_xHHHH_`,
//! as SQL/XML (ISO 9075-14) writes it, and a control character in a text is U+FFFD.

use std::borrow::Cow;
use std::fmt::{self, Write};

use quick_xml::escape::partial_escape;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::format::{fates_of, message, status};
use super::refusal::Refusal;
use crate::store::usage::Upserted;
use crate::usage::xml::{is_name_char, is_name_start, is_xml_char, is_xml_name};
use crate::usage::{Batch, Entry};

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
/// Elements of an array in an array, which have no member's name.
const ELEMENT: &str = "entry";

/// How many bytes an answer has. A name may be written in many times its own length, so this is
/// found out by writing the answer for nobody.
pub(super) fn answer_bytes(batch: &Batch<'_>) -> usize {
    let mut answer = Answer(Length(0));
    answer.begin();
    for entry in &batch.entries {
        let ours = if entry.is_accepted() {
            Ours::Accepted(&"0".repeat(32), "INSERT")
        } else {
            Ours::Refused
        };
        answer.item(batch, entry, ours);
    }
    answer.end(batch);
    answer.0.0
}

/// `<response><result><reply><items>…</items>…</reply><message>Ok</message></result></response>`,
/// each item as it was sent, then our members. `bytes` is what [`answer_bytes`] says.
pub(super) fn answer(batch: &Batch<'_>, fates: &[Upserted], bytes: usize) -> Vec<u8> {
    let mut answer = Answer(String::with_capacity(bytes));
    answer.begin();
    for (entry, fate) in fates_of(batch, fates) {
        let mut id = [0; 32];
        let ours = fate.map_or(Ours::Refused, |fate| {
            Ours::Accepted(fate.sys_id.as_str(&mut id), status(fate))
        });
        answer.item(batch, entry, ours);
    }
    answer.end(batch);
    answer.0.into_bytes()
}

/// `<response><error><detail>…</detail><message>…</message></error><status>failure</status></response>`.
pub(super) fn refusal(refusal: &Refusal) -> Vec<u8> {
    let mut answer = Answer(DECLARATION.to_owned());
    answer.raw("<response><error>");
    answer.element("detail", refusal.detail.as_deref().unwrap_or_default());
    answer.element("message", &refusal.message);
    answer.raw("</error><status>failure</status></response>");
    answer.0.into_bytes()
}

/// What stands with an item beside its members.
#[derive(Clone, Copy)]
enum Ours<'a> {
    /// The record's id, and what became of it.
    Accepted(&'a str, &'a str),
    /// What is wrong with it.
    Refused,
}

/// Keeps nothing but the length.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

struct Answer<W>(W);

impl<W: Write> Answer<W> {
    fn begin(&mut self) {
        self.raw(DECLARATION);
        self.raw("<response><result><reply>");
    }

    fn item(&mut self, batch: &Batch<'_>, entry: &Entry<'_>, ours: Ours<'_>) {
        self.raw("<items>");
        self.members(&format!("{{{}}}", entry.members()));
        match ours {
            Ours::Accepted(sys_id, status) => {
                self.element("sysId", sys_id);
                self.element("status", status);
            }
            Ours::Refused => self.errors(batch, entry),
        }
        self.raw("</items>");
    }

    fn end(&mut self, batch: &Batch<'_>) {
        self.raw("</reply>");
        self.element("message", message(batch));
        self.raw("</result></response>");
    }

    fn raw(&mut self, markup: &str) {
        // Writing into memory cannot fail.
        let _ = self.0.write_str(markup);
    }

    fn tag(&mut self, open: &str, name: &str) {
        self.raw(open);
        self.raw(name);
        self.raw(">");
    }

    fn element(&mut self, name: &str, text: &str) {
        self.tag("<", name);
        self.text(text);
        self.tag("</", name);
    }

    fn text(&mut self, text: &str) {
        let text = if text.chars().all(is_xml_char) {
            Cow::Borrowed(text)
        } else {
            let replaced = |c| if is_xml_char(c) { c } else { '\u{fffd}' };
            Cow::Owned(text.chars().map(replaced).collect())
        };
        self.raw(&partial_escape(text));
    }

    fn errors(&mut self, batch: &Batch<'_>, entry: &Entry<'_>) {
        self.element("status", "ERROR");
        for error in batch.errors_of(entry) {
            self.raw("<errors>");
            self.element("error", error.code.as_str());
            self.element("message", &error.message.to_string());
            self.raw("</errors>");
        }
    }

    /// The members of an object, given as JSON.
    fn members(&mut self, object: &str) {
        // It was read before, with all that is in it.
        let _ = serde_json::Deserializer::from_str(object).deserialize_map(Members(self));
    }

    /// A member, its value given as JSON.
    fn member(&mut self, name: &str, value: &RawValue) {
        let json = value.get();
        match json.as_bytes().first() {
            Some(b'[') => {
                for element in elements(json) {
                    self.member_of_array(name, element);
                }
            }
            Some(b'{') => {
                self.tag("<", name);
                self.members(json);
                self.tag("</", name);
            }
            Some(b'"') => {
                let text: String = serde_json::from_str(json).unwrap_or_default();
                self.element(name, &text);
            }
            Some(b'n') => self.element(name, ""),
            _ => self.element(name, json),
        }
    }

    fn member_of_array(&mut self, name: &str, element: &RawValue) {
        if element.get().starts_with('[') {
            self.tag("<", name);
            self.member(ELEMENT, element);
            self.tag("</", name);
        } else {
            self.member(name, element);
        }
    }
}

fn elements(json: &str) -> Vec<&RawValue> {
    // It was read before.
    serde_json::from_str(json).unwrap_or_default()
}

/// Writes the members of an object as they are read.
struct Members<'a, W>(&'a mut Answer<W>);

impl<'de, W: Write> Visitor<'de> for Members<'_, W> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            self.0.member(&element_name(&name), value);
        }
        Ok(())
    }
}

/// A member's name as that of an element.
fn element_name(name: &str) -> Cow<'_, str> {
    if is_xml_name(name) {
        return Cow::Borrowed(name);
    }
    let mut escaped = String::with_capacity(name.len() + 16);
    for (at, c) in name.chars().enumerate() {
        if is_name_start(c) || (at > 0 && is_name_char(c)) {
            escaped.push(c);
        } else {
            // Writing into memory cannot fail.
            let _ = write!(escaped, "_x{:04X}_", u32::from(c));
        }
    }
    if escaped.is_empty() {
        escaped.push('_');
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::{Document, Rules};

    fn echo(item: &str) -> String {
        let body = format!(r#"{{"items":[{item}]}}"#);
        let document = Document::json(body.into_bytes()).unwrap();
        let batch = document.batch(&Rules::default()).unwrap();
        let answer = answer(&batch, &[], answer_bytes(&batch));
        let answer = String::from_utf8(answer).unwrap();
        let (_, items) = answer.split_once("<items>").unwrap();
        items.split_once("<status>").unwrap().0.to_owned()
    }

    #[test]
    fn members_are_elements_in_their_order() {
        let table = [
            (r#"{"b":"x","a":1.50}"#, "<b>x</b><a>1.50</a>"),
            (r#"{"a":null,"b":true}"#, "<a></a><b>true</b>"),
            (r#"{"a":"<&>\r\n'\""}"#, "<a>&lt;&amp;&gt;&#13;\n'\"</a>"),
            (
                r#"{"a":"\u0001\ufffe\ud83d\ude00"}"#,
                "<a>\u{fffd}\u{fffd}\u{1f600}</a>",
            ),
            (
                r#"{"a":{"b":[1,2],"c":{}}}"#,
                "<a><b>1</b><b>2</b><c></c></a>",
            ),
            (
                r#"{"a":[],"b":[[1,[2]],"x"]}"#,
                "<b><entry>1</entry><entry><entry>2</entry></entry></b><b>x</b>",
            ),
        ];
        for (item, expected) in table {
            assert_eq!(echo(item), expected, "{item}");
        }
    }

    proptest! {
        #[test]
        fn any_name_and_text_is_xml_again(name in ".{0,8}", text in ".{0,20}") {
            let item = serde_json::json!({ "_": { name.clone(): text.clone() } }).to_string();
            let echo = echo(&item);
            let body = format!("<r><items>{echo}</items></r>");
            let read = crate::usage::xml::to_json(body.as_bytes()).unwrap();
            let read: serde_json::Value = serde_json::from_slice(&read).unwrap();
            let shown = |c| if is_xml_char(c) { c } else { '\u{fffd}' };
            let text: String = text.chars().map(shown).collect();
            prop_assert_eq!(&read["items"][0]["_"][&*element_name(&name)], &serde_json::Value::from(text));
        }
    }

    #[test]
    fn names_that_xml_does_not_have_are_escaped() {
        let table = [
            ("u_cost_center", "u_cost_center"),
            ("\u{fc}ber-1.x", "\u{fc}ber-1.x"),
            ("cost center", "cost_x0020_center"),
            ("1st", "_x0031_st"),
            ("a:b", "a_x003A_b"),
            ("<a>", "_x003C_a_x003E_"),
            ("\u{1f600}", "\u{1f600}"),
            ("\u{fffe}", "_xFFFE_"),
            ("", "_"),
        ];
        for (name, expected) in table {
            assert_eq!(element_name(name), expected, "{name}");
        }
    }
}
