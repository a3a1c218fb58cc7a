//! What a query may cost: memory, disk, time, rows; and what it may not do at all.

use crate::logs;
use crate::product::{run, text, trailhound};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn lake(folder: &Path) -> PathBuf {
    let lake = folder.join("lake");
    run(trailhound(["ingest"]).arg(logs::write(&folder.join("trail"))).arg("--lake").arg(&lake));
    lake
}

fn sql(lake: &Path, query: &str) -> Command {
    let mut command = trailhound(["sql", query, "--format", "csv", "--lake"]);
    command.arg(lake);
    command
}

#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(said.lines().count() <= 2, "{said}");
}

/// All events, each a hundred times, in an order that they are not in: about 40 MB.
const BIG: &str = "select * from (select a.eventID || cast(n as varchar) as id, a.userAgent, a.userIdentity.arn \
    from cloudtrail a cross join (select unnest(range(0, 100)) as n)) order by reverse(id), id";

/// A query that takes longer than anybody waits, and little memory.
const LONG: &str = "with few as (select eventID as id from cloudtrail limit 300) \
    select count(*) from few a, few b, few c, few d where a.id || b.id < c.id || d.id";

#[test]
fn a_sort_spills_and_gives_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, temp) = (lake(dir.path()), dir.path().join("temp"));
    fs::create_dir(&temp).unwrap();
    let within = |limits: &[&str]| run(sql(&lake, BIG).args(limits).env("TMPDIR", &temp));
    let expected = within(&[]);
    assert!(expected.stdout.len() > 10_000_000 && expected.status.success(), "{}", text(&expected.stderr));
    let tight = "160000000";
    let spilled = within(&["--memory", tight]);
    assert_eq!(spilled.status.code(), Some(0), "{}", text(&spilled.stderr));
    assert!(spilled.stdout == expected.stdout, "a spilled sort gives other rows");
    refused(&within(&["--memory", tight, "--spill-bytes", "0"]), &["--memory"]);
    refused(&within(&["--memory", tight, "--spill-bytes", "1000000"]), &["--spill-bytes"]);
    let left = fs::read_dir(&temp).unwrap().count();
    assert_eq!(left, 0, "temporary files are left");
}

/// What a join holds may not fit, and that is no panic.
#[test]
fn a_join_that_does_not_fit_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake(dir.path());
    let query = "select count(*) from cloudtrail a, cloudtrail b, cloudtrail c where a.eventID || b.eventID < c.eventID";
    refused(&run(sql(&lake, query).args(["--memory", "20000000"])), &["--memory"]);
}

#[test]
fn what_is_spilled_is_private_and_goes_with_the_query() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, temp) = (lake(dir.path()), dir.path().join("temp"));
    fs::create_dir(&temp).unwrap();
    let mut process = sql(&lake, LONG).env("TMPDIR", &temp).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let folder = loop {
        if let Some(folder) = fs::read_dir(&temp).unwrap().next() {
            break folder.unwrap();
        }
        assert!(Instant::now() < until, "there is no folder to spill to");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let pid = process.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let code = process.wait().unwrap().code();
    // The first moment belongs to nobody: then the signal ends it as ever.
    assert!(code == Some(143), "{code:?}");
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
}

#[test]
fn time_is_limited() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake(dir.path());
    let began = Instant::now();
    refused(&run(sql(&lake, LONG).args(["--timeout", "1s"])), &["longer than 1s", "--timeout"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(run(sql(&lake, "select 1").args(["--timeout", "1m"])).status.success());
}

#[test]
fn rows_are_limited_and_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake(dir.path());
    let query = "select eventID from cloudtrail order by eventID";
    let rows = |output: &Output| text(&output.stdout).lines().count() - 1;
    let all = run(&mut sql(&lake, query));
    assert_eq!((rows(&all), text(&all.stderr)), (3605, String::new()));
    let some = run(sql(&lake, query).args(["--max-rows", "10"]));
    assert_eq!(rows(&some), 10);
    assert!(text(&some.stderr).contains("only the first 10 rows are printed"), "{}", text(&some.stderr));
    assert!(text(&all.stdout).starts_with(&text(&some.stdout)));
    // As many as there are, and a document that has its end.
    let exact = run(sql(&lake, query).args(["--max-rows", "3605"]));
    assert_eq!((rows(&exact), text(&exact.stderr)), (3605, String::new()));
    let mut json = trailhound(["sql", query, "--format", "json", "--max-rows", "3", "--lake"]);
    let json = run(json.arg(&lake));
    assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(&json.stdout).unwrap().len(), 3);
    // Plans have no rows to be counted.
    let plan = run(sql(&lake, "explain select 1").args(["--max-rows", "100"]));
    assert!(plan.status.success(), "{}", text(&plan.stderr));
    let set = run(sql(&lake, query).env("TRAILHOUND_SQL_MAX_ROWS", "2"));
    assert_eq!(rows(&set), 2);
}

/// Statements that would write, or read what is not in the lake.
const FORBIDDEN: [&str; 33] = [
    "copy cloudtrail to 'x.csv'",
    "copy (select 1) to 'x.parquet' stored as parquet",
    "explain copy (select 1) to 'x.csv'",
    "explain analyze copy (select 1) to 'x.csv'",
    "create external table t stored as csv location '/etc/passwd'",
    "create external table t stored as parquet location 's3://other/x'",
    "create table t as select 1",
    "create view v as select 1",
    "create or replace view cloudtrail as select 1",
    "create temporary view v as select 1",
    "create schema s",
    "create database d",
    "create function f(int) returns int return $1 + 1",
    "drop table cloudtrail",
    "drop view cloudtrail",
    "drop schema public cascade",
    "insert into logfiles select * from logfiles",
    "insert into cloudtrail values (1)",
    "explain analyze insert into logfiles select * from logfiles",
    "update logfiles set state = 'x'",
    "delete from logfiles",
    "truncate table logfiles",
    "select 1 into t",
    "set datafusion.execution.batch_size = 1",
    "set datafusion.runtime.temp_directory = '/tmp'",
    "reset datafusion.execution.batch_size",
    "prepare p as select 1",
    "execute p",
    "begin",
    "select * from '/etc/passwd'",
    "select * from 'x.parquet'",
    "select * from read_csv('/etc/passwd')",
    "select * from \"s3://other/x.parquet\"",
];

#[test]
fn nothing_writes_and_nothing_else_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, work) = (lake(dir.path()), dir.path().join("work"));
    fs::create_dir(&work).unwrap();
    fs::write(work.join("x.parquet"), "x").unwrap();
    let mut allowed = Vec::new();
    for statement in FORBIDDEN {
        let output = run(sql(&lake, statement).current_dir(&work));
        if output.status.code() != Some(2) || !output.stdout.is_empty() {
            allowed.push(format!("{statement}: {}", text(&output.stdout)));
        }
    }
    assert!(allowed.is_empty(), "{}", allowed.join("\n"));
    assert_eq!(fs::read_dir(&work).unwrap().count(), 1, "something was written");
    let count = run(&mut sql(&lake, "select count(*) from logfiles"));
    assert_eq!(text(&count.stdout).lines().last(), Some("80"));
}
