//! Addresses that are compared: `CAST(sourceIPAddress AS IPADDRESS) BETWEEN IPADDRESS '10.0.0.0' AND IPADDRESS '10.255.255.255'`.
//!
//! Addresses are texts here, and texts are in another order: `'9.0.0.0'` is behind `'10.0.0.0'`. What a statement calls an
//! address is marked with a function of that name ([`super::casts`]), which means its argument, but where it is compared:
//! there both sides are put into the order of addresses.

use super::macros::parse;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
};

/// `value` as an address.
pub(super) fn marked(value: Expr) -> Option<Expr> {
    parse("ipaddress($1)", &[value])
}

/// A comparison in which a side is an address, by the order of addresses; `None` if none is.
pub(super) fn compared(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::BinaryOp { left, op, right }
            if is_comparison(op) && [left, right].into_iter().any(|side| is_address(side)) =>
        {
            let (left, right) = (ordered(left)?, ordered(right)?);
            Some(Expr::BinaryOp { left: Box::new(left), op: op.clone(), right: Box::new(right) })
        }
        Expr::Between { expr, negated, low, high }
            if [expr, low, high].into_iter().any(|side| is_address(side)) =>
        {
            let (expr, low, high) = (ordered(expr)?, ordered(low)?, ordered(high)?);
            Some(Expr::Between {
                expr: Box::new(expr),
                negated: *negated,
                low: Box::new(low),
                high: Box::new(high),
            })
        }
        _ => None,
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn is_address(expr: &Expr) -> bool {
    of_mark(expr).is_some()
}

/// What is marked as an address.
fn of_mark(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Nested(inner) => of_mark(inner),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("ipaddress") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(address))] => Some(address),
                _ => None,
            }
        }
        _ => None,
    }
}

fn ordered(expr: &Expr) -> Option<Expr> {
    parse("ip_order($1)", &[of_mark(expr).unwrap_or(expr).clone()])
}
