//! From a bucket into a lake in a bucket, against an emulator on loopback.

use crate::emulator::Emulator;
use crate::logs;
use crate::product::{json, number, run, text, trailhound};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `trailhound` in front of the emulator.
fn against<const N: usize>(emulator: &Emulator, args: [&str; N]) -> Command {
    let mut command = trailhound(args);
    command.envs(emulator.environment());
    command
}

fn files(below: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Puts the trail into the bucket `logs`, and makes the bucket `lake`.
async fn fill(emulator: &Emulator) {
    let config = aws_sdk_s3::config::Builder::from(&emulator.config().await).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    for bucket in ["logs", "lake"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let root = logs::write(dir.path());
    for file in files(root) {
        let key = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let body = ByteStream::from(std::fs::read(&file).unwrap());
        s3.put_object().bucket("logs").key(format!("trail/{key}")).body(body).send().await.unwrap();
    }
}

#[tokio::test]
async fn from_bucket_to_bucket() {
    let Some(emulator) = Emulator::start() else { return };
    fill(&emulator).await;
    let ingest = || {
        against(
            &emulator,
            ["ingest", "s3://logs/trail/", "--lake", "s3://lake/trailhound", "--report", "json"],
        )
    };
    let first = json(&mut ingest());
    assert_eq!(
        (&first["objects"], &first["records_read"]),
        (&logs::OBJECTS.into(), &logs::RECORDS.into()),
        "{first}"
    );
    assert_eq!(first["duplicate"], logs::DUPLICATES, "{first}");
    assert_eq!(first["quarantined"], 0, "{first}");

    let count = "select count(*) from cloudtrail";
    let sql =
        number(&mut against(&emulator, ["sql", count, "--format", "csv", "--lake", "s3://lake/trailhound"]));
    assert_eq!(Some(sql), first["written"].as_i64());

    let second = json(&mut ingest());
    assert_eq!(
        (&second["records_read"], &second["objects_skipped"]),
        (&Value::from(0), &first["objects"]),
        "{second}"
    );
}

#[tokio::test]
async fn a_missing_bucket_is_one_clear_line() {
    let Some(emulator) = Emulator::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let output =
        run(against(&emulator, ["ingest", "s3://no-such-bucket/", "--lake"]).arg(dir.path().join("lake")));
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stderr);
    assert!(line.contains("s3://no-such-bucket/") && line.contains("no such bucket"), "{line}");
    let output = run(&mut against(&emulator, ["sql", "select 1", "--lake", "s3://no-such-bucket/lake"]));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
