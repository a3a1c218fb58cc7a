//! The function, called with 1, 10 and 100 objects at a time, against an emulator on the same machine.
//!
//! The binary is `bootstrap` beside `trailhound`, or what `TRAILHOUND_BENCH_FUNCTION` names: that of a release, say.

use super::bucket::Bucket;
use super::cpu;
use super::emulator::Emulator;
use super::function::Function;
use super::product::bare;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

/// Objects for each row.
const OBJECTS: usize = 300;

/// MB of a function that has one processor (AWS Lambda developer guide, "Configure memory").
const MEMORY: u32 = 1769;

/// What a number of objects at a time comes to.
struct Row {
    /// From the start of the process to the answer to its first call, of one object; a lake is made on the way.
    first_ms: f64,
    objects_a_second: f64,
    cpu_ms: f64,
    peak_mb: f64,
}

/// Prints the table; nothing where the emulator cannot be installed.
pub(crate) fn print(files: &[Vec<u8>]) {
    let Some(emulator) = Emulator::start() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let bucket = runtime.block_on(Bucket::make(&emulator, "logs"));
    runtime.block_on(Bucket::make(&emulator, "lake"));
    let keys = (0..=OBJECTS).map(|at| format!("AWSLogs/1/CloudTrail/eu-west-1/2026/03/17/{at}.json.gz"));
    let keys = keys.collect::<Vec<_>>();
    for (key, file) in keys.iter().zip(files.iter().cycle()) {
        runtime.block_on(bucket.put(key, file.clone()));
    }
    let program = std::env::var_os("TRAILHOUND_BENCH_FUNCTION").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_trailhound")).with_file_name("bootstrap"),
        PathBuf::from,
    );
    let size = std::fs::metadata(&program).expect("the function").len() as f64 / 1e6;
    println!("\nthe function ({size:.1} MB), {MEMORY} MB of memory, {OBJECTS} objects\n");
    println!(
        "| objects a call | objects/s | CPU-ms an object | first call, ms | peak MB |\n|---|---|---|---|---|"
    );
    for at_once in [1, 10, 100] {
        let row = measure(&emulator, &program, &keys, at_once);
        let Row { first_ms, objects_a_second, cpu_ms, peak_mb } = row;
        println!("| {at_once} | {objects_a_second:.0} | {cpu_ms:.1} | {first_ms:.0} | {peak_mb:.0} |");
    }
}

fn measure(emulator: &Emulator, program: &Path, keys: &[String], at_once: usize) -> Row {
    let lake = format!("s3://lake/{at_once}");
    let mut command = bare(program);
    command
        .envs(emulator.environment())
        .env("TRAILHOUND_LAKE", &lake)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let function = Function::start(&mut command, MEMORY);
    let call = |keys: &[String]| {
        let answer = function.call(news(keys)).expect("an answer");
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    };
    call(&keys[..1]);
    let first_ms = began.elapsed().as_secs_f64() * 1e3;
    let (before, began) = (cpu::of_process(function.id()), Instant::now());
    keys[1..].chunks(at_once).for_each(call);
    let (cpu, wall) = (cpu::of_process(function.id()) - before, began.elapsed().as_secs_f64());
    let objects = OBJECTS as f64;
    let peak_mb = cpu::peak_mb(function.id()).expect("a process");
    Row { first_ms, objects_a_second: objects / wall, cpu_ms: cpu * 1e3 / objects, peak_mb }
}

/// One event of SQS with a message for each object, as S3 writes it.
fn news(keys: &[String]) -> Value {
    let records = keys.iter().enumerate().map(|(at, key)| {
        let s3 = json!({"bucket": {"name": "logs"}, "object": {"key": key, "sequencer": "1"}});
        let body =
            json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]});
        json!({"messageId": at.to_string(), "eventSource": "aws:sqs", "body": body.to_string()})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}
