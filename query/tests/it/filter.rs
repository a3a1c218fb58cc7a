//! `--filter` with the real binary: what is kept, what is counted, and that a filter means what it means in SQL.

use crate::logs;
use crate::product::{json, number, run, text, trailhound};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn ingest(logs: &Path, lake: &Path, filters: &[&str]) -> Value {
    let filters = filters.iter().flat_map(|filter| ["--filter", filter]);
    json(trailhound(["ingest", "--report", "json"]).args(filters).arg(logs).arg("--lake").arg(lake))
}

fn count(lake: &Path, query: &str) -> u64 {
    let count = number(trailhound(["sql", query, "--format", "csv", "--lake"]).arg(lake));
    count.try_into().unwrap()
}

#[track_caller]
fn adds_up(report: &Value) {
    let of = |name: &str| report[name].as_u64().unwrap();
    let sum = of("written") + of("duplicate") + of("filtered") + of("quarantined");
    assert_eq!(of("records_read"), sum, "{report}");
}

/// Predicates that are SQL too.
const PREDICATES: [&str; 8] = [
    "eventName = 'GetObject' and readOnly = true",
    "eventSource in ('sts.amazonaws.com', 'ec2.amazonaws.com') or userIdentity.userName like 'a%'",
    "userIdentity.userName not like '%e%'",
    "not (recipientAccountId = '111122223333' or readOnly = false)",
    "errorCode is null and futureless is null",
    "awsRegion <> 'eu-west-1'",
    "eventCategory = 'Management' and userIdentity.type in ('IAMUser')",
    "managementEvent is not null",
];

#[test]
fn a_filter_keeps_what_the_same_words_select() {
    let dir = tempfile::tempdir().unwrap();
    let trail = logs::write_first(8, &dir.path().join("trail")).to_owned();
    let whole = dir.path().join("whole");
    ingest(&trail, &whole, &[]);
    for (number, predicate) in PREDICATES.iter().enumerate() {
        let predicate = predicate.replace(" and futureless is null", "");
        let lake = dir.path().join(number.to_string());
        let report = ingest(&trail, &lake, &[&predicate]);
        adds_up(&report);
        let expected = count(&whole, &format!("select count(*) from cloudtrail where {predicate}"));
        assert_eq!(report["written"], expected, "{predicate}: {report}");
        assert_eq!(count(&lake, "select count(*) from cloudtrail"), expected, "{predicate}");
        assert_eq!(report["filters"][0], predicate.as_str());
        let books = "select count(*) from logfiles where records_read = written + duplicate + filtered + quarantined and state = 'read'";
        assert_eq!(count(&lake, books), 8, "{predicate}");
        assert_eq!(report["filtered"], count(&lake, "select sum(filtered) from logfiles"), "{predicate}");
    }
}

#[test]
fn what_is_filtered_whole_is_read_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (trail, lake) = (logs::write_first(3, &dir.path().join("trail")).to_owned(), dir.path().join("lake"));
    let report = ingest(&trail, &lake, &["eventName = 'Nothing'"]);
    adds_up(&report);
    assert_eq!((&report["objects"], &report["written"]), (&3.into(), &0.into()));
    assert_eq!(report["filtered"], report["records_read"]);
    assert_eq!(count(&lake, "select count(*) from logfiles where firsteventtime is not null"), 3);
    assert_eq!(ingest(&trail, &lake, &[])["objects_skipped"], 3);
}

#[test]
fn all_filters_have_to_be_true() {
    let dir = tempfile::tempdir().unwrap();
    let trail = logs::write_first(2, &dir.path().join("trail")).to_owned();
    let both = ingest(&trail, &dir.path().join("a"), &["readOnly", "eventName = 'GetObject'"]);
    let one = ingest(&trail, &dir.path().join("b"), &["readOnly and eventName = 'GetObject'"]);
    assert_eq!(both["written"], one["written"]);
    assert!(one["written"].as_u64() > Some(0) && one["filtered"].as_u64() > Some(0));
}

#[test]
fn no_spelling_gets_past() {
    let dir = tempfile::tempdir().unwrap();
    let (log, lake) = (dir.path().join("log.json"), dir.path().join("lake"));
    let record = |name: &str| {
        format!(
            r#"{{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventSource":"s3.amazonaws.com",{name}}}"#
        )
    };
    let names = [
        r#""eventName":"GetObject""#,
        r#""eventName":"Get\u004fbject""#,
        r#""event\u004eame":"GetObject""#,
        r#""eventName":"GetObject","eventName":"Other""#,
        r#""eventName":"PutObject""#,
    ];
    fs::write(&log, names.map(record).join("\n")).unwrap();
    let report = ingest(&log, &lake, &["eventName != 'GetObject'"]);
    assert_eq!((&report["filtered"], &report["written"]), (&4.into(), &1.into()), "{report}");
}

#[test]
fn a_filter_without_a_meaning_is_one_line_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let trail = logs::write_first(1, &dir.path().join("trail")).to_owned();
    for (filter, told) in [
        ("eventNam = 'x'", "there is no member \"eventNam\", at character 1"),
        ("readOnly = true and", "a name is needed, not the end, at character 20"),
    ] {
        let output = run(trailhound(["ingest", "--filter", filter, "--lake"]).arg(&lake).arg(&trail));
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.lines().any(|line| line.contains(told)), "{stderr}");
        assert!(!lake.exists());
    }
}

#[test]
fn a_line_on_stderr_says_what_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let trail = logs::write_first(1, &dir.path().join("trail")).to_owned();
    let mut ingest = trailhound(["ingest", "--filter", "readOnly", "--lake"]);
    let output = run(ingest.arg(dir.path().join("lake")).arg(&trail));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("25 filtered") && stderr.contains("only records are kept for which readOnly"),
        "{stderr}"
    );
}
