//! Records (rows) → [`RecordBatch`]es (columns).
//!
//! In: records of a [`Batch`] in the order they shall have. Out: batches of at most [`CHUNK`] rows with the columns
//! of [`schema::file_schema`](crate::schema::file_schema), where texts may be dictionaries. What must hold: from a
//! row the record can be rebuilt, so a value that its column does not say exactly goes to `rest` at its path.

use crate::batch::Batch;
use crate::record::{ESCAPED, Item, KEY, Record};
use crate::schema::{Kind, OURS, SCHEMA, Schema, Table};
use crate::{record, time};
use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use arrow::error::ArrowError;
use std::sync::Arc;

mod column;
mod dictionary;
mod resources;
mod rest;
mod actor;

use actor::Actor;
use column::Column;
use rest::Rest;
pub(crate) use rest::WHOLE;

/// Rows of a batch; 8,192 took the least time of 1,024 to 32,768.
pub const CHUNK: usize = 8192;

/// The records of `batch` at the places `order` as columns of `table`.
pub fn transpose<'a>(
    batch: &'a Batch,
    table: Table,
    order: &'a [u32],
    ingest_time: i64,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + 'a {
    let mut columns = Columns::new(table, ingest_time);
    order.chunks(CHUNK).map(move |chunk| {
        for &at in chunk {
            columns.push(batch, &batch.records[at as usize]);
        }
        columns.finish()
    })
}

/// The schema of the batches that [`transpose`] gives: that of the file, with dictionaries for texts that repeat.
#[must_use]
pub fn build_schema(table: Table) -> SchemaRef {
    Columns::new(table, 0).schema
}

/// The columns of a chunk being built.
struct Columns {
    nodes: &'static Schema,
    schema: SchemaRef,
    columns: Vec<Column>,
    /// By node: its column, if it has one in this table.
    column_of: Vec<Option<usize>>,
    rows: usize,
    rest: Rest,
    actor: Actor,
    ingest_time: i64,
    unescaped: String,
}

impl Columns {
    fn new(table: Table, ingest_time: i64) -> Self {
        let nodes = &*SCHEMA;
        let theirs = nodes.columns(table).map(|(_, node)| (node.column.as_str(), node.kind));
        let named = theirs.chain(OURS.iter().map(|&(name, kind, _)| (name, kind))).collect::<Vec<_>>();
        let columns = named.iter().map(|&(name, kind)| Column::new(name, kind)).collect::<Vec<_>>();
        let fields = named.iter().zip(&columns).map(|((name, _), c)| Field::new(*name, c.data_type(), true));
        let mut column_of = vec![None; nodes.nodes.len()];
        for (at, (id, _)) in nodes.columns(table).enumerate() {
            column_of[usize::from(id)] = Some(at);
        }
        Self {
            nodes,
            schema: Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>())),
            columns,
            column_of,
            rows: 0,
            rest: Rest::default(),
            actor: Actor::new(nodes),
            ingest_time,
            unescaped: String::new(),
        }
    }

    /// Appends one record.
    fn push(&mut self, batch: &Batch, record: &Record) {
        let text = batch.text(record);
        let slice =
            |item: &Item| &text[(item.start - record.start) as usize..(item.end - record.start) as usize];
        self.rest.clear();
        let mut items = batch.items(record).iter();
        while let Some(item) = items.next() {
            if item.flag & KEY != 0 {
                // A member that is not in the node table: its key, then its value.
                let Some(value) = items.next() else { break };
                self.rest.add(self.nodes, item.node, slice(item), slice(value));
            } else if !self.carry(item, slice(item)) {
                let node = self.nodes.node(item.node);
                self.rest.add(self.nodes, node.parent, node.name, slice(item));
            }
        }
        if record.whole {
            self.rest.clear();
            self.rest.add(self.nodes, 0, WHOLE, text);
        }
        self.push_ours(batch, record);
        self.rows += 1;
    }

    /// Gives a value to its column; whether the column says all of it.
    fn carry(&mut self, item: &Item, raw: &str) -> bool {
        let Some(at) = self.column_of[usize::from(item.node)] else { return false };
        let (row, column) = (self.rows, &mut self.columns[at]);
        if column.has(row) {
            return false;
        }
        match self.nodes.node(item.node).kind {
            Kind::Text => self.carry_text(at, item, raw),
            Kind::Json if raw == "null" => false,
            Kind::Json => {
                column.text(row, raw);
                true
            }
            Kind::Time => match time::parse(raw) {
                Some((micros, canonical)) => {
                    column.time(row, micros);
                    canonical
                }
                None => false,
            },
            Kind::Bool => match raw {
                "true" | "false" => {
                    column.bool(row, raw == "true");
                    true
                }
                // Can be queried like the others, and rebuilt from `rest`.
                "\"true\"" | "\"false\"" => {
                    column.bool(row, raw == "\"true\"");
                    false
                }
                _ => false,
            },
            Kind::Resources => column.resources(row, raw),
            Kind::Object => false,
        }
    }

    fn carry_text(&mut self, at: usize, item: &Item, raw: &str) -> bool {
        let Some(mut text) = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
            return false;
        };
        if item.flag & ESCAPED != 0 {
            // Half of a surrogate pair is no text that a column could hold.
            if !record::unescape(text, &mut self.unescaped) {
                return false;
            }
            text = &self.unescaped;
        }
        self.columns[at].text(self.rows, text);
        self.actor.see(item.node, text);
        true
    }

    /// The columns of [`OURS`], but for the time of ingest, which is the same in all rows.
    fn push_ours(&mut self, batch: &Batch, record: &Record) {
        let first = self.columns.len() - OURS.len();
        let [actor, rest, sourcefile, sourcehash, _] = &mut self.columns[first..] else { return };
        if let Some(text) = self.actor.take() {
            actor.text(self.rows, text);
        }
        if let Some(text) = self.rest.finish() {
            rest.text(self.rows, text);
        }
        let object = &batch.objects[record.object as usize];
        sourcefile.numbered_text(self.rows, record.object, || object.key.clone());
        sourcehash.numbered_text(self.rows, record.object, || object.identity.to_string());
    }

    /// The chunk; the next one begins.
    fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let last = self.columns.len() - 1;
        let arrays = self.columns[..last].iter_mut().map(|column| column.finish(rows));
        let mut arrays = arrays.collect::<Result<Vec<ArrayRef>, _>>()?;
        let times = TimestampMicrosecondArray::from_value(self.ingest_time, rows);
        arrays.push(Arc::new(times.with_timezone("UTC")));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}
