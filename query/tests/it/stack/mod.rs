//! What `deploy/template.yaml` deploys, in an emulator with our own binaries.

mod alert;
mod many;
mod news;

use crate::emulator::Emulator;
use crate::product::{number, trailhound};
use crate::python;
use crate::queue::waiting;
use aws_sdk_sqs::Client;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take: the machine may have more to do.
const PATIENCE: Duration = Duration::from_mins(10);

/// The emulator, and the Python that drives it.
struct Cloud {
    emulator: Emulator,
    python: PathBuf,
    /// Where the emulator unpacks functions, and forgets them.
    _scratch: TempDir,
}

/// What a stack gave out.
struct Stack {
    name: &'static str,
    outputs: Value,
}

/// What all calls of a function said together.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Said {
    /// Calls that came to an end.
    calls: u64,
    /// Objects that were read and committed.
    read: u64,
    /// Objects that the lake had, or got from another call.
    known: u64,
    /// Objects that could not be fetched.
    failed: u64,
    /// Messages that were handed back to the queue.
    again: u64,
    /// Test events, and checks of a topic.
    ignored: u64,
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

impl Cloud {
    /// Starts it, with the release where stacks look for it; `None` where the emulator cannot be installed.
    fn start() -> Option<Self> {
        let python = python::environment_of("stack", &deploy().join("tests/python/stack.txt"))?;
        let scratch = tempfile::tempdir().unwrap();
        let program = deploy().join("tests/emulator.py");
        let emulator = Emulator::launch(Command::new(&python).arg(program).env("TMPDIR", scratch.path()));
        let cloud = Self { emulator, python, _scratch: scratch };
        let folder = tempfile::tempdir().unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_trailhound"));
        let ingest = zip(folder.path(), "ingest.zip", &binary.with_file_name("bootstrap"));
        let scheduled = zip(folder.path(), "scheduled.zip", binary);
        cloud.drive(&["release", ingest.to_str().unwrap(), scheduled.to_str().unwrap()]);
        Some(cloud)
    }

    /// Lets `deploy/tests/stack.py` do something; gives the JSON that it prints, or that of each line.
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
            lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect()
        })
    }

    /// Makes a stack whose lake has no key of its own.
    fn stack(&self, name: &'static str, parameters: &[&str]) -> Stack {
        let template = deploy().join("template.yaml");
        let usual = ["BatchWindowSeconds=1", "LakeEncryption=AES256"];
        let made = ["create", name, template.to_str().unwrap()];
        Stack { name, outputs: self.drive(&[&made[..], &usual, parameters].concat()) }
    }

    /// Makes the bucket `logs`, whose topic a new stack is subscribed to.
    fn stack_of_topic(&self, name: &'static str, parameters: &[&str]) -> Stack {
        let central = self.drive(&["central", "logs", "sns"]);
        let topic = format!("LogsTopicArn={}", central["topic"].as_str().unwrap());
        self.stack(name, &[&["LogsBucketName=logs", &topic], parameters].concat())
    }

    async fn sqs(&self) -> Client {
        Client::new(&self.emulator.config().await)
    }

    /// Waits until `is_done` is true of the messages that wait in a queue, and of those that are being worked on.
    async fn wait(&self, url: &str, is_done: impl Fn((u64, u64)) -> bool) {
        let (began, sqs) = (Instant::now(), self.sqs().await);
        loop {
            let depth = waiting(&sqs, url).await;
            if is_done(depth) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{url}: {depth:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn count(&self, lake: &str, query: &str) -> i64 {
        let sql = ["sql", query, "--format", "csv", "--lake", lake];
        number(trailhound(sql).envs(self.emulator.environment()))
    }

    /// So many events are in a lake, and each of them once.
    fn holds(&self, lake: &str, events: u64) {
        let events = i64::try_from(events).unwrap();
        assert_eq!(self.count(lake, "select count(*) from cloudtrail"), events, "{lake}");
        assert_eq!(self.count(lake, "select count(distinct eventID) from cloudtrail"), events, "{lake}");
    }

    /// Adds up what the log of a function says.
    fn said(&self, function: &str) -> Said {
        let lines = self.drive(&["logs", function]);
        let mut said = Said::default();
        for line in lines.as_array().into_iter().flatten() {
            let Some(counters) = line["counters"].as_str() else { continue };
            let counters = serde_json::from_str::<Value>(counters).unwrap();
            said.calls += 1;
            said.read += counters["objects"].as_u64().unwrap();
            said.known += counters["objects_skipped"].as_u64().unwrap();
            said.failed += counters["objects_failed"].as_u64().unwrap();
            said.again += line["again"].as_u64().unwrap();
            said.ignored += line["ignored"].as_u64().unwrap();
        }
        said
    }
}

impl Stack {
    fn output(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.outputs))
    }

    /// The name of its function that ingests.
    fn ingest(&self) -> String {
        format!("{}-ingest", self.name)
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
