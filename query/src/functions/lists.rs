//! `in_list`, `as_list`: lists of texts that treat NULL as nothing.

use super::scalar::{Lists, function, text, text_list, texts};
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

/// `in_list(text, list)` → boolean: whether the text is an item of the list; false for NULL.
pub(super) fn in_list() -> Arc<ScalarUDF> {
    function("in_list", 2, DataType::Boolean, |arguments| {
        let (needles, lists) = (texts(&arguments[0])?, Lists::new(&arguments[1])?);
        let is_in =
            |row| text(&needles, row).is_some_and(|needle| lists.items(row).iter().any(|i| i == needle));
        Ok(Arc::new((0..needles.len()).map(|row| Some(is_in(row))).collect::<BooleanArray>()))
    })
}

/// `as_list(value)` → list of texts: a list as it is, a text as a list of one, NULL as an empty list.
pub(super) fn as_list() -> Arc<ScalarUDF> {
    function("as_list", 1, text_list(), |arguments| list_of(&arguments[0]))
}

fn list_of(column: &ArrayRef) -> Result<ArrayRef> {
    let mut out = ListBuilder::new(StringBuilder::new());
    if matches!(column.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..))
    {
        let lists = Lists::new(column)?;
        for row in 0..column.len() {
            out.append_value(lists.items(row).into_iter().map(Some));
        }
    } else {
        let column = texts(column)?;
        for row in 0..column.len() {
            out.append_value(text(&column, row).map(Some));
        }
    }
    Ok(Arc::new(out.finish()))
}
