//! A pipeline small enough to check: object `n` has `n % 3` rows, each with nothing but the object's identity.

use super::{
    Appender, CommitSettings, Committed, Days, Lake, LakeError, LakeFile, LakeTable, NewFile, ObjectId,
    Pending, Written,
    faults::{Fault, Point},
    logfiles::hashes_in,
    tables::file_schema,
    tail::read_commit,
};
use arrow::{
    array::{ArrayRef, StringArray, new_null_array},
    record_batch::RecordBatch,
};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tempfile::TempDir;
use uuid::Uuid;

pub(super) const DAY: i32 = 20_423;

pub(super) fn id(object: u64) -> ObjectId {
    ObjectId(u128::from(object) << 64 | 7)
}

/// A new lake and the folder it lives in.
pub(super) async fn new_lake() -> (TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::create_or_open(folder.path().join("lake").to_str().unwrap()).await.unwrap();
    (folder, lake)
}

/// Settings of short times, with `faults` due in this order.
pub(super) fn settings(faults: &[(Point, Fault)]) -> CommitSettings {
    let settings = CommitSettings { pause: Duration::from_millis(1), ..CommitSettings::default() };
    for &(point, fault) in faults {
        settings.faults.plan(point, fault);
    }
    settings
}

/// A batch of objects for `table`.
pub(super) struct Toy {
    pub(super) table: LakeTable,
    pub(super) objects: Vec<u64>,
    /// Paths of the files that were shown, call by call.
    pub(super) shown: Vec<Vec<String>>,
}

impl Toy {
    pub(super) fn new(objects: impl IntoIterator<Item = u64>) -> Self {
        Self { table: LakeTable::Events, objects: objects.into_iter().collect(), shown: vec![] }
    }

    /// Uploads a file per day with a row for each of `rows`.
    async fn upload(&self, lake: &Lake, table: LakeTable, rows: Vec<u64>) -> Result<Vec<NewFile>, LakeError> {
        let mut days: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for row in rows {
            days.entry(DAY + i32::try_from(row % 2).unwrap()).or_default().push(id(row).to_string());
        }
        let mut files = vec![];
        for (date, hashes) in days {
            files.push(upload(lake, table, date, hashes).await?);
        }
        Ok(files)
    }
}

/// Uploads a file with these identities and nothing in the other columns.
pub(super) async fn upload(
    lake: &Lake,
    table: LakeTable,
    date: i32,
    hashes: Vec<String>,
) -> Result<NewFile, LakeError> {
    let (schema, rows) = (file_schema(table), hashes.len());
    let hashes: ArrayRef = Arc::new(StringArray::from(hashes));
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "sourcehash" => Arc::clone(&hashes),
        _ => new_null_array(field.data_type(), rows),
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    let bytes = Bytes::from(writer.into_inner().unwrap());
    let path = format!("date={}/part-{}.parquet", super::date::date_text(date), Uuid::new_v4());
    let size = u64::try_from(bytes.len()).unwrap();
    lake.put(table, &path, bytes).await?;
    let stats = json!({"numRecords": rows, "minValues": {"sourcehash": "0"}, "maxValues": {"sourcehash": "f"},
        "nullCount": {"sourcehash": 0, "actor": rows}});
    Ok(NewFile { path, size, date, rows: u64::try_from(rows).unwrap(), stats })
}

impl Pending for Toy {
    fn objects(&self) -> Vec<ObjectId> {
        self.objects.iter().map(|object| id(*object)).collect()
    }

    fn days(&self) -> Days {
        self.objects.iter().map(|object| Some(DAY + i32::try_from(object % 2).unwrap())).collect()
    }

    fn drop_objects(&mut self, known: &[ObjectId]) {
        self.objects.retain(|object| !known.contains(&id(*object)));
    }

    async fn drop_duplicates(&mut self, _lake: &Lake, files: &[LakeFile]) -> Result<bool, LakeError> {
        self.shown.push(files.iter().map(|file| file.path.clone()).collect());
        Ok(false)
    }

    async fn write(&mut self, lake: &Lake) -> Result<Written, LakeError> {
        let rows = self.objects.iter().flat_map(|object| (0..object % 3).map(|_| *object)).collect();
        let adds = self.upload(lake, self.table, rows).await?;
        let logfiles = match self.table {
            LakeTable::Events => self.upload(lake, LakeTable::Logfiles, self.objects.clone()).await?,
            _ => vec![],
        };
        Ok(Written { adds, logfiles })
    }
}

/// Opens a writer of `events` and appends `objects`.
pub(super) async fn append(
    lake: &Lake,
    settings: &CommitSettings,
    objects: impl IntoIterator<Item = u64>,
) -> Result<Committed, LakeError> {
    let mut appender = Appender::open(lake, LakeTable::Events, settings).await?;
    appender.append(&mut Toy::new(objects)).await
}

/// How often each identity is in the files of a table.
async fn count_rows(lake: &Lake, table: LakeTable) -> BTreeMap<ObjectId, u64> {
    let mut rows = BTreeMap::new();
    let snapshot = lake.snapshot(table, None).await.unwrap();
    for file in &snapshot.files {
        let hashes = hashes_in(lake.store(table), file).await.unwrap();
        assert_eq!(u64::try_from(hashes.len()).unwrap(), file.rows);
        for hash in hashes {
            *rows.entry(hash).or_default() += 1;
        }
    }
    rows
}

/// Checks that `table` holds the rows of the objects below `objects` exactly once, after `logfiles` was brought up.
pub(super) async fn check(lake: &Lake, table: LakeTable, objects: u64) {
    let expected = |rows: fn(u64) -> u64| {
        (0..objects).map(|n| (id(n), rows(n))).filter(|(_, rows)| *rows > 0).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(count_rows(lake, table).await, expected(|n| n % 3));
    if table == LakeTable::Events {
        lake.sync_logfiles().await.unwrap();
        assert_eq!(count_rows(lake, LakeTable::Logfiles).await, expected(|_| 1));
    }
}

/// Checks that each object below `objects` is named by exactly one commit of `table`.
pub(super) async fn check_commits(lake: &Lake, table: LakeTable, objects: u64) {
    let mut named = vec![];
    for version in 1..=lake.latest_version(table).await.unwrap() {
        named.extend(read_commit(lake, table, version).await.unwrap().objects.unwrap());
    }
    named.sort_unstable();
    assert_eq!(named, (0..objects).map(id).collect::<Vec<_>>());
}

/// Deletes the commits of `table` below `version`, as a cleaner of the log does.
pub(super) fn clean_log(lake: &Lake, table: LakeTable, version: u64) {
    let folder = lake.url().to_file_path().unwrap().join(table.name()).join("_delta_log");
    for version in 0..version {
        std::fs::remove_file(folder.join(format!("{version:020}.json"))).unwrap();
    }
}
