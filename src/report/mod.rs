//! What is known, as a page for people and as files for other programs: comma-separated values, lines of JSON, Parquet. A list has
//! the same documented columns in each of them, and a row is written as soon as it is read.

pub mod column;
mod csv;
pub mod list;
pub mod page;
mod parquet;

use std::io::Write;

use column::{Cell, Column};
pub use csv::CsvSink;
pub use parquet::ParquetSink;
use serde_json::{Map, Value as Json};

/// Why a list could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A value is not of its column's kind: a mistake in this program, or a daemon of another version.
    #[error("`{column}` is {value}, which is not {wanted}: use the daemon's version of seatsync")]
    Value {
        /// Which column.
        column: &'static str,
        /// What is there.
        value: String,
        /// What was to be there.
        wanted: &'static str,
    },
    /// A picture cannot be drawn: a mistake in this program.
    #[error("a chart cannot be drawn: {0}")]
    Chart(String),
    /// The page cannot be put together: a mistake in this program.
    #[error("the page cannot be put together: {0}")]
    Page(String),
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The Parquet file cannot be written.
    #[error("the Parquet file cannot be written: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// Takes the rows of a list, one after the other.
pub trait Sink {
    /// Takes a row: a cell for each column.
    fn row(&mut self, row: Vec<Cell>) -> Result<(), ReportError>;

    /// Writes what is left.
    fn end(self: Box<Self>) -> Result<(), ReportError>;
}

/// One JSON object a line.
#[derive(Debug)]
pub struct JsonLinesSink<W> {
    to: W,
    columns: &'static [Column],
}

impl<W: Write> JsonLinesSink<W> {
    /// Writes to `to`.
    pub fn new(to: W, columns: &'static [Column]) -> Self {
        Self { to, columns }
    }
}

impl<W: Write> Sink for JsonLinesSink<W> {
    fn row(&mut self, row: Vec<Cell>) -> Result<(), ReportError> {
        let members = self.columns.iter().zip(row);
        let object: Map<String, Json> = members
            .map(|(column, cell)| (column.name.to_owned(), cell.into_json()))
            .collect();
        serde_json::to_writer(&mut self.to, &object).map_err(std::io::Error::from)?;
        self.to.write_all(b"\n")?;
        Ok(())
    }

    fn end(mut self: Box<Self>) -> Result<(), ReportError> {
        self.to.flush()?;
        Ok(())
    }
}
