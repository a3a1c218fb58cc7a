//! Compactions of lakes whose objects are a commit each. What a lake holds is always told by its rebuilt records.

use super::*;
use crate::batch::{Batch, Limits, Source};
use crate::lake::faults::{
    Fault::{self, Conflict, Crash, LostResponse, OwnSlotTaken, Reset, Stall, Unavailable},
    Point::{
        self, AfterCommit, AfterPut, AfterWrite, BeforeCheckpoint, BeforeLoad, BeforePut, BeforeWrite, Put,
        Upload,
    },
};
use crate::lake::{Appender, CommitSettings, Days, LakeError, ObjectId, Pending, Written};
use crate::pending::Part;
use crate::rebuild::rebuild;
use crate::schema::Table;
use crate::write::Writer;
use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use futures::TryStreamExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A part that looks for its objects, but not for its records: what an ingest was that did not see the other file.
struct Blind<'a>(Part<'a>);

impl Pending for Blind<'_> {
    fn objects(&self) -> Vec<ObjectId> {
        self.0.objects()
    }

    fn days(&self) -> Days {
        self.0.days()
    }

    fn drop_objects(&mut self, known: &[ObjectId]) {
        self.0.drop_objects(known);
    }

    async fn drop_duplicates(&mut self, _: &Lake, _: &[LakeFile]) -> Result<bool, LakeError> {
        Ok(false)
    }

    async fn write(&mut self, lake: &Lake) -> Result<Written, LakeError> {
        self.0.write(lake).await
    }
}

/// Event `n`: one a minute. `more` are members.
fn event(n: u64, more: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"2026-03-17T{:02}:{:02}:00Z","eventSource":"s3.amazonaws.com","eventName":"{}","awsRegion":"eu-west-1","requestParameters":{{"n":{n}}},"eventID":"00000000-0000-4000-8000-{n:012}"{more}}}"#,
        n / 60,
        n % 60,
        ["PutObject", "GetObject", "DeleteObject"][usize::try_from(n % 3).unwrap()],
    )
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| event(n, "")).collect()
}

/// Brings an object with these records; one that is no record goes to the quarantine.
async fn bring(lake: &Lake, object: u64, records: &[String]) {
    let mut batch = Batch::new();
    let key = format!("{object}.json");
    let identity = ObjectId(u128::from(object) + 1);
    let source = Source { identity, key: &key, etag: "", key_date: None, ingest_date: 20_529 };
    batch.read(&source, format!("[{}]", records.join(",")).as_bytes(), &Limits::default());
    batch.mark_duplicates();
    let ingested = 1_773_700_000_000_000 + i64::try_from(object).unwrap();
    for table in [LakeTable::Quarantine, LakeTable::Aggregated, LakeTable::Events] {
        let mut appender = Appender::open(lake, table, lake.settings()).await.unwrap();
        let mut writer = Writer::default();
        appender.append(&mut Blind(Part::new(&mut batch, &mut writer, table, ingested))).await.unwrap();
    }
}

/// Four objects of ten events, of which the first is also the last of the one before, and once more with a difference.
async fn new_lake(folder: &Path) -> Lake {
    let lake = Lake::create_or_open(folder.to_str().unwrap()).await.unwrap();
    for object in 0..4 {
        let mut records = events(object * 9..object * 9 + 10);
        records.push(event(object * 9, r#","errorCode":"AccessDenied""#));
        bring(&lake, object, &records).await;
    }
    lake
}

/// What [`new_lake`] holds when each record is there once.
fn expected() -> Vec<String> {
    let near = (0..4).map(|object| event(object * 9, r#","errorCode":"AccessDenied""#));
    sorted(events(0..37).into_iter().chain(near).collect())
}

fn sorted(mut records: Vec<String>) -> Vec<String> {
    records.sort_unstable();
    records
}

fn layout(table: LakeTable) -> Layout {
    layout::all().into_iter().find(|layout| layout.table == table).unwrap()
}

/// The rows of each file of a table.
async fn rows(lake: &Lake, table: LakeTable) -> Vec<arrow::array::RecordBatch> {
    let mut files = Vec::new();
    for file in lake.snapshot(table, None).await.unwrap().files {
        let input = Input::open(lake, &layout(table), &file).await.unwrap();
        let all = (0..u32::try_from(input.rows()).unwrap()).collect::<Vec<_>>();
        let batches = input.take(&all).unwrap().try_collect::<Vec<_>>().await.unwrap();
        let batch = arrow::compute::concat_batches(&layout(table).schema, &batches).unwrap();
        assert_eq!(batch.num_rows() as u64, file.rows);
        files.push(batch);
    }
    files
}

/// The records of `events`, as texts with the members that [`event`] writes in its order.
async fn records(lake: &Lake) -> Vec<String> {
    let mut records = Vec::new();
    for batch in rows(lake, LakeTable::Events).await {
        records.extend(rebuild(&batch, Table::Events).unwrap());
    }
    let plain = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string();
    sorted(records.into_iter().map(plain).collect())
}

fn plain(records: Vec<String>) -> Vec<String> {
    sorted(
        records
            .into_iter()
            .map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string())
            .collect(),
    )
}

async fn run(lake: &Lake) -> Result<Compacted, Error> {
    compact(lake, &CompactConfig::default(), &()).await
}

async fn files(lake: &Lake, table: LakeTable) -> usize {
    lake.snapshot(table, None).await.unwrap().files.len()
}

/// Checks that the lake holds each record once, in one file, and that every object is known.
async fn check(lake: &Lake, what: &str) {
    assert!(records(lake).await == plain(expected()), "{what}: the records differ");
    assert_eq!(files(lake, LakeTable::Events).await, 1, "{what}");
    lake.sync_logfiles().await.unwrap();
    let mut appender = Appender::open(lake, LakeTable::Events, lake.settings()).await.unwrap();
    appender.look_up(&Days::All).await.unwrap();
    assert!((1..5).all(|object| appender.knows(ObjectId(object))), "{what}: the ledger has forgotten");
    bring(lake, 2, &events(18..28)).await;
    assert_eq!(records(lake).await.len(), expected().len(), "{what}: an object was read again");
}

#[tokio::test]
async fn small_files_become_one_and_late_duplicates_go() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let done = run(&lake).await.unwrap();
    assert!(done.reconciles() && done.problems.is_empty(), "{done:?}");
    assert_eq!((done.files_in, done.files_out, done.rows_in, done.duplicates), (4, 1, 44, 3), "{done}");
    let again = run(&lake).await.unwrap();
    assert_eq!((again.commits, again.files_in), (0, 0));
    assert!(again.to_string().starts_with("nothing to do: "), "{again}");
    check(&lake, "compacted").await;
}

#[tokio::test]
async fn of_two_copies_the_first_stays_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    run(&lake).await.unwrap();
    let batch = rows(&lake, LakeTable::Events).await.remove(0);
    let texts = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
    let (ids, sources, hashes) = (texts("eventid"), texts("sourcefile"), texts("sourcehash"));
    let at = (0..ids.len()).filter(|&at| ids.value(at).ends_with("0009")).collect::<Vec<_>>();
    let kept = at.iter().map(|&at| (sources.value(at), hashes.value(at))).collect::<Vec<_>>();
    let hash = |object: u128| ObjectId(object + 1).to_string();
    assert_eq!(
        kept,
        [("0.json", &*hash(0)), ("1.json", &*hash(1))],
        "the copy in 1.json goes, the near copy stays"
    );
}

#[tokio::test]
async fn memory_bounds_a_row_group_and_time_orders_them() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let config = CompactConfig { memory: 40_000, ..CompactConfig::default() };
    let done = compact(&lake, &config, &()).await.unwrap();
    assert_eq!(done.files_out, 1);
    let file = lake.snapshot(LakeTable::Events, None).await.unwrap().files.remove(0);
    let path = folder.path().join("events").join(&file.path);
    let reader =
        parquet::file::reader::SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let groups = parquet::file::reader::FileReader::metadata(&reader).num_row_groups();
    assert!(groups > 2, "{groups} row groups");
    let batch = rows(&lake, LakeTable::Events).await.remove(0);
    let times = batch.column_by_name("eventtime").unwrap().as_primitive::<TimestampMicrosecondType>();
    let metadata = parquet::file::reader::FileReader::metadata(&reader);
    let mut first = 0;
    let mut last = i64::MIN;
    for group in metadata.row_groups() {
        let rows = usize::try_from(group.num_rows()).unwrap();
        let group = &times.values()[first..first + rows];
        assert!(*group.iter().min().unwrap() >= last);
        last = *group.iter().max().unwrap();
        first += rows;
    }
    check(&lake, "in small memory").await;
}

#[tokio::test]
async fn a_copy_in_a_file_that_stays_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::create_or_open(folder.path().to_str().unwrap()).await.unwrap();
    bring(&lake, 0, &events(0..600)).await;
    let large = lake.snapshot(LakeTable::Events, None).await.unwrap().files.remove(0);
    bring(&lake, 1, &[event(5, ""), event(6, r#","errorCode":"AccessDenied""#)]).await;
    bring(&lake, 2, &[event(7, "")]).await;
    let config = CompactConfig { target: large.size * 2, ..CompactConfig::default() };
    let done = compact(&lake, &config, &()).await.unwrap();
    assert_eq!((done.duplicates, done.rows_out), (2, 1), "{done:?}");
    let snapshot = lake.snapshot(LakeTable::Events, None).await.unwrap();
    assert!(snapshot.files.len() == 2 && snapshot.files.iter().any(|file| file.path == large.path));
    let mut all = events(0..600);
    all.push(event(6, r#","errorCode":"AccessDenied""#));
    assert!(records(&lake).await == plain(all));
    assert_eq!(compact(&lake, &config, &()).await.unwrap().commits, 0);
}

#[tokio::test]
async fn a_single_small_file_is_looked_at_for_copies() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::create_or_open(folder.path().to_str().unwrap()).await.unwrap();
    bring(&lake, 0, &events(0..600)).await;
    let large = lake.snapshot(LakeTable::Events, None).await.unwrap().files.remove(0);
    let config = CompactConfig { target: large.size * 2, ..CompactConfig::default() };
    bring(&lake, 1, &[event(5, r#","errorCode":"AccessDenied""#)]).await;
    assert_eq!(compact(&lake, &config, &()).await.unwrap().commits, 0);
    bring(&lake, 2, &[event(5, r#","errorCode":"AccessDenied""#), event(8, "")]).await;
    let done = compact(&lake, &config, &()).await.unwrap();
    assert_eq!((done.duplicates, done.rows_out, done.commits), (2, 1, 1), "{done:?}");
    let small = lake.snapshot(LakeTable::Events, None).await.unwrap().files;
    assert_eq!(small.len(), 2);
    assert_eq!(compact(&lake, &config, &()).await.unwrap().commits, 0);
    // Nothing is left of a file whose rows are all copies.
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::create_or_open(folder.path().to_str().unwrap()).await.unwrap();
    bring(&lake, 0, &events(0..600)).await;
    bring(&lake, 1, &events(7..9)).await;
    let done = compact(&lake, &config, &()).await.unwrap();
    assert_eq!((done.duplicates, done.files_in, done.files_out), (2, 1, 0), "{done:?}");
    assert!(records(&lake).await == plain(events(0..600)));
}

#[tokio::test]
async fn the_other_tables_are_merged_too() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::create_or_open(folder.path().to_str().unwrap()).await.unwrap();
    for object in 0..3 {
        let aggregated = format!(
            r#"{{"eventVersion":"1.0","eventType":"AwsAggregatedEvent","eventId":"a{}","accountId":"111122223333","timeWindow":{{"windowStart":"2026-03-17T08:00:00Z","windowEnd":"2026-03-17T08:05:00Z","windowSize":"PT5M"}},"summary":{{}}}}"#,
            object / 2
        );
        bring(&lake, object, &[event(object, ""), aggregated, r#"{"eventTime":oops}"#.to_owned()]).await;
        lake.sync_logfiles().await.unwrap();
    }
    let done = run(&lake).await.unwrap();
    assert_eq!((done.commits, done.duplicates), (4, 1), "{done:?}");
    for (table, rows) in [(LakeTable::Aggregated, 2), (LakeTable::Logfiles, 3), (LakeTable::Quarantine, 3)] {
        let snapshot = lake.snapshot(table, None).await.unwrap();
        assert_eq!((snapshot.files.len(), snapshot.files[0].rows), (1, rows), "{}", table.name());
    }
    assert_eq!(lake.sync_logfiles().await.unwrap(), None);
    let mut appender = Appender::open(&lake, LakeTable::Events, lake.settings()).await.unwrap();
    appender.look_up(&Days::All).await.unwrap();
    assert!((1..4).all(|object| appender.knows(ObjectId(object))));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let broken = lake.snapshot(LakeTable::Events, None).await.unwrap().files.remove(1);
    let path = folder.path().join("events").join(&broken.path);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, vec![0; bytes.len()]).unwrap();
    let done = run(&lake).await.unwrap();
    let [problem] = &done.problems[..] else { panic!("{done:?}") };
    assert!(problem.contains(&broken.path) && problem.contains("cannot be read"), "{problem}");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(files(&lake, LakeTable::Events).await, 2);
    run(&lake).await.unwrap();
    check(&lake, "mended").await;
}

#[tokio::test]
async fn a_column_we_do_not_know_is_not_lost() {
    use arrow::array::{ArrayRef, Int32Array, RecordBatch};
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let rows = RecordBatch::try_from_iter([("theirs", column)]).unwrap();
    let (bytes, stats) = crate::write::parquet_bytes(&rows.schema(), &[rows], &[]).unwrap();
    let (path, size) = (crate::write::new_path(20_529), bytes.len() as u64);
    lake.put(LakeTable::Events, &path, bytes).await.unwrap();
    lake.append_plain(
        LakeTable::Events,
        vec![NewFile { path: path.clone(), size, date: 20_529, rows: 2, stats }],
    )
    .await
    .unwrap();
    let done = run(&lake).await.unwrap();
    let [problem] = &done.problems[..] else { panic!("{done:?}") };
    assert!(problem.contains("its column theirs (Int32) is not one of ours\nhint: "), "{problem}");
    let left = lake.snapshot(LakeTable::Events, None).await.unwrap().files;
    assert!(left.len() == 2 && left.iter().any(|file| file.path == path));
}

const POINTS: [Point; 9] =
    [BeforeLoad, BeforeWrite, Upload, AfterWrite, BeforePut, Put, AfterPut, BeforeCheckpoint, AfterCommit];

/// How old a look at the log may be where a stall is to be too long.
const AGE: Duration = Duration::from_millis(150);

const FAULTS: [Fault; 7] =
    [Crash, Stall(AGE.saturating_mul(2)), LostResponse, OwnSlotTaken, Conflict, Unavailable, Reset];

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// However a run ends, the lake holds the rows of before or of after, and the next run ends the work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_at_every_point_leaves_old_or_new() {
    let folder = tempfile::tempdir().unwrap();
    let before = records(&new_lake(&folder.path().join("before")).await).await;
    for point in POINTS {
        for fault in FAULTS.into_iter().filter(|fault| (point, *fault) != (Put, Crash)) {
            let what = format!("{point:?} meets {fault:?}");
            let path = folder.path().join(&what);
            copy(&folder.path().join("before"), &path);
            let lake = Lake::open(path.to_str().unwrap()).await.unwrap();
            let age_limit = if matches!(fault, Stall(_)) { AGE } else { Duration::from_hours(1) };
            let checkpoint_every = if point == BeforeCheckpoint { 1 } else { 50 };
            let pause = Duration::from_millis(1);
            let settings = CommitSettings { age_limit, pause, checkpoint_every, ..CommitSettings::default() };
            settings.faults.plan_at(LakeTable::Events, point, fault);
            let ended = run(&lake.clone().with_settings(settings.clone())).await;
            assert!(settings.faults.are_all_done(), "{what}: the point was not passed: {ended:?}");
            assert!(fault != Crash || point == BeforeCheckpoint || ended.is_err(), "{what}: the run went on");
            let after = records(&lake).await;
            assert!(after == before || after == plain(expected()), "{what}: neither old nor new");
            if point == Put && !matches!(fault, Stall(_)) {
                let done = ended.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(done.commits > 0 && after == plain(expected()), "{what}: {done:?}");
            }
            run(&lake).await.unwrap();
            check(&lake, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_one_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let settings = CommitSettings::default();
    settings.faults.plan_at(LakeTable::Events, BeforePut, Stall(Duration::from_millis(500)));
    let slow = tokio::spawn({
        let lake = lake.clone().with_settings(settings.clone());
        async move { run(&lake).await.unwrap() }
    });
    while !settings.faults.are_all_done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let fast = run(&lake).await.unwrap();
    let slow = slow.await.unwrap();
    assert_eq!((fast.gave_up, slow.gave_up), (0, 1), "{fast:?} {slow:?}");
    check(&lake, "two at once").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_beside_an_ingester() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let config = CompactConfig { target: 60_000, ..CompactConfig::default() };
    let compactors = (0..3).map(|_| {
        let lake = lake.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                compact(&lake, &config, &()).await.unwrap();
            }
        })
    });
    let compactors = compactors.collect::<Vec<_>>();
    for object in 4..24 {
        bring(&lake, object, &events(object * 9..object * 9 + 10)).await;
    }
    for compactor in compactors {
        compactor.await.unwrap();
    }
    run(&lake).await.unwrap();
    let near = (0..4).map(|object| event(object * 9, r#","errorCode":"AccessDenied""#));
    assert!(records(&lake).await == plain(events(0..217).into_iter().chain(near).collect()));
    let mut appender = Appender::open(&lake, LakeTable::Events, lake.settings()).await.unwrap();
    appender.look_up(&Days::All).await.unwrap();
    assert!((1..25).all(|object| appender.knows(ObjectId(object))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_appended_in_between_stays() {
    let folder = tempfile::tempdir().unwrap();
    let lake = new_lake(folder.path()).await;
    let settings = CommitSettings::default();
    settings.faults.plan_at(LakeTable::Events, BeforePut, Stall(Duration::from_millis(300)));
    let compaction = tokio::spawn({
        let lake = lake.clone().with_settings(settings.clone());
        async move { run(&lake).await.unwrap() }
    });
    while !settings.faults.are_all_done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bring(&lake, 9, &events(100..103)).await;
    let done = compaction.await.unwrap();
    assert_eq!((done.gave_up, done.duplicates), (0, 3), "{done:?}");
    let all = expected().into_iter().chain(events(100..103)).collect();
    assert!(records(&lake).await == plain(all));
}
