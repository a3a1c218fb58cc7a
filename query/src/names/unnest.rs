//! `FROM t a CROSS JOIN UNNEST(a.list) AS u(x)`, as Trino writes it, → `FROM (SELECT *, unnest(a.list) AS x FROM t a) a`.
//!
//! A join with UNNEST becomes a part of the table whose list it is, wherever it stands among the joins. Several lists go
//! side by side; WITH ORDINALITY is a list of numbers beside them; more names than lists are the fields of an item:
//! those of a struct, or the key and the value of a member of a JSON object.

use super::dialect::Sql;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint,
    JoinOperator, SelectItem, TableFactor,
};
use std::fmt::Write;
use std::ops::ControlFlow;

/// A table with lists taken apart: its name and the alias of the lists, in lower case.
pub(super) struct Unnested {
    pub(super) relation: String,
    pub(super) alias: String,
}

/// Rewrites the joins with UNNEST in a SELECT. What has another shape is left to the planner.
pub(super) fn join_unnested(select: &mut ast::Select) -> Vec<Unnested> {
    // `FROM t, UNNEST(…)` is a cross join.
    while let Some(at) = (1..select.from.len()).find(|&at| is_unnest(&select.from[at].relation)) {
        let ast::TableWithJoins { relation, joins } = select.from.remove(at);
        let join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        let before = &mut select.from[at - 1].joins;
        before.push(ast::Join { relation, global: false, join_operator });
        before.extend(joins);
    }
    let mut all = Vec::new();
    for table in &mut select.from {
        let mut at = 0;
        while at < table.joins.len() {
            match unnested(table, at) {
                Some((place, relation, names)) => {
                    match place {
                        0 => table.relation = relation,
                        place => table.joins[place - 1].relation = relation,
                    }
                    table.joins.remove(at);
                    all.push(names);
                }
                None => at += 1,
            }
        }
    }
    all
}

fn is_unnest(relation: &TableFactor) -> bool {
    matches!(relation, TableFactor::UNNEST { .. })
}

/// What stands in the place of a table and of the UNNEST that is join `at`: which table it is, itself first.
fn unnested(table: &ast::TableWithJoins, at: usize) -> Option<(usize, TableFactor, Unnested)> {
    let join = &table.joins[at];
    let items = items(&join.relation)?;
    let before = std::iter::once(&table.relation).chain(table.joins[..at].iter().map(|join| &join.relation));
    let before = before.collect::<Vec<_>>();
    let qualifier = items.lists.first().and_then(qualifier);
    let is_it = |of: &&TableFactor| {
        name_of(of).is_some_and(|name| {
            qualifier.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(&name.value))
        })
    };
    let place = before.iter().position(is_it).unwrap_or(0);
    let relation = before[place];
    if !matches!(relation, TableFactor::Table { .. } | TableFactor::Derived { .. }) {
        return None;
    }
    let name = name_of(relation).unwrap_or_else(|| Ident::new("rows"));
    let is_left = matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_));
    let mut relation = relation.clone();
    if let TableFactor::Derived { alias: alias @ None, .. } = &mut relation {
        *alias = Some(ast::TableAlias { explicit: true, name: name.clone(), columns: Vec::new(), at: None });
    }
    let sql = format!("SELECT * FROM ({}) AS {name}", items.rows(&relation, is_left));
    let names = Unnested { relation: name.value.to_lowercase(), alias: items.alias.value.to_lowercase() };
    Some((place, first_relation(&sql)?, names))
}

/// The name that columns of a relation are qualified by.
fn name_of(relation: &TableFactor) -> Option<Ident> {
    match relation {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    }
}

/// The first name in an expression that may be the table of a column.
fn qualifier(expr: &Expr) -> Option<String> {
    let mut found = None;
    let _ = ast::visit_expressions(expr, |part| {
        found = match part {
            Expr::CompoundIdentifier(parts) => parts.first().map(|part| part.value.clone()),
            Expr::CompoundFieldAccess { root, access_chain } => match (root.as_ref(), access_chain.first()) {
                (Expr::Identifier(ident), Some(AccessExpr::Dot(_))) => Some(ident.value.clone()),
                _ => None,
            },
            _ => None,
        };
        if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// Lists in FROM, the alias of their rows and the names of their items.
struct Items<'a> {
    lists: &'a [Expr],
    alias: &'a Ident,
    columns: Vec<&'a Ident>,
    ordinality: bool,
}

impl Items<'_> {
    /// A SELECT of the rows of `relation`, one for each item.
    fn rows(&self, relation: &TableFactor, is_left: bool) -> String {
        let (columns, number) = match self.columns.split_last() {
            Some((number, columns)) if self.ordinality => (columns, Some(number)),
            _ => (self.columns.as_slice(), None),
        };
        let is_apart = columns.len() > self.lists.len();
        // A list that is inside of a JSON column is text to the engine.
        let list = |at: usize| {
            let list = &self.lists[at];
            if is_apart { format!("json_rows({list})") } else { format!("json_items({list})") }
        };
        let mut sql = String::from("SELECT *");
        for at in 0..self.lists.len() {
            let _ = match columns.get(at) {
                Some(column) if !is_apart => write!(sql, ", unnest({}) AS {column}", list(at)),
                _ => write!(sql, ", unnest({}) AS item_{at}", list(at)),
            };
        }
        if let Some(number) = number {
            let _ = write!(
                sql,
                ", unnest(generate_series(1, CAST(cardinality({}) AS BIGINT))) AS {number}",
                list(0)
            );
        }
        let _ = write!(sql, " FROM {relation}");
        if is_apart {
            let mut fields = String::new();
            for (at, column) in columns.iter().enumerate() {
                let _ = write!(fields, ", row_field(item_0, {}) AS {column}", at + 1);
            }
            sql = format!("SELECT * EXCEPT (item_0){fields} FROM ({sql}) AS taken_apart");
        }
        if is_left {
            // A row without items stays, with NULL for the item.
            let nulls = self.columns.iter().fold(String::new(), |mut nulls, column| {
                let _ = write!(nulls, ", NULL AS {column}");
                nulls
            });
            let empty = format!("coalesce(cardinality({}), 0) = 0", list(0));
            // The item behind the number of it, as above.
            sql = format!("{sql} UNION ALL SELECT *{nulls} FROM {relation} WHERE {empty}");
        }
        sql
    }
}

/// `UNNEST(list) AS u(x)`, or `LATERAL (SELECT unnest(list) AS x) u`.
fn items(relation: &TableFactor) -> Option<Items<'_>> {
    match relation {
        TableFactor::UNNEST { alias: Some(alias), array_exprs, with_ordinality, .. } => {
            let mut columns = alias.columns.iter().map(|column| &column.name).collect::<Vec<_>>();
            if columns.is_empty() {
                columns.push(&alias.name);
            }
            let is_fitting = match (array_exprs.len(), columns.len() - usize::from(*with_ordinality)) {
                (1, names) => names > 0,
                (lists, names) => lists == names,
            };
            let ordinality = *with_ordinality;
            is_fitting.then_some(Items { lists: array_exprs, alias: &alias.name, columns, ordinality })
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
            let (lists, columns) = (std::slice::from_ref(list), vec![column]);
            (is_bare && is_unnest).then_some(Items { lists, alias: &alias.name, columns, ordinality: false })
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
