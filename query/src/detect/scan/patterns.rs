//! Patterns of conditions, compiled once for a run.
//!
//! The engine compiles a constant pattern anew for each batch that it is held against, and a batch here is the few rows of
//! one source and name: compiling was nine tenths of what a rule with a pattern cost.

use datafusion::arrow::array::{ArrayRef, BooleanArray, StringArrayType, cast::AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use regex::Regex;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// `expr`, which was simplified, with its constant patterns compiled. One that is none is for the engine to refuse.
pub(super) fn compiled(expr: Expr) -> Result<Expr> {
    let compiled = expr.transform_up(|expr| {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else {
            return Ok(Transformed::no(expr));
        };
        let (flags, is_not) = match op {
            Operator::RegexMatch => ("", false),
            Operator::RegexNotMatch => ("", true),
            Operator::RegexIMatch => ("(?i)", false),
            Operator::RegexNotIMatch => ("(?i)", true),
            _ => return Ok(Transformed::no(expr)),
        };
        let Expr::Literal(pattern, _) = right.as_ref() else { return Ok(Transformed::no(expr)) };
        let pattern = pattern.try_as_str().flatten().map(|pattern| Regex::new(&format!("{flags}{pattern}")));
        let Some(Ok(pattern)) = pattern else { return Ok(Transformed::no(expr)) };
        let is_met = ScalarUDF::from(Pattern::new(pattern)).call(vec![left.as_ref().clone()]);
        Ok(Transformed::yes(if is_not { !is_met } else { is_met }))
    });
    Ok(compiled?.data)
}

/// Whether a text has something that fits; NULL has no answer.
#[derive(Debug)]
struct Pattern {
    pattern: Regex,
    signature: Signature,
}

impl Pattern {
    fn new(pattern: Regex) -> Self {
        let signature = Signature::string(1, Volatility::Immutable);
        Self { pattern, signature }
    }

    fn met<'a>(&self, texts: &impl StringArrayType<'a>) -> ArrayRef {
        let met = texts.iter().map(|text| text.map(|text| self.pattern.is_match(text)));
        Arc::new(met.collect::<BooleanArray>())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.pattern.as_str() == other.pattern.as_str()
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pattern.as_str().hash(state);
    }
}

impl ScalarUDFImpl for Pattern {
    fn name(&self) -> &'static str {
        "fits"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = match args.args.into_iter().next() {
            Some(ColumnarValue::Array(texts)) => texts,
            Some(ColumnarValue::Scalar(text)) => {
                let met = text.try_as_str().flatten().map(|text| self.pattern.is_match(text));
                return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(met)));
            }
            None => return exec_err!("a pattern has nothing to fit"),
        };
        Ok(ColumnarValue::Array(match texts.data_type() {
            DataType::Utf8 => self.met(&texts.as_string::<i32>()),
            DataType::LargeUtf8 => self.met(&texts.as_string::<i64>()),
            DataType::Utf8View => self.met(&texts.as_string_view()),
            other => return exec_err!("a pattern is for texts, and not for {other}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{RecordBatch, StringArray};
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::{binary_expr, ident, lit};
    use datafusion::prelude::SessionContext;

    /// The engine's own answer is the oracle.
    #[test]
    fn answers_are_those_of_the_engine() {
        let texts = [
            Some("Prowler/3"),
            Some("prowler"),
            Some(""),
            None,
            Some("a\nb"),
            Some("ü-Kali5"),
            Some("kalif"),
        ];
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Utf8, true)]));
        let array = Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
        let (state, schema) = (SessionContext::new().state(), DFSchema::try_from(schema).unwrap());
        let answer = |expr: Expr| {
            let expr = state.create_physical_expr(expr, &schema).unwrap();
            expr.evaluate(&rows).unwrap().into_array(rows.num_rows()).unwrap()
        };
        let operators =
            [Operator::RegexMatch, Operator::RegexNotMatch, Operator::RegexIMatch, Operator::RegexNotIMatch];
        for pattern in ["prowler", "^a$", "(?i)kali(?:[0-9]|\\b)", "", "a.b", "(?s)a.b", "\\bkali"] {
            for op in operators {
                let expr = binary_expr(ident("x"), op, lit(pattern));
                let ours = compiled(expr.clone()).unwrap();
                assert!(matches!(ours, Expr::ScalarFunction(_) | Expr::Not(_)), "{ours}");
                assert_eq!(answer(ours).as_ref(), answer(expr).as_ref(), "{op} {pattern}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_left() {
        let expr = binary_expr(ident("x"), Operator::RegexMatch, lit("("));
        assert_eq!(compiled(expr.clone()).unwrap(), expr);
    }
}
