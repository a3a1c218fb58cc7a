//! Investigations over the sample logs: `tests/cookbook/*.slt`, where a question is the end of a command line.
//!
//! `AWSLogs` beside them has what the sample logs lack: a chain of roles across accounts, and a key in two networks.

use crate::product::{run, text, trailhound};
use crate::slt::{Asked, ask, output};
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use trailhound::cookbook::Cookbook;
use trailhound::{Engine, Error};
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest};

/// The sign-in of the stolen root user.
const EVENT: &str = "ed1ea1f2-98d3-4c9c-a3b7-1122e7142024";

/// A lake and the cookbook, as the runner sees them.
#[derive(Clone)]
struct Database {
    engine: Arc<Engine>,
    cookbook: Arc<Cookbook>,
    /// Those that had an answer with rows.
    answered: Arc<Mutex<BTreeSet<String>>>,
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, line: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let mut words = words(line).into_iter();
        let one = self.cookbook.get(&words.next().unwrap())?;
        let mut given = BTreeMap::new();
        while let Some(name) = words.next() {
            given.insert(name.trim_start_matches("--").to_owned(), words.next().unwrap());
        }
        let (schema, rows) = self.engine.stream(&one.sql, &one.values(&given)?).await?;
        let batches = rows.try_collect::<Vec<_>>().await?;
        if batches.iter().any(|batch| batch.num_rows() > 0) {
            self.answered.lock().unwrap().insert(one.name.clone());
        }
        output(&trailhound::Answer { schema, batches })
    }

    async fn shutdown(&mut self) {}
}

/// The words of a line; one with spaces is in double quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cookbook")
}

fn sources() -> Vec<String> {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs");
    [logs, folder().join("AWSLogs")].map(|path| path.to_string_lossy().into_owned()).to_vec()
}

async fn database(dir: &Path) -> Database {
    let lake = dir.join("lake").to_string_lossy().into_owned();
    let report = ingest(&IngestConfig::new(sources(), lake.clone()), Arc::new(())).await.unwrap();
    assert_eq!(report.quarantined, 0, "{report}");
    let engine = Engine::open(&Lake::open(&lake).await.unwrap()).await.unwrap();
    let cookbook = Arc::new(Cookbook::load(&[]).unwrap());
    Database { engine: Arc::new(engine), cookbook, answered: Arc::default() }
}

#[tokio::test]
async fn every_investigation_has_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let database = database(dir.path()).await;
    let Asked { wrong, .. } = ask(&folder(), database.clone()).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // When and from where an event was read is another answer every time.
    database.clone().run(&format!("event --id {EVENT}")).await.unwrap();
    let answered = database.answered.lock().unwrap();
    let all = database.cookbook.investigations().iter().map(|one| one.name.clone()).collect::<BTreeSet<_>>();
    let silent = all.difference(&answered).collect::<Vec<_>>();
    assert!(silent.is_empty(), "these have no question with rows: {silent:?}");
}

/// Whatever a text holds, it is a value: nothing fails, and nothing is found that is not named so.
#[tokio::test]
async fn hostile_values_are_inert() {
    let dir = tempfile::tempdir().unwrap();
    let database = database(dir.path()).await;
    let mut asked = 0;
    for one in database.cookbook.investigations() {
        for hostile in [
            "' OR '1'='1",
            "%",
            "x' UNION SELECT * FROM cloudtrail --",
            "\\'; $since",
            "_.*[",
            "\u{1b}[31m\u{0}",
        ] {
            let texts = one.params.iter().filter(|param| param.type_name == "text").collect::<Vec<_>>();
            if texts.is_empty() {
                continue;
            }
            let mut given = texts
                .iter()
                .map(|param| (param.name.clone(), hostile.to_owned()))
                .collect::<BTreeMap<_, _>>();
            if one.params.iter().any(|param| param.name == "since") {
                given.insert("since".to_owned(), "2026-03-17".to_owned());
            }
            let rows = match database.engine.stream(&one.sql, &one.values(&given).unwrap()).await {
                Ok((_, rows)) => rows.try_collect::<Vec<_>>().await,
                Err(error) => Err(error),
            };
            let rows = rows.unwrap_or_else(|error| panic!("{} {hostile:?}: {error}", one.name));
            let count = rows.iter().map(RecordBatch::num_rows).sum::<usize>();
            // A verdict is always given: one row for each account.
            let expected = if one.chapter == "Proof" { 4 } else { 0 };
            // A percent sign is in names of real things; it must not stand for all of them.
            assert!(
                count == expected || (hostile == "%" && count < 100),
                "{} {hostile:?}: {count} rows",
                one.name
            );
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
}

#[test]
fn the_verb_runs_lists_shows_and_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    run(trailhound(["ingest"]).args(sources()).arg("--lake").arg(&lake));
    let ask = |args: &[&str]| {
        let output = run(trailhound(["run"]).args(args).env("TRAILHOUND_LAKE", &lake));
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (_, list, _) = ask(&["--format", "csv"]);
    assert!(list.lines().count() > 40 && list.contains("who-used-key"), "{list}");
    // Flags may stand before and after, and among, params.
    let key = "AKIACILEGACYEXAMPLE0";
    let expected = ask(&["--format", "csv", "who-used-key", "--key", key]).1;
    assert!(expected.lines().count() == 2 && expected.contains("203.0.113.77"), "{expected}");
    assert_eq!(
        ask(&["who-used-key", "--format=csv", &format!("--key={key}"), "--since", "2026-03-17"]).1,
        expected
    );
    assert_eq!(ask(&["who-used-key", "--key", key, "--format", "csv", "--until", "now"]).1, expected);
    // What is shown is what runs, without params.
    let (_, shown, _) = ask(&["who-used-key", "--key", key, "--show"]);
    let shown = run(trailhound(["sql", &shown, "--format", "csv", "--lake"]).arg(&lake));
    assert_eq!(text(&shown.stdout), expected);
    let (_, help, _) = ask(&["who-used-key", "--key", key, "--help"]);
    assert!(help.contains("trailhound run who-used-key --key TEXT [--since TIME]"), "{help}");
    let (_, record, _) = ask(&["event", "--id", EVENT, "--format", "cloudtrail"]);
    assert!(record.starts_with("{\"Records\":[{") && record.contains("203.0.113.66"), "{record}");
    // Raw, with a key none of whose events was delivered twice; and nothing found.
    let (raw, key) = (sources().remove(0), "AKIAROOTSTOLENEXAMPL");
    let (_, answer, _) = ask(&["who-used-key", "--raw", &raw, "--key", key, "--format", "csv"]);
    assert_eq!(answer, ask(&["who-used-key", "--key", key, "--format", "csv"]).1);
    let (code, _, said) = ask(&["who-used-key", "--key", "AKIANOBODY"]);
    assert!(code == Some(0) && said.contains("nothing was found"), "{said}");
    for (args, words) in [
        (&["who-used-ke"][..], "did you mean who-used-key?"),
        (&["who-used-key"], "who-used-key needs --key: the access key"),
        (&["who-used-key", "--kye", "x"], "has no param --kye\nhint: did you mean --key?"),
        (&["who-used-key", "--key"], "--key needs a value"),
        (&["who-used-key", "--key", "--format", "csv"], "--key needs a value"),
        (&["who-used-key", "x"], "a value has its param before it"),
        (&["who-used-key", "--key", "x", "--key", "y"], "--key is there twice"),
        (&["who-used-key", "--key", "x", "--since", "lately"], "--since: \"lately\" is no time"),
    ] {
        let (code, _, said) = ask(args);
        assert!(code == Some(2) && said.contains(words) && said.lines().count() <= 2, "{args:?}: {said}");
    }
}

#[test]
fn own_files_run() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, own) = (dir.path().join("lake"), dir.path().join("own"));
    run(trailhound(["ingest"]).arg(folder().join("AWSLogs")).arg("--lake").arg(&lake));
    std::fs::create_dir(&own).unwrap();
    let file = "-- Mine: count\n-- How many there are.\n-- $name text: a name\nSELECT count(*) AS n, $name AS name FROM cloudtrail\n";
    std::fs::write(own.join("count.sql"), file).unwrap();
    let ask = || {
        let mut command = trailhound(["run", "count", "--name", "it's", "--format", "csv", "--lake"]);
        command.arg(&lake);
        command
    };
    let by_flag = run(ask().arg("--cookbook").arg(&own));
    let by_variable = run(ask().env("TRAILHOUND_COOKBOOK", &own));
    assert!(text(&by_flag.stdout).ends_with(",it's\n"), "{}", text(&by_flag.stderr));
    assert_eq!(by_flag.stdout, by_variable.stdout);
    std::fs::write(own.join("count.sql"), "SELECT 1\n").unwrap();
    let refused = run(ask().arg("--cookbook").arg(&own));
    let said = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("count.sql: line 1 must be"), "{said}");
}
