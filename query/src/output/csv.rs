//! RFC 4180, with formulas defused: a text that begins like one gets a leading apostrophe (OWASP, "CSV injection").

use super::table::cells;
use crate::engine::Answer;
use crate::error::Error;
use datafusion::arrow::datatypes::DataType;
use std::io::Write;

pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> Result<(), Error> {
    let names = answer.schema.fields().iter().map(|field| cell(field.name(), true));
    writeln!(out, "{}", names.collect::<Vec<_>>().join(","))?;
    for batch in &answer.batches {
        let schema = batch.schema();
        let texts = schema.fields().iter().map(|field| is_text(field.data_type())).collect::<Vec<_>>();
        for row in cells(batch)? {
            let cells = row.iter().zip(&texts).map(|(text, &is_text)| cell(text, is_text));
            writeln!(out, "{}", cells.collect::<Vec<_>>().join(","))?;
        }
    }
    Ok(())
}

/// What an attacker could write: everything but numbers, times and booleans.
fn is_text(data_type: &DataType) -> bool {
    !data_type.is_numeric() && !data_type.is_temporal() && *data_type != DataType::Boolean
}

fn cell(text: &str, is_text: bool) -> String {
    let is_formula = is_text && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
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
