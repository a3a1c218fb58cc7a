//! Rows → the records they came from, as CloudTrail writes them.

use crate::engine::Answer;
use crate::error::Error;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use std::io::Write;
use std::sync::Arc;
use trailhound_ingest::rebuild::rebuild;
use trailhound_ingest::schema::{Table, file_schema};

pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> Result<(), Error> {
    write!(out, "{{\"Records\":[")?;
    let mut comma = "";
    for batch in &answer.batches {
        let flat = flat(batch)?;
        let table = if flat.column_by_name("timewindow_windowstart").is_some() {
            Table::Aggregated
        } else {
            Table::Events
        };
        for record in rebuild(&flat, table).map_err(|error| Error::Format(error.to_string()))? {
            write!(out, "{comma}{record}")?;
            comma = ",";
        }
    }
    writeln!(out, "]}}")?;
    Ok(())
}

/// The structs of the view taken apart again, in the names of the files.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, Error> {
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
