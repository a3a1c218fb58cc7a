//! The files of a group → a small handle for each row, by which rows are sorted and duplicates are suspected.
//!
//! Only the columns that are asked for are read. A handle is all that is in memory of a row until it is written.

use super::input::Input;
use super::layout::Layout;
use crate::error::Error;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use foldhash::fast::FixedState;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use std::collections::HashMap;
use std::hash::BuildHasher;

/// How much larger than the memory of a handle, and of its place among the ids, the memory for whole rows is: so many
/// bytes of it for each row of a group.
pub(super) const ROW_BYTES: usize = 128;

/// Files whose columns are read at the same time.
const READS: usize = 2;

/// Stands for a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    /// µs since 1970; the greatest of all where there is none.
    pub(super) time: i64,
    /// Hash of its id; 0 when it has none.
    pub(super) id: u64,
    /// Place of its name among those of the group, by text.
    pub(super) name: u32,
    /// Number of its file in the group.
    pub(super) file: u32,
    /// Its number in the file.
    pub(super) row: u32,
}

/// The column with the id of a record.
pub(super) const ID: &str = "eventid";

/// Handles for the rows of all `inputs`, file by file.
pub(super) async fn index(layout: &Layout, inputs: &[Input]) -> Result<Vec<Row>, Error> {
    let mut names = HashMap::<String, u32>::new();
    let mut rows = Vec::with_capacity(inputs.iter().map(Input::rows).sum());
    let columns = [Some(layout.time), layout.name, layout.records.map(|_| ID)];
    let columns = columns.into_iter().flatten().collect::<Vec<_>>();
    let mut reads = Vec::with_capacity(inputs.len());
    for input in inputs {
        reads.push(input.columns(&columns)?.try_collect::<Vec<_>>().boxed());
    }
    let mut files = stream::iter(reads).buffered(READS);
    for file in 0.. {
        let Some(batches) = files.try_next().await? else { break };
        let mut row = 0;
        for batch in &batches {
            add(layout, batch, (file, &mut row), &mut names, &mut rows);
        }
    }
    drop(files);
    rank(names, &mut rows);
    Ok(rows)
}

/// Appends the handles of a batch.
fn add(
    layout: &Layout,
    batch: &RecordBatch,
    (file, row): (u32, &mut u32),
    names: &mut HashMap<String, u32>,
    rows: &mut Vec<Row>,
) {
    let times = batch.column_by_name(layout.time);
    let times = times.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let texts = layout.name.and_then(|name| batch.column_by_name(name)?.as_string_opt::<i32>());
    let hashes = ids(batch);
    for (at, id) in hashes.into_iter().enumerate() {
        let time = times.filter(|times| !times.is_null(at)).map_or(i64::MAX, |times| times.value(at));
        let text = texts.filter(|texts| !texts.is_null(at)).map_or("", |texts| texts.value(at));
        let name = names.get(text).copied().unwrap_or_else(|| {
            let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
            *names.entry(text.to_owned()).or_insert(next)
        });
        rows.push(Row { time, id, name, file, row: *row });
        *row += 1;
    }
}

/// The hash of each row's id; 0 for one that has none.
pub(super) fn ids(batch: &RecordBatch) -> Vec<u64> {
    let ids = batch.column_by_name(ID).and_then(|column| column.as_string_opt::<i32>());
    let Some(ids) = ids else { return vec![0; batch.num_rows()] };
    let hash = |id: Option<&str>| {
        id.filter(|id| !id.is_empty()).map_or(0, |id| FixedState::default().hash_one(id).max(1))
    };
    ids.iter().map(hash).collect()
}

/// Numbers names by their text instead of by their first row.
fn rank(names: HashMap<String, u32>, rows: &mut [Row]) {
    let mut names = names.into_iter().collect::<Vec<_>>();
    names.sort_unstable();
    let mut ranks = vec![0; names.len()];
    for (rank, (_, number)) in (0..).zip(names) {
        ranks[number as usize] = rank;
    }
    for row in rows {
        row.name = ranks[row.name as usize];
    }
}
