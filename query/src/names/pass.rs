//! One pass over the syntax tree: what follows a column becomes subscripts, which keep the case of JSON keys.
//!
//! The parser reads `c.requestParameters.bucketName` as a dotted name, without knowing which part is the column. This
//! pass knows the relations of the statement and the columns of `cloudtrail`, and splits the name: qualifier, column,
//! and the keys behind it as `['bucketName']`, which the planner then resolves ([`super::planner`]).

use super::addresses;
use super::bind::{bind, tokens};
use super::calls::{expand, subscript};
use super::dialect::Sql;
use super::forms::{limit_as_fetched, time_as_text, times_as_texts};
use super::macros;
use super::quotes::straightened;
use super::relations;
use super::tokens::quote_stores;
use super::unnest::join_unnested;
use super::values::Values;
use super::{DOCUMENTED, is_json_column, is_known};
use datafusion::common::{Result, plan_err};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, BinaryOperator, Expr, Ident, OneOrManyWithParens, SelectItem, Subscript, VisitMut,
    VisitorMut,
};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// A statement whose names are resolved.
pub(crate) struct Parsed {
    /// The statement.
    pub(crate) statement: Statement,
    /// Output columns in the letter case to show, by their names in lower case.
    pub(crate) display: HashMap<String, String>,
    /// Whether its outermost SELECT has a star.
    pub(crate) has_star: bool,
}

/// Parses one statement, with the values of its `$names`.
pub(crate) fn parse(sql: &str, values: &Values) -> Result<Parsed> {
    let tokens = quote_stores(&bind(straightened(tokens(sql)?), values));
    let dialect = Sql::default();
    let mut statements = DFParserBuilder::new(tokens).with_dialect(&dialect).build()?.parse_statements()?;
    let count = statements.len();
    let (Some(mut statement), 1) = (statements.pop_front(), count) else {
        return plan_err!("exactly one statement expected, got {count}");
    };
    let mut pass = Pass::default();
    let mut has_star = false;
    if let Some(explained) = explained(&mut statement) {
        let mut ctes = Ctes::default();
        let _ = explained.visit(&mut ctes);
        let _ = explained.visit(&mut Relations { found: &mut pass.relations, ctes: &ctes.0 });
        let _ = explained.visit(&mut pass);
        has_star = selects_star(explained);
    }
    if let Some(problem) = pass.problem {
        return plan_err!("{problem}");
    }
    for name in DOCUMENTED.iter().filter_map(|name| name.split('.').next()) {
        pass.display.insert(name.to_lowercase(), name.to_owned());
    }
    pass.display.insert("eventjson".to_owned(), "eventJson".to_owned());
    for name in crate::chain::COLUMNS {
        pass.display.entry(name.to_lowercase()).or_insert_with(|| name.to_owned());
    }
    Ok(Parsed { statement, display: pass.display, has_star })
}

/// The statement, or the one that an EXPLAIN explains.
fn explained(statement: &mut Statement) -> Option<&mut ast::Statement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => explained(&mut explain.statement),
        _ => None,
    }
}

fn selects_star(statement: &ast::Statement) -> bool {
    matches!(statement, ast::Statement::Query(query) if has_star(&query.body))
}

/// Whether one of the SELECTs that make up the outermost result has a star.
fn has_star(body: &ast::SetExpr) -> bool {
    let is_star =
        |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    match body {
        ast::SetExpr::Select(select) => select.projection.iter().any(is_star),
        ast::SetExpr::Query(query) => has_star(&query.body),
        ast::SetExpr::SetOperation { left, right, .. } => has_star(left) || has_star(right),
        _ => false,
    }
}

/// What is known of the statement while its tree is visited.
#[derive(Default)]
pub(super) struct Pass {
    /// Tables and aliases, in lower case.
    pub(super) relations: HashSet<String>,
    /// Aliases of UNNEST, in lower case: `u.x` then means `x`.
    pub(super) unnested: HashSet<String>,
    pub(super) display: HashMap<String, String>,
    /// Why the statement cannot be answered, if so.
    pub(super) problem: Option<String>,
}

/// Gathers the names that WITH makes, in lower case.
#[derive(Default)]
struct Ctes(HashSet<String>);

impl VisitorMut for Ctes {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut ast::Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}

/// Gathers the relations of a statement before its names are looked at, and gives them our names.
struct Relations<'a> {
    found: &'a mut HashSet<String>,
    ctes: &'a HashSet<String>,
}

impl VisitorMut for Relations<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> ControlFlow<()> {
        use ast::TableFactor::{Derived, Function, NestedJoin, Table, TableFunction, UNNEST};
        relations::rename(factor, self.ctes);
        let (alias, name) = match factor {
            Table { alias, name, .. } => (alias, name.0.last().and_then(|part| part.as_ident())),
            Derived { alias, .. }
            | UNNEST { alias, .. }
            | Function { alias, .. }
            | TableFunction { alias, .. }
            | NestedJoin { alias, .. } => (alias, None),
            _ => return ControlFlow::Continue(()),
        };
        if let Some(name) = alias.as_ref().map(|alias| &alias.name).or(name) {
            self.found.insert(name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }
}

/// A name as the engine has it: a column of ours in lower case, others as they are.
pub(super) fn engine_name(ident: Ident) -> Ident {
    let lower = ident.value.to_lowercase();
    if is_known(&lower) { Ident::new(lower) } else { ident }
}

/// `.key` → `['key']`; other steps as they are.
fn step(access: AccessExpr) -> AccessExpr {
    match access {
        AccessExpr::Dot(Expr::Identifier(ident)) => subscript(ident.value),
        access => access,
    }
}

impl Pass {
    /// Where the column is in a dotted name: behind the relation, if one of the first parts names a relation.
    pub(super) fn column_at(&self, parts: &[Ident]) -> usize {
        let is_relation = |at: &usize| {
            self.relations.contains(&parts[*at].value.to_lowercase())
                && (*at == 0 || !is_known(&parts[0].value.to_lowercase()))
        };
        let relation = (0..parts.len().min(3)).find(is_relation);
        relation.map(|at| at + 1).filter(|&column| column < parts.len()).unwrap_or(0)
    }

    /// A dotted name with what follows it → column and subscripts; `None` if it is a column and no more.
    fn path(&self, mut parts: Vec<Ident>, rest: Vec<AccessExpr>) -> Option<Expr> {
        if parts.len() > 1 && self.unnested.contains(&parts[0].value.to_lowercase()) {
            parts.remove(0);
            if parts.len() == 1 && rest.is_empty() {
                return Some(Expr::Identifier(parts.remove(0)));
            }
        }
        let column = self.column_at(&parts);
        if rest.is_empty() && parts.len() == column + 1 {
            return None;
        }
        let mut parts = parts.into_iter();
        let root = Box::new(Expr::Identifier(engine_name(parts.next()?)));
        let dotted = parts.enumerate().map(|(at, part)| {
            if at < column {
                AccessExpr::Dot(Expr::Identifier(engine_name(part)))
            } else {
                subscript(part.value)
            }
        });
        let access_chain = dotted.chain(rest.into_iter().map(step)).collect();
        Some(Expr::CompoundFieldAccess { root, access_chain })
    }

    fn dotted_name(&self, parts: &[Ident]) -> Expr {
        let plain = || Expr::CompoundIdentifier(parts.iter().cloned().map(engine_name).collect());
        self.path(parts.to_vec(), Vec::new()).unwrap_or_else(plain)
    }

    /// `name.part['key'].part`, or `f(x).part`.
    fn field_access(&mut self, root: Expr, chain: Vec<AccessExpr>) -> Expr {
        let mut parts = match root {
            Expr::Identifier(ident) => vec![ident],
            Expr::CompoundIdentifier(parts) => parts,
            Expr::CompoundFieldAccess { root, access_chain } => {
                return self.field_access(*root, access_chain.into_iter().chain(chain).collect());
            }
            root => {
                let access_chain = chain.into_iter().map(step).collect();
                return Expr::CompoundFieldAccess { root: Box::new(root), access_chain };
            }
        };
        let mut rest = chain.into_iter().peekable();
        while let Some(AccessExpr::Dot(Expr::Identifier(_))) = rest.peek() {
            if let Some(AccessExpr::Dot(Expr::Identifier(ident))) = rest.next() {
                parts.push(ident);
            }
        }
        let plain = Expr::CompoundIdentifier(parts.iter().cloned().map(engine_name).collect());
        self.path(parts, rest.collect()).unwrap_or(plain)
    }

    /// The expression in our names; `None` if it stays as it is.
    fn rewritten(&mut self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::Identifier(ident)
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("localtimestamp") =>
            {
                macros::parse("now()", &[])
            }
            Expr::Identifier(ident) => Some(Expr::Identifier(engine_name(ident.clone()))),
            Expr::CompoundIdentifier(parts) => Some(self.dotted_name(parts)),
            Expr::CompoundFieldAccess { root, access_chain } => {
                Some(self.field_access(root.as_ref().clone(), access_chain.clone()))
            }
            Expr::Lambda(lambda) => Some(self.visited(arrow_of_lambda(lambda)?)),
            Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, left, right }
                if matches!(**right, Expr::Value(_)) =>
            {
                let index = Subscript::Index { index: right.as_ref().clone() };
                let access_chain = vec![AccessExpr::Subscript(index)];
                Some(self.visited(Expr::CompoundFieldAccess { root: left.clone(), access_chain }))
            }
            // A key that is also a function without parentheses: `requestParameters.user`, `.current_date`.
            Expr::Function(function)
                if matches!(function.args, ast::FunctionArguments::None) && function.name.0.len() > 1 =>
            {
                let parts = function.name.0.iter().filter_map(|part| part.as_ident().cloned());
                Some(self.visited(Expr::CompoundIdentifier(parts.collect())))
            }
            Expr::Function(function) => match self.summed(function) {
                Some(function) => Some(Expr::Function(function)),
                None => self.expanded(function),
            },
            // `substring(eventTime, 1, 10)`: a time is no text here.
            Expr::Substring { expr: of, substring_from, substring_for, special, shorthand } => {
                Some(Expr::Substring {
                    expr: Box::new(time_as_text(of)?),
                    substring_from: substring_from.clone(),
                    substring_for: substring_for.clone(),
                    special: *special,
                    shorthand: *shorthand,
                })
            }
            Expr::BinaryOp { .. } | Expr::Between { .. } => addresses::compared(expr),
            // `JSON '{"a":1}'`
            Expr::TypedString(text) if text.data_type == ast::DataType::JSON => {
                Some(Expr::Value(text.value.clone()))
            }
            _ => None,
        }
    }

    /// A call of a function of Athena's in the engine's terms; `None` if it stays as it is.
    fn expanded(&mut self, function: &ast::Function) -> Option<Expr> {
        let texts = times_as_texts(function);
        match expand(texts.as_ref().unwrap_or(function)) {
            Some(Ok(expr)) => Some(self.visited(expr)),
            Some(Err(problem)) => {
                self.problem.get_or_insert(problem);
                None
            }
            None => texts.map(Expr::Function),
        }
    }

    /// `sum` or `avg` of a path into a JSON column: of numbers, since texts cannot be added up, and the planner would
    /// refuse them before it asks us. What is no number counts as NULL.
    fn summed(&mut self, function: &ast::Function) -> Option<ast::Function> {
        let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
        if !matches!(name.as_str(), "sum" | "avg") {
            return None;
        }
        let mut function = function.clone();
        let ast::FunctionArguments::List(list) = &mut function.args else { return None };
        let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))] = list.args.as_mut_slice()
        else {
            return None;
        };
        let path = self.rewritten(argument)?;
        if !self.is_json_path(&path) {
            return None;
        }
        *argument = Expr::Cast {
            kind: ast::CastKind::TryCast,
            expr: Box::new(path),
            data_type: ast::DataType::Double(ast::ExactNumberInfo::None),
            array: false,
            format: None,
        };
        Some(function)
    }

    /// Whether an expression in our names is a path into a JSON column.
    fn is_json_path(&self, expr: &Expr) -> bool {
        let Expr::CompoundFieldAccess { root, access_chain } = expr else { return false };
        let Expr::Identifier(first) = root.as_ref() else { return false };
        match access_chain.first() {
            Some(AccessExpr::Dot(Expr::Identifier(column))) => is_json_column(&column.value),
            _ => is_json_column(&first.value) && !self.relations.contains(&first.value),
        }
    }

    /// An expression that took the place of another, and is to be looked at itself.
    fn visited(&mut self, mut expr: Expr) -> Expr {
        let _ = self.pre_visit_expr(&mut expr);
        expr
    }

    /// ORDER BY a path that is also selected → its output name; DISTINCT, UNION and GROUP BY then accept it.
    fn order_by_names(&mut self, order_by: &mut ast::OrderBy, select: &ast::Select) {
        let ast::OrderByKind::Expressions(keys) = &mut order_by.kind else { return };
        for key in keys {
            let _ = self.pre_visit_expr(&mut key.expr);
            if !matches!(key.expr, Expr::CompoundFieldAccess { .. }) {
                continue;
            }
            let alias = select.projection.iter().find_map(|item| match item {
                SelectItem::ExprWithAlias { expr, alias } if *expr == key.expr => Some(alias.clone()),
                _ => None,
            });
            if let Some(alias) = alias {
                key.expr = Expr::Identifier(alias);
            }
        }
    }
}

impl VisitorMut for Pass {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(rewritten) = self.rewritten(expr) {
            *expr = rewritten;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut ast::Query) -> ControlFlow<()> {
        limit_as_fetched(query);
        if let ast::SetExpr::Select(select) = query.body.as_mut() {
            self.pre_visit_select(select)?;
            if let Some(order_by) = &mut query.order_by {
                self.order_by_names(order_by, select);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut ast::Select) -> ControlFlow<()> {
        for unnested in join_unnested(select) {
            self.unnested.insert(unnested.alias);
            self.relations.insert(unnested.relation);
        }
        self.name_items(select);
        ControlFlow::Continue(())
    }
}

/// A dialect with lambdas reads `column -> 'key' = 'x'` as a lambda: it is the JSON operator, with the rest around it.
fn arrow_of_lambda(lambda: &ast::LambdaFunction) -> Option<Expr> {
    let OneOrManyWithParens::One(parameter) = &lambda.params else { return None };
    let mut body = (*lambda.body).clone();
    let value = leftmost_value(&mut body)?;
    *value = Expr::BinaryOp {
        left: Box::new(Expr::Identifier(engine_name(parameter.name.clone()))),
        op: BinaryOperator::Arrow,
        right: Box::new(value.clone()),
    };
    Some(body)
}

fn leftmost_value(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::Value(_) => Some(expr),
        Expr::BinaryOp { left: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. }
        | Expr::InList { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner) => leftmost_value(inner),
        _ => None,
    }
}
