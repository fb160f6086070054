//! Apache Parquet: typed columns that analysts' programs open as they are.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::column::{Cell, Column, DECIMAL_SCALE, Kind};
use super::{ReportError, Sink};

/// Rows that wait for their place in the file: a row group, which is what a reader takes in at once.
const GROUP: usize = 20_000;

/// Writes Parquet.
#[derive(Debug)]
pub struct ParquetSink<W: Write + Send> {
    to: SerializedFileWriter<W>,
    columns: &'static [Column],
    waiting: Vec<Vec<Cell>>,
}

impl<W: Write + Send> ParquetSink<W> {
    /// Writes to `to`; `name` is the list's, in the schema.
    pub fn new(to: W, name: &str, columns: &'static [Column]) -> Result<Self, ReportError> {
        let schema = Arc::new(parse_message_type(&schema(name, columns))?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        Ok(Self {
            to: SerializedFileWriter::new(to, schema, Arc::new(properties))?,
            columns,
            waiting: Vec::new(),
        })
    }

    fn group(&mut self) -> Result<(), ReportError> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.to.next_row_group()?;
        for (index, column) in self.columns.iter().enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(index));
            match column.kind {
                Kind::Text | Kind::Json => {
                    put::<ByteArrayType, _>(&mut group, cells, |cell| match cell {
                        Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                        _ => None,
                    })?;
                }
                Kind::Integer | Kind::Instant | Kind::Decimal => {
                    put::<Int64Type, _>(&mut group, cells, |cell| match cell {
                        Cell::Integer(value) | Cell::Instant(value) | Cell::Decimal(value) => {
                            Some(*value)
                        }
                        _ => None,
                    })?;
                }
                Kind::Day => put::<Int32Type, _>(&mut group, cells, |cell| match cell {
                    Cell::Day(days) => Some(*days),
                    _ => None,
                })?,
                Kind::Boolean => put::<BoolType, _>(&mut group, cells, |cell| match cell {
                    Cell::Boolean(whether) => Some(*whether),
                    _ => None,
                })?,
            }
        }
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> Sink for ParquetSink<W> {
    fn row(&mut self, row: Vec<Cell>) -> Result<(), ReportError> {
        self.waiting.push(row);
        if self.waiting.len() < GROUP {
            return Ok(());
        }
        self.group()
    }

    fn end(mut self: Box<Self>) -> Result<(), ReportError> {
        self.group()?;
        self.to.close()?;
        Ok(())
    }
}

fn schema(name: &str, columns: &[Column]) -> String {
    let fields: Vec<String> = columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                Kind::Text | Kind::Json => "BYTE_ARRAY {} (UTF8)",
                Kind::Integer => "INT64 {}",
                Kind::Boolean => "BOOLEAN {}",
                Kind::Instant => "INT64 {} (TIMESTAMP(MICROS,true))",
                Kind::Day => "INT32 {} (DATE)",
                Kind::Decimal => "INT64 {} (DECIMAL(18,SCALE))",
            };
            let kind = kind.replace("SCALE", &DECIMAL_SCALE.to_string());
            format!("OPTIONAL {};", kind.replace("{}", column.name))
        })
        .collect();
    format!(
        "message {} {{ {} }}",
        name.replace('-', "_"),
        fields.join(" ")
    )
}

fn put<'a, T, W>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: impl Iterator<Item = &'a Cell>,
    value_of: impl Fn(&Cell) -> Option<T::T>,
) -> Result<(), ParquetError>
where
    T: DataType,
    W: Write + Send,
{
    let mut values = Vec::new();
    let mut present = Vec::new();
    for cell in cells {
        let value = value_of(cell);
        present.push(i16::from(value.is_some()));
        values.extend(value);
    }
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General(
            "more columns than the schema has".to_owned(),
        ));
    };
    column
        .typed::<T>()
        .write_batch(&values, Some(&present), None)?;
    column.close()
}
