//! Zoom's own OpenAPI document as a judge of answers and of requests. Its path comes from
//! `SEATSYNC_ZOOM_OPENAPI`; the document is the vendor's and is not part of this repository.

use std::collections::BTreeMap;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use vendor_sim::zoom::LoggedRequest;

/// The document, with every reference resolved.
pub(crate) struct ZoomDocument {
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    template: String,
    parameters: Vec<Parameter>,
    body: Option<Validator>,
    /// By status; none for an answer without a body.
    answers: BTreeMap<u16, Option<Validator>>,
}

struct Parameter {
    name: String,
    in_query: bool,
    required: bool,
    /// The declared type, to which the text of a query is converted before it is judged.
    kind: String,
    schema: Validator,
}

/// What is wrong, for a person to read; empty when nothing is.
pub(crate) type Findings = Vec<String>;

impl ZoomDocument {
    /// Reads the document, or says why there is none. A document that is named but cannot be read
    /// is a failure, not a reason to skip.
    pub(crate) fn open() -> Result<Self, String> {
        let path = document_path().ok_or("SEATSYNC_ZOOM_OPENAPI is not set")?;
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"));
        let document: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("`{path}` is not JSON: {error}"));
        Ok(Self::new(&document))
    }

    fn new(document: &Value) -> Self {
        let mut operations = Vec::new();
        for (template, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if matches!(method.as_str(), "get" | "post" | "put" | "patch" | "delete") {
                    operations.push(Operation::new(document, template, method, operation));
                }
            }
        }
        Self { operations }
    }

    /// How many operations it describes.
    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Judges an answer to a request for `path` below the API's base (OAuth's paths as they are).
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
            (Some(Some(schema)), false) => match serde_json::from_slice::<Value>(body) {
                Ok(body) => errors(schema, &body, &what),
                Err(error) => vec![format!("{what}: not JSON: {error}")],
            },
        }
    }

    /// Judges a request from the simulator's log: method, path, query parameters and JSON body.
    /// Requests outside the API (OAuth) are judged by their path alone.
    fn judge_request(&self, request: &LoggedRequest) -> Findings {
        let path = request.path.strip_prefix("/v2").unwrap_or(&request.path);
        if path == "/oauth/authorize" {
            // A page for people, which the document does not describe.
            return Vec::new();
        }
        let Some(operation) = self.find(&request.method, path) else {
            return vec![format!(
                "{} {path}: no such operation in the document",
                request.method
            )];
        };
        let what = format!("{} {}", operation.method, operation.template);
        let mut findings = operation.judge_query(&request.query, &what);
        if let (Some(schema), Some(body)) = (&operation.body, &request.body) {
            findings.extend(errors(schema, body, &format!("{what} body")));
        }
        findings
    }

    /// Judges all requests of a log.
    pub(crate) fn judge_requests(&self, log: &[LoggedRequest]) -> Findings {
        log.iter()
            .flat_map(|request| self.judge_request(request))
            .collect()
    }

    fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let fits = |operation: &&Operation| {
            operation.method == method && matches_template(&operation.template, path)
        };
        // `/users/summary` is meant before `/users/{userId}`.
        let candidates = self.operations.iter().filter(fits);
        candidates.min_by_key(|operation| operation.template.matches('{').count())
    }
}

impl Operation {
    fn new(document: &Value, template: &str, method: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| Parameter::new(&resolved(document, parameter)))
            .collect();
        let body = operation
            .get("requestBody")
            .map(|body| resolved(document, body))
            .and_then(|body| body.pointer("/content/application~1json/schema").cloned())
            .map(|schema| compile(&schema));
        let answers = operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(status, answer)| {
                let answer = resolved(document, answer);
                let schema = answer.pointer("/content/application~1json/schema");
                (status.parse().unwrap(), schema.map(compile))
            })
            .collect();
        Self {
            method: method.to_uppercase(),
            template: template.to_owned(),
            parameters,
            body,
            answers,
        }
    }

    fn judge_query(&self, query: &[(String, String)], what: &str) -> Findings {
        let mut findings = Vec::new();
        for (name, text) in query {
            let known = self
                .parameters
                .iter()
                .find(|parameter| parameter.in_query && parameter.name == *name);
            match known {
                None => findings.push(format!("{what}: unknown parameter `{name}`")),
                // The first page is asked for without a token, or with an empty one.
                Some(_) if name == "next_page_token" && text.is_empty() => {}
                Some(parameter) => {
                    let what = format!("{what}: parameter `{name}`");
                    findings.extend(errors(&parameter.schema, &parameter.value(text), &what));
                }
            }
        }
        for parameter in self
            .parameters
            .iter()
            .filter(|known| known.in_query && known.required)
        {
            if !query.iter().any(|(name, _)| *name == parameter.name) {
                findings.push(format!("{what}: parameter `{}` is missing", parameter.name));
            }
        }
        findings
    }
}

impl Parameter {
    fn new(parameter: &Value) -> Self {
        let schema = &parameter["schema"];
        Self {
            name: parameter["name"].as_str().unwrap().to_owned(),
            in_query: parameter["in"] == "query",
            required: parameter["required"] == true,
            kind: schema["type"].as_str().unwrap_or("string").to_owned(),
            schema: compile(schema),
        }
    }

    fn value(&self, text: &str) -> Value {
        match self.kind.as_str() {
            "integer" | "number" | "boolean" => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            _ => json!(text),
        }
    }
}

/// Where the document lies.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the test: where the vendor's document lies on this machine"
)]
pub(crate) fn document_path() -> Option<String> {
    std::env::var("SEATSYNC_ZOOM_OPENAPI").ok()
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

/// A value with every `$ref` replaced by what it refers to.
pub(crate) fn resolved(document: &Value, value: &Value) -> Value {
    match value {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = document.pointer(reference.trim_start_matches('#'));
                resolved(
                    document,
                    target.unwrap_or_else(|| panic!("`{reference}` leads nowhere")),
                )
            }
            None => members
                .iter()
                .map(|(name, member)| (name.clone(), resolved(document, member)))
                .collect::<Map<_, _>>()
                .into(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(document, item)).collect(),
        other => other.clone(),
    }
}

fn compile(schema: &Value) -> Validator {
    let schema = closed(&to_json_schema(schema));
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("the document has a schema that does not compile: {error}"))
}

/// What differs between OpenAPI 3.0's schemas and JSON Schema: `nullable`, boolean exclusive
/// bounds, formats of numbers, and members that mean nothing to a validator.
pub(crate) fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return match schema {
            Value::Array(items) => items.iter().map(to_json_schema).collect(),
            other => other.clone(),
        };
    };
    let mut converted = Map::new();
    for (name, member) in members {
        match name.as_str() {
            "example" | "examples" | "default" | "nullable" | "description" | "deprecated"
            | "discriminator" | "xml" | "externalDocs" | "readOnly" | "writeOnly" => {}
            "format"
                if matches!(
                    member.as_str(),
                    Some("int32" | "int64" | "float" | "double")
                ) => {}
            // The names below are of members, which may be called like keywords.
            "properties" => {
                let properties = member.as_object().unwrap().iter();
                let properties =
                    properties.map(|(name, schema)| (name.clone(), to_json_schema(schema)));
                converted.insert(name.clone(), properties.collect::<Map<_, _>>().into());
            }
            "enum" | "required" => {
                converted.insert(name.clone(), member.clone());
            }
            _ => {
                converted.insert(name.clone(), to_json_schema(member));
            }
        }
    }
    if members.get("nullable") == Some(&json!(true))
        && let Some(kind) = converted.get("type").cloned()
    {
        converted.insert("type".to_owned(), json!([kind, "null"]));
    }
    for (bound, exclusive) in [
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ] {
        if converted.get(exclusive).is_some_and(Value::is_boolean)
            && converted.remove(exclusive) == Some(json!(true))
            && let Some(limit) = converted.remove(bound)
        {
            converted.insert(exclusive.to_owned(), limit);
        }
    }
    converted.into()
}

/// The same schema, but a member that the document does not name is a finding: a client that reads
/// it would rely on something the vendor does not promise.
fn closed(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut strict = Map::new();
    for (name, member) in members {
        let member = match (name.as_str(), member) {
            ("properties", Value::Object(properties)) => properties
                .iter()
                .map(|(name, schema)| (name.clone(), closed(schema)))
                .collect::<Map<_, _>>()
                .into(),
            ("items", schema) => closed(schema),
            // Parts of a whole must not forbid each other's members.
            (_, member) => member.clone(),
        };
        strict.insert(name.clone(), member);
    }
    let composed = strict.contains_key("allOf") || strict.contains_key("oneOf");
    if strict.contains_key("properties") || composed {
        strict
            .entry("unevaluatedProperties")
            .or_insert(Value::Bool(false));
    }
    strict.into()
}

pub(crate) fn errors(schema: &Validator, value: &Value, what: &str) -> Findings {
    schema
        .iter_errors(value)
        .map(|error| {
            let at = error.instance_path.to_string();
            format!(
                "{what}{}{at}: {error}",
                if at.is_empty() { "" } else { " at " }
            )
        })
        .collect()
}
