//! The pure middle of the crate, compiled by itself, and what must hold of one object that goes through it.
//!
//! Between `fetch` and the lake there is no I/O, so the stages build without the storage, which would be twenty minutes
//! of instrumented code that no input reaches.

#![allow(dead_code, unreachable_pub, reason = "the stages are parts of another crate")]

#[path = "../../src/limits.rs"]
pub mod limits;
#[path = "../../src/gunzip.rs"]
pub mod gunzip;
#[path = "../../src/unwrap/mod.rs"]
pub mod unwrap;
#[path = "../../src/parse/mod.rs"]
pub mod parse;
#[path = "../../src/record.rs"]
pub mod record;
#[path = "../../src/time.rs"]
pub mod time;
#[path = "../../src/nearest.rs"]
pub mod nearest;
#[path = "../../src/filter/mod.rs"]
pub mod filter;
#[path = "../../src/redact/mod.rs"]
pub mod redact;
#[path = "../../src/policy.rs"]
pub mod policy;
#[path = "../../src/batch/mod.rs"]
pub mod batch;
#[path = "../../src/schema.rs"]
pub mod schema;
#[path = "../../src/transpose/mod.rs"]
pub mod transpose;
#[path = "../../src/rebuild.rs"]
pub mod rebuild;
#[path = "../../src/reject.rs"]
pub mod reject;
#[path = "../../src/write/mod.rs"]
pub mod write;
pub mod find;
pub mod lake;

#[path = "../../tests/it/naive.rs"]
mod oracle;

use batch::{Batch, Source};
use lake::ObjectId;
use limits::Limits;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rebuild::rebuild;
use schema::Table;

/// A key as CloudTrail makes them, for which other rules hold.
pub const NATIVE: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/111122223333_CloudTrail_eu-west-1_20260317T0905Z_AbCdEfGhIjKlMnOp.json.gz";

/// Limits that small inputs reach.
pub fn small_limits() -> Limits {
    Limits {
        max_inflated: 1 << 20,
        max_record_bytes: 8 << 10,
        // Less than serde_json takes, which is the oracle.
        max_depth: 64,
        max_records: 200,
        ..Limits::default()
    }
}

/// Reads one object; the books must reconcile, and memory keep to the limits.
pub fn read(key: &str, body: &[u8], limits: &Limits) -> Batch {
    let mut batch = Batch::new();
    let source = Source { identity: ObjectId(7), key, etag: "e", key_date: None, ingest_date: 20_529 };
    batch.read(&source, body, limits);
    batch.mark_duplicates();
    let object = &batch.objects[0];
    let records = batch.records.len() as u64;
    assert_eq!(object.records_read, records + object.quarantined, "the books reconcile");
    assert!(object.records_read <= limits.max_records as u64 + 1, "{} records", object.records_read);
    // What is unwrapped comes out of one share; beside it there is the padding of what was unwrapped.
    let most = 8 * (limits.max_inflated + body.len()) + (64 << 10);
    assert!(batch.arena.len() <= most, "{} bytes in the arena", batch.arena.len());
    let kept = batch.rejects.iter().map(|reject| reject.bytes.len()).sum::<usize>();
    assert!(kept <= (8 << 20) + 32 * limits.max_quarantine_bytes, "{kept} bytes in the quarantine");
    batch
}

/// Writes the records to Parquet and takes them out again, as texts.
pub fn round_trip(batch: &Batch) -> Vec<String> {
    let mut back = Vec::new();
    for table in [Table::Events, Table::Aggregated] {
        for file in write::Writer::default().write(batch, table, 0).expect("columns fit together") {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes).and_then(|reader| reader.build());
            for rows in reader.expect("what was written can be read") {
                back.extend(rebuild(&rows.expect("a batch"), table).expect("records come back"));
            }
        }
    }
    back
}

/// A JSON text in the one spelling of the oracle of the tests.
pub fn naive(text: &str) -> String {
    oracle::naive(text)
}
