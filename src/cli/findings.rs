//! Findings in the files as the daemon knows them, one line each.

use std::fmt::Write;

use crate::api::control::model::{FindingStatus, RelatedPlace};

/// `file:line:column: severity[code]: message (help)`, one finding a line, and indented below it the
/// place that explains it.
pub(super) fn lines(findings: &[FindingStatus]) -> String {
    let mut text = String::new();
    for finding in findings {
        let FindingStatus {
            file,
            line,
            column,
            severity,
            code,
            message,
            help,
            related,
        } = finding;
        let _ = match line {
            // The file as a whole is meant.
            0 => write!(text, "{file}: {severity}[{code}]: {message}"),
            _ => write!(
                text,
                "{file}:{line}:{column}: {severity}[{code}]: {message}"
            ),
        };
        if let Some(help) = help {
            let _ = write!(text, " ({help})");
        }
        text.push('\n');
        if let Some(RelatedPlace {
            file,
            line,
            column,
            message,
        }) = related
        {
            let _ = writeln!(text, "    {file}:{line}:{column}: {message}");
        }
    }
    text
}
