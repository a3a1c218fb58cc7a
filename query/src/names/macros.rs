//! Functions of Trino, which Athena and CloudTrail Lake speak, said in terms of DataFusion's and of ours.
//!
//! A macro is parsed as an expression, and its placeholders are replaced in the tree: no text of a query is ever put
//! together. What needs more than that is in [`super::calls`].

use super::dialect::Sql;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{Expr, Value, VisitMut, VisitorMut};
use std::ops::ControlFlow;

/// A call, and what it means: `$1` is its first argument.
pub(super) struct Macro {
    pub(super) name: &'static str,
    pub(super) arguments: usize,
    pub(super) meaning: &'static str,
}

const fn of(name: &'static str, arguments: usize, meaning: &'static str) -> Macro {
    Macro { name, arguments, meaning }
}

/// All of them, by name. A meaning must not call what is itself a macro of as many arguments.
pub(super) const MACROS: &[Macro] = &[
    // Aggregates.
    of("any_value", 1, "first_value($1)"),
    of("approx_distinct", 2, "approx_distinct($1)"),
    of("approx_percentile", 2, "approx_percentile_cont($2) WITHIN GROUP (ORDER BY $1)"),
    of("arbitrary", 1, "first_value($1)"),
    of("count_if", 1, "count(*) FILTER (WHERE $1)"),
    of("every", 1, "bool_and($1)"),
    of("histogram", 1, "count_each(array_agg($1))"),
    of("map_agg", 2, "map_of(array_agg($1), array_agg($2))"),
    of("max_by", 2, "first_value($1 ORDER BY $2 DESC NULLS LAST)"),
    of("max_by", 3, "array_slice(array_agg($1 ORDER BY $2 DESC NULLS LAST), 1, $3)"),
    of("min_by", 2, "first_value($1 ORDER BY $2 ASC NULLS LAST)"),
    of("min_by", 3, "array_slice(array_agg($1 ORDER BY $2 ASC NULLS LAST), 1, $3)"),
    of("set_agg", 1, "array_agg(DISTINCT $1)"),
    // Arrays. What is read from JSON is a text to the engine, so that it is made a list first.
    of("all_match", 2, "NOT array_any_match(json_items($1), $2)"),
    of("any_match", 2, "array_any_match(json_items($1), $2)"),
    of("array_average", 1, "array_avg($1)"),
    of("array_join", 2, "array_to_string(json_items($1), $2)"),
    of("array_join", 3, "array_to_string(json_items($1), $2, $3)"),
    of("arrays_overlap", 2, "array_has_any($1, $2)"),
    of("contains", 2, "array_has($1, $2)"),
    of("filter", 2, "array_filter(json_items($1), $2)"),
    of("find_first", 2, "array_element(array_filter(json_items($1), $2), 1)"),
    of("none_match", 2, "NOT array_any_match(json_items($1), $2)"),
    of("sequence", 2, "generate_series($1, $2)"),
    of("sequence", 3, "generate_series($1, $2, $3)"),
    of("slice", 3, "array_slice($1, $2, $2 + $3 - 1)"),
    of("transform", 2, "array_transform(json_items($1), $2)"),
    of("zip", 2, "arrays_zip($1, $2)"),
    // Addresses.
    of("ipaddress", 1, "$1"),
    // JSON.
    of("json_array_contains", 2, "array_has(json_items($1), CAST($2 AS VARCHAR))"),
    of("json_array_length", 1, "cardinality(json_items($1))"),
    of("json_format", 1, "to_json($1)"),
    of("json_parse", 1, "$1"),
    // Times.
    of("at_timezone", 2, "($1 AT TIME ZONE $2)"),
    of("date", 1, "TRY_CAST($1 AS DATE)"),
    of("date_format", 2, "to_char($1, $2)"),
    of("day", 1, "date_part('day', $1)"),
    of("day_of_month", 1, "date_part('day', $1)"),
    of("day_of_week", 1, "date_part('isodow', $1)"),
    of("day_of_year", 1, "date_part('doy', $1)"),
    of("dow", 1, "date_part('isodow', $1)"),
    of("doy", 1, "date_part('doy', $1)"),
    of("from_iso8601_date", 1, "TRY_CAST($1 AS DATE)"),
    of("from_iso8601_timestamp", 1, "TRY_CAST($1 AS TIMESTAMP WITH TIME ZONE)"),
    of("hour", 1, "date_part('hour', $1)"),
    of(
        "last_day_of_month",
        1,
        "CAST(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)",
    ),
    of("minute", 1, "date_part('minute', $1)"),
    of("month", 1, "date_part('month', $1)"),
    of("quarter", 1, "date_part('quarter', $1)"),
    of("second", 1, "date_part('second', $1)"),
    of("to_iso8601", 1, "to_char($1, '%Y-%m-%dT%H:%M:%S%.3fZ')"),
    of("week", 1, "date_part('week', $1)"),
    of("week_of_year", 1, "date_part('week', $1)"),
    of("with_timezone", 2, "(CAST($1 AS TIMESTAMP) AT TIME ZONE $2)"),
    of("year", 1, "date_part('year', $1)"),
    // Texts.
    of("codepoint", 1, "ascii($1)"),
    of("levenshtein_distance", 2, "levenshtein($1, $2)"),
    of("regexp_extract", 2, "regexp_extract($1, $2, 0)"),
    of("regexp_extract_all", 2, "regexp_extract_all($1, $2, 0)"),
    of("regexp_replace", 2, "regexp_replace($1, $2, '', 'g')"),
    of("regexp_replace", 3, "regexp_replace($1, $2, $3, 'g')"),
    of("replace", 2, "replace($1, $2, '')"),
    of("split", 2, "string_to_array($1, $2)"),
    of("url_extract_host", 1, "regexp_extract($1, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)', 1)"),
    of("url_extract_path", 1, "regexp_extract($1, '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)', 1)"),
    of("url_extract_query", 1, "regexp_extract($1, '[?]([^#]*)', 1)"),
    // The rest.
    of("ceiling", 1, "ceil($1)"),
    of("if", 2, "CASE WHEN $1 THEN $2 END"),
    of("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    of("mod", 2, "($1 % $2)"),
    of("truncate", 1, "trunc($1)"),
    of("typeof", 1, "arrow_typeof($1)"),
    // DuckDB's, which Tailpipe speaks.
    of("epoch_ms", 1, "CAST(date_part('epoch', $1) * 1000 AS BIGINT)"),
    of("string_split", 2, "string_to_array($1, $2)"),
    of("strftime", 2, "to_char($1, $2)"),
];

/// The meaning of a call, with its arguments; `None` if it is no macro.
pub(super) fn meaning(name: &str, arguments: &[Expr]) -> Option<Expr> {
    let known = |known: &&Macro| known.name == name && known.arguments == arguments.len();
    parse(MACROS.iter().find(known)?.meaning, arguments)
}

/// An expression, with `arguments` in the place of `$1`, `$2` and so on.
pub(super) fn parse(text: &str, arguments: &[Expr]) -> Option<Expr> {
    let dialect = Sql::default();
    let mut parser = DFParserBuilder::new(text).with_dialect(&dialect).build().ok()?;
    let mut expr = parser.parse_expr().ok()?.expr;
    let _ = expr.visit(&mut Fill(arguments));
    Some(expr)
}

/// Replaces placeholders, from the leaves up, so that what took the place of one is not looked at again.
struct Fill<'a>(&'a [Expr]);

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = &*expr
            && let Value::Placeholder(name) = &value.value
            && let Some(number) = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok())
            && let Some(argument) = number.checked_sub(1).and_then(|at| self.0.get(at))
        {
            // An operand that was typed without parentheses keeps its own.
            let is_whole = !matches!(argument, Expr::BinaryOp { .. } | Expr::UnaryOp { .. });
            *expr = if is_whole { argument.clone() } else { Expr::Nested(Box::new(argument.clone())) };
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the pass would go on for ever.
    #[test]
    fn no_macro_calls_a_macro() {
        for Macro { name, arguments, meaning: text } in MACROS {
            let dummies = vec![Expr::value(Value::Null); *arguments];
            let expr = parse(text, &dummies).unwrap_or_else(|| panic!("{name}: {text} is no expression"));
            assert!(!expr.to_string().contains('$'), "{name}: {expr}");
            let _ = datafusion::sql::sqlparser::ast::visit_expressions(&expr, |part| {
                if let Expr::Function(function) = part {
                    let called = function.name.to_string().to_lowercase();
                    let count = function.args.to_string().matches(',').count() + 1;
                    let is_macro =
                        MACROS.iter().any(|other| other.name == called && other.arguments == count);
                    assert!(!is_macro, "{name} calls {called}");
                }
                ControlFlow::<()>::Continue(())
            });
        }
    }

    #[test]
    fn arguments_are_expressions_whatever_they_say() {
        let arguments = [parse("'$2 %1 ''x'''", &[]).unwrap(), parse("a + 1", &[]).unwrap()];
        let expr = meaning("array_join", &arguments).unwrap();
        assert_eq!(expr.to_string(), "array_to_string(json_items('$2 %1 ''x'''), (a + 1))");
    }
}
