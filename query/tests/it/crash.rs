//! Killed at any instant, or two at once: the lake is that of an undisturbed run.

use crate::logs;
use crate::product::{json, run, trailhound};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Every record of the lake, as text, sorted.
fn records(lake: &Path) -> Vec<String> {
    let query = "select * from cloudtrail";
    let mut sql = trailhound(["sql", query, "--format", "cloudtrail", "--lake"]);
    let Value::Object(mut document) = json(sql.arg(lake)) else { panic!("not an object") };
    let Some(Value::Array(records)) = document.remove("Records") else { panic!("no Records") };
    let mut records = records.iter().map(Value::to_string).collect::<Vec<_>>();
    records.sort_unstable();
    records
}

/// An ingest of the trail that lies beside the lake, in many small batches, so that there are many commits to die in.
fn ingest(lake: &Path) -> std::process::Command {
    let mut command = trailhound(["ingest", "--report", "json", "--batch-bytes", "300000", "--lake"]);
    command.arg(lake).arg(lake.with_file_name("trail"));
    command
}

/// What an undisturbed run makes, and how long it takes.
fn undisturbed(dir: &Path) -> (Vec<String>, Duration) {
    logs::write(&dir.join("trail"));
    let lake = dir.join("undisturbed");
    let began = Instant::now();
    run(&mut ingest(&lake));
    let span = began.elapsed();
    let records = records(&lake);
    assert_eq!(records.len() as u64, logs::RECORDS - logs::DUPLICATES);
    (records, span)
}

#[test]
fn killed_twenty_times() {
    let dir = tempfile::tempdir().unwrap();
    let (expected, span) = undisturbed(dir.path());
    let lake = dir.path().join("killed");
    // Instants that cover the run evenly, in an order that is not.
    for step in [7, 3, 12, 1, 18, 9, 15, 5, 20, 11, 2, 17, 8, 14, 4, 19, 10, 6, 16, 13] {
        let mut process = ingest(&lake).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(span * step / 20);
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let report = json(&mut ingest(&lake));
    assert_eq!(report["objects_failed"], 0, "{report}");
    assert_eq!(records(&lake).len(), expected.len());
    assert!(records(&lake) == expected, "the table differs from that of an undisturbed run");
}

#[test]
fn three_writers_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (expected, _) = undisturbed(dir.path());
    let lake = dir.path().join("raced");
    let writers =
        [0; 3].map(|_| ingest(&lake).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let reports = writers.map(|writer| writer.wait_with_output().unwrap());
    let written = reports.iter().map(|output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["written"].as_u64().unwrap()
    });
    assert_eq!(written.sum::<u64>(), expected.len() as u64);
    assert!(records(&lake) == expected, "the table differs from that of an undisturbed run");
}
