//! Joins without an equality, of which an engine can do billions: they let go when nobody waits, and running out of memory
//! in them is an error and no panic.
//!
//! Such a join goes on as long as it has rows of both sides, and does not look up: it would keep its thread from whatever
//! is asked next. A node above it makes it yield now and then. And when the side that it holds does not fit in memory, the
//! engine executes it a second time, to spill it. Most operators can be executed once only: a repartition panics, and a
//! join gives no rows. A node below it refuses the second time, in words that say which limit was met.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, resources_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Operators that give the same rows however often they are executed.
const AGAIN: [&str; 6] = [
    "DataSourceExec",
    "FilterExec",
    "ProjectionExec",
    "CoalescePartitionsExec",
    "CoalesceBatchesExec",
    "CooperativeExec",
];

/// Puts the nodes where they are needed.
#[derive(Debug)]
pub(crate) struct Joins;

impl PhysicalOptimizerRule for Joins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let is_nested = plan.downcast_ref::<NestedLoopJoinExec>().is_some();
            if !is_nested && plan.downcast_ref::<CrossJoinExec>().is_none() {
                return Ok(Transformed::no(plan));
            }
            let join = if is_nested { held_once(plan)? } else { plan };
            Ok(Transformed::yes(Arc::new(CooperativeExec::new(join)) as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "joins_without_equality"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join with [`Once`] before the side that it holds.
fn held_once(join: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut children = join.children().into_iter().map(Arc::clone).collect::<Vec<_>>();
    match children.first_mut() {
        Some(held) if !runs_again(held)? => *held = Arc::new(Once::new(Arc::clone(held))),
        _ => return Ok(join),
    }
    join.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}

fn runs_again(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut all = true;
    plan.apply(|node| {
        all &= AGAIN.contains(&node.name());
        Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(all)
}

/// The rows of its input; they can be had once.
#[derive(Debug)]
struct Once {
    input: Arc<dyn ExecutionPlan>,
    begun: AtomicBool,
}

impl Once {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input, begun: AtomicBool::new(false) }
    }
}

impl DisplayAs for Once {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Once")
    }
}

impl ExecutionPlan for Once {
    fn name(&self) -> &'static str {
        "Once"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(children.swap_remove(0))))
    }

    // What is deprecated has to be there still.
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        // A join holds the whole of this side, as one partition.
        if self.begun.swap(true, Ordering::Relaxed) {
            return resources_err!("the side of a join that is held does not fit");
        }
        self.input.execute(partition, context)
    }
}
