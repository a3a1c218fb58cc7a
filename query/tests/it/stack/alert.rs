//! From a log file to an alert.

use super::{Cloud, deploy};
use crate::aws::{TOLD, told};
use crate::bucket::Bucket;
use crate::ground::files;
use crate::product::trailhound;
use std::collections::BTreeSet;

/// The sample logs come in, and their findings come out at the queue that is subscribed to the topic.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_log_file_to_an_alert() {
    let Some(cloud) = Cloud::start() else { return };
    let stack = cloud.stack_of_topic("trailhound", &["FindingsQueue=true"]);
    let bucket = Bucket::of(&cloud.emulator, "logs").await;
    let sample = deploy().join("../sample-logs/AWSLogs");
    for file in files(&sample) {
        let key = format!("AWSLogs/{}", file.strip_prefix(&sample).unwrap().display());
        bucket.put(&key, std::fs::read(&file).unwrap()).await;
    }
    cloud.wait(stack.output("QueueUrl"), |depth| depth == (0, 0)).await;
    let answer = cloud.drive(&["invoke", "trailhound-detect"]);
    assert_eq!(answer["answer"]["outcome"], "done", "{answer}");
    let sql = ["sql", TOLD, "--format", "json", "--lake", stack.output("LakeUrl")];
    let findings = told(trailhound(sql).envs(cloud.emulator.environment()));
    let alerts = cloud.drive(&["receive", stack.output("FindingsQueueUrl"), "60", &findings.to_string()]);
    let ids = alerts.as_array().unwrap().iter().map(|alert| alert["body"].as_str().unwrap().to_owned());
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), usize::try_from(findings).unwrap());
    assert!(findings > 10, "{findings}");
}
