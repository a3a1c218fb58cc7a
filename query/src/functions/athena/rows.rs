//! What `UNNEST(value) AS t(a, b)` takes apart: rows of several fields.
//!
//! In Trino those are the rows of an array, or the entries of a map. Here an item is a struct, or a JSON text: an object
//! with its members in order, or an array, which is also how the entry of a JSON object is said: `["key", value]`.

use super::JSON;
use super::json::{documents, integers};
use super::members::{Members, as_text, members};
use crate::functions::arguments::{Argument, Texts};
use crate::functions::scalar::{Definition, documentation, function, is_text, list_function, text_list};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

pub(super) fn json_rows() -> Arc<ScalarUDF> {
    list_function(Definition {
        chapter: JSON,
        call: "json_rows(value)",
        doc: "What UNNEST takes apart into several columns: the members of a JSON object as `[\"key\", value]`, the items \
              of a JSON array, a list as it is.",
        example: r#"json_rows('{"a": 1, "b": "x"}')"#,
        returns: text_list(),
        body: entries,
    })
}

fn entries(arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
    if arguments[0].is_list() {
        return arguments[0].column(rows);
    }
    let documents = documents(&arguments[0], rows)?;
    let mut out = ListBuilder::new(StringBuilder::new());
    for document in &documents {
        match document.and_then(members) {
            Some(Members::Object(members)) => {
                let entry = |(key, value)| Value::Array(vec![Value::String(key), value]).to_string();
                out.append_value(members.into_iter().map(|member| Some(entry(member))));
            }
            Some(Members::Array(items)) => out.append_value(items.iter().map(as_text)),
            None => out.append(true),
        }
    }
    Ok(Arc::new(out.finish()))
}

pub(super) fn json_member() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: JSON,
        call: "json_member(json, name, place)",
        doc: "The value of the member of a JSON object that has this name, in the same letter case or in any; of a JSON \
              array the item at a place from 1. It is what a field of `CAST(json AS row(name type))` is made of.",
        example: r#"json_member('{"userId": 7}', 'userid', 1)"#,
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let (documents, names) = (Texts::new(&arguments[0])?, Texts::new(&arguments[1])?);
            let places = integers(&arguments[2], rows)?;
            let member = |row: usize| match members(documents.get(row)?)? {
                Members::Object(members) => {
                    let name = names.get(row)?;
                    let exact = members.iter().find(|(key, _)| key == name);
                    let any = || members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    as_text(&exact.or_else(any)?.1)
                }
                Members::Array(items) => {
                    let place = places.is_valid(row).then(|| places.value(row))?;
                    as_text(items.get(usize::try_from(place.checked_sub(1)?).ok()?)?)
                }
            };
            Ok(Arc::new((0..rows).map(member).collect::<StringArray>()))
        },
    })
}

pub(super) fn row_field() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::from(RowField { signature }))
    });
    Arc::clone(&FUNCTION)
}

/// `row_field(row, number)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RowField {
    signature: Signature,
}

/// The fields of a struct that can be counted. `ARNPrefix` of an entry of `resources` is not in AWS's table, whose rows
/// are ARN, account and type.
fn counted(fields: &Fields) -> impl Iterator<Item = (usize, &FieldRef)> {
    fields.iter().enumerate().filter(|(_, field)| field.name() != "arnprefix")
}

impl ScalarUDFImpl for RowField {
    fn name(&self) -> &'static str {
        "row_field"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("row_field needs a constant number")
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let number = arguments.scalar_arguments.get(1).copied().flatten().and_then(number);
        let [row, _] = arguments.arg_fields else { return plan_err!("row_field takes 2 arguments") };
        let data_type = match (row.data_type(), number) {
            (DataType::Struct(fields), Some(number)) => match counted(fields).nth(number) {
                Some((_, field)) => field.data_type().clone(),
                None => return plan_err!("a row of {} fields has no field {}", fields.len(), number + 1),
            },
            (text, Some(_)) if is_text(text) || *text == DataType::Null => DataType::Utf8,
            (other, _) => {
                return plan_err!("row_field needs a struct or JSON and a constant number, not {other}");
            }
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [row, ColumnarValue::Scalar(at)] = arguments.args.as_slice() else {
            return plan_err!("row_field needs a constant number");
        };
        let Some(at) = number(at) else { return plan_err!("row_field counts from 1") };
        let rows = row.to_array(arguments.number_rows)?;
        if let DataType::Struct(fields) = rows.data_type() {
            let Some((at, _)) = counted(fields).nth(at) else { return plan_err!("there is no such field") };
            let fields = rows.as_struct();
            // A struct that is NULL hides what its fields hold.
            let (field, nulls) = (fields.column(at), fields.nulls());
            let Some(nulls) = nulls else { return Ok(ColumnarValue::Array(Arc::clone(field))) };
            let is_null = datafusion::arrow::array::BooleanArray::new(!nulls.inner(), None);
            return Ok(ColumnarValue::Array(datafusion::arrow::compute::nullif(field, &is_null)?));
        }
        let documents = Texts::new(&Argument::new(ColumnarValue::Array(rows))?)?;
        let field = |row: usize| as_text(members(documents.get(row)?)?.values().nth(at)?);
        let fields = (0..arguments.number_rows).map(field).collect::<StringArray>();
        Ok(ColumnarValue::Array(Arc::new(fields)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            documentation(
                JSON,
                "row_field(row, number)",
                "A field of a struct, an item of a JSON array or the value of a member of a JSON object, by its place, \
                 counted from 1.",
                r#"row_field('["key", 7]', 2)"#,
            )
        });
        Some(&DOCUMENTATION)
    }
}

/// A place counted from 1 as one counted from 0.
fn number(value: &ScalarValue) -> Option<usize> {
    match value {
        ScalarValue::Int64(Some(number)) => usize::try_from(number.checked_sub(1)?).ok(),
        _ => None,
    }
}
