//! Printing: tables that adapt to the terminal for people, JSON for programs.

use std::io::Write;

use anyhow::Context;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::Format;
use super::exit::Failure;

/// Where a command prints, and how.
pub(crate) struct Output {
    format: Format,
    stream: Box<dyn Write + Send>,
}

impl Output {
    /// Prints to standard output, without colours when that is no terminal.
    pub(crate) fn standard(format: Format) -> Self {
        Self {
            format,
            stream: Box::new(anstream::stdout()),
        }
    }

    /// Whether a person reads it.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Standard output as it is, for files: bytes that a terminal would take for colours are theirs.
    pub(crate) fn raw() -> std::io::Stdout {
        std::io::stdout()
    }

    /// Prints `value` as JSON, or what `table` makes of it.
    pub(crate) fn show<T: Serialize>(
        &mut self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let text = match self.format {
            Format::Json => {
                let mut text = serde_json::to_string_pretty(value).context("print as JSON")?;
                text.push('\n');
                text
            }
            _ => printable(&table(value)),
        };
        self.text(&text)
    }

    /// Prints text as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.stream
            .write_all(text.as_bytes())
            .and_then(|()| self.stream.flush())
            .context("print")?;
        Ok(())
    }
}

/// A table with a header, borderless, as wide as the terminal allows. Where its words do not fit
/// beside each other, every row is a block of lines instead.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().collect();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if let Some(width) = table.width()
        && narrowest(header, &rows) > usize::from(width)
    {
        return blocks(header, &rows);
    }
    for row in rows {
        table.add_row(row);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// The width below which a table has to break a word.
fn narrowest<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> usize {
    // A cell has a blank on either side.
    const BLANKS: usize = 2;
    let widest_word = |text: &str| {
        let words = text.split_whitespace().map(|word| word.chars().count());
        words.max().unwrap_or(0)
    };
    let column = |(index, title): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|cell| widest_word(cell)).max().unwrap_or(0);
        widest.max(widest_word(title)) + BLANKS
    };
    header.iter().enumerate().map(column).sum()
}

/// One line a cell, an empty line between rows; empty cells are left out.
fn blocks<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let titles = header.iter().map(|title| title.chars().count());
    let width = titles.max().unwrap_or(0);
    let block = |row: &[String; N]| {
        let cells = header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let lines = cells.map(|(title, cell)| format!("{title:width$}  {cell}"));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// Text without what steers a terminal: names and messages come from vendors, and their users choose
/// them.
pub(crate) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .collect()
}

/// The word that JSON has for a unit variant, for instance `in_progress`.
pub(crate) fn word_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The word of a format on the command line.
pub(crate) fn word(format: Format) -> &'static str {
    match format {
        Format::Table => "table",
        Format::Json => "json",
        Format::Github => "github",
        Format::Sarif => "sarif",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_printed_steers_the_terminal() {
        assert_eq!(
            printable("Eve\u{1b}]0;root\u{7}\u{202e} Müller\n"),
            "Eve\u{fffd}]0;root\u{fffd}\u{fffd} Müller\n"
        );
    }

    #[test]
    fn a_table_that_would_break_words_becomes_blocks() {
        let header = ["PROFILE", "LAST ACTIVITY", "NOTE"];
        let rows = [
            [
                "zoom-emea".to_owned(),
                "2026-02-03 hosted".to_owned(),
                String::new(),
            ],
            ["zoom".to_owned(), "-".to_owned(), "excluded".to_owned()],
        ];
        // `zoom-emea`, `2026-02-03` and `excluded`, each between blanks.
        assert_eq!(narrowest(header, &rows), 9 + 10 + 8 + 3 * 2);
        assert_eq!(
            blocks(header, &rows),
            "PROFILE        zoom-emea\nLAST ACTIVITY  2026-02-03 hosted\n\n\
             PROFILE        zoom\nLAST ACTIVITY  -\nNOTE           excluded\n"
        );
    }
}
