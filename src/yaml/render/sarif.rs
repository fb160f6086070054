//! For code scanning: SARIF 2.1.0 (OASIS).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::yaml::diagnostic::{Diagnostic, Region};

/// One run with a result per finding.
pub fn sarif(found: &[Diagnostic]) -> Value {
    let codes: BTreeSet<&str> = found.iter().map(|found| found.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| json!({"id": code})).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "seatsync",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": found.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(found: &Diagnostic) -> Value {
    let text = match &found.help {
        Some(help) => format!("{}: {help}", found.message),
        None => found.message.clone(),
    };
    let mut result = json!({
        "ruleId": found.code,
        "level": found.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": place(&found.file, found.region)}],
    });
    if let Some(related) = &found.related {
        result["relatedLocations"] = json!([{
            "message": {"text": related.message},
            "physicalLocation": place(&related.file, Some(related.region)),
        }]);
    }
    result
}

fn place(file: &Path, region: Option<Region>) -> Value {
    let mut place = json!({"artifactLocation": {"uri": uri(file)}});
    if let Some(region) = region {
        place["region"] = json!({
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
        });
    }
    place
}

/// The path as a URI reference, by RFC 3986.
fn uri(file: &Path) -> String {
    let path = file.as_os_str().as_encoded_bytes();
    let mut uri = String::new();
    if file.is_absolute() {
        uri.push_str("file://");
    }
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
