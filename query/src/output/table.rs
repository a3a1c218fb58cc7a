//! Tables for people: on a terminal, and in Markdown.

use super::visible::visible;
use crate::error::Error;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use std::io::{self, Write};

/// Rows that decide how wide the columns are. Wider cells that come later push the rest of their line.
const MEASURED: usize = 10_000;

/// The cells of all rows as text.
pub(crate) fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Error> {
    let options = FormatOptions::default().with_display_error(true);
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

fn headers(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| visible(field.name())).collect()
}

fn visible_rows(batch: &RecordBatch) -> Result<impl Iterator<Item = Vec<String>>, Error> {
    Ok(cells(batch)?.into_iter().map(|row| row.iter().map(|cell| visible(cell)).collect()))
}

/// Columns as wide as their longest cell, two spaces apart.
pub(super) struct Table<W> {
    out: W,
    headers: Vec<String>,
    /// Rows that wait for the widths to be known.
    waiting: Vec<Vec<String>>,
    /// Once known.
    widths: Option<Vec<usize>>,
}

impl<W: Write> Table<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Self {
        Self { out, headers: headers(schema), waiting: Vec::new(), widths: None }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        for row in visible_rows(batch)? {
            match &self.widths {
                Some(widths) => line(&mut self.out, &row, widths)?,
                None => self.waiting.push(row),
            }
        }
        if self.widths.is_none() && self.waiting.len() >= MEASURED {
            self.begin()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        if self.widths.is_none() {
            self.begin()?;
        }
        Ok(self.out.flush()?)
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut widths = vec![0; self.headers.len()];
        for row in self.waiting.iter().chain([&self.headers]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        line(&mut self.out, &self.headers, &widths)?;
        line(&mut self.out, &widths.iter().map(|&width| "─".repeat(width)).collect::<Vec<_>>(), &widths)?;
        for row in std::mem::take(&mut self.waiting) {
            line(&mut self.out, &row, &widths)?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

fn line(out: &mut impl Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
    let padded = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}"));
    writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())
}

/// A table in Markdown.
pub(super) struct Markdown<W> {
    out: W,
    /// Until the first row is printed.
    headers: Option<Vec<String>>,
}

impl<W: Write> Markdown<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Self {
        Self { out, headers: Some(headers(schema)) }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.begin()?;
        for row in visible_rows(batch)? {
            markdown_line(&mut self.out, &row)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.begin()?;
        Ok(self.out.flush()?)
    }

    fn begin(&mut self) -> io::Result<()> {
        let Some(headers) = self.headers.take() else { return Ok(()) };
        markdown_line(&mut self.out, &headers)?;
        markdown_line(&mut self.out, &vec!["---".to_owned(); headers.len()])
    }
}

/// A pipe in a cell would end it.
fn markdown_line(out: &mut impl Write, cells: &[String]) -> io::Result<()> {
    let escape = |cell: &String| cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;");
    writeln!(out, "| {} |", cells.iter().map(escape).collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, StringArray};
    use std::sync::Arc;

    #[test]
    fn rows_beyond_the_measured_ones_are_printed() {
        let batch = |text: &str, rows: usize| {
            let column: ArrayRef = Arc::new(StringArray::from(vec![text; rows]));
            RecordBatch::try_from_iter([("name", column)]).unwrap()
        };
        let mut out = Vec::new();
        let mut table = Table::new(&batch("", 0).schema(), &mut out);
        table.write(&batch("ab", MEASURED)).unwrap();
        table.write(&batch("longer than all", 2)).unwrap();
        table.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2 + MEASURED + 2);
        assert!(text.starts_with("name\n────\nab\n") && text.ends_with("longer than all\n"));
    }
}
