//! `\d`: the tables, or the columns of one.

use super::Repl;
use super::names::{columns, tables};
use crate::engine::Answer;
use crate::output::Printer;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use std::sync::Arc;

impl Repl {
    /// Prints the tables, or the columns of `table`.
    pub(super) async fn describe(&self, table: &str) -> anyhow::Result<()> {
        let answer = if table.is_empty() {
            text([("table", tables(&self.engine))])?
        } else {
            let columns = columns(&self.engine, &table.to_lowercase()).await?;
            text([
                ("column", columns.iter().map(|column| column.name.clone()).collect()),
                ("type", columns.iter().map(|column| column.kind.clone()).collect()),
                ("about", columns.iter().map(|column| column.about.to_owned()).collect()),
            ])?
        };
        let mut printer = Printer::new(Arc::clone(&answer.schema), self.listing(), self.out());
        answer.batches.iter().try_for_each(|batch| printer.write(batch))?;
        Ok(printer.finish()?)
    }
}

/// An answer of texts.
fn text<const N: usize>(columns: [(&str, Vec<String>); N]) -> anyhow::Result<Answer> {
    let columns = columns.map(|(name, values)| (name, Arc::new(StringArray::from(values)) as ArrayRef));
    let batch = RecordBatch::try_from_iter(columns)?;
    Ok(Answer { schema: batch.schema(), batches: vec![batch] })
}
