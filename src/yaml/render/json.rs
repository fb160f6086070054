//! For programs: one stable JSON value.

use serde_json::{Value, json};

use super::{Looked, counts};
use crate::yaml::diagnostic::{Diagnostic, Region};

/// The findings and a summary. Lines and columns count from 1; an end is after the last character.
pub fn json(found: &[Diagnostic], looked: Looked) -> Value {
    let (errors, warnings) = counts(found);
    json!({
        "findings": found.iter().map(finding).collect::<Vec<_>>(),
        "summary": {
            "files": looked.files,
            "documents": looked.documents,
            "errors": errors,
            "warnings": warnings,
        },
    })
}

fn finding(found: &Diagnostic) -> Value {
    let region = |pick: fn(&Region) -> u32| found.region.as_ref().map(pick);
    json!({
        "severity": found.severity,
        "code": found.code,
        "message": found.message,
        "file": found.file.to_string_lossy(),
        "line": region(|region| region.line),
        "column": region(|region| region.column),
        "end_line": region(|region| region.end_line),
        "end_column": region(|region| region.end_column),
        "help": found.help,
        "related": found.related.as_ref().map(|related| json!({
            "message": related.message,
            "file": related.file.to_string_lossy(),
            "line": related.region.line,
            "column": related.region.column,
        })),
    })
}
