//! `detect`, killed between every pair of its steps: the findings are those of an undisturbed run, and so are the
//! messages, of which some may come twice with the same id.
//!
//! The events come in two lots: rules that learn must have learned the same after a kill, and what a run left half done
//! is done by the next one before it looks at anything else. `TRAILHOUND_TEST_STOP` lets a run stand still at a place, where it is killed with SIGKILL; the next run may end.
//! Messages are read from a queue that is subscribed to the topic.

use crate::aws::{drain, topic_with_queue};
use crate::dice::Dice;
use crate::emulator::Emulator;
use crate::product::{run, text};
use crate::waiting::{RULE, Waiting, deletion, event};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Findings of the first lot, more than are noted in one commit; and of both.
const FIRST: usize = 29;
const ALL: usize = 33;

/// Every place of a run, in order, and the messages around the commits that note what was sent.
const PLACES: [&str; 22] = [
    "evaluated",
    "activity_hourly-written",
    "activity_hourly-committed",
    "baselines-written",
    "baselines-committed",
    "findings-written",
    "findings-committed",
    "delivering",
    "turn-taken",
    "sending",
    "sent",
    "sending:2",
    "sent:25",
    "batch-sent",
    "notes-written",
    "noted",
    "sending:26",
    "sent:29",
    "batch-sent:2",
    "notes-written:2",
    "noted:2",
    "delivered",
];

/// Places at which nothing is committed that binds the next run to what this one had looked at.
const FREE: usize = 2;

const MANY: &str = r#"
id = "many_deleted"
title = "Many buckets deleted"
kind = "threshold"
severity = "high"
status = "stable"
version = 1
description = "d"
runbook = "r"
events = ["s3:DeleteBucket"]
alert = "{actor} deleted {count} buckets in {window}"
[threshold]
count = 20
within = "1h"
by = ["actor"]
[[test]]
name = "many"
fires = true
events = '{"_repeat": 20}'
[[test]]
name = "one"
fires = false
events = '{}'
"#;

const NEW: &str = r#"
id = "region_new"
title = "Region new"
kind = "first_seen"
severity = "medium"
status = "stable"
version = 1
description = "d"
runbook = "r"
events = ["s3:CreateBucket"]
alert = "{actor} came to {awsRegion}"
[first_seen]
keys = ["actor", "awsRegion"]
learn = "1h"
[[test]]
name = "another region after a while"
fires = true
events = '[{"awsRegion": "eu-west-1"}, {"_at": "2h", "awsRegion": "eu-west-2"}]'
[[test]]
name = "the same region"
fires = false
events = '[{"awsRegion": "eu-west-1"}, {"_at": "2h", "awsRegion": "eu-west-1"}]'
"#;

/// 27 deletions, which are many, and two creations, of which the second is in a region that is new.
fn first_lot() -> Vec<Value> {
    let mut lot = (0..27).map(|number| deletion(&format!("bucket-{number}"))).collect::<Vec<_>>();
    lot.extend([event("CreateBucket", "a", "eu-west-1", 5), event("CreateBucket", "b", "eu-west-2", 8)]);
    lot
}

/// Three more deletions, a region that is known by now, and one that is not.
fn second_lot() -> Vec<Value> {
    let mut lot = (27..30).map(|number| deletion(&format!("bucket-{number}"))).collect::<Vec<_>>();
    lot.extend([event("CreateBucket", "c", "eu-west-2", 10), event("CreateBucket", "d", "eu-west-3", 10)]);
    lot
}

/// Events, the emulator, and what an undisturbed run makes of them.
struct Ground {
    waiting: Waiting,
    emulator: Emulator,
    runtime: Runtime,
    sqs: aws_sdk_sqs::Client,
    topic: String,
    queue: String,
    findings: String,
    messages: BTreeMap<String, Value>,
}

impl Ground {
    fn new() -> Option<Self> {
        let emulator = Emulator::start()?;
        let runtime = Runtime::new().unwrap();
        let (sqs, topic, queue) = runtime.block_on(topic_with_queue(&emulator));
        let rules = [("bucket_deleted", RULE), ("many_deleted", MANY), ("region_new", NEW)];
        let waiting = Waiting::with(&rules, &first_lot());
        let (findings, messages) = (String::new(), BTreeMap::new());
        let mut ground = Self { waiting, emulator, runtime, sqs, topic, queue, findings, messages };
        ground.waiting.copy("undisturbed");
        ground.run("undisturbed");
        let first = ground.waiting.count("undisturbed", "select count(*) from findings");
        assert_eq!(first, i64::try_from(FIRST).unwrap());
        ground.waiting.ingest("undisturbed", &second_lot());
        ground.run("undisturbed");
        ground.findings = ground.waiting.findings("undisturbed");
        let (messages, twice) = ground.messages();
        assert_eq!((messages.len(), twice, ground.findings.lines().count()), (ALL, 0, ALL + 1));
        ground.messages = messages;
        Some(ground)
    }

    fn detect(&self, lake: &str) -> Command {
        let mut command = self.waiting.detect(lake, &["--report", "json", "--sns-topic", &self.topic]);
        // The turn of who was killed need not be waited for as long as outside of tests.
        command.envs(self.emulator.environment()).env("TRAILHOUND_TEST_TURN", "1500");
        command
    }

    /// A run that nobody disturbs.
    fn run(&self, lake: &str) {
        let output = run(&mut self.detect(lake));
        assert_eq!(output.status.code(), Some(0), "{lake}: {}", text(&output.stderr));
    }

    /// What came out since the last time, by id, and how many messages came more than once. What came twice is the same.
    fn messages(&self) -> (BTreeMap<String, Value>, usize) {
        let (mut by_id, mut twice) = (BTreeMap::new(), 0);
        for message in self.runtime.block_on(drain(&self.sqs, &self.queue)) {
            let mut body: Value = serde_json::from_str(message["Message"].as_str().unwrap()).unwrap();
            let id = body["id"].as_str().unwrap().to_owned();
            // It may have been found again by the run after a kill.
            body.as_object_mut().unwrap().remove("detectTime");
            if let Some(before) = by_id.insert(id, body.clone()) {
                assert_eq!(before, body);
                twice += 1;
            }
        }
        (by_id, twice)
    }

    /// Findings and messages are those of an undisturbed run, and each message is noted. Gives how many came twice.
    fn check(&self, lake: &str) -> usize {
        assert!(self.waiting.findings(lake) == self.findings, "{lake}: findings");
        let (messages, twice) = self.messages();
        assert!(messages == self.messages, "{lake}: {} messages", messages.len());
        let noted = "select count(distinct findingid) from notifications where status = 'sent'";
        assert_eq!(self.waiting.count(lake, noted), i64::try_from(ALL).unwrap(), "{lake}");
        twice
    }

    /// Lets a run get as far as `place`, and kills it there.
    fn kill_at(&self, lake: &str, place: &str) {
        let mut command = self.detect(lake);
        let command = command.env("TRAILHOUND_TEST_STOP", place).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.skip_while(|line| !line.contains("stopped at"));
        assert!(lines.next().is_some(), "{place}: it was not stopped");
        assert!(child.try_wait().unwrap().is_none(), "{place}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn killed_between_every_pair_of_steps() {
    let Some(ground) = Ground::new() else { return };
    let (mut all, began) = (0, Instant::now());
    for (number, place) in PLACES.into_iter().enumerate() {
        let lake = format!("killed-{number}");
        ground.waiting.copy(&lake);
        ground.kill_at(&lake, place);
        if number < FREE {
            ground.run(&lake);
        }
        ground.waiting.ingest(&lake, &second_lot());
        ground.run(&lake);
        let twice = ground.check(&lake);
        eprintln!("killed at {place}: {twice} of {ALL} messages came twice");
        // Only those between the sending and the noting.
        assert!(twice <= 25, "{place}");
        all += twice;
    }
    assert!(all > 0, "no kill came between a message and its note");
    eprintln!("{} kills, {:.1} s", PLACES.len(), began.elapsed().as_secs_f64());
}

/// Waves of two detectors that are killed at random instants, before two may end.
#[test]
fn two_detectors_killed_at_random() {
    let Some(ground) = Ground::new() else { return };
    let mut dice = Dice::new("two detectors", 6);
    let enough = std::env::var("TRAILHOUND_TEST_KILLS").map_or(24, |text| text.parse().unwrap());
    let began = Instant::now();
    ground.waiting.copy("timed");
    ground.run("timed");
    let span = u64::try_from(began.elapsed().as_micros()).unwrap() * 5 / 4;
    ground.messages();
    let (mut killed, mut lakes, mut all) = (0, 0, 0);
    while killed < enough {
        lakes += 1;
        let lake = format!("random-{lakes}");
        ground.waiting.copy(&lake);
        for _ in 0..3 {
            killed += kill_two(&ground, &lake, [(); 2].map(|()| dice.below(span)));
        }
        let start = || ground.detect(&lake).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        for child in [start(), start()] {
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{lake}: {}", text(&output.stderr));
        }
        ground.waiting.ingest(&lake, &second_lot());
        ground.run(&lake);
        all += ground.check(&lake);
    }
    let seconds = began.elapsed().as_secs_f64();
    eprintln!("{killed} kills, {lakes} lakes, {all} messages came twice, {seconds:.1} s");
}

/// Kills each of two after so many microseconds; how many were still alive.
fn kill_two(ground: &Ground, lake: &str, mut instants: [u64; 2]) -> usize {
    instants.sort_unstable();
    let began = Instant::now();
    let children = instants.map(|instant| {
        let child = ground.detect(lake).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        (instant, child)
    });
    let mut killed = 0;
    for (instant, mut child) in children {
        std::thread::sleep(Duration::from_micros(instant).saturating_sub(began.elapsed()));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    killed
}
