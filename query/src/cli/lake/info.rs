//! `trailhound lake info --lake URL`

use crate::cli::Outcome;
use crate::engine::Answer;
use crate::error::Error;
use crate::output::{self, Format};
use clap::Args;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use trailhound_ingest::coverage::{Coverage, Gap};
use trailhound_ingest::info::{TableInfo, info};
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{CompactConfig, time};

/// Gaps that are shown without `--gaps`.
const SHOWN: usize = 10;

/// See what is in the lake, and for which hours no log object was read.
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// Print all hours without a log object, by account and region, instead of the tables.
    #[arg(long)]
    gaps: bool,
    /// How rows are printed; only a table has the summary of the gaps as well.
    #[arg(long, default_value = "table")]
    format: Format,
}

impl Info {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        if self.format == Format::Cloudtrail {
            anyhow::bail!(
                "what is in the lake is no CloudTrail record\nhint: --format takes table, json, ndjson, csv, parquet or markdown here"
            );
        }
        // A lake must be there; a table that an older one lacks is made.
        Lake::open(&self.lake).await?;
        let lake = Lake::create_or_open(&self.lake).await?;
        if self.gaps {
            return self.print(gaps(&Coverage::read(&lake).await?.gaps())?);
        }
        let tables = info(&lake, CompactConfig::default().target).await?;
        let is_for_people = self.format == Format::Table;
        self.print(table(&tables, is_for_people)?)?;
        if is_for_people {
            std::io::stdout().write_all(&summary(&Coverage::read(&lake).await?)?)?;
        }
        Ok(Outcome::Done)
    }

    fn print(&self, batch: RecordBatch) -> anyhow::Result<Outcome> {
        let answer = Answer { schema: batch.schema(), batches: vec![batch] };
        output::write(&answer, self.format, BufWriter::new(std::io::stdout()))?;
        Ok(Outcome::Done)
    }
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn numbers<T>(rows: &[T], of: impl Fn(&T) -> u64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| i64::try_from(of(row)).unwrap_or(i64::MAX))))
}

fn texts<T>(rows: &[T], of: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

fn table(tables: &[TableInfo], is_for_people: bool) -> Result<RecordBatch, Error> {
    let bytes =
        if is_for_people { texts(tables, |t| Some(size(t.bytes))) } else { numbers(tables, |t| t.bytes) };
    let columns: Columns = vec![
        ("table", texts(tables, |t| Some(t.table.to_owned()))),
        ("files", numbers(tables, |t| t.files)),
        ("small_files", numbers(tables, |t| t.small_files)),
        ("to_merge", numbers(tables, |t| t.to_merge)),
        ("rows", numbers(tables, |t| t.rows)),
        ("bytes", bytes),
        ("oldest", texts(tables, |t| t.oldest.clone())),
        ("newest", texts(tables, |t| t.newest.clone())),
        ("first_version", numbers(tables, |t| t.first_version)),
        ("version", numbers(tables, |t| t.version)),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn gaps(gaps: &[Gap]) -> Result<RecordBatch, Error> {
    let columns: Columns = vec![
        ("account", texts(gaps, |gap| Some(gap.account.clone()))),
        ("region", texts(gaps, |gap| Some(gap.region.clone()))),
        ("from", texts(gaps, |gap| Some(time::format(gap.from)))),
        ("until", texts(gaps, |gap| Some(time::format(gap.until)))),
        ("hours", numbers(gaps, |gap| gap.hours.unsigned_abs())),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Coverage in a few lines, and the longest gaps.
fn summary(coverage: &Coverage) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let Some((first, last)) = coverage.span() else {
        writeln!(out, "\nno log object names account, region and time, so there is no coverage to tell")?;
        return Ok(out);
    };
    let (with, hours) = coverage.hours();
    writeln!(
        out,
        "\ncoverage: {} log objects of {} accounts and regions, delivered from {} to {}\n{with} of {hours} hours have one ({} %)",
        coverage.objects,
        coverage.places(),
        time::format(first),
        time::format(last),
        with * 100 / hours.max(1),
    )?;
    let mut all = coverage.gaps();
    all.sort_by_key(|gap| std::cmp::Reverse(gap.hours));
    if all.is_empty() {
        return Ok(out);
    }
    writeln!(out, "\nthe longest gaps (where nothing happens, nothing is delivered)")?;
    let batch = gaps(&all[..all.len().min(SHOWN)])?;
    let answer = Answer { schema: batch.schema(), batches: vec![batch] };
    output::write(&answer, Format::Table, &mut out)?;
    if all.len() > SHOWN {
        writeln!(out, "and {} more: --gaps prints them all", all.len() - SHOWN)?;
    }
    Ok(out)
}

/// `97.5 MB`.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1000.0 && unit < units.len() - 1 {
        (size, unit) = (size / 1000.0, unit + 1);
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", units[unit]) }
}
