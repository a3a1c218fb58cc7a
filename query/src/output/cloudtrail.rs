//! Rows → the records they came from, as CloudTrail writes them.

use crate::error::Error;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use std::io::Write;
use std::sync::Arc;
use trailhound_ingest::rebuild::rebuild;
use trailhound_ingest::schema::{Table, file_schema};

pub(super) struct Records<W> {
    out: W,
    /// Records so far.
    count: u64,
}

impl<W: Write> Records<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, count: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        for record in records(&flat(batch)?)? {
            let before = if self.count == 0 { "{\"Records\":[" } else { "," };
            write!(self.out, "{before}{record}")?;
            self.count += 1;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        writeln!(self.out, "{}]}}", if self.count == 0 { "{\"Records\":[" } else { "" })?;
        Ok(self.out.flush()?)
    }
}

/// The records that rows in the names of the files came from.
pub(crate) fn records(flat: &RecordBatch) -> Result<Vec<String>, Error> {
    let aggregated = flat.column_by_name("timewindow_windowstart").is_some();
    let table = if aggregated { Table::Aggregated } else { Table::Events };
    rebuild(flat, table).map_err(|error| Error::Format(error.to_string()))
}

/// The structs of the view taken apart again, in the names of the files.
pub(crate) fn flat(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        flatten(&field.name().to_lowercase(), column, &mut columns);
    }
    let fields = columns.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())?)
}

fn flatten(name: &str, column: &ArrayRef, columns: &mut Vec<(String, ArrayRef)>) {
    let known = |table| file_schema(table).field_with_name(name).is_ok();
    match column.data_type() {
        DataType::Struct(fields) if !known(Table::Events) && !known(Table::Aggregated) => {
            for (field, child) in fields.iter().zip(column.as_struct().columns()) {
                flatten(&format!("{name}_{}", field.name().to_lowercase()), child, columns);
            }
        }
        _ => columns.push((name.to_owned(), Arc::clone(column))),
    }
}
