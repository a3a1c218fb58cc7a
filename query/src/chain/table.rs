//! `actor_chain`: a row for each access key that was issued or used, computed when a query names the table.

use super::load::{Source, look_back};
use super::session::{LIFE, SLACK};
use super::{Chain, Chains};
use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Int64Builder, ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType, ident, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt};
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// Its name in SQL.
pub const ACTOR_CHAIN: &str = "actor_chain";

/// Its columns, in the letter case to show.
pub(crate) const COLUMNS: [&str; 11] = [
    "accessKeyId",
    "session",
    "role",
    "origin",
    "originType",
    "originAccount",
    "originIP",
    "sourceIdentity",
    "depth",
    "path",
    "issuedTime",
];

/// Rows of one batch.
const ROWS: usize = 8192;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let column = |name: &&str| {
        let name = name.to_lowercase();
        let data_type = match name.as_str() {
            "depth" => DataType::Int64,
            "path" => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            "issuedtime" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        };
        Field::new(name, data_type, true)
    };
    Arc::new(Schema::new(COLUMNS.iter().map(column).collect::<Vec<_>>()))
});

/// The table over the events of a lake.
#[derive(Debug)]
pub struct ActorChain {
    events: Arc<dyn TableProvider>,
}

impl ActorChain {
    /// The table over `events`, which have the columns of the files.
    #[must_use]
    pub fn new(events: Arc<dyn TableProvider>) -> Self {
        Self { events }
    }
}

#[async_trait]
impl TableProvider for ActorChain {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&SCHEMA)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        // Filters are applied above, so that a limit here could take the wrong rows.
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return internal_err!("{ACTOR_CHAIN} needs a session that can plan");
        };
        let source = Source::new(state.clone(), Arc::clone(&self.events));
        let walk = Walk { source, wanted: Wanted::new(filters) };
        let exec =
            StreamingTableExec::try_new(self.schema(), vec![Arc::new(walk)], projection, [], false, None)?;
        Ok(Arc::new(exec))
    }
}

/// Which keys a query asks for, as far as its filters say.
#[derive(Clone, Debug, Default)]
struct Wanted {
    keys: Option<HashSet<String>>,
    from: Option<i64>,
    until: Option<i64>,
}

impl Wanted {
    fn new(filters: &[Expr]) -> Self {
        let mut wanted = Self::default();
        for filter in filters {
            wanted.narrow(filter);
        }
        wanted
    }

    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(binary) => {
                let (column, op, value) = match (binary.left.as_ref(), binary.right.as_ref()) {
                    (Expr::Column(column), Expr::Literal(value, _)) => (column, Some(binary.op), value),
                    (Expr::Literal(value, _), Expr::Column(column)) => (column, binary.op.swap(), value),
                    (left, right) if binary.op == Operator::And => {
                        self.narrow(left);
                        self.narrow(right);
                        return;
                    }
                    _ => return,
                };
                match (column.name.as_str(), op) {
                    ("accesskeyid", Some(Operator::Eq)) => {
                        self.only(value.try_as_str().flatten().into_iter());
                    }
                    ("issuedtime", Some(op)) => self.bound(op, value),
                    _ => {}
                }
            }
            Expr::InList(list) if !list.negated => {
                let is_key =
                    matches!(list.expr.as_ref(), Expr::Column(column) if column.name == "accesskeyid");
                let keys = list.list.iter().map(|item| match item {
                    Expr::Literal(value, _) => value.try_as_str().flatten(),
                    _ => None,
                });
                if let Some(keys) = keys.collect::<Option<Vec<_>>>().filter(|_| is_key) {
                    self.only(keys.into_iter());
                }
            }
            _ => {}
        }
    }

    fn only<'a>(&mut self, keys: impl Iterator<Item = &'a str>) {
        let keys = keys.map(str::to_owned).collect::<HashSet<_>>();
        self.keys = Some(match self.keys.take() {
            Some(known) => known.intersection(&keys).cloned().collect(),
            None => keys,
        });
    }

    fn bound(&mut self, op: Operator, value: &ScalarValue) {
        let micros = value.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        let Ok(ScalarValue::TimestampMicrosecond(Some(micros), _)) = micros else { return };
        if matches!(op, Operator::Gt | Operator::GtEq | Operator::Eq) {
            self.from = Some(self.from.map_or(micros, |from| from.max(micros)));
        }
        if matches!(op, Operator::Lt | Operator::LtEq | Operator::Eq) {
            self.until = Some(self.until.map_or(micros, |until| until.min(micros)));
        }
    }

    fn has(&self, key: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.contains(key))
    }
}

/// The work, done when the first row is asked for.
#[derive(Clone)]
struct Walk {
    source: Source,
    wanted: Wanted,
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl PartitionStream for Walk {
    fn schema(&self) -> &SchemaRef {
        &SCHEMA
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let walk = self.clone();
        let batches = futures::stream::once(async move { walk.rows().await }).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&SCHEMA), batches))
    }
}

/// A key, and the identity that has it.
type Row = (Arc<str>, super::Session, i64, super::Text);

impl Walk {
    async fn rows(self) -> Result<futures::stream::BoxStream<'static, Result<RecordBatch>>> {
        let Wanted { keys, from, until } = &self.wanted;
        let filter = match keys {
            Some(keys) => ident("useridentity_accesskeyid").in_list(keys.iter().map(lit).collect(), false),
            None => lit(true),
        };
        let used = self
            .source
            .used(
                filter,
                from.map(|from| from.saturating_sub(SLACK)),
                until.map(|until| until.saturating_add(LIFE)),
            )
            .await?;
        // Keys that are in use say when they were issued; of others nothing is known.
        let chains = if keys
            .as_ref()
            .is_some_and(|keys| keys.iter().all(|key| used.contains_key(key.as_str())))
        {
            self.source.chains_of(used.values().map(|used| (&used.session, used.first))).await?
        } else {
            self.source.chains(from.map(look_back), until.map(|until| until.saturating_add(SLACK))).await?
        };
        let mut rows = used.into_iter().map(|(key, used)| (key, used.session, used.first, used.ip));
        let mut rows = rows.by_ref().collect::<Vec<Row>>();
        let known = rows.iter().map(|(key, ..)| Arc::clone(key)).collect::<HashSet<_>>();
        rows.extend(chains.issued().filter(|(key, ..)| !known.contains(key) && self.wanted.has(key)));
        rows.sort_unstable_by(|a, b| (a.2, &a.0).cmp(&(b.2, &b.0)));
        let starts = (0..rows.len()).step_by(ROWS);
        let batches = starts.map(move |start| batch(&rows[start..rows.len().min(start + ROWS)], &chains));
        Ok(futures::stream::iter(batches).boxed())
    }
}

impl Chains {
    /// The keys that were issued.
    fn issued(&self) -> impl Iterator<Item = Row> {
        self.by_key.iter().map(|(key, number)| {
            let issue = &self.issues[*number as usize];
            (Arc::clone(key), issue.issued(), issue.time, None)
        })
    }
}

fn batch(rows: &[Row], chains: &Chains) -> Result<RecordBatch> {
    let mut texts: [StringBuilder; 8] = Default::default();
    let mut depth = Int64Builder::new();
    let mut path = ListBuilder::new(StringBuilder::new());
    let mut issued = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    for (key, session, time, ip) in rows {
        let chain = chains.of(session, *time, ip.as_ref());
        let session = session.arn.as_deref();
        depth.append_value(i64::try_from(chain.depth()).unwrap_or(i64::MAX));
        issued.append_option(chain.issued);
        let Chain {
            origin, origin_type, origin_account, origin_ip, path: links, role, source_identity, ..
        } = &chain;
        path.append_value(links.iter().map(|link| Some(link.as_ref())));
        let values = [
            Some(key.as_ref()),
            session,
            role.as_deref(),
            Some(origin.as_ref()),
            Some(origin_type.name()),
            origin_account.as_deref(),
            origin_ip.as_deref(),
            source_identity.as_deref(),
        ];
        for (column, value) in texts.iter_mut().zip(values) {
            column.append_option(value);
        }
    }
    let texts = texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
    let others: [ArrayRef; 3] =
        [Arc::new(depth.finish()), Arc::new(path.finish()), Arc::new(issued.finish())];
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), texts.chain(others).collect())?)
}
