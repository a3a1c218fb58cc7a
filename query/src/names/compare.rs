//! JSON texts take the type of what they are compared with, by `TRY_CAST`: one odd value must not stop a query.

use crate::functions::scalar::is_text;
use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions::datetime::expr_fn::to_char;
use datafusion::logical_expr::expr::{Between, Case, InList, InSubquery, Like, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, lit, try_cast};
use std::iter;
use std::sync::Arc;

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
            Expr::InList(InList { expr: of, list, negated }) => {
                let [of, list @ ..] = &alike(iter::once(of.as_ref()).chain(list), schema)?[..] else {
                    return Ok(Transformed::no(expr));
                };
                Some(Expr::InList(InList::new(Box::new(of.clone()), list.to_vec(), *negated)))
            }
            Expr::Between(Between { expr: of, negated, low, high }) => {
                let operands = [of, low, high].map(AsRef::as_ref);
                let [of, low, high] = &alike(operands.into_iter(), schema)?[..] else {
                    return Ok(Transformed::no(expr));
                };
                let [of, low, high] = [of, low, high].map(|operand| Box::new(operand.clone()));
                Some(Expr::Between(Between::new(of, *negated, low, high)))
            }
            Expr::InSubquery(InSubquery { expr: of, subquery, negated }) => {
                let column = subquery.subquery.schema().field(0).data_type();
                let cast = typed(of, column).map(Box::new);
                cast.map(|cast| Expr::InSubquery(InSubquery::new(cast, subquery.clone(), *negated)))
            }
            Expr::Case(case) => cased(case, schema)?.map(Expr::Case),
            Expr::ScalarFunction(function) if function.name() == "coalesce" => {
                let arguments = alike(function.args.iter(), schema)?;
                Some(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&function.func), arguments)))
            }
            _ => None,
        };
        Ok(match rewritten {
            Some(rewritten) if rewritten != expr => Transformed::yes(rewritten),
            _ => Transformed::no(expr),
        })
    }
}

/// Operands of which one may be a number, boolean or time: then JSON texts among them become that, and so do literal
/// texts beside a JSON text.
fn alike<'a>(operands: impl Iterator<Item = &'a Expr> + Clone, schema: &DFSchema) -> Result<Vec<Expr>> {
    let types = operands.clone().map(|operand| operand.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let other = types.iter().find(|data_type| !is_text(data_type) && **data_type != DataType::Null);
    let (Some(other), true) = (other, operands.clone().any(is_json)) else {
        return Ok(operands.cloned().collect());
    };
    let cast = |(operand, own): (&Expr, &DataType)| {
        let cast = is_text(own).then(|| lenient(operand, other)).flatten();
        cast.unwrap_or_else(|| operand.clone())
    };
    Ok(operands.zip(&types).map(cast).collect())
}

/// `CASE path WHEN 50 …`; `None` if there is nothing to cast.
fn cased(case: &Case, schema: &DFSchema) -> Result<Option<Case>> {
    let Some(of) = &case.expr else { return Ok(None) };
    let whens = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
    let mut operands = alike(iter::once(of.as_ref()).chain(whens), schema)?.into_iter();
    let of = operands.next().map(Box::new);
    let thens = case.when_then_expr.iter().map(|(_, then)| then.clone());
    let when_then = operands.map(Box::new).zip(thens).collect();
    Ok(Some(Case::new(of, when_then, case.else_expr.clone())))
}

/// `expr` as the type of what it is compared with, NULL where it does not convert; `None` for types that texts compare
/// with as they are.
pub(super) fn lenient(expr: &Expr, other: &DataType) -> Option<Expr> {
    match other {
        number if number.is_numeric() => Some(try_cast(expr.clone(), DataType::Float64)),
        DataType::Boolean | DataType::Timestamp(..) => Some(try_cast(expr.clone(), other.clone())),
        _ => None,
    }
}

/// A JSON text as the type that it is compared with; `None` for other expressions, and for types that texts compare
/// with as they are.
pub(super) fn typed(expr: &Expr, other: &DataType) -> Option<Expr> {
    if is_json(expr) { lenient(expr, other) } else { None }
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
