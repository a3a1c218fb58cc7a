//! RFC 4180, with formulas defused: a text that begins like one gets a leading apostrophe (OWASP, "CSV injection").

use super::table::cells;
use crate::error::Error;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema};
use std::io::{self, Write};

pub(super) struct Csv<W> {
    out: W,
    /// Until it is printed.
    header: Option<String>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Self {
        let names = schema.fields().iter().map(|field| cell(field.name(), true));
        Self { out, header: Some(names.collect::<Vec<_>>().join(",")) }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.begin()?;
        let schema = batch.schema();
        let texts = schema.fields().iter().map(|field| is_text(field.data_type())).collect::<Vec<_>>();
        for row in cells(batch)? {
            let cells = row.iter().zip(&texts).map(|(text, &is_text)| cell(text, is_text));
            writeln!(self.out, "{}", cells.collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.begin()?;
        Ok(self.out.flush()?)
    }

    fn begin(&mut self) -> io::Result<()> {
        let Some(header) = self.header.take() else { return Ok(()) };
        writeln!(self.out, "{header}")
    }
}

/// What an attacker could write: everything but numbers, times and booleans.
fn is_text(data_type: &DataType) -> bool {
    !data_type.is_numeric() && !data_type.is_temporal() && *data_type != DataType::Boolean
}

/// What a formula may begin with; spreadsheets take the wide forms of East Asian text as the same.
const FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

fn cell(text: &str, is_text: bool) -> String {
    let is_formula = is_text && text.starts_with(FORMULAS);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        assert_eq!(cell("=cmd|'/c calc'!A0", true), "'=cmd|'/c calc'!A0");
        assert_eq!(cell("-5", false), "-5");
        assert_eq!(cell("a\"b,c", true), "\"a\"\"b,c\"");
    }
}
