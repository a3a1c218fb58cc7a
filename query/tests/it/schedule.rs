//! Scheduled runs that overlap: `detect` beside `detect`, and `lake compact` beside both, in a folder and on S3.
//!
//! Each event of one name is a finding, so that what has to be found is known; log files come in between.

use crate::aws::{drain, topic_with_queue};
use crate::ground::Ground;
use crate::product::{number, run, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use trailhound::detect::finding::Finding;
use trailhound::detect::notify::{Delivered, Notify, Refused, deliver};
use trailhound_ingest::lake::{Lake, LakeTable};

/// Log files that are there when a round begins.
const ROUNDS: [usize; 5] = [4, 9, 15, 22, 30];

const RULE: &str = r#"
id = "object_written"
title = "Object written"
kind = "match"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = "r"
events = ["s3:PutObject"]
alert = "{actor} wrote an object"
dedup = { by = ["eventID"], for = "1h" }
[[test]]
name = "written"
fires = true
events = '{}'
[[test]]
name = "denied"
fires = false
events = '{"errorCode": "AccessDenied"}'
"#;

/// A folder with the rule.
fn rules() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("test")).unwrap();
    std::fs::write(dir.path().join("test/object_written.toml"), RULE).unwrap();
    dir
}

fn detect(ground: &Ground, lake: &str, rules: &Path, topic: Option<&str>) -> Command {
    let mut command = ground.product(&["detect", "--report", "json", "--lake", lake]);
    command.arg("--rules").arg(rules);
    if let Some(topic) = topic {
        command.args(["--sns-topic", topic]);
    }
    command
}

fn count(ground: &Ground, lake: &str, query: &str) -> i64 {
    number(&mut ground.product(&["sql", query, "--format", "csv", "--lake", lake]))
}

/// Starts them as close together as a machine can, and gives what each printed; all have to end well.
fn at_once(commands: Vec<Command>, what: &str) -> Vec<Value> {
    let start = |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = commands.into_iter().map(start).collect::<Vec<Child>>();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    let read = |output: std::process::Output| {
        assert_eq!(output.status.code(), Some(0), "{what}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    outputs.map(read).collect()
}

fn sum(reports: &[Value], name: &str) -> i64 {
    reports.iter().map(|report| report[name].as_i64().unwrap()).sum()
}

/// What the lake must hold by now: a finding for each event of the rule, once.
fn check_findings(ground: &Ground, lake: &str, what: &str) -> i64 {
    let expected = count(ground, lake, "select count(*) from cloudtrail where eventName = 'PutObject'");
    assert!(expected > 0);
    assert_eq!(count(ground, lake, "select count(*) from findings"), expected, "{what}: findings");
    assert_eq!(count(ground, lake, "select count(distinct id) from findings"), expected, "{what}: their ids");
    expected
}

/// Rounds of two detectors at once; `topic` is where they send what they find.
fn check_detectors(ground: &Ground, lake: &str, topic: Option<&str>) -> i64 {
    let rules = rules();
    let mut all = 0;
    for (round, files) in ROUNDS.into_iter().enumerate() {
        let what = format!("round {round}");
        run(&mut ground.ingest_first(files, lake));
        let two = [(); 2].map(|()| detect(ground, lake, rules.path(), topic));
        let reports = at_once(two.into(), &what);
        let found = check_findings(ground, lake, &what);
        assert_eq!(sum(&reports, "findings"), found - all, "{what}: each is told by one of them");
        if topic.is_some() {
            assert_eq!((sum(&reports, "sent"), sum(&reports, "unsent")), (found - all, 0), "{what}: sent");
        }
        all = found;
    }
    all
}

#[test]
fn detectors_overlap_in_a_folder() {
    let ground = Ground::in_folder(30);
    check_detectors(&ground, &ground.lake("overlap"), None);
}

#[test]
fn detectors_overlap_on_s3_and_send_each_finding_once() {
    let Some(ground) = Ground::on_s3(30) else { return };
    let emulator = ground.emulator().unwrap();
    let (sqs, topic, queue) = ground.wait(topic_with_queue(emulator));
    let lake = &ground.lake("overlap");
    let all = check_detectors(&ground, lake, Some(&topic));
    let messages = ground.wait(drain(&sqs, &queue));
    let id = |message: &Value| -> String {
        let body: Value = serde_json::from_str(message["Message"].as_str().unwrap()).unwrap();
        body["id"].as_str().unwrap().to_owned()
    };
    let ids = messages.iter().map(id).collect::<BTreeSet<_>>();
    assert_eq!((ids.len(), messages.len()), (usize::try_from(all).unwrap(), ids.len()), "messages");
    for column in ["*", "distinct findingid"] {
        let query = format!("select count({column}) from notifications where status = 'sent'");
        assert_eq!(count(&ground, lake, &query), all, "{query}");
    }
}

/// Rounds of two compactions and a detector, while the log files of the next round come in.
fn check_compactors(ground: &Ground) {
    let (rules, lake) = (rules(), &ground.lake("compacted"));
    run(&mut ground.ingest_first(ROUNDS[0], lake));
    for (round, &files) in ROUNDS.iter().enumerate().skip(1) {
        let what = format!("round {round}");
        let compact = || ground.product(&["lake", "compact", "--report", "json", "--lake", lake]);
        let detect = || detect(ground, lake, rules.path(), None);
        at_once(vec![compact(), compact(), detect(), ground.ingest_first(files, lake)], &what);
        at_once(vec![detect(), compact()], &what);
        check_findings(ground, lake, &what);
    }
    ground.check(lake, "compacted");
}

#[test]
fn compactions_and_a_detector_overlap_in_a_folder() {
    check_compactors(&Ground::in_folder(30));
}

#[test]
fn compactions_and_a_detector_overlap_on_s3() {
    let Some(ground) = Ground::on_s3(30) else { return };
    check_compactors(&ground);
}

/// A slow destination that keeps the ids it was sent.
#[derive(Default)]
struct Slow {
    ids: Mutex<Vec<String>>,
    /// A lake in which another run takes the turn, while the first finding is being sent.
    thief: Option<Lake>,
}

impl Slow {
    fn ids(&self) -> Vec<String> {
        let mut ids = self.ids.lock().unwrap().clone();
        ids.sort_unstable();
        ids
    }
}

#[async_trait::async_trait]
impl Notify for Slow {
    fn destination(&self) -> &'static str {
        "slow"
    }

    async fn send(&self, finding: &Finding, _: Option<&str>) -> Result<String, Refused> {
        let is_first = self.ids.lock().unwrap().is_empty();
        self.ids.lock().unwrap().push(finding.id.clone());
        tokio::time::sleep(Duration::from_millis(5)).await;
        if let Some(lake) = self.thief.as_ref().filter(|_| is_first) {
            let (table, app) = (LakeTable::Notifications, "send slow");
            let ours = lake.txn(table, app).await.unwrap();
            assert!(ours.is_some(), "who sends has taken the turn");
            // The thief has ended already: its turn lasts until the first microsecond of 1970.
            lake.commit_with_txn(table, vec![], app, ours, 1, "thief").await.unwrap();
        }
        Ok(finding.id.clone())
    }
}

/// A lake with findings that nobody was told of yet.
async fn untold(ground: &Ground) -> (Lake, usize) {
    let (rules, lake) = (rules(), ground.lake("untold"));
    run(&mut ground.ingest_first(6, &lake));
    run(&mut detect(ground, &lake, rules.path(), None));
    let found = check_findings(ground, &lake, "untold");
    (Lake::open(&lake).await.unwrap(), usize::try_from(found).unwrap())
}

fn check_sent(slow: &Slow, found: usize) {
    let ids = slow.ids();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), found, "each was sent");
    assert_eq!(ids.len(), found, "some were sent twice");
}

#[test]
fn of_two_that_send_one_waits() {
    let ground = Ground::in_folder(30);
    ground.wait(async {
        let (lake, found) = untold(&ground).await;
        let slow = Slow::default();
        let (one, two) = tokio::join!(deliver(&lake, &slow, &[]), deliver(&lake, &slow, &[]));
        let (one, two): (Delivered, Delivered) = (one.unwrap(), two.unwrap());
        check_sent(&slow, found);
        assert_eq!((one.sent + two.sent, one.unsent + two.unsent), (found, 0));
        assert!(one.sent == 0 || two.sent == 0, "they took turns: {} and {}", one.sent, two.sent);
    });
}

/// A run that stood still for too long finds its turn taken; what it sent counts, and it goes on with what is left.
#[test]
fn a_turn_that_was_lost_is_no_reason_to_send_twice() {
    let ground = Ground::in_folder(30);
    ground.wait(async {
        let (lake, found) = untold(&ground).await;
        let slow = Slow { thief: Some(lake.clone()), ..Slow::default() };
        let delivered = deliver(&lake, &slow, &[]).await.unwrap();
        check_sent(&slow, found);
        assert_eq!((delivered.sent, delivered.unsent), (found, 0));
    });
}
