//! One Parquet file of records, column by column.
//!
//! Texts that repeat are written by [`DictionaryChunk`], ids by [`IdChunk`], all else by the Arrow writer of the parquet
//! crate. All end a page at the same rows.

use super::dictionary::DictionaryChunk;
use super::ids::IdChunk;
use super::settings::{self, ColumnSetting};
use super::squeeze::Squeeze;
use crate::schema::{Table, file_schema};
use crate::transpose::{Columns, Filled, is_distinct};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowWriterOptions, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use std::sync::Arc;

/// A file with one row group, being written.
pub(super) struct FileWriter {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<ColumnWriter>,
}

enum ColumnWriter {
    Dictionary(Box<DictionaryChunk>),
    Ids(Box<IdChunk>),
    /// One writer for each leaf of a nested column.
    Arrow(FieldRef, Vec<ArrowColumnWriter>),
}

impl FileWriter {
    /// A file for `rows` rows of `table`, which will probably be `size` bytes long.
    pub(super) fn new(table: Table, rows: usize, size: usize) -> Result<Self, ParquetError> {
        let schema = file_schema(table);
        let properties = settings::properties(settings::of(table), &schema, rows, &settings::QUICK)?;
        // Without Arrow's own schema in the file: it would make readers depend on how we write.
        let options =
            ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(Vec::with_capacity(size), Arc::clone(&schema), options)?;
        let (file, _) = writer.into_serialized_writer()?;
        let columns = column_writers(table, rows, &file, &properties)?;
        Ok(Self { file, columns })
    }

    /// Writes the rows that `columns` has, and ends the page.
    pub(super) fn page(&mut self, columns: &mut Columns, squeeze: &mut Squeeze) -> Result<(), ParquetError> {
        columns.fill(|at, filled| match (&mut self.columns[at], filled) {
            (ColumnWriter::Dictionary(chunk), Filled::Keys(keys, values)) => {
                chunk.page(keys, values, squeeze)
            }
            (ColumnWriter::Ids(chunk), Filled::Texts(texts)) => chunk.page(texts, squeeze),
            (ColumnWriter::Arrow(field, writers), Filled::Array(array)) => {
                let leaves = compute_leaves(field, &array)?;
                writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))
            }
            _ => Err(ParquetError::General(format!("column {at} is not what its setting says"))),
        })
    }

    /// The file, and what its footer says.
    pub(super) fn finish(
        mut self,
        columns: &Columns,
        squeeze: &mut Squeeze,
    ) -> Result<(Vec<u8>, ParquetMetaData), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for (at, column) in self.columns.into_iter().enumerate() {
            match (column, columns.values(at)) {
                (ColumnWriter::Dictionary(chunk), Some(values)) => {
                    let (bytes, close) = chunk.finish(values, squeeze)?;
                    group.append_column(&bytes, close)?;
                }
                (ColumnWriter::Ids(chunk), _) => {
                    let (bytes, close) = chunk.finish()?;
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
    rows: usize,
    file: &SerializedFileWriter<Vec<u8>>,
    properties: &WriterProperties,
) -> Result<Vec<ColumnWriter>, ParquetError> {
    let descriptor = file.schema_descr();
    let fields = file_schema(table);
    let first_leaf = |at: usize| {
        (0..descriptor.num_columns()).find(|&leaf| descriptor.get_column_root_idx(leaf) == at).unwrap_or(0)
    };
    let columns = fields.fields().iter().enumerate().map(|(at, field)| {
        if *field.data_type() != DataType::Utf8 {
            return Ok(ColumnWriter::Arrow(Arc::clone(field), arrow_writers(field, properties)?));
        }
        let (column, setting) = (descriptor.column(first_leaf(at)), setting(field.name(), table));
        Ok(if is_distinct(field.name()) {
            ColumnWriter::Ids(Box::new(IdChunk::new(column, setting, rows)?))
        } else {
            ColumnWriter::Dictionary(Box::new(DictionaryChunk::new(column, setting)))
        })
    });
    columns.collect()
}

/// The writers for the leaves of one column. Each has a compressor of its own, which takes longer to make than many a
/// page, so there are none for the other columns.
fn arrow_writers(
    field: &Field,
    properties: &WriterProperties,
) -> Result<Vec<ArrowColumnWriter>, ParquetError> {
    let alone = Arc::new(Schema::new(vec![field.clone()]));
    let writer = ArrowWriter::try_new(Vec::new(), alone, Some(properties.clone()))?;
    writer.into_serialized_writer()?.1.create_column_writers(0)
}

fn setting(name: &str, table: Table) -> ColumnSetting {
    let known = settings::of(table).iter().find(|setting| setting.column == name);
    known.copied().unwrap_or(ColumnSetting::new(""))
}
