//! Queries in the style of those that AWS and others publish, over the sample logs: `tests/dialect/*.slt`.
//!
//! They are our own, made of the constructs of published ones. That a query of that kind prunes as one in our own names
//! does is looked up in its plan.

use crate::product::{run, text, trailhound};
use crate::slt::{Asked, Database, ask};
use datafusion::arrow::util::display::array_value_to_string;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailhound::Engine;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest};

/// Queries that have to be there, at least; those that are refused not counted.
const QUERIES: usize = 100;

async fn samples(dir: &Path) -> Arc<Engine> {
    let lake = dir.join("lake").to_string_lossy().into_owned();
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs");
    let config = IngestConfig::new(vec![logs.to_string_lossy().into_owned()], lake.clone());
    ingest(&config, Arc::new(())).await.unwrap();
    Arc::new(Engine::open(&Lake::open(&lake).await.unwrap()).await.unwrap())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialect")
}

#[tokio::test]
async fn published_queries_run_as_pasted() {
    let dir = tempfile::tempdir().unwrap();
    let Asked { queries, wrong } = ask(&folder(), Database(samples(dir.path()).await)).await;
    assert!(wrong.is_empty(), "{} of {queries} wrong\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(queries >= QUERIES || std::env::var_os("TRAILHOUND_UPDATE").is_some(), "only {queries} queries");
}

/// Filters of pasted queries, and what the scan must make of them.
const PRUNED: [(&str, &[&str]); 15] = [
    ("FROM $EDS_ID WHERE eventTime > '2026-03-17 20:00:00'", &["eventtime_max@"]),
    (
        "FROM $EDS_ID WHERE eventTime BETWEEN '2026-03-17 20:00:00' AND '2026-03-17 21:00:00'",
        &["eventtime_max@", "eventtime_min@"],
    ),
    (
        "FROM cloudtrail_logs WHERE from_iso8601_timestamp(eventtime) > date_add('day', -3, timestamp '2026-03-18 00:00:00')",
        &["eventtime_max@"],
    ),
    (
        "FROM cloudtrail_logs WHERE date_parse(eventtime, '%Y-%m-%dT%H:%i:%sZ') > timestamp '2026-03-17 00:00:00'",
        &["eventtime_max@"],
    ),
    (
        "FROM cloudtrail_logs WHERE CAST(eventtime AS timestamp) > timestamp '2026-03-17 00:00:00'",
        &["eventtime_max@"],
    ),
    ("FROM cloudtrail_logs WHERE date(eventtime) = date '2026-03-17'", &["eventtime_max@", "eventtime_min@"]),
    (
        "FROM cloudtrail_logs WHERE eventtime >= to_iso8601(timestamp '2026-03-17 00:00:00')",
        &["eventtime_max@"],
    ),
    ("FROM cloudtrail_logs WHERE year(from_iso8601_timestamp(eventtime)) = 2026", &["eventtime_max@"]),
    (
        "FROM <EDS ID> WHERE eventName = 'CreateUser'",
        &["eventname_min@", "required_guarantees=[eventname in (CreateUser)]"],
    ),
    (
        "FROM cloudtrail_logs WHERE useridentity.accesskeyid = 'AKIAROOTSTOLENEXAMPL'",
        &["required_guarantees=[useridentity_accesskeyid in"],
    ),
    (
        "FROM cloudtrail_logs WHERE region = 'us-east-1' AND account = '111122223333'",
        &["awsregion_min@", "recipientaccountid_min@"],
    ),
    (
        "FROM aws_cloudtrail_log WHERE user_identity.access_key_id = 'AKIAROOTSTOLENEXAMPL'",
        &["required_guarantees=[useridentity_accesskeyid in"],
    ),
    (
        "FROM aws_cloudtrail_log WHERE tp_timestamp > '2026-03-17' AND event_name = 'CreateUser'",
        &["eventtime_max@", "eventname_min@"],
    ),
    (
        "FROM $EDS_ID WHERE json_extract_scalar(eventJson, '$.userIdentity.accessKeyId') = 'AKIAROOTSTOLENEXAMPL'",
        &["required_guarantees=[useridentity_accesskeyid in"],
    ),
    (
        "FROM cloudtrail_logs CROSS JOIN UNNEST(resources) AS t(r) WHERE eventname = 'CreateUser' AND r.arn IS NOT NULL",
        &["eventname_min@"],
    ),
];

async fn physical_plan(engine: &Engine, query: &str) -> String {
    let answer =
        engine.sql(&format!("EXPLAIN {query}")).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let rows = answer.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
    rows.map(|(batch, row)| array_value_to_string(batch.column(1), row).unwrap()).next_back().unwrap()
}

#[tokio::test]
async fn pasted_filters_prune() {
    let dir = tempfile::tempdir().unwrap();
    let engine = samples(dir.path()).await;
    let mut wrong = Vec::new();
    for (query, expected) in PRUNED {
        let plan = physical_plan(
            &engine,
            &format!("SELECT count(DISTINCT sourceIPAddress) {query}").replace(
                "sourceIPAddress",
                if query.contains("aws_cloudtrail_log") { "source_ip_address" } else { "sourceIPAddress" },
            ),
        )
        .await;
        let missing = expected.iter().filter(|part| !plan.contains(**part)).collect::<Vec<_>>();
        if !missing.is_empty() {
            wrong.push(format!("{query}\n  lacks {missing:?}\n{plan}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A partition of Athena's is computed from the day of a file, so that no file of another day is opened.
#[tokio::test]
async fn partitions_leave_files_out() {
    let dir = tempfile::tempdir().unwrap();
    let engine = samples(dir.path()).await;
    for (filter, is_read) in [
        ("year = '2026' AND month = '03' AND day = '17'", true),
        ("year = '2026' AND month = '04'", false),
        ("\"timestamp\" >= '2026/03/01'", true),
        ("\"timestamp\" < '2026/03/17'", false),
        ("date_partition >= date_format(timestamp '2026-03-18 00:00:00', '%Y/%m/%d')", false),
    ] {
        let plan = physical_plan(
            &engine,
            &format!("SELECT count(sourceipaddress) FROM cloudtrail_logs WHERE {filter}"),
        )
        .await;
        assert_eq!(plan.contains(".parquet"), is_read, "{filter}\n{plan}");
    }
}

/// What a query does not name is not computed, and `SELECT *` has AWS's columns.
#[tokio::test]
async fn views_show_what_people_know() {
    let dir = tempfile::tempdir().unwrap();
    let engine = samples(dir.path()).await;
    for (table, has, has_not) in [
        (
            "athena.cloudtrail_logs",
            &["userIdentity", "eventTime", "region", "timestamp"][..],
            &["eventJson", "useridentity_arn"][..],
        ),
        (
            "tailpipe.aws_cloudtrail_log",
            &["user_identity", "source_ip_address", "tp_timestamp", "tp_akas"],
            &["user_identity_arn", "userIdentity"],
        ),
        ("cloudtrail", &["userIdentity", "date"], &["eventJson", "date_partition"]),
    ] {
        let answer = engine.sql(&format!("SELECT * FROM {table} LIMIT 1")).await.unwrap();
        let names = answer.schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
        assert!(has.iter().all(|name| names.contains(name)), "{table}: {names:?}");
        assert!(!has_not.iter().any(|name| names.contains(name)), "{table}: {names:?}");
    }
    let plan = physical_plan(&engine, "SELECT eventName FROM (SELECT * FROM cloudtrail)").await;
    assert!(!plan.contains("event_json"), "{plan}");
}

/// `eventJson` is the record, the same as `--format cloudtrail` prints.
#[test]
fn event_json_is_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs");
    run(trailhound(["ingest"]).arg(logs).arg("--lake").arg(&lake));
    let query = |what: &str, format: &str| {
        // A query may begin with a comment.
        let query = format!("-- who was made\nSELECT {what} FROM cloudtrail WHERE eventName = 'CreateUser'");
        let output = run(trailhound(["sql", &query, "--format", format, "--lake"]).arg(&lake));
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_str::<serde_json::Value>(&text(&output.stdout)).unwrap()
    };
    let records = query("*", "cloudtrail");
    let rows = query("eventJson", "json");
    let row = rows[0]["eventJson"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(row).unwrap(), records["Records"][0]);
}
