//! The flat columns of the files → a view of structs, with the leaves beside them.
//!
//! DataFusion prunes row groups by top-level columns only (apache/datafusion#20871), so the leaves are what files hold
//! and filters read; the structs are for people who ask for one as a whole.

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

/// The view over `table`, which is known as `name`.
pub(crate) fn view(name: &str, table: Arc<dyn TableProvider>) -> Result<ViewTable> {
    let schema = table.schema();
    let structs = level(&schema, "", &DOCUMENTED).into_iter().map(|(name, expr)| match expr {
        // No alias on plain columns: one of the same name makes them ambiguous to `push_down_leaf_projections`.
        Expr::Column(_) => expr,
        expr => expr.alias(name.to_lowercase()),
    });
    let leaves = leaves().filter(|leaf| schema.field_with_name(leaf).is_ok()).map(ident);
    let columns = structs.chain(leaves).collect::<Vec<_>>();
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(ViewTable::new(plan, None))
}

/// The members of one struct, by name: columns, and structs of columns. `names` are dotted, relative to the struct,
/// whose columns begin with `prefix`.
fn level(flat: &Schema, prefix: &str, names: &[&str]) -> Vec<(String, Expr)> {
    let mut members = Vec::new();
    let mut seen = HashSet::new();
    for name in names {
        match name.split_once('.') {
            None => {
                let column = format!("{prefix}{name}").to_lowercase();
                if flat.field_with_name(&column).is_ok() {
                    members.push(((*name).to_owned(), ident(column)));
                }
            }
            Some((head, _)) if seen.insert(head) => {
                let below = names.iter().filter_map(|name| name.strip_prefix(head)?.strip_prefix('.'));
                let below = level(flat, &format!("{prefix}{head}_"), &below.collect::<Vec<_>>());
                let fields = below.into_iter().flat_map(|(name, expr)| [lit(name), expr]).collect();
                members.push((head.to_owned(), named_struct(fields)));
            }
            Some(_) => {}
        }
    }
    members
}

/// The leaf columns that carry a path into a struct. The view has them too; `SELECT *` hides them.
fn leaves() -> impl Iterator<Item = String> {
    DOCUMENTED.iter().filter(|name| name.contains('.')).map(|name| name.replace('.', "_").to_lowercase())
}

/// The outermost `SELECT *` shows structs, not their leaves.
pub(crate) fn hide_leaves(plan: LogicalPlan, has_star: bool) -> Result<LogicalPlan> {
    let hidden = leaves().collect::<HashSet<_>>();
    if !has_star || !plan.schema().fields().iter().any(|field| hidden.contains(field.name())) {
        return Ok(plan);
    }
    let columns = plan.schema().columns().into_iter();
    let shown = columns.filter(|column| !hidden.contains(&column.name)).map(Expr::Column);
    let shown = shown.collect::<Vec<_>>();
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}
