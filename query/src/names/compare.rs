//! JSON texts take the type of what they are compared with, by `TRY_CAST`: one odd value must not stop a query.

use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions::datetime::expr_fn::to_char;
use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, lit, try_cast};

/// The rewrite.
#[derive(Debug)]
pub(crate) struct JsonCompare;

impl FunctionRewrite for JsonCompare {
    fn name(&self) -> &'static str {
        "json_compare"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let rewritten = match &expr {
            Expr::IsNull(of) => match of.get_type(schema)? {
                DataType::Struct(fields) => Some(all_null(of, &fields)),
                _ => None,
            },
            Expr::IsNotNull(of) => match of.get_type(schema)? {
                DataType::Struct(fields) => Some(!all_null(of, &fields)),
                _ => None,
            },
            Expr::Like(like) => match like.expr.get_type(schema)? {
                DataType::Timestamp(..) => Some(time_like(like)),
                _ => None,
            },
            Expr::InList(InList { expr: of, list, negated }) if !list.is_empty() => {
                let cast = typed(of, &list[0].get_type(schema)?);
                cast.map(|cast| Expr::InList(InList::new(Box::new(cast), list.clone(), *negated)))
            }
            Expr::Between(Between { expr: of, negated, low, high }) => {
                let cast = typed(of, &low.get_type(schema)?);
                let between = |cast| Between::new(Box::new(cast), *negated, low.clone(), high.clone());
                cast.map(|cast| Expr::Between(between(cast)))
            }
            _ => None,
        };
        Ok(rewritten.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

/// A JSON text as the type that it is compared with; `None` for other expressions, and for types that texts compare
/// with as they are.
pub(super) fn typed(expr: &Expr, other: &DataType) -> Option<Expr> {
    if !is_json(expr) {
        return None;
    }
    match other {
        number if number.is_numeric() => Some(try_cast(expr.clone(), DataType::Float64)),
        DataType::Boolean | DataType::Timestamp(..) => Some(try_cast(expr.clone(), other.clone())),
        _ => None,
    }
}

fn is_json(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(function) => function.name() == "json_path",
        Expr::Alias(alias) => is_json(&alias.expr),
        _ => false,
    }
}

/// A struct that the view builds is never NULL itself: it is absent when all its fields are.
fn all_null(expr: &Expr, fields: &Fields) -> Expr {
    let is_null = |name: &str, data_type: &DataType| {
        let field = get_field(expr.clone(), name);
        match data_type {
            DataType::Struct(fields) => all_null(&field, fields),
            _ => field.is_null(),
        }
    };
    let all = fields.iter().map(|field| is_null(field.name(), field.data_type()));
    all.reduce(Expr::and).unwrap_or_else(|| lit(true))
}

/// `eventTime LIKE '2024-05-01%'`: the time in AWS's own spelling.
fn time_like(like: &Like) -> Expr {
    let text = to_char(like.expr.as_ref().clone(), lit("%Y-%m-%dT%H:%M:%SZ"));
    Expr::Like(Like { expr: Box::new(text), ..like.clone() })
}
