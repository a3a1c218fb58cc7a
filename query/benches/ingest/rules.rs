//! Rules over new events: `detect` as a whole process, with none, 10, 50 and 250 rules, and the same predicates as
//! queries of DuckDB, each by itself, over the same Parquet files.
//!
//! The rules are made of the names that the events have, from the most frequent on, seven in ten of kind `match`, the
//! others thresholds, sequences and `first_seen`, each with a condition on JSON; 10 and 50 are some of the 250, evenly
//! spread. "None" is a rule that reads the same columns and no event meets. "The pack" are the rules in the binary.

use super::commands::Run;
use super::{commands, cpu, python};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Asks DuckDB: the lake and the file of queries are its arguments.
const ASK: &str = "import sys, duckdb\n\
    db = duckdb.connect(); db.execute('SET threads = 2')\n\
    db.execute(f\"CREATE VIEW events AS SELECT * FROM read_parquet('{sys.argv[1]}/events/**/*.parquet')\")\n\
    print(sum(db.execute(q).fetchone()[0] for q in open(sys.argv[2])))";

/// Rules, at most.
const MOST: usize = 250;

/// Predicates that DuckDB is asked as well.
const ASKED: usize = 100;

pub(crate) fn print(logs: &Path) {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-rules");
    let _ = fs::remove_dir_all(&scratch);
    let lake = scratch.join("lake");
    commands::ingest_into(logs, &lake);
    let names = names(&lake);
    let none = detect(&scratch, &lake, &[nothing()]);
    println!("\nnew events: {}, names: {}\n", none.records, names.len());
    println!("| rules | CPU s | × none | |\n|---|---|---|---|");
    let row = |what: &str, run: &Run| {
        let more = format!("{:.2} s wall, {:.0} MB peak, {} findings", run.wall, run.peak_mb, run.bytes_out);
        println!("| {what} | {:.2} | {:.2} | {more} |", run.cpu, run.cpu / none.cpu);
    };
    row("none", &none);
    for count in [10, 50, MOST] {
        let rules = (0..count).map(|number| rule(number * MOST / count, &names)).collect::<Vec<_>>();
        row(&count.to_string(), &detect(&scratch, &lake, &rules));
    }
    row("the pack", &detect(&scratch, &lake, &[]));
    let asked = (0..ASKED).map(|number| predicate(number, &names)).collect::<Vec<_>>();
    let rules = asked.iter().enumerate().map(|(number, asked)| asked.rule(number)).collect::<Vec<_>>();
    let ours = detect(&scratch, &lake, &rules);
    row(&format!("{ASKED} predicates"), &ours);
    match duckdb(&scratch, &lake, &asked) {
        Some((cpu, hits)) => println!(
            "| the same as {ASKED} queries of DuckDB | {cpu:.2} | {:.2} | {:.1} × ours, {hits} rows |",
            cpu / none.cpu,
            cpu / ours.cpu
        ),
        None => eprintln!("SKIPPED: DuckDB (needs python3 with venv, and a package index)"),
    }
    let _ = fs::remove_dir_all(&scratch);
}

/// `eventSource` without its ending and `eventName`, the most frequent first.
fn names(lake: &Path) -> Vec<(String, String)> {
    let query = "select replace(eventSource, '.amazonaws.com', '') as s, eventName as n from cloudtrail group by 1, 2 \
                 order by count(*) desc, 1, 2";
    let output = Command::new(env!("CARGO_BIN_EXE_trailhound"))
        .args(["sql", query, "--format", "ndjson", "--lake"])
        .arg(lake)
        .output()
        .expect("trailhound");
    let lines = String::from_utf8(output.stdout).expect("text");
    let pairs = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    let pairs = pairs
        .map(|row| (row["s"].as_str().unwrap_or("").to_owned(), row["n"].as_str().unwrap_or("").to_owned()));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    pairs.filter(|(source, name)| is_plain(source) && is_plain(name) && !source.is_empty()).collect()
}

/// What a rule says besides its events and conditions.
fn frame(id: &str, kind: &str, body: &str) -> (String, String) {
    let text = format!(
        "id = '{id}'\ntitle = 't'\nkind = '{kind}'\nseverity = 'low'\nstatus = 'stable'\nversion = 1\n\
         description = 'd'\nrunbook = 'r'\nalert = '{{actor}}'\n{body}\n\
         [[test]]\nname = 'a'\nfires = true\nevents = '{{}}'\n[[test]]\nname = 'b'\nfires = false\nevents = '{{}}'\n"
    );
    (id.to_owned(), text)
}

/// A rule that reads what others read, of an event that does not exist.
fn nothing() -> (String, String) {
    let body =
        "events = ['none:NoSuchEvent']\nwhere = \"requestParameters.a = 'x' AND responseElements.b = 'y'\"";
    frame("none", "match", body)
}

/// Keys that the parameters of many calls have.
const KEYS: [&str; 10] = [
    "bucketName",
    "roleArn",
    "userName",
    "instanceId",
    "policyArn",
    "functionName",
    "keyId",
    "secretId",
    "groupId",
    "name",
];

fn rule(number: usize, names: &[(String, String)]) -> (String, String) {
    let (source, name) = &names[number % names.len()];
    let (other_source, other_name) = &names[(number * 7 + 3) % names.len()];
    let (key, id) = (KEYS[number % KEYS.len()], format!("r{number}"));
    let condition = format!(
        "coalesce(requestParameters.{key}, '') LIKE '%a{}%' AND NOT in_list(actor, ['x'])",
        number % 10
    );
    let events = format!("events = ['{source}:{name}']\nwhere = \"{condition}\"");
    match number % 10 {
        7 => frame(
            &id,
            "threshold",
            &format!("{events}\nthreshold = {{ count = 40, within = '15m', by = ['actor'] }}"),
        ),
        8 => frame(
            &id,
            "sequence",
            &format!(
                "sequence = {{ by = ['actor'], within = '1h' }}\n\
                 step = [{{ name = 'a', events = ['{source}:{name}'], where = \"{condition}\" }}, \
                 {{ name = 'b', events = ['{other_source}:{other_name}'] }}]"
            ),
        ),
        9 => frame(
            &id,
            "first_seen",
            &format!("{events}\nfirst_seen = {{ keys = ['actor', 'eventName'], learn = '1d' }}"),
        ),
        _ => frame(&id, "match", &events),
    }
}

/// One of the predicates that both are asked.
struct Asked {
    source: String,
    name: String,
    key: &'static str,
    part: String,
}

fn predicate(number: usize, names: &[(String, String)]) -> Asked {
    let (source, name) = names[number % names.len()].clone();
    Asked { source, name, key: KEYS[number % KEYS.len()], part: format!("a{}", number % 10) }
}

impl Asked {
    fn rule(&self, number: usize) -> (String, String) {
        let Self { source, name, key, part } = self;
        let body = format!(
            "events = ['{source}:{name}']\noutcome = 'any'\nwhere = \"requestParameters.{key} LIKE '%{part}%'\""
        );
        frame(&format!("q{number}"), "match", &body)
    }

    fn sql(&self) -> String {
        let Self { source, name, key, part } = self;
        format!(
            "SELECT count(*) FROM events WHERE eventsource = '{source}.amazonaws.com' AND eventname = '{name}' \
             AND json_extract_string(requestparameters, '$.{key}') LIKE '%{part}%'"
        )
    }
}

/// Runs `detect` over a copy of the lake, with the rules in the binary if there are none; `bytes_out` of the run is the
/// number of findings.
fn detect(scratch: &Path, lake: &Path, rules: &[(String, String)]) -> Run {
    let (folder, copy) = (scratch.join("rules"), scratch.join("copy"));
    let _ = (fs::remove_dir_all(&folder), fs::remove_dir_all(&copy));
    fs::create_dir_all(folder.join("x")).expect("a folder");
    for (id, text) in rules {
        fs::write(folder.join("x").join(format!("{id}.toml")), text).expect("a rule");
    }
    let copied = Command::new("cp").arg("-r").arg(lake).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()), "the lake cannot be copied");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhound"));
    command.arg("detect").arg("--lake").arg(&copy).args(["--report", "json"]);
    if !rules.is_empty() {
        command.arg("--rules").arg(&folder);
    }
    let (before, began) = (cpu::children(), Instant::now());
    let mut process = command.stdout(Stdio::piped()).spawn().expect("trailhound");
    let mut peak_mb = 0.0_f64;
    while process.try_wait().expect("a child").is_none() {
        peak_mb = peak_mb.max(cpu::peak_mb(process.id()).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(10));
    }
    let wall = began.elapsed().as_secs_f64();
    let output = process.wait_with_output().expect("its output");
    assert!(output.status.success(), "trailhound detect failed");
    let report = serde_json::from_slice::<Value>(&output.stdout).expect("a report");
    let count = |key: &str| report[key].as_u64().expect("a counter");
    let findings = usize::try_from(count("findings")).expect("a number");
    Run { cpu: cpu::children() - before, wall, peak_mb, records: count("events"), bytes_out: findings }
}

/// CPU seconds of the queries, and how many rows they find; `None` where DuckDB cannot be installed.
fn duckdb(scratch: &Path, lake: &Path, asked: &[Asked]) -> Option<(f64, u64)> {
    if std::env::var_os("TRAILHOUND_BENCH_NO_PEER").is_some() {
        return None;
    }
    let python: PathBuf = python::environment("duckdb")?;
    let queries = scratch.join("queries.sql");
    fs::write(&queries, asked.iter().map(Asked::sql).collect::<Vec<_>>().join("\n")).expect("a file");
    let before = cpu::children();
    let output = Command::new(python).args(["-c", ASK]).arg(lake).arg(&queries).output().expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cpu = cpu::children() - before;
    Some((cpu, String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")))
}
