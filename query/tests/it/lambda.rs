//! The functions, driven as AWS Lambda drives them, against an emulator of S3 on loopback.

use crate::bucket::Bucket;
use crate::emulator::Emulator;
use crate::function::Function;
use crate::ground::files;
use crate::logs;
use crate::product::{bare, json, number, trailhound};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LAKE: &str = "s3://lake/trailhound";

/// The bucket `logs` with the trail, the bucket `lake`, and the keys of the trail.
async fn fill(emulator: &Emulator) -> Vec<String> {
    Bucket::make(emulator, "lake").await;
    let bucket = Bucket::make(emulator, "logs").await;
    let dir = tempfile::tempdir().unwrap();
    let root = logs::write(dir.path());
    let mut keys = Vec::new();
    for file in files(root) {
        // A blank and a plus, which the ways encode differently.
        let key = format!("a b+c/{}", file.strip_prefix(root).unwrap().display());
        bucket.put(&key, std::fs::read(&file).unwrap()).await;
        keys.push(key);
    }
    keys.sort();
    keys
}

/// The function that ingests.
fn bootstrap(emulator: &Emulator) -> Command {
    let mut command = bare(&Path::new(env!("CARGO_BIN_EXE_trailhound")).with_file_name("bootstrap"));
    command.envs(emulator.environment()).env("TRAILHOUND_LAKE", LAKE);
    command
}

fn count(emulator: &Emulator, query: &str) -> i64 {
    number(trailhound(["sql", query, "--format", "csv", "--lake", LAKE]).envs(emulator.environment()))
}

/// As S3 writes it into an event.
fn encoded(key: &str) -> String {
    key.replace('+', "%2B").replace(' ', "+")
}

fn of_s3(key: &str) -> Value {
    let object = json!({"key": encoded(key), "sequencer": "1"});
    json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "logs"}, "object": object}}]})
}

fn notification(message: &Value) -> Value {
    json!({"Type": "Notification", "MessageId": "1", "TopicArn": "t", "Message": message.to_string()})
}

fn of_sns(message: &Value) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message.to_string()}}]})
}

fn of_sqs(bodies: impl IntoIterator<Item = (String, String)>) -> Value {
    let record = |(id, body)| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
    json!({"Records": bodies.into_iter().map(record).collect::<Vec<_>>()})
}

fn of_bridge(key: &str) -> Value {
    json!({"source": "aws.s3", "detail-type": "Object Created",
        "detail": {"bucket": {"name": "logs"}, "object": {"key": key}}})
}

fn of_trail(key: &str) -> Value {
    json!({"s3Bucket": "logs", "s3ObjectKey": [key]})
}

/// Each object is announced by two ways; what they say twice is in the lake once.
#[tokio::test]
async fn whichever_way_the_news_comes() {
    let Some(emulator) = Emulator::start() else { return };
    let keys = fill(&emulator).await;
    let function = Function::start(&mut bootstrap(&emulator), 512);
    let one = |body: &Value| of_sqs([("m".to_owned(), body.to_string())]);
    for (at, key) in keys.iter().enumerate() {
        for way in [at, at + 1] {
            let event = match way % 8 {
                0 => of_s3(key),
                1 => one(&of_s3(key)),
                2 => one(&notification(&of_s3(key))),
                3 => of_sns(&of_s3(key)),
                4 => of_bridge(key),
                5 => one(&of_bridge(key)),
                6 => of_trail(key),
                _ => of_sns(&of_trail(key)),
            };
            let answer = function.call(event.clone()).unwrap_or_else(|error| panic!("{event}: {error}"));
            let failures = answer.get("batchItemFailures").map_or(0, |items| items.as_array().unwrap().len());
            assert_eq!(failures, 0, "{event}");
        }
    }
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"});
    assert_eq!(function.call(test).unwrap()["objects"], 0);
    let unique = i64::try_from(logs::RECORDS - logs::DUPLICATES).unwrap();
    assert_eq!(count(&emulator, "select count(*) from cloudtrail"), unique);
}

#[tokio::test]
async fn poison_does_not_stop_its_neighbours() {
    let Some(emulator) = Emulator::start() else { return };
    let keys = fill(&emulator).await;
    let function = Function::start(&mut bootstrap(&emulator), 512);
    let gone = of_s3("AWSLogs/1/CloudTrail/eu-west-1/2026/03/17/gone.json.gz");
    let mut bodies = keys.iter().map(|key| (key.clone(), of_s3(key).to_string())).collect::<Vec<_>>();
    bodies.insert(1, ("gone".into(), gone.to_string()));
    bodies.insert(3, ("poison".into(), "nonsense".into()));
    let failed = json!([{"itemIdentifier": "gone"}, {"itemIdentifier": "poison"}]);
    assert_eq!(function.call(of_sqs(bodies)).unwrap()["batchItemFailures"], failed);
    let unique = i64::try_from(logs::RECORDS - logs::DUPLICATES).unwrap();
    assert_eq!(count(&emulator, "select count(*) from cloudtrail"), unique);
    let error = function.call(gone).unwrap_err();
    assert_eq!(error["errorType"], "Trailhound.Objects", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("gone.json.gz"), "{error}");
}

/// What is not begun in time goes back, and is read by the next call.
#[tokio::test]
async fn the_time_is_up() {
    let Some(emulator) = Emulator::start() else { return };
    let keys = fill(&emulator).await;
    let function = Function::start(&mut bootstrap(&emulator), 512);
    let bodies = || keys.iter().map(|key| (key.clone(), of_s3(key).to_string()));
    let all = bodies().map(|(id, _)| json!({"itemIdentifier": id})).collect::<Vec<_>>();
    let answer = function.call_for(of_sqs(bodies()), Duration::from_millis(2)).unwrap();
    let logs = all.iter().filter(|item| !item["itemIdentifier"].as_str().unwrap().contains("Digest"));
    assert_eq!(answer["batchItemFailures"], json!(logs.collect::<Vec<_>>()));
    assert_eq!(function.call(of_sqs(bodies())).unwrap()["batchItemFailures"], json!([]));
    let unique = i64::try_from(logs::RECORDS - logs::DUPLICATES).unwrap();
    assert_eq!(count(&emulator, "select count(*) from cloudtrail"), unique);
}

/// A file that is too large for the function is no bad file: with more memory it is read.
#[tokio::test]
async fn too_large_for_the_memory() {
    let Some(emulator) = Emulator::start() else { return };
    let bucket = Bucket::make(&emulator, "logs").await;
    Bucket::make(&emulator, "lake").await;
    let records = (0..60_000).map(logs::record).collect::<Vec<_>>().join(",");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(format!("{{\"Records\":[{records}]}}").as_bytes()).unwrap();
    let key = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/large.json.gz";
    bucket.put(key, gzip.finish().unwrap()).await;
    let small = Function::start(&mut bootstrap(&emulator), 128);
    let error = small.call(of_s3(key)).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("give the function more memory"), "{error}");
    let large = Function::start(&mut bootstrap(&emulator), 512);
    assert_eq!(large.call(of_s3(key)).unwrap()["written"], 60_000);
}

/// What must not be stored is not stored by the function either.
#[tokio::test]
async fn the_function_redacts() {
    let Some(emulator) = Emulator::start() else { return };
    let keys = fill(&emulator).await;
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("trailhound.toml");
    std::fs::write(&settings, "[[privacy.rules]]\nfields = [\"sourceIPAddress\"]\naction = \"drop\"\n")
        .unwrap();
    let function = Function::start(bootstrap(&emulator).env("TRAILHOUND_CONFIG", &settings), 512);
    for key in &keys {
        function.call(of_s3(key)).unwrap();
    }
    assert_eq!(count(&emulator, "select count(*) from cloudtrail where sourceIPAddress is not null"), 0);
    assert!(count(&emulator, "select count(*) from cloudtrail") > 0);
    std::fs::write(&settings, "[privacy]\nrules = 7\n").unwrap();
    let function = Function::start(bootstrap(&emulator).env("TRAILHOUND_CONFIG", &settings), 512);
    let error = function.call(of_s3(&keys[0])).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("trailhound.toml"), "{error}");
}

#[tokio::test]
async fn verbs_are_scheduled() {
    let Some(emulator) = Emulator::start() else { return };
    fill(&emulator).await;
    let ingest = ["ingest", "s3://logs/", "--report", "json", "--lake", LAKE];
    assert_eq!(json(trailhound(ingest).envs(emulator.environment()))["records_read"], logs::RECORDS);
    for verb in ["detect", "lake compact", "lake vacuum"] {
        let mut command = trailhound([""; 0]);
        command.envs(emulator.environment()).env("TRAILHOUND_LAKE", LAKE).env("TRAILHOUND_LAMBDA", verb);
        let function = Function::start(&mut command, 1024);
        // Whatever the event says, and twice.
        for event in [json!({"args": ["sql"]}), json!({})] {
            assert_eq!(function.call(event), Ok(json!({"outcome": "done"})), "{verb}");
        }
    }
    let mut command = trailhound([""; 0]);
    command.envs(emulator.environment()).env("TRAILHOUND_LAKE", LAKE).env("TRAILHOUND_LAMBDA", "sql");
    let error = Function::start(&mut command, 1024).call(json!({})).unwrap_err();
    assert!(error["errorMessage"].as_str().unwrap().contains("one of detect"), "{error}");
}
