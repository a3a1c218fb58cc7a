//! The flat columns of the files → a view of structs, with the leaves beside them.
//!
//! DataFusion prunes row groups by top-level columns only (apache/datafusion#20871), so the leaves are what files hold
//! and filters read; the structs are for people who ask for one as a whole. The columns of members of request parameters
//! stand beside them as well, for the paths that lead there.

use super::{DOCUMENTED, views};
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::Result;
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::named_struct;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident, lit};
use std::collections::HashSet;
use std::sync::Arc;
use trailhound_ingest::schema::SEARCHED;

/// Which members a view has, and what it calls them.
pub(super) struct Shape {
    /// Their documented names; dots lead into structs.
    pub(super) names: Vec<&'static str>,
    /// A step of such a name, as the view has it.
    pub(super) rename: fn(&str) -> String,
}

/// The view over `table`, which is known as `name`.
pub(crate) fn view(name: &str, table: Arc<dyn TableProvider>) -> Result<ViewTable> {
    let hidden = views::hidden(&table);
    let shape = Shape { names: DOCUMENTED.clone(), rename: str::to_owned };
    scan_view(name, table, &shape, hidden)
}

/// A view of a `shape`, with `more` columns behind its own.
pub(super) fn scan_view(
    name: &str,
    table: Arc<dyn TableProvider>,
    shape: &Shape,
    more: Vec<Expr>,
) -> Result<ViewTable> {
    let schema = table.schema();
    let structs = level(&schema, "", &shape.names, shape.rename).into_iter();
    let structs = structs.map(|(name, expr)| named(expr, name.to_lowercase()));
    let nested = shape.names.iter().filter(|name| name.contains('.'));
    let leaves = nested.filter(|name| schema.field_with_name(&flat_names(name)).is_ok());
    let leaves = leaves.map(|path| {
        let name = path.split('.').map(shape.rename).collect::<Vec<_>>().join("_");
        named(ident(flat_names(path)), name.to_lowercase())
    });
    let searched = SEARCHED.iter().map(|&(_, column)| column);
    let searched = searched.filter(|column| schema.field_with_name(column).is_ok()).map(ident);
    let columns = structs.chain(leaves).chain(searched).chain(more).collect::<Vec<_>>();
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(ViewTable::new(plan, None))
}

/// No alias on a plain column of that name: it makes it ambiguous to `push_down_leaf_projections`.
fn named(expr: Expr, name: String) -> Expr {
    if matches!(&expr, Expr::Column(column) if column.name == name) { expr } else { expr.alias(name) }
}

/// The members of one struct, by name: columns, and structs of columns. `names` are dotted, relative to the struct,
/// whose columns begin with `prefix`.
fn level(flat: &Schema, prefix: &str, names: &[&str], rename: fn(&str) -> String) -> Vec<(String, Expr)> {
    let mut members = Vec::new();
    let mut seen = HashSet::new();
    for name in names {
        match name.split_once('.') {
            None => {
                let column = format!("{prefix}{name}").to_lowercase();
                if flat.field_with_name(&column).is_ok() {
                    members.push((rename(name), ident(column)));
                }
            }
            Some((head, _)) if seen.insert(head) => {
                let below = names.iter().filter_map(|name| name.strip_prefix(head)?.strip_prefix('.'));
                let below = level(flat, &format!("{prefix}{head}_"), &below.collect::<Vec<_>>(), rename);
                let fields = below.into_iter().flat_map(|(name, expr)| [lit(name), expr]).collect();
                members.push((rename(head), named_struct(fields)));
            }
            Some(_) => {}
        }
    }
    members
}

/// The column in the files of a documented name.
pub(super) fn flat_names(name: &str) -> String {
    name.replace('.', "_").to_lowercase()
}

/// The columns that `SELECT *` hides: the leaves that carry paths into structs, and those that are computed.
fn hidden() -> HashSet<String> {
    let leaves = DOCUMENTED.iter().filter(|name| name.contains('.')).map(|name| flat_names(name));
    let searched = SEARCHED.iter().map(|&(_, column)| column.to_owned());
    leaves.chain(views::leaves()).chain(searched).chain(views::HIDDEN.map(str::to_owned)).collect()
}

/// The outermost `SELECT *` shows structs, not their leaves.
pub(crate) fn hide_leaves(plan: LogicalPlan, has_star: bool) -> Result<LogicalPlan> {
    if !has_star {
        return Ok(plan);
    }
    let hidden = hidden();
    if !plan.schema().fields().iter().any(|field| hidden.contains(field.name())) {
        return Ok(plan);
    }
    let columns = plan.schema().columns().into_iter();
    let shown = columns.filter(|column| !hidden.contains(&column.name)).map(Expr::Column);
    let shown = shown.collect::<Vec<_>>();
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}
