//! The text of one file: where its lines start and where its documents do.

use super::diagnostic::Region;

/// The text of one file.
#[derive(Debug)]
pub struct Text {
    text: String,
    lines: Vec<usize>,
}

/// One document's stretch of a file, without its `---` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    start: usize,
    end: usize,
    line: usize,
}

impl Text {
    /// Wraps `text`.
    pub fn new(text: String) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut lines = vec![0];
        lines.extend(ends.map(|(at, _)| at + 1));
        Self { text, lines }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The documents in it that hold more than comments.
    ///
    /// A line that begins with `---` starts a document wherever it stands: YAML 1.2.2 (9.1.2)
    /// forbids it inside every kind of value. Splitting here keeps a document that is not YAML
    /// from hiding the ones after it.
    pub fn documents(&self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut start = Chunk {
            start: 0,
            end: 0,
            line: 0,
        };
        for (number, at) in self.lines.iter().enumerate() {
            if !self.line_at(*at).is_some_and(is_document_start) {
                continue;
            }
            chunks.push(Chunk { end: *at, ..start });
            start = Chunk {
                start: *at,
                end: *at,
                line: number,
            };
        }
        chunks.push(Chunk {
            end: self.text.len(),
            ..start
        });
        chunks.retain(|chunk| self.holds_something(*chunk));
        chunks
    }

    fn line_at(&self, start: usize) -> Option<&str> {
        self.text.get(start..)?.lines().next()
    }

    fn holds_something(&self, chunk: Chunk) -> bool {
        let text = self.chunk(chunk);
        let text = text.strip_prefix("---").unwrap_or(text);
        text.lines().any(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with(['#', '%']) && line != "..."
        })
    }

    /// A document's text.
    pub fn chunk(&self, chunk: Chunk) -> &str {
        self.text.get(chunk.start..chunk.end).unwrap_or_default()
    }

    /// Where a document starts.
    pub fn start_of(&self, chunk: Chunk) -> Region {
        self.region_at(chunk, 1, 1)
    }

    /// The character at `line` and `column` (from 1) of a document.
    pub fn region_at(&self, chunk: Chunk, line: u64, column: u64) -> Region {
        let line = usize::try_from(line).unwrap_or(1).max(1) - 1 + chunk.line;
        let line = line.min(self.lines.len() - 1);
        let line_start = self.lines.get(line).copied().unwrap_or_default();
        let rest = self.line_at(line_start).unwrap_or_default();
        let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
        let before: usize = rest.chars().take(column).map(char::len_utf8).sum();
        let length = rest.get(before..).and_then(|rest| rest.chars().next());
        let start = line_start + before;
        let end = start + length.map_or(0, char::len_utf8);
        let column = rest.chars().count().min(column) + 1;
        Region {
            line: number(line + 1),
            column: number(column),
            end_line: number(line + 1),
            end_column: number(column + usize::from(length.is_some())),
            start,
            end,
        }
    }

    /// The stretch of `length` bytes at byte `offset` of a document, whose line and column (from
    /// 1) the parser told.
    pub fn region(&self, chunk: Chunk, line: u64, column: u64, offset: u64, length: u64) -> Region {
        let (Ok(offset), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
            return self.region_at(chunk, line, column);
        };
        let start = chunk.start + offset;
        let Some(covered) = self.text.get(start..start + length) else {
            return self.region_at(chunk, line, column);
        };
        let covered = covered.trim_end();
        let (line, column) = (
            usize::try_from(line).unwrap_or(1) + chunk.line,
            usize::try_from(column).unwrap_or(1),
        );
        let (end_line, end_column) = match covered.rsplit_once('\n') {
            Some((before, last)) => (
                line + before.matches('\n').count() + 1,
                last.chars().count() + 1,
            ),
            None => (line, column + covered.chars().count()),
        };
        Region {
            line: number(line),
            column: number(column),
            end_line: number(end_line),
            end_column: number(end_column),
            start,
            end: start + covered.len(),
        }
    }
}

fn is_document_start(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r']))
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
