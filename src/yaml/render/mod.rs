//! Findings for whoever reads them: a person at a terminal, a program, a pull request.

mod github;
mod json;
mod sarif;
mod text;

use super::diagnostic::Diagnostic;

pub use github::github;
pub use json::json;
pub use sarif::sarif;
pub use text::text;

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files read.
    pub files: usize,
    /// Documents that are right.
    pub documents: usize,
}

/// How many findings are errors, and how many warnings.
fn counts(found: &[Diagnostic]) -> (usize, usize) {
    let errors = found.iter().filter(|found| found.is_error()).count();
    (errors, found.len() - errors)
}

/// Text from a file without what could steer a terminal.
fn tame(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}
