//! Every way on which the news of a log object comes to the function.
//!
//! The emulator delivers on all of them. What it does not do is write as a trail: `CreateTrail` neither puts log objects nor
//! publishes them, so here the test puts them, and publishes what a trail does.

use super::{Cloud, PATIENCE, Said};
use crate::bucket::Bucket;
use crate::ground::files;
use crate::logs;
use aws_sdk_sns::Client;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Who tells, through what, to whom; and how many messages come that are no news. S3 tries a queue or a topic out by an
/// `s3:TestEvent` each time that notifications are set, a trail has a message of its own for that. Nobody tries Lambda.
const WAYS: [(&str, u64); 8] = [
    ("s3-sqs", 2),
    ("s3-sns-sqs", 1),
    ("s3-eventbridge-sqs", 0),
    ("trail-sns-sqs", 1),
    ("s3-lambda", 0),
    ("s3-sns-lambda", 1),
    ("s3-eventbridge-lambda", 0),
    ("trail-sns-lambda", 1),
];

/// Objects on each way, announced twice.
const OBJECTS: u64 = 20;
/// Objects in a message of a trail.
const IN_A_MESSAGE: u64 = 5;
/// Objects beside the poison, announced once.
const NEIGHBOURS: u64 = 10;
/// Times that the queue gives a message, in this test.
const RECEIVES: u64 = 2;

/// A log object: its key and its bytes.
type Object = (String, Vec<u8>);

/// A way, made ready.
struct Way {
    name: &'static str,
    tests: u64,
    bucket: Bucket,
    topic: String,
    lake: String,
    queue: Option<Queue>,
}

/// The queue between, where there is one.
struct Queue {
    url: String,
    arn: String,
    dead: String,
}

impl Way {
    /// By the template in each of its modes; a function without a queue is made like that of the stack `s3-sqs`, with a lake
    /// of its own beside `beside`.
    async fn make(cloud: &Cloud, (name, tests): (&'static str, u64), beside: &str) -> Self {
        let hub = name.split('-').nth(1).unwrap();
        let bucket = Bucket::of(&cloud.emulator, name).await;
        let named = format!("LogsBucketName={name}");
        let mut topic = String::new();
        if name != "s3-sqs" {
            let says = if name.starts_with("s3") && hub != "lambda" { hub } else { "none" };
            topic = text(&cloud.drive(&["central", name, says])["topic"]);
        }
        if name.ends_with("lambda") {
            let (lake, source) = (format!("{beside}-{name}"), if hub == "lambda" { "s3" } else { hub });
            cloud.drive(&["direct", name, source, "s3-sqs", &lake]);
            return Self { name, tests, bucket, topic, lake, queue: None };
        }
        let of_topic = format!("LogsTopicArn={topic}");
        let trail = "TrailArn=arn:aws:cloudtrail:us-east-1:000000000000:trail/main";
        let parameters = match name {
            "s3-sqs" => vec!["LogsBucketMode=new", trail],
            "s3-sns-sqs" => vec![of_topic.as_str()],
            "s3-eventbridge-sqs" => vec!["Notifications=eventbridge"],
            _ => vec!["Notifications=none"],
        };
        let stack = cloud.stack(name, &[&[named.as_str()], &parameters[..]].concat());
        let [lake, url, arn, dead] =
            ["LakeUrl", "QueueUrl", "QueueArn", "DlqUrl"].map(|output| stack.output(output).to_owned());
        if name == "trail-sns-sqs" {
            // As somebody subscribes who does not read the manual: SNS wraps what it delivers.
            cloud.drive(&["subscribe", &topic, "sqs", &arn]);
        }
        Self { name, tests, bucket, topic, lake, queue: Some(Queue { url, arn, dead }) }
    }

    fn is_of_trail(&self) -> bool {
        self.name.starts_with("trail")
    }

    fn function(&self) -> String {
        format!("{}-ingest", self.name)
    }

    fn said(&self, cloud: &Cloud) -> Said {
        cloud.said(&self.function())
    }

    /// What comes before any news.
    async fn try_out(&self, cloud: &Cloud, sns: &Client) {
        if self.is_of_trail() {
            self.publish(sns, "CloudTrail validation message.".to_owned()).await;
        } else {
            cloud.drive(&["again", self.name]);
        }
    }

    async fn publish(&self, sns: &Client, message: String) {
        sns.publish().topic_arn(&self.topic).message(message).send().await.unwrap();
    }

    /// Puts objects; a trail tells of so many in a message.
    async fn announce(&self, sns: &Client, objects: &[Object], in_a_message: u64) {
        for (key, body) in objects {
            self.bucket.put(key, body.clone()).await;
        }
        for some in objects.chunks(usize::try_from(in_a_message).unwrap()).filter(|_| self.is_of_trail()) {
            let keys = some.iter().map(|(key, _)| key).collect::<Vec<_>>();
            self.publish(sns, json!({"s3Bucket": self.name, "s3ObjectKey": keys}).to_string()).await;
        }
    }

    /// Announces all objects of `folder` twice.
    async fn announce_twice(&self, cloud: &Cloud, sns: &Client, folder: &Path) {
        if self.queue.is_none() && !self.is_of_trail() {
            cloud.drive(&["put", self.name, folder.to_str().unwrap(), "2", &self.function()]);
            return;
        }
        for _ in 0..2 {
            self.announce(sns, &objects(folder), IN_A_MESSAGE).await;
        }
    }

    /// Waits until all of that was worked on.
    async fn settle(&self, cloud: &Cloud) {
        if let Some(Queue { url, dead, .. }) = &self.queue {
            cloud.wait(url, |depth| depth == (0, 0)).await;
            cloud.wait(dead, |depth| depth == (0, 0)).await;
            return;
        }
        let each = if self.is_of_trail() { IN_A_MESSAGE } else { 1 };
        let calls = 2 * OBJECTS / each + self.tests;
        let began = Instant::now();
        while self.said(cloud).calls < calls {
            assert!(began.elapsed() < PATIENCE, "{}: {:?}", self.name, self.said(cloud));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The log objects of a folder, in order.
fn objects(root: &Path) -> Vec<Object> {
    let key = |file: &Path| file.strip_prefix(root).unwrap().display().to_string();
    let mut all =
        files(root).iter().map(|file| (key(file), std::fs::read(file).unwrap())).collect::<Vec<_>>();
    all.sort();
    all
}

/// On each way, objects that are announced twice are in its lake once, test events are ignored, and nothing is left over.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_way_it_comes() {
    let Some(cloud) = Cloud::start() else { return };
    let sns = Client::new(&cloud.emulator.config().await);
    let dir = tempfile::tempdir().unwrap();
    let folder = logs::write_first(OBJECTS, dir.path());
    let mut ways = Vec::<Way>::new();
    for way in WAYS {
        let beside = ways.first().map(|first| first.lake.clone()).unwrap_or_default();
        ways.push(Way::make(&cloud, way, &beside).await);
    }
    for way in &ways {
        way.try_out(&cloud, &sns).await;
        way.announce_twice(&cloud, &sns, folder).await;
    }
    for way in &ways {
        way.settle(&cloud).await;
        cloud.holds(&way.lake, logs::unique(OBJECTS));
        let Said { read, failed, again, ignored, .. } = way.said(&cloud);
        assert_eq!((read, failed, again), (OBJECTS, 0, 0), "{}", way.name);
        assert_eq!(ignored, way.tests, "{}", way.name);
    }
    let old = objects(folder).len();
    let more = objects(logs::write_first(OBJECTS + NEIGHBOURS, dir.path()));
    poison(&cloud, &sns, &ways, &more[old..]).await;
}

/// In each queue, an object that is gone ends in the dead-letter queue alone; its neighbours are read at the first time of
/// asking, and never handed out again.
async fn poison(cloud: &Cloud, sns: &Client, ways: &[Way], neighbours: &[Object]) {
    const GONE: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/gone.json.gz";
    let queues = ways.iter().filter_map(|way| Some((way, way.queue.as_ref()?))).collect::<Vec<_>>();
    let gone = [(GONE.to_owned(), neighbours[0].1.clone())];
    // All messages wait before the first is taken, so that the poison is in a batch with others.
    for (way, queue) in &queues {
        cloud.drive(&["poll", &queue.arn, "off"]);
        cloud.drive(&["patience", &queue.url, "6", &RECEIVES.to_string()]);
        way.announce(sns, &gone, 1).await;
        way.bucket.delete(GONE).await;
        way.announce(sns, neighbours, 1).await;
    }
    let all = NEIGHBOURS + 1;
    for (_, queue) in &queues {
        cloud.wait(&queue.url, |depth| depth == (all, 0)).await;
    }
    let before = queues.iter().map(|(way, _)| way.said(cloud)).collect::<Vec<_>>();
    for (_, queue) in &queues {
        cloud.drive(&["poll", &queue.arn, "on"]);
    }
    for ((way, queue), before) in queues.iter().zip(before) {
        cloud.wait(&queue.dead, |depth| depth == (1, 0)).await;
        cloud.wait(&queue.url, |depth| depth == (0, 0)).await;
        let dead = cloud.drive(&["receive", &queue.dead, "5"]);
        assert!(dead.to_string().contains("gone.json.gz"), "{}: {dead}", way.name);
        let after = way.said(cloud);
        let read = before.read + NEIGHBOURS;
        let (failed, again) = (before.failed + RECEIVES, before.again + RECEIVES);
        assert_eq!(after, Said { read, failed, again, calls: after.calls, ..before }, "{}", way.name);
        cloud.holds(&way.lake, logs::unique(OBJECTS + NEIGHBOURS));
    }
}
