//! `trailhound ingest SRC… --lake URL`

use super::limits::LimitFlags;
use super::progress::Bar;
use super::range::Range;
use super::{Outcome, say};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::sync::Arc;
use trailhound_ingest::{IngestConfig, Report, ingest};

/// Read log files into the lake.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// Files, folders, or `s3://bucket/prefix`.
    #[arg(required = true)]
    sources: Vec<String>,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    #[command(flatten)]
    range: Range,
    /// Print the counters as one JSON object on stdout, instead of a line on stderr.
    #[arg(long)]
    report: Option<ReportFormat>,
    /// Exit with 3 when a single record was quarantined; without it only when a whole file was.
    #[arg(long)]
    strict: bool,
    /// Inflated bytes of a batch; a smaller one needs less memory.
    #[arg(long, value_name = "BYTES")]
    batch_bytes: Option<usize>,
    /// Batches that are worked on at the same time.
    #[arg(long)]
    workers: Option<usize>,
    #[command(flatten)]
    limits: LimitFlags,
}

/// How the counters are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReportFormat {
    /// One JSON object.
    Json,
}

impl Ingest {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let strict = self.strict;
        let format = self.report;
        let bar = Arc::new(Bar::new());
        let report = ingest(&self.config()?, Arc::clone(&bar) as Arc<dyn trailhound_ingest::Progress>).await;
        bar.finish();
        let report = report?;
        say_problems(&report);
        match format {
            None => say(&report.to_string()),
            Some(ReportFormat::Json) => writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?,
        }
        Ok(outcome(&report, strict))
    }

    fn config(self) -> anyhow::Result<IngestConfig> {
        let days = self.range.days()?;
        let mut config = IngestConfig { days, ..IngestConfig::new(self.sources, self.lake) };
        config.limits = self.limits.into();
        config.batch_bytes = self.batch_bytes.unwrap_or(config.batch_bytes);
        config.workers = self.workers.unwrap_or(config.workers);
        Ok(config)
    }
}

/// Lines of problems on stderr, at most; `--report json` has all.
const SHOWN: usize = 1000;

fn say_problems(report: &Report) {
    for problem in report.problems.iter().take(SHOWN) {
        say(problem);
    }
    if report.problems.len() > SHOWN {
        say(&format!("and {} more, which `--report json` lists", report.problems.len() - SHOWN));
    }
}

/// A source that could not be read is an error; a file that could not be used is not silent.
fn outcome(report: &Report, strict: bool) -> Outcome {
    let failed = report.problems.len() as u64 > report.files_quarantined;
    match (failed, report.files_quarantined > 0 || (strict && report.quarantined > 0)) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Quarantined,
        (false, false) => Outcome::Done,
    }
}
