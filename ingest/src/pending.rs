//! A batch on its way into the lake: what one commit of `events`, `aggregated` or `quarantine` needs from it.

use crate::batch::Batch;
use crate::books;
use crate::dedup;
use crate::error::Error;
use crate::lake::files::{LakeFile, LakeTable};
use crate::lake::{Days, Lake, LakeError, Moment, NewFile, ObjectId, Pending, Written};
use crate::record::State;
use crate::schema::Table;
use crate::time::day_of;
use crate::write::{self, DataFile, Plan, Writer};
use arrow::array::RecordBatch;
use parquet::errors::ParquetError;
use std::collections::HashSet;

/// The part of a batch that goes to one table.
pub(crate) struct Part<'a> {
    batch: &'a mut Batch,
    writer: &'a mut Writer,
    table: LakeTable,
    /// When the batch was closed, in µs since 1970.
    now: i64,
    /// Objects of which this table has the rows already.
    settled: HashSet<ObjectId>,
    /// Data files of the table, as far as they were shown.
    shown: Vec<LakeFile>,
    /// How many of them, from the first, were searched for the records that are kept now.
    searched: usize,
    /// What is uploaded and since when, unless something was dropped since.
    written: Option<(Written, Moment)>,
}

impl<'a> Part<'a> {
    pub(crate) fn new(batch: &'a mut Batch, writer: &'a mut Writer, table: LakeTable, now: i64) -> Self {
        Self { batch, writer, table, now, settled: HashSet::new(), shown: vec![], searched: 0, written: None }
    }

    /// Bytes of the data files that were uploaded last.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.written.as_ref().map_or(0, |(written, _)| written.adds.iter().map(|file| file.size).sum())
    }

    /// The records of this table; `None` where the rows are not records.
    fn records(&self) -> Option<Table> {
        match self.table {
            LakeTable::Events => Some(Table::Events),
            LakeTable::Aggregated => Some(Table::Aggregated),
            _ => None,
        }
    }

    /// Makes and uploads the data files of the table, one after the other so that one at a time is held.
    async fn data_files(&mut self, lake: &Lake) -> Result<Vec<NewFile>, LakeError> {
        let Some(table) = self.records() else {
            return upload(lake, self.table, self.quarantine_file().map_err(pending)?).await;
        };
        let (mut plan, mut adds) = (Plan::new(self.batch, table), vec![]);
        let broken = |error: ParquetError| pending(error.into());
        while let Some(file) = self.writer.next(self.batch, &mut plan, self.now).map_err(broken)? {
            adds.extend(upload(lake, self.table, vec![file]).await?);
        }
        Ok(adds)
    }

    fn quarantine_file(&self) -> Result<Vec<DataFile>, Error> {
        let rows =
            books::quarantine(self.batch, &|object| !self.settled.contains(&object.identity), self.now)?;
        Ok(if rows.num_rows() == 0 { vec![] } else { vec![small_file(day_of(self.now), &rows)?] })
    }

    /// The rows of `logfiles`, which travel with the commit of `events`.
    fn logfiles(&self) -> Result<Vec<DataFile>, Error> {
        let days = books::logfiles(self.batch, day_of(self.now), self.now)?;
        days.into_iter().map(|(date, rows)| small_file(date, &rows)).collect()
    }
}

/// An error of ours on its way through the lake.
fn pending(error: Error) -> LakeError {
    match error {
        Error::Lake(error) => error,
        other => LakeError::Pending(Box::new(other)),
    }
}

/// Uploads Parquet files and says what the log is to name.
async fn upload(lake: &Lake, table: LakeTable, files: Vec<DataFile>) -> Result<Vec<NewFile>, LakeError> {
    let mut adds = Vec::with_capacity(files.len());
    for DataFile { date, path, bytes, rows, stats } in files {
        let size = bytes.len() as u64;
        lake.put(table, &path, bytes).await?;
        adds.push(NewFile { path, size, date, rows, stats });
    }
    Ok(adds)
}

/// A file of a table whose rows are few.
fn small_file(date: i32, rows: &RecordBatch) -> Result<DataFile, Error> {
    let (bytes, stats) = write::parquet_bytes(&rows.schema(), std::slice::from_ref(rows), &[])?;
    Ok(DataFile { date, path: write::new_path(date), bytes, rows: rows.num_rows() as u64, stats })
}

impl Pending for Part<'_> {
    fn objects(&self) -> Vec<ObjectId> {
        let named = |at: usize| match self.records() {
            Some(Table::Events) => true,
            Some(table) => {
                self.batch.records.iter().any(|r| r.table == table && usize::try_from(r.object) == Ok(at))
            }
            None => self.batch.rejects.iter().any(|r| usize::try_from(r.object) == Ok(at)),
        };
        let ids = self
            .batch
            .objects
            .iter()
            .enumerate()
            .filter(|(at, _)| named(*at))
            .map(|(_, object)| object.identity);
        ids.filter(|id| !self.settled.contains(id)).collect()
    }

    fn days(&self) -> Days {
        self.batch.objects.iter().map(|object| object.key_date).collect()
    }

    fn drop_objects(&mut self, known: &[ObjectId]) {
        for &id in known {
            match self.table {
                LakeTable::Events => self.batch.remove_object(id),
                // A run that died between the two commits wrote these rows: the lake holds them.
                LakeTable::Aggregated => self.batch.mark_object(id, Table::Aggregated, State::Held),
                _ => {}
            }
            self.settled.insert(id);
        }
        // A record that repeated one of a forgotten object is kept now, and was not looked for in any file.
        self.searched = 0;
        self.written = None;
    }

    async fn drop_duplicates(&mut self, lake: &Lake, files: &[LakeFile]) -> Result<bool, LakeError> {
        let Some(table) = self.records() else { return Ok(false) };
        let known = self.shown.iter().map(|file| file.path.as_str()).collect::<HashSet<_>>();
        let new =
            files.iter().filter(|file| !known.contains(file.path.as_str())).cloned().collect::<Vec<_>>();
        self.shown.extend(new);
        let files = &self.shown[self.searched..];
        let marked = dedup::mark_late(self.batch, table, &lake.store(self.table), files).await;
        let marked = marked.map_err(|error| match error {
            Error::Parquet(error) => lake.failed(self.table, "read a file of", error),
            other => pending(other),
        })?;
        self.searched = self.shown.len();
        if marked > 0 {
            self.written = None;
        }
        Ok(marked > 0)
    }

    async fn write(&mut self, lake: &Lake) -> Result<Written, LakeError> {
        let limit = lake.settings().file_limit();
        if let Some((written, _)) = self.written.as_ref().filter(|(_, since)| since.age() <= limit) {
            return Ok(written.clone());
        }
        let since = Moment::now();
        let adds = self.data_files(lake).await?;
        let files = if self.table == LakeTable::Events { self.logfiles().map_err(pending)? } else { vec![] };
        let logfiles = upload(lake, LakeTable::Logfiles, files).await?;
        let written = Written { adds, logfiles };
        self.written = Some((written.clone(), since));
        Ok(written)
    }
}

/// Whether a batch has anything for `table`.
pub(crate) fn has_rows(batch: &Batch, table: LakeTable) -> bool {
    match table {
        LakeTable::Aggregated => {
            batch.records.iter().any(|r| r.table == Table::Aggregated && r.state == State::Kept)
        }
        LakeTable::Quarantine => !batch.rejects.is_empty(),
        _ => !batch.objects.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Limits, Source};
    use crate::lake::{Appender, CommitSettings};

    /// A batch of objects that hold one and the same event.
    fn batch(objects: &[u128]) -> Batch {
        const EVENT: &[u8] = br#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:05:12Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"00000000-0000-4000-8000-000000000001"}"#;
        let mut batch = Batch::new();
        for &object in objects {
            let (identity, key) = (ObjectId(object), "events.json");
            let source = Source { identity, key, etag: "", key_date: None, ingest_date: 20_529 };
            batch.read(&source, EVENT, &Limits::default());
        }
        batch.mark_duplicates();
        batch
    }

    async fn append(lake: &Lake, batch: &mut Batch) {
        let mut appender = Appender::open(lake, LakeTable::Events, &CommitSettings::default()).await.unwrap();
        let mut writer = Writer::default();
        appender.append(&mut Part::new(batch, &mut writer, LakeTable::Events, 0)).await.unwrap();
    }

    async fn rows(lake: &Lake) -> u64 {
        lake.snapshot(LakeTable::Events, None).await.unwrap().files.iter().map(|file| file.rows).sum()
    }

    /// One writer brings object 1; another has read it too, and with it object 2, which has the same event.
    #[tokio::test]
    async fn a_copy_whose_original_somebody_else_brought_is_a_duplicate() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::create_or_open(folder.path().to_str().unwrap()).await.unwrap();
        append(&lake, &mut batch(&[1])).await;
        let mut late = batch(&[1, 2]);
        append(&lake, &mut late).await;
        assert_eq!(rows(&lake).await, 1);
        let report = books::report(&late, &crate::config::Policy::default());
        assert_eq!((report.objects, report.written, report.duplicate), (1, 0, 1), "{report}");
    }
}
