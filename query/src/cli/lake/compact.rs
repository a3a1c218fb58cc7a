//! `trailhound lake compact --lake URL`

use super::ReportFormat;
use crate::cli::metrics::{self, count};
use crate::cli::progress::Bar;
use crate::cli::range::Range;
use crate::cli::{Outcome, say};
use clap::Args;
use std::io::Write;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{CompactConfig, compact};

/// Merge small data files into large ones, and drop duplicates that came late.
#[derive(Debug, Args)]
pub(crate) struct Compact {
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    #[command(flatten)]
    range: Range,
    /// Bytes that a data file should have; one of half the size is left alone.
    #[arg(long, value_name = "BYTES", default_value_t = CompactConfig::default().target)]
    target_bytes: u64,
    /// Bytes that rows may take in memory; the process takes about twice as much, and 50 MB.
    #[arg(long, value_name = "BYTES", default_value_t = CompactConfig::default().memory, value_parser = memory)]
    memory_bytes: usize,
    /// Print the counters as one JSON object on stdout, instead of a line on stderr.
    #[arg(long)]
    report: Option<ReportFormat>,
}

/// With less than this no two files fit, and nothing would be merged without a word.
const LEAST_MEMORY: usize = 16 << 20;

fn memory(text: &str) -> Result<usize, String> {
    let bytes = text.parse::<usize>().map_err(|error| error.to_string())?;
    if bytes < LEAST_MEMORY {
        return Err(format!("{LEAST_MEMORY} bytes are needed at least"));
    }
    Ok(bytes)
}

impl Compact {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let days = self.range.days()?;
        let config = CompactConfig { target: self.target_bytes, memory: self.memory_bytes, days };
        // A lake must be there; a table that an older one lacks is made.
        Lake::open(&self.lake).await?;
        let lake = Lake::create_or_open(&self.lake).await?;
        let bar = Bar::of("files");
        let done = compact(&lake, &config, &bar).await;
        bar.finish();
        let done = done?;
        for problem in &done.problems {
            say(problem);
        }
        match self.report {
            None => say(&done.to_string()),
            Some(ReportFormat::Json) => writeln!(std::io::stdout(), "{}", serde_json::to_string(&done)?)?,
        }
        let merged = usize::try_from(done.files_in).unwrap_or(usize::MAX);
        let metrics = [("FilesMerged", "Count", count(merged)), ("DurationSeconds", "Seconds", done.seconds)];
        metrics::tell("compact", &metrics)?;
        Ok(if done.problems.is_empty() { Outcome::Done } else { Outcome::Failed })
    }
}
