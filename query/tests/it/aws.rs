//! From a bucket into a lake in a bucket, and from a topic into a queue, against an emulator on loopback.

use crate::emulator::Emulator;
use crate::product::{folder, json, number, run, text, trailhound};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use std::collections::BTreeSet;
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

/// Copies sample-logs into the bucket `logs`, and makes the bucket `lake`.
async fn fill(emulator: &Emulator) {
    let config = aws_sdk_s3::config::Builder::from(&emulator.config().await).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    for bucket in ["logs", "lake"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let root = folder("sample-logs");
    for file in files(&root.join("AWSLogs")) {
        let key = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let body = ByteStream::from(std::fs::read(&file).unwrap());
        s3.put_object().bucket("logs").key(format!("trail/{key}")).body(body).send().await.unwrap();
    }
}

#[tokio::test]
async fn from_bucket_to_bucket() {
    let Some(emulator) = Emulator::start() else { return };
    fill(&emulator).await;
    let ingest = || {
        against(&emulator, ["ingest", "s3://logs/trail/", "--lake", "s3://lake/trailhound", "--report", "json"])
    };
    let first = json(&mut ingest());
    let expected = serde_json::from_slice::<Value>(&std::fs::read(folder("sample-logs/EXPECTED.json")).unwrap()).unwrap();
    assert_eq!(first["records_read"], expected["records"], "{first}");
    assert_eq!(first["duplicate"], expected["duplicates"], "{first}");
    assert_eq!(first["quarantined"], 0, "{first}");

    let count = "select count(*) from cloudtrail";
    let sql = number(&mut against(&emulator, ["sql", count, "--format", "csv", "--lake", "s3://lake/trailhound"]));
    let aggregated = "select count(*) from aggregated";
    let more = number(&mut against(&emulator, ["sql", aggregated, "--format", "csv", "--lake", "s3://lake/trailhound"]));
    assert_eq!(Some(sql + more), first["written"].as_i64());

    let second = json(&mut ingest());
    assert_eq!((&second["records_read"], &second["objects_skipped"]), (&Value::from(0), &first["objects"]), "{second}");
}

#[tokio::test]
async fn a_missing_bucket_is_one_clear_line() {
    let Some(emulator) = Emulator::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let output = run(against(&emulator, ["ingest", "s3://no-such-bucket/", "--lake"]).arg(dir.path().join("lake")));
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stderr);
    assert!(line.contains("s3://no-such-bucket/") && line.contains("no such bucket"), "{line}");
    let output = run(&mut against(&emulator, ["sql", "select 1", "--lake", "s3://no-such-bucket/lake"]));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// Creates a topic with a queue behind it; gives the topic's ARN and the queue's URL.
async fn topic_with_queue(config: &aws_config::SdkConfig) -> (String, String) {
    let (sns, sqs) = (aws_sdk_sns::Client::new(config), aws_sdk_sqs::Client::new(config));
    let topic = sns.create_topic().name("alerts").send().await.unwrap().topic_arn.unwrap();
    let queue = sqs.create_queue().queue_name("alerts").send().await.unwrap().queue_url.unwrap();
    let arn = "arn:aws:sqs:us-east-1:000000000000:alerts";
    let subscribe = sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn);
    subscribe.attributes("RawMessageDelivery", "true").send().await.unwrap();
    (topic, queue)
}

/// The finding ids of all messages that are in the queue, each as often as it was sent.
async fn drain(sqs: &aws_sdk_sqs::Client, queue: &str) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let batch = sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(1);
        let messages = batch.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return ids;
        }
        for message in messages {
            let body = serde_json::from_str::<Value>(&message.body.unwrap()).unwrap();
            ids.push(body["id"].as_str().unwrap().to_owned());
            let delete = sqs.delete_message().queue_url(queue).receipt_handle(message.receipt_handle.unwrap());
            delete.send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn each_finding_is_published_once() {
    let Some(emulator) = Emulator::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    run(trailhound(["ingest"]).arg(folder("sample-logs")).arg("--lake").arg(dir.path()));
    let config = emulator.config().await;
    let (topic, queue) = topic_with_queue(&config).await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let detect = || {
        let output = run(against(&emulator, ["detect", "--sns-topic", &topic, "--lake"]).arg(dir.path()));
        assert!(output.status.success(), "{}", text(&output.stderr));
    };

    detect();
    let sent = drain(&sqs, &queue).await;
    let count = "select count(*) from findings";
    let findings = number(trailhound(["sql", count, "--format", "csv", "--lake"]).arg(dir.path()));
    assert!(findings > 0);
    assert_eq!(i64::try_from(sent.len()).unwrap(), findings);
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len(), "an alert came twice");

    detect();
    assert_eq!(drain(&sqs, &queue).await, Vec::<String>::new());
}
