//! An answer → text on stdout, one file per format. Rows are printed as they come: memory does not grow with them.
//!
//! Everything in a log may be written by an attacker: what drives a terminal, or cannot be seen, is escaped where
//! people read it, and a text that a spreadsheet would run is defused.

pub mod visible;
mod shown;
mod table;
mod expanded;
mod csv;
mod chart;
mod cloudtrail;
pub mod findings;
#[cfg(test)]
mod tests;

pub use chart::Screen;
pub(crate) use cloudtrail::{flat, records};
pub use shown::Shown;
pub(crate) use table::cells;

use crate::engine::Answer;
use crate::error::Error;
use clap::ValueEnum;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::Writer;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use std::io::Write;
use std::sync::Arc;

/// How an answer is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated, with a header.
    Csv,
    /// A Parquet file.
    Parquet,
    /// A Markdown table.
    Markdown,
    /// The original records: `{"Records":[…]}`. Needs all columns: `select *`.
    Cloudtrail,
    /// A picture of a group-by: one or two labels or times, then a number.
    Chart,
}

impl Format {
    /// Whether what is printed is JSON.
    #[must_use]
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson | Self::Cloudtrail)
    }
}

/// Prints the rows of one answer, batch by batch.
pub struct Printer<W: Write + Send> {
    schema: SchemaRef,
    shape: Shape<W>,
}

enum Shape<W: Write + Send> {
    Table(table::Table<W>),
    Expanded(expanded::Expanded<W>),
    Markdown(table::Markdown<W>),
    Csv(csv::Csv<W>),
    Chart(chart::Chart<W>),
    Cloudtrail(cloudtrail::Records<W>),
    Json(Writer<W, JsonArray>),
    Ndjson(Writer<W, LineDelimited>),
    /// The file begins with its first batch, which knows best how its texts are held.
    Parquet(Option<W>, Option<ArrowWriter<W>>),
}

impl<W: Write + Send> Printer<W> {
    /// A printer of rows with `schema` on `out`.
    pub fn new(schema: SchemaRef, format: Format, out: W) -> Self {
        let shape = match format {
            Format::Table => Shape::Table(table::Table::new(&schema, out)),
            Format::Markdown => Shape::Markdown(table::Markdown::new(&schema, out)),
            Format::Csv => Shape::Csv(csv::Csv::new(&schema, out)),
            Format::Chart => Shape::Chart(chart::Chart::new(&schema, out)),
            Format::Cloudtrail => Shape::Cloudtrail(cloudtrail::Records::new(out)),
            Format::Json => Shape::Json(WriterBuilder::new().build(out)),
            Format::Ndjson => Shape::Ndjson(WriterBuilder::new().build(out)),
            Format::Parquet => Shape::Parquet(Some(out), None),
        };
        Self { schema, shape }
    }

    /// The same on a screen that is known.
    #[must_use]
    pub fn on(mut self, screen: Screen) -> Self {
        if let Shape::Chart(chart) = &mut self.shape {
            chart.screen = screen;
        }
        self
    }

    /// A printer of rows as lines, one for each column.
    pub fn expanded(schema: SchemaRef, out: W) -> Self {
        let shape = Shape::Expanded(expanded::Expanded::new(&schema, out));
        Self { schema, shape }
    }

    /// Prints some rows.
    ///
    /// # Errors
    /// The output is closed, or the rows do not fit the format.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        match &mut self.shape {
            Shape::Table(table) => table.write(batch),
            Shape::Expanded(expanded) => expanded.write(batch),
            Shape::Markdown(table) => table.write(batch),
            Shape::Csv(csv) => csv.write(batch),
            Shape::Chart(chart) => chart.write(batch),
            Shape::Cloudtrail(records) => records.write(batch),
            Shape::Json(writer) => Ok(writer.write(batch)?),
            Shape::Ndjson(writer) => Ok(writer.write(batch)?),
            Shape::Parquet(out, writer) => {
                if let Some(out) = out.take() {
                    *writer = Some(ArrowWriter::try_new(out, batch.schema(), None)?);
                }
                Ok(writer.as_mut().map_or(Ok(()), |writer| writer.write(batch))?)
            }
        }
    }

    /// Prints what comes after the last row.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub fn finish(self) -> Result<(), Error> {
        match self.shape {
            Shape::Table(table) => table.finish(),
            Shape::Expanded(expanded) => expanded.finish(),
            Shape::Markdown(table) => table.finish(),
            Shape::Csv(csv) => csv.finish(),
            Shape::Chart(chart) => chart.finish(),
            Shape::Cloudtrail(records) => records.finish(),
            Shape::Json(mut writer) => {
                writer.finish()?;
                let mut out = writer.into_inner();
                writeln!(out)?;
                Ok(out.flush()?)
            }
            Shape::Ndjson(mut writer) => {
                writer.finish()?;
                Ok(writer.into_inner().flush()?)
            }
            Shape::Parquet(out, writer) => {
                let begun = match out {
                    Some(out) => Some(ArrowWriter::try_new(out, self.schema, None)?),
                    None => writer,
                };
                if let Some(writer) = begun {
                    writer.into_inner()?.flush()?;
                }
                Ok(())
            }
        }
    }
}

/// Prints a whole answer.
///
/// # Errors
/// The output is closed, or the answer does not fit the format.
pub fn write(answer: &Answer, format: Format, out: impl Write + Send) -> Result<(), Error> {
    let mut printer = Printer::new(Arc::clone(&answer.schema), format, out);
    answer.batches.iter().try_for_each(|batch| printer.write(batch))?;
    printer.finish()
}
