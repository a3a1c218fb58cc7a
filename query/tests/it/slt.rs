//! The files in `tests/slt`: questions over a dozen hand-made records, with their answers.
//!
//! `TRAILHOUND_UPDATE=1 cargo test` writes the answers anew; what changed is then for a person to read.

use async_trait::async_trait;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use sqllogictest::runner::{default_normalizer, default_validator};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner, default_column_validator};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailhound::{Engine, Error};
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest};

/// A lake, as the runner sees it.
struct Database(Arc<Engine>);

#[async_trait]
impl AsyncDB for Database {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let answer = self.0.sql(sql).await?;
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

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &'static str {
        "trailhound"
    }
}

fn kind(data_type: &datafusion::arrow::datatypes::DataType) -> DefaultColumnType {
    use datafusion::arrow::datatypes::DataType;
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

#[tokio::test]
async fn questions_have_their_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").to_string_lossy().into_owned();
    let events = folder.join("events.json").to_string_lossy().into_owned();
    let report = ingest(&IngestConfig::new(vec![events], lake.clone()), Arc::new(())).await.unwrap();
    assert_eq!((report.written, report.quarantined), (12, 0), "{report}");
    let engine = Arc::new(Engine::open(&Lake::open(&lake).await.unwrap()).await.unwrap());
    let mut files =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "slt"));
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    for file in files {
        let mut runner = Runner::new(|| async { Ok(Database(Arc::clone(&engine))) });
        if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
            let update = runner.update_test_file(
                &file,
                " ",
                default_validator,
                default_normalizer,
                default_column_validator,
            );
            update.await.unwrap();
        } else if let Err(error) = runner.run_file_async(&file).await {
            panic!("{}", error.display(false));
        }
    }
}
