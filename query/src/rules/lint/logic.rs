//! Traps of SQL: a comparison with NULL is neither true nor false, and `IS DISTINCT FROM` binds more loosely than AND.
//!
//! Most members of a record can be absent. A negation of what can be NULL loses the events without that member, which
//! is never what its author means. So a negation must be about something that is never NULL.

use super::{Piece, Remark, remark};
use crate::functions;
use crate::rules::Rule;
use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value, visit_expressions,
};
use std::ops::ControlFlow;

/// Columns that every record has.
const ALWAYS: [&str; 6] = ["eventid", "eventname", "eventsource", "eventtime", "awsregion", "date"];

/// Functions of SQL that are NULL only if an argument is.
const STRICT: [&str; 18] = [
    "array_has",
    "array_to_string",
    "btrim",
    "cardinality",
    "char_length",
    "contains",
    "date_part",
    "ends_with",
    "length",
    "lower",
    "regexp_like",
    "replace",
    "starts_with",
    "strpos",
    "substr",
    "trim",
    "upper",
    "array_length",
];

pub(super) fn look(rule: &Rule, piece: &Piece, remarks: &mut Vec<Remark>) {
    if piece.is_condition {
        let mut traps = Vec::new();
        condition(&piece.tree, &mut traps);
        remarks.extend(traps.into_iter().map(|trap| {
            let what = format!(
                "{}: {trap} is NULL, and the event is lost, when what it compares is absent",
                piece.key
            );
            let hint = "coalesce(…, ''), in_list(…) and the other functions of rules are never NULL";
            remark(rule, "null-trap", (&piece.key, &trap.to_string()), what, hint)
        }));
    }
    let _ = visit_expressions(&piece.tree, |expr| {
        if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = expr
            && matches!(**right, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. })
        {
            let what = format!("{}: it is read as … DISTINCT FROM ({right})", piece.key);
            let hint = "put brackets around the IS DISTINCT FROM";
            remarks.push(remark(rule, "distinct-precedence", (&piece.key, "DISTINCT"), what, hint));
        }
        ControlFlow::<()>::Continue(())
    });
}

/// Gathers the negations in a condition that can be NULL.
fn condition<'a>(expr: &'a Expr, traps: &mut Vec<&'a Expr>) {
    let is_trap = match expr {
        Expr::Nested(inner) => return condition(inner, traps),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            condition(left, traps);
            return condition(right, traps);
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => !is_never_null(inner),
        Expr::BinaryOp { op: BinaryOperator::NotEq, .. }
        | Expr::InList { negated: true, .. }
        | Expr::Between { negated: true, .. }
        | Expr::Like { negated: true, .. }
        | Expr::ILike { negated: true, .. }
        | Expr::RLike { negated: true, .. }
        | Expr::SimilarTo { negated: true, .. } => !is_never_null(expr),
        _ => false,
    };
    if is_trap {
        traps.push(expr);
    }
}

fn is_never_null(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => value.value != Value::Null,
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => is_never_null(inner),
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, .. } => is_never_null(expr),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..) => true,
        Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } => false,
        Expr::BinaryOp { left, right, .. } => is_never_null(left) && is_never_null(right),
        Expr::InList { expr, list, .. } => is_never_null(expr) && list.iter().all(is_never_null),
        Expr::Between { expr, low, high, .. } => {
            [expr, low, high].into_iter().all(|part| is_never_null(part))
        }
        Expr::Like { expr, pattern, .. }
        | Expr::ILike { expr, pattern, .. }
        | Expr::RLike { expr, pattern, .. }
        | Expr::SimilarTo { expr, pattern, .. } => is_never_null(expr) && is_never_null(pattern),
        Expr::Case { conditions, else_result: Some(other), .. } => {
            is_never_null(other) && conditions.iter().all(|when| is_never_null(&when.result))
        }
        Expr::Identifier(ident) => ALWAYS.contains(&ident.value.to_lowercase().as_str()),
        Expr::Function(function) => gives_always(function),
        _ => false,
    }
}

fn gives_always(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    let arguments = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_never_null(expr),
        _ => false,
    });
    let arguments = arguments.collect::<Vec<_>>();
    let name = function.name.to_string().to_lowercase();
    match name.as_str() {
        "coalesce" => arguments.contains(&true),
        "concat" => true,
        name if STRICT.contains(&name) => arguments.into_iter().all(|is_never_null| is_never_null),
        // Of ours, those that give true or false, or a list, give it for NULL too.
        name => functions::all().iter().filter(|known| known.name() == name).any(|known| {
            let types = vec![DataType::Utf8; arguments.len()];
            let gives = known.inner().return_type(&types);
            matches!(gives, Ok(DataType::Boolean | DataType::List(_)))
        }),
    }
}
