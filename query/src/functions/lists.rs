//! `in_list`, `as_list`, `mentions_any`: lists of texts that treat NULL as nothing.

use super::arguments::{Lists, Texts};
use super::scalar::{Definition, function, text_list, truths};
use datafusion::arrow::array::{ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

pub(super) const CHAPTER: &str = "Lists";

pub(super) fn in_list() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "in_list(text, list)",
        doc: "Whether the text is an item of the list.",
        example: "in_list('eu-west-1', make_array('eu-west-1', 'eu-central-1'))",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (needles, lists) = (Texts::new(&arguments[0])?, Lists::new(&arguments[1])?);
            truths(rows, |row| {
                needles.get(row).is_some_and(|needle| lists.items(row).any(|item| item == needle))
            })
        },
    })
}

pub(super) fn as_list() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "as_list(value)",
        doc: "A list of texts: a list as it is, a text as a list of one, NULL as an empty list.",
        example: "as_list('a')",
        returns: text_list(),
        body: |arguments, rows| {
            let lists = Lists::new(&arguments[0])?;
            let mut out = ListBuilder::new(StringBuilder::new());
            (0..rows).for_each(|row| out.append_value(lists.items(row).map(Some)));
            Ok(Arc::new(out.finish()))
        },
    })
}

pub(super) fn mentions_any() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "mentions_any(list, text)",
        doc: "Whether an item of the list occurs anywhere in the text, in the same letter case. An empty item \
              occurs nowhere.",
        example: "mentions_any(make_array('secret-42'), 'arn:aws:s3:::secret-42/plan.txt')",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (lists, texts) = (Lists::new(&arguments[0])?, Texts::new(&arguments[1])?);
            truths(rows, |row| {
                let text = texts.get(row).unwrap_or_default();
                lists.items(row).any(|item| !item.is_empty() && text.contains(item))
            })
        },
    })
}
