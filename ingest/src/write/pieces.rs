//! Rows of any table → a Parquet file, row group by row group, handed out in pieces.
//!
//! For files that are too large for memory: what a row group comes to leaves with it. Columns are laid out as in any
//! other file; since such a file is written once and read often, it is compressed harder.

use super::settings::{self, ColumnSetting, HARD};
use super::stats;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use std::sync::Arc;

/// A file being written.
pub(crate) struct Pieces {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    settings: &'static [ColumnSetting],
}

impl Pieces {
    /// A file whose row groups have `rows` rows at most.
    pub(crate) fn new(
        schema: &SchemaRef,
        settings: &'static [ColumnSetting],
        rows: usize,
    ) -> Result<Self, ParquetError> {
        let properties = settings::properties(settings, schema, rows, &HARD)?;
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)?;
        Ok(Self { writer, schema: Arc::clone(schema), settings })
    }

    /// Appends rows to the row group.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.writer.write(rows)
    }

    /// Ends the row group; gives what the file has become longer by.
    pub(crate) fn end_group(&mut self) -> Result<Vec<u8>, ParquetError> {
        self.writer.flush()?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Ends the file; gives its last bytes, and Delta's statistics of it.
    pub(crate) fn finish(mut self) -> Result<(Vec<u8>, serde_json::Value), ParquetError> {
        let metadata = self.writer.finish()?;
        let stats = stats::delta(&metadata, &self.schema, self.settings);
        Ok((std::mem::take(self.writer.inner_mut()), stats))
    }
}
