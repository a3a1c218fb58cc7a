//! Calls of Trino's functions that are more than a macro: those that take a `JSONPath`, a pattern or a lambda apart.

use super::json_path::{self, Step};
use super::macros::{meaning, parse};
use super::patterns;
use super::unsupported;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, LambdaFunction, Subscript, UnaryOperator, Value, VisitMut,
    VisitorMut, visit_expressions_mut,
};
use std::ops::ControlFlow;

/// A call in DataFusion's terms; `None` leaves it alone, and words say why it cannot be done.
pub(super) fn expand(function: &Function) -> Option<Result<Expr, String>> {
    let [name] = function.name.0.as_slice() else { return None };
    let name = name.as_ident()?.value.to_lowercase();
    if let Some(why) = unsupported::function(&name) {
        return Some(Err(why));
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    let arguments = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    let arguments = arguments.collect::<Option<Vec<_>>>()?;
    let expanded = special(&name, &arguments, function).or_else(|| Some(Ok(meaning(&name, &arguments)?)))?;
    Some(expanded.map(|mut expr| {
        carry_over(function, list.duplicate_treatment, &mut expr);
        expr
    }))
}

/// FILTER, OVER and DISTINCT of a call that became others: they are for the aggregates among those.
fn carry_over(from: &Function, distinct: Option<DuplicateTreatment>, to: &mut Expr) {
    if from.filter.is_none() && from.over.is_none() && distinct.is_none() {
        return;
    }
    let _ = visit_expressions_mut(to, |expr| {
        if let Expr::Function(function) = expr
            && AGGREGATES.contains(&function.name.to_string().as_str())
        {
            function.filter = function.filter.take().or_else(|| from.filter.clone());
            function.over = function.over.take().or_else(|| from.over.clone());
            if let FunctionArguments::List(list) = &mut function.args {
                list.duplicate_treatment = list.duplicate_treatment.or(distinct);
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

/// The aggregates that calls become.
const AGGREGATES: [&str; 7] = [
    "approx_distinct",
    "approx_percentile_cont",
    "array_agg",
    "bool_and",
    "count",
    "first_value",
    "string_agg",
];

fn special(name: &str, arguments: &[Expr], function: &Function) -> Option<Result<Expr, String>> {
    match (name, arguments) {
        (
            "json_extract" | "json_extract_scalar" | "json_extract_string" | "json_query" | "json_value",
            [document, path],
        ) => Some(extract(document, path)),
        ("json_exists", [document, path]) => {
            Some(extract(document, path).map(|value| Expr::IsNotNull(Box::new(value))))
        }
        ("json_size", [document, path]) => Some(
            extract(document, path).and_then(|value| known(parse("cardinality(json_items($1))", &[value]))),
        ),
        ("element_at", [of, index]) => Some(element_at(of, index)),
        ("all_match", [list, Expr::Lambda(lambda)]) => {
            Some(known(meaning(name, &[list.clone(), negated(lambda)])))
        }
        ("date_format" | "date_parse" | "format_datetime" | "parse_datetime", [time, pattern]) => {
            Some(with_pattern(name, time, pattern))
        }
        ("strftime", [pattern, time]) if literal(pattern).is_some() => {
            Some(known(parse("to_char($1, $2)", &[time.clone(), pattern.clone()])))
        }
        ("contains", [network, address]) if literal(network).is_some_and(|text| text.contains('/')) => {
            Some(known(parse("ip_in($2, make_array($1))", &[network.clone(), address.clone()])))
        }
        ("listagg", [value]) => {
            Some(listagg(value, &Expr::value(Value::SingleQuotedString(String::new())), function))
        }
        ("listagg", [value, separator]) => Some(listagg(value, separator, function)),
        ("row", [..]) => Some(row(arguments)),
        ("try", [inner]) => Some(Ok(tried(inner))),
        _ => None,
    }
}

/// What has to be an expression, since it is ours.
fn known(expr: Option<Expr>) -> Result<Expr, String> {
    expr.ok_or_else(|| "this call is not understood".to_owned())
}

/// A path into a JSON text; one that fans out gives a list.
fn extract(document: &Expr, path: &Expr) -> Result<Expr, String> {
    let Some(path) = literal(path) else {
        return Err("a JSON path must be a literal text such as '$.a.b[0]'".to_owned());
    };
    let refused = || {
        format!(
            "'{path}' is no JSON path that is understood\nhint: keys, indexes and [*] are, as in '$.a[0].b[*]'"
        )
    };
    let steps = json_path::steps(path).ok_or_else(refused)?;
    if steps.is_empty() {
        return Ok(document.clone());
    }
    if steps.contains(&Step::All) {
        let path = json_path::fanned(&steps).ok_or_else(refused)?;
        let path = Expr::value(Value::SingleQuotedString(path));
        return known(parse("json_values($1, $2)", &[document.clone(), path]));
    }
    Ok(access(document, steps.into_iter().filter_map(access_step).collect()))
}

fn access_step(step: Step) -> Option<AccessExpr> {
    match step {
        Step::Key(key) => Some(subscript(key)),
        Step::Index(index) => Some(indexed(Expr::value(Value::Number(index.to_string(), false)))),
        Step::All => None,
    }
}

/// `element_at(object, 'key')`, `element_at(array, 1)`: what is read from JSON counts from 1 here, as arrays do.
fn element_at(of: &Expr, index: &Expr) -> Result<Expr, String> {
    match literal(index) {
        Some(key) => Ok(access(of, vec![subscript(key.to_owned())])),
        None => known(parse("array_element(json_items($1), $2)", &[of.clone(), index.clone()])),
    }
}

/// `x -> NOT body`.
fn negated(lambda: &LambdaFunction) -> Expr {
    let body = Expr::Nested(lambda.body.clone());
    let body = Box::new(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(body) });
    Expr::Lambda(LambdaFunction { body, ..lambda.clone() })
}

/// A call with a pattern of times, in the spelling of the function that does it here.
fn with_pattern(name: &str, time: &Expr, pattern: &Expr) -> Result<Expr, String> {
    let Some(text) = literal(pattern) else {
        return Err(format!("the pattern of {name} must be a literal text"));
    };
    let is_joda = name.ends_with("_datetime");
    let ours = if is_joda { patterns::of_joda(text) } else { patterns::of_mysql(text) }?;
    let pattern = Expr::value(Value::SingleQuotedString(ours));
    let meaning = if name.contains("parse") { "parse_time($1, $2)" } else { "to_char($1, $2)" };
    known(parse(meaning, &[time.clone(), pattern]))
}

/// `listagg(x, ',') WITHIN GROUP (ORDER BY y)` → `string_agg(x, ',' ORDER BY y)`.
fn listagg(value: &Expr, separator: &Expr, function: &Function) -> Result<Expr, String> {
    let mut expr = known(parse("string_agg(CAST($1 AS VARCHAR), $2)", &[value.clone(), separator.clone()]))?;
    if let Expr::Function(call) = &mut expr
        && let FunctionArguments::List(list) = &mut call.args
        && !function.within_group.is_empty()
    {
        // DISTINCT wants the order to be by what is put together.
        let order = function.within_group.iter().cloned().map(|mut key| {
            if key.expr == *value {
                key.expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(value.clone()),
                    data_type: datafusion::sql::sqlparser::ast::DataType::Varchar(None),
                    array: false,
                    format: None,
                };
            }
            key
        });
        list.clauses.push(FunctionArgumentClause::OrderBy(order.collect()));
    }
    Ok(expr)
}

/// `ROW(a, b)`.
fn row(values: &[Expr]) -> Result<Expr, String> {
    let placeholders =
        (1..=values.len()).map(|number| format!("'field{number}', ${number}")).collect::<Vec<_>>();
    known(parse(&format!("named_struct({})", placeholders.join(", ")), values))
}

/// `try(x)`: what can fail on a value gives NULL in functions of ours; casts are told to.
fn tried(inner: &Expr) -> Expr {
    struct Casts;
    impl VisitorMut for Casts {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            match expr {
                Expr::Cast { kind, .. } => *kind = CastKind::TryCast,
                Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => {
                    let zero = Expr::value(Value::Number("0".to_owned(), false));
                    if let Some(divisor) = parse("nullif($1, $2)", &[right.as_ref().clone(), zero]) {
                        **right = divisor;
                    }
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut expr = inner.clone();
    let _ = expr.visit(&mut Casts);
    Expr::Nested(Box::new(expr))
}

pub(super) fn access(root: &Expr, access_chain: Vec<AccessExpr>) -> Expr {
    Expr::CompoundFieldAccess { root: Box::new(root.clone()), access_chain }
}

/// `['key']`.
pub(super) fn subscript(key: String) -> AccessExpr {
    indexed(Expr::value(Value::SingleQuotedString(key)))
}

fn indexed(index: Expr) -> AccessExpr {
    AccessExpr::Subscript(Subscript::Index { index })
}

/// The text of a literal.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
