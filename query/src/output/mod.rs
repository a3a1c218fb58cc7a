//! An answer → text on stdout, one file per format.
//!
//! Everything in a log may be written by an attacker: control characters never reach a terminal, and a text that a
//! spreadsheet would run is defused.

mod table;
mod csv;
mod cloudtrail;
pub mod findings;

use table::printable;

use crate::engine::Answer;
use crate::error::Error;
use clap::ValueEnum;
use datafusion::arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use datafusion::parquet::arrow::ArrowWriter;
use std::io::Write;

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
}

/// Prints `answer`.
///
/// # Errors
/// The output is closed, or the answer does not fit the format.
pub fn write(answer: &Answer, format: Format, out: &mut dyn Write) -> Result<(), Error> {
    let batches = answer.batches.iter().collect::<Vec<_>>();
    match format {
        Format::Table => table::write(answer, out)?,
        Format::Markdown => table::write_markdown(answer, out)?,
        Format::Csv => csv::write(answer, out)?,
        Format::Cloudtrail => cloudtrail::write(answer, out)?,
        Format::Json => {
            let mut writer = WriterBuilder::new().build::<_, JsonArray>(&mut *out);
            writer.write_batches(&batches)?;
            writer.finish()?;
            writeln!(out)?;
        }
        Format::Ndjson => {
            let mut writer = WriterBuilder::new().build::<_, LineDelimited>(out);
            writer.write_batches(&batches)?;
            writer.finish()?;
        }
        Format::Parquet => {
            let schema = answer.batches.first().map_or_else(
                || std::sync::Arc::clone(&answer.schema),
                datafusion::arrow::array::RecordBatch::schema,
            );
            let mut bytes = Vec::new();
            let mut writer = ArrowWriter::try_new(&mut bytes, schema, None)?;
            for batch in batches {
                writer.write(batch)?;
            }
            writer.close()?;
            out.write_all(&bytes)?;
        }
    }
    Ok(())
}
