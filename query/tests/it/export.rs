//! `lake export` with the real binary: a lake, its log files, and a lake of those.

use crate::ground::Ground;
use crate::logs;
use crate::product::{json, run, text, trailhound};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

fn ingest(source: &Path, lake: &Path) -> Value {
    json(trailhound(["ingest", "--report", "json"]).arg(source).arg("--lake").arg(lake))
}

fn export(lake: &Path, predicate: &str, out: &Path) -> Value {
    let mut command = trailhound(["lake", "export", "--report", "json", "--where", predicate]);
    json(command.arg("--lake").arg(lake).arg("--out").arg(out))
}

/// The records that a query gives, in one spelling, sorted.
fn records(lake: &Path, predicate: &str) -> Vec<String> {
    let query = format!("select * from cloudtrail where {predicate}");
    let answer = json(trailhound(["sql", &query, "--format", "cloudtrail", "--lake"]).arg(lake));
    let mut records = answer["Records"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>();
    records.sort_unstable();
    records
}

/// Files by their paths below `folder`.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

/// Records that try everything that a row carries, and to leave the folder.
const ODD: [&str; 6] = [
    r#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventID":"1","eventName":"A","recipientAccountId":"../../../../tmp/x","awsRegion":"/etc","n":[1.0,1e3,-0,12345678901234567890123]}"#,
    r#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventID":"1","eventName":"B","recipientAccountId":"111122223333","awsRegion":"eu-west-1","a":1,"a":2}"#,
    r#"{"eventVersion":"1.11","eventTime":"never","eventName":"C","userAgent":"\ud800","requestParameters":null}"#,
    r#"{"eventVersion":"1.11","eventTime":"never","eventName":"D","awsRegion":null}"#,
    r#"{"eventVersion":"1.11","eventTime":"2026-03-18T00:00:00Z","eventName":"E","eventCategory":"NetworkActivity","recipientAccountId":"111122223333","awsRegion":"us-gov-west-1","resources":[{"ARN":"a","accountId":null}]}"#,
    r#"{"eventVersion":"1.11","eventTime":"2026-03-18T00:00:00Z","eventSource":"s3.amazonaws.com","event\u004eame":"F"}"#,
];

#[test]
fn a_lake_of_the_export_of_a_lake_is_the_lake() {
    let dir = tempfile::tempdir().unwrap();
    let (trail, lake, out) = (dir.path().join("trail"), dir.path().join("lake"), dir.path().join("out"));
    logs::write_first(6, &trail);
    fs::write(trail.join("odd.json"), ODD.join("\n")).unwrap();
    let written = ingest(&trail, &lake)["written"].clone();
    let report = export(&lake, "true", &out);
    assert_eq!((&report["written"], &report["unplaced"]), (&written, &4.into()), "{report}");
    let back = dir.path().join("back");
    let again = ingest(&out, &back);
    assert_eq!((&again["written"], &again["quarantined"]), (&written, &0.into()), "{again}");
    // As texts, since a parser would forget digits and keys that come twice.
    let lines = |lake: &Path| {
        let query = "select * from cloudtrail";
        let all = text(&run(trailhound(["sql", query, "--format", "cloudtrail", "--lake"]).arg(lake)).stdout);
        let all = all.trim_end().trim_start_matches("{\"Records\":[").trim_end_matches("]}").to_owned();
        let mut all = all
            .split("},{\"")
            .map(|record| record.trim_matches(['{', '}', '"']).to_owned())
            .collect::<Vec<_>>();
        all.sort_unstable();
        all
    };
    assert_eq!(lines(&lake), lines(&back));
    let names = files(&out).into_keys().collect::<Vec<_>>();
    assert!(names.iter().all(|name| name.starts_with("AWSLogs/") && !name.contains("..")), "{names:?}");
    for place in [
        "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/111122223333_CloudTrail_eu-west-1_20260317T0800Z_",
        "/CloudTrail-NetworkActivity/us-gov-west-1/2026/03/18/",
        "AWSLogs/000000000000/CloudTrail/unknown/2026/03/17/",
    ] {
        assert!(names.iter().any(|name| name.contains(place)), "{place}: {names:?}");
    }
}

#[test]
fn an_export_that_was_cut_short_is_completed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, out) = (dir.path().join("lake"), dir.path().join("out"));
    // In two commits, so that the order of files in the lake is not that of the records.
    ingest(logs::write_first(9, &dir.path().join("trail")), &lake);
    ingest(logs::write_first(4, &dir.path().join("trail")), &lake);
    let args = ["--where", "userIdentity.userName = 'ada'", "--file-bytes", "20000"];
    let run_it = || {
        json(
            trailhound(["lake", "export", "--report", "json"])
                .args(args)
                .arg("--lake")
                .arg(&lake)
                .arg("--out")
                .arg(&out),
        )
    };
    let report = run_it();
    let first = files(&out);
    assert!(first.len() > 4 && report["objects"] == first.len(), "{report}");
    let lost = first.keys().step_by(2).collect::<Vec<_>>();
    for name in lost {
        fs::remove_file(out.join(name)).unwrap();
    }
    run_it();
    assert!(files(&out) == first, "the second run wrote other files");
    let mut expected = records(&lake, "userIdentity.userName = 'ada'");
    let mut exported = Vec::new();
    for gz in first.values() {
        let mut text = String::new();
        GzDecoder::new(&gz[..]).read_to_string(&mut text).unwrap();
        let file = serde_json::from_str::<Value>(&text).unwrap();
        exported.extend(file["Records"].as_array().unwrap().iter().map(Value::to_string));
    }
    exported.sort_unstable();
    expected.sort_unstable();
    assert_eq!(exported, expected);
}

#[test]
fn what_is_exported_is_redacted_and_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let rules = r#"
        lake = "lake"
        [privacy]
        insecure_key = "0123456789abcdef0123456789abcdef"
        [[privacy.rules]]
        fields = ["userIdentity.**", "recipientAccountId", "requestParameters.bucketName"]
        action = "hmac"
    "#;
    logs::write_first(3, &dir.path().join("trail"));
    ingest(&dir.path().join("trail"), &dir.path().join("lake"));
    fs::write(dir.path().join("trailhound.toml"), rules).unwrap();
    let export = |lake: &str, out: &str| {
        let args = ["lake", "export", "--where", "true", "--report", "json", "--lake", lake, "--out", out];
        json(trailhound(args).current_dir(dir.path()))
    };
    let report = export("lake", "out");
    let values = report["redacted"].as_object().unwrap().values().next().unwrap().as_u64();
    assert!(values > Some(500), "{report}");
    let out = files(&dir.path().join("out"));
    for (name, gz) in &out {
        let mut text = String::new();
        GzDecoder::new(&gz[..]).read_to_string(&mut text).unwrap();
        for secret in ["ada", "grace", "111122223333", "444455556666", "\"b-1\""] {
            assert!(!text.contains(secret) && !name.contains(secret), "{secret} in {name}");
        }
    }
    // The lake of the export holds pseudonyms; to redact them again changes nothing.
    run(trailhound(["ingest", "out", "--lake", "back"]).current_dir(dir.path()));
    let again = export("back", "out2");
    assert_eq!(again["redacted"].as_object().unwrap().values().next().unwrap(), &Value::from(0), "{again}");
    assert!(files(&dir.path().join("out2")) == out, "other files");
}

#[test]
fn a_predicate_that_means_nothing_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, out) = (dir.path().join("lake"), dir.path().join("out"));
    ingest(logs::write_first(1, &dir.path().join("trail")), &lake);
    for (predicate, told) in
        [("evntName = 'x'", "there is no column"), ("eventName =", "error"), ("true) or (true", "")]
    {
        let mut command = trailhound(["lake", "export", "--where", predicate]);
        let output = run(command.arg("--lake").arg(&lake).arg("--out").arg(&out));
        let stderr = text(&output.stderr);
        if !told.is_empty() {
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.starts_with("error: ") && stderr.contains(told) && !out.exists(), "{stderr}");
        }
    }
    // A comment in it ends with it.
    assert_eq!(export(&lake, "eventName = 'GetObject' -- only these", &out)["written"], 13);
    let none = run(trailhound(["lake", "export", "--where", "true", "--lake", "none", "--out"]).arg(&out));
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn into_a_bucket() {
    let Some(ground) = Ground::on_s3(4) else { return };
    let lake = ground.lake("a");
    run(&mut ground.ingest(&lake));
    let out = ground.lake("exported");
    let args = ["lake", "export", "--where", "true", "--report", "json", "--lake", &lake, "--out", &out];
    let report = json(&mut ground.product(&args));
    assert_eq!(report["written"], ground.records.len(), "{report}");
    let back = ground.lake("back");
    let again = json(&mut ground.product(&["ingest", &out, "--lake", &back, "--report", "json"]));
    assert_eq!(again["written"], report["written"], "{again}");
    assert_eq!(ground.contents(&back).records, ground.records);
}
