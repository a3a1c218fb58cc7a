//! Records of a batch that the lake holds already → marked as duplicates.
//!
//! CloudTrail delivers some events twice, in different objects, minutes or days apart. A copy has the same eventID,
//! the same time (so it is in the same partition, in a file whose time range holds it) and the same content. Files
//! that cannot hold one are passed over by date, by time range and by the bloom filter on the id; what is left is
//! compared value by value, so two records that share an id and differ are both kept.

use crate::batch::Batch;
use crate::error::Error;
use crate::lake::files::LakeFile;
use crate::rebuild::rebuild;
use crate::record::{self, Record, State};
use crate::schema::{NodeId, SCHEMA, Table};
use crate::time;
use arrow::array::{Array, AsArray, RecordBatch};
use deltalake::logstore::object_store::{ObjectStore, path::Path};
use foldhash::fast::FixedState;
use futures::TryStreamExt;
use hashbrown::HashTable;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
#[expect(
    deprecated,
    reason = "moves out of the crate in its next major version; until then it is what fits"
)]
use parquet::arrow::async_reader::ParquetObjectReader;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Records of a batch by their ids; two may wear the same.
#[derive(Default)]
struct Wanted<'a> {
    hasher: FixedState,
    records: HashTable<(&'a str, usize)>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, id: &'a str, number: usize) {
        let hash = self.hasher.hash_one(id);
        self.records.insert_unique(hash, (id, number), |(id, _)| self.hasher.hash_one(id));
    }

    fn has(&self, id: &str) -> bool {
        self.records.find(self.hasher.hash_one(id), |&(other, _)| other == id).is_some()
    }

    /// The numbers of the records with this id.
    fn numbers(&self, id: &str) -> impl Iterator<Item = usize> {
        let candidates = self.records.iter_hash(self.hasher.hash_one(id));
        candidates.filter(move |(other, _)| *other == id).map(|&(_, number)| number)
    }
}

/// Marks the kept records of `batch` that one of `files` holds; returns how many.
///
/// # Errors
/// A data file cannot be read.
pub async fn mark_late(
    batch: &mut Batch,
    table: Table,
    store: &Arc<dyn ObjectStore>,
    files: &[LakeFile],
) -> Result<usize, Error> {
    let ranges = time_ranges(batch, table);
    let mut duplicates = Vec::new();
    for file in files.iter().filter(|file| may_hold(file, table, &ranges)) {
        let wanted = wanted(batch, table, file);
        if !wanted.records.is_empty() {
            duplicates.extend(in_file(batch, table, store, file, &wanted).await?);
        }
    }
    duplicates.sort_unstable();
    duplicates.dedup();
    for &number in &duplicates {
        batch.records[number].state = State::Held;
    }
    Ok(duplicates.len())
}

/// The kept records of `table` by day: first and last time, in µs.
fn time_ranges(batch: &Batch, table: Table) -> BTreeMap<i32, (i64, i64)> {
    let mut ranges = BTreeMap::new();
    for record in batch.records.iter().filter(|r| r.table == table && r.state == State::Kept) {
        let (first, last) = record.time.map_or((i64::MIN, i64::MAX), |time| (time, time));
        let range = ranges.entry(record.date).or_insert((first, last));
        *range = (range.0.min(first), range.1.max(last));
    }
    ranges
}

fn may_hold(file: &LakeFile, table: Table, ranges: &BTreeMap<i32, (i64, i64)>) -> bool {
    let (first, last) = time_range(file, table);
    ranges.get(&file.date).is_some_and(|range| range.0 <= last && range.1 >= first)
}

/// First and last time in `file` in µs, by its statistics, which are cut to milliseconds.
pub(crate) fn time_range(file: &LakeFile, table: Table) -> (i64, i64) {
    let bound = |side: &str| parse_stat(file.stats.get(side)?.get(time_column(table))?.as_str()?);
    (bound("minValues").unwrap_or(i64::MIN), bound("maxValues").map_or(i64::MAX, |last| last + 999))
}

/// The records that `file` could hold, by its date and its time range.
fn wanted<'a>(batch: &'a Batch, table: Table, file: &LakeFile) -> Wanted<'a> {
    let (first, last) = time_range(file, table);
    let (mut wanted, node) = (Wanted::default(), id_node(table));
    for (number, record) in batch.records.iter().enumerate() {
        let here = record.table == table && record.state == State::Kept && record.date == file.date;
        let timely = record.time.is_none_or(|time| first <= time && time <= last);
        if here
            && timely
            && let Some(id) = id_of(batch, record, node)
        {
            wanted.add(id, number);
        }
    }
    wanted
}

/// `2026-03-17T09:05:12.000Z` → µs.
fn parse_stat(text: &str) -> Option<i64> {
    time::parse(&format!("\"{text}\"")).map(|(micros, _)| micros)
}

const fn time_column(table: Table) -> &'static str {
    match table {
        Table::Events => "eventtime",
        Table::Aggregated => "timewindow_windowstart",
    }
}

/// The node with the id of the records of `table`.
fn id_node(table: Table) -> NodeId {
    let path = match table {
        Table::Events => "eventID",
        Table::Aggregated => "eventId",
    };
    SCHEMA.find(path).unwrap_or(0)
}

/// The id of a record, where it is a plain text.
fn id_of<'a>(batch: &'a Batch, record: &Record, node: NodeId) -> Option<&'a str> {
    let item = batch.items(record).iter().find(|item| item.node == node && item.flag == 0)?;
    let id = batch.bytes_at(item).strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(id).ok().filter(|id| !id.is_empty())
}

/// The numbers of the records that the file holds.
async fn in_file(
    batch: &Batch,
    table: Table,
    store: &Arc<dyn ObjectStore>,
    file: &LakeFile,
    wanted: &Wanted<'_>,
) -> Result<Vec<usize>, Error> {
    #[expect(deprecated, reason = "see the import")]
    let mut reader =
        ParquetObjectReader::new(Arc::clone(store), Path::from(file.path.as_str())).with_file_size(file.size);
    let metadata = ArrowReaderMetadata::load_async(
        &mut reader,
        parquet::arrow::arrow_reader::ArrowReaderOptions::default(),
    )
    .await?;
    let open = || ParquetRecordBatchStreamBuilder::new_with_metadata(reader.clone(), metadata.clone());
    let column = metadata.parquet_schema().columns().iter().position(|c| c.name() == "eventid");
    let Some(column) = column else { return Ok(vec![]) };
    let mut found = Vec::new();
    for group in 0..metadata.metadata().num_row_groups() {
        let filter = open().get_row_group_column_bloom_filter(group, column).await?;
        if filter.is_some_and(|filter| !wanted.records.iter().any(|&(id, _)| filter.check(id))) {
            continue;
        }
        let mask = ProjectionMask::leaves(metadata.parquet_schema(), [column]);
        let ids = open()
            .with_row_groups(vec![group])
            .with_projection(mask)
            .build()?
            .try_collect::<Vec<_>>()
            .await?;
        let Some(selection) = rows_with(&ids, wanted) else { continue };
        let rows = open().with_row_groups(vec![group]).with_row_selection(selection).build()?;
        for rows in rows.try_collect::<Vec<_>>().await? {
            found.extend(equal(batch, table, &rows, wanted)?);
        }
    }
    Ok(found)
}

/// The rows whose id is wanted, as a selection; `None` when there is none.
fn rows_with(ids: &[RecordBatch], wanted: &Wanted<'_>) -> Option<RowSelection> {
    let hits = ids.iter().flat_map(|ids| ids.column(0).as_string::<i32>().iter().collect::<Vec<_>>());
    let mut any = false;
    let mut selectors = Vec::new();
    for id in hits {
        let hit = id.is_some_and(|id| wanted.has(id));
        any |= hit;
        selectors.push(if hit { RowSelector::select(1) } else { RowSelector::skip(1) });
    }
    any.then(|| RowSelection::from(selectors))
}

/// The records of the batch that equal one of `rows`.
fn equal(batch: &Batch, table: Table, rows: &RecordBatch, wanted: &Wanted<'_>) -> Result<Vec<usize>, Error> {
    let ids = rows.column_by_name("eventid").map(AsArray::as_string::<i32>);
    let Some(ids) = ids else { return Ok(vec![]) };
    let texts = rebuild(rows, table)?;
    let mut found = Vec::new();
    for (row, held) in texts.iter().enumerate() {
        let numbers = (!ids.is_null(row)).then(|| wanted.numbers(ids.value(row)));
        let same = |&number: &usize| record::same(batch.text(&batch.records[number]), held);
        found.extend(numbers.into_iter().flatten().filter(same));
    }
    Ok(found)
}
