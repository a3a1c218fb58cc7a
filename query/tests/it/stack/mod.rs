//! The stack of `deploy/template.yaml`, made in an emulator with our own binaries: from a log file to an alert.

use crate::bucket::Bucket;
use crate::emulator::Emulator;
use crate::ground::files;
use crate::logs;
use crate::product::{number, trailhound};
use crate::python;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the logs may take to get into the lake.
const PATIENCE: Duration = Duration::from_mins(4);

/// The emulator, the Python that drives it, and what the stack gave out.
struct Stack {
    emulator: Emulator,
    python: PathBuf,
    outputs: Value,
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

impl Stack {
    /// Makes it for the bucket `logs`, which was there before; `None` where the emulator cannot be installed.
    fn make(folder: &Path) -> Option<Self> {
        let python = python::environment_of("stack", &deploy().join("tests/python/stack.txt"))?;
        let emulator = Emulator::of(&python);
        let mut stack = Self { emulator, python, outputs: Value::Null };
        let central = stack.drive(&["central", "logs", "sns"]);
        let template = deploy().join("template.yaml");
        let binary = Path::new(env!("CARGO_BIN_EXE_trailhound"));
        let ingest = zip(folder, "ingest.zip", &binary.with_file_name("bootstrap"));
        let scheduled = zip(folder, "scheduled.zip", binary);
        let topic = format!("LogsTopicArn={}", central["topic"].as_str().unwrap());
        let paths = [template, ingest, scheduled].map(|path| path.to_str().unwrap().to_owned());
        let made = ["create", "trailhound", &paths[0], &paths[1], &paths[2], "LogsBucketName=logs", &topic];
        let more = ["FindingsQueue=true", "BatchSize=10", "BatchWindowSeconds=1", "LakeEncryption=AES256"];
        stack.outputs = stack.drive(&[&made[..], &more].concat());
        Some(stack)
    }

    /// Lets `deploy/tests/stack.py` do something; gives what it prints.
    fn drive(&self, args: &[&str]) -> Value {
        let output = Command::new(&self.python)
            .arg(deploy().join("tests/stack.py"))
            .args(args)
            .envs(self.emulator.environment())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            let lines = String::from_utf8(output.stdout).unwrap();
            lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
        })
    }

    fn output(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.outputs))
    }

    fn count(&self, query: &str) -> i64 {
        let sql = ["sql", query, "--format", "csv", "--lake", self.output("LakeUrl")];
        number(trailhound(sql).envs(self.emulator.environment()))
    }

    /// Waits until the queue of logs is empty.
    fn settle(&self) {
        let began = Instant::now();
        loop {
            let depth = self.drive(&["depth", self.output("QueueUrl")]);
            if depth["waiting"] == 0 && depth["in_flight"] == 0 {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{depth}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// A zip with the program as its `bootstrap`; stored, since nobody sends it anywhere.
fn zip(folder: &Path, name: &str, program: &Path) -> PathBuf {
    const WRITE: &str = "import sys, zipfile\n\
        info = zipfile.ZipInfo('bootstrap'); info.external_attr = 0o755 << 16\n\
        zipfile.ZipFile(sys.argv[1], 'w').writestr(info, open(sys.argv[2], 'rb').read())";
    let path = folder.join(name);
    let made = Command::new("python3").arg("-c").arg(WRITE).arg(&path).arg(program).status().unwrap();
    assert!(made.success());
    path
}

/// 200 objects at once, each twice, are in the lake once; poison ends in the dead-letter queue and holds up nothing;
/// findings come out at the queue that is subscribed to the topic.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_log_file_to_an_alert() {
    const OBJECTS: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let Some(stack) = Stack::make(dir.path()) else { return };
    let bucket = Bucket::of(&stack.emulator, "logs").await;
    let poison = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/gone.json.gz";
    let sqs = aws_sdk_sqs::Client::new(&stack.emulator.config().await);
    stack.drive(&["patience", stack.output("QueueUrl"), "2"]);
    let gone = format!(r#"{{"s3Bucket":"logs","s3ObjectKey":["{poison}"]}}"#);
    sqs.send_message().queue_url(stack.output("QueueUrl")).message_body(gone).send().await.unwrap();
    let root = logs::write_first(OBJECTS, dir.path());
    for file in files(&root.join("AWSLogs")) {
        let key = file.strip_prefix(root).unwrap().display().to_string();
        let body = std::fs::read(&file).unwrap();
        bucket.put(&key, body.clone()).await;
        bucket.put(&key, body).await;
    }
    stack.settle();
    assert_eq!(stack.drive(&["depth", stack.output("DlqUrl")])["waiting"], 1, "the poison and nothing else");
    let rows = i64::try_from(logs::unique(OBJECTS)).unwrap();
    assert_eq!(stack.count("select count(*) from cloudtrail"), rows);
    assert_eq!(stack.count("select count(distinct eventID) from cloudtrail"), rows);

    let sample = deploy().join("../sample-logs/AWSLogs");
    for file in files(&sample) {
        let key = format!("AWSLogs/{}", file.strip_prefix(&sample).unwrap().display());
        bucket.put(&key, std::fs::read(&file).unwrap()).await;
    }
    stack.settle();
    let answer = stack.drive(&["invoke", "trailhound-detect"]);
    assert_eq!(answer["answer"]["outcome"], "done", "{answer}");
    let findings = stack.count("select count(*) from findings");
    let alerts = stack.drive(&["receive", stack.output("FindingsQueueUrl"), "60", &findings.to_string()]);
    let ids = alerts.as_array().unwrap().iter().map(|alert| alert["body"].as_str().unwrap().to_owned());
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), usize::try_from(findings).unwrap());
    assert!(findings > 10, "{findings}");
}
