//! Conditions on thousands of values, as one function over a set.
//!
//! A statement with an `IN` list of thousands is rewritten, item by item, in each pass of the planner: eight thousand ids
//! took more than a second before the first row was read. A short list stays one, since the statistics and bloom filters of files
//! answer it.

use super::windows::Windows;
use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, ident, lit,
};
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Values, or windows, that are a list of alternatives; more of them are a set.
const LISTED: usize = 32;

/// Whether `column` is one of `texts`.
pub(super) fn one_of(column: &str, texts: &HashSet<String>) -> Expr {
    if texts.len() <= LISTED {
        return ident(column).in_list(texts.iter().map(lit).collect(), false);
    }
    called(Set::Texts(texts.clone()), column)
}

/// Whether `column` is a time in `windows`.
pub(super) fn within(column: &str, windows: &Windows) -> Expr {
    let time = |micros| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    let between = |(from, until)| ident(column).gt_eq(time(from)).and(ident(column).lt_eq(time(until)));
    let Some(bounds) = windows.bounds() else { return lit(false) };
    if windows.len() <= LISTED {
        return windows.iter().map(between).reduce(Expr::or).unwrap_or_else(|| lit(false));
    }
    between(bounds).and(called(Set::Times(windows.clone()), column))
}

fn called(set: Set, column: &str) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(Among { set: Arc::new(set), signature }).call(vec![ident(column)])
}

#[derive(Debug)]
enum Set {
    Texts(HashSet<String>),
    Times(Windows),
}

/// Whether a value is in a set; NULL has no answer.
#[derive(Debug)]
struct Among {
    set: Arc<Set>,
    signature: Signature,
}

impl PartialEq for Among {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.set, &other.set)
    }
}

impl Eq for Among {}

impl Hash for Among {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.set).hash(state);
    }
}

impl ScalarUDFImpl for Among {
    fn name(&self) -> &'static str {
        "among"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(values) = arguments.args.first() else { return exec_err!("a set is asked for nothing") };
        let values = values.to_array(arguments.number_rows)?;
        let is_in = match self.set.as_ref() {
            Set::Texts(texts) => {
                let values = cast(&values, &DataType::Utf8View)?;
                let values = values.as_string_view().iter();
                values.map(|value| value.map(|value| texts.contains(value))).collect::<BooleanArray>()
            }
            Set::Times(windows) => {
                let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let values = cast(&values, &micros)?;
                let values = values.as_primitive::<TimestampMicrosecondType>().iter();
                values.map(|value| value.map(|value| windows.has(value))).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(is_in)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    /// Short lists, which are the engine's own, are the oracle of long ones.
    #[tokio::test]
    async fn a_set_answers_as_a_list_does() {
        let session = SessionContext::new();
        let numbers = "select to_timestamp_micros(value) as t, cast(value as varchar) as s from range(0, 400) as r(value) \
                       union all select null, null";
        let rows = session.sql(numbers).await.unwrap().cache().await.unwrap();
        let count = async |filter: Expr| rows.clone().filter(filter).unwrap().count().await.unwrap();
        let texts = |count: usize| (0..count).map(|number| (3 * number).to_string()).collect::<HashSet<_>>();
        let windows = |count: i64| Windows::of((0..count).map(|number| (10 * number, 10 * number + 2)));
        for (short, long) in [(LISTED, LISTED + 1), (1, 100)] {
            assert_eq!(count(one_of("s", &texts(short))).await, short);
            assert_eq!(count(one_of("s", &texts(long))).await, long);
        }
        for (few, many) in [(LISTED, LISTED + 1), (0, 40)] {
            assert_eq!(count(within("t", &windows(i64::try_from(few).unwrap()))).await, 3 * few);
            assert_eq!(count(within("t", &windows(i64::try_from(many).unwrap()))).await, 3 * many);
        }
        assert!(matches!(one_of("s", &texts(LISTED)), Expr::InList(_)));
        assert!(matches!(one_of("s", &texts(LISTED + 1)), Expr::ScalarFunction(_)));
    }
}
