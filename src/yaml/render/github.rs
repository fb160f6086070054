//! For pull requests: GitHub's workflow commands, one line a finding.

use std::fmt::Write as _;

use crate::yaml::diagnostic::Diagnostic;

/// `::error file=…,line=…::message` for each finding.
pub fn github(found: &[Diagnostic]) -> String {
    let mut text = String::new();
    for found in found {
        let file = property(&found.file.to_string_lossy());
        let _ = write!(text, "::{} file={file}", found.severity);
        if let Some(region) = found.region {
            let _ = write!(
                text,
                ",line={},endLine={},col={}",
                region.line, region.end_line, region.column
            );
            if region.end_line == region.line {
                let _ = write!(text, ",endColumn={}", region.end_column);
            }
        }
        let message = match &found.help {
            Some(help) => format!("{}\n{help}", found.message),
            None => found.message.clone(),
        };
        let _ = writeln!(text, ",title={}::{}", property(found.code), data(&message));
    }
    text
}

/// The escapes of a command's message.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The escapes of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn no_message_can_start_a_command_of_its_own() {
        let found = Diagnostic::error(
            Path::new("a,b.yaml"),
            "yaml::type",
            "100 %\n::set-env name=x::y".to_owned(),
        );
        assert_eq!(
            github(&[found]),
            "::error file=a%2Cb.yaml,title=yaml%3A%3Atype::100 %25%0A::set-env name=x::y\n"
        );
    }
}
