//! The files in `tests/slt`: questions over thirty hand-made records, with their answers.
//!
//! Each file runs to its end: a failure names the file, the line and the difference, and does not hide the next one.
//! `TRAILHOUND_UPDATE=1 cargo test` writes the answers anew; what changed is then for a person to read.

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use sqllogictest::runner::{default_normalizer, default_validator, strict_column_validator};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, QueryExpect, Record, Runner, parse_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailhound::{Answer, Engine, Error};
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest};

/// Records in `events.json`.
const RECORDS: u64 = 30;

/// A lake, as the runner sees it.
#[derive(Clone)]
pub(crate) struct Database(pub(crate) Arc<Engine>);

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let answer = self.0.sql(sql).await?;
        output(&answer)
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &'static str {
        "trailhound"
    }
}

/// An answer, as the runner compares it.
pub(crate) fn output(answer: &Answer) -> Result<DBOutput<DefaultColumnType>, Error> {
    let types = answer.schema.fields().iter().map(|field| kind(field.data_type())).collect();
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        rows.extend(
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|c| cell(&c.value(row).to_string())).collect()),
        );
    }
    Ok(DBOutput::Rows { types, rows })
}

fn kind(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => DefaultColumnType::Text,
        data_type if data_type.is_integer() => DefaultColumnType::Integer,
        data_type if data_type.is_floating() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Any,
    }
}

fn cell(text: &str) -> String {
    if text.is_empty() { "(empty)".to_owned() } else { text.to_owned() }
}

/// A lake of the records in `folder`, below `dir`.
async fn engine(folder: &Path, dir: &Path) -> Arc<Engine> {
    let lake = dir.join("lake").to_string_lossy().into_owned();
    let events = folder.join("events.json").to_string_lossy().into_owned();
    let report = ingest(&IngestConfig::new(vec![events], lake.clone()), Arc::new(())).await.unwrap();
    assert_eq!((report.written, report.quarantined), (RECORDS, 0), "{report}");
    Arc::new(Engine::open(&Lake::open(&lake).await.unwrap()).await.unwrap())
}

/// The `.slt` files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "slt")).collect::<Vec<_>>();
    files.sort();
    files
}

#[tokio::test]
async fn questions_have_their_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(&folder, dir.path()).await;
    let count = files(&folder).len();
    assert!(count >= 12, "{count}");
    let Asked { queries, wrong } = ask(&folder, Database(engine)).await;
    assert!(wrong.is_empty(), "{} of {queries} wrong\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What came of a folder of questions.
pub(crate) struct Asked {
    /// How many were to be answered.
    pub(crate) queries: usize,
    /// Those, and refusals, that were not as expected.
    pub(crate) wrong: Vec<String>,
}

/// Asks what is in the files of a folder, or writes the answers anew.
pub(crate) async fn ask<D>(folder: &Path, database: D) -> Asked
where
    D: AsyncDB<Error = Error, ColumnType = DefaultColumnType> + Clone,
{
    let (mut queries, mut wrong) = (0, Vec::new());
    for file in files(folder) {
        let mut runner = Runner::new(|| async { Ok(database.clone()) });
        runner.with_column_validator(strict_column_validator);
        if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
            let (validator, normalizer) = (default_validator, default_normalizer);
            let update = runner.update_test_file(&file, " ", validator, normalizer, strict_column_validator);
            update.await.unwrap();
            continue;
        }
        for record in parse_file(&file).unwrap() {
            queries += usize::from(matches!(record, Record::Query { .. }));
            wrong.extend(by_luck(&record));
            if let Err(error) = runner.run_async(record).await {
                wrong.push(error.display(false).to_string());
            }
        }
    }
    Asked { queries, wrong }
}

/// What is wrong with a question that the engine may answer differently every time: nothing orders its rows, and there
/// are several of them or a LIMIT chose which to show.
fn by_luck(record: &Record<DefaultColumnType>) -> Option<String> {
    let Record::Query { sql, loc, expected: QueryExpect::Results { results, sort_mode, .. }, .. } = record
    else {
        return None;
    };
    let text = sql.to_lowercase();
    let limit = text.rsplit_once("limit ").map(|(_, after)| after.trim_end_matches([';', ' ', '\n']));
    let cut = limit.is_some_and(|limit| limit == results.len().to_string());
    let several =
        results.len() > 1 && sort_mode.is_none() && text.contains(" from ") && !text.contains("(values");
    let luck = !text.contains("order by") && (cut || several);
    luck.then(|| format!("{loc}: an answer by luck; say ORDER BY, or rowsort\n{sql}"))
}
