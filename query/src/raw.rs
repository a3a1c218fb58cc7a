//! Log files → the table `cloudtrail`, without a lake.
//!
//! Objects that cannot hold a row for which the filters of a query are true are left out before a byte of them is read:
//! their keys name an account, a region and the day of delivery. The rest is streamed. What must hold: a key that does
//! not say something, or not surely, keeps its object.

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue, project_schema};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use trailhound_ingest::find::key::{self, KeyParts};
use trailhound_ingest::find::{LogObject, Place};
use trailhound_ingest::raw::{Raw, schema};
use trailhound_ingest::schema::DATE;
use trailhound_ingest::time;

/// Days that an event may be delivered late, and still be found by its time: most take minutes, some a day.
const LATE_DAYS: i64 = 2;

/// Regions in whose name the calls to global services are recorded, whichever folder they are delivered to (AWS CloudTrail
/// user guide, "Global service events").
const GLOBAL: [&str; 4] = ["us-east-1", "us-west-2", "us-gov-west-1", "cn-north-1"];

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Log files as a table, with the columns of `events`.
pub struct RawScan {
    raw: Arc<Raw>,
    schema: SchemaRef,
}

impl RawScan {
    /// The table over what was found.
    #[must_use]
    pub fn new(raw: Arc<Raw>) -> Self {
        Self { raw, schema: schema() }
    }

    /// The objects that may hold a row for which `predicate` is true.
    fn pruned(&self, predicate: Option<Arc<dyn PhysicalExpr>>) -> Vec<LogObject> {
        let objects = self.raw.objects();
        let keys = Keys { keys: objects.iter().map(|object| key::parse(name(&object.place))).collect() };
        let keep = predicate.and_then(|predicate| {
            let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema));
            builder.build(predicate)?.prune(&keys).ok()
        });
        let Some(keep) = keep else { return objects.to_vec() };
        objects.iter().zip(keep).filter(|(_, keep)| *keep).map(|(object, _)| object.clone()).collect()
    }
}

fn name(place: &Place) -> &str {
    match place {
        Place::Disk(path) => path.to_str().unwrap_or_default(),
        Place::S3 { key, .. } => key,
    }
}

impl fmt::Debug for RawScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawScan").field("objects", &self.raw.objects().len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for RawScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let predicate = conjunction(filters.to_vec()).map(|all| state.create_physical_expr(all, &schema));
        let objects = self.pruned(predicate.transpose()?);
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = project_schema(&self.schema, Some(&columns))?;
        let rows = Reading { raw: Arc::clone(&self.raw), objects, columns, schema: Arc::clone(&schema) };
        let exec = StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, [], false, limit)?;
        Ok(Arc::new(exec))
    }
}

/// Objects to be read.
struct Reading {
    raw: Arc<Raw>,
    objects: Vec<LogObject>,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("objects", &self.objects.len()).finish_non_exhaustive()
    }
}

impl PartitionStream for Reading {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = self.raw.rows(self.objects.clone(), &self.columns);
        let rows = futures::stream::unfold(batches, |mut batches| async move {
            let batch = batches.recv().await?;
            Some((batch.map_err(|error| DataFusionError::External(Box::new(error))), batches))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

/// What the keys of objects say of their rows.
struct Keys<'a> {
    keys: Vec<KeyParts<'a>>,
}

impl Keys<'_> {
    /// The bounds of a column, from the day of delivery.
    fn bounds(&self, column: &Column, of_day: impl Fn(&str, i32) -> Option<ScalarValue>) -> Option<ArrayRef> {
        let unknown = of_day(&column.name, 0).map(|value| value.data_type())?;
        let null = ScalarValue::try_from(&unknown).ok()?;
        let values = self.keys.iter().map(|key| key.date.and_then(|day| of_day(&column.name, day)));
        ScalarValue::iter_to_array(values.map(|value| value.unwrap_or_else(|| null.clone()))).ok()
    }
}

/// A time as a value of `column`.
fn moment(column: &str, micros: i64) -> Option<ScalarValue> {
    match column {
        DATE => Some(ScalarValue::Date32(Some(time::day_of(micros)))),
        "eventtime" => Some(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))),
        _ => None,
    }
}

impl PruningStatistics for Keys<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |name, day| moment(name, (i64::from(day) - LATE_DAYS) * DAY))
    }

    // What is delivered has happened, give or take a clock that is wrong by minutes.
    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |name, day| moment(name, (i64::from(day) + 1) * DAY + HOUR))
    }

    fn num_containers(&self) -> usize {
        self.keys.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.keys.iter().map(|_| None).collect::<UInt64Array>()))
    }

    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let texts = values.iter().filter_map(|value| value.try_as_str().flatten()).collect::<Vec<_>>();
        // `Some(false)`: no row has one of the values.
        let lacks = |known: Option<&str>, more: &[&str]| {
            let known = known?;
            let any = texts.iter().any(|text| *text == known || more.contains(text));
            (!any).then_some(false)
        };
        let says = |key: &KeyParts<'_>| match column.name.as_str() {
            "awsregion" => lacks(key.region, &GLOBAL),
            "recipientaccountid" => lacks(key.account, &[]),
            _ => None,
        };
        matches!(column.name.as_str(), "awsregion" | "recipientaccountid")
            .then(|| self.keys.iter().map(says).collect())
    }
}
