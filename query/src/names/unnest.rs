//! `FROM t a CROSS JOIN UNNEST(a.list) AS u(x)`, as Trino writes it, → `FROM (SELECT *, unnest(a.list) AS x FROM t a) a`.

use super::dialect::Sql;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint, JoinOperator,
    SelectItem, TableFactor,
};

/// A table with one of its lists taken apart: its name and the alias of the list, in lower case.
pub(super) struct Unnested {
    pub(super) relation: String,
    pub(super) alias: String,
}

/// Rewrites the joins with UNNEST in a SELECT. What has another shape is left to the planner.
pub(super) fn join_unnested(select: &mut ast::Select) -> Vec<Unnested> {
    // `FROM t, UNNEST(…)` is a cross join.
    while select.from.len() > 1 && matches!(select.from[1].relation, TableFactor::UNNEST { .. }) {
        let relation = select.from.remove(1).relation;
        let join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        select.from[0].joins.push(ast::Join { relation, global: false, join_operator });
    }
    let mut all = Vec::new();
    for table in &mut select.from {
        if let Some((relation, names)) = unnested(table) {
            table.relation = relation;
            table.joins.remove(0);
            all.push(names);
        }
    }
    all
}

/// What stands in the place of a table and its UNNEST.
fn unnested(table: &ast::TableWithJoins) -> Option<(TableFactor, Unnested)> {
    let join = table.joins.first()?;
    let Items { list, alias, column } = items(&join.relation)?;
    let TableFactor::Table { alias: own, name, .. } = &table.relation else { return None };
    let last = || name.0.last().and_then(|part| part.as_ident()).cloned();
    let name = own.as_ref().map(|own| own.name.clone()).or_else(last)?;
    let relation = &table.relation;
    // A list that is inside of a JSON column is text to the engine.
    let list = format!("json_items({list})");
    let mut rows = format!("SELECT *, unnest({list}) AS {column} FROM {relation}");
    if matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_)) {
        // A row without items stays, with NULL for the item.
        let empty =
            format!("SELECT *, NULL AS {column} FROM {relation} WHERE coalesce(cardinality({list}), 0) = 0");
        rows = format!("{rows} UNION ALL {empty}");
    }
    let sql = format!("SELECT * FROM ({rows}) AS {name}");
    let names = Unnested { relation: name.value.to_lowercase(), alias: alias.value.to_lowercase() };
    Some((first_relation(&sql)?, names))
}

/// A list in FROM, the alias of its rows and the name of its item.
struct Items<'a> {
    list: &'a Expr,
    alias: &'a Ident,
    column: &'a Ident,
}

/// `UNNEST(list) AS u(x)`, or `LATERAL (SELECT unnest(list) AS x) u`.
fn items(relation: &TableFactor) -> Option<Items<'_>> {
    match relation {
        TableFactor::UNNEST { alias: Some(alias), array_exprs, with_ordinality: false, .. } => {
            let ([list], [] | [_]) = (array_exprs.as_slice(), alias.columns.as_slice()) else { return None };
            let column = alias.columns.first().map_or(&alias.name, |column| &column.name);
            Some(Items { list, alias: &alias.name, column })
        }
        TableFactor::Derived { lateral: true, subquery, alias: Some(alias), .. } => {
            let ast::SetExpr::Select(select) = subquery.body.as_ref() else { return None };
            // Anything else in the subquery, a filter or a limit, is left to the planner, which says what it cannot do.
            if select.to_string() != subquery.to_string()
                || !select.from.is_empty()
                || !alias.columns.is_empty()
            {
                return None;
            }
            let [SelectItem::ExprWithAlias { expr: Expr::Function(function), alias: column }] =
                select.projection.as_slice()
            else {
                return None;
            };
            let FunctionArguments::List(arguments) = &function.args else { return None };
            let [FunctionArg::Unnamed(FunctionArgExpr::Expr(list))] = arguments.args.as_slice() else {
                return None;
            };
            let is_bare = format!("SELECT {function} AS {column}") == select.to_string();
            let is_unnest = function.name.to_string().eq_ignore_ascii_case("unnest");
            (is_bare && is_unnest).then_some(Items { list, alias: &alias.name, column })
        }
        _ => None,
    }
}

/// What stands behind FROM in `sql`.
fn first_relation(sql: &str) -> Option<TableFactor> {
    let dialect = Sql::default();
    let mut statements =
        DFParserBuilder::new(sql).with_dialect(&dialect).build().ok()?.parse_statements().ok()?;
    let Statement::Statement(statement) = statements.pop_front()? else { return None };
    let ast::Statement::Query(query) = *statement else { return None };
    let ast::SetExpr::Select(select) = *query.body else { return None };
    select.from.into_iter().next().map(|from| from.relation)
}
