//! One pass over the syntax tree: what follows a column becomes subscripts, which keep the case of JSON keys.

use super::bind::{bind, tokens};
use super::dialect::Sql;
use super::macros::call;
use super::tokens::fix_tables;
use super::{DOCUMENTED, known};
use crate::rules::params::Values;
use datafusion::common::{Result, plan_err};
use datafusion::sql::parser::{DFParserBuilder, Statement as DFStatement};
use datafusion::sql::sqlparser::ast::{
    self, AccessExpr, Expr as E, Ident, SelectItem, Subscript, Value, VisitMut, VisitorMut,
};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

pub(crate) struct Parsed {
    pub st: DFStatement,
    pub display: HashMap<String, String>,
    pub star: bool,
}
#[derive(Default)]
pub(crate) struct Pass {
    rels: HashSet<String>,
    unnested: HashSet<String>,
    pub display: HashMap<String, String>,
}
struct Rels<'a>(&'a mut HashSet<String>);
impl VisitorMut for Rels<'_> {
    type Break = ();
    fn pre_visit_table_factor(&mut self, t: &mut ast::TableFactor) -> ControlFlow<()> {
        use ast::TableFactor::{Derived, Function, NestedJoin, Table, TableFunction, UNNEST};
        let (alias, name) = match t {
            Table { alias, name, .. } => {
                (alias, name.0.last().and_then(|p| p.as_ident()).map(|i| i.value.clone()))
            }
            Derived { alias, .. }
            | UNNEST { alias, .. }
            | Function { alias, .. }
            | TableFunction { alias, .. }
            | NestedJoin { alias, .. } => (alias, None),
            _ => return ControlFlow::Continue(()),
        };
        if let Some(n) = alias.as_ref().map(|a| a.name.value.clone()).or(name) {
            self.0.insert(n.to_lowercase());
        }
        ControlFlow::Continue(())
    }
}
fn plain(i: Ident) -> Ident {
    let l = i.value.to_lowercase();
    if known(&l) { Ident::new(l) } else { i }
}
pub(crate) fn key(s: String) -> AccessExpr {
    AccessExpr::Subscript(Subscript::Index { index: E::value(Value::SingleQuotedString(s)) })
}
fn leftmost(e: &mut E) -> Option<&mut E> {
    match e {
        E::Value(_) => Some(e),
        E::BinaryOp { left: x, .. }
        | E::Like { expr: x, .. }
        | E::ILike { expr: x, .. }
        | E::InList { expr: x, .. }
        | E::Between { expr: x, .. }
        | E::IsNull(x)
        | E::IsNotNull(x) => leftmost(x),
        _ => None,
    }
}
impl Pass {
    /// column position in a dotted name: after the relation qualifier, if the first part names a relation of this statement
    fn colpos(&self, ids: &[Ident]) -> usize {
        (0..ids.len().min(3))
            .find(|k| {
                self.rels.contains(&ids[*k].value.to_lowercase())
                    && (*k == 0 || !known(&ids[0].value.to_lowercase()))
            })
            .map(|k| k + 1)
            .filter(|c| *c < ids.len())
            .unwrap_or(0)
    }
    fn path(&self, mut ids: Vec<Ident>, rest: Vec<AccessExpr>) -> Option<E> {
        if ids.len() > 1 && self.unnested.contains(&ids[0].value.to_lowercase()) {
            ids.remove(0);
            if ids.len() == 1 && rest.is_empty() {
                return Some(E::Identifier(ids.remove(0)));
            }
        }
        let c = self.colpos(&ids);
        if rest.is_empty() && ids.len() == c + 1 {
            return None;
        }
        let mut it = ids.into_iter();
        let root = E::Identifier(plain(it.next()?));
        let mut chain: Vec<AccessExpr> = it
            .enumerate()
            .map(|(k, i)| if k < c { AccessExpr::Dot(E::Identifier(plain(i))) } else { key(i.value) })
            .collect();
        chain.extend(rest.into_iter().map(|a| match a {
            AccessExpr::Dot(E::Identifier(i)) => key(i.value),
            a => a,
        }));
        Some(E::CompoundFieldAccess { root: Box::new(root), access_chain: chain })
    }
    /// `FROM t a CROSS JOIN UNNEST(a.list) AS u(x)` -> `FROM (SELECT *, unnest(a.list) AS x FROM t a) a`; `u.x` then means `x`
    fn unnest_join(&mut self, t: &mut ast::TableWithJoins) {
        let Some(j) = t.joins.first().cloned() else { return };
        let ast::TableFactor::UNNEST { alias: Some(u), array_exprs, with_ordinality: false, .. } =
            &j.relation
        else {
            return;
        };
        let ast::TableFactor::Table { alias, name, .. } = &t.relation else { return };
        let q = alias.as_ref().map(|a| a.name.clone()).or(name.0.last().and_then(|p| p.as_ident().cloned()));
        let Some(q) = q else { return };
        let x = u.columns.first().map(|c| c.name.clone()).unwrap_or(u.name.clone());
        if array_exprs.len() != 1 || u.columns.len() > 1 {
            return;
        }
        let sql =
            format!("SELECT * FROM (SELECT *, unnest({}) AS {x} FROM {}) AS {q}", array_exprs[0], t.relation);
        let Ok(mut st) = DFParserBuilder::new(sql.as_str())
            .with_dialect(&Sql::default())
            .build()
            .and_then(|mut p| p.parse_statements())
        else {
            return;
        };
        if let Some(DFStatement::Statement(b)) = st.pop_front()
            && let ast::Statement::Query(b) = *b
            && let ast::SetExpr::Select(b) = *b.body
        {
            self.unnested.insert(u.name.value.to_lowercase());
            self.rels.insert(q.value.to_lowercase());
            let Some(from) = b.from.into_iter().next() else { return };
            t.relation = from.relation;
            t.joins.remove(0);
        }
    }
    /// The name a path gets in a select list: its last step, as in Trino.
    fn tail(e: &E) -> Option<String> {
        let s = |e: &E| match e {
            E::Value(v) => match &v.value {
                Value::SingleQuotedString(s) => Some(s.clone()),
                _ => None,
            },
            _ => None,
        };
        match e {
            E::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
                AccessExpr::Subscript(Subscript::Index { index }) => s(index),
                AccessExpr::Dot(E::Identifier(i)) => Some(i.value.clone()),
                _ => None,
            },
            _ => None,
        }
    }
}
impl VisitorMut for Pass {
    type Break = ();
    fn pre_visit_expr(&mut self, e: &mut E) -> ControlFlow<()> {
        match e {
            E::Identifier(i) => *i = plain(i.clone()),
            E::CompoundIdentifier(ids) => match self.path(ids.clone(), vec![]) {
                Some(n) => *e = n,
                None => {
                    for i in ids.iter_mut() {
                        *i = plain(i.clone());
                    }
                }
            },
            E::CompoundFieldAccess { root, access_chain } => {
                let mut ids = match root.as_ref() {
                    E::Identifier(i) => vec![i.clone()],
                    E::CompoundIdentifier(v) => v.clone(),
                    _ => vec![],
                };
                if let E::CompoundFieldAccess { root: r2, access_chain: c2 } = root.as_mut() {
                    let mut c = std::mem::take(c2);
                    c.append(access_chain);
                    *e = E::CompoundFieldAccess { root: r2.clone(), access_chain: c };
                    return self.pre_visit_expr(e);
                }
                if ids.is_empty() {
                    for a in access_chain.iter_mut() {
                        if let AccessExpr::Dot(E::Identifier(i)) = a {
                            *a = key(i.value.clone());
                        }
                    }
                    return ControlFlow::Continue(());
                }
                let n = access_chain
                    .iter()
                    .take_while(|a| matches!(a, AccessExpr::Dot(E::Identifier(_))))
                    .count();
                let mut rest = std::mem::take(access_chain);
                for a in rest.drain(..n) {
                    if let AccessExpr::Dot(E::Identifier(i)) = a {
                        ids.push(i);
                    }
                }
                if let Some(x) = self.path(ids.clone(), rest) {
                    *e = x;
                } else {
                    *e = E::CompoundIdentifier(ids.into_iter().map(plain).collect());
                }
            }
            // dialects with lambdas read `col -> 'key'` as a lambda: turn it back into the JSON operator
            E::Lambda(l) => {
                if let ast::OneOrManyWithParens::One(p) = &l.params
                    && let Some(v) = leftmost(&mut l.body)
                {
                    *v = E::BinaryOp {
                        left: Box::new(E::Identifier(plain(p.name.clone()))),
                        op: ast::BinaryOperator::Arrow,
                        right: Box::new(v.clone()),
                    };
                    *e = (*l.body).clone();
                    return self.pre_visit_expr(e);
                }
            }
            E::BinaryOp { op: ast::BinaryOperator::Arrow | ast::BinaryOperator::LongArrow, left, right }
                if matches!(**right, E::Value(_)) =>
            {
                *e = E::CompoundFieldAccess {
                    root: left.clone(),
                    access_chain: vec![AccessExpr::Subscript(Subscript::Index { index: (**right).clone() })],
                };
                return self.pre_visit_expr(e);
            }
            // a key that is also a niladic function: `requestParameters.user`, `.current_date`
            E::Function(f) if matches!(f.args, ast::FunctionArguments::None) && f.name.0.len() > 1 => {
                *e = E::CompoundIdentifier(f.name.0.iter().filter_map(|p| p.as_ident().cloned()).collect());
                return self.pre_visit_expr(e);
            }
            E::Function(f) => {
                if let Some(n) = call(f) {
                    *e = n;
                    return self.pre_visit_expr(e);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
    /// ORDER BY <path> that is also selected -> its output name (DISTINCT, UNION and GROUP BY then accept it)
    fn pre_visit_query(&mut self, q: &mut ast::Query) -> ControlFlow<()> {
        if let ast::SetExpr::Select(s) = q.body.as_mut() {
            self.pre_visit_select(s)?;
            if let Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(v), .. }) = &mut q.order_by {
                for o in v {
                    let _ = self.pre_visit_expr(&mut o.expr);
                    if let E::CompoundFieldAccess { .. } = o.expr
                        && let Some(SelectItem::ExprWithAlias { alias, .. }) = s
                            .projection
                            .iter()
                            .find(|i| matches!(i, SelectItem::ExprWithAlias { expr, .. } if *expr == o.expr))
                    {
                        o.expr = E::Identifier(alias.clone());
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
    fn pre_visit_select(&mut self, s: &mut ast::Select) -> ControlFlow<()> {
        while s.from.len() > 1 && matches!(s.from[1].relation, ast::TableFactor::UNNEST { .. }) {
            // comma form
            let u = s.from.remove(1);
            s.from[0].joins.push(ast::Join {
                relation: u.relation,
                global: false,
                join_operator: ast::JoinOperator::CrossJoin(ast::JoinConstraint::None),
            });
        }
        for t in &mut s.from {
            self.unnest_join(t);
        }
        // `userIdentity.*` -> its documented fields
        let mut items = vec![];
        for it in std::mem::take(&mut s.projection) {
            match &it {
                SelectItem::QualifiedWildcard(ast::SelectItemQualifiedWildcardKind::ObjectName(n), _) => {
                    let ids: Vec<Ident> = n.0.iter().filter_map(|p| p.as_ident().cloned()).collect();
                    let c = self.colpos(&ids);
                    let prefix = ids[c.min(ids.len() - 1)..]
                        .iter()
                        .map(|i| i.value.to_lowercase())
                        .collect::<Vec<_>>()
                        .join(".")
                        + ".";
                    let mut seen = HashSet::new();
                    let fields: Vec<&str> = if self.rels.contains(prefix.trim_end_matches('.')) {
                        vec![]
                    } else {
                        DOCUMENTED
                            .iter()
                            .filter(|d| d.to_lowercase().starts_with(&prefix))
                            .filter_map(|d| d[prefix.len()..].split('.').next())
                            .filter(|f| seen.insert(*f))
                            .collect()
                    };
                    if fields.is_empty() {
                        items.push(it);
                    } else {
                        for f in fields {
                            let mut v = ids.clone();
                            v.push(Ident::new(f));
                            items.push(SelectItem::UnnamedExpr(E::CompoundIdentifier(v)));
                        }
                    }
                }
                _ => items.push(it),
            }
        }
        // name unaliased paths by their last step when that is unique in this select list, else by the text typed
        let typed: Vec<String> = items.iter().map(std::string::ToString::to_string).collect();
        for it in &mut items {
            if let SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } = it {
                let _ = self.pre_visit_expr(e);
            }
        }
        let names: Vec<Option<String>> = items
            .iter()
            .map(|i| match i {
                SelectItem::UnnamedExpr(e) => Self::tail(e).or_else(|| match e {
                    E::Identifier(i) => Some(i.value.clone()),
                    E::CompoundIdentifier(v) => v.last().map(|i| i.value.clone()),
                    _ => None,
                }),
                SelectItem::ExprWithAlias { alias, .. } => {
                    self.display.entry(alias.value.to_lowercase()).or_insert(alias.value.clone());
                    Some(alias.value.clone())
                }
                _ => None,
            })
            .collect();
        for (k, it) in items.iter_mut().enumerate() {
            let SelectItem::UnnamedExpr(e) = it else { continue };
            let Some(t) = Self::tail(e) else {
                if !matches!(e, E::Identifier(_) | E::CompoundIdentifier(_)) {
                    *it = SelectItem::ExprWithAlias {
                        expr: e.clone(),
                        alias: Ident::with_quote('"', typed[k].replace('"', "")),
                    }
                }
                continue;
            };
            let unique = names.iter().flatten().filter(|n| n.eq_ignore_ascii_case(&t)).count() == 1;
            let alias = if unique {
                self.display.entry(t.to_lowercase()).or_insert(t.clone());
                Ident::with_quote('"', t.to_lowercase())
            } else {
                Ident::with_quote('"', typed[k].replace('"', ""))
            };
            *it = SelectItem::ExprWithAlias { expr: e.clone(), alias };
        }
        s.projection = items;
        ControlFlow::Continue(())
    }
}
/// Parses one statement, with the values of its `$names`.
pub(crate) fn parse(sql: &str, values: &Values) -> Result<Parsed> {
    let toks = bind(tokens(sql)?, values);
    let dialect = Sql::default();
    let mut st =
        DFParserBuilder::new(fix_tables(&toks)).with_dialect(&dialect).build()?.parse_statements()?;
    if st.len() != 1 {
        return plan_err!("exactly one statement expected, got {}", st.len());
    }
    let Some(mut st) = st.pop_front() else { return plan_err!("no statement") };
    let mut p = Pass::default();
    if let Some(s) = inner(&mut st) {
        let _ = s.visit(&mut Rels(&mut p.rels));
        let _ = s.visit(&mut p);
    }
    for d in DOCUMENTED.iter() {
        let h = d.split('.').next().unwrap_or(d);
        p.display.insert(h.to_lowercase(), h.into());
    }
    let star = match inner(&mut st) {
        Some(ast::Statement::Query(q)) => {
            matches!(q.body.as_ref(), ast::SetExpr::Select(s) if s.projection.iter().any(|i| matches!(i, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))))
        }
        _ => false,
    };
    Ok(Parsed { st, display: p.display, star })
}

/// The statement that an EXPLAIN explains.
fn inner(s: &mut DFStatement) -> Option<&mut ast::Statement> {
    match s {
        DFStatement::Statement(s) => Some(s),
        DFStatement::Explain(e) => inner(&mut e.statement),
        _ => None,
    }
}
