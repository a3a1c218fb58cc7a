//! Questions over the same Parquet files, and over the same log files, beside DuckDB: medians on the clock.
//!
//! Both engines stay open between questions, with two threads; DuckDB is asked in the names of the files. Each question is
//! asked once unheard, then seven times (raw files: once). What a person waits for at 3 a.m. comes last: the whole process.

use super::{commands, median, python};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use trailhound::{Engine, output};
use trailhound_ingest::lake::Lake;

const ROUNDS: usize = 7;

/// A question in our words, in DuckDB's, and how much of its time ours may take.
struct Question {
    what: String,
    ours: String,
    duckdb: String,
    most: f64,
}

pub(crate) fn print(logs: &Path) {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-questions");
    let _ = fs::remove_dir_all(&scratch);
    let lake = scratch.join("lake");
    commands::ingest_into(logs, &lake);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let engine = runtime.block_on(async {
        let lake = Lake::open(&lake.to_string_lossy()).await.expect("a lake");
        Arc::new(Engine::open(&lake).await.expect("an engine"))
    });
    let questions = questions(&runtime, &engine);
    let ours = questions.iter().map(|question| ask(&runtime, &engine, &question.ours)).collect::<Vec<_>>();
    let theirs = duckdb(&scratch, &format!("{}/events/**/*.parquet", lake.display()), &questions, ROUNDS);
    println!("\n| question | ms | DuckDB ms | × DuckDB | at most |\n|---|---|---|---|---|");
    for (number, (Question { what, most, .. }, (ms, answer))) in questions.iter().zip(&ours).enumerate() {
        let Some((peer, said)) = theirs.as_ref().map(|theirs| &theirs[number]) else {
            println!("| {what} | {ms:.1} | | | |");
            continue;
        };
        assert_eq!(answer, said, "{what}");
        println!("| {what} | {ms:.1} | {peer:.1} | {:.2} | {most} |", ms / peer);
    }
    println!("| the first, whole process | {:.1} | | | 150 ms |", process(&lake, &questions[0].ours));
    raw(logs, &scratch);
    let _ = fs::remove_dir_all(&scratch);
}

/// The questions, about what is in the lake: needles are the values that the fewest events have, and one event.
fn questions(runtime: &Runtime, engine: &Engine) -> Vec<Question> {
    let one = |sql: &str| value(&csv(runtime, engine, sql));
    let rarest = |column: &str| {
        one(&format!(
            "SELECT {column} FROM cloudtrail WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY count(*), 1 LIMIT 1"
        ))
    };
    let needle = |what: &str, name: &str, column: &str, value: &str| Question {
        what: format!("needle: {what}"),
        ours: format!(
            "SELECT eventTime, eventName FROM cloudtrail WHERE {name} = '{value}' ORDER BY eventID"
        ),
        duckdb: format!("SELECT {TIME}, eventname FROM events WHERE {column} = '{value}' ORDER BY eventid"),
        most: 0.5,
    };
    let other = |what: &str, ours: &str, duckdb: &str| Question {
        what: what.to_owned(),
        ours: ours.to_owned(),
        duckdb: duckdb.to_owned(),
        most: 1.0,
    };
    let middle = one(
        "SELECT to_char(min(eventTime) + (max(eventTime) - min(eventTime)) / 2, '%Y-%m-%d %H:00:00') FROM cloudtrail",
    );
    let bucket = rarest("requestParameters.bucketName");
    let event = one("SELECT eventID FROM cloudtrail ORDER BY eventID LIMIT 1");
    vec![
        needle(
            "an access key",
            "userIdentity.accessKeyId",
            "useridentity_accesskeyid",
            &rarest("userIdentity.accessKeyId"),
        ),
        needle("an eventID", "eventID", "eventid", &event),
        needle("an address", "sourceIPAddress", "sourceipaddress", &rarest("sourceIPAddress")),
        other(
            "two hours, by service",
            &format!(
                "SELECT eventSource, count(*) AS n FROM cloudtrail WHERE eventTime >= '{middle}' AND eventTime < timestamp '{middle}' + interval '2 hours' GROUP BY 1 ORDER BY 1"
            ),
            &format!(
                "SELECT eventsource, count(*) FROM events WHERE eventtime >= '{middle}+00' AND eventtime < timestamptz '{middle}+00' + interval 2 hours GROUP BY 1 ORDER BY 1"
            ),
        ),
        other(
            "group-by over everything",
            "SELECT eventSource, eventName, count(*) AS n, count(DISTINCT userIdentity.arn) FROM cloudtrail GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20",
            "SELECT eventsource, eventname, count(*), count(DISTINCT useridentity_arn) FROM events GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20",
        ),
        other(
            "JSON path: a bucket",
            &format!(
                "SELECT eventName, count(*) FROM cloudtrail WHERE requestParameters.bucketName = '{bucket}' GROUP BY 1 ORDER BY 1"
            ),
            &format!(
                "SELECT eventname, count(*) FROM events WHERE json_extract_string(requestparameters, '$.bucketName') = '{bucket}' GROUP BY 1 ORDER BY 1"
            ),
        ),
        other(
            "JSON path: group-by",
            "SELECT requestParameters.bucketName AS b, count(*) AS n FROM cloudtrail WHERE requestParameters.bucketName IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
            "SELECT json_extract_string(requestparameters, '$.bucketName') AS b, count(*) AS n FROM events WHERE b IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
        ),
    ]
}

/// A time as ours is printed.
const TIME: &str = "strftime(eventtime AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')";

/// The median of the rounds in milliseconds, and the answer.
fn ask(runtime: &Runtime, engine: &Engine, sql: &str) -> (f64, String) {
    let answer = csv(runtime, engine, sql);
    let rounds = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        runtime.block_on(engine.sql(sql)).expect("an answer");
        began.elapsed().as_secs_f64() * 1e3
    });
    (median(rounds.collect()), answer)
}

/// An answer without its header.
fn csv(runtime: &Runtime, engine: &Engine, sql: &str) -> String {
    let answer = runtime.block_on(engine.sql(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut out = Vec::new();
    output::write(&answer, output::Format::Csv, &mut out).expect("text");
    let text = String::from_utf8(out).expect("text");
    text.split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
}

fn value(rows: &str) -> String {
    rows.trim_end().trim_matches('"').to_owned()
}

/// Milliseconds and answer of each; `None` where DuckDB cannot be installed.
fn duckdb(scratch: &Path, files: &str, questions: &[Question], rounds: usize) -> Option<Vec<(f64, String)>> {
    if std::env::var_os("TRAILHOUND_BENCH_NO_PEER").is_some() {
        return None;
    }
    let python = python::environment("duckdb")?;
    let asked = scratch.join("questions.json");
    let texts = questions.iter().map(|question| &question.duckdb).collect::<Vec<_>>();
    fs::write(&asked, serde_json::to_vec(&texts).expect("JSON")).expect("a file");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/ingest/duckdb_questions.py");
    let output = Command::new(python).arg(script).arg(files).arg(&asked).arg(rounds.to_string()).output();
    let output = output.expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("answers"))
}

/// Milliseconds from the start of a process to its end, the median.
fn process(lake: &Path, sql: &str) -> f64 {
    let once = || {
        let began = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailhound"));
        let status = command.args(["sql", sql, "--lake"]).arg(lake).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "trailhound sql failed");
        began.elapsed().as_secs_f64() * 1e3
    };
    median((0..ROUNDS).map(|_| once()).collect())
}

/// A count over the log files themselves.
fn raw(logs: &Path, scratch: &Path) {
    let sql = "SELECT eventName, count(*) AS n FROM cloudtrail GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10";
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhound"));
    let output =
        command.args(["sql", sql, "--format", "csv", "--raw"]).arg(logs).output().expect("trailhound");
    let seconds = began.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = said.split_once('\n').map_or("", |(_, rows)| rows).to_owned();
    let question = Question {
        what: String::new(),
        ours: String::new(),
        duckdb: format!(
            "SELECT r.eventName, count(*) FROM (SELECT unnest(Records) AS r FROM read_json('{}/**/*.json.gz', \
             columns = {{Records: 'STRUCT(eventName VARCHAR)[]'}}, maximum_object_size = 268435456)) \
             GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
            logs.display()
        ),
        most: 0.2,
    };
    match duckdb(scratch, "", &[question], 0).as_deref() {
        Some([(peer, answer)]) => {
            assert_eq!(&said, answer, "the files");
            let peer = peer / 1e3;
            println!(
                "| count by name over the log files, whole process | {seconds:.2} s | {peer:.2} s | {:.2} | 0.2 |",
                seconds / peer
            );
        }
        _ => println!("| count by name over the log files, whole process | {seconds:.2} s | | | |"),
    }
}
