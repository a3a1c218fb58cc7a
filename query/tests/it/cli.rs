//! The command line: what it prints and how it exits, good input and bad.

use crate::logs;
use crate::product::{json, number, run, text, trailhound};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

/// Three records of ours.
fn records() -> String {
    let record = |n: u32| {
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ada"}},"eventTime":"2026-03-17T09:0{n}:00Z","eventSource":"iam.amazonaws.com","eventName":"GetUser","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","eventID":"00000000-0000-4000-8000-00000000000{n}"}}"#
        )
    };
    format!(r#"{{"Records":[{},{},{}]}}"#, record(1), record(2), record(3))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn ingest(source: &Path, lake: &Path) -> Output {
    run(trailhound(["ingest"]).arg(source).arg("--lake").arg(lake))
}

fn rows(lake: &Path, table: &str) -> i64 {
    number(
        trailhound(["sql", &format!("select count(*) from {table}"), "--format", "csv", "--lake"]).arg(lake),
    )
}

/// The lines on stderr that say what is wrong; there must be one, and it must hold `words`.
#[track_caller]
fn complains(output: &Output, code: i32, words: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let line = stderr.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "no line with {words:?} in:\n{stderr}");
}

#[test]
fn a_missing_folder() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    complains(&ingest(&dir.path().join("nowhere"), &lake), 2, &["nowhere"]);
    assert!(!lake.exists(), "a lake was made for nothing");
}

#[test]
fn each_of_two_missing_sources_has_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let sources = ["first", "second"].map(|name| dir.path().join(name));
    let output = run(trailhound(["ingest"]).args(&sources).arg("--lake").arg(dir.path().join("lake")));
    complains(&output, 2, &["first"]);
    complains(&output, 2, &["second"]);
}

#[test]
fn one_of_two_sources_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (good, lake) = (dir.path().join("good.json"), dir.path().join("lake"));
    fs::write(&good, records()).unwrap();
    let output =
        run(trailhound(["ingest"]).arg(&good).arg(dir.path().join("nowhere")).arg("--lake").arg(&lake));
    complains(&output, 2, &["nowhere"]);
    assert_eq!(rows(&lake, "cloudtrail"), 3);
}

#[test]
fn a_lake_that_is_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (good, lake) = (dir.path().join("good.json"), dir.path().join("lake"));
    fs::write(&good, records()).unwrap();
    fs::write(&lake, "not a folder").unwrap();
    complains(&ingest(&good, &lake), 2, &["lake"]);
    complains(&run(trailhound(["sql", "select 1", "--lake"]).arg(&lake)), 2, &["lake"]);
}

#[test]
fn no_lake_at_all() {
    let dir = tempfile::tempdir().unwrap();
    complains(&run(trailhound(["sql", "select 1", "--lake"]).arg(dir.path().join("none"))), 2, &["none"]);
}

#[test]
fn a_truncated_gzip_gives_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let (logs, lake) = (dir.path().join("logs"), dir.path().join("lake"));
    fs::create_dir(&logs).unwrap();
    let gz = gzip(&records());
    fs::write(logs.join("cut.json.gz"), &gz[..gz.len() - 12]).unwrap();
    fs::write(logs.join("whole.ndjson"), records().replace("00000000-", "00000001-")).unwrap();
    complains(&ingest(&logs, &lake), 3, &["cut.json.gz", "cut short"]);
    assert!(rows(&lake, "cloudtrail") >= 5, "{}", rows(&lake, "cloudtrail"));
    assert!(rows(&lake, "quarantine") >= 1);
}

#[test]
fn a_file_that_is_not_gzip_though_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (bad, lake) = (dir.path().join("bad.json.gz"), dir.path().join("lake"));
    fs::write(&bad, "\u{0}\u{1}\u{2} neither gzip nor JSON").unwrap();
    complains(&ingest(&bad, &lake), 3, &["bad.json.gz"]);
    assert_eq!(rows(&lake, "quarantine"), 1);
}

#[test]
fn one_bad_record_costs_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let (log, lake) = (dir.path().join("log.json"), dir.path().join("lake"));
    fs::write(&log, records().replace(r#""eventTime":"2026-03-17T09:02:00Z""#, r#""eventTime":01"#)).unwrap();
    let report = json(trailhound(["ingest", "--report", "json", "--lake"]).arg(&lake).arg(&log));
    assert_eq!(
        (&report["records_read"], &report["written"], &report["quarantined"]),
        (&3.into(), &2.into(), &1.into())
    );
    let strict = run(trailhound(["ingest", "--strict", "--lake"]).arg(dir.path().join("lake2")).arg(&log));
    assert_eq!(strict.status.code(), Some(3));
}

#[test]
fn a_second_run_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (log, lake) = (dir.path().join("log.json"), dir.path().join("lake"));
    fs::write(&log, records()).unwrap();
    let mut ingest = trailhound(["ingest", "--report", "json", "--lake"]);
    ingest.arg(&lake).arg(&log);
    assert_eq!(json(&mut ingest)["written"], 3);
    let second = json(&mut ingest);
    assert_eq!((&second["written"], &second["objects_skipped"]), (&0.into(), &1.into()));
}

#[test]
fn a_second_delivery_in_another_object_is_a_duplicate() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, lake) =
        (dir.path().join("1.json"), dir.path().join("2.json"), dir.path().join("lake"));
    fs::write(&first, records()).unwrap();
    // The same events in another layout, one of them with another content under the same id.
    fs::write(
        &second,
        records().replace(',', " ,").replace("09:03:00Z\" ,", "09:03:00Z\" ,\"apiVersion\":\"x\","),
    )
    .unwrap();
    ingest(&first, &lake);
    let report = json(trailhound(["ingest", "--report", "json", "--lake"]).arg(&lake).arg(&second));
    assert_eq!((&report["duplicate"], &report["written"]), (&2.into(), &1.into()), "{report}");
    assert_eq!(rows(&lake, "cloudtrail"), 4);
}

#[test]
fn a_closed_pipe_is_success() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    run(trailhound(["ingest"]).arg(logs::write(&dir.path().join("trail"))).arg("--lake").arg(&lake));
    let mut sql = trailhound(["sql", "select * from cloudtrail", "--format", "ndjson", "--lake"]);
    let mut process = sql.arg(&lake).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn data_on_stdout_and_talk_on_stderr() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.json");
    fs::write(&log, records()).unwrap();
    let output = ingest(&log, &dir.path().join("lake"));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("3 records read = 3 written"), "{}", text(&output.stderr));
}

#[test]
fn a_range_of_days_is_read_and_a_bad_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (trail, lake) = (dir.path().join("trail"), dir.path().join("lake"));
    logs::write(&trail);
    let ingest = |since: &str| {
        json(
            trailhound(["ingest", "--since", since, "--report", "json"]).arg(&trail).arg("--lake").arg(&lake),
        )
    };
    assert_eq!(ingest("2026-03-18")["objects"], 0);
    assert_eq!(ingest("2026-03-17T12:00Z")["objects"], logs::OBJECTS);
    let refused = run(trailhound(["ingest", "--since", "yesterday"]).arg(&trail));
    complains(&refused, 2, &["a time is needed", "7d"]);
}

#[test]
fn nothing_is_sent_without_tls() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    logs::write(&dir.path().join("trail"));
    run(trailhound(["ingest"]).arg(dir.path().join("trail")).arg("--lake").arg(&lake));
    let topic = "arn:aws:sns:eu-west-1:111122223333:alerts";
    let mut detect = trailhound(["detect", "--sns-topic", topic, "--lake"]);
    complains(
        &run(detect.arg(&lake).env("AWS_ENDPOINT_URL_SNS", "http://192.0.2.1")),
        2,
        &["192.0.2.1", "TLS"],
    );
    let mut ingest = trailhound(["ingest", "s3://logs/", "--lake"]);
    complains(&run(ingest.arg(&lake).env("AWS_ENDPOINT_URL", "http://192.0.2.1")), 2, &["192.0.2.1", "TLS"]);
}

/// Columns of the first line of an answer in CSV.
fn columns(lake: &Path, query: &str) -> usize {
    let answer = run(trailhound(["sql", query, "--format", "csv", "--lake"]).arg(lake));
    assert_eq!(answer.status.code(), Some(0), "{query}: {}", text(&answer.stderr));
    text(&answer.stdout).lines().next().unwrap().split(',').count()
}

#[test]
fn a_star_shows_structs_and_not_their_leaves_wherever_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let (good, lake) = (dir.path().join("good.json"), dir.path().join("lake"));
    fs::write(&good, records()).unwrap();
    ingest(&good, &lake);
    let all = columns(&lake, "select * from cloudtrail");
    for query in [
        "select * from cloudtrail union all select * from cloudtrail",
        "(select * from cloudtrail)",
        "select * from (select * from cloudtrail) x",
    ] {
        assert_eq!(columns(&lake, query), all, "{query}");
    }
    assert_eq!(columns(&lake, "select * except (userIdentity, eventName) from cloudtrail"), all - 2);
    assert_eq!(columns(&lake, "select * exclude eventName from cloudtrail"), all - 1);
}

#[test]
fn an_empty_question_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (good, lake) = (dir.path().join("good.json"), dir.path().join("lake"));
    fs::write(&good, records()).unwrap();
    ingest(&good, &lake);
    complains(
        &run(trailhound(["sql", "", "--lake"]).arg(&lake)),
        2,
        &["exactly one statement expected, got 0"],
    );
    let query = "select 1 from cloudtrail where eventTime = 'garbage'";
    let refused = run(trailhound(["sql", query, "--lake"]).arg(&lake));
    complains(&refused, 2, &["error: 'garbage' is no time"]);
    complains(&refused, 2, &["hint: write it as '2026-"]);
    let refused =
        run(trailhound(["sql", "select eventName\nfrom cloudtrail order eventName", "--lake"]).arg(&lake));
    complains(&refused, 2, &["error: expected end of statement, found order at line 2, column 17"]);
}
