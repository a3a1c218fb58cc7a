//! The flat columns of the files → a view of structs, with the leaves beside them.

use super::DOCUMENTED;
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::Result;
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident, lit};
use std::collections::HashSet;
use std::sync::Arc;

pub(crate) fn nested_exprs(flat: &Schema) -> Vec<Expr> {
    fn level(flat: &Schema, prefix: &str, names: &[&str]) -> Vec<(String, Expr)> {
        let mut out: Vec<(String, Expr)> = vec![];
        let mut seen = HashSet::new();
        for n in names {
            match n.split_once('.') {
                None => {
                    let c = format!("{prefix}{n}").to_lowercase();
                    if flat.field_with_name(&c).is_ok() {
                        out.push((n.to_string(), ident(c)));
                    }
                }
                Some((head, _)) if seen.insert(head) => {
                    let kids: Vec<&str> =
                        names.iter().filter_map(|x| x.strip_prefix(head)?.strip_prefix('.')).collect();
                    let kids = level(flat, &format!("{prefix}{head}_"), &kids);
                    out.push((
                        head.to_string(),
                        named_struct(kids.into_iter().flat_map(|(k, e)| [lit(k), e]).collect()),
                    ));
                }
                _ => {}
            }
        }
        out
    }
    // no alias on plain columns: `flat.x AS x` trips push_down_leaf_projections (ambiguous qualified/unqualified name)
    level(flat, "", &DOCUMENTED)
        .into_iter()
        .map(|(n, e)| if matches!(e, Expr::Column(_)) { e } else { e.alias(n.to_lowercase()) })
        .collect()
}
pub(crate) fn view(flat_name: &str, t: Arc<dyn TableProvider>) -> Result<ViewTable> {
    let mut exprs = nested_exprs(&t.schema());
    exprs.extend(leaves().filter(|l| t.schema().field_with_name(l).is_ok()).map(ident));
    Ok(ViewTable::new(
        LogicalPlanBuilder::scan(flat_name, provider_as_source(t), None)?.project(exprs)?.build()?,
        None,
    ))
}

/// leaf columns that carry a struct path; the view also exposes them, `SELECT *` hides them (see `hide_leaves`)
pub(crate) fn leaves() -> impl Iterator<Item = String> {
    DOCUMENTED.iter().filter(|d| d.contains('.')).map(|d| d.replace('.', "_").to_lowercase())
}
/// outermost `SELECT *` shows structs, not their leaves
pub(crate) fn hide_leaves(p: LogicalPlan, star: bool) -> Result<LogicalPlan> {
    let hide: HashSet<String> = leaves().collect();
    if !star || !p.schema().fields().iter().any(|f| hide.contains(f.name())) {
        return Ok(p);
    }
    let keep: Vec<Expr> =
        p.schema().columns().into_iter().filter(|c| !hide.contains(&c.name)).map(Expr::Column).collect();
    LogicalPlanBuilder::from(p).project(keep)?.build()
}
