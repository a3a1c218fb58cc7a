//! A column of texts → each of them once, and which a row has.
//!
//! Rows of one batch come from few pages, whose dictionaries give equal texts equal views. Views are compared, and not
//! texts: that two views of one text count as two costs a little time, and nothing else.

use crate::error::Error;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, UInt32Array};
use datafusion::arrow::compute::{take, take_record_batch};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::physical_expr::PhysicalExpr;
use foldhash::{HashMap, HashMapExt};
use std::sync::Arc;

/// With fewer rows to a text than so many, looking up costs more than it saves.
const ROWS_OF_A_TEXT: usize = 4;

/// The different texts of a column.
pub(super) struct Texts {
    /// A column, and a row for each text.
    texts: RecordBatch,
    /// Which of them each row has.
    of_rows: UInt32Array,
}

impl Texts {
    /// `None` where most rows have a text of their own.
    pub(super) fn of(column: &ArrayRef, field: &Field) -> Result<Option<Self>, Error> {
        let Some((firsts, of_rows)) = column.as_string_view_opt().and_then(distinct) else { return Ok(None) };
        let schema = Arc::new(Schema::new(vec![field.clone()]));
        let all = RecordBatch::try_new(schema, vec![Arc::clone(column)])?;
        Ok(Some(Self { texts: take_record_batch(&all, &firsts)?, of_rows }))
    }

    /// What each row has for an expression over the column alone.
    pub(super) fn value(&self, expr: &dyn PhysicalExpr) -> Result<ArrayRef, Error> {
        let of_texts = expr.evaluate(&self.texts)?.into_array(self.texts.num_rows())?;
        Ok(take(&of_texts, &self.of_rows, None)?)
    }
}

/// The first row of each text, and for each row the number of its text.
fn distinct(column: &StringViewArray) -> Option<(UInt32Array, UInt32Array)> {
    let most = column.len() / ROWS_OF_A_TEXT;
    let mut numbers = HashMap::<Option<u128>, u32>::new();
    let (mut firsts, mut of_rows) = (Vec::new(), Vec::with_capacity(column.len()));
    let mut last = None;
    for (row, view) in column.views().iter().enumerate() {
        let view = column.is_valid(row).then_some(*view);
        let number = match last {
            Some((known, number)) if known == view => number,
            _ => {
                let next = u32::try_from(firsts.len()).ok()?;
                let number = *numbers.entry(view).or_insert(next);
                if number == next {
                    if firsts.len() >= most {
                        return None;
                    }
                    firsts.push(u32::try_from(row).ok()?);
                }
                number
            }
        };
        last = Some((view, number));
        of_rows.push(number);
    }
    Some((UInt32Array::from(firsts), UInt32Array::from(of_rows)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::DataType;

    #[test]
    fn each_text_once_and_null_is_one() {
        let texts = [Some("a"), None, Some("a text that does not fit into a view"), Some("b")];
        let four = texts.into_iter().collect::<StringViewArray>();
        let rows = [0, 1, 2, 0, 1, 3, 2, 0].into_iter().cycle().take(64).collect::<UInt32Array>();
        let column = take(&four, &rows, None).unwrap();
        let made = Texts::of(&column, &Field::new("x", DataType::Utf8View, true)).unwrap().unwrap();
        assert_eq!(made.texts.num_rows(), 4);
        let back = take(made.texts.column(0), &made.of_rows, None).unwrap();
        assert_eq!(back.as_ref(), column.as_ref());
    }

    #[test]
    fn texts_that_differ_are_not_looked_up() {
        let column = (0..100).map(|n| Some(n.to_string())).collect::<StringViewArray>();
        assert!(distinct(&column).is_none());
        assert!(distinct(&StringViewArray::from_iter_values(Vec::<&str>::new())).is_some());
    }
}
