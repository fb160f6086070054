//! The schema and the check agree: whatever is done to a document, what the check takes the schema
//! takes, and what the schema takes the check refuses only for reasons that a schema cannot know.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::profile::check;
use crate::yaml::diagnostic::Findings;
use crate::yaml::text::Text;
use crate::yaml::tree;

/// What a schema cannot know: the sense of a text, or how values go together.
const BEYOND_A_SCHEMA: &[&str] = &[
    "profile::analyze_from",
    "profile::applies_to",
    "profile::approval",
    "profile::connect_connection",
    "profile::currency",
    "profile::date",
    "profile::dates",
    "profile::directory_file",
    "profile::download_off",
    "profile::duration_range",
    "profile::empty",
    "profile::formerly",
    "profile::identifier_vendor",
    "profile::no_activity",
    "profile::notify_user",
    "profile::quantity",
    "profile::repeated",
    "profile::resolution",
    "profile::schedule",
    "profile::threshold",
    "profile::window",
    "settings::path",
    "settings::url",
    "yaml::duration",
];

/// The codes that the check finds in the only document of `text`.
fn codes(text: &str) -> Vec<&'static str> {
    let text = Text::new(text.to_owned());
    let mut findings = Findings::of(Path::new("x.yaml"));
    for chunk in text.documents() {
        if let Some(node) = tree::parse(&text, chunk, &mut findings) {
            check::document(&node, &mut findings);
        }
    }
    let found = findings.into_list(&text).into_iter();
    found.map(|found| found.code).collect()
}

fn documents_of(text: &str) -> Vec<Value> {
    let text = Text::new(text.to_owned());
    let chunks = text.documents().into_iter();
    chunks
        .map(|chunk| serde_yaml::from_str(text.chunk(chunk)).unwrap())
        .collect()
}

/// Paths to every value of a document.
fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    let mut below = |key: &str, value: &Value| {
        let key = key.replace('~', "~0").replace('/', "~1");
        let path = format!("{path}/{key}");
        all.push(path.clone());
        paths(value, &path, all);
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                below(&at.to_string(), item);
            }
        }
        _ => {}
    }
}

fn assert_agreement(validator: &jsonschema::Validator, document: &Value, what: &str) {
    let found = codes(&document.to_string());
    let valid = validator.is_valid(document);
    if found.is_empty() {
        assert!(
            valid,
            "{what}: the check takes it, the schema does not: {document}"
        );
    } else if valid {
        let structural = found.iter().find(|code| !BEYOND_A_SCHEMA.contains(code));
        assert_eq!(
            structural, None,
            "{what}: only the check refuses it: {document}"
        );
    }
}

#[test]
fn the_schema_and_the_check_agree_whatever_a_value_is_replaced_by() {
    let validator = jsonschema::validator_for(&documents()).unwrap();
    let odd = [
        json!(true),
        json!(0),
        json!(7),
        json!(-1),
        json!(1_000_000_000),
        json!("x"),
        json!(""),
        json!("X y"),
        json!("60d"),
        json!("50%"),
        json!("2027-01-01"),
        json!("zoom.basic"),
        json!("goto.g2m"),
        json!("https://x.example.com"),
        json!("*.x"),
        json!("EUR"),
        json!("1.5"),
        json!(["x"]),
        json!([]),
        json!({}),
        json!({"credential": "x"}),
        json!({"nothing": 1}),
        json!([{"user": "a@b.c", "reason": "x"}]),
        json!([{"reason": "x"}]),
    ];
    for document in documents_of(crate::profile::load::tests::EVERY_KIND) {
        assert_eq!(codes(&document.to_string()), [""; 0]);
        assert_agreement(&validator, &document, "as it is");
        let mut all = Vec::new();
        paths(&document, "", &mut all);
        for path in &all {
            for value in &odd {
                let mut changed = document.clone();
                *changed.pointer_mut(path).unwrap() = value.clone();
                assert_agreement(&validator, &changed, path);
            }
            let (parent, key) = path.rsplit_once('/').unwrap();
            let mut without = document.clone();
            if let Some(Value::Object(entries)) = without.pointer_mut(parent) {
                entries.shift_remove(key);
                assert_agreement(&validator, &without, &format!("without {path}"));
                let Some(Value::Object(entries)) = without.pointer_mut(parent) else {
                    continue;
                };
                entries.insert("surplus".to_owned(), json!(1));
                assert_agreement(&validator, &without, &format!("surplus beside {path}"));
            }
        }
    }
}

#[test]
fn every_definition_says_what_its_fields_mean() {
    for schema in [documents(), settings()] {
        let mut silent = Vec::new();
        let definitions = schema["$defs"].as_object().unwrap();
        for (name, definition) in definitions {
            let fields = definition["properties"].as_object();
            for (field, schema) in fields.into_iter().flatten() {
                if schema.get("description").is_none() {
                    silent.push(format!("{name}.{field}"));
                }
            }
        }
        assert_eq!(silent, [""; 0]);
    }
}
