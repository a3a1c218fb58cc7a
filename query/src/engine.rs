//! A session over a lake at one version: text → batches, read-only.

use crate::chain::{ACTOR_CHAIN, ActorChain};
use crate::error::Error;
use crate::functions;
use crate::joins::Joins;
use crate::limits::{self, Limits};
use crate::names::compare::JsonCompare;
use crate::names::members::{self, Members};
use crate::names::pass::{Parsed, parse};
use crate::names::planner::Paths;
use crate::names::relations;
use crate::names::values::Values;
use crate::names::{view, views};
use crate::raw::RawScan;
use crate::table::LakeScan;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, TableReference, plan_err};
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use trailhound_ingest::lake::{Lake, LakeFile, LakeTable, tables};
use trailhound_ingest::raw::Raw;

/// The name under which people know `events`.
pub const CLOUDTRAIL: &str = "cloudtrail";

/// A lake, ready to be asked.
pub struct Engine {
    session: SessionContext,
    /// `events` as the files have it.
    flat: Option<Arc<LakeScan>>,
    /// Where queries spill; it goes with the engine.
    spill: Option<TempDir>,
}

/// Rows on their way.
pub type Rows = BoxStream<'static, Result<RecordBatch, Error>>;

/// A statement at work.
pub struct Running {
    /// The columns, named as AWS, or the statement, names them.
    pub schema: SchemaRef,
    /// The rows, as they come.
    pub rows: Rows,
    /// What is executed, with its metrics.
    pub plan: Arc<dyn ExecutionPlan>,
}

/// Rows that are worked on at once.
const BATCH_ROWS: usize = 16_384;

/// What a query gave.
#[derive(Debug)]
pub struct Answer {
    /// Its columns, named as AWS writes them.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
}

impl Engine {
    /// Opens the lake at its newest version.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub async fn open(lake: &Lake) -> Result<Self, Error> {
        Self::at(lake, lake.snapshot(LakeTable::Events, None).await?.files)
    }

    /// The events in `files` alone: what is new since a version, for rules that look at one event at a time.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn over(lake: &Lake, files: Vec<LakeFile>) -> Result<Self, Error> {
        let mut engine = Self::empty()?;
        engine.register(lake, files)?;
        Ok(engine)
    }

    /// The same of the same lake, with what this engine knows of files.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn beside(&self, lake: &Lake, files: Vec<LakeFile>) -> Result<Self, Error> {
        let mut engine = Self::empty_in(self.session.runtime_env())?;
        engine.register(lake, files)?;
        Ok(engine)
    }

    /// The lake with `events` at one version, beside the other tables at their newest.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub fn at(lake: &Lake, events: Vec<LakeFile>) -> Result<Self, Error> {
        let mut engine = Self::empty()?;
        engine.register(lake, events)?;
        for table in LakeTable::ALL.into_iter().filter(|table| *table != LakeTable::Events) {
            let (url, schema) = (engine.store(lake, table)?, tables::file_schema(table));
            let scan = LakeScan::newest(url, lake.clone(), table, schema);
            engine.session.register_table(table.name(), Arc::new(scan))?;
        }
        Ok(engine)
    }

    /// Log files, without a lake: `cloudtrail` and what is computed of it.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn raw(raw: Arc<Raw>) -> Result<Self, Error> {
        let engine = Self::empty()?;
        engine.events(Arc::new(RawScan::new(raw)))?;
        Ok(engine)
    }

    /// The engine with other limits, and a private folder to spill to.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn within(self, limits: Limits) -> Result<Self, Error> {
        let state = self.session.state();
        let (runtime, spill) = limits.runtime(state.runtime_env())?;
        // The default catalog is there; a new one would be empty.
        let mut config = state.config().clone().with_create_default_catalog_and_schema(false);
        limits.configure(config.options_mut());
        let state = SessionStateBuilder::new_from_existing(state);
        let state = state.with_config(config).with_runtime_env(runtime).build();
        Ok(Self { session: SessionContext::new_with_state(state), flat: self.flat, spill })
    }

    /// The folder that queries spill to, if there is one.
    #[must_use]
    pub fn spill(&self) -> Option<&Path> {
        self.spill.as_ref().map(TempDir::path)
    }

    fn empty() -> Result<Self, Error> {
        Self::empty_in(limits::usual()?)
    }

    fn empty_in(runtime: Arc<RuntimeEnv>) -> Result<Self, Error> {
        // Twice the usual: what a group costs in each batch, in aggregates and in rules, is paid half as often.
        let mut config = SessionConfig::new().with_information_schema(true).with_batch_size(BATCH_ROWS);
        let options = config.options_mut();
        options.execution.parquet.pushdown_filters = true;
        options.execution.time_zone = Some("UTC".into());
        // As in Athena; who asks for the most frequent does not ask for what is absent.
        options.sql_parser.default_null_ordering = "nulls_last".into();
        // Texts are views where that is worth it, see [`viewed`].
        options.execution.parquet.schema_force_view_types = false;
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            // Before the defaults, or their planner takes every path first.
            .with_expr_planners(vec![Arc::new(Paths)])
            .with_default_features()
            .with_analyzer_rule(Arc::new(Members))
            .with_optimizer_rules(members::rules())
            .with_physical_optimizer_rule(Arc::new(Joins))
            .build();
        for function in functions::all() {
            datafusion::execution::FunctionRegistry::register_udf(&mut state, function)?;
        }
        datafusion::execution::FunctionRegistry::register_function_rewrite(
            &mut state,
            Arc::new(JsonCompare),
        )?;
        let session = SessionContext::new_with_state(state);
        for [schema, _] in [relations::ATHENA, relations::TAILPIPE] {
            for catalog in session.catalog_names().iter().filter_map(|name| session.catalog(name)) {
                catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
            }
        }
        Ok(Self { session, flat: None, spill: None })
    }

    /// Takes `files` of the events of a lake.
    fn register(&mut self, lake: &Lake, files: Vec<LakeFile>) -> Result<(), Error> {
        let url = self.store(lake, LakeTable::Events)?;
        let scan = LakeScan::new(url, files, viewed(&tables::file_schema(LakeTable::Events)));
        let scan = Arc::new(scan);
        self.flat = Some(Arc::clone(&scan));
        self.events(scan)
    }

    /// Where the files of a table are.
    fn store(&self, lake: &Lake, table: LakeTable) -> Result<ObjectStoreUrl, Error> {
        // A scheme has no underscore.
        let url = ObjectStoreUrl::parse(format!("trailhound-{}://lake", table.name().replace('_', "-")))?;
        self.session.register_object_store(url.as_ref(), lake.store(table));
        Ok(url)
    }

    /// Takes the table of events.
    fn events(&self, scan: Arc<dyn TableProvider>) -> Result<(), Error> {
        self.session.register_table(ACTOR_CHAIN, Arc::new(ActorChain::new(Arc::clone(&scan))))?;
        let named = |[schema, table]: [&'static str; 2]| TableReference::partial(schema, table);
        let athena = views::athena(Arc::clone(&scan))?;
        self.session.register_table(named(relations::ATHENA), Arc::new(athena))?;
        let tailpipe = views::tailpipe(Arc::clone(&scan))?;
        self.session.register_table(named(relations::TAILPIPE), Arc::new(tailpipe))?;
        let view = view::view(LakeTable::Events.name(), scan)?;
        self.session.register_table(CLOUDTRAIL, Arc::new(view))?;
        Ok(())
    }

    /// Answers one statement, which may only read.
    ///
    /// # Errors
    /// The statement is not understood, would write, or fails.
    pub async fn sql(&self, text: &str) -> Result<Answer, Error> {
        let (schema, rows) = self.stream(text, &Values::new()).await?;
        Ok(Answer { schema, batches: rows.try_collect().await? })
    }

    /// The rows of one statement as they come, with their columns as AWS, or the statement, names them. `values` stand
    /// for its `$names`. However many rows there are, only those on their way are in memory.
    ///
    /// # Errors
    /// The statement is not understood, would write, or fails.
    pub async fn stream(&self, text: &str, values: &Values) -> Result<(SchemaRef, Rows), Error> {
        let running = self.start(text, values, None).await?;
        Ok((running.schema, running.rows))
    }

    /// The same, with what is known of the work. No more than `most` rows are made, if there is a number.
    ///
    /// # Errors
    /// As for [`Engine::stream`].
    pub async fn start(&self, text: &str, values: &Values, most: Option<usize>) -> Result<Running, Error> {
        let Parsed { statement, display, has_star } = parse(text, values)?;
        let plan = limited(plan(&self.session.state(), statement, has_star).await?, most)?;
        let frame = self.session.execute_logical_plan(plan).await?;
        let schema = displayed(frame.schema().as_arrow(), &display);
        let names = Arc::clone(&schema);
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let rows = execute_stream(Arc::clone(&plan), context)?;
        let rows = rows.map(move |batch| Ok(rename(&names, &batch?)?)).boxed();
        Ok(Running { schema, rows, plan })
    }

    /// What makes plans of statements over `cloudtrail`.
    pub(crate) async fn planner(&self) -> Result<Planner, Error> {
        let view = self.session.table_provider(CLOUDTRAIL).await?;
        let missing = || DataFusionError::Internal(format!("{CLOUDTRAIL} is no view"));
        let plan = view.get_logical_plan().ok_or_else(missing)?.into_owned();
        let empty = Self::empty()?;
        empty.session.register_table(CLOUDTRAIL, Arc::new(EmptyTable::new(view.schema())))?;
        Ok(Planner { state: empty.session.state(), view: plan })
    }

    /// The events as the files have them: some of the columns, of the rows that meet `filters`, and perhaps others.
    ///
    /// # Errors
    /// A column is not there, or the files cannot be read.
    pub(crate) async fn flat(
        &self,
        columns: &[&str],
        filters: impl IntoIterator<Item = Expr>,
    ) -> Result<Rows, Error> {
        let Some(events) = &self.flat else { return Ok(futures::stream::empty().boxed()) };
        let mut frame = self.session.read_table(Arc::clone(events) as Arc<dyn TableProvider>)?;
        for filter in filters {
            frame = frame.filter(filter)?;
        }
        let rows = frame.select_columns(columns)?.execute_stream().await?;
        Ok(rows.map(|batch| Ok(batch?)).boxed())
    }

    /// The events with the columns of the files, if there are any in a lake.
    pub(crate) fn events_of_files(&self) -> Option<Arc<dyn TableProvider>> {
        self.flat.clone().map(|events| events as Arc<dyn TableProvider>)
    }

    /// The columns of [`Engine::flat`].
    pub(crate) fn flat_schema(&self) -> SchemaRef {
        self.flat.as_ref().map_or_else(|| Arc::new(Schema::empty()), |events| events.schema())
    }

    /// The rows of one statement.
    ///
    /// # Errors
    /// As for [`Engine::stream`].
    pub(crate) async fn rows(&self, text: &str, values: &Values) -> Result<Vec<RecordBatch>, Error> {
        self.stream(text, values).await?.1.try_collect().await
    }

    /// The session beneath, for tests of plans.
    #[must_use]
    pub fn session(&self) -> &SessionContext {
        &self.session
    }
}

/// Makes plans and no rows: `cloudtrail` has its columns here, and nothing beneath. Such plans are quick to make, since they do
/// not hold the view.
pub(crate) struct Planner {
    state: SessionState,
    /// What each column of `cloudtrail` is in the files.
    pub(crate) view: LogicalPlan,
}

impl Planner {
    /// The plan of one statement with functions and types resolved, before it is optimised; and its columns as AWS, or the
    /// statement, names them.
    ///
    /// # Errors
    /// The statement is not understood, or would write.
    pub(crate) async fn analyzed(
        &self,
        text: &str,
        values: &Values,
    ) -> Result<(LogicalPlan, SchemaRef), Error> {
        let Parsed { statement, display, has_star } = parse(text, values)?;
        let plan = plan(&self.state, statement, has_star).await?;
        let options = self.state.config_options();
        let plan = self.state.analyzer().execute_and_check(plan, options, |_, _| {})?;
        let schema = displayed(plan.schema().as_arrow(), &display);
        Ok((plan, schema))
    }
}

/// The plan of a statement, which may only read.
async fn plan(
    state: &SessionState,
    statement: Statement,
    has_star: bool,
) -> Result<LogicalPlan, DataFusionError> {
    let plan = state.statement_to_plan(statement).await?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    if matches!(plan, LogicalPlan::Copy(_)) {
        return plan_err!("COPY would write; queries can only read");
    }
    view::hide_leaves(plan, has_star)
}

/// `plan` with a limit on its rows, where it has rows of its own.
fn limited(plan: LogicalPlan, most: Option<usize>) -> Result<LogicalPlan, DataFusionError> {
    let has_rows =
        !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
    match most {
        Some(_) if has_rows => LogicalPlanBuilder::from(plan).limit(0, most)?.build(),
        _ => Ok(plan),
    }
}

/// Texts as views: they are not copied out of their pages.
fn viewed(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns in the letter case that AWS, or the query, wrote.
fn displayed(schema: &Schema, display: &HashMap<String, String>) -> SchemaRef {
    let name = |field: &Field| display.get(field.name()).cloned().unwrap_or_else(|| field.name().clone());
    let fields = schema.fields().iter().map(|field| Arc::new(field.as_ref().clone().with_name(name(field))));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn rename(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
    // The engine may know better than its plan whether a column can be NULL, or how a text is held.
    let real = batch.schema();
    let fields = schema.fields().iter().zip(real.fields());
    let fields = fields
        .map(|(named, real)| Arc::new(real.as_ref().clone().with_name(named.name())))
        .collect::<Vec<_>>();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec())?)
}
