//! A row as lines, one for each column: for rows that are wider than a screen.

use super::table::cells;
use super::visible::visible;
use crate::error::Error;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use std::io::Write;

/// Columns under each other. What is NULL is left out: most columns of most events are.
pub(super) struct Expanded<W> {
    out: W,
    names: Vec<String>,
    /// Rows so far.
    count: u64,
}

impl<W: Write> Expanded<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Self {
        Self { out, names: schema.fields().iter().map(|field| visible(field.name())).collect(), count: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        for (number, row) in cells(batch)?.into_iter().enumerate() {
            self.count += 1;
            writeln!(self.out, "── row {} ──", self.count)?;
            let there = |at: &usize| !batch.column(*at).is_null(number);
            let there = (0..self.names.len()).filter(there).collect::<Vec<_>>();
            let width = there.iter().map(|&at| self.names[at].chars().count()).max().unwrap_or(0);
            for at in there {
                writeln!(self.out, "{:width$}  {}", self.names[at], visible(&row[at]))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        Ok(self.out.flush()?)
    }
}
