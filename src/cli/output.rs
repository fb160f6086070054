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
    stream: Box<dyn Write>,
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

    /// The stream, for output that is neither a table nor one JSON value.
    pub(crate) fn stream(&mut self) -> &mut dyn Write {
        &mut *self.stream
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
            _ => table(value),
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

/// A table with a header, borderless, as wide as the terminal allows.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
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
