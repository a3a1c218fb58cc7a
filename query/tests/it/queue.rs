//! `trailhound ingest QUEUE`: a worker, against an emulator of SQS on loopback.

use crate::bucket::Bucket;
use crate::emulator::Emulator;
use crate::ground::files;
use crate::logs;
use crate::product::{run, text, trailhound};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A queue that hides messages for 2 s and gives up on one after the second time; and its dead-letter queue.
async fn queues(sqs: &Client) -> (String, String) {
    let dead = sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let redrive =
        json!({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": "2"});
    let queue = sqs.create_queue().queue_name("news");
    let queue = queue.attributes(QueueAttributeName::VisibilityTimeout, "2");
    let queue = queue.attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
    (queue.send().await.unwrap().queue_url.unwrap(), dead)
}

/// Messages that wait, and those that somebody holds.
pub(crate) async fn waiting(sqs: &Client, url: &str) -> (u64, u64) {
    let all = sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let all = all.send().await.unwrap().attributes.unwrap();
    let number = |name| all[&name].parse::<u64>().unwrap();
    let waiting = number(QueueAttributeName::ApproximateNumberOfMessages);
    (waiting, number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible))
}

/// Every object is announced twice; poison ends in the dead-letter queue, and nothing else.
#[tokio::test]
async fn a_worker_takes_what_comes_until_it_is_stopped() {
    let Some(emulator) = Emulator::start() else { return };
    let sqs = Client::new(&emulator.config().await);
    let (queue, dead) = queues(&sqs).await;
    let logs_bucket = Bucket::make(&emulator, "logs").await;
    Bucket::make(&emulator, "lake").await;
    let send = async |body: String| {
        sqs.send_message().queue_url(&queue).message_body(body).send().await.unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let root = logs::write(dir.path());
    for file in files(root) {
        let key = file.strip_prefix(root).unwrap().display().to_string();
        logs_bucket.put(&key, std::fs::read(&file).unwrap()).await;
        for _ in 0..2 {
            send(json!({"s3Bucket": "logs", "s3ObjectKey": [key]}).to_string()).await;
        }
    }
    send("poison".into()).await;
    let mut worker = trailhound(["ingest", &queue, "--lake", "s3://lake/trailhound", "--report", "json"]);
    let worker =
        worker.envs(emulator.environment()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while waiting(&sqs, &queue).await != (0, 0) || waiting(&sqs, &dead).await.0 == 0 {
        assert!(began.elapsed() < Duration::from_mins(2), "{:?}", waiting(&sqs, &queue).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(waiting(&sqs, &dead).await, (1, 0));
    assert!(Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap().success());
    let output = worker.wait_with_output().unwrap();
    let report = serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert_eq!(report["records_read"], logs::RECORDS, "{report}");
    assert_eq!(report["duplicate"], logs::DUPLICATES, "{report}");
    assert!(text(&output.stderr).contains("is no JSON"), "{}", text(&output.stderr));
}

/// A queue that cannot be reached costs a line that says what, where and why, and one that says what to do.
#[test]
fn a_queue_that_does_not_answer() {
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = format!("http://127.0.0.1:{port}");
    let nobody = [("AWS_CONFIG_FILE", "/none"), ("AWS_SHARED_CREDENTIALS_FILE", "/none")];
    let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let somewhere = ("AWS_ENDPOINT_URL", closed.as_str());
    let far = ("AWS_ENDPOINT_URL_SQS", "http://192.0.2.1");
    let cases = [
        (vec![keys[0], keys[1], somewhere], "no answer from SQS: Connection refused", somewhere.1),
        (vec![somewhere], "there are no AWS credentials", "AWS_PROFILE"),
        (vec![keys[0], keys[1], far], "neither TLS nor loopback", far.1),
    ];
    for (environment, what, hint) in cases {
        let queue = "https://sqs.eu-west-1.amazonaws.com/111122223333/none";
        let mut worker = trailhound(["ingest", queue, "--lake"]);
        let output = run(worker.arg(dir.path().join("lake")).envs(nobody).envs(environment));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(what) && said.contains(hint), "{said}");
        assert!(said.lines().count() <= 2 && !said.contains("DispatchFailure"), "{said}");
    }
}
