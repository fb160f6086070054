//! Comma-separated values (RFC 4180), a header line first.

use std::io::Write;

use super::column::{Cell, Column};
use super::{ReportError, Sink};

/// Writes comma-separated values. A text that a spreadsheet would take for a formula gets an apostrophe in
/// front: vendors' users choose their names
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
#[derive(Debug)]
pub struct CsvSink<W: Write> {
    to: csv::Writer<W>,
}

impl<W: Write> CsvSink<W> {
    /// Writes the header to `to`.
    pub fn new(to: W, columns: &[Column]) -> Result<Self, ReportError> {
        let mut to = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(to);
        to.write_record(columns.iter().map(|column| column.name))
            .map_err(std::io::Error::from)?;
        Ok(Self { to })
    }
}

impl<W: Write> Sink for CsvSink<W> {
    fn row(&mut self, row: Vec<Cell>) -> Result<(), ReportError> {
        let fields = row.iter().map(field);
        self.to.write_record(fields).map_err(std::io::Error::from)?;
        Ok(())
    }

    fn end(mut self: Box<Self>) -> Result<(), ReportError> {
        self.to.flush()?;
        Ok(())
    }
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        cell => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::Kind;
    use super::*;

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        const COLUMNS: &[Column] = &[
            Column {
                name: "a",
                kind: Kind::Text,
                from: "/a",
            },
            Column {
                name: "b",
                kind: Kind::Integer,
                from: "/b",
            },
        ];
        let mut text = Vec::new();
        let mut sink = CsvSink::new(&mut text, COLUMNS).unwrap();
        for name in ["=1+1", "@x", "-2", "a\"b,c\n", ""] {
            let row = vec![Cell::Text(name.to_owned()), Cell::Integer(-2)];
            sink.row(row).unwrap();
        }
        Box::new(sink).end().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "a,b\r\n'=1+1,-2\r\n'@x,-2\r\n'-2,-2\r\n\"a\"\"b,c\n\",-2\r\n,-2\r\n"
        );
    }
}
