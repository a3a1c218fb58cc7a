//! Tables for people: on a terminal, and in Markdown.

use crate::engine::Answer;
use crate::error::Error;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use std::io::Write;

/// The cells of all rows as text, with what could drive a terminal escaped.
pub(super) fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Error> {
    let options = FormatOptions::default().with_display_error(true);
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect();
    Ok((0..batch.num_rows()).map(row).collect())
}

pub(super) fn printable(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// Headers, then the printable cells of all rows.
fn rows(answer: &Answer) -> Result<(Vec<String>, Vec<Vec<String>>), Error> {
    let headers = answer.schema.fields().iter().map(|field| printable(field.name())).collect();
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let cells = cells(batch)?.into_iter();
        rows.extend(cells.map(|row| row.iter().map(|cell| printable(cell)).collect::<Vec<_>>()));
    }
    Ok((headers, rows))
}

/// Columns as wide as their longest cell, two spaces apart.
pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> Result<(), Error> {
    let (headers, rows) = rows(answer)?;
    let length = |text: &String| text.chars().count();
    let mut widths = headers.iter().map(length).collect::<Vec<_>>();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(length(cell));
        }
    }
    let mut line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    line(&headers)?;
    line(&widths.iter().map(|&width| "─".repeat(width)).collect::<Vec<_>>())?;
    rows.iter().try_for_each(|row| line(row))?;
    Ok(())
}

/// A pipe in a cell would end it.
pub(super) fn write_markdown(answer: &Answer, out: &mut dyn Write) -> Result<(), Error> {
    let (headers, rows) = rows(answer)?;
    let mut line = |cells: &[String]| {
        let cells =
            cells.iter().map(|cell| cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;"));
        writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    line(&headers)?;
    line(&vec!["---".to_owned(); headers.len()])?;
    rows.iter().try_for_each(|row| line(row))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(super::printable("a\u{1b}[2J\n\u{9b}b"), "a\\u{1b}[2J\\n\\u{9b}b");
    }
}
