//! One Parquet file of records, column by column.
//!
//! Texts that repeat are written by [`DictionaryChunk`], all else by the Arrow writer of the parquet crate. Both end a
//! page at the same rows.

use super::dictionary::DictionaryChunk;
use super::settings::{self, ColumnSetting, ZSTD_LEVEL};
use super::squeeze::Squeeze;
use crate::schema::{Table, file_schema};
use crate::transpose::{Columns, Filled, is_distinct};
use arrow::datatypes::{DataType, FieldRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::writer::SerializedFileWriter;
use std::sync::Arc;

/// A file with one row group, being written.
pub(super) struct FileWriter {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnWriter>,
    squeeze: Squeeze,
}

enum ColumnWriter {
    Dictionary(Box<DictionaryChunk>),
    /// One writer for each leaf of a nested column.
    Arrow(FieldRef, Vec<ArrowColumnWriter>),
}

impl FileWriter {
    /// A file for `rows` rows of `table`.
    pub(super) fn new(table: Table, rows: usize) -> Result<Self, ParquetError> {
        let schema = file_schema(table);
        let properties = settings::properties(settings::of(table), &schema, rows, &settings::QUICK)?;
        // Without Arrow's own schema in the file: it would make readers depend on how we write.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
        let (file, factory) = writer.into_serialized_writer()?;
        let columns = column_writers(table, &file, &factory)?;
        Ok(Self { file, columns, squeeze: Squeeze::new(ZSTD_LEVEL)? })
    }

    /// Writes the rows that `columns` has, and ends the page.
    pub(super) fn page(&mut self, columns: &mut Columns) -> Result<(), ParquetError> {
        columns.fill(|at, filled| match (&mut self.columns[at], filled) {
            (ColumnWriter::Dictionary(chunk), Filled::Keys(keys, values)) => {
                chunk.page(keys, values, &mut self.squeeze)
            }
            (ColumnWriter::Arrow(field, writers), Filled::Array(array)) => {
                let leaves = compute_leaves(field, &array)?;
                writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))
            }
            _ => Err(ParquetError::General(format!("column {at} is not what its setting says"))),
        })
    }

    /// The file, and what its footer says.
    pub(super) fn finish(mut self, columns: &Columns) -> Result<(Vec<u8>, ParquetMetaData), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (at, column) in self.columns.into_iter().enumerate() {
            match (column, columns.values(at)) {
                (ColumnWriter::Dictionary(chunk), Some(values)) => {
                    let (bytes, close) = chunk.finish(values, &mut self.squeeze)?;
                    group.append_column(&bytes, close)?;
                }
                (ColumnWriter::Arrow(_, writers), _) => {
                    for writer in writers {
                        writer.close()?.append_to_row_group(&mut group)?;
                    }
                }
                _ => return Err(ParquetError::General(format!("column {at} has no values"))),
            }
        }
        group.close()?;
        let metadata = self.file.finish()?;
        // `finish` has flushed; `into_inner` would write a second footer.
        Ok((std::mem::take(self.file.inner_mut()), metadata))
    }
}

fn column_writers(
    table: Table,
    file: &SerializedFileWriter<Vec<u8>>,
    factory: &ArrowRowGroupWriterFactory,
) -> Result<Vec<ColumnWriter>, ParquetError> {
    let descriptor = file.schema_descr();
    let mut leaves = factory.create_column_writers(0)?.into_iter().enumerate().peekable();
    let fields = file_schema(table);
    let columns = fields.fields().iter().enumerate().map(|(at, field)| {
        let mut writers = Vec::new();
        let mut first = 0;
        while let Some((leaf, writer)) =
            leaves.next_if(|(leaf, _)| descriptor.get_column_root_idx(*leaf) == at)
        {
            first = leaf;
            writers.push(writer);
        }
        if *field.data_type() == DataType::Utf8 && !is_distinct(field.name()) {
            let chunk = DictionaryChunk::new(descriptor.column(first), setting(field.name(), table));
            return ColumnWriter::Dictionary(Box::new(chunk));
        }
        ColumnWriter::Arrow(Arc::clone(field), writers)
    });
    Ok(columns.collect())
}

fn setting(name: &str, table: Table) -> ColumnSetting {
    let known = settings::of(table).iter().find(|setting| setting.column == name);
    known.copied().unwrap_or(ColumnSetting::new(""))
}
