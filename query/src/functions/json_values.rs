//! `json_values(json, path)` → list of texts: every value at a path that may fan out, as in `a.items[*].b`; and
//! `json_items(json)`, the items of an array.

use super::arguments::{Argument, Texts};
use super::scalar::{Definition, function, list_function, text_list};
use datafusion::arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;
use std::sync::Arc;

pub(super) const CHAPTER: &str = "JSON";

/// A step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(String),
    Index(usize),
    /// All items of an array. A value that is no array counts as an array of one, since AWS writes a list of one
    /// without brackets where the service speaks XML (`Rule` of `PutBucketLifecycle`).
    All,
}

/// JSON null and absent keys give nothing; an object or array gives its JSON text.
pub(super) fn json_values() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "json_values(json, path)",
        doc: "All values at a path that may fan out, as a list of texts. The path is made of keys, `[0]` and `[*]`; a \
              value that is no array counts as an array of one, and a text that holds JSON is walked into.",
        example: r#"json_values('{"items":[{"id":"i-1"},{"id":"i-2"}]}', 'items[*].id')"#,
        returns: text_list(),
        body: values,
    })
}

fn values(arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
    let (documents, paths) = (Texts::new(&arguments[0])?, Texts::new(&arguments[1])?);
    let mut out = ListBuilder::new(StringBuilder::new());
    let mut steps: Option<(String, Vec<Step>)> = None;
    for row in 0..rows {
        let Some(path) = paths.get(row) else {
            out.append(true);
            continue;
        };
        if steps.as_ref().is_none_or(|(known, _)| known != path) {
            let Some(parsed) = parse(path) else {
                return exec_err!("json_values: {path:?} is not a path such as 'items[*].userId'");
            };
            steps = Some((path.to_owned(), parsed));
        }
        if let (Some(document), Some((_, steps))) = (documents.get(row), &steps) {
            collect(document, steps, out.values());
        }
        out.append(true);
    }
    Ok(Arc::new(out.finish()))
}

/// It is what UNNEST is given, which asks for a list where Trino's has one.
pub(super) fn json_items() -> Arc<ScalarUDF> {
    list_function(Definition {
        chapter: CHAPTER,
        call: "json_items(json)",
        doc: "The items of a JSON array, as a list of texts; a value that is no array as a list of one; a list as it is.",
        example: "json_items('[1, \"x\"]')",
        returns: text_list(),
        body: |arguments, rows| {
            if matches!(arguments[0].data_type(), DataType::List(_)) {
                return arguments[0].column(rows);
            }
            let documents = Texts::new(&arguments[0])?;
            let mut out = ListBuilder::new(StringBuilder::new());
            for row in 0..rows {
                if let Some(document) = documents.get(row) {
                    collect(document, &[Step::All], out.values());
                }
                out.append(true);
            }
            Ok(Arc::new(out.finish()))
        },
    })
}

fn parse(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !key.is_empty() {
            steps.push(Step::Key(key.to_owned()));
        }
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(if index == "*" { Step::All } else { Step::Index(index.parse().ok()?) });
            rest = after;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

fn collect(document: &str, steps: &[Step], out: &mut StringBuilder) {
    if let Ok(value) = serde_json::from_str(document) {
        walk(&value, steps, out);
    }
}

fn walk(value: &Value, steps: &[Step], out: &mut StringBuilder) {
    let Some((step, rest)) = steps.split_first() else {
        match value {
            Value::Null => {}
            Value::String(text) => out.append_value(text),
            other => out.append_value(other.to_string()),
        }
        return;
    };
    match (step, value) {
        (Step::Key(key), Value::Object(members)) => {
            if let Some(member) = members.get(key) {
                walk(member, rest, out);
            }
        }
        (Step::Index(index), Value::Array(items)) => {
            if let Some(item) = items.get(*index) {
                walk(item, rest, out);
            }
        }
        (Step::All, Value::Array(items)) => items.iter().for_each(|item| walk(item, rest, out)),
        // A policy or a list that is itself a JSON text.
        (_, Value::String(inner)) if inner.trim_start().starts_with(['{', '[']) => collect(inner, steps, out),
        (Step::All, Value::Null) | (Step::Key(_) | Step::Index(_), _) => {}
        (Step::All, single) => walk(single, rest, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::AsArray;

    fn found(document: &str, path: &str) -> Vec<String> {
        let mut out = StringBuilder::new();
        collect(document, &parse(path).unwrap(), &mut out);
        let array: ArrayRef = Arc::new(out.finish());
        array.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }

    #[test]
    fn a_path_fans_out() {
        let document = r#"{"a":{"items":[{"b":"1"},{"b":2},{"c":3},{"b":null}]}}"#;
        assert_eq!(found(document, "a.items[*].b"), ["1", "2"]);
        assert_eq!(found(document, "a.items[2].c"), ["3"]);
        assert_eq!(found(document, "a.items[*]").len(), 4);
        assert!(found(document, "a.none[*].b").is_empty());
    }

    #[test]
    fn a_list_of_one_needs_no_brackets() {
        assert_eq!(found(r#"{"Rule":{"Days":1}}"#, "Rule[*].Days"), ["1"]);
        assert_eq!(found(r#"{"Rule":[{"Days":1},{"Days":2}]}"#, "Rule[*].Days"), ["1", "2"]);
    }

    #[test]
    fn json_in_a_text_is_walked_into() {
        assert_eq!(found(r#"{"p":"{\"s\":[1,2]}"}"#, "p.s[*]"), ["1", "2"]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "a[", "a[x]", "a]b["] {
            assert!(parse(path).is_none() || path == "a]b[", "{path}");
        }
    }
}
