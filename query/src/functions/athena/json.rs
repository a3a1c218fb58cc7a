//! JSON objects and arrays, which are texts here where Trino has maps, arrays and its type JSON.

use super::JSON;
use super::members::{Members, as_text, members};
use crate::functions::arguments::{Argument, Lists, Texts};
use crate::functions::scalar::{Definition, function, is_text, text_list};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn json_array_get() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "json_array_get(json, index)",
        doc: "The item of a JSON array at an index from 0, or from the end if it is negative.",
        example: "json_array_get('[\"a\", 7]', -1)",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let (documents, indexes) = (Texts::new(&arguments[0])?, integers(&arguments[1], rows)?);
            let get = |row: usize| {
                let Members::Array(items) = members(documents.get(row)?)? else { return None };
                let index = indexes.is_valid(row).then(|| indexes.value(row))?;
                let length = i64::try_from(items.len()).ok()?;
                let at = if index < 0 { index + length } else { index };
                as_text(items.get(usize::try_from(at).ok()?)?)
            };
            Ok(Arc::new((0..rows).map(get).collect::<StringArray>()))
        },
    })
}

pub(super) fn map_keys() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "map_keys(json)",
        doc: "The keys of a JSON object, in its order.",
        example: r#"map_keys('{"b": 1, "a": 2}')"#,
        returns: text_list(),
        body: |arguments, rows| {
            lists(&arguments[0], rows, |members| match members {
                Members::Object(members) => members.into_iter().map(|(key, _)| Some(key)).collect(),
                Members::Array(_) => Vec::new(),
            })
        },
    })
}

pub(super) fn map_values() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "map_values(json)",
        doc: "The values of a JSON object, in its order.",
        example: r#"map_values('{"b": 1, "a": {"c": 2}}')"#,
        returns: text_list(),
        body: |arguments, rows| lists(&arguments[0], rows, |members| members.values().map(as_text).collect()),
    })
}

/// A list for each object or array; NULL for what is neither.
fn lists(
    argument: &Argument,
    rows: usize,
    items: impl Fn(Members) -> Vec<Option<String>>,
) -> Result<ArrayRef> {
    let documents = documents(argument, rows)?;
    let mut out = ListBuilder::new(StringBuilder::new());
    for document in &documents {
        match document.and_then(members) {
            Some(members) => out.append_value(items(members)),
            None => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// An argument as JSON texts, also if it is a map or a struct.
pub(super) fn documents(argument: &Argument, rows: usize) -> Result<StringArray> {
    let column = argument.column(rows)?;
    if column.data_type().is_nested() {
        return printed(&column);
    }
    Ok(cast(&column, &DataType::Utf8)?.as_string::<i32>().clone())
}

pub(super) fn cardinality() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "cardinality(value)",
        doc: "How many items a list or a JSON array has, or how many members a JSON object or a map.",
        example: r#"cardinality('{"a": 1, "b": 2}')"#,
        returns: DataType::Int64,
        body: |arguments, rows| {
            let argument = &arguments[0];
            if argument.is_list() {
                return Ok(cast(&lengths(&argument.column(rows)?)?, &DataType::Int64)?);
            }
            if let DataType::Map(..) = argument.data_type() {
                let column = argument.column(rows)?;
                let maps = column.as_map();
                let length = |row| maps.is_valid(row).then(|| i64::from(maps.value_length(row)));
                return Ok(Arc::new((0..rows).map(length).collect::<Int64Array>()));
            }
            let documents = Texts::new(argument)?;
            let count = |row: usize| i64::try_from(members(documents.get(row)?)?.values().count()).ok();
            Ok(Arc::new((0..rows).map(count).collect::<Int64Array>()))
        },
    })
}

/// The lengths of lists of any kind.
fn lengths(lists: &ArrayRef) -> Result<ArrayRef> {
    Ok(datafusion::arrow::compute::kernels::length::length(lists)?)
}

pub(super) fn to_json() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "to_json(value)",
        doc: "A struct or a list as JSON; a text, a number or a time as a text. It is what `CAST(x AS JSON)` and \
              `json_format(x)` mean.",
        example: "to_json(make_array('a', 'b'))",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let column = arguments[0].column(rows)?;
            if is_text(column.data_type()) || !column.data_type().is_nested() {
                return Ok(cast(&column, &DataType::Utf8)?);
            }
            Ok(Arc::new(printed(&column)?))
        },
    })
}

/// What the JSON writer says of each row.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

fn printed(column: &ArrayRef) -> Result<StringArray> {
    let field = Field::new("value", column.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(column)])?;
    let mut text = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut text);
    writer.write(&batch)?;
    writer.finish()?;
    let external = |error: serde_json::Error| DataFusionError::External(Box::new(error));
    let lines = serde_json::Deserializer::from_slice(&text);
    let mut out = StringBuilder::with_capacity(column.len(), text.len());
    for line in lines.into_iter::<Line<'_>>() {
        out.append_option(line.map_err(external)?.value.map(RawValue::get));
    }
    Ok(out.finish())
}

pub(super) fn map_of() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "map_of(keys, values)",
        doc: "A JSON object of two lists, sorted by key; of a key that is there twice, the first value. `map_agg(k, v)` is \
              made of it.",
        example: "map_of(make_array('a', 'b'), make_array('x', 'y'))",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let (keys, values) = (Lists::new(&arguments[0])?, Lists::new(&arguments[1])?);
            let object = |row: usize| {
                let mut object = BTreeMap::new();
                for (key, value) in keys.items(row).zip(values.items(row)) {
                    object.entry(key).or_insert(value);
                }
                (!object.is_empty()).then(|| serde_json::to_string(&object).ok())?
            };
            Ok(Arc::new((0..rows).map(object).collect::<StringArray>()))
        },
    })
}

pub(super) fn count_each() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "count_each(list)",
        doc: "A JSON object that says how often each item is in a list, sorted by item. `histogram(x)` is made of it.",
        example: "count_each(make_array('b', 'a', 'b'))",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let lists = Lists::new(&arguments[0])?;
            let counts = |row: usize| {
                let mut counts = BTreeMap::<&str, u64>::new();
                lists.items(row).for_each(|item| *counts.entry(item).or_default() += 1);
                (!counts.is_empty()).then(|| serde_json::to_string(&counts).ok())?
            };
            Ok(Arc::new((0..rows).map(counts).collect::<StringArray>()))
        },
    })
}

/// An argument as whole numbers; what is none is NULL.
pub(super) fn integers(argument: &Argument, rows: usize) -> Result<Int64Array> {
    Ok(cast(&argument.column(rows)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}
