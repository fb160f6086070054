//! `docs/usage-openapi.yaml`, read.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::support::programs::repository;

/// The document.
pub(super) struct Document {
    root: Value,
}

/// An example of a request or an answer.
#[derive(Debug, Clone)]
pub(super) struct Example {
    pub(super) media_type: String,
    pub(super) name: String,
    pub(super) value: Value,
}

impl Example {
    /// As it goes over the wire.
    pub(super) fn body(&self) -> Vec<u8> {
        match &self.value {
            Value::String(text) => text.trim_end().as_bytes().to_vec(),
            value => value.to_string().into_bytes(),
        }
    }
}

impl Document {
    pub(super) fn read() -> Self {
        let text = std::fs::read_to_string(repository("docs/usage-openapi.yaml")).unwrap();
        let root: Value = serde_yaml::from_str(&text).unwrap();
        Self { root }
    }

    /// What a value means: itself, or what it refers to.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').unwrap();
                let target = self.root.pointer(pointer);
                self.resolve(target.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
            None => value,
        }
    }

    pub(super) fn version(&self) -> &str {
        self.root["info"]["version"].as_str().unwrap()
    }

    /// Every path, with the parts that it leaves open filled in with each value they may have.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (path, item) in self.root["paths"].as_object().unwrap() {
            let parameter = &item["parameters"][0];
            match parameter["name"].as_str() {
                None => paths.push(path.clone()),
                Some(name) => paths.extend(
                    strings(&parameter["schema"]["enum"])
                        .into_iter()
                        .map(|value| path.replace(&format!("{{{name}}}"), value)),
                ),
            }
        }
        paths
    }

    /// The responses of every operation, which all have the same.
    pub(super) fn responses(&self) -> &Map<String, Value> {
        let paths = self.root["paths"].as_object().unwrap();
        let mut responses = paths.values().map(|path| &path["post"]["responses"]);
        let first = responses.next().unwrap();
        assert!(responses.all(|other| other == first), "the paths differ");
        first.as_object().unwrap()
    }

    pub(super) fn response(&self, status: u16) -> &Value {
        let response = self.responses().get(&status.to_string());
        self.resolve(response.unwrap_or_else(|| panic!("{status} is not documented")))
    }

    /// The examples of a response.
    pub(super) fn answers(&self, status: u16) -> Vec<Example> {
        examples(&self.response(status)["content"])
    }

    /// The examples of requests.
    pub(super) fn requests(&self) -> Vec<Example> {
        examples(&self.root["components"]["requestBodies"]["Batch"]["content"])
    }

    /// A schema by its name.
    pub(super) fn schema(&self, name: &str) -> &Value {
        &self.root["components"]["schemas"][name]
    }

    /// Everything in which a value differs from a schema.
    pub(super) fn differences(&self, schema: &Value, value: &Value) -> Vec<String> {
        self.validator(schema)
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect()
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut schema = json!({ "allOf": [schema] });
        // All of them take long to compile, and few are needed.
        if schema.to_string().contains("\"$ref\"") {
            schema["components"] = self.root["components"].clone();
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .build(&schema)
            .unwrap()
    }
}

fn examples(content: &Value) -> Vec<Example> {
    let mut found = Vec::new();
    for (media_type, content) in content.as_object().unwrap() {
        for (name, example) in content["examples"].as_object().unwrap() {
            found.push(Example {
                media_type: media_type.clone(),
                name: name.clone(),
                value: example["value"].clone(),
            });
        }
    }
    found
}

/// The texts of an array.
pub(super) fn strings(array: &Value) -> Vec<&str> {
    let array = array.as_array().unwrap();
    array.iter().map(|value| value.as_str().unwrap()).collect()
}
