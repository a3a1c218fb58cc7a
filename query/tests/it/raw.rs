//! Questions to log files, without a lake.

use crate::logs;
use crate::product::{run, text, trailhound};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs")
}

/// What `query` gives over the files below `source`, and what is said.
fn ask(source: &Path, query: &str) -> (String, String, Option<i32>) {
    let output = run(trailhound(["sql", "--format", "csv", "--raw"]).arg(source).arg(query).current_dir("/"));
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

/// Questions whose answer does not depend on whether an event is there twice.
const SAME: [&str; 6] = [
    "SELECT count(DISTINCT eventID) FROM cloudtrail",
    "SELECT DISTINCT eventTime, eventID, userIdentity, requestParameters, responseElements, tlsDetails, readOnly, rest, date FROM cloudtrail ORDER BY eventTime, eventID LIMIT 300",
    "SELECT eventName, awsRegion, count(DISTINCT eventID) AS n FROM cloudtrail GROUP BY ALL ORDER BY n DESC, 1, 2",
    "SELECT DISTINCT eventID, requestParameters.bucketName AS b FROM cloudtrail WHERE requestParameters.bucketName IS NOT NULL ORDER BY 1",
    "SELECT DISTINCT actor, userIdentity.sessionContext.sessionIssuer.arn FROM cloudtrail ORDER BY 1, 2",
    "SELECT DISTINCT eventID, r.accountid FROM (SELECT eventID, unnest(resources) AS r FROM cloudtrail) ORDER BY 1, 2 LIMIT 200",
];

#[test]
fn files_answer_as_a_lake_does() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    run(trailhound(["ingest"]).arg(sample()).arg("--lake").arg(&lake));
    for query in SAME {
        let of_lake = run(trailhound(["sql", "--format", "csv", query, "--lake"]).arg(&lake));
        let (of_files, said, code) = ask(&sample(), query);
        assert_eq!(code, Some(0), "{query}: {said}");
        assert!(of_files.lines().count() > 1, "{query}: {said}");
        assert_eq!(of_files, text(&of_lake.stdout), "{query}");
    }
}

/// What the keys rule out is not read; what they do not rule out is there.
#[test]
fn the_layout_of_keys_is_used() {
    let cases = [
        ("awsRegion = 'eu-west-1'", false),
        ("recipientAccountId = '111122223333'", false),
        ("recipientAccountId IN ('111122223333', '444455556666')", false),
        ("eventTime < '2020-01-01T00:00:00Z'", false),
        ("eventTime >= '2026-03-19T00:00:00Z'", false),
        // Calls to global services are recorded there, and delivered anywhere.
        ("awsRegion = 'us-east-1'", true),
        ("eventName = 'GetObject'", true),
    ];
    let (all, ..) = ask(
        &sample(),
        "SELECT DISTINCT eventID, awsRegion, recipientAccountId, eventTime, eventName FROM cloudtrail",
    );
    let folder = tempfile::tempdir().unwrap();
    // The same files by names that say nothing.
    let mut files = crate::ground::files(&sample().join("AWSLogs"));
    files.retain(|file| !file.to_string_lossy().contains("Digest"));
    for (number, file) in files.iter().enumerate() {
        fs::copy(file, folder.path().join(format!("{number}.json.gz"))).unwrap();
    }
    assert!(all.lines().count() > 10_000);
    for (filter, reads_all) in cases {
        let query = format!("SELECT count(DISTINCT eventID), count(*) FROM cloudtrail WHERE {filter}");
        let ((by_key, said, _), (by_all, ..)) = (ask(&sample(), &query), ask(folder.path(), &query));
        assert_eq!(by_key, by_all, "{filter}");
        let (read, of) = said.split_once(" records in ").unwrap().1.split_once(" of ").unwrap();
        let found = of.split(' ').next().unwrap();
        assert_eq!(read == found, reads_all, "{filter}: {said}");
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let good = logs::record(1);
    let document = format!(r#"{{"Records":[{good},{{"no":"record"}},7]}}"#);
    fs::write(folder.path().join("a.json"), document).unwrap();
    let (answer, said, code) = ask(folder.path(), "SELECT count(*) AS n FROM cloudtrail");
    assert_eq!((answer.trim(), code), ("n\n1", Some(0)), "{said}");
    assert!(said.contains("2 quarantined"), "{said}");
    fs::write(folder.path().join("b.json.gz"), b"\x1f\x8b\x08\0nothing").unwrap();
    let (answer, said, code) = ask(folder.path(), "SELECT count(*) AS n FROM cloudtrail");
    assert_eq!((answer.trim(), code), ("n\n1", Some(3)), "{said}");
    assert!(said.contains("b.json.gz"), "{said}");
    let (_, said, code) = ask(folder.path(), "SELECT count(*) FROM findings");
    assert!(code == Some(2) && said.contains("findings"), "{said}");
    let (_, said, code) = ask(&folder.path().join("none"), "SELECT 1");
    assert!(code == Some(2) && said.contains("none"), "{said}");
    let output = run(&mut trailhound(["sql", "SELECT 1", "--since", "7d"]));
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("--raw"));
}

/// Whoever has seen enough does not wait for the rest.
#[test]
fn a_limit_ends_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let records = (0..20_000).map(logs::record).collect::<Vec<_>>().join(",");
    for number in 0..40 {
        fs::write(folder.path().join(format!("{number}.json")), format!(r#"{{"Records":[{records}]}}"#))
            .unwrap();
    }
    let (answer, said, _) = ask(folder.path(), "SELECT eventName FROM cloudtrail LIMIT 1");
    assert_eq!(answer.lines().count(), 2, "{said}");
    let read = said.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap();
    assert!(read < 40 * 20_000, "{said}");
}

/// Rules find in files what they find in a lake of them; what that took is gone, and nothing is sent.
#[test]
fn rules_run_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, temp) = (folder.path().join("lake"), folder.path().join("temp"));
    fs::create_dir(&temp).unwrap();
    run(trailhound(["ingest"]).arg(sample()).arg("--lake").arg(&lake));
    let found = |command: &mut Command| {
        let output = run(command.args(["--format", "ndjson"]).env("TMPDIR", &temp).current_dir(&temp));
        let lines = text(&output.stdout);
        let ids = lines.lines().map(|line| {
            let finding = serde_json::from_str::<serde_json::Value>(line).unwrap();
            ["id", "severity", "alert"].map(|name| finding[name].as_str().unwrap().to_owned())
        });
        let ids = ids.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(ids.len(), lines.lines().count());
        (ids, text(&output.stderr))
    };
    let backtest = |from: &str| {
        let mut command = trailhound(["rules", "backtest", "--since", "2026-03-01", "--format", "csv", from]);
        text(&run(command.arg(if from == "--raw" { sample() } else { lake.clone() })).stdout)
    };
    // Before there are findings, which some rules look at.
    assert_eq!(backtest("--raw"), backtest("--lake"));
    let (expected, _) = found(trailhound(["detect", "--lake"]).arg(&lake));
    let webhook = ["--webhook", "http://127.0.0.1:9/"];
    let (of_files, said) = found(trailhound(["detect", "--raw"]).arg(sample()).args(webhook));
    assert!(expected.len() > 10 && of_files == expected, "{of_files:#?}\n{said}");
    assert!(said.contains("findings of --raw are not sent"), "{said}");
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0, "something is left");
    let refused = run(trailhound(["detect", "--since", "7d", "--lake"]).arg(&lake));
    assert!(refused.status.code() == Some(2) && text(&refused.stderr).contains("--raw"));
    let none = run(trailhound(["detect", "--raw"]).arg(folder.path().join("none")));
    assert!(
        none.status.code() == Some(2) && text(&none.stderr).lines().count() <= 2,
        "{}",
        text(&none.stderr)
    );
}
