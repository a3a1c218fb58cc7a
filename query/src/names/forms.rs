//! Forms of published queries that the planner does not know: `eventTime` as a text, and FETCH FIRST.

use super::macros;
use datafusion::sql::sqlparser::ast::{self, Expr};

/// Functions of texts, which people give `eventTime`, since it is a text in AWS's table.
const OF_TEXTS: [&str; 12] = [
    "concat",
    "length",
    "regexp_extract",
    "regexp_like",
    "regexp_replace",
    "replace",
    "split",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "substring",
];

/// A call of a function of texts with `eventTime` as AWS writes it; `None` if it has none.
pub(super) fn times_as_texts(function: &ast::Function) -> Option<ast::Function> {
    let name = function.name.to_string().to_lowercase();
    if !OF_TEXTS.contains(&name.as_str()) {
        return None;
    }
    let mut function = function.clone();
    let ast::FunctionArguments::List(list) = &mut function.args else { return None };
    let mut has_time = false;
    for argument in &mut list.args {
        if let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = argument
            && let Some(text) = time_as_text(expr)
        {
            *expr = text;
            has_time = true;
        }
    }
    has_time.then_some(function)
}

/// `eventTime` → `time_text(eventTime)`; `None` for other expressions.
pub(super) fn time_as_text(expr: &Expr) -> Option<Expr> {
    let name = match expr {
        Expr::Identifier(ident) => &ident.value,
        Expr::CompoundIdentifier(parts) => &parts.last()?.value,
        _ => return None,
    };
    let is_time = ["eventtime", "event_time"].iter().any(|time| name.eq_ignore_ascii_case(time));
    is_time.then(|| macros::parse("time_text($1)", std::slice::from_ref(expr)))?
}

/// `FETCH FIRST 5 ROWS ONLY` → `LIMIT 5`. What is more than that is left to the planner, which refuses it.
pub(super) fn limit_as_fetched(query: &mut ast::Query) {
    let Some(ast::Fetch { with_ties: false, percent: false, quantity }) = query.fetch.clone() else { return };
    let one = || Expr::value(ast::Value::Number("1".to_owned(), false));
    let fetched = quantity.unwrap_or_else(one);
    match &mut query.limit_clause {
        None => {
            let limit = Some(fetched);
            query.limit_clause =
                Some(ast::LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() });
        }
        Some(ast::LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(fetched),
        Some(_) => return,
    }
    query.fetch = None;
}
