//! The files of a group → a small handle for each row, by which rows are sorted and duplicates are suspected.
//!
//! Only the columns that are asked for are read. A handle is all that is in memory of a row until it is written.

use super::input::Input;
use super::layout::Layout;
use super::ranks::Ranks;
use crate::error::Error;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use foldhash::fast::FixedState;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use std::hash::BuildHasher;

/// How much larger than the memory of a handle, and of its place among the ids, the memory for whole rows is: so many
/// bytes of it for each row of a group.
pub(super) const ROW_BYTES: usize = 128;

/// Files whose columns are read at the same time.
const READS: usize = 2;

/// Columns by whose texts rows are ordered, at most.
pub(super) const MOST_ORDERED: usize = 3;

/// Stands for a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    /// µs since 1970; the greatest of all where there is none.
    pub(super) time: i64,
    /// Hash of its id; 0 when it has none.
    pub(super) id: u64,
    /// The places of its texts in the columns of [`Layout::order`].
    pub(super) places: [u32; MOST_ORDERED],
    /// Number of its file in the group.
    pub(super) file: u32,
    /// Its number in the file.
    pub(super) row: u32,
}

/// The column with the id of a record.
pub(super) const ID: &str = "eventid";

/// Handles for the rows of all `inputs`, file by file.
pub(super) async fn index(layout: &Layout, inputs: &[Input]) -> Result<Vec<Row>, Error> {
    let mut ranks = <[Ranks; MOST_ORDERED]>::default();
    let mut rows = Vec::with_capacity(inputs.iter().map(Input::rows).sum());
    let columns = [Some(layout.time), layout.records.map(|_| ID)].into_iter().flatten();
    let columns = columns.chain(layout.order.iter().copied()).collect::<Vec<_>>();
    let mut reads = Vec::with_capacity(inputs.len());
    for input in inputs {
        reads.push(input.columns(&columns)?.try_collect::<Vec<_>>().boxed());
    }
    let mut files = stream::iter(reads).buffered(READS);
    for file in 0.. {
        let Some(batches) = files.try_next().await? else { break };
        let mut row = 0;
        for batch in &batches {
            add(layout, batch, (file, &mut row), &mut ranks, &mut rows);
        }
    }
    drop(files);
    let places = ranks.map(Ranks::places);
    for row in &mut rows {
        row.places = std::array::from_fn(|at| places[at].of(row.places[at]));
    }
    Ok(rows)
}

/// Appends the handles of a batch.
fn add(
    layout: &Layout,
    batch: &RecordBatch,
    (file, row): (u32, &mut u32),
    ranks: &mut [Ranks; MOST_ORDERED],
    rows: &mut Vec<Row>,
) {
    let times = batch.column_by_name(layout.time);
    let times = times.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let texts = |name: &&str| batch.column_by_name(name)?.as_string_opt::<i32>();
    let texts = layout.order.iter().map(texts).collect::<Vec<_>>();
    let hashes = ids(batch);
    for (at, id) in hashes.into_iter().enumerate() {
        let time = times.filter(|times| !times.is_null(at)).map_or(i64::MAX, |times| times.value(at));
        let mut places = [0; MOST_ORDERED];
        for ((place, ranks), texts) in places.iter_mut().zip(&mut *ranks).zip(&texts) {
            *place =
                ranks.number(texts.filter(|texts| !texts.is_null(at)).map_or("", |texts| texts.value(at)));
        }
        rows.push(Row { time, id, places, file, row: *row });
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
