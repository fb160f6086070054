//! What differs between two versions of a document, leaf by leaf, under the names that the file
//! uses. Called by [`super::diff`].

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::plan::FieldChange;
use crate::profile::model::Document;

/// Keys whose value is a reference to a secret; should a plain text ever stand there, it is not shown.
const SECRET_KEYS: [&str; 4] = ["client_secret", "token", "secret", "password"];

/// The leaves that differ, by path.
pub(super) fn differences(old: &Document, new: &Document) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", &as_written(old), &as_written(new), &mut found);
    found
}

/// The document in the shape of the file: what serialisation adds or moves is put back.
fn as_written(document: &Document) -> Value {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    let mut written = value["document"].take();
    let Some(fields) = written.as_object_mut() else {
        return written;
    };
    for reference in ["connection", "connect_connection"] {
        if let Some(Value::Object(variant)) = fields.get_mut(reference) {
            let inner = variant.values_mut().next().map(Value::take);
            fields.insert(reference.to_owned(), inner.unwrap_or_default());
        }
    }
    rename(fields, "profile_type", "type");
    if let Some(subflows) = fields.get_mut("subflows").and_then(Value::as_object_mut)
        && let Some(from) = subflows.remove("analyze_from")
    {
        subflows["pull_user_activity"]["analyze_from"] = from;
    }
    if let Document::Connection(_) = document {
        let limits = json!({"plan": fields.remove("plan"), "share": fields.remove("share")});
        fields.insert("limits".into(), limits);
    }
    if let Some(Value::Object(spec)) = fields.remove("spec") {
        fields.extend(spec);
    }
    written
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let side = |of: &Map<String, Value>| of.get(key).cloned().unwrap_or_default();
                compare(&path, &side(old), &side(new), found);
            }
        }
        (Value::Array(old), Value::Array(new)) => compare_lists(path, old, new, found),
        _ => found.push(FieldChange {
            path: path.to_owned(),
            old: shown(path, old),
            new: shown(path, new),
        }),
    }
}

/// Lists are compared as bags: an element that was put in front does not change those behind it.
fn compare_lists(path: &str, old: &[Value], new: &[Value], found: &mut Vec<FieldChange>) {
    let mut added: Vec<&Value> = new.iter().collect();
    let mut removed = Vec::new();
    for element in old {
        match added.iter().position(|candidate| *candidate == element) {
            Some(index) => drop(added.remove(index)),
            None => removed.push(element),
        }
    }
    if added.is_empty() && removed.is_empty() {
        found.push(FieldChange {
            path: path.to_owned(),
            old: Some("one order".into()),
            new: Some("another".into()),
        });
    }
    let path = format!("{path}[]");
    found.extend(removed.into_iter().map(|element| FieldChange {
        path: path.clone(),
        old: shown(&path, element),
        new: None,
    }));
    found.extend(added.into_iter().map(|element| FieldChange {
        path: path.clone(),
        old: None,
        new: shown(&path, element),
    }));
}

fn shown(path: &str, value: &Value) -> Option<Value> {
    let key = path.rsplit('.').next().unwrap_or(path);
    let key = key.trim_end_matches("[]");
    match value {
        Value::Null => None,
        Value::String(_) if SECRET_KEYS.contains(&key) => Some("(not shown)".into()),
        Value::Object(fields) => Some(
            fields
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), shown(key, value)?)))
                .collect::<Map<_, _>>()
                .into(),
        ),
        Value::Array(elements) => Some(elements.iter().filter_map(|e| shown(path, e)).collect()),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::model::{CheckedDocument, Connection, OAuth, Retry, SecretRef};

    fn document(spec: Value) -> Document {
        Document::Approval(CheckedDocument {
            name: "m".parse().unwrap(),
            spec,
        })
    }

    fn told(old: &Document, new: &Document) -> Vec<String> {
        differences(old, new)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn leaves_are_named_as_in_the_file_and_lists_by_element() {
        let old =
            document(json!({"product": "Pro", "identifiers": ["a", "b"], "end": "2027-01-01"}));
        let new = document(json!({"product": "Business", "identifiers": ["c", "a"]}));
        assert_eq!(
            told(&old, &new),
            [
                "end: `2027-01-01` removed",
                "identifiers[]: `b` removed",
                "identifiers[]: `c` added",
                "product: `Pro` → `Business`",
            ]
        );
    }

    #[test]
    fn a_reference_to_a_secret_is_named_and_a_plain_secret_is_not() {
        let connection = |credential: &str, share| {
            Document::Connection(Box::new(Connection {
                name: Some("c".parse().unwrap()),
                vendor: None,
                parent: None,
                url: None,
                oauth: OAuth {
                    client_secret: Some(SecretRef::Credential(credential.into())),
                    ..OAuth::default()
                },
                plan: None,
                share,
                retry: Retry::default(),
            }))
        };
        assert_eq!(
            told(&connection("old", None), &connection("new", Some(10))),
            [
                "limits.share: `10` added",
                "oauth.client_secret.credential: `old` → `new`",
            ]
        );
        let told = told(
            &document(json!({"hook": {"secret": "hunter2"}, "list": []})),
            &document(json!({"hook": {"secret": "hunter3"}, "list": [{"token": ["hunter4"]}]})),
        );
        assert_eq!(told.len(), 2);
        assert!(!told.join(" ").contains("hunter"), "{told:?}");
    }

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..3_i32).prop_map(Value::from),
            "[ab]".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[abc]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn there_are_differences_exactly_where_documents_differ(
            old in prop::collection::btree_map("[abc]", json_values(), 0..3),
            new in prop::collection::btree_map("[abc]", json_values(), 0..3),
        ) {
            let value = |map: &std::collections::BTreeMap<String, Value>| {
                document(Value::Object(map.clone().into_iter().collect()))
            };
            prop_assert_eq!(differences(&value(&old), &value(&new)).is_empty(), old == new);
        }
    }
}
