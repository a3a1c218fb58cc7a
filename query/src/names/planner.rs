//! One step of a path → a field of a struct, its leaf column, or a JSON lookup.

use super::compare::{lenient, typed};
use super::{DOCUMENTED, is_json_column, is_known, nearest};
use crate::functions::json_path::json_path;
use crate::functions::scalar::is_text;
use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, plan_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit, try_cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::sync::Arc;

/// The planner hook.
#[derive(Debug)]
pub(crate) struct Paths;

impl ExprPlanner for Paths {
    /// A JSON text against a number, boolean or time: the text is cast; a text column against a bare number is compared
    /// as text. It must happen here, since a function rewrite runs after the select list has been typed, which fails
    /// for a text that equals a boolean.
    fn plan_binary_op(
        &self,
        operation: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator::{Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Plus};
        let RawBinaryExpr { op, left, right } = &operation;
        if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | Plus | Minus | Multiply | Divide | Modulo) {
            return Ok(PlannerResult::Original(operation));
        }
        let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
        let is_equality = matches!(op, Eq | NotEq);
        let cast = |expr: &Expr, own: &DataType, other: &Expr, others: &DataType| {
            let as_text = || (is_equality && is_text(others)).then(|| number_as_text(expr, other)).flatten();
            // The other side becomes a text, and this one stays a bare column.
            let stays = is_equality && number_as_text(other, expr).is_some();
            let as_other = || (!stays && is_text(own)).then(|| text_as(expr, others)).flatten();
            typed(expr, others)
                .or_else(|| text_as_boolean(expr, own, others))
                .or_else(as_text)
                .or_else(as_other)
        };
        let new_left = cast(left, &left_type, right, &right_type);
        let new_right = cast(right, &right_type, left, &left_type);
        Ok(PlannerResult::Original(RawBinaryExpr {
            op: op.clone(),
            left: new_left.unwrap_or_else(|| left.clone()),
            right: new_right.unwrap_or_else(|| right.clone()),
        }))
    }

    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let data_type = access.expr.get_type(schema)?;
        let RawFieldAccessExpr { field_access, expr } = &access;
        let planned = match (field_access, &data_type) {
            (GetFieldAccess::NamedStructField { name }, DataType::Struct(fields)) => {
                let Some(Some(name)) = name.try_as_str() else { return Ok(PlannerResult::Original(access)) };
                struct_field(expr.clone(), name, fields, schema)?
            }
            (GetFieldAccess::NamedStructField { name }, text) if is_text(text) => {
                match json_column(expr, name, schema) {
                    Some(column) => column,
                    None => json_key(expr.clone(), name)?,
                }
            }
            (GetFieldAccess::ListIndex { key }, text) if is_text(text) => {
                json_step(expr.clone(), key.as_ref().clone())
            }
            (GetFieldAccess::NamedStructField { name }, DataType::List(_)) => {
                return plan_err!("{expr} is a list: use {expr}[1].{name} or UNNEST({expr})");
            }
            _ => return Ok(PlannerResult::Original(access)),
        };
        Ok(PlannerResult::Planned(planned))
    }
}

/// The literal `'true'` beside a boolean.
fn text_as_boolean(expr: &Expr, own: &DataType, other: &DataType) -> Option<Expr> {
    let is_it = matches!(expr, Expr::Literal(..)) && is_text(own) && *other == DataType::Boolean;
    is_it.then(|| try_cast(expr.clone(), DataType::Boolean))
}

/// The literal `123` beside a text column: so the column stays bare, which prunes, and no value can fail to parse.
fn number_as_text(expr: &Expr, other: &Expr) -> Option<Expr> {
    match (expr, other) {
        (Expr::Literal(value @ (ScalarValue::Int64(_) | ScalarValue::Boolean(_)), _), Expr::Column(_)) => {
            Some(lit(value.to_string()))
        }
        _ => None,
    }
}

/// A text that is no literal, beside something else: what a CTE made of a JSON value.
fn text_as(expr: &Expr, other: &DataType) -> Option<Expr> {
    if matches!(expr, Expr::Literal(..)) { None } else { lenient(expr, other) }
}

/// A field of a struct: its leaf column wherever that is in scope, so that no optimizer rule has to fold a struct.
fn struct_field(expr: Expr, name: &str, fields: &Fields, schema: &DFSchema) -> Result<Expr> {
    let Some(field) = fields.iter().find(|field| field.name().eq_ignore_ascii_case(name)) else {
        let names = fields.iter().map(|field| field.name().as_str());
        let hint = nearest(name, names.clone()).map(|near| format!(" Did you mean '{near}'?"));
        let names = names.collect::<Vec<_>>().join(", ");
        return plan_err!("No field '{name}' in {expr}.{} Fields: {names}", hint.unwrap_or_default());
    };
    let field = get_field(expr, field.name().as_str());
    Ok(match leaf_column(&field) {
        Some(column) if schema.has_column(&column) => Expr::Column(column),
        _ => field,
    })
}

/// `useridentity` and steps of `get_field` → its flat column.
fn leaf_column(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Column(column) => Some(column.clone()),
        Expr::ScalarFunction(function) if function.name() == "get_field" => {
            let [of, Expr::Literal(name, _)] = function.args.as_slice() else { return None };
            let mut column = leaf_column(of)?;
            column.name = format!("{}_{}", column.name, name.try_as_str()??.to_lowercase());
            Some(column)
        }
        _ => None,
    }
}

/// `eventJson.requestParameters` is a column itself: the record need not be put together.
fn json_column(expr: &Expr, name: &ScalarValue, schema: &DFSchema) -> Option<Expr> {
    let Expr::Column(record) = expr else { return None };
    let name = name.try_as_str()??;
    let column = name.to_lowercase();
    let is_it = record.name == "eventjson" && DOCUMENTED.contains(&name) && is_json_column(&column);
    let column = Column::new(record.relation.clone(), column);
    (is_it && schema.has_column(&column)).then_some(Expr::Column(column))
}

/// A key of a JSON text. A column of ours that is text, and no JSON, has none.
fn json_key(expr: Expr, name: &ScalarValue) -> Result<Expr> {
    if let Expr::Column(Column { name: column, .. }) = &expr
        && is_known(column)
        && !is_json_column(column)
    {
        return plan_err!("{column} is text, not an object: it has no field {name}");
    }
    Ok(json_step(expr, lit(name.clone())))
}

/// One more step into a JSON text; steps of one path share a call.
fn json_step(expr: Expr, step: Expr) -> Expr {
    let (function, mut arguments) = match expr {
        Expr::ScalarFunction(function) if function.name() == "json_path" => (function.func, function.args),
        expr => (json_path(), vec![expr]),
    };
    arguments.push(step);
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&function), arguments))
}
