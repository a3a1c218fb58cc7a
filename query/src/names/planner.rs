//! One step of a path → a field of a struct, its leaf column, or a JSON lookup.

use super::compare::typed;
use super::{is_json_column, known, nearest};
use crate::functions::json_path::json_path;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, plan_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit, try_cast};
use datafusion::sql::sqlparser::ast;

/// `useridentity` and steps of `get_field` → its flat column.
fn flat_of(e: &Expr) -> Option<Column> {
    match e {
        Expr::Column(c) => Some(c.clone()),
        Expr::ScalarFunction(f) if f.name() == "get_field" && f.args.len() == 2 => {
            let mut c = flat_of(&f.args[0])?;
            let Expr::Literal(v, _) = &f.args[1] else { return None };
            c.name = format!("{}_{}", c.name, v.try_as_str()??.to_lowercase());
            Some(c)
        }
        _ => None,
    }
}
#[derive(Debug)]
pub(crate) struct Paths;
pub(crate) fn is_str(t: &DataType) -> bool {
    matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}
pub(crate) fn json_step(e: Expr, step: Expr) -> Expr {
    if let Expr::ScalarFunction(f) = &e
        && f.name() == "json_path"
    {
        let mut args = f.args.clone();
        args.push(step);
        return Expr::ScalarFunction(ScalarFunction::new_udf(std::sync::Arc::clone(&f.func), args));
    }
    Expr::ScalarFunction(ScalarFunction::new_udf(json_path(), vec![e, step]))
}
impl ExprPlanner for Paths {
    /// JSON text against a number/boolean/timestamp -> `TRY_CAST` of the JSON side; a boolean column against 'true' -> `TRY_CAST` of the literal.
    /// Must happen here: a `FunctionRewrite` runs after the SELECT list has been typed, which already fails for Utf8 = Boolean.
    fn plan_binary_op(&self, r: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use ast::BinaryOperator::{Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Plus};
        if !matches!(r.op, Eq | NotEq | Lt | LtEq | Gt | GtEq | Plus | Minus | Multiply | Divide | Modulo) {
            return Ok(PlannerResult::Original(r));
        }
        let (lt, rt) = (r.left.get_type(schema)?, r.right.get_type(schema)?);
        let fix = |e: &Expr, t: &DataType, o: &DataType| {
            typed(e, o).or_else(|| {
                (matches!(e, Expr::Literal(..)) && is_str(t) && *o == DataType::Boolean)
                    .then(|| try_cast(e.clone(), DataType::Boolean))
            })
        };
        // a text column against a bare number or boolean: compare as text, so the column stays bare (pruning) and no value can fail to parse
        let text = |e: &Expr, other: &Expr, ot: &DataType| match (e, other) {
            (Expr::Literal(v, _), Expr::Column(_))
                if is_str(ot)
                    && matches!(r.op, Eq | NotEq)
                    && matches!(v, ScalarValue::Int64(_) | ScalarValue::Boolean(_)) =>
            {
                Some(lit(v.to_string()))
            }
            _ => None,
        };
        let (l, rr) = (
            fix(&r.left, &lt, &rt).or(text(&r.left, &r.right, &rt)),
            fix(&r.right, &rt, &lt).or(text(&r.right, &r.left, &lt)),
        );
        Ok(PlannerResult::Original(RawBinaryExpr {
            op: r.op,
            left: l.unwrap_or(r.left),
            right: rr.unwrap_or(r.right),
        }))
    }
    fn plan_field_access(
        &self,
        r: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let t = r.expr.get_type(schema)?;
        Ok(match (&r.field_access, &t) {
            (GetFieldAccess::NamedStructField { name: ScalarValue::Utf8(Some(n)) }, DataType::Struct(fs)) => {
                let Some(f) = fs.iter().find(|f| f.name().eq_ignore_ascii_case(n)) else {
                    let hint = nearest(n, fs.iter().map(|f| f.name().as_str()))
                        .map(|h| format!(" Did you mean '{h}'?"))
                        .unwrap_or_default();
                    return plan_err!(
                        "No field '{n}' in {}.{hint} Fields: {}",
                        r.expr,
                        fs.iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ")
                    );
                };
                let g = get_field(r.expr, f.name().as_str());
                // leaf first: the path is a plain column wherever its leaf is in scope, so no optimizer rule has to fold a struct
                match flat_of(&g) {
                    Some(c) if schema.has_column(&c) => PlannerResult::Planned(Expr::Column(c)),
                    _ => PlannerResult::Planned(g),
                }
            }
            (GetFieldAccess::NamedStructField { name }, t) if is_str(t) => {
                if let Expr::Column(Column { name: c, .. }) = &r.expr
                    && known(c)
                    && !is_json_column(c)
                {
                    return plan_err!("{c} is text, not an object: it has no field {name}");
                }
                PlannerResult::Planned(json_step(r.expr, lit(name.clone())))
            }
            (GetFieldAccess::ListIndex { key }, t) if is_str(t) => {
                PlannerResult::Planned(json_step(r.expr.clone(), *key.clone()))
            }
            (GetFieldAccess::NamedStructField { name }, DataType::List(_)) => {
                return plan_err!("{} is a list: use {}[1].{name} or UNNEST({})", r.expr, r.expr, r.expr);
            }
            _ => PlannerResult::Original(r),
        })
    }
}
