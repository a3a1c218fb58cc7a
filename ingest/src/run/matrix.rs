//! Every point of the commit protocol × every fault, for all tables that a run writes.
//!
//! A run of the whole pipeline meets one fault at one point of one table. However it ended, a fresh run must then make
//! the very tables of an undisturbed run, row by row, and no object may be named by two commits.

use super::{Writers, run};
use crate::config::IngestConfig;
use crate::error::Error;
use crate::find::{Days, find};
use crate::lake::faults::{
    Fault::{self, Conflict, Crash, LostResponse, OwnSlotTaken, Reset, Stall, Unavailable},
    Point::{
        self, AfterCommit, AfterPut, AfterWrite, BeforeCheckpoint, BeforeLoad, BeforePut, BeforeWrite, Put,
        Upload,
    },
};
use crate::lake::{CommitSettings, Lake, LakeTable};
use crate::report::Report;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The tables of a run, in the order of their commits.
const TABLES: [LakeTable; 4] =
    [LakeTable::Quarantine, LakeTable::Aggregated, LakeTable::Events, LakeTable::Logfiles];

const POINTS: [Point; 9] =
    [BeforeLoad, BeforeWrite, Upload, AfterWrite, BeforePut, Put, AfterPut, BeforeCheckpoint, AfterCommit];

/// How old a look at the log may be where a stall is to be too long.
const AGE: Duration = Duration::from_millis(150);

const FAULTS: [Fault; 7] =
    [Crash, Stall(AGE.saturating_mul(2)), LostResponse, OwnSlotTaken, Conflict, Unavailable, Reset];

/// Where `logfiles` is not written like the others: its files are uploaded for the commit of `events`, and it has no
/// stage that writes.
const NOT_IN_LOGFILES: [Point; 2] = [BeforeWrite, AfterWrite];

/// Rows as text, by table.
type Tables = BTreeMap<&'static str, Vec<String>>;

/// Two files, each with events, an aggregated record and a record that cannot be used; some events are in both.
fn write_trail(folder: &Path) {
    let event = |n: usize| {
        format!(
            r#"{{"eventVersion":"1.11","eventTime":"2026-03-{:02}T08:00:{n:02}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","eventID":"00000000-0000-4000-8000-{n:012}"}}"#,
            16 + n % 2
        )
    };
    let aggregated = |n: usize| {
        format!(
            r#"{{"eventVersion":"1.0","eventType":"AwsAggregatedEvent","eventId":"a{n}","accountId":"111122223333","timeWindow":{{"windowStart":"2026-03-17T08:0{n}:00Z","windowEnd":"2026-03-17T08:05:00Z","windowSize":"PT5M"}},"summary":{{}}}}"#
        )
    };
    for (file, events) in [(0, 0..4), (1, 3..8)] {
        let mut records = events.map(event).collect::<Vec<_>>();
        records.push(aggregated(file));
        records.push(format!(r#"{{"eventVersion":"1.11","eventName":"Bad{file}","eventTime":oops}}"#));
        let text = format!(r#"{{"Records":[{}]}}"#, records.join(","));
        std::fs::write(folder.join(format!("{file}.json")), text).unwrap();
    }
}

/// A folder with the trail, an empty lake, and what an undisturbed run makes of them.
struct Ground {
    folder: tempfile::TempDir,
    expected: Tables,
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("trail")).unwrap();
        write_trail(&folder.path().join("trail"));
        let empty = folder.path().join("empty");
        Lake::create_or_open(empty.to_str().unwrap()).await.unwrap();
        let ground = Self { folder, expected: Tables::new() };
        let lake = ground.lake("undisturbed");
        let report = ground.run(&lake, &CommitSettings::default()).await.unwrap();
        assert!(report.reconciles() && report.quarantined == 2 && report.written == 10, "{report:?}");
        let expected = tables(&lake).await;
        let rows = TABLES.map(|table| expected[table.name()].len());
        assert_eq!(rows, [2, 2, 8, 2]);
        Self { expected, ..ground }
    }

    /// A new lake of this name, without rows.
    fn lake(&self, name: &str) -> PathBuf {
        let lake = self.folder.path().join(name);
        copy(&self.folder.path().join("empty"), &lake);
        lake
    }

    /// A run with a batch for each file.
    async fn run(&self, lake: &Path, settings: &CommitSettings) -> Result<Report, Error> {
        let source = self.folder.path().join("trail").to_str().unwrap().to_owned();
        let url = lake.to_str().unwrap().to_owned();
        let config =
            IngestConfig { workers: 1, batch_bytes: 1, ..IngestConfig::new(vec![source.clone()], url) };
        let found = find(&[source], Days::default()).await.unwrap();
        let lake = Lake::open(&config.lake).await.unwrap().with_settings(settings.clone());
        let writers = Arc::new(Writers::open(&lake).await?);
        run(writers, &config, found, Arc::new(())).await
    }

    async fn check(&self, table: LakeTable, point: Point, fault: Fault) {
        let what = format!("{point:?} of {} meets {fault:?}", table.name());
        let lake = self.lake(&what);
        let checkpoint_every = if point == BeforeCheckpoint { 1 } else { 50 };
        let age_limit = if matches!(fault, Stall(_)) { AGE } else { Duration::from_hours(1) };
        let (pause, is_plain) = (Duration::from_millis(1), CommitSettings::default());
        let settings = CommitSettings { age_limit, pause, checkpoint_every, ..is_plain };
        settings.faults.plan_at(table, point, fault);
        let ended = self.run(&lake, &settings).await;
        assert!(settings.faults.are_all_done(), "{what}: the point was not passed: {ended:?}");
        if fault == Crash && point != BeforeCheckpoint {
            let says_so = ended.as_ref().map_or(true, |report| !report.problems.is_empty());
            assert!(says_so, "{what}: the run went on");
        }
        if point == Put && !matches!(fault, Stall(_)) {
            let report = ended.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(report.reconciles(), "{what}: {report:?}");
        }
        let fresh = self.run(&lake, &CommitSettings::default()).await;
        assert!(fresh.unwrap_or_else(|error| panic!("{what}: {error}")).reconciles(), "{what}");
        assert!(tables(&lake).await == self.expected, "{what}: the tables differ");
        let idle = self.run(&lake, &CommitSettings::default()).await.unwrap();
        assert_eq!((idle.objects, idle.written), (0, 0), "{what}: something was left to do");
    }
}

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

/// What differs from run to run, or tells which of two runs wrote a row.
const VOLATILE: [&str; 4] = ["ingesttime", "sourcefile", "written", "duplicate"];

/// All rows of the tables of a run, sorted.
async fn tables(lake: &Path) -> Tables {
    let opened = Lake::open(lake.to_str().unwrap()).await.unwrap();
    let mut tables = Tables::new();
    for table in TABLES {
        let mut rows = Vec::new();
        for file in opened.snapshot(table, None).await.unwrap().files {
            rows.extend(rows_in(&lake.join(table.name()).join(&file.path)));
        }
        rows.sort_unstable();
        tables.insert(table.name(), rows);
    }
    tables
}

fn rows_in(file: &Path) -> Vec<String> {
    let file = std::fs::File::open(file).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in batches.map(Result::unwrap) {
        for row in 0..batch.num_rows() {
            let schema = batch.schema();
            let fields = schema.fields().iter().zip(batch.columns());
            let kept = fields.filter(|(field, _)| !VOLATILE.contains(&field.name().as_str()));
            let cells = kept.map(|(field, column)| format!("{}={:?}", field.name(), column.slice(row, 1)));
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    rows
}

/// All points and faults of one table.
async fn check_all(table: LakeTable) {
    let ground = Ground::new().await;
    let skipped: &[Point] = if table == LakeTable::Logfiles { &NOT_IN_LOGFILES } else { &[] };
    for point in POINTS.into_iter().filter(|point| !skipped.contains(point)) {
        // Death in a PUT is death before it or after it.
        for fault in FAULTS.into_iter().filter(|fault| (point, *fault) != (Put, Crash)) {
            ground.check(table, point, fault).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quarantine_survives_every_fault() {
    check_all(LakeTable::Quarantine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregated_survives_every_fault() {
    check_all(LakeTable::Aggregated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_survive_every_fault() {
    check_all(LakeTable::Events).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logfiles_survive_every_fault() {
    check_all(LakeTable::Logfiles).await;
}
