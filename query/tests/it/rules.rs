//! The rules in the binary: each proves itself, and the catalogue tells of all.

use crate::product::{run, text, trailhound};
use std::collections::BTreeMap;
use std::path::Path;
use trailhound::Engine;
use trailhound::detect::harness;
use trailhound::rules::params::Values;
use trailhound::rules::statement::written;
use trailhound::rules::{Pack, Rule, catalogue, coverage};
use trailhound_ingest::lake::Lake;

/// Families that must be there, each with this many rules at least.
const FAMILIES: [&str; 4] = ["root", "region", "massdelete", "exfil"];

/// Terms of conditions that no test proves, in a hundred.
const MOST_UNPROVED: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_passes_its_own_tests() {
    let pack = Pack::built_in().unwrap();
    let rules = pack.picked(&[]).unwrap();
    let proofs = harness::prove(&rules).await.unwrap();
    let verdicts = proofs.iter().flat_map(|proof| &proof.verdicts).collect::<Vec<_>>();
    let failures = verdicts.iter().filter_map(|verdict| {
        Some(format!("{}: {:?}: {}", verdict.rule, verdict.test, verdict.failure.as_ref()?))
    });
    let failures = failures.collect::<Vec<_>>();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(verdicts.len() >= 2 * rules.len());
    let terms = proofs.iter().map(|proof| proof.terms).sum::<usize>();
    let unproved = proofs.iter().flat_map(|proof| &proof.unproved).collect::<Vec<_>>();
    assert!(unproved.len() * 100 < terms * MOST_UNPROVED, "{} of {terms}: {unproved:?}", unproved.len());
}

#[test]
fn the_families_that_were_asked_for_are_there() {
    let mut counts = BTreeMap::new();
    for rule in Pack::built_in().unwrap().rules() {
        *counts.entry(rule.family.clone()).or_insert(0) += 1;
    }
    for family in FAMILIES {
        assert!(counts.get(family).is_some_and(|&count| count >= 6), "{family}: {counts:?}");
    }
}

/// `TRAILHOUND_UPDATE=1 cargo test` writes the pages anew.
#[test]
fn the_catalogue_is_fresh() {
    is_fresh("README.md", |page, rules| catalogue::filled(page, rules).expect("the page has both marks"));
}

#[test]
fn the_coverage_page_is_fresh() {
    is_fresh("COVERAGE.md", |_, rules| coverage::page::page(rules));
}

/// Holds a page of `detections` against what `made` makes of it and of the rules.
fn is_fresh(name: &str, made: impl Fn(&str, &[Rule]) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../detections").join(name);
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let fresh = made(&page, Pack::built_in().unwrap().rules());
    if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    assert!(page == fresh, "detections/{name} is stale: run the tests once with TRAILHOUND_UPDATE=1");
}

/// A rule that finds one event name, with `more` before its tests.
fn rule_text(more: &str) -> String {
    format!(
        r#"
id = "bucket_deleted"
title = "Bucket deleted"
kind = "match"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = "Look at {{bucket}}."
events = ["s3:DeleteBucket"]
alert = "{{actor}} deleted {{bucket}}"
{more}
[fields]
bucket = "requestParameters.bucketName"
[[test]]
name = "deleted"
fires = true
events = '{{"requestParameters": {{"bucketName": "b"}}}}'
[[test]]
name = "denied"
fires = false
events = '{{"requestParameters": {{"bucketName": "b"}}, "errorCode": "AccessDenied"}}'
"#
    )
}

#[tokio::test]
async fn a_rule_that_is_broken_fails_its_tests() {
    let rule = Rule::parse("x/bucket_deleted.toml", &rule_text("")).unwrap();
    let verdicts = harness::test(&rule).await.unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.failure.is_none()), "{verdicts:?}");
    let broken = rule_text("outcome = \"any\"");
    let rule = Rule::parse("x/bucket_deleted.toml", &broken).unwrap();
    let failures = harness::test(&rule).await.unwrap().into_iter().filter_map(|verdict| verdict.failure);
    assert_eq!(failures.count(), 1, "the denied call is found now");
}

#[test]
fn what_is_wrong_with_a_rule_is_said_in_one_line() {
    let cases = [
        ("wher = 'true'", "line 12: unknown field `wher`\nhint: did you mean where?"),
        ("where = 'a) OR (b'", "where: "),
        ("where = 'actor = $nobody'", "$nobody is used, but not declared in [params]"),
        ("dedup = { by = [\"actr\"], for = \"1h\" }", "did you mean {actor}?"),
        ("dedup = { by = [\"actor\"], for = \"1 hour\" }", "\"1 hour\" is not a duration"),
        ("threshold = { count = 5, within = \"1h\", by = [] }", "need each other"),
        ("outcome = \"denied\"", "unknown variant `denied`"),
    ];
    for (more, expected) in cases {
        let error = Rule::parse("x/bucket_deleted.toml", &rule_text(more)).unwrap_err().to_string();
        assert!(error.starts_with("x/bucket_deleted.toml: ") && error.contains(expected), "{more}: {error}");
    }
    let error = Rule::parse("x/other.toml", &rule_text("")).unwrap_err().to_string();
    assert!(error.contains("the file is named other.toml"), "{error}");
}

#[tokio::test]
async fn what_sql_prints_runs_in_sql() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    run(trailhound(["ingest"]).arg(crate::logs::write(&dir.path().join("trail"))).arg("--lake").arg(&lake));
    let printed = text(&run(&mut trailhound(["rules", "sql", "s3_mass_object_delete"])).stdout);
    assert!(printed.contains("FROM cloudtrail"), "{printed}");
    let answer = run(trailhound(["sql", &printed, "--format", "ndjson", "--lake"]).arg(&lake));
    assert_eq!(answer.status.code(), Some(0), "{}", text(&answer.stderr));
    let engine = Engine::open(&Lake::open(&lake.to_string_lossy()).await.unwrap()).await.unwrap();
    for rule in Pack::built_in().unwrap().rules() {
        let statement = written(rule, &Values::new()).unwrap();
        engine.sql(&statement).await.unwrap_or_else(|error| panic!("{}: {error}\n{statement}", rule.id));
    }
}

#[test]
fn list_show_and_test_work() {
    let list = text(&run(&mut trailhound(["rules", "list", "--format", "csv"])).stdout);
    let count = Pack::built_in().unwrap().rules().len();
    assert_eq!(list.lines().count(), count + 1, "{list}");
    let shown = text(&run(&mut trailhound(["rules", "show", "root_console_login"])).stdout);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../detections/root/root_console_login.toml");
    assert_eq!(shown, std::fs::read_to_string(file).unwrap());
    let tested = run(&mut trailhound(["rules", "test", "root_console_login"]));
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested.stderr));
    let missing = run(&mut trailhound(["rules", "show", "root_console_logn"]));
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("hint: root_console_login"), "{}", text(&missing.stderr));
}

/// Rules with their tests; what is said of them has to hold.
const BEHAVIOUR: [&str; 2] = [
    // Who has watched for long enough knows that nobody ever did it.
    r#"
id = "bucket_deleted_first"
title = "First bucket deleted"
kind = "first_seen"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = "r"
alert = "{actor}"
events = ["s3:DeleteBucket"]
first_seen = { keys = ["actor"], learn = "14d" }
[[test]]
name = "other things were seen for twenty days"
fires = true
baseline = '{"_at": "-20d", "eventSource": "iam.amazonaws.com", "eventName": "ListUsers"}'
events = '{}'
[[test]]
name = "nothing was seen before"
fires = false
events = '{}'
[[test]]
name = "seen for ten days"
fires = false
baseline = '{"_at": "-10d", "eventSource": "iam.amazonaws.com", "eventName": "ListUsers"}'
events = '{}'
"#,
    // Whoever was told of a try is told that it has succeeded, and not the other way round.
    r#"
id = "bucket_deleted_or_not"
title = "Bucket deleted"
kind = "match"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = "r"
alert = "{actor}"
outcome = "any"
events = ["s3:DeleteBucket"]
where = "requestParameters.bucketName IS NOT NULL"
severity_when = [{ if = "errorCode IS NULL", severity = "high" }]
[[test]]
name = "it gets worse"
fires = true
events = '''
{"requestParameters": {"bucketName": "b"}, "errorCode": "AccessDenied"}
{"requestParameters": {"bucketName": "b"}, "_at": "1m", "_late": "2m"}
{"requestParameters": {"bucketName": "b"}, "_at": "2m", "_late": "3m"}
'''
expect = { findings = 2, severity = "low" }
[[test]]
name = "it does not"
fires = true
events = '''
{"requestParameters": {"bucketName": "b"}}
{"requestParameters": {"bucketName": "b"}, "errorCode": "AccessDenied", "_at": "1m", "_late": "2m"}
'''
expect = { findings = 1, severity = "high" }
[[test]]
name = "no bucket"
fires = false
events = '{}'
"#,
];

#[tokio::test]
async fn what_rules_tell_depends_on_what_was_seen() {
    let rules = BEHAVIOUR.map(|text| {
        let id = text.lines().nth(1).unwrap().trim_start_matches("id = ").trim_matches('"');
        Rule::parse(&format!("x/{id}.toml"), text).unwrap()
    });
    for proof in harness::prove(&rules.each_ref()).await.unwrap() {
        let failures = proof.verdicts.iter().filter(|verdict| verdict.failure.is_some()).collect::<Vec<_>>();
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(proof.unproved, [] as [&str; 0]);
    }
}
