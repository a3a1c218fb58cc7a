//! `trailhound ingest SRC… --lake URL`

use super::limits::LimitFlags;
use super::patience::span;
use super::progress::Bar;
use super::range::Range;
use super::{Outcome, metrics, say, stop};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use trailhound_ingest::config::Policy;
use trailhound_ingest::filter::Filter;
use trailhound_ingest::metrics::of_ingest;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::queue;
use trailhound_ingest::session::Delivered;
use trailhound_ingest::{IngestConfig, Report, ingest};

/// Read log files into the lake.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// Files, folders, `s3://bucket/prefix`; or the URL of one SQS queue with news of log files, which is worked on
    /// until the process is told to stop.
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
    /// Keep only records for which this is true, and count the others as filtered: `readOnly = false or eventSource in
    /// ('kms.amazonaws.com')`. Given more than once, all have to be true.
    #[arg(long, value_name = "PREDICATE")]
    filter: Vec<Filter>,
    /// Inflated bytes of a batch; a smaller one needs less memory.
    #[arg(long, value_name = "BYTES", default_value_t = defaults().batch_bytes)]
    batch_bytes: usize,
    /// How long a batch may wait until it is full: a slow source is committed as it comes. A worker of a queue makes fewer and
    /// larger commits with more, a third of the queue's visibility timeout at most.
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "5s")]
    batch_age: Duration,
    /// Batches that are worked on at the same time: two, where there are two cores.
    #[arg(long, default_value_t = defaults().workers, hide_default_value = true)]
    workers: usize,
    #[command(flatten)]
    limits: LimitFlags,
}

/// How the counters are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReportFormat {
    /// One JSON object.
    Json,
}

/// What the library does by itself.
fn defaults() -> IngestConfig {
    IngestConfig::new(vec![], String::new())
}

impl Ingest {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        let strict = self.strict;
        let format = self.report;
        let url = self.sources.iter().find(|source| queue::is_queue(source)).cloned();
        if let Some(url) = url {
            if self.sources.len() > 1 {
                anyhow::bail!(
                    "{url} is a queue\nhint: a queue is worked on alone, until the process is stopped"
                );
            }
            let report = queue::work(self.config(privacy)?, &url, stop::asked()?, &tell).await?;
            print(&report, format)?;
            return Ok(outcome(&report, strict));
        }
        let bar = Arc::new(Bar::new());
        let report =
            ingest(&self.config(privacy)?, Arc::clone(&bar) as Arc<dyn trailhound_ingest::Progress>).await;
        bar.finish();
        let report = report?;
        say_problems(&report);
        print(&report, format)?;
        metrics::tell("ingest", &of_ingest(&report, None))?;
        Ok(outcome(&report, strict))
    }

    fn config(self, privacy: &Privacy) -> anyhow::Result<IngestConfig> {
        let days = self.range.days()?;
        let mut config = IngestConfig { days, ..IngestConfig::new(self.sources, self.lake) };
        config.limits = self.limits.into();
        config.batch_bytes = self.batch_bytes;
        config.batch_age = self.batch_age;
        config.workers = self.workers;
        config.policy = Policy { filters: self.filter, redaction: privacy.redaction()? };
        Ok(config)
    }
}

fn print(report: &Report, format: Option<ReportFormat>) -> anyhow::Result<()> {
    match format {
        None => say(&report.to_string()),
        Some(ReportFormat::Json) => writeln!(std::io::stdout(), "{}", serde_json::to_string(report)?)?,
    }
    Ok(())
}

/// A window of the queue, for who watches.
fn tell(delivered: &Delivered) {
    say_problems(&delivered.report);
    tracing::info!("{}", delivered.report);
    if let Err(error) = metrics::tell("ingest", &of_ingest(&delivered.report, delivered.oldest)) {
        tracing::warn!(%error, "metrics were not written");
    }
}

/// Lines of problems on stderr, at most; `--report json` has all.
const SHOWN: usize = 1000;

pub(super) fn say_problems(report: &Report) {
    for problem in report.problems.iter().take(SHOWN) {
        say(problem);
    }
    if report.problems.len() > SHOWN {
        say(&format!("and {} more, which `--report json` lists", report.problems.len() - SHOWN));
    }
}

/// A source that could not be read is an error; a file that could not be used is not silent.
pub(super) fn outcome(report: &Report, strict: bool) -> Outcome {
    let failed = report.problems.len() as u64 > report.files_quarantined;
    match (failed, report.files_quarantined > 0 || (strict && report.quarantined > 0)) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Quarantined,
        (false, false) => Outcome::Done,
    }
}
