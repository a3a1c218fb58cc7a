//! The column of a searched member that a file does not have → a path into the JSON that it has.
//!
//! Files are older than such columns, or written by tools that do not know them, see
//! [`SEARCHED`](trailhound_ingest::schema::SEARCHED). The scan asks for each file what its expressions become there.

use crate::functions::json_path::json_path;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::expressions::{Column, cast, lit};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use std::sync::Arc;
use trailhound_ingest::schema::{SEARCHED, SEARCHED_IN};

/// What makes an adapter for each file.
#[derive(Debug)]
pub(crate) struct Absent;

impl PhysicalExprAdapterFactory for Absent {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let usual = DefaultPhysicalExprAdapterFactory.create(Arc::clone(&table), Arc::clone(&file))?;
        Ok(Arc::new(OfFile { usual, table, file }))
    }
}

/// The adapter of a file.
#[derive(Debug)]
struct OfFile {
    usual: Arc<dyn PhysicalExprAdapter>,
    table: SchemaRef,
    file: SchemaRef,
}

impl PhysicalExprAdapter for OfFile {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let present = expr.transform(|expr| {
            let column = expr.downcast_ref::<Column>().and_then(|column| self.in_json(column.name()));
            column.transpose().map(|column| column.map_or(Transformed::no(expr), Transformed::yes))
        });
        self.usual.rewrite(present.data()?)
    }
}

impl OfFile {
    /// The path for the column `name`, where it is a searched member's and the file has none.
    fn in_json(&self, name: &str) -> Option<Result<Arc<dyn PhysicalExpr>>> {
        let (key, _) = SEARCHED.iter().find(|(_, column)| *column == name)?;
        if self.file.field_with_name(name).is_ok() {
            return None;
        }
        let data_type = self.table.field_with_name(name).ok()?.data_type().clone();
        let of = self.table.index_of(SEARCHED_IN).ok()?;
        let arguments = vec![Arc::new(Column::new(SEARCHED_IN, of)) as Arc<dyn PhysicalExpr>, lit(*key)];
        let options = Arc::new(ConfigOptions::default());
        let path = ScalarFunctionExpr::try_new(json_path(), arguments, &self.table, options);
        Some(path.and_then(|path| cast(Arc::new(path), &self.table, data_type)))
    }
}
