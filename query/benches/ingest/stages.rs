//! The stages of an ingest on one thread, with the files in memory, and what bounds them.

use super::cpu;
use flate2::{Decompress, FlushDecompress, Status};
use simd_json::Buffers;
use std::hint::black_box;
use std::time::Instant;
use trailhound_ingest::batch::{Batch, Limits, Source};
use trailhound_ingest::config::IngestConfig;
use trailhound_ingest::gunzip::gunzip;
use trailhound_ingest::lake::ObjectId;
use trailhound_ingest::schema::Table;
use trailhound_ingest::write::{self, Writer};

/// Room for the largest file, in bytes.
const LARGEST: usize = 256 << 20;

/// The divisor of all ratios: the bytes have to be inflated, whatever else is done.
pub(crate) fn inflating(files: &[Vec<u8>]) -> f64 {
    let mut buffer = Vec::with_capacity(LARGEST);
    let mut inflater = Decompress::new_gzip(15);
    cpu::of(|| {
        for gz in files {
            inflater = Decompress::new_gzip(15);
            buffer.clear();
            let status = inflater.decompress_vec(gz, &mut buffer, FlushDecompress::Finish);
            assert_eq!(status.ok(), Some(Status::StreamEnd), "one member");
            black_box(&buffer);
        }
    })
}

/// How much more two threads inflate than one in the same time: what the machine gives to two workers, which on a
/// shared one is less than twice.
pub(crate) fn two_threads(files: &[Vec<u8>]) -> f64 {
    let one = Instant::now();
    inflating(files);
    let one = one.elapsed();
    let two = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| inflating(files));
        inflating(files);
    });
    2.0 * one.as_secs_f64() / two.elapsed().as_secs_f64()
}

/// Other limits: inflating the way that ingest does it, and simd-json over whole documents.
pub(crate) fn limits(files: &[Vec<u8>]) -> Vec<(&'static str, f64)> {
    let mut arena = Vec::with_capacity(LARGEST);
    let ours = cpu::of(|| {
        for gz in files {
            arena.clear();
            gunzip(gz, LARGEST, &mut arena).expect("gzip");
            black_box(&arena);
        }
    });
    let mut buffers = Buffers::default();
    let both = cpu::of(|| {
        for gz in files {
            arena.clear();
            gunzip(gz, LARGEST, &mut arena).expect("gzip");
            black_box(simd_json::to_tape_with_buffers(&mut arena, &mut buffers).expect("JSON"));
        }
    });
    vec![
        ("inflating as ingest does: raw deflate, crc32fast", ours),
        ("simd-json's tape over the inflated documents", both - ours),
    ]
}

/// How far the work goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Upto {
    Read,
    Duplicates,
    Columns,
    Parquet,
}

/// Ingest without the lake, stopped behind one stage after the other: what each adds.
pub(crate) fn cumulative(files: &[Vec<u8>]) -> Vec<(&'static str, f64)> {
    let stages = [
        (Upto::Read, "stage: inflate, SHA-256, check UTF-8, split and validate"),
        (Upto::Duplicates, "stage: duplicates within the batch"),
        (Upto::Columns, "stage: sort, Arrow columns"),
        (Upto::Parquet, "stage: Parquet with zstd, bloom filters, indexes"),
    ];
    let mut before = 0.0;
    let times = stages.map(|(upto, what)| {
        let time = cpu::of(|| run(files, upto));
        let own = time - before;
        before = time;
        (what, own)
    });
    times.into()
}

fn run(files: &[Vec<u8>], upto: Upto) {
    let (mut batch, mut writer, limits) = (Batch::new(), Writer::default(), Limits::default());
    let batch_bytes = IngestConfig::new(vec![], String::new()).batch_bytes;
    for (number, gz) in (0..).zip(files) {
        let source =
            Source { identity: ObjectId(number), key: "bench", etag: "", key_date: None, ingest_date: 0 };
        batch.read(&source, gz, &limits);
        if batch.bytes() >= batch_bytes {
            finish(&mut batch, &mut writer, upto);
        }
    }
    finish(&mut batch, &mut writer, upto);
}

fn finish(batch: &mut Batch, writer: &mut Writer, upto: Upto) {
    if upto >= Upto::Duplicates {
        batch.mark_duplicates();
    }
    if upto == Upto::Columns {
        black_box(write::columns(batch, Table::Events, 0).expect("columns"));
    }
    if upto == Upto::Parquet {
        black_box(writer.write(batch, Table::Events, 0).expect("Parquet"));
    }
    batch.clear();
}
