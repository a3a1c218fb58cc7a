//! `json_path(text, step…)` → text: a value inside of a JSON text.

use crate::names::planner::is_str;
use datafusion::arrow::array::{Array, AsArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiter::{Jiter, Peek};
use std::sync::{Arc, LazyLock};

/// The function.
pub(crate) fn json_path() -> Arc<ScalarUDF> {
    static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        Arc::new(ScalarUDF::from(JsonPath { sig: Signature::variadic_any(Volatility::Immutable) }))
    });
    Arc::clone(&UDF)
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct JsonPath {
    sig: Signature,
}
enum Step {
    Key(String),
    Idx(usize),
}
fn walk(js: &str, steps: &[Step], out: &mut StringBuilder) -> Option<()> {
    let mut j = Jiter::new(js.as_bytes());
    let mut p = j.peek().ok()?;
    for (n, s) in steps.iter().enumerate() {
        p = match (s, p) {
            (Step::Key(k), Peek::Object) => {
                let mut key = j.known_object().ok()?;
                loop {
                    let hit = key? == k;
                    let p = j.peek().ok()?;
                    if hit {
                        break p;
                    }
                    j.known_skip(p).ok()?;
                    key = j.next_key().ok()?;
                }
            }
            (Step::Idx(i), Peek::Array) => {
                let mut p = j.known_array().ok()??;
                for _ in 0..*i {
                    j.known_skip(p).ok()?;
                    p = j.array_step().ok()??;
                }
                p
            }
            (_, Peek::String) => {
                let inner = j.known_str().ok()?.trim_start();
                if !inner.starts_with(['{', '[']) {
                    return None;
                }
                return walk(inner, &steps[n..], out);
            }
            _ => return None,
        };
    }
    match p {
        Peek::Null => None,
        Peek::String => {
            out.append_value(j.known_str().ok()?);
            Some(())
        }
        _ => {
            let start = j.current_index();
            j.known_skip(p).ok()?;
            out.append_value(&js[start..j.current_index()]);
            Some(())
        }
    }
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
            Ok(Step::Idx(index))
        }
        _ => exec_err!("bad JSON path step {value}"),
    }
}

impl ScalarUDFImpl for JsonPath {
    fn name(&self) -> &'static str {
        "json_path"
    }
    fn signature(&self) -> &Signature {
        &self.sig
    }
    fn return_type(&self, t: &[DataType]) -> Result<DataType> {
        if t.is_empty() || !(is_str(&t[0]) || t[0] == DataType::Null) {
            return plan_err!("json_path needs JSON text");
        }
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, a: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let steps: Vec<Step> = a.args[1..].iter().map(step).collect::<Result<_>>()?;
        let arr = a.args[0].to_array(a.number_rows)?;
        let mut out = StringBuilder::with_capacity(arr.len(), 0);
        let mut each = |v: Option<&str>| {
            if v.and_then(|v| walk(v, &steps, &mut out)).is_none() {
                out.append_null();
            }
        };
        match arr.data_type() {
            DataType::Utf8View => arr.as_string_view().iter().for_each(&mut each),
            DataType::Utf8 => arr.as_string::<i32>().iter().for_each(&mut each),
            DataType::LargeUtf8 => arr.as_string::<i64>().iter().for_each(&mut each),
            _ => (0..arr.len()).for_each(|_| each(None)),
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }
}
