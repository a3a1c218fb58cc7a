//! A path to a member that has a column of its own → that column.
//!
//! It is done as soon as the statement is typed: a moment later the columns that nothing names are left out of the view
//! ([`rules`]), and with them most of what planning would have to carry through all its passes.

use crate::distinct::Distinct;
use crate::functions::json_path::column_of_member;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{AnalyzerRule, Optimizer, OptimizerRule};
use std::sync::Arc;

/// The rewrite.
#[derive(Debug)]
pub(crate) struct Members;

impl AnalyzerRule for Members {
    fn name(&self) -> &'static str {
        "members"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(of_node)?.data)
    }
}

fn of_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if !has_path(&plan)? {
        return Ok(Transformed::no(plan));
    }
    let (schema, names) = (merge_schema(&plan.inputs()), NamePreserver::new(&plan));
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let columns = expr.transform_up(|expr| Ok(column(expr, &schema)))?;
        Ok(columns.update_data(|expr| name.restore(expr)))
    })
}

fn has_path(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expr| {
        found |= expr.exists(|expr| Ok(is_path(expr)))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn is_path(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.name() == "json_path")
}

fn column(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let found = match &expr {
        Expr::ScalarFunction(function) if function.name() == "json_path" => {
            column_of_member(&function.args, |column| column.get_type(schema).ok())
        }
        _ => None,
    };
    found.map_or(Transformed::no(expr), Transformed::yes)
}

/// The rules of the engine, after one that leaves out what nobody reads: the view has a hundred columns and a few structs
/// of them, which otherwise go through the first pass of all rules; and after one of ours for counts.
pub(crate) fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let first: [Arc<dyn OptimizerRule + Send + Sync>; 2] =
        [Arc::new(OptimizeProjections::new()), Arc::new(Distinct)];
    first.into_iter().chain(Optimizer::new().rules).collect()
}
