//! `trailhound verify SRC`

use super::progress::Bar;
use super::range::Range;
use super::{Outcome, say};
use crate::error::Error;
use crate::output::{Format, Printer};
use crate::public_keys::CloudTrailKeys;
use clap::{Args, ValueEnum};
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::io::{BufWriter, Stdout, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use trailhound_ingest::config::Limits;
use trailhound_ingest::digest::{
    Checked, Hear, KeyFile, KeySource, Signatures, Verified, VerifyConfig, verify,
};
use trailhound_ingest::lake::Lake;

/// Rows that are printed together.
const ROWS: usize = 512;

/// Check the digests of CloudTrail: was any log file changed, removed, planted, and which digests are forged or missing?
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A folder or `s3://bucket/prefix`: of a bucket, an organisation, an account or a region. All accounts and regions
    /// in it are looked at.
    source: String,
    #[command(flatten)]
    range: Range,
    /// CloudTrail's public keys, as `aws cloudtrail list-public-keys` prints them; without it, CloudTrail is asked.
    #[arg(long, value_name = "FILE")]
    public_keys: Option<PathBuf>,
    /// For a folder: the signatures of its digests, which are lost when they are copied; a JSON object with `object` (the key) and `signature` a line.
    /// Without it, the newest digest of each chain is unproven.
    #[arg(long, value_name = "FILE")]
    signatures: Option<PathBuf>,
    /// Note the verdicts in `logfiles.integrity` of this lake (a folder, or `s3://bucket/prefix`), and take the hashes that ingest computed.
    #[arg(long, value_name = "URL")]
    lake: Option<String>,
    /// Print what is valid as well, and not only what is not.
    #[arg(long)]
    all: bool,
    /// How verdicts are printed.
    #[arg(long, default_value = "table")]
    format: Format,
    /// Print the counters as one JSON object on stdout, instead of verdicts on stdout and a summary on stderr.
    #[arg(long)]
    report: Option<ReportFormat>,
}

/// How the counters are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReportFormat {
    /// One JSON object.
    Json,
}

impl Verify {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if self.format == Format::Cloudtrail {
            anyhow::bail!(
                "verdicts are no CloudTrail records\nhint: --format takes table, json, ndjson, csv, parquet or markdown here"
            );
        }
        let signatures = self.signatures.as_deref().map(Signatures::read).transpose()?.unwrap_or_default();
        let keys: Arc<dyn KeySource> = match &self.public_keys {
            Some(path) => Arc::new(KeyFile::read(path)?),
            None => Arc::new(CloudTrailKeys::default()),
        };
        let lake = match &self.lake {
            Some(url) => Some(Lake::open(url).await?),
            None => None,
        };
        let days = self.range.days()?;
        let config = VerifyConfig { source: self.source, days, signatures, limits: Limits::default() };
        let rows = self.report.is_none().then(|| Arc::new(Rows::new(self.format, self.all)));
        let heard = rows.clone();
        let hear: Arc<Hear> = Arc::new(move |checked| {
            if let Some(rows) = &heard {
                rows.hear(checked);
            }
        });
        let bar = Arc::new(Bar::of("log files"));
        let progress = Arc::clone(&bar) as Arc<dyn trailhound_ingest::Progress>;
        let verified = verify(config, lake.as_ref(), keys, hear, progress).await;
        bar.finish();
        let verified = verified?;
        match rows {
            Some(rows) => rows.finish()?,
            None => writeln!(std::io::stdout(), "{}", serde_json::to_string(&verified)?)?,
        }
        verified.problems.iter().for_each(|problem| say(problem));
        if self.report.is_none() {
            say(&verified.to_string());
        }
        Ok(outcome(&verified))
    }
}

/// What could not be looked at weighs more than what was found.
fn outcome(verified: &Verified) -> Outcome {
    match (verified.problems.is_empty(), verified.bad) {
        (false, _) => Outcome::Failed,
        (true, 0) => Outcome::Done,
        (true, _) => Outcome::Found,
    }
}

/// Prints verdicts as they come, some at a time.
struct Rows {
    all: bool,
    state: Mutex<State>,
}

struct State {
    waiting: Vec<Checked>,
    printer: Option<Printer<BufWriter<Stdout>>>,
    /// Whoever reads has gone, or the disk is full: told at the end, since nobody waits for verdicts.
    failed: Option<Error>,
}

impl Rows {
    fn new(format: Format, all: bool) -> Self {
        let printer = Some(Printer::new(schema(), format, BufWriter::new(std::io::stdout())));
        Self { all, state: Mutex::new(State { waiting: vec![], printer, failed: None }) }
    }

    fn hear(&self, checked: &Checked) {
        if !self.all && checked.is_fine {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_some() {
            return;
        }
        state.waiting.push(checked.clone());
        if state.waiting.len() >= ROWS
            && let Err(error) = state.print()
        {
            state.failed = Some(error);
        }
    }

    fn finish(&self) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.failed.take() {
            return Err(error);
        }
        state.print()?;
        state.printer.take().map_or(Ok(()), Printer::finish)
    }
}

impl State {
    fn print(&mut self) -> Result<(), Error> {
        let mut rows = std::mem::take(&mut self.waiting);
        let place = |row: &Checked| (row.account.clone(), row.region.clone(), row.time, row.file.clone());
        rows.sort_by_cached_key(|row| (place(row), row.kind));
        match &mut self.printer {
            Some(printer) if !rows.is_empty() => printer.write(&batch(&rows)?),
            _ => Ok(()),
        }
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("verdict", DataType::Utf8, false),
        Field::new("ok", DataType::Boolean, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("account", DataType::Utf8, false),
        Field::new("region", DataType::Utf8, false),
        Field::new("time", time.clone(), true),
        Field::new("until", time, true),
        Field::new("file", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, true),
    ]))
}

fn batch(rows: &[Checked]) -> Result<RecordBatch, Error> {
    let text = |of: &dyn Fn(&Checked) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let time = |of: &dyn Fn(&Checked) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let columns = vec![
        text(&|row| row.verdict.name()),
        Arc::new(rows.iter().map(|row| Some(row.is_fine)).collect::<BooleanArray>()),
        text(&|row| row.kind.name()),
        text(&|row| &row.account),
        text(&|row| &row.region),
        time(&|row| row.time),
        time(&|row| row.until),
        text(&|row| &row.file),
        Arc::new(rows.iter().map(|row| row.reason.as_deref()).collect::<StringArray>()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}
