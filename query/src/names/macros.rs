//! Functions of Trino and CloudTrail Lake, said in terms of DataFusion's.

use super::dialect::Sql;
use super::pass::key;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{self, AccessExpr, Expr as E, Subscript, Value};

/// Trino / CloudTrail Lake functions written in terms of DataFusion's: $n = argument, %n = its literal text, #n = `MySQL` time pattern as chrono.
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
fn chrono(p: &str) -> String {
    p.replace("%M", "%B")
        .replace("%i", "%M")
        .replace("%s", "%S")
        .replace("%k", "%-H")
        .replace("%h", "%I")
        .replace("%c", "%-m")
        .replace("%W", "%A")
        .replace("%f", "%6f")
}
/// `$.a.b[0]["c d"]` -> path steps
fn jsonpath(p: &str) -> Option<Vec<AccessExpr>> {
    let mut rest = p.trim().strip_prefix('$')?;
    let mut out = vec![];
    let num =
        |n: &str| AccessExpr::Subscript(Subscript::Index { index: E::value(Value::Number(n.into(), false)) });
    while !rest.is_empty() {
        if let Some(r) = rest.strip_prefix('.') {
            let n = r.find(['.', '[']).unwrap_or(r.len());
            if n == 0 {
                return None;
            }
            out.push(key(r[..n].into()));
            rest = &r[n..];
        } else {
            let r = rest.strip_prefix('[')?;
            let n = r.find(']')?;
            let k = r[..n].trim();
            out.push(match k.trim_matches(['"', '\'']) {
                u if u.len() < k.len() => key(u.into()),
                u => {
                    u.parse::<u64>().ok()?;
                    num(u)
                }
            });
            rest = &r[n + 1..];
        }
    }
    Some(out)
}
/// `json_extract`*, `element_at` and the macros; None = leave the call alone
pub(crate) fn call(f: &ast::Function) -> Option<E> {
    let name = f.name.0.last()?.as_ident()?.value.to_lowercase();
    let ast::FunctionArguments::List(l) = &f.args else { return None };
    let args: Vec<&E> = l
        .args
        .iter()
        .map(|a| match a {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(e)) => Some(e),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let text = |e: &E| match e {
        E::Value(v) => match &v.value {
            Value::SingleQuotedString(s) => Some(s.clone()),
            _ => None,
        },
        _ => None,
    };
    let chain = |steps| Some(E::CompoundFieldAccess { root: Box::new(args[0].clone()), access_chain: steps });
    match (name.as_str(), args.len()) {
        ("json_extract_scalar" | "json_extract", 2) => return chain(jsonpath(&text(args[1])?)?),
        ("element_at", 2) => {
            return chain(vec![AccessExpr::Subscript(Subscript::Index { index: args[1].clone() })]);
        }
        _ => {}
    }
    let mut t = MACROS.iter().find(|m| m.0 == name && m.1 == args.len())?.2.to_string();
    for (i, a) in args.iter().enumerate() {
        let k = i + 1;
        if let Some(s) = text(a) {
            t = t.replace(&format!("%{k}"), &s).replace(&format!("#{k}"), &chrono(&s));
        }
        t = t.replace(&format!("${k}"), &a.to_string());
    }
    DFParserBuilder::new(t.as_str())
        .with_dialect(&Sql::default())
        .build()
        .ok()?
        .parse_expr()
        .ok()
        .map(|e| e.expr)
}
