//! A data file of the lake → its rows, in the columns that the table has today.
//!
//! A file that lacks a column is older than it, and has nulls there; but for [`SEARCHED`], which are read from the JSON. One that has a column we do not know was written
//! by somebody who knows more: it is left alone, since what we do not know we would lose.

use super::layout::Layout;
use crate::error::Error;
use crate::lake::files::LakeFile;
use crate::lake::{Lake, Reader};
use crate::schema::{SEARCHED, SEARCHED_IN};
use crate::searched;
use arrow::array::{ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{FieldRef, SchemaRef};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use std::cell::LazyCell;
use std::sync::Arc;

/// Files that are opened at the same time.
const READS: usize = 8;

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1024;

/// A data file, opened.
pub(super) struct Input {
    pub(super) path: String,
    reader: Reader,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
}

/// Opens the files of a group, in their order.
pub(super) async fn open_all(lake: &Lake, layout: &Layout, files: &[LakeFile]) -> Result<Vec<Input>, Error> {
    let opening = files.iter().map(|file| Input::open(lake, layout, file).boxed()).collect::<Vec<_>>();
    stream::iter(opening).buffered(READS).try_collect().await
}

impl Input {
    pub(super) async fn open(lake: &Lake, layout: &Layout, file: &LakeFile) -> Result<Self, Error> {
        let mut reader = Reader::new(lake.store(layout.table), file);
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load_async(&mut reader, plain).await;
        let metadata = metadata.map_err(|error| unreadable(&file.path, &error))?;
        let schema = Arc::clone(&layout.schema);
        let unknown = metadata.schema().fields().iter().find(|field| {
            let ours = schema.field_with_name(field.name());
            !ours.is_ok_and(|ours| ours.data_type().equals_datatype(field.data_type()))
        });
        if let Some(field) = unknown {
            let why = format!(
                "its column {} ({}) is not one of ours\nhint: a newer version, or another tool, wrote it",
                field.name(),
                field.data_type()
            );
            return Err(Error::DataFile { path: file.path.clone(), why });
        }
        Ok(Self { path: file.path.clone(), reader, metadata, schema })
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Some columns of all rows; those that the file lacks are missing.
    pub(super) fn columns(&self, names: &[&str]) -> Result<BoxStream<'_, Result<RecordBatch, Error>>, Error> {
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), names.iter().copied());
        self.stream(self.builder().with_projection(mask).with_batch_size(8 * BATCH_ROWS))
    }

    /// All columns of some rows, which are numbered from 0 and ascend.
    pub(super) fn take(&self, rows: &[u32]) -> Result<BoxStream<'_, Result<RecordBatch, Error>>, Error> {
        let ranges = rows.iter().map(|&row| row as usize..row as usize + 1);
        let selection = RowSelection::from_consecutive_ranges(ranges, self.rows());
        let rows = self.stream(self.builder().with_row_selection(selection).with_batch_size(BATCH_ROWS))?;
        Ok(rows.and_then(async |batch| Ok(conform(&batch, &self.schema)?)).boxed())
    }

    fn builder(&self) -> ParquetRecordBatchStreamBuilder<Reader> {
        ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader.clone(), self.metadata.clone())
    }

    fn stream(
        &self,
        builder: ParquetRecordBatchStreamBuilder<Reader>,
    ) -> Result<BoxStream<'_, Result<RecordBatch, Error>>, Error> {
        let rows = builder.build().map_err(|error| unreadable(&self.path, &error))?;
        Ok(rows.map_err(|error| unreadable(&self.path, &error)).boxed())
    }
}

fn unreadable(path: &str, error: &ParquetError) -> Error {
    Error::DataFile { path: path.to_owned(), why: format!("it cannot be read: {error}") }
}

/// The columns of `schema`, with nulls where `batch` has none, or what [`SEARCHED`] says of another.
pub(crate) fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let of_documents = LazyCell::new(|| {
        let documents = batch.column_by_name(SEARCHED_IN).and_then(|column| column.as_string_opt::<i32>());
        documents.map(searched::columns).unwrap_or_default()
    });
    let absent = |field: &FieldRef| {
        let number = SEARCHED.iter().position(|(_, column)| column == field.name());
        let column = number.and_then(|number| of_documents.get(number).cloned());
        column.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    };
    let column = |field: &FieldRef| -> Result<ArrayRef, _> {
        match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => cast(column, field.data_type()),
            None => Ok(absent(field)),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}
