//! From a bucket into a lake in a bucket, against an emulator on loopback.

use crate::emulator::Emulator;
use crate::logs;
use crate::product::{json, number, run, text, trailhound};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use trailhound::rules::Pack;

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
    assert_eq!(first["get_requests"], logs::OBJECTS, "one GET for an object: {first}");

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
    assert_eq!(second["get_requests"], 0, "what `logfiles` knows is not fetched: {second}");
}

#[tokio::test]
async fn a_folder_and_a_bucket_in_one_run() {
    let Some(emulator) = Emulator::start() else { return };
    fill(&emulator).await;
    let dir = tempfile::tempdir().unwrap();
    let folder = logs::write(dir.path());
    let mut both = against(&emulator, ["ingest", "s3://logs/trail/", "--report", "json", "--lake"]);
    let both = json(both.arg(dir.path().join("lake")).arg(folder));
    assert_eq!(both["objects"], 2 * logs::OBJECTS, "{both}");
    assert_eq!(both["written"], logs::RECORDS - logs::DUPLICATES, "{both}");
    assert_eq!(both["get_requests"], logs::OBJECTS, "{both}");
}

/// Log objects of 40 days in two regions, with a digest for each and flow logs beside them.
async fn forty_days(s3: &aws_sdk_s3::Client) {
    s3.create_bucket().bucket("days").send().await.unwrap();
    let put = async |key: String| {
        let body = ByteStream::from_static(br#"{"Records":[]}"#);
        s3.put_object().bucket("days").key(key).body(body).send().await.unwrap();
    };
    for region in ["eu-west-1", "us-east-1"] {
        for day in 0..40 {
            let date = format!("2026/{:02}/{:02}", 1 + day / 28, 1 + day % 28);
            let account = "org/AWSLogs/o-abc/111122223333";
            put(format!("{account}/CloudTrail/{region}/{date}/a_{day}.json")).await;
            put(format!("{account}/CloudTrail-Digest/{region}/{date}/d_{day}.json")).await;
            put(format!("{account}/vpcflowlogs/{region}/{date}/f_{day}.log.gz")).await;
        }
    }
}

#[tokio::test]
async fn only_the_days_in_question_are_listed() {
    let Some(emulator) = Emulator::start() else { return };
    let config = aws_sdk_s3::config::Builder::from(&emulator.config().await).force_path_style(true).build();
    forty_days(&aws_sdk_s3::Client::from_conf(config)).await;
    let dir = tempfile::tempdir().unwrap();
    let range = ["--since", "2026-01-10", "--until", "2026-01-12"];
    let mut ingest = against(&emulator, ["ingest", "s3://days/org/", "--report", "json", "--lake"]);
    let report = json(ingest.arg(dir.path()).args(range));
    assert_eq!(report["objects"], 6, "{report}");
    assert_eq!(report["get_requests"], 6, "{report}");
    // org/, AWSLogs/, the organisation, the account, its CloudTrail folder, and one page for each region.
    assert_eq!(report["list_requests"], 7, "{report}");
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

/// A topic with a queue behind it: their clients, the topic's ARN and the queue's URL.
pub(crate) async fn topic_with_queue(emulator: &Emulator) -> (aws_sdk_sqs::Client, String, String) {
    let config = emulator.config().await;
    let (sns, sqs) = (aws_sdk_sns::Client::new(&config), aws_sdk_sqs::Client::new(&config));
    let topic = sns.create_topic().name("alerts").send().await.unwrap().topic_arn.unwrap();
    let queue = sqs.create_queue().queue_name("alerts").send().await.unwrap().queue_url.unwrap();
    let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let attributes =
        sqs.get_queue_attributes().queue_url(&queue).attribute_names(arn.clone()).send().await.unwrap();
    let arn = attributes.attributes.unwrap()[&arn].clone();
    sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn).send().await.unwrap();
    (sqs, topic, queue)
}

/// All messages in the queue, as SNS wraps them.
pub(crate) async fn drain(sqs: &aws_sdk_sqs::Client, queue: &str) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let received =
            sqs.receive_message().queue_url(queue).max_number_of_messages(10).send().await.unwrap();
        let batch = received.messages.unwrap_or_default();
        if batch.is_empty() {
            return messages;
        }
        for message in batch {
            messages.push(serde_json::from_str(message.body.as_deref().unwrap()).unwrap());
            let handle = message.receipt_handle.unwrap();
            sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await.unwrap();
        }
    }
}

/// The rule of each finding.
pub(crate) const TOLD: &str = "select rule from findings";

/// How many findings are sent, by the answer to [`TOLD`]: signals are not.
pub(crate) fn told(command: &mut Command) -> i64 {
    let pack = Pack::built_in().unwrap();
    let findings = json(command);
    let rules = findings.as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap());
    i64::try_from(rules.filter(|rule| !pack.get(rule).unwrap().signal).count()).unwrap()
}

#[tokio::test]
async fn each_finding_is_published_once() {
    let Some(emulator) = Emulator::start() else { return };
    let (sqs, topic, queue) = topic_with_queue(&emulator).await;
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs");
    run(trailhound(["ingest"]).arg(samples).arg("--lake").arg(&lake));
    let detect = |topic: &str| {
        json(against(&emulator, ["detect", "--report", "json", "--sns-topic", topic, "--lake"]).arg(&lake))
    };

    // A topic that is not there loses nothing: what was found is sent by the next run.
    let mut lost =
        against(&emulator, ["detect", "--sns-topic", "arn:aws:sns:us-east-1:000000000000:none", "--lake"]);
    let lost = run(lost.arg(&lake));
    assert_eq!(lost.status.code(), Some(2), "{}", text(&lost.stderr));
    assert!(text(&lost.stderr).contains("the next run tries again"), "{}", text(&lost.stderr));

    let first = detect(&topic);
    let findings = told(trailhound(["sql", TOLD, "--format", "json", "--lake"]).arg(&lake));
    assert_eq!((&first["findings"], first["sent"].as_i64()), (&Value::from(0), Some(findings)), "{first}");
    let messages = drain(&sqs, &queue).await;
    let bodies =
        messages.iter().map(|message| serde_json::from_str(message["Message"].as_str().unwrap()).unwrap());
    let bodies = bodies.collect::<Vec<Value>>();
    let ids =
        bodies.iter().map(|body| body["id"].as_str().unwrap()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!((ids.len(), bodies.len()), (usize::try_from(findings).unwrap(), ids.len()));
    for (message, body) in messages.iter().zip(&bodies) {
        let attribute = |name: &str| message["MessageAttributes"][name]["Value"].clone();
        assert_eq!(
            (attribute("rule"), attribute("severity")),
            (body["rule"].clone(), body["severity"].clone())
        );
        assert_eq!(
            (attribute("account"), attribute("region")),
            (body["account"].clone(), body["region"].clone())
        );
        assert!(!body["alert"].as_str().unwrap().contains("(unknown)"), "{body}");
        assert!(body["runbook"].is_string());
    }

    let second = detect(&topic);
    assert_eq!((&second["findings"], &second["sent"]), (&Value::from(0), &Value::from(0)), "{second}");
    assert!(drain(&sqs, &queue).await.is_empty());
}
