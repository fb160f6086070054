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

/// `<response><result><reply><items>…</items>…</reply><message>Ok</message></result></response>`,
/// each item as it was sent, then our members.
pub(super) fn answer(batch: &Batch<'_>, fates: &[Upserted]) -> Vec<u8> {
    let sent: usize = batch.entries.iter().map(Entry::sent_bytes).sum();
    let mut answer = Answer(String::with_capacity(2 * sent + 256));
    answer.raw(DECLARATION);
    answer.raw("<response><result><reply>");
    for (entry, fate) in fates_of(batch, fates) {
        answer.raw("<items>");
        answer.members(&format!("{{{}}}", entry.members()));
        match fate {
            Some(fate) => {
                answer.element("sysId", fate.sys_id.as_str(&mut [0; 32]));
                answer.element("status", status(fate));
            }
            None => answer.errors(entry),
        }
        answer.raw("</items>");
    }
    answer.raw("</reply>");
    answer.element("message", message(batch));
    answer.raw("</result></response>");
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

struct Answer(String);

impl Answer {
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
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

    fn errors(&mut self, entry: &Entry<'_>) {
        self.element("status", "ERROR");
        for error in &entry.errors {
            self.raw("<errors>");
            self.element("error", error.code.as_str());
            self.element("message", &error.message);
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
struct Members<'a>(&'a mut Answer);

impl<'de> Visitor<'de> for Members<'_> {
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
        let answer = String::from_utf8(answer(&batch, &[])).unwrap();
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
