//! `try_int`, `any_at_most`: numbers that are written as texts.

use super::arguments::{Lists, Texts};
use super::scalar::{Definition, function, truths};
use datafusion::arrow::array::Int64Array;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

const CHAPTER: &str = "Numbers";

pub(super) fn try_int() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "try_int(text)",
        doc: "The whole number that a text is, also one with a fraction of zero, `30.0`; NULL for everything else.",
        example: "try_int('30')",
        returns: DataType::Int64,
        body: |arguments, rows| {
            let texts = Texts::new(&arguments[0])?;
            Ok(Arc::new((0..rows).map(|row| texts.get(row).and_then(whole)).collect::<Int64Array>()))
        },
    })
}

pub(super) fn any_at_most() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "any_at_most(list, number)",
        doc: "Whether an item of the list is a number, and not greater than this one.",
        example: "any_at_most(make_array('365', '1'), 7)",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (lists, numbers) = (Lists::new(&arguments[0])?, Texts::new(&arguments[1])?);
            truths(rows, |row| {
                let most = numbers.get(row).and_then(number);
                most.is_some_and(|most| lists.items(row).filter_map(number).any(|item| item <= most))
            })
        },
    })
}

fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let (digits, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_zero = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    is_zero.then(|| digits.parse().ok()).flatten()
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_has_no_fraction() {
        for (text, expected) in [
            ("30", Some(30)),
            (" -7 ", Some(-7)),
            ("30.0", Some(30)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("30.5", None),
            ("30.", None),
            (".0", None),
            ("1e3", None),
            ("", None),
            ("thirty", None),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_small() {
        for text in ["-inf", "nan", "", "x", "0x1"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number("1e-3"), Some(0.001));
    }
}
