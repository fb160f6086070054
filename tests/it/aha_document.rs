//! Aha!'s own OpenAPI document as a judge of answers and of requests. Its path comes from
//! `SEATSYNC_AHA_OPENAPI`; the document is the vendor's and is not part of this repository.
//!
//! Its schemas are made up by name, so that one stands for the answers of several operations; what
//! is real is the example of each operation. So an answer is held against its example: members that
//! the example does not have, that are missing or of another type are findings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use vendor_sim::aha::LoggedRequest;

/// Members that no example has and that other clients have met, by where they stand.
const KNOWN_BEYOND: [&str; 1] = ["/identity_provider/name"];

/// The document's operations with their examples.
pub(crate) struct AhaDocument {
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    template: String,
    /// By status; none for an answer without a body.
    answers: BTreeMap<u16, Option<Shape>>,
    /// Of the request's body.
    body: Option<Shape>,
}

/// What an example shows of a value.
#[derive(Default)]
struct Shape {
    kinds: BTreeSet<&'static str>,
    members: BTreeMap<String, Self>,
    /// Members that every object had.
    always: Option<BTreeSet<String>>,
    items: Option<Box<Self>>,
}

/// What is wrong, for a person to read; empty when nothing is.
pub(crate) type Findings = Vec<String>;

impl AhaDocument {
    /// Reads the document, or says why there is none. A document that is named but cannot be read
    /// is a failure, not a reason to skip.
    pub(crate) fn open() -> Result<Self, String> {
        let path = document_path().ok_or("SEATSYNC_AHA_OPENAPI is not set")?;
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"));
        let document: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("`{path}` is not JSON: {error}"));
        let paths = document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(template, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(|(method, operation)| Operation::new(template, method, operation))
        });
        Ok(Self {
            operations: operations.collect(),
        })
    }

    /// Judges an answer.
    pub(crate) fn judge_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: &[u8],
    ) -> Findings {
        let Some(operation) = self.find(method, path) else {
            return vec![format!(
                "{method} {path}: no such operation in the document"
            )];
        };
        let what = format!("{method} {} {status}", operation.template);
        match (operation.answers.get(&status), body.is_empty()) {
            (None, _) => vec![format!("{what}: a status the document does not have")],
            (Some(None), true) => Vec::new(),
            (Some(None), false) => vec![format!("{what}: a body where there should be none")],
            (Some(Some(_)), true) => vec![format!("{what}: no body")],
            (Some(Some(shape)), false) => match serde_json::from_slice(body) {
                Ok(body) => shape.judge(&body, &what, ""),
                Err(error) => vec![format!("{what}: not JSON: {error}")],
            },
        }
    }

    /// Judges all requests of a log: their operation, and the bodies of those that write.
    pub(crate) fn judge_requests(&self, log: &[LoggedRequest]) -> Findings {
        log.iter()
            .flat_map(|request| {
                let (method, path) = (&request.method, &request.path);
                match (self.find(method, path), &request.body) {
                    (None, _) => vec![format!("{method} {path}: no such operation")],
                    (Some(operation), Some(body)) => match &operation.body {
                        Some(shape) => shape.judge(body, &format!("{method} {path} body"), ""),
                        None => vec![format!("{method} {path}: a body where there is none")],
                    },
                    (Some(_), None) => Vec::new(),
                }
            })
            .collect()
    }

    fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| {
            operation.method == method && matches_template(&operation.template, path)
        })
    }
}

impl Operation {
    fn new(template: &str, method: &str, operation: &Value) -> Self {
        let example_of = |content: &Value| {
            let kinds = content["content"].as_object()?;
            let example = kinds.values().find_map(|kind| kind.get("example"))?;
            Some(Shape::of(example))
        };
        let answers = operation["responses"].as_object().unwrap().iter();
        Self {
            method: method.to_uppercase(),
            template: template.to_owned(),
            answers: answers
                .map(|(status, answer)| (status.parse().unwrap(), example_of(answer)))
                .collect(),
            body: example_of(&operation["requestBody"]).map(Shape::with_less),
        }
    }
}

impl Shape {
    fn of(example: &Value) -> Self {
        let mut shape = Self::default();
        shape.learn(example);
        shape
    }

    /// The same, of which any member may be left out: an example shows what may be sent, not all that
    /// must be.
    fn with_less(mut self) -> Self {
        self.always = None;
        let members = self.members.into_iter();
        self.members = members
            .map(|(name, member)| (name, member.with_less()))
            .collect();
        self.items = self.items.map(|items| Box::new(items.with_less()));
        self
    }

    fn learn(&mut self, example: &Value) {
        self.kinds.insert(kind(example));
        match example {
            Value::Object(members) => {
                for (name, member) in members {
                    self.members.entry(name.clone()).or_default().learn(member);
                }
                let here: BTreeSet<String> = members.keys().cloned().collect();
                self.always = Some(match self.always.take() {
                    Some(known) => known.intersection(&here).cloned().collect(),
                    None => here,
                });
            }
            Value::Array(items) => {
                for item in items {
                    self.items.get_or_insert_default().learn(item);
                }
            }
            _ => {}
        }
    }

    fn judge(&self, value: &Value, what: &str, at: &str) -> Findings {
        // Where the examples have nothing but null, and where the value is null, nothing is known.
        let silent = self.kinds.iter().all(|kind| *kind == "null");
        if silent || value.is_null() {
            return Vec::new();
        }
        if !self.kinds.contains(kind(value)) {
            let expected = &self.kinds;
            return vec![format!("{what}{at}: {} and not {expected:?}", kind(value))];
        }
        match value {
            Value::Array(items) => {
                let known = self.items.iter();
                let judged = known.flat_map(|shape| {
                    items
                        .iter()
                        .flat_map(move |item| shape.judge(item, what, at))
                });
                judged.collect()
            }
            Value::Object(members) => {
                let missing = self.always.iter().flatten();
                let mut findings: Findings = missing
                    .filter(|name| !members.contains_key(*name))
                    .map(|name| format!("{what}{at}: `{name}` is missing"))
                    .collect();
                for (name, member) in members {
                    let at = format!("{at}/{name}");
                    match self.members.get(name) {
                        Some(shape) => findings.extend(shape.judge(member, what, &at)),
                        None if KNOWN_BEYOND.iter().any(|known| at.ends_with(known)) => {}
                        None => findings.push(format!("{what}: unknown member `{at}`")),
                    }
                }
                findings
            }
            _ => Vec::new(),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn matches_template(template: &str, path: &str) -> bool {
    let (mut expected, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) if expected.starts_with('{') && !given.is_empty() => {}
            (Some(expected), Some(given)) if expected == given => {}
            _ => return false,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the test: where the vendor's document lies on this machine"
)]
fn document_path() -> Option<String> {
    std::env::var("SEATSYNC_AHA_OPENAPI").ok()
}
