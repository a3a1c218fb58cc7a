//! A lake with events that a rule will find, each one a finding, and nobody has looked yet.

use crate::product::{number, run, text, trailhound};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Finds each bucket that is deleted.
pub(crate) const RULE: &str = r#"
id = "bucket_deleted"
title = "Bucket deleted"
kind = "match"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = """1. Who is {actor}?
2. What was in {bucket}?"""
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

/// What the findings say, without when they were found.
const CONTENT: &str = "select id, rule, version, severity, title, actor, alert, entities, dedupkey, firsttime, \
    lasttime, count, eventids, params, late, account, region from findings order by id";

/// The lake and the rule, in a folder.
pub(crate) struct Waiting {
    dir: tempfile::TempDir,
}

impl Waiting {
    /// With so many findings.
    pub(crate) fn new(count: usize) -> Self {
        let names = (0..count).map(|number| format!("bucket-{number}")).collect::<Vec<_>>();
        Self::of(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// With a finding for each bucket.
    pub(crate) fn of(buckets: &[&str]) -> Self {
        let records = buckets.iter().map(|bucket| deletion(bucket)).collect::<Vec<_>>();
        Self::with(&[("bucket_deleted", RULE)], &records)
    }

    /// With rules, by their names, and events.
    pub(crate) fn with(rules: &[(&str, &str)], records: &[Value]) -> Self {
        let waiting = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(waiting.path("rules/test")).unwrap();
        for (id, rule) in rules {
            std::fs::write(waiting.path(&format!("rules/test/{id}.toml")), rule).unwrap();
        }
        waiting.ingest("lake", records);
        waiting
    }

    /// Ingests the deletion of more buckets.
    pub(crate) fn add(&self, buckets: &[&str]) {
        self.ingest("lake", &buckets.iter().map(|bucket| deletion(bucket)).collect::<Vec<_>>());
    }

    /// Ingests events.
    pub(crate) fn ingest(&self, lake: &str, records: &[Value]) {
        let file = self.path("log.json");
        std::fs::write(&file, json!({ "Records": records }).to_string()).unwrap();
        let output = run(trailhound(["ingest"]).arg(&file).arg("--lake").arg(self.path(lake)));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `detect` over a lake of this folder.
    pub(crate) fn detect(&self, lake: &str, more: &[&str]) -> Command {
        let mut command = trailhound(["detect", "--lake"]);
        command.arg(self.path(lake)).arg("--rules").arg(self.path("rules")).args(more);
        command
    }

    /// A copy of the lake, as it is now.
    pub(crate) fn copy(&self, name: &str) {
        copy(&self.path("lake"), &self.path(name));
    }

    pub(crate) fn count(&self, lake: &str, query: &str) -> i64 {
        number(trailhound(["sql", query, "--format", "csv", "--lake"]).arg(self.path(lake)))
    }

    /// What a query gives, as CSV.
    pub(crate) fn ask(&self, lake: &str, query: &str) -> String {
        text(&run(trailhound(["sql", query, "--format", "csv", "--lake"]).arg(self.path(lake))).stdout)
    }

    /// The findings of a lake.
    pub(crate) fn findings(&self, lake: &str) -> String {
        self.ask(lake, CONTENT)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

/// Somebody deletes a bucket.
pub(crate) fn deletion(bucket: &str) -> Value {
    event("DeleteBucket", bucket, "eu-west-1", 9)
}

/// Something happens to a bucket in a region, at an hour.
pub(crate) fn event(name: &str, bucket: &str, region: &str, hour: u32) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ada", "userName": "ada"},
        "eventTime": format!("2026-03-17T{hour:02}:00:00Z"),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "192.0.2.1",
        "requestParameters": {"bucketName": bucket},
        "eventID": format!("{name}-{bucket}-{hour}"),
        "recipientAccountId": "111122223333",
    })
}
