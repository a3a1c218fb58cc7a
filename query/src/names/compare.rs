//! JSON texts take the type of what they are compared with, by `TRY_CAST`: one odd value must not stop a query.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, lit, try_cast};

#[derive(Debug)]
pub(crate) struct JsonCompare;
fn is_json(e: &Expr) -> bool {
    match e {
        Expr::ScalarFunction(f) => f.name() == "json_path",
        Expr::Alias(a) => is_json(&a.expr),
        _ => false,
    }
}
pub(crate) fn typed(e: &Expr, other: &DataType) -> Option<Expr> {
    if !is_json(e) {
        return None;
    }
    Some(match other {
        t if t.is_numeric() => try_cast(e.clone(), DataType::Float64),
        DataType::Boolean => try_cast(e.clone(), DataType::Boolean),
        t @ DataType::Timestamp(..) => try_cast(e.clone(), t.clone()),
        _ => return None,
    })
}
impl FunctionRewrite for JsonCompare {
    fn name(&self) -> &'static str {
        "json_compare"
    }
    fn rewrite(&self, e: Expr, s: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let ty = |e: &Expr| e.get_type(s);
        // a struct built by the view is never NULL: `struct IS NULL` means that all its fields are
        if let Expr::IsNull(x) | Expr::IsNotNull(x) = &e
            && let DataType::Struct(fs) = ty(x)?
        {
            fn all(x: &Expr, fs: &datafusion::arrow::datatypes::Fields) -> Expr {
                fs.iter()
                    .map(|f| {
                        let g = get_field(x.clone(), f.name().as_str());
                        match f.data_type() {
                            DataType::Struct(k) => all(&g, k),
                            _ => g.is_null(),
                        }
                    })
                    .reduce(Expr::and)
                    .unwrap_or(lit(true))
            }
            let n = all(x, &fs);
            return Ok(Transformed::yes(if matches!(e, Expr::IsNull(_)) { n } else { !n }));
        }
        if let Expr::Like(l) = &e
            && matches!(ty(&l.expr)?, DataType::Timestamp(..))
        {
            // eventTime LIKE '2024-05-01%'
            let mut l = l.clone();
            l.expr = Box::new(datafusion::functions::datetime::expr_fn::to_char(
                *l.expr,
                lit("%Y-%m-%dT%H:%M:%SZ"),
            ));
            return Ok(Transformed::yes(Expr::Like(l)));
        }
        Ok(match &e {
            Expr::InList(i) if !i.list.is_empty() => match typed(&i.expr, &ty(&i.list[0])?) {
                Some(x) => {
                    Transformed::yes(Expr::InList(InList::new(Box::new(x), i.list.clone(), i.negated)))
                }
                None => Transformed::no(e),
            },
            Expr::Between(b) => match typed(&b.expr, &ty(&b.low)?) {
                Some(x) => Transformed::yes(Expr::Between(Between::new(
                    Box::new(x),
                    b.negated,
                    b.low.clone(),
                    b.high.clone(),
                ))),
                None => Transformed::no(e),
            },
            _ => Transformed::no(e),
        })
    }
}
