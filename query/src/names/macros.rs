//! Functions of Trino and CloudTrail Lake, said in terms of DataFusion's.

use super::dialect::Sql;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Subscript, Value,
};

/// Name, number of arguments, and what it means: `$1` is an argument, `%1` its text where it is a literal, `#1` that
/// text as a time pattern of `MySQL`, said in those of chrono.
const MACROS: &[(&str, usize, &str)] = &[
    ("transform", 2, "array_transform($1,$2)"),
    ("filter", 2, "array_filter($1,$2)"),
    ("arbitrary", 1, "first_value($1)"),
    ("any_value", 1, "first_value($1)"),
    ("max_by", 2, "first_value($1 ORDER BY $2 DESC NULLS LAST)"),
    ("min_by", 2, "first_value($1 ORDER BY $2 ASC NULLS LAST)"),
    ("array_join", 2, "array_to_string($1,$2)"),
    ("contains", 2, "array_has($1,$2)"),
    ("json_parse", 1, "$1"),
    ("json_format", 1, "$1"),
    ("from_iso8601_timestamp", 1, "to_timestamp($1)"),
    ("to_iso8601", 1, "to_char($1,'%Y-%m-%dT%H:%M:%S%.3fZ')"),
    ("day_of_week", 1, "date_part('isodow',$1)"),
    ("year", 1, "date_part('year',$1)"),
    ("month", 1, "date_part('month',$1)"),
    ("day", 1, "date_part('day',$1)"),
    ("hour", 1, "date_part('hour',$1)"),
    ("date_format", 2, "to_char($1,'#2')"),
    ("date_parse", 2, "to_timestamp($1,'#2')"),
    ("date_add", 3, "($3 + INTERVAL '$2 %1')"),
    (
        "date_diff",
        3,
        "CAST(trunc((date_part('epoch',$3) - date_part('epoch',$2)) / date_part('epoch', INTERVAL '1 %1')) AS BIGINT)",
    ),
    ("regexp_extract", 2, "array_element(regexp_match($1,'(' || $2 || ')'),1)"),
    ("regexp_extract", 3, "array_element(regexp_match($1,$2),$3)"),
    ("approx_percentile", 2, "approx_percentile_cont($2) WITHIN GROUP (ORDER BY $1)"),
    ("count_if", 1, "count(*) FILTER (WHERE $1)"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("if", 2, "CASE WHEN $1 THEN $2 END"),
    ("split", 2, "string_to_array($1,$2)"),
    ("json_array_length", 1, "json_length($1)"),
    ("json_size", 1, "json_length($1)"),
    ("url_extract_host", 1, "array_element(regexp_match($1,'^[a-z]+://([^/:]+)'),1)"),
];
/// Time patterns of `MySQL` that chrono spells otherwise. The order matters: `%i` becomes what `%M` was.
const PATTERNS: [(&str, &str); 8] = [
    ("%M", "%B"),
    ("%i", "%M"),
    ("%s", "%S"),
    ("%k", "%-H"),
    ("%h", "%I"),
    ("%c", "%-m"),
    ("%W", "%A"),
    ("%f", "%6f"),
];

/// `json_extract`, `element_at` and the macros, in DataFusion's terms; `None` leaves the call alone.
pub(super) fn expand(function: &Function) -> Option<Expr> {
    let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
    let FunctionArguments::List(list) = &function.args else { return None };
    let arguments = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    let arguments = arguments.collect::<Option<Vec<_>>>()?;
    match (name.as_str(), arguments.as_slice()) {
        ("json_extract_scalar" | "json_extract", [document, path]) => {
            Some(access(document, json_path(literal(path)?)?))
        }
        ("element_at", [of, index]) => {
            let index = Subscript::Index { index: (*index).clone() };
            Some(access(of, vec![AccessExpr::Subscript(index)]))
        }
        (name, arguments) => {
            let (.., meaning) =
                MACROS.iter().find(|(known, count, _)| *known == name && *count == arguments.len())?;
            parse(&filled(meaning, arguments))
        }
    }
}

/// The text of a macro with its arguments.
fn filled(meaning: &str, arguments: &[&Expr]) -> String {
    let mut text = meaning.to_owned();
    for (number, argument) in (1..).zip(arguments) {
        if let Some(literal) = literal(argument) {
            let pattern =
                PATTERNS.iter().fold(literal.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours));
            text = text.replace(&format!("%{number}"), literal).replace(&format!("#{number}"), &pattern);
        }
        text = text.replace(&format!("${number}"), &argument.to_string());
    }
    text
}

fn parse(text: &str) -> Option<Expr> {
    let dialect = Sql::default();
    let mut parser = DFParserBuilder::new(text).with_dialect(&dialect).build().ok()?;
    parser.parse_expr().ok().map(|parsed| parsed.expr)
}

fn access(root: &Expr, access_chain: Vec<AccessExpr>) -> Expr {
    Expr::CompoundFieldAccess { root: Box::new(root.clone()), access_chain }
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// `$.a.b[0]["c d"]` → the steps of the path.
fn json_path(path: &str) -> Option<Vec<AccessExpr>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let (key, after) = after.split_at(after.find(['.', '[']).unwrap_or(after.len()));
            if key.is_empty() {
                return None;
            }
            steps.push(subscript(key.to_owned()));
            rest = after;
        } else {
            let (step, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(bracketed(step.trim())?);
            rest = after;
        }
    }
    Some(steps)
}

/// `0` or `"key"`, in either quotes.
fn bracketed(step: &str) -> Option<AccessExpr> {
    let key = step.trim_matches(['"', '\'']);
    if key.len() < step.len() {
        return Some(subscript(key.to_owned()));
    }
    step.parse::<u64>().ok()?;
    let index = Expr::value(Value::Number(step.into(), false));
    Some(AccessExpr::Subscript(Subscript::Index { index }))
}

/// `['key']`.
pub(super) fn subscript(key: String) -> AccessExpr {
    AccessExpr::Subscript(Subscript::Index { index: Expr::value(Value::SingleQuotedString(key)) })
}
