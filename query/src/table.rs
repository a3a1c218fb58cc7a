//! The data files that the log of a table names at one version → a plain Parquet scan.
//!
//! A question names a table or two, and to read the log of one takes ten milliseconds and more: a table that is to be at its
//! newest version is looked up when it is first scanned, and stays at that.
//!
//! Files are pruned here, by the statistics in the log, by their partition, and where a filter names values by their
//! bloom filters; row groups and pages by the scan itself, with the statistics, bloom filters and page index in the files. The plan holds nothing of ours but what reads
//! files of older versions, so it can be serialised and run elsewhere over files that were compacted.

use crate::absent::Absent;
use crate::needle::{Filters, Source};
use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, DataFusionError, Result, ScalarValue, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;
use trailhound_ingest::lake::{Lake, LakeError, LakeFile, LakeTable};
use trailhound_ingest::schema::DATE;
use trailhound_ingest::time;

/// A table of the lake at one version.
pub struct LakeScan {
    store: ObjectStoreUrl,
    files: OnceCell<Vec<LakeFile>>,
    /// Where they are looked up when they are first asked for.
    newest: Option<(Lake, LakeTable)>,
    /// What the files hold.
    file_schema: SchemaRef,
    /// That, and the partition column.
    schema: SchemaRef,
    filters: Filters,
}

impl LakeScan {
    /// The table whose `files`, below `store`, have `file_schema`.
    #[must_use]
    pub fn new(store: ObjectStoreUrl, files: Vec<LakeFile>, file_schema: SchemaRef) -> Self {
        Self::of(store, OnceCell::new_with(Some(files)), None, file_schema)
    }

    /// `table` of `lake` at the version that is its newest at the first scan.
    #[must_use]
    pub fn newest(store: ObjectStoreUrl, lake: Lake, table: LakeTable, file_schema: SchemaRef) -> Self {
        Self::of(store, OnceCell::new(), Some((lake, table)), file_schema)
    }

    fn of(
        store: ObjectStoreUrl,
        files: OnceCell<Vec<LakeFile>>,
        newest: Option<(Lake, LakeTable)>,
        file_schema: SchemaRef,
    ) -> Self {
        let partition = Arc::new(Field::new(DATE, DataType::Date32, false));
        let fields = file_schema.fields().iter().cloned().chain([partition]).collect::<Vec<_>>();
        let (schema, filters) = (Arc::new(Schema::new(fields)), Filters::default());
        Self { store, files, newest, file_schema, schema, filters }
    }

    async fn files(&self) -> Result<&[LakeFile]> {
        let look_up = async || match &self.newest {
            Some((lake, table)) => Ok(lake.snapshot(*table, None).await?.files),
            None => Ok(Vec::new()),
        };
        let failed = |error: LakeError| DataFusionError::External(Box::new(error));
        Ok(self.files.get_or_try_init(look_up).await.map_err(failed)?)
    }

    /// Those of `files` that may hold a row for which `predicate` is true.
    fn pruned<'a>(
        &self,
        files: &'a [LakeFile],
        predicate: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Vec<&'a LakeFile> {
        let statistics = LogStatistics { files, schema: &self.schema };
        let keep = predicate.and_then(|predicate| {
            let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema));
            builder.build(Arc::clone(predicate))?.prune(&statistics).ok()
        });
        match keep {
            Some(keep) => files.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file).collect(),
            None => files.iter().collect(),
        }
    }
}

impl fmt::Debug for LakeScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeScan").field("store", &self.store).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for LakeScan {
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
        let predicate = predicate.transpose()?;
        let partition = Arc::new(Field::new(DATE, DataType::Date32, false));
        let table = TableSchema::builder(Arc::clone(&self.file_schema))
            .with_table_partition_cols(vec![partition])
            .build();
        let options = state.config_options().execution.parquet.clone();
        let mut source = ParquetSource::new(table).with_pushdown_filters(options.pushdown_filters);
        source = source.with_enable_page_index(true).with_bloom_filter_on_read(true);
        // A session asks again and again, and what ends a file tells much.
        let runtime = state.runtime_env();
        source = source.with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(
            runtime.object_store(&self.store)?,
            runtime.cache_manager.get_file_metadata_cache(),
        )));
        if let Some(predicate) = &predicate {
            source = source.with_predicate(Arc::clone(predicate));
        }
        let mut files = self.pruned(self.files().await?, predicate.as_ref());
        prune_by_day(state, filters, &mut files)?;
        let mut files = files.into_iter().map(partitioned).collect::<Vec<_>>();
        if let Some(predicate) = &predicate {
            let ends = files.iter().map(|file| file.object_meta.clone()).collect::<Vec<_>>();
            let source = Source {
                store: runtime.object_store(&self.store)?,
                footers: runtime.cache_manager.get_file_metadata_cache(),
            };
            let mut may_hold = self.filters.may_hold(&source, predicate, &ends).await.into_iter();
            files.retain(|_| may_hold.next().unwrap_or(true));
        }
        // A scan without files has no partition either, which a sort above it cannot take.
        if files.is_empty() {
            let schema = project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let groups =
            FileGroup::new(files).split_files(state.config_options().execution.target_partitions.max(1));
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_expr_adapter(Some(Arc::new(Absent)))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn partitioned(file: &LakeFile) -> PartitionedFile {
    PartitionedFile::new(file.path.clone(), file.size)
        .with_partition_values(vec![ScalarValue::Date32(Some(file.date))])
}

/// Leaves out the files for whose day a filter is not true, if it is about nothing else. Statistics prune by what
/// compares a column; `month(date) = 3`, or a partition of Athena's that is a text, has to be computed, and a file
/// has one day.
fn prune_by_day(state: &dyn Session, filters: &[Expr], files: &mut Vec<&LakeFile>) -> Result<()> {
    let is_of_day = |filter: &&Expr| {
        let columns = filter.column_refs();
        columns.len() == 1 && columns.iter().all(|column| column.name == DATE) && !filter.is_volatile()
    };
    let Some(filter) = conjunction(filters.iter().filter(is_of_day).cloned()) else { return Ok(()) };
    let schema = Arc::new(Schema::new(vec![Field::new(DATE, DataType::Date32, false)]));
    let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
    let days = files.iter().map(|file| Some(file.date)).collect::<Date32Array>();
    let days = RecordBatch::try_new(schema, vec![Arc::new(days)])?;
    // What fails is for the scan to say.
    let Ok(verdicts) = filter.evaluate(&days).and_then(|value| value.into_array(days.num_rows())) else {
        return Ok(());
    };
    if let Some(verdicts) = verdicts.as_boolean_opt() {
        let mut verdicts = verdicts.iter();
        files.retain(|_| verdicts.next().flatten() == Some(true));
    }
    Ok(())
}

/// The statistics of the log, a container for each file.
struct LogStatistics<'a> {
    files: &'a [LakeFile],
    schema: &'a Schema,
}

impl LogStatistics<'_> {
    fn bounds(&self, column: &Column, side: &str) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(&column.name).ok()?.data_type();
        let value = |file: &LakeFile| match (column.name.as_str(), data_type) {
            (DATE, _) => Some(ScalarValue::Date32(Some(file.date))),
            (name, data_type) => bound(file, side, name, data_type),
        };
        let null = ScalarValue::try_from(data_type).ok()?;
        let values = self.files.iter().map(|file| value(file).unwrap_or_else(|| null.clone()));
        ScalarValue::iter_to_array(values).ok()
    }
}

/// One bound of one file; Delta cuts times to milliseconds, so an upper one is widened.
fn bound(file: &LakeFile, side: &str, column: &str, data_type: &DataType) -> Option<ScalarValue> {
    let value = file.stats.get(side)?.get(column)?;
    match data_type {
        DataType::Utf8 => Some(ScalarValue::Utf8(Some(value.as_str()?.to_owned()))),
        DataType::Utf8View => Some(ScalarValue::Utf8View(Some(value.as_str()?.to_owned()))),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let (micros, _) = time::parse(&format!("\"{}\"", value.as_str()?))?;
            let micros = if side == "maxValues" { micros + 999 } else { micros };
            Some(ScalarValue::TimestampMicrosecond(Some(micros), zone.clone()))
        }
        _ => None,
    }
}

impl PruningStatistics for LogStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, "minValues")
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, "maxValues")
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let count = |file: &LakeFile| file.stats.get("nullCount")?.get(&column.name)?.as_u64();
        Some(Arc::new(self.files.iter().map(count).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.files.iter().map(|file| Some(file.rows)).collect::<UInt64Array>()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
