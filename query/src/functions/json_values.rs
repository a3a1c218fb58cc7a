//! `json_values(json, path)` → list of texts: every value at a path that may fan out, as in `a.items[*].b`; and
//! `json_items(json)`, the items of an array.

use super::scalar::{function, list_function, text, text_list, texts};
use datafusion::arrow::array::{Array, ArrayRef, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;
use std::sync::Arc;

/// A step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(String),
    Index(usize),
    /// All items of an array. A value that is no array counts as an array of one, since AWS writes a list of one
    /// without brackets where the service speaks XML (`Rule` of `PutBucketLifecycle`).
    All,
}

/// `json_values(json, path)`: `path` is a constant: keys, `[0]`, `[*]`. JSON null and absent keys give nothing; an
/// object or array gives its JSON text.
pub(super) fn json_values() -> Arc<ScalarUDF> {
    function("json_values", 2, text_list(), values)
}

fn values(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (documents, paths) = (texts(&arguments[0])?, texts(&arguments[1])?);
    let mut out = ListBuilder::new(StringBuilder::new());
    let mut steps: Option<(String, Vec<Step>)> = None;
    for row in 0..documents.len() {
        let Some(path) = text(&paths, row) else {
            out.append(true);
            continue;
        };
        if steps.as_ref().is_none_or(|(known, _)| known != path) {
            let Some(parsed) = parse(path) else {
                return exec_err!("json_values: {path:?} is not a path such as 'items[*].userId'");
            };
            steps = Some((path.to_owned(), parsed));
        }
        if let (Some(document), Some((_, steps))) = (text(&documents, row), &steps) {
            collect(document, steps, out.values());
        }
        out.append(true);
    }
    Ok(Arc::new(out.finish()))
}

/// `json_items(value)` → list: the items of a JSON array as texts, a value that is no array as a list of one; a list as
/// it is. It is what UNNEST is given, which asks for a list where Trino's has one.
pub(super) fn json_items() -> Arc<ScalarUDF> {
    list_function("json_items", |arguments| {
        if matches!(arguments[0].data_type(), DataType::List(_)) {
            return Ok(Arc::clone(&arguments[0]));
        }
        let documents = texts(&arguments[0])?;
        let mut out = ListBuilder::new(StringBuilder::new());
        for row in 0..documents.len() {
            if let Some(document) = text(&documents, row) {
                collect(document, &[Step::All], out.values());
            }
            out.append(true);
        }
        Ok(Arc::new(out.finish()))
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
