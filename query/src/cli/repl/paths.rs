//! Paths into JSON columns that are really there, for completion: looked up once, when first asked for, in a sample.
//!
//! A sample is bounded in every way: bytes of files, rows, time, rows of one kind of event, paths of one column. Keys come
//! from the log, so only those that look like keys are offered.

use super::Source;
use crate::engine::Engine;
use crate::names::{DOCUMENTED, is_json_column};
use crate::rules::params::Values;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use futures::StreamExt;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use trailhound_ingest::lake::LakeTable;

/// Bytes of the newest files of a lake that are looked at; one file in any case.
const BYTES: u64 = 16 << 20;
const ROWS: usize = 200_000;
/// How long a sample may take.
const TIME: Duration = Duration::from_secs(5);
/// How long whoever pressed a key waits for it; the next key finds what was not ready.
const WAIT: Duration = Duration::from_secs(2);
/// Rows with one event name whose JSON is read.
const OF_ONE_NAME: u32 = 30;
const PATHS: usize = 5000;
const DEPTH: usize = 6;
/// Characters of a key.
const KEY: usize = 64;

/// The paths of each JSON column, by its name in lower case.
type Sample = HashMap<String, BTreeSet<String>>;

/// Paths that are looked up when they are asked for.
pub(super) struct JsonPaths {
    engine: Arc<Engine>,
    source: Arc<Source>,
    state: Mutex<Lookup>,
}

enum Lookup {
    Not,
    Begun(Receiver<Sample>),
    Done(Sample),
}

impl JsonPaths {
    pub(super) fn new(engine: Arc<Engine>, source: Arc<Source>) -> Self {
        Self { engine, source, state: Mutex::new(Lookup::Not) }
    }

    /// The paths below `column`, sorted: `bucketName`, `ipPermissions.items[0].toPort`. Needs tokio's runtime.
    pub(super) fn below(&self, column: &str) -> Vec<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Lookup::Not = *state {
            let (sender, receiver) = channel();
            let (engine, source) = (Arc::clone(&self.engine), Arc::clone(&self.source));
            tokio::spawn(async move {
                // Completion without paths is what there is when this fails.
                let _ = sender.send(sample(&engine, &source).await.unwrap_or_default());
            });
            *state = Lookup::Begun(receiver);
        }
        if let Lookup::Begun(receiver) = &*state
            && let Ok(sample) = receiver.recv_timeout(WAIT)
        {
            *state = Lookup::Done(sample);
        }
        match &*state {
            Lookup::Done(sample) => sample
                .get(&column.to_lowercase())
                .map(|paths| paths.iter().cloned().collect())
                .unwrap_or_default(),
            _ => vec![],
        }
    }
}

/// The JSON columns, as AWS writes them.
pub(super) fn json_columns() -> impl Iterator<Item = &'static str> {
    DOCUMENTED.iter().copied().filter(|name| is_json_column(&name.to_lowercase()))
}

async fn sample(engine: &Arc<Engine>, source: &Source) -> Result<Sample, crate::Error> {
    let began = Instant::now();
    let newest = match source {
        Source::Lake(lake) => {
            let mut files = lake.snapshot(LakeTable::Events, None).await?.files;
            files.sort_by_key(|file| std::cmp::Reverse(file.modified_ms));
            let mut bytes = 0;
            let fits = |file: &trailhound_ingest::lake::LakeFile| {
                let fits = bytes < BYTES;
                bytes += file.size;
                fits
            };
            let files = files.into_iter().take_while(fits).collect();
            Some(Engine::over(lake, files)?)
        }
        Source::Raw(_) => None,
    };
    let engine = newest.as_ref().unwrap_or(engine);
    let columns = json_columns().collect::<Vec<_>>();
    let query = format!("SELECT eventName, {} FROM cloudtrail LIMIT {ROWS}", columns.join(", "));
    let (_, mut rows) = engine.stream(&query, &Values::new()).await?;
    let mut gathered = Gathered::default();
    let left = || TIME.saturating_sub(began.elapsed());
    while let Ok(Some(batch)) = tokio::time::timeout(left(), rows.next()).await {
        gathered.add(&columns, &batch?)?;
    }
    Ok(gathered.paths)
}

#[derive(Default)]
struct Gathered {
    paths: Sample,
    /// Rows that were read, by event name.
    seen: HashMap<String, u32>,
}

impl Gathered {
    /// Takes the paths of rows: an event name, then the JSON of `columns`.
    fn add(&mut self, columns: &[&str], batch: &RecordBatch) -> Result<(), crate::Error> {
        let texts = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let text = |at: usize| {
                let column = texts.get(at)?.as_string::<i32>();
                column.is_valid(row).then(|| column.value(row))
            };
            let seen = self.seen.entry(text(0).unwrap_or_default().to_owned()).or_default();
            *seen += 1;
            if *seen > OF_ONE_NAME {
                continue;
            }
            for (at, column) in columns.iter().enumerate() {
                let Some(value) = text(at + 1).and_then(|json| serde_json::from_str(json).ok()) else {
                    continue;
                };
                walk(&value, "", 0, self.paths.entry(column.to_lowercase()).or_default());
            }
        }
        Ok(())
    }
}

/// Adds the paths below a value.
fn walk(value: &Value, at: &str, depth: usize, paths: &mut BTreeSet<String>) {
    if depth == DEPTH || paths.len() >= PATHS {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter().filter(|(key, _)| is_key(key)).take(PATHS) {
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                walk(member, &path, depth + 1, paths);
                paths.insert(path);
            }
        }
        // One index is enough to see what is below it.
        Value::Array(members) if !at.is_empty() => {
            for member in members.iter().take(3) {
                let path = format!("{at}[0]");
                walk(member, &path, depth, paths);
                paths.insert(path);
            }
        }
        _ => {}
    }
}

/// Whether it can be typed without quotes.
fn is_key(key: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    key.len() <= KEY && key.bytes().all(fits) && !key.bytes().next().is_none_or(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_values() {
        let json =
            r#"{"a": {"b": [{"c": 1}, {"d": 2}]}, "e": null, "f\u001b[2J": 1, "1g": 1, "h i": {"j": 1}}"#;
        let mut paths = BTreeSet::new();
        walk(&serde_json::from_str(json).unwrap(), "", 0, &mut paths);
        assert_eq!(
            paths.into_iter().collect::<Vec<_>>(),
            ["a", "a.b", "a.b[0]", "a.b[0].c", "a.b[0].d", "e"]
        );
    }

    #[test]
    fn they_are_bounded() {
        let wide = (0..10_000).map(|n| format!("\"k{n}\":{{\"x\":1}}")).collect::<Vec<_>>().join(",");
        let mut paths = BTreeSet::new();
        walk(&serde_json::from_str(&format!("{{{wide}}}")).unwrap(), "", 0, &mut paths);
        assert!(paths.len() <= 2 * PATHS, "{}", paths.len());
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        let mut paths = BTreeSet::new();
        walk(&serde_json::from_str(&deep).unwrap(), "", 0, &mut paths);
        assert_eq!(paths.len(), DEPTH);
    }
}
