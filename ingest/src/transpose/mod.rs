//! Records (rows) → columns.
//!
//! In: records of a [`Batch`], one after the other, in the order they shall have. Out: for every chunk of rows what
//! each column of [`schema::file_schema`](crate::schema::file_schema) has: an array, or keys of the values that the
//! file has so far. What must hold: from a row the record can be rebuilt, so a value that its column does not say
//! exactly goes to `rest` at its path. Texts are bytes here: documents were made valid UTF-8 when they were read.

use crate::batch::Batch;
use crate::record;
use crate::record::{ESCAPED, Item, KEY, Record, SHARED};
use crate::schema::{self, Kind, Node, OURS, SCHEMA, SEARCHED_IN, Schema, Table};
use crate::write::values::Values;
use arrow::array::TimestampMicrosecondArray;
use parquet::errors::ParquetError;
use std::sync::Arc;

mod column;
mod entries;
mod resources;
mod rest;
mod actor;
mod principal;
mod searched;

use crate::write::values::Key;
use actor::Actor;
use column::Column;
pub(crate) use column::{Filled, is_distinct};
use principal::Carried;
use rest::Rest;
pub(crate) use rest::WHOLE;
use searched::Searched;

/// Bytes that the columns may keep from one file to the next.
const MOST_HELD: usize = 64 << 20;

/// Where the value of a node goes.
#[derive(Clone, Copy)]
struct Route {
    /// Its column, if it has one in this table.
    column: Option<u8>,
    kind: Kind,
}

/// The columns of a chunk being built.
pub(crate) struct Columns {
    table: Table,
    nodes: &'static Schema,
    columns: Vec<Column>,
    /// By node.
    routes: Vec<Route>,
    rows: usize,
    rest: Rest,
    actor: Actor,
    /// By number, the principals of the batch that were met.
    principals: Vec<Option<Carried>>,
    searched: Searched,
    ingest_time: i64,
    unescaped: String,
}

impl Columns {
    /// Columns for files of `table`.
    pub(crate) fn new(table: Table) -> Self {
        let nodes = &*SCHEMA;
        let theirs = nodes.columns(table).map(|(_, node)| (node.column.as_str(), node.kind));
        let searched = schema::searched(table).iter().map(|&(_, column)| (column, Kind::Text));
        let named = theirs.chain(searched).chain(OURS.iter().map(|&(name, kind, _)| (name, kind)));
        let columns = named.map(|(name, kind)| Column::new(name, kind)).collect();
        let route = |node: &Node| Route { column: None, kind: node.kind };
        let mut routes = nodes.nodes.iter().map(route).collect::<Vec<_>>();
        for (at, (id, _)) in (0..).zip(nodes.columns(table)) {
            routes[usize::from(id)].column = Some(at);
        }
        let mut columns_of = (0..).zip(nodes.columns(table));
        let searched_in = columns_of.find(|(_, (_, node))| node.column == SEARCHED_IN).map(|(at, _)| at);
        Self {
            table,
            nodes,
            columns,
            routes,
            rows: 0,
            rest: Rest::default(),
            actor: Actor::new(nodes),
            principals: Vec::new(),
            searched: Searched::new(searched_in, nodes.columns(table).count()),
            ingest_time: 0,
            unescaped: String::new(),
        }
    }

    pub(crate) fn table(&self) -> Table {
        self.table
    }

    /// Begins a file; `ingest_time` is in µs since 1970. Memory is kept, to a bound.
    pub(crate) fn begin(&mut self, ingest_time: i64) {
        if self.columns.iter().map(Column::held).sum::<usize>() > MOST_HELD {
            *self = Self::new(self.table);
        }
        self.columns.iter_mut().for_each(Column::begin);
        self.principals.clear();
        self.searched.begin();
        self.rows = 0;
        self.ingest_time = ingest_time;
    }

    /// Appends one record.
    pub(crate) fn push(&mut self, batch: &Batch, record: &Record) {
        self.rest.clear();
        let mut actor = None;
        let mut items = batch.items(record);
        while let Some((item, behind)) = items.split_first() {
            if item.flag & SHARED != 0 {
                actor = actor.or(self.push_principal(batch, item.number, record.whole));
                items = behind;
            } else if item.flag & KEY == 0 && self.carry(item, batch.bytes_at(item)) {
                self.carry_searched(batch, item);
                items = behind;
            } else {
                items = self.leave(batch, items);
            }
        }
        if record.whole {
            self.rest.clear();
            self.rest.add(self.nodes, 0, WHOLE.as_bytes(), batch.bytes_of(record));
        }
        self.push_ours(batch, record, actor);
        self.rows += 1;
    }

    /// Puts the first of `items` into `rest`, with the next one when it is a key; gives the others.
    fn leave<'a>(&mut self, batch: &Batch, items: &'a [Item]) -> &'a [Item] {
        match items {
            // A member that is not in the node table: its key, then its value.
            [key, value, behind @ ..] if key.flag & KEY != 0 => {
                self.rest.add(self.nodes, key.node, batch.bytes_at(key), batch.bytes_at(value));
                behind
            }
            [item, behind @ ..] => {
                let node = self.nodes.node(item.node);
                self.rest.add(self.nodes, node.parent, node.name.as_bytes(), batch.bytes_at(item));
                behind
            }
            [] => &[],
        }
    }

    /// Gives a value to its column; whether the column says all of it.
    fn carry(&mut self, item: &Item, raw: &[u8]) -> bool {
        let Route { column: Some(at), kind } = self.routes[usize::from(item.node)] else { return false };
        let at = usize::from(at);
        let (row, column) = (self.rows, &mut self.columns[at]);
        if column.has(row) {
            return false;
        }
        match kind {
            Kind::Text => self.carry_text(at, item, raw),
            Kind::Json if raw == b"null" => false,
            Kind::Json => {
                column.text(row, raw);
                true
            }
            Kind::Time => column.time(row, raw),
            Kind::Bool => match raw {
                b"true" | b"false" => {
                    column.bool(row, raw == b"true");
                    true
                }
                // Can be queried like the others, and rebuilt from `rest`.
                b"\"true\"" | b"\"false\"" => {
                    column.bool(row, raw == b"\"true\"");
                    false
                }
                _ => false,
            },
            Kind::Resources => column.resources(row, raw),
            Kind::Object => false,
        }
    }

    fn carry_text(&mut self, at: usize, item: &Item, raw: &[u8]) -> bool {
        let [b'"', text @ .., b'"'] = raw else { return false };
        let mut text = text;
        if item.flag & ESCAPED != 0 {
            // Half of a surrogate pair is no text that a column could hold.
            let escaped = std::str::from_utf8(text).unwrap_or_default();
            if !record::unescape(escaped, &mut self.unescaped) {
                return false;
            }
            text = self.unescaped.as_bytes();
        }
        self.columns[at].text(self.rows, text);
        self.actor.see(item.node, text);
        true
    }

    /// The columns of [`OURS`], but for the time of ingest, which is the same in all rows.
    /// `principal`: the key of the actor, where a principal names it.
    fn push_ours(&mut self, batch: &Batch, record: &Record, principal: Option<Key>) {
        let first = self.columns.len() - OURS.len();
        let [actor, rest, sourcefile, sourcehash, _] = &mut self.columns[first..] else { return };
        match (principal, self.actor.take()) {
            (Some(key), _) => actor.key(self.rows, key),
            (None, Some(text)) => actor.text(self.rows, text),
            (None, None) => {}
        }
        if let Some(text) = self.rest.finish() {
            rest.text(self.rows, text);
        }
        let object = &batch.objects[record.object as usize];
        sourcefile.numbered_text(self.rows, record.object, || object.key.clone());
        sourcehash.numbered_text(self.rows, record.object, || object.identity.to_string());
    }

    /// Tells what each column has for the rows since the last call, column by column.
    pub(crate) fn fill(
        &mut self,
        mut hear: impl FnMut(usize, Filled<'_>) -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        let last = self.columns.len() - 1;
        for (at, column) in self.columns[..last].iter_mut().enumerate() {
            hear(at, column.fill(rows)?)?;
            column.clear();
        }
        let times = TimestampMicrosecondArray::from_value(self.ingest_time, rows);
        hear(last, Filled::Array(Arc::new(times.with_timezone("UTC"))))
    }

    /// The distinct values of a column over all chunks, where it keeps them.
    pub(crate) fn values(&self, at: usize) -> Option<&Values> {
        self.columns[at].values()
    }
}
