//! `json_path(text, step…)` → text: a value inside of a JSON text.
//!
//! In: a JSON text, and constant steps: keys, and indexes from 0. Out: a string without its quotes, anything else as it
//! is written; NULL for an absent key, JSON null, a wrong type, and text that is no JSON. A string that holds JSON is
//! walked into. The text is read once, front to back, and no further than the value.

use super::scalar::{documentation, is_text};
use datafusion::arrow::array::{Array, AsArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    cast,
};
use jiter::{Jiter, Peek};
use std::sync::{Arc, LazyLock};
use trailhound_ingest::schema::{Kind, SCHEMA, SEARCHED, SEARCHED_IN, Table};

/// The function.
pub(crate) fn json_path() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let signature = Signature::variadic_any(Volatility::Immutable);
        Arc::new(ScalarUDF::from(JsonPath { signature }))
    });
    Arc::clone(&FUNCTION)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonPath {
    signature: Signature,
}

/// A step of a path.
enum Step {
    Key(String),
    Index(usize),
}

impl ScalarUDFImpl for JsonPath {
    fn name(&self) -> &'static str {
        "json_path"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(text) if is_text(text) || *text == DataType::Null => Ok(DataType::Utf8),
            _ => plan_err!("json_path needs JSON text"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let steps = arguments.args[1..].iter().map(step).collect::<Result<Vec<_>>>()?;
        let column = arguments.args[0].to_array(arguments.number_rows)?;
        let mut out = StringBuilder::with_capacity(column.len(), 0);
        let mut look_up = |document: Option<&str>| {
            if document.and_then(|document| walk(document, &steps, &mut out)).is_none() {
                out.append_null();
            }
        };
        match column.data_type() {
            DataType::Utf8View => column.as_string_view().iter().for_each(&mut look_up),
            DataType::Utf8 => column.as_string::<i32>().iter().for_each(&mut look_up),
            DataType::LargeUtf8 => column.as_string::<i64>().iter().for_each(&mut look_up),
            _ => (0..column.len()).for_each(|_| look_up(None)),
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }

    /// A path into a record that is put together from its columns is one into a column: nothing has to be put together. A
    /// path to a member that has a column of its own is that column.
    fn simplify(&self, arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(
            match through_record(&arguments, info)
                .or_else(|| column_of_member(&arguments, |column| info.get_data_type(column).ok()))
            {
                Some(simpler) => ExprSimplifyResult::Simplified(simpler),
                None => ExprSimplifyResult::Original(arguments),
            },
        )
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            documentation(
                super::json_values::CHAPTER,
                "json_path(json, step, …)",
                "The value at a path of keys and of indexes from 0, as a text; NULL where there is none. It is what \
                 `requestParameters.policy.Statement[0]` means.",
                r#"json_path('{"a":[{"b":7}]}', 'a', 0, 'b')"#,
            )
        });
        Some(&DOCUMENTATION)
    }
}

/// `json_path(event_json(named_struct('useridentity_arn', a, …)), 'userIdentity', 'arn')` → `a`.
fn through_record(arguments: &[Expr], info: &SimplifyContext) -> Option<Expr> {
    let called = |expr: &Expr, name: &str| match expr {
        Expr::ScalarFunction(function) if function.name() == name => Some(function.args.clone()),
        _ => None,
    };
    let (document, steps) = arguments.split_first()?;
    let record = called(document, "event_json")?;
    let fields = called(record.first()?, "named_struct")?;
    let text = |expr: &Expr| match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    };
    let keys = steps.iter().map_while(text).collect::<Vec<_>>();
    let (length, node) = (1..=keys.len()).find_map(|length| {
        let path = keys[..length].join(".");
        let mut columns = SCHEMA.columns(Table::Events).map(|(_, node)| node);
        Some((length, columns.find(|node| node.path == path)?))
    })?;
    let column = fields.chunks_exact(2).find(|pair| text(&pair[0]).as_deref() == Some(&node.column));
    let column = &column?[1];
    let data_type = info.get_data_type(column).ok()?;
    if !matches!(data_type, DataType::Utf8 | DataType::Utf8View) {
        return None;
    }
    match node.kind {
        // Of the type that the path has; the engine compares through a cast of texts.
        Kind::Text if length == steps.len() => Some(match data_type {
            DataType::Utf8 => column.clone(),
            _ => cast(column.clone(), DataType::Utf8),
        }),
        Kind::Json => {
            let arguments = std::iter::once(column).chain(&steps[length..]).cloned().collect();
            Some(json_path().call(arguments))
        }
        _ => None,
    }
}

/// `json_path(requestparameters, 'bucketName', …)` → `json_path(requestparameters_bucketname, …)`, where that column is
/// in scope, as `type_of` says; without further steps the column itself.
pub(crate) fn column_of_member(
    arguments: &[Expr],
    type_of: impl Fn(&Expr) -> Option<DataType>,
) -> Option<Expr> {
    let [Expr::Column(of), Expr::Literal(key, _), behind @ ..] = arguments else { return None };
    // Tailpipe's name.
    if ![SEARCHED_IN, "request_parameters"].contains(&of.name.as_str()) {
        return None;
    }
    let key = key.try_as_str()??;
    let (_, name) = SEARCHED.iter().find(|(searched, _)| *searched == key)?;
    let column = Expr::Column(Column::new(of.relation.clone(), *name));
    let data_type = type_of(&column)?;
    Some(match behind {
        [] if data_type == DataType::Utf8 => column,
        [] => cast(column, DataType::Utf8),
        _ => json_path().call(std::iter::once(column).chain(behind.iter().cloned()).collect()),
    })
}

/// A step of a path, which must be a constant: a key, or an index from 0.
fn step(argument: &ColumnarValue) -> Result<Step> {
    let ColumnarValue::Scalar(value) = argument else {
        return exec_err!("JSON path steps must be constants");
    };
    match (value.try_as_str(), value) {
        (Some(Some(key)), _) => Ok(Step::Key(key.into())),
        (_, ScalarValue::Int64(Some(index))) => {
            let Ok(index) = usize::try_from(*index) else {
                return exec_err!("JSON path index {index} is negative");
            };
            Ok(Step::Index(index))
        }
        _ => exec_err!("bad JSON path step {value}"),
    }
}

/// Appends the value at the end of the path; `None`, with nothing appended, if there is none.
fn walk(document: &str, steps: &[Step], out: &mut StringBuilder) -> Option<()> {
    let mut json = Jiter::new(document.as_bytes());
    let mut next = json.peek().ok()?;
    for (number, step) in steps.iter().enumerate() {
        next = match (step, next) {
            (Step::Key(key), Peek::Object) => member(&mut json, key)?,
            (Step::Index(index), Peek::Array) => item(&mut json, *index)?,
            (_, Peek::String) => {
                let inner = json.known_str().ok()?.trim_start();
                return inner.starts_with(['{', '[']).then(|| walk(inner, &steps[number..], out))?;
            }
            _ => return None,
        };
    }
    match next {
        Peek::Null => return None,
        Peek::String => out.append_value(json.known_str().ok()?),
        _ => {
            let start = json.current_index();
            json.known_skip(next).ok()?;
            out.append_value(&document[start..json.current_index()]);
        }
    }
    Some(())
}

/// The texts at several paths of keys, in one pass: what `json_path` gives for each, but an empty text is none. No path may
/// lead through the end of another.
pub(crate) fn texts_at<const N: usize>(document: &str, paths: [&[&str]; N]) -> [Option<String>; N] {
    let mut found = [const { None }; N];
    let mut json = Jiter::new(document.as_bytes());
    if json.peek().is_ok_and(|first| first == Peek::Object) {
        // What is damaged behind something does not take it back.
        let _ = texts_in(&mut json, document, &Below { paths, depth: 0 }, [true; N], &mut found);
    }
    found
}

/// Paths, of which so many steps are gone.
struct Below<'a, const N: usize> {
    paths: [&'a [&'a str]; N],
    depth: usize,
}

/// Looks for the paths that are `open` in the object that comes next; the first of a name counts.
fn texts_in<const N: usize>(
    json: &mut Jiter<'_>,
    document: &str,
    below: &Below<'_, N>,
    mut open: [bool; N],
    found: &mut [Option<String>; N],
) -> Option<()> {
    let Below { paths, depth } = *below;
    let mut key = json.known_object().ok()?;
    while let Some(name) = key {
        let mut here = [false; N];
        for number in (0..N).filter(|&number| open[number] && paths[number][depth] == name) {
            here[number] = true;
        }
        let value = json.peek().ok()?;
        match here.iter().position(|&is_here| is_here) {
            Some(number) if paths[number].len() == depth + 1 => {
                found[number] = Some(text(json, document, value)?).filter(|text| !text.is_empty());
            }
            Some(_) if value == Peek::Object => {
                texts_in(json, document, &Below { paths, depth: depth + 1 }, here, found)?;
            }
            _ => json.known_skip(value).ok()?,
        }
        for (open, here) in open.iter_mut().zip(here) {
            *open &= !here;
        }
        key = json.next_key().ok()?;
    }
    Some(())
}

/// The value that comes next, as a text; an empty one for null.
fn text(json: &mut Jiter<'_>, document: &str, value: Peek) -> Option<String> {
    if value == Peek::String {
        return Some(json.known_str().ok()?.to_owned());
    }
    let start = json.current_index();
    json.known_skip(value).ok()?;
    Some(if value == Peek::Null { String::new() } else { document[start..json.current_index()].to_owned() })
}

/// Goes to the value of `key` in the object that comes next.
fn member(json: &mut Jiter<'_>, key: &str) -> Option<Peek> {
    let mut found = json.known_object().ok()?? == key;
    loop {
        let value = json.peek().ok()?;
        if found {
            return Some(value);
        }
        json.known_skip(value).ok()?;
        found = json.next_key().ok()?? == key;
    }
}

/// Goes to the item `index` of the array that comes next.
fn item(json: &mut Jiter<'_>, index: usize) -> Option<Peek> {
    let mut value = json.known_array().ok()??;
    for _ in 0..index {
        json.known_skip(value).ok()?;
        value = json.array_step().ok()??;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const PATHS: [&[&str]; 4] = [&["a", "b"], &["a", "c"], &["b"], &["c", "a", "b"]];

    /// One path after the other.
    fn one_by_one(document: &str) -> [Option<String>; 4] {
        PATHS.map(|path| {
            let steps = path.iter().map(|key| Step::Key((*key).to_owned())).collect::<Vec<_>>();
            let mut out = StringBuilder::new();
            walk(document, &steps, &mut out)?;
            Some(out.finish().value(0).to_owned()).filter(|text| !text.is_empty())
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c\\\\\"é\n ]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from);
            let object = prop::collection::hash_map("[a-d]", inner, 0..4).prop_map(Value::from_iter);
            prop_oneof![1 => list, 3 => object]
        })
    }

    proptest! {
        #[test]
        fn several_paths_give_what_each_gives(document in value()) {
            let text = document.to_string();
            prop_assert_eq!(texts_at(&text, PATHS), one_by_one(&text));
        }
    }

    #[test]
    fn the_first_of_a_name_counts_and_damage_behind_takes_nothing_back() {
        for (document, expected) in [
            (r#"{"b":"","b":"x"}"#, None),
            (r#"{"b":null,"b":"x"}"#, None),
            (r#"{"b":"x","b":"y"}"#, Some("x")),
            (r#"{"b":"x","c":"#, Some("x")),
            (r#"["b"]"#, None),
            ("", None),
        ] {
            assert_eq!(texts_at(document, PATHS)[2].as_deref(), expected, "{document}");
            assert_eq!(one_by_one(document)[2].as_deref(), expected, "{document}");
        }
    }
}
