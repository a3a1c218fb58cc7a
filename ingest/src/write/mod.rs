//! Records → Parquet files with their statistics, one per day.
//!
//! In: the kept records of a batch. Out: files as bytes; nothing is stored here. Rows are in the order of
//! (event name by text, principal, event time): against order by time it saves a sixth of the bytes and a twelfth of
//! the CPU, and pages can be skipped by name; time is skipped by file, since a batch spans minutes. Texts are plain
//! `Utf8` to every reader: the dictionaries of the builder leave no trace in the schema.

use crate::batch::Batch;
use crate::record::{Item, State};
use crate::schema::{Table, file_schema};
use crate::time;
use crate::transpose::{Columns, Filled};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use std::ops::Range;
use std::sync::Arc;
use uuid::Uuid;

mod bounds;
mod delta;
mod dictionary;
mod file;
mod hybrid;
mod ids;
mod pages;
pub(crate) mod pieces;
pub mod settings;
mod squeeze;
mod stats;
pub(crate) mod texts;
pub(crate) mod values;

use file::FileWriter;
use settings::{ColumnSetting, PAGE_ROWS, ZSTD_LEVEL};
use squeeze::Squeeze;

/// A Parquet file that is not stored yet.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Its partition: days since 1970-01-01.
    pub date: i32,
    /// Path below the table's folder: `date=YYYY-MM-DD/part-<uuid>.zstd.parquet`.
    pub path: String,
    /// The file.
    pub bytes: Bytes,
    /// Rows.
    pub rows: u64,
    /// Delta's statistics: `numRecords`, `minValues`, `maxValues`, `nullCount`.
    pub stats: serde_json::Value,
}

/// JSON text that goes into one file, in bytes, so that what its columns hold is bounded. Batches are smaller, but for
/// those of one large object.
const FILE_BYTES: usize = 80 << 20;

/// Writes files, and keeps the memory that it takes from one to the next.
#[derive(Default)]
pub struct Writer {
    columns: Option<Columns>,
    squeeze: Option<Squeeze>,
    /// Bytes of the file before.
    size: usize,
}

/// The files that the kept records of a table will be, in the order of their days.
pub struct Plan {
    table: Table,
    rows: Vec<Handle>,
    /// Rows of each file that is not made yet, the last first.
    files: Vec<Range<usize>>,
}

impl Plan {
    /// Which records go into which file.
    #[must_use]
    pub fn new(batch: &Batch, table: Table) -> Self {
        let rows = sorted(batch, table);
        let (mut files, mut from) = (vec![], 0);
        for length in rows.chunk_by(|a, b| a.date == b.date).flat_map(|day| files_of_day(batch, day)) {
            files.push(from..from + length);
            from += length;
        }
        files.reverse();
        Self { table, rows, files }
    }
}

impl Writer {
    /// The next file of `plan`, which was made of `batch`; `None` behind the last. `ingest_time` is in microseconds
    /// since 1970.
    ///
    /// # Errors
    /// What the parquet crate finds wrong with a file that it is given: a defect of ours.
    pub fn next(
        &mut self,
        batch: &Batch,
        plan: &mut Plan,
        ingest_time: i64,
    ) -> Result<Option<DataFile>, ParquetError> {
        let Some(rows) = plan.files.pop() else { return Ok(None) };
        let mut columns = match self.columns.take().filter(|columns| columns.table() == plan.table) {
            Some(columns) => columns,
            None => Columns::new(plan.table),
        };
        columns.begin(ingest_time);
        let file = self.file(batch, plan.table, &plan.rows[rows], &mut columns)?;
        self.columns = Some(columns);
        Ok(Some(file))
    }

    /// All files of the kept records of `table` at once, for who holds them anyway: see [`Writer::next`].
    ///
    /// # Errors
    /// As there.
    pub fn write(
        &mut self,
        batch: &Batch,
        table: Table,
        ingest_time: i64,
    ) -> Result<Vec<DataFile>, ParquetError> {
        let mut plan = Plan::new(batch, table);
        std::iter::from_fn(|| self.next(batch, &mut plan, ingest_time).transpose()).collect()
    }

    /// The file of `rows`, which are of one day.
    fn file(
        &mut self,
        batch: &Batch,
        table: Table,
        rows: &[Handle],
        columns: &mut Columns,
    ) -> Result<DataFile, ParquetError> {
        let squeeze = match &mut self.squeeze {
            Some(squeeze) => squeeze,
            none => none.insert(Squeeze::new(ZSTD_LEVEL)?),
        };
        let mut file = FileWriter::new(table, rows.len(), self.size)?;
        for page in rows.chunks(PAGE_ROWS) {
            for (at, row) in page.iter().enumerate() {
                fetch_early(batch, &page[at..]);
                columns.push(batch, &batch.records[row.index as usize]);
            }
            file.page(columns, squeeze)?;
        }
        let (bytes, metadata) = file.finish(columns, squeeze)?;
        self.size = bytes.len();
        let stats = stats::delta(&metadata, &file_schema(table), settings::of(table));
        let date = rows[0].date;
        Ok(DataFile { date, path: new_path(date), bytes: bytes.into(), rows: rows.len() as u64, stats })
    }
}

/// How many rows of a day go into each of its files: all into one, unless they are more than [`FILE_BYTES`], and then
/// about a third of that into each.
fn files_of_day(batch: &Batch, day: &[Handle]) -> Vec<usize> {
    let length = |row: &Handle| batch.bytes_of(&batch.records[row.index as usize]).len();
    let all = day.iter().map(length).sum::<usize>();
    let share = all / all.div_ceil(FILE_BYTES / 3).max(1);
    let (mut files, mut from, mut bytes) = (vec![], 0, 0);
    for (at, row) in day.iter().enumerate() {
        let length = length(row);
        if bytes + length > share && at > from && all > FILE_BYTES {
            files.push(at - from);
            (from, bytes) = (at, 0);
        }
        bytes += length;
    }
    files.push(day.len() - from);
    files
}

/// Asks for the memory of the rows behind the first: rows lie all over the arena, and a cache line that nobody asked for
/// takes longer to come than a row takes to build.
fn fetch_early(batch: &Batch, rows: &[Handle]) {
    if let Some(far) = rows.get(4) {
        prefetch(&batch.records[far.index as usize]);
    }
    if let Some(near) = rows.get(2) {
        let record = &batch.records[near.index as usize];
        batch.bytes_of(record).iter().step_by(CACHE_LINE).for_each(prefetch);
        batch.items(record).iter().step_by(CACHE_LINE / size_of::<Item>()).for_each(prefetch);
    }
}

/// Bytes that come from memory together.
const CACHE_LINE: usize = 64;

/// Asks for the memory of a value; elsewhere than on x86 the processor has to find out by itself.
#[inline]
fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    safe_arch::prefetch_t0(value);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// The columns of the kept records of `table` in the order of their rows, and no file: what a benchmark tells apart
/// from encoding. Gives the number of columns that have anything.
pub fn columns(batch: &Batch, table: Table, ingest_time: i64) -> Result<usize, ParquetError> {
    let (mut columns, mut filled) = (Columns::new(table), 0);
    columns.begin(ingest_time);
    for page in sorted(batch, table).chunks(PAGE_ROWS) {
        for row in page {
            columns.push(batch, &batch.records[row.index as usize]);
        }
        columns.fill(|_, column| {
            filled += usize::from(!matches!(column, Filled::Keys(_, values) if values.len() == 0));
            Ok(())
        })?;
    }
    Ok(filled)
}

/// A path for a new file of the day `date`, never used before.
#[must_use]
pub fn new_path(date: i32) -> String {
    format!("date={}/part-{}.zstd.parquet", time::format_date(date), Uuid::new_v4())
}

/// Rows of any table as a Parquet file with its Delta statistics.
pub fn parquet_bytes(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    settings: &[ColumnSetting],
) -> Result<(Bytes, serde_json::Value), ParquetError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let properties = settings::properties(settings, schema, rows, &settings::QUICK)?;
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, Arc::clone(schema), options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    let metadata = writer.close()?;
    let stats = stats::delta(&metadata, schema, settings);
    Ok((bytes.into(), stats))
}

/// Stands for a record while sorting; the derived order is that of the rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Handle {
    date: i32,
    /// Place of its event name among those of the batch, by text.
    name: u32,
    principal: u16,
    time: i64,
    index: u32,
}

/// The kept records of `table` in the order of their rows, day by day.
fn sorted(batch: &Batch, table: Table) -> Vec<Handle> {
    // A few hundred names; ranking them by text is what makes the pages of a name lie together.
    let mut names = (0_u32..).zip(batch.names().iter()).collect::<Vec<_>>();
    names.sort_unstable_by_key(|(_, name)| *name);
    let mut ranks = vec![0; names.len()];
    for (rank, (number, _)) in (0..).zip(names) {
        ranks[number as usize] = rank;
    }
    let mut handles = Vec::with_capacity(batch.records.len());
    for (index, record) in (0..).zip(&batch.records) {
        if record.table == table && record.state == State::Kept {
            let (name, time) = (ranks[record.name as usize], record.time.unwrap_or(i64::MAX));
            handles.push(Handle { date: record.date, name, principal: record.principal, time, index });
        }
    }
    handles.sort_unstable();
    handles
}
