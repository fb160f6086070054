//! Findings in the files as the daemon knows them, one line each.

use std::fmt::Write;

use crate::api::control::model::FindingStatus;

/// `file:line:column: severity[code]: message (help)`, one finding a line.
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
        } = finding;
        let _ = write!(
            text,
            "{file}:{line}:{column}: {severity}[{code}]: {message}"
        );
        if let Some(help) = help {
            let _ = write!(text, " ({help})");
        }
        text.push('\n');
    }
    text
}
