//! Local policy and what looks at rules from outside: lint, tests of terms, backtest, coverage, a rule's beginning.

use crate::product::{json, run, text, trailhound};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output};
use trailhound::detect::harness;
use trailhound::rules::lint::lint;
use trailhound::rules::local::Local;
use trailhound::rules::{Kind, Pack, Rule, begin, coverage};

/// 2026-11-27.
const TODAY: i32 = 20_784;

const DELETED: &str = r#"
id = "bucket_deleted"
title = "Bucket deleted"
kind = "match"
severity = "high"
status = "stable"
version = 1
attack = ["TA0040/T1485"]
tags = ["cis:4.8"]
description = "d"
runbook = "Look at {bucket}."
events = ["s3:DeleteBucket"]
where = "coalesce(userIdentity.type, '') <> 'AWSService' AND NOT in_list(actor, $cleaners)"
alert = "{actor} deleted {bucket}"
dedup = { by = ["actor", "bucket"], for = "1h" }
[fields]
bucket = "requestParameters.bucketName"
[params]
cleaners = { type = "arn[]", default = [], doc = "d" }
[[test]]
name = "deleted"
fires = true
events = '{}'
[[test]]
name = "by a cleaner"
fires = false
params = { cleaners = ["arn:aws:iam::111122223333:user/alice"] }
events = '{}'
"#;

const READ: &str = r#"
id = "many_read"
title = "Many read"
kind = "threshold"
severity = "medium"
status = "stable"
version = 1
needs = ["data:s3"]
description = "d"
runbook = "r"
events = ["s3:GetObject"]
alert = "{actor} read {count} objects in {window}"
[threshold]
count = 5
within = "10m"
by = ["actor"]
[[test]]
name = "five"
fires = true
events = '{"_repeat": 5}'
[[test]]
name = "four"
fires = false
events = '{"_repeat": 4}'
"#;

/// A folder with two rules, and a lake.
struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("rules/test");
        std::fs::create_dir_all(&rules).unwrap();
        std::fs::write(rules.join("bucket_deleted.toml"), DELETED).unwrap();
        std::fs::write(rules.join("many_read.toml"), READ).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Ingests the deletion of these buckets, each by a user, a minute apart.
    fn deleted(&self, file: &str, buckets: &[(&str, &str)]) {
        let records = (0..).zip(buckets).map(|(minute, (user, bucket))| {
            json!({
                "eventVersion": "1.11", "eventSource": "s3.amazonaws.com", "eventName": "DeleteBucket",
                "eventTime": format!("2026-11-20T09:{minute:02}:00Z"), "awsRegion": "us-east-1",
                "eventID": format!("{file}-{minute}"), "eventType": "AwsApiCall", "eventCategory": "Management",
                "recipientAccountId": "111122223333",
                "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}")},
                "requestParameters": {"bucketName": bucket},
            })
        });
        let log = self.path(file);
        std::fs::write(&log, json!({ "Records": records.collect::<Vec<_>>() }).to_string()).unwrap();
        let output = run(trailhound(["ingest"]).arg(&log).arg("--lake").arg(self.path("lake")));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }

    /// A verb with the rules, the lake and a local policy.
    fn with(&self, verb: &[&str], policy: &str, more: &[&str]) -> Command {
        let local = self.path("detections.local.toml");
        std::fs::write(&local, policy).unwrap();
        let mut command = trailhound(verb);
        command.arg("--lake").arg(self.path("lake")).arg("--rules").arg(self.path("rules"));
        command.arg("--local").arg(local).args(more);
        command
    }
}

fn exception(predicate: &str, expires: &str) -> String {
    format!(
        "[[exception]]\nrule = \"bucket_*\"\nwhere = \"{predicate}\"\nreason = \"it's the pipeline\"\n\
         owner = \"platform\"\nexpires = {expires}\n"
    )
}

fn lines(output: &Output) -> String {
    text(&output.stderr)
}

#[test]
fn an_exception_hides_and_is_told_of() {
    let scene = Scene::new();
    scene.deleted("one.json", &[("terraform", "a"), ("terraform", "b"), ("ada", "c"), ("terraform", "c")]);
    let policy = exception("actor LIKE '%/terraform' AND bucket <> 'c'", "2099-12-31");
    let report = json(&mut scene.with(&["detect"], &policy, &["--report", "json"]));
    assert_eq!((&report["findings"], &report["hidden"]), (&json!(2), &json!(2)), "{report}");
    let again = json(&mut scene.with(&["detect"], &policy, &["--report", "json"]));
    assert_eq!((&again["findings"], &again["hidden"]), (&json!(0), &json!(0)));
    let list = json(&mut scene.with(&["rules", "exceptions"], &policy, &["--format", "json"]));
    let label = "bucket_*: it's the pipeline (platform, until 2099-12-31)";
    assert_eq!(
        list,
        json!([{
            "exception": label, "rule": "bucket_deleted", "findings": "2", "events": "2",
            "first": "2026-11-20T09:00:00Z", "last": "2026-11-20T09:01:00Z"
        }])
    );
    let none = json(&mut scene.with(
        &["rules", "exceptions"],
        &policy,
        &["--format", "json", "--since", "2026-11-21"],
    ));
    assert_eq!(none[0]["findings"], "0", "one that hides nothing is listed: {none}");
}

/// What was hidden must not stand for what happens when the exception has ended.
#[test]
fn an_expired_exception_hides_nothing_and_says_so() {
    let scene = Scene::new();
    scene.deleted("one.json", &[("terraform", "a")]);
    let hidden =
        json(&mut scene.with(&["detect"], &exception("bucket = 'a'", "2099-12-31"), &["--report", "json"]));
    assert_eq!(hidden["hidden"], 1);
    scene.deleted("two.json", &[("terraform", "a")]);
    let mut command =
        scene.with(&["detect"], &exception("bucket = 'a'", "2026-01-31"), &["--report", "json"]);
    let output = run(&mut command);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["findings"], &report["hidden"]), (&json!(1), &json!(0)), "{report}");
    let said = "the exception for bucket_* of platform (it's the pipeline) expired on 2026-01-31 and hides nothing any more";
    assert!(lines(&output).contains(said), "{}", lines(&output));
}

#[test]
fn an_exception_is_warned_of_before_it_ends() {
    let pack = pack();
    for (expires, expected) in [
        ("2026-11-26", Some("expired on 2026-11-26")),
        ("2026-11-27", Some("expires today")),
        ("2026-12-11", Some("expires in 14 days, on 2026-12-11")),
        ("2026-12-12", None),
    ] {
        let local = Local::parse("p.toml", &exception("actor = 'x'", expires)).unwrap();
        let applied = local.apply(&pack, TODAY).unwrap();
        match expected {
            Some(words) => assert!(applied.notices[0].contains(words), "{:?}", applied.notices),
            None => assert!(applied.notices.is_empty(), "{:?}", applied.notices),
        }
    }
}

/// The two rules of a scene.
fn pack() -> Pack {
    let scene = Scene::new();
    Pack::load(&[scene.path("rules")]).unwrap()
}

#[test]
fn a_policy_changes_rules_and_not_their_files() {
    let text = "[params]\ncleaners = [\"arn:aws:iam::111122223333:role/a\"]\n\
                [rule.many_read]\nseverity = \"low\"\nthreshold.count = 7\n\
                [rule.bucket_deleted]\nparams.cleaners = [\"arn:aws:iam::111122223333:role/b\"]\n";
    let applied = Local::parse("p.toml", text).unwrap().apply(&pack(), TODAY).unwrap();
    let [deleted, read] = &applied.rules[..] else { panic!("{applied:?}") };
    let threshold = read.rule.threshold.as_ref().unwrap();
    assert_eq!((read.rule.severity.name(), threshold.count, threshold.within.0), ("low", 7, 600));
    assert_eq!(deleted.set["cleaners"].shown(), "[\"arn:aws:iam::111122223333:role/b\"]");
    let off = Local::parse("p.toml", "[rule.many_read]\ndisabled = true\n").unwrap();
    assert_eq!(off.apply(&pack(), TODAY).unwrap().rules.len(), 1);
}

#[test]
fn what_is_wrong_with_a_policy_is_said_with_its_line() {
    let with = |more: &str| format!("[params]\n{more}");
    let cases = [
        (
            with("cleanrs = []"),
            "p.toml: line 2: params.cleanrs: no rule has such a param\nhint: did you mean cleaners?",
        ),
        (
            with("cleaners = [\"x\"]"),
            "p.toml: line 2: params.cleaners: \"x\" is not an ARN (rule bucket_deleted)",
        ),
        (with("cleaners = 1.5"), "p.toml: line 2: a value is a text"),
        ("[parms]\n".to_owned(), "p.toml: line 1: unknown field `parms`\nhint: did you mean params?"),
        (
            "[rule.many_raed]\n".to_owned(),
            "line 1: rule.many_raed: there is no such rule\nhint: did you mean many_read?",
        ),
        (
            "[rule.many_read]\nseverty = \"low\"\n".to_owned(),
            "line 2: unknown field `severty`\nhint: did you mean severity?",
        ),
        ("[rule.many_read]\nseverity = \"lo\"\n".to_owned(), "line 2: unknown variant `lo`"),
        (
            "[rule.bucket_deleted]\nthreshold.count = 3\n".to_owned(),
            "rule.bucket_deleted.threshold: the rule has no threshold",
        ),
        ("[rule.many_read]\nthreshold.count = 0\n".to_owned(), "it counts to 1 at least"),
        (
            "[rule.bucket_deleted]\nparams.cleaner = []\n".to_owned(),
            "line 2: rule.bucket_deleted.params.cleaner: the rule has no such param\nhint: did you mean cleaners?",
        ),
        (
            exception("buket = 'a'", "2099-12-31"),
            "line 3: exception: where: buket (did you mean bucket?) is no column, and no field of bucket_deleted",
        ),
        (exception("bucket = ", "2099-12-31"), "line 3: exception: where: "),
        (exception("actor = $x", "2099-12-31"), "$x is a param, which an exception cannot name"),
        (
            exception("true", "2099-12-31T00:00:00Z"),
            "line 6: exception: expires is not a date such as 2027-03-31",
        ),
        (
            exception("true", "2099-12-31").replace("bucket_*", "buckets_deleted"),
            "line 2: exception: there is no rule buckets_deleted\nhint: did you mean bucket_deleted?",
        ),
        (exception("true", "2099-12-31").replace("platform", " "), "line 5: exception: owner is empty"),
        (exception("true", "2099-12-31").replace("owner = \"platform\"\n", ""), "missing field `owner`"),
    ];
    for (policy, expected) in cases {
        let applied = Local::parse("p.toml", &policy).and_then(|local| local.apply(&pack(), TODAY));
        let error = applied.unwrap_err().to_string();
        assert!(error.starts_with("p.toml: line ") && error.contains(expected), "{policy}\n{error}");
    }
}

#[test]
fn the_pack_is_clean() {
    let remarks = Pack::built_in().unwrap().rules().iter().flat_map(lint).collect::<Vec<_>>();
    assert!(remarks.is_empty(), "{remarks:#?}");
    let output = run(&mut trailhound(["rules", "lint"]));
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), lines(&output));
}

#[test]
fn lint_says_where_and_exits_with_1() {
    let scene = Scene::new();
    let trap = DELETED.replace("coalesce(userIdentity.type, '') <>", "userIdentity.type <>");
    std::fs::write(scene.path("rules/test/bucket_deleted.toml"), trap).unwrap();
    let mut command = trailhound(["rules", "lint", "--rules"]);
    let output = run(command.arg(scene.path("rules")).args(["--format", "json"]));
    assert_eq!(output.status.code(), Some(1), "{}", lines(&output));
    let remarks: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(remarks.as_array().unwrap().len(), 1, "{remarks}");
    assert_eq!((&remarks[0]["code"], &remarks[0]["line"]), (&json!("null-trap"), &json!("13")), "{remarks}");
}

#[tokio::test]
async fn a_term_that_no_test_proves_is_named() {
    let rule = Rule::parse("test/bucket_deleted.toml", DELETED).unwrap();
    let proof = harness::prove(&[&rule]).await.unwrap().remove(0);
    assert!(proof.verdicts.iter().all(|verdict| verdict.failure.is_none()), "{:?}", proof.verdicts);
    assert_eq!(
        (proof.terms, proof.unproved),
        (2, vec!["coalesce(userIdentity.type, '') <> 'AWSService'".to_owned()])
    );
    let scene = Scene::new();
    let test = |more: &[&str]| {
        let mut command = trailhound(["rules", "test", "--rules"]);
        run(command.arg(scene.path("rules")).args(more))
    };
    assert_eq!(test(&[]).status.code(), Some(0));
    let strict = test(&["--strict"]);
    assert_eq!(strict.status.code(), Some(2));
    assert!(lines(&strict).contains("1 of 2 terms are not proved"), "{}", lines(&strict));
}

#[test]
fn a_backtest_stores_nothing_and_names_the_noise() {
    let scene = Scene::new();
    scene.deleted("one.json", &[("ada", "a"), ("terraform", "b"), ("terraform", "c"), ("terraform", "d")]);
    json(&mut scene.with(&["detect"], "", &["--report", "json"]));
    let backtest = |policy: &str, more: &[&str]| {
        let more = [&["--since", "2026-11-01"], more].concat();
        run(&mut scene.with(&["rules", "backtest"], policy, &more))
    };
    let output = backtest("", &["--format", "json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows[0]["findings"], "4", "what is known is found again: {rows}");
    assert_eq!(rows[0]["days"], "2026-11-20 4");
    assert_eq!(
        rows[0]["actors"],
        "arn:aws:iam::111122223333:user/terraform 3, arn:aws:iam::111122223333:user/ada 1"
    );
    assert_eq!(backtest("", &["--budget", "4/day"]).status.code(), Some(0));
    let over = backtest("", &["--budget", "3/day"]);
    assert_eq!(over.status.code(), Some(1), "{}", lines(&over));
    // What it suggests is a policy as it is.
    let printed = text(&backtest("", &[]).stdout);
    let policy = &printed[printed.find("[[exception]]").unwrap()..];
    assert!(policy.contains("where   = \"actor = 'arn:aws:iam::111122223333:user/terraform'\""), "{policy}");
    let cut = backtest(policy, &["--format", "json"]);
    let rows: Value = serde_json::from_slice(&cut.stdout).unwrap();
    assert_eq!((&rows[0]["findings"], &rows[0]["hidden"]), (&json!("1"), &json!("3")), "{rows}");
    let stored = json(
        trailhound(["sql", "select count(*) as n from findings", "--format", "json", "--lake"])
            .arg(scene.path("lake")),
    );
    assert_eq!(stored[0]["n"], 4);
}

#[test]
fn coverage_tells_of_techniques_controls_and_blind_rules() {
    let scene = Scene::new();
    scene.deleted("one.json", &[("ada", "a")]);
    let rows = json(&mut scene.with(&["rules", "coverage"], "", &["--format", "json"]));
    let row = |item: &str| rows.as_array().unwrap().iter().find(|row| row["item"] == item).cloned().unwrap();
    assert_eq!(row("TA0040/T1485")["rules"], json!(["bucket_deleted"]));
    assert_eq!((&row("4.8")["rules"], &row("4.1")["rules"]), (&json!(["bucket_deleted"]), &json!([])));
    assert_eq!(row("many_read")["about"], "it needs data:s3, and no such event was ever recorded");
    let by = json(&mut scene.with(&["rules", "coverage", "--by", "service"], "", &["--format", "json"]));
    let by = by.as_array().unwrap();
    assert!(by.iter().all(|row| row["part"] == "service"), "{by:?}");
    let named = by.iter().filter(|row| row["rules"] != json!([])).map(|row| row["item"].as_str().unwrap());
    assert_eq!(named.collect::<Vec<_>>(), ["S3"]);
    let blind = json(&mut scene.with(&["rules", "coverage", "--by", "blind"], "", &["--format", "json"]));
    assert_eq!(blind.as_array().unwrap().len(), 1, "{blind}");
    let layer = json(&mut scene.with(&["rules", "coverage"], "", &["--format", "navigator"]));
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert_eq!(layer["techniques"][0]["techniqueID"], "T1485");
    assert_eq!(layer["techniques"][0]["tactic"], "impact");
    let pack = pack();
    let never = coverage::blind(&pack.rules().iter().collect::<Vec<_>>(), &coverage::Recorded::default());
    assert_eq!(never[0].about, "no event of s3:DeleteBucket was ever recorded");
}

#[tokio::test]
async fn the_beginning_of_a_rule_passes_its_tests() {
    for kind in [Kind::Match, Kind::Threshold, Kind::Sequence, Kind::FirstSeen, Kind::Sql] {
        let text = begin::text("x_y", "fam", kind).unwrap();
        let rule = Rule::parse("fam/x_y.toml", &text).unwrap();
        let proof = harness::prove(&[&rule]).await.unwrap().remove(0);
        let failures = proof.verdicts.iter().filter(|verdict| verdict.failure.is_some()).collect::<Vec<_>>();
        assert!(
            failures.is_empty() && proof.unproved.is_empty(),
            "{kind:?}: {failures:?} {:?}",
            proof.unproved
        );
        assert_eq!(lint(&rule), [], "{kind:?}");
    }
}

#[test]
fn new_writes_a_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let new = |id: &str| run(trailhound(["rules", "new", id, "--family", "fam", "--rules"]).arg(dir.path()));
    assert_eq!(new("x_y").status.code(), Some(0));
    assert!(dir.path().join("fam/x_y.toml").is_file());
    let again = new("x_y");
    assert_eq!(again.status.code(), Some(2));
    assert!(lines(&again).contains("is there already"), "{}", lines(&again));
    assert_eq!(new("X-Y").status.code(), Some(2));
}
