//! The JSON Schema of every kind of document, for editors. It comes from the shapes that files are
//! read by.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::model::Kind;
use super::raw::rules::{
    RawApproval, RawEntitlement, RawReclamationRule, RawSoftwareModel, RawUserDirectory,
};
use super::raw::{RawConnection, RawExclusions, RawProfile};
use crate::settings::raw::RawSettings;

/// One schema for a document of any kind (draft 2020-12).
pub fn documents() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let kinds = [
        of::<RawProfile>(Kind::Profile, &mut generator),
        of::<RawConnection>(Kind::Connection, &mut generator),
        of::<RawExclusions>(Kind::Exclusions, &mut generator),
        of::<RawReclamationRule>(Kind::ReclamationRule, &mut generator),
        of::<RawSoftwareModel>(Kind::SoftwareModel, &mut generator),
        of::<RawEntitlement>(Kind::Entitlement, &mut generator),
        of::<RawUserDirectory>(Kind::UserDirectory, &mut generator),
        of::<RawApproval>(Kind::Approval, &mut generator),
    ];
    let words: Vec<&str> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
    let branches: Vec<Value> = kinds
        .iter()
        .map(|(kind, schema)| {
            json!({
                "if": {"properties": {"kind": {"const": kind.as_str()}}, "required": ["kind"]},
                "then": schema,
            })
        })
        .collect();
    named_for_people(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seatsync documents",
        "type": "object",
        "required": ["kind", "name"],
        "properties": {"kind": {"enum": words}},
        "allOf": branches,
        "$defs": generator.take_definitions(true),
    }))
}

/// Editors show the names of definitions, and `Raw` is a word of ours.
fn named_for_people(schema: Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let key = key.strip_prefix("Raw").unwrap_or(&key).to_owned();
                let value = match value {
                    Value::String(text) if key == "$ref" => {
                        Value::String(text.replace("/Raw", "/"))
                    }
                    other => named_for_people(other),
                };
                (key, value)
            });
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.into_iter().map(named_for_people).collect(),
        other => other,
    }
}

fn of<T: JsonSchema>(kind: Kind, generator: &mut SchemaGenerator) -> (Kind, Schema) {
    (kind, generator.subschema_for::<T>())
}

/// The schema of the settings file.
pub fn settings() -> Value {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<RawSettings>();
    named_for_people(schema.to_value())
}

#[cfg(test)]
mod tests;
