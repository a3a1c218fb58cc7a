//! Whole trails: log files → lake → records. Each distinct record of the files is in the lake once, to the digit.

use crate::naive::naive;
use arrow::array::RecordBatch;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailhound_ingest::lake::{Lake, LakeTable};
use trailhound_ingest::rebuild::rebuild;
use trailhound_ingest::schema::Table;
use trailhound_ingest::{IngestConfig, ingest};

/// Folders whose files hold records.
const FOLDERS: [&str; 4] =
    ["/CloudTrail/", "/CloudTrail-Insight/", "/CloudTrail-NetworkActivity/", "/CloudTrail-Aggregated/"];

#[derive(serde::Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<&'a RawValue>,
}

fn log_files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if FOLDERS.iter().any(|folder| path.to_string_lossy().contains(folder)) {
                files.push(path);
            }
        }
    }
    files
}

/// The distinct records of the files, in the one spelling of [`naive`].
fn delivered(folder: &Path) -> BTreeSet<String> {
    let mut records = BTreeSet::new();
    for file in log_files(folder) {
        let bytes = std::fs::read(&file).unwrap();
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        let document: Document<'_> = serde_json::from_str(&text).unwrap();
        records.extend(document.records.iter().map(|record| naive(record.get())));
    }
    records
}

/// The records in the lake, in the same spelling.
async fn stored(lake: &Lake) -> Vec<String> {
    let mut records = Vec::new();
    for (table, columns) in [(LakeTable::Events, Table::Events), (LakeTable::Aggregated, Table::Aggregated)] {
        for file in lake.snapshot(table, None).await.unwrap().files {
            let path = lake.url().to_file_path().unwrap().join(table.name()).join(&file.path);
            let bytes = Bytes::from(std::fs::read(path).unwrap());
            for rows in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
                let rows: RecordBatch = rows.unwrap();
                records.extend(rebuild(&rows, columns).unwrap().iter().map(|record| naive(record)));
            }
        }
    }
    records.sort();
    records
}

async fn check(trail: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("lake").to_string_lossy().into_owned();
    let config = IngestConfig::new(vec![trail.to_string_lossy().into_owned()], place.clone());
    let report = ingest(&config, Arc::new(())).await.unwrap();
    assert!(report.reconciles() && report.quarantined == 0, "{report}");
    let (expected, found) = (delivered(trail), stored(&Lake::open(&place).await.unwrap()).await);
    assert_eq!(found.len() as u64, report.written);
    let lost = expected.iter().filter(|record| found.binary_search(record).is_err()).collect::<Vec<_>>();
    assert!(lost.is_empty(), "{} records lost or altered, the first: {}", lost.len(), lost[0]);
    assert_eq!(found.len(), expected.len(), "some records are in the lake twice");
}

#[tokio::test]
async fn the_sample_logs_come_back() {
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs")).await;
}

#[tokio::test]
async fn real_trails_come_back() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/AWSLogs");
    if !corpus.is_dir() {
        eprintln!("SKIPPED: no corpus of real trails beside the checkout");
        return;
    }
    check(&corpus).await;
}
