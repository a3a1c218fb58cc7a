//! Rows of several files → one file, in order of time.
//!
//! The rows are cut into slices by time, each of which becomes a row group. A slice is read from the files that have
//! rows of it, and sorted in memory; within it rows are in the order of (name, actor, access key, time): in order of
//! time alone the file would be a sixth larger. A slice that turns out to be too large for the memory is cut in
//! two, so rows of any size go through.

use super::index::Row;
use super::input::Input;
use super::layout::Layout;
use crate::error::Error;
use crate::lake::{Lake, NewFile};
use crate::write::pieces::Pieces;
use crate::write::{new_path, settings::PAGE_ROWS};
use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use futures::TryStreamExt;

/// Rows of a slice at most: the bloom filters of so many ids just fit their size, which is a power of two.
const SLICE_ROWS: usize = 76_000;

/// Bytes that a row is reckoned to take before one was seen.
const ROW_BYTES: usize = 2560;

/// Rows that were read, and where each row of the slice is among them.
struct Slice {
    batches: Vec<RecordBatch>,
    places: Vec<(usize, usize)>,
    bytes: usize,
}

/// Writes `rows` of `inputs` as one file of the partition `date`; at most `memory` bytes of rows are held.
pub(super) async fn merge(
    lake: &Lake,
    layout: &Layout,
    date: i32,
    inputs: &[Input],
    mut rows: Vec<Row>,
    memory: usize,
) -> Result<NewFile, Error> {
    rows.sort_unstable_by_key(|row| (row.time, row.file, row.row));
    let mut file = Pieces::new(&layout.schema, layout.settings, rows.len().min(SLICE_ROWS))?;
    let mut upload = lake.upload(layout.table, new_path(date));
    let (mut rest, mut length) = (&mut rows[..], (memory / ROW_BYTES).clamp(1, SLICE_ROWS));
    while !rest.is_empty() {
        // Full slices and a short one at the end: slices of one length would not fill their bloom filters, and take half a
        // percent more bytes.
        let end = rest.len().min(length);
        let slice = &mut rest[..end];
        slice.sort_unstable_by_key(|row| (row.places, row.time, row.file, row.row));
        let Some(read) = read(inputs, slice, memory).await? else {
            length = slice.len().div_ceil(2);
            slice.sort_unstable_by_key(|row| (row.time, row.file, row.row));
            continue;
        };
        let batches = read.batches.iter().collect::<Vec<_>>();
        for page in read.places.chunks(PAGE_ROWS) {
            file.write(&interleave_record_batch(&batches, page)?)?;
        }
        let taken = slice.len();
        length = fitting(taken, read.bytes, memory);
        drop(read);
        upload.write(file.end_group()?).await?;
        rest = &mut rest[taken..];
    }
    let path = upload.path().to_owned();
    let (bytes, stats) = file.finish()?;
    upload.write(bytes).await?;
    let size = upload.finish().await?;
    Ok(NewFile { path, size, date, rows: rows.len() as u64, stats })
}

/// How many rows fill the memory to seven eighths, if the next are like those of the last slice.
fn fitting(rows: usize, bytes: usize, memory: usize) -> usize {
    let each = bytes.div_ceil(rows.max(1)).max(1);
    (memory / 8 * 7 / each).clamp(1, SLICE_ROWS)
}

/// Reads a slice; `None` if it takes more than `memory` and can be cut.
async fn read(inputs: &[Input], slice: &[Row], memory: usize) -> Result<Option<Slice>, Error> {
    // Files are read one after the other, and each from its first row to its last.
    let mut order = (0..slice.len()).collect::<Vec<_>>();
    order.sort_unstable_by_key(|&at| (slice[at].file, slice[at].row));
    let (mut batches, mut bytes) = (Vec::new(), 0);
    let mut places = vec![(0, 0); slice.len()];
    for of_file in order.chunk_by(|a, b| slice[*a].file == slice[*b].file) {
        let wanted = of_file.iter().map(|&at| slice[at].row).collect::<Vec<_>>();
        let mut waiting = of_file.iter();
        let mut stream = inputs[slice[of_file[0]].file as usize].take(&wanted)?;
        while let Some(batch) = stream.try_next().await? {
            for (row, at) in (0..batch.num_rows()).zip(waiting.by_ref()) {
                places[*at] = (batches.len(), row);
            }
            bytes += batch.get_array_memory_size();
            batches.push(batch);
            if bytes > memory && slice.len() > 1 {
                return Ok(None);
            }
        }
    }
    Ok(Some(Slice { batches, places, bytes }))
}
