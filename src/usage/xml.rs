//! A body in XML, rewritten as JSON. The page of the API gives no example; the shape is that of the
//! platform's other services: a root of any name, arrays as repeated elements of the member's name.
//!
//! ```xml
//! <request><items>…</items><items>…</items></request>
//! <request><items><item>…</item><item>…</item></items></request>   or <entry>
//! ```
//!
//! Values are text. An element without content is an empty value. There is no DOCTYPE and there are
//! no entities beside XML's own five, so nothing expands and nothing is fetched.

mod names;

use std::borrow::Cow;
use std::collections::BTreeSet;

use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

pub use self::names::{is_name_char, is_name_start, is_xml_char, is_xml_name};
use super::batch::BodyError;
use super::json::DUPLICATE;
use super::single_quoted::fault;

/// How deep elements may nest, the root counted.
const MAX_DEPTH: usize = 16;
/// The member that a body is about.
const ITEMS: &str = "items";
/// Elements of a list that stands in one `items`.
const ELEMENTS: [&str; 2] = ["item", "entry"];

/// Rewrites a body.
pub fn to_json(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    let text = std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(BodyError::Empty);
    }
    if let Some((at, _)) = text.char_indices().find(|(_, c)| !is_xml_char(*c)) {
        return Err(fault(text, at, "a character that XML does not have"));
    }
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    let mut rewriting = Rewriting {
        reader,
        text,
        at: 0,
        depth: 0,
        json: Vec::with_capacity(text.len()),
    };
    rewriting.document()?;
    rewriting.json.shrink_to_fit();
    Ok(rewriting.json)
}

/// What matters of a document.
enum Node<'a> {
    Open(&'a str),
    Text(Cow<'a, str>),
    Close,
    End,
}

struct Rewriting<'a> {
    reader: Reader<&'a [u8]>,
    text: &'a str,
    /// Where the last node began.
    at: usize,
    depth: usize,
    json: Vec<u8>,
}

impl<'a> Rewriting<'a> {
    fn document(&mut self) -> Result<(), BodyError> {
        let Node::Open(root) = self.next_element()? else {
            return Err(self.fault("there is no element"));
        };
        self.json.extend_from_slice(br#"{"items":["#);
        let mut list = List::default();
        // A list may also be the document itself.
        let mut has_items = root == ITEMS;
        while let Node::Open(name) = self.next_element()? {
            if root == ITEMS && ELEMENTS.contains(&name) {
                self.element(&mut list)?;
            } else if name == ITEMS {
                has_items = true;
                self.items(&mut list)?;
            } else {
                self.skip()?;
            }
        }
        if let Node::Open(_) = self.next_element()? {
            return Err(self.fault("there is more than one root element"));
        }
        self.json.extend_from_slice(b"]}");
        if has_items {
            Ok(())
        } else {
            Err(BodyError::NoItems)
        }
    }

    /// An `items` element, behind its start tag: one item, or a list of them.
    fn items(&mut self, list: &mut List) -> Result<(), BodyError> {
        let Content { text, first } = self.content()?;
        let Some(first) = first else {
            return self.childless(&text, list);
        };
        if !ELEMENTS.contains(&first) {
            list.begin_item(&mut self.json);
            return self.members(first);
        }
        self.element(list)?;
        while let Node::Open(name) = self.next_element()? {
            if name != first {
                return Err(self.fault("a list has elements of different names"));
            }
            self.element(list)?;
        }
        Ok(())
    }

    /// An `items` element without elements in it. One alone is an empty list.
    fn childless(&mut self, text: &str, list: &mut List) -> Result<(), BodyError> {
        if is_blank(text) {
            list.empty_item(&mut self.json);
            Ok(())
        } else {
            list.begin_item(&mut self.json);
            self.string(text)
        }
    }

    /// An element of a list, behind its start tag.
    fn element(&mut self, list: &mut List) -> Result<(), BodyError> {
        list.begin_item(&mut self.json);
        let Content { text, first } = self.content()?;
        match first {
            Some(first) => self.members(first),
            None if is_blank(&text) => {
                self.json.extend_from_slice(b"{}");
                Ok(())
            }
            None => self.string(&text),
        }
    }

    /// The elements of an object, behind the start tag of the first, up to the object's end tag.
    fn members(&mut self, first: &'a str) -> Result<(), BodyError> {
        let mut names = BTreeSet::new();
        let mut name = first;
        self.json.push(b'{');
        loop {
            if !names.insert(name) {
                return Err(self.fault(DUPLICATE));
            }
            self.string(name)?;
            self.json.push(b':');
            let Content { text, first } = self.content()?;
            match first {
                Some(first) => self.members(first)?,
                None => self.string(&text)?,
            }
            match self.next_element()? {
                Node::Open(next) => name = next,
                _ => break,
            }
            self.json.push(b',');
        }
        self.json.push(b'}');
        Ok(())
    }

    /// What follows a start tag: text up to the end tag, or the first element.
    fn content(&mut self) -> Result<Content<'a>, BodyError> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.node()? {
                Node::Text(more) if text.is_empty() => text = more,
                Node::Text(more) => text.to_mut().push_str(&more),
                Node::Open(_) if !is_blank(&text) => return Err(self.fault(MIXED)),
                Node::Open(first) => {
                    return Ok(Content {
                        text,
                        first: Some(first),
                    });
                }
                Node::Close | Node::End => return Ok(Content { text, first: None }),
            }
        }
    }

    /// The next tag, or the document's end, where no text may stand before it.
    fn next_element(&mut self) -> Result<Node<'a>, BodyError> {
        loop {
            match self.node()? {
                Node::Text(text) if is_blank(&text) => {}
                Node::Text(_) => return Err(self.fault(MIXED)),
                node => return Ok(node),
            }
        }
    }

    /// Reads past an element that means nothing to us, behind its start tag.
    fn skip(&mut self) -> Result<(), BodyError> {
        let outside = self.depth - 1;
        while self.depth > outside {
            self.node()?;
        }
        Ok(())
    }

    fn node(&mut self) -> Result<Node<'a>, BodyError> {
        loop {
            self.at = position(self.reader.buffer_position());
            let event = self.reader.read_event().map_err(|error| {
                let at = position(self.reader.error_position());
                fault(self.text, at, reason(&error))
            })?;
            return Ok(match event {
                Event::Start(start) => Node::Open(self.open(&start)?),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Node::Close
                }
                // Only with empty elements not expanded.
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) => continue,
                Event::Text(text) => Node::Text(text.xml10_content()),
                Event::CData(text) => Node::Text(text.xml10_content()),
                Event::GeneralRef(reference) => Node::Text(Cow::Owned(self.resolve(&reference)?)),
                Event::Decl(declaration) => {
                    self.declaration(&declaration)?;
                    continue;
                }
                Event::DocType(_) => return Err(self.fault("a DOCTYPE is not read")),
                Event::Eof if self.depth > 0 => {
                    return Err(self.fault("an element is not closed"));
                }
                Event::Eof => Node::End,
            });
        }
    }

    fn open(&mut self, start: &BytesStart<'a>) -> Result<&'a str, BodyError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let reason = format!("nested deeper than {MAX_DEPTH} elements");
            return Err(fault(self.text, self.at, reason));
        }
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| self.fault("an attribute cannot be read"))?;
            let name = attribute.key.as_ref();
            let is_of_xml = name == "xmlns"
                || ["xmlns:", "xml:", "xsi:"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix));
            if !is_of_xml {
                return Err(self.fault("attributes are not read: values stand in elements"));
            }
        }
        // The name as it stands in the body lives longer than the event.
        let length = start.name().as_ref().len();
        let qualified = self.text.get(self.at + 1..self.at + 1 + length);
        let local = qualified
            .and_then(|name| name.split_once(':').map_or(Some(name), local_part))
            .filter(|name| is_xml_name(name));
        local.ok_or_else(|| self.fault("an element has a name that XML does not allow"))
    }

    fn resolve(&self, reference: &BytesRef<'_>) -> Result<String, BodyError> {
        if let Some(text) = resolve_predefined_entity(reference) {
            return Ok(text.to_owned());
        }
        match reference.resolve_char_ref() {
            Ok(Some(c)) if is_xml_char(c) => Ok(c.to_string()),
            Ok(None) => Err(self.fault("only the five entities of XML itself are read")),
            _ => Err(self.fault("a character that XML does not have")),
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), BodyError> {
        if self.at != 0 {
            return Err(self.fault("the XML declaration is not at the beginning"));
        }
        if declaration.version().ok().as_deref() != Some("1.0") {
            return Err(self.fault("the XML version must be 1.0"));
        }
        let is_utf8 = |name: &str| ["utf-8", "us-ascii"].contains(&&*name.to_ascii_lowercase());
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if is_utf8(&name) => Ok(()),
            Some(_) => Err(self.fault("the encoding must be UTF-8")),
        }
    }

    fn string(&mut self, text: &str) -> Result<(), BodyError> {
        // Writing text into memory cannot fail.
        serde_json::to_writer(&mut self.json, text).map_err(|_| self.fault("cannot be read"))
    }

    fn fault(&self, reason: &'static str) -> BodyError {
        fault(self.text, self.at, reason)
    }
}

const MIXED: &str = "text beside elements";

struct Content<'a> {
    /// Only blanks, where there is an element.
    text: Cow<'a, str>,
    first: Option<&'a str>,
}

/// The items so far.
#[derive(Debug, Default)]
struct List {
    /// There was an `items` element.
    begun: bool,
    /// It was empty: an empty list if no other follows, else an empty item.
    lone: bool,
    /// There was an item.
    any: bool,
}

impl List {
    fn begin_item(&mut self, json: &mut Vec<u8>) {
        self.begun = true;
        if std::mem::take(&mut self.lone) {
            self.separate(json);
            json.extend_from_slice(b"{}");
        }
        self.separate(json);
    }

    fn empty_item(&mut self, json: &mut Vec<u8>) {
        if self.begun {
            self.begin_item(json);
            json.extend_from_slice(b"{}");
        } else {
            self.begun = true;
            self.lone = true;
        }
    }

    fn separate(&mut self, json: &mut Vec<u8>) {
        if self.any {
            json.push(b',');
        }
        self.any = true;
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_ascii().is_empty()
}

fn local_part<'a>((prefix, local): (&'a str, &'a str)) -> Option<&'a str> {
    is_xml_name(prefix).then_some(local)
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// What is wrong, without any of the content.
fn reason(error: &Error) -> String {
    match error {
        Error::Syntax(error) => error.to_string(),
        Error::IllFormed(IllFormedError::UnclosedReference) => {
            "`&` without `;`: write it as `&amp;`".to_owned()
        }
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "`--` in a comment".to_owned(),
        Error::IllFormed(_) => "tags do not match".to_owned(),
        _ => "this is not XML".to_owned(),
    }
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
