//! For people: the compiler's manner, by the compiler's own renderer.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Looked, counts, tame};
use crate::yaml::diagnostic::{Diagnostic, Region, Severity};

/// Each finding with the lines it marks, then a summary. With escape codes for colours; a stream
/// that is no terminal strips them.
pub fn text(found: &[Diagnostic], looked: Looked) -> String {
    let renderer = Renderer::styled();
    let mut text = String::new();
    for found in found {
        let _ = writeln!(text, "{}\n", renderer.render(&[report(found)]));
    }
    text.push_str(&summary(found, looked));
    text
}

fn report(found: &Diagnostic) -> Group<'_> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = found.file.display().to_string();
    let title = level.primary_title(tame(&found.message)).id(found.code);
    let mut group = match (found.region, &found.excerpt) {
        (Some(region), Some(excerpt)) => {
            let marked = AnnotationKind::Primary.span(marked(excerpt, region));
            let label = found.label.as_deref().map(tame);
            let snippet = Snippet::source(excerpt.as_str())
                .line_start(region.line as usize)
                .path(path)
                .annotation(marked.label(label));
            title.element(snippet)
        }
        (Some(region), None) => {
            let origin = Origin::path(path)
                .line(region.line as usize)
                .char_column(region.column as usize);
            title.element(origin)
        }
        _ => title.element(Origin::path(path)),
    };
    if let Some(help) = &found.help {
        group = group.element(Level::HELP.message(tame(help)));
    }
    if let Some(related) = &found.related {
        let place = format!(
            "{}: {}:{}:{}",
            related.message,
            related.file.display(),
            related.region.line,
            related.region.column
        );
        group = group.element(Level::NOTE.message(tame(&place)));
    }
    group
}

/// The bytes of the excerpt that the region covers; the excerpt starts with the region's first
/// line.
fn marked(excerpt: &str, region: Region) -> Range<usize> {
    let at = |line: u32, column: u32| {
        let mut start = 0;
        for (number, text) in excerpt.split('\n').enumerate() {
            if number == line as usize {
                let column = column.saturating_sub(1) as usize;
                let bytes: usize = text.chars().take(column).map(char::len_utf8).sum();
                return start + bytes;
            }
            start += text.len() + 1;
        }
        excerpt.len()
    };
    let start = at(0, region.column).min(excerpt.len());
    let end = at(region.end_line - region.line, region.end_column);
    start..end.max(start).min(excerpt.len())
}

fn summary(found: &[Diagnostic], looked: Looked) -> String {
    let Looked { files, documents } = looked;
    let (errors, warnings) = counts(found);
    let plural = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    let found = match (errors, warnings) {
        (0, 0) => "nothing is wrong".to_owned(),
        (0, _) => plural(warnings, "warning"),
        (_, 0) => plural(errors, "error"),
        _ => format!(
            "{}, {}",
            plural(errors, "error"),
            plural(warnings, "warning")
        ),
    };
    format!(
        "{found} ({} in {})\n",
        plural(documents, "document"),
        plural(files, "file")
    )
}
