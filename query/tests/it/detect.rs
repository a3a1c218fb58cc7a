//! `trailhound detect`: each finding once, whatever comes late, twice, or at the same time.

use crate::product::{json, number, run, text, trailhound};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use trailhound::detect::finding::Finding;
use trailhound::detect::notify::{Notify, Refused, Trouble, deliver};
use trailhound_ingest::lake::Lake;

/// A lake, and a folder of two rules of ours.
struct Scene {
    dir: tempfile::TempDir,
}

const DELETED: &str = r#"
id = "bucket_deleted"
title = "Bucket deleted"
kind = "match"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = "r"
events = ["s3:DeleteBucket"]
alert = "{actor} deleted {bucket}"
dedup = { by = ["bucket"], for = "1h" }
[fields]
bucket = "requestParameters.bucketName"
[[test]]
name = "deleted"
fires = true
events = '{}'
[[test]]
name = "denied"
fires = false
events = '{"errorCode": "AccessDenied"}'
"#;

const MANY: &str = r#"
id = "many_read"
title = "Many read"
kind = "threshold"
severity = "high"
status = "stable"
version = 1
description = "d"
runbook = "r"
events = ["s3:GetObject"]
alert = "{actor} read {count} objects in {window}"
[threshold]
count = 5
within = "10m"
by = ["actor"]
distinct = "requestParameters.key"
[[test]]
name = "five"
fires = true
events = '{"_repeat": 5, "requestParameters": {"key": "k{i}"}}'
[[test]]
name = "the same five times"
fires = false
events = '{"_repeat": 5, "requestParameters": {"key": "k"}}'
"#;

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("rules/test");
        std::fs::create_dir_all(&rules).unwrap();
        std::fs::write(rules.join("bucket_deleted.toml"), DELETED).unwrap();
        std::fs::write(rules.join("many_read.toml"), MANY).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Ingests one event for each (name, key, minute).
    fn ingest(&self, file: &str, events: &[(&str, &str, u32)]) {
        let records = events.iter().map(|&(name, key, minute)| event(name, key, minute)).collect::<Vec<_>>();
        let log = self.path(file);
        std::fs::write(&log, json!({ "Records": records }).to_string()).unwrap();
        let output = run(trailhound(["ingest"]).arg(&log).arg("--lake").arg(self.path("lake")));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = trailhound(["detect", "--lake"]);
        command.arg(self.path("lake")).arg("--rules").arg(self.path("rules")).args(more);
        command
    }

    fn report(&self) -> Value {
        json(&mut self.command(&["--report", "json"]))
    }

    /// Alerts of a run, in the order of time.
    fn alerts(&self) -> Vec<String> {
        let findings = json(&mut self.command(&["--format", "json"]));
        findings.as_array().unwrap().iter().map(|f| f["alert"].as_str().unwrap().to_owned()).collect()
    }

    fn stored(&self) -> i64 {
        number(
            trailhound(["sql", "select count(*) from findings", "--format", "csv", "--lake"])
                .arg(self.path("lake")),
        )
    }
}

fn event(name: &str, key: &str, minute: u32) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada", "userName": "ada"},
        "eventTime": format!("2026-03-17T{:02}:{:02}:00Z", 9 + minute / 60, minute % 60),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.1",
        "requestParameters": {"bucketName": key, "key": key},
        "eventID": format!("{name}-{key}-{minute}"),
        "recipientAccountId": "111122223333",
    })
}

#[test]
fn a_second_run_finds_nothing() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("DeleteBucket", "x", 0), ("DeleteBucket", "x", 30), ("DeleteBucket", "y", 1)]);
    assert_eq!(
        scene.alerts(),
        ["arn:aws:iam::111122223333:user/ada deleted x", "arn:aws:iam::111122223333:user/ada deleted y"]
    );
    let again = scene.report();
    assert_eq!((&again["findings"], &again["files"]), (&json!(0), &json!(0)), "{again}");
    assert_eq!(scene.stored(), 2);
}

#[test]
fn what_goes_on_is_told_once_and_what_comes_back_again() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("DeleteBucket", "x", 60)]);
    assert_eq!(scene.alerts().len(), 1);
    // Half an hour later, half an hour earlier (late), and two hours later.
    scene.ingest(
        "b.json",
        &[("DeleteBucket", "x", 90), ("DeleteBucket", "x", 30), ("DeleteBucket", "x", 180)],
    );
    let report = scene.report();
    assert_eq!((&report["findings"], &report["repeated"]), (&json!(1), &json!(2)), "{report}");
    let query = "select firsttime from findings order by firsttime desc limit 1";
    let newest =
        text(&run(trailhound(["sql", query, "--format", "csv", "--lake"]).arg(scene.path("lake"))).stdout);
    assert!(newest.contains("2026-03-17T12:00:00"), "{newest}");
}

#[test]
fn two_halves_of_a_threshold_meet() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("GetObject", "k1", 0), ("GetObject", "k2", 1), ("GetObject", "k3", 2)]);
    assert!(scene.alerts().is_empty());
    // Earlier events come later; the same key does not count twice.
    scene.ingest("b.json", &[("GetObject", "k1", 3), ("GetObject", "k0", 1), ("GetObject", "k4", 0)]);
    assert_eq!(scene.alerts(), ["arn:aws:iam::111122223333:user/ada read 5 objects in 10m"]);
    // More of the same is the same.
    scene.ingest("c.json", &[("GetObject", "k9", 5)]);
    assert!(scene.alerts().is_empty());
    assert_eq!(scene.stored(), 1);
}

#[test]
fn late_events_say_so() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("DeleteBucket", "x", 300)]);
    scene.alerts();
    scene.ingest("b.json", &[("DeleteBucket", "y", 0), ("DeleteBucket", "z", 301)]);
    let findings = json(&mut scene.command(&["--format", "json"]));
    let late = findings.as_array().unwrap().iter().map(|f| f["late"].as_bool().unwrap()).collect::<Vec<_>>();
    assert_eq!(late, [true, false], "{findings}");
}

#[test]
fn detectors_at_once_store_each_finding_once() {
    let scene = Scene::new();
    let events = (0..20).map(|n| format!("b{n}")).collect::<Vec<_>>();
    scene.ingest("a.json", &events.iter().map(|key| ("DeleteBucket", key.as_str(), 0)).collect::<Vec<_>>());
    let runs = [(); 3].map(|()| scene.command(&["--report", "json"]).spawn().unwrap());
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(scene.stored(), 20);
}

#[test]
fn exit_codes_are_as_documented() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("DeleteBucket", "x", 0)]);
    assert_eq!(run(&mut scene.command(&["--fail-on", "medium"])).status.code(), Some(0), "it is low");
    scene.ingest("b.json", &[("DeleteBucket", "y", 0)]);
    assert_eq!(run(&mut scene.command(&["--fail-on", "low"])).status.code(), Some(1));
    let nowhere = run(trailhound(["detect", "--lake"]).arg(scene.path("none")));
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(text(&nowhere.stderr).starts_with("error: no lake at"), "{}", text(&nowhere.stderr));
    let topic = run(&mut scene.command(&["--sns-topic", "alerts"]));
    assert_eq!(topic.status.code(), Some(2));
    assert!(text(&topic.stderr).contains("is not the ARN of an SNS topic"), "{}", text(&topic.stderr));
}

/// A destination that is down, and then is not.
struct Flaky {
    calls: AtomicUsize,
    is_up: AtomicBool,
}

#[async_trait::async_trait]
impl Notify for Flaky {
    fn destination(&self) -> &'static str {
        "flaky"
    }

    async fn send(&self, finding: &Finding, _: Option<&str>) -> Result<String, Refused> {
        self.calls.fetch_add(1, Relaxed);
        let refused = || Refused::new("down", Trouble::Message);
        if self.is_up.load(Relaxed) { Ok(finding.id.clone()) } else { Err(refused()) }
    }
}

#[tokio::test]
async fn a_destination_that_is_down_is_left_alone_and_forgets_nothing() {
    let scene = Scene::new();
    let keys = (0..30).map(|n| format!("b{n}")).collect::<Vec<_>>();
    scene.ingest("a.json", &keys.iter().map(|key| ("DeleteBucket", key.as_str(), 0)).collect::<Vec<_>>());
    assert_eq!(scene.alerts().len(), 30);
    let lake = Lake::open(&scene.path("lake").to_string_lossy()).await.unwrap();
    let flaky = Flaky { calls: 0.into(), is_up: false.into() };
    let down = deliver(&lake, &flaky, &[]).await.unwrap();
    assert_eq!((down.sent, down.unsent, down.problem.as_deref()), (0, 30, Some("down")));
    assert_eq!(flaky.calls.load(Relaxed), 3, "it was asked on and on");
    flaky.is_up.store(true, Relaxed);
    let up = deliver(&lake, &flaky, &[]).await.unwrap();
    assert_eq!((up.sent, up.unsent, up.problem), (30, 0, None));
    assert_eq!(deliver(&lake, &flaky, &[]).await.unwrap().sent, 0, "nothing is sent twice");
}

#[test]
fn an_attackers_text_cannot_drive_the_terminal() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("DeleteBucket", "\u{1b}[2J\u{9b}31m\nx", 0)]);
    let shown = text(&run(&mut scene.command(&[])).stdout);
    assert!(shown.contains("deleted \\u{1b}[2J") && !shown.contains('\u{1b}'), "{shown:?}");
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(bound)).unwrap()
    }
}

/// Whether some window of ten minutes has five different keys: the rule `many_read`, in the simplest way.
fn is_many(reads: &[(u32, u32)]) -> bool {
    reads.iter().any(|&(end, _)| {
        let window = reads.iter().filter(|&&(minute, _)| minute <= end && minute + 10 >= end);
        window.map(|&(_, key)| key).collect::<std::collections::BTreeSet<_>>().len() >= 5
    })
}

/// However events are spread over runs, and in whatever order they come, those are found who read many, each once.
#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut dice = Dice(7);
    for case in 0..6 {
        let scene = Scene::new();
        let mut reads = std::collections::BTreeMap::<u32, Vec<(u32, u32)>>::new();
        let mut found = Vec::new();
        for round in 0..3 {
            let events = (0..14).map(|number| {
                let (who, minute, key) = (dice.below(4), dice.below(60), dice.below(7));
                reads.entry(who).or_default().push((minute, key));
                let mut event = event("GetObject", &format!("k{key}"), minute);
                event["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/u{who}"));
                event["eventID"] = json!(format!("{round}-{number}"));
                event
            });
            let log = scene.path(&format!("{round}.json"));
            std::fs::write(&log, json!({ "Records": events.collect::<Vec<_>>() }).to_string()).unwrap();
            run(trailhound(["ingest"]).arg(&log).arg("--lake").arg(scene.path("lake")));
            let findings = json(&mut scene.command(&["--format", "json"]));
            found
                .extend(findings.as_array().unwrap().iter().map(|f| f["actor"].as_str().unwrap().to_owned()));
        }
        found.sort();
        let many = reads.iter().filter(|(_, reads)| is_many(reads));
        let expected = many.map(|(who, _)| format!("arn:aws:iam::111122223333:user/u{who}"));
        assert_eq!(found, expected.collect::<Vec<_>>(), "case {case}: {reads:?}");
    }
}

#[test]
fn the_folder_of_rules_can_be_the_projects_own() {
    let scene = Scene::new();
    scene.ingest("a.json", &[("DeleteBucket", "x", 0)]);
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../detections");
    let report = json(
        trailhound(["detect", "--report", "json", "--rules"])
            .arg(rules)
            .arg("--lake")
            .arg(scene.path("lake")),
    );
    assert!(report["rules"].as_u64().unwrap() >= 24, "{report}");
}
