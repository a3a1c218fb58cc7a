//! `trailhound detect --lake URL`

use super::destinations::{self, Destinations};
use super::geoip::tell_blind;
use super::local::{LocalFlag, ready};
use super::metrics::{self, count};
use super::range::Range;
use super::rules::Source;
use super::scratch::{RawFlag, Scratch};
use super::signals::unless_stopped;
use super::{Outcome, say};
use crate::detect::finding::batch;
use crate::detect::notify::Delivered;
use crate::detect::{Detected, detect};
use crate::engine::Answer;
use crate::output::{self, Format, findings};
use crate::rules::local::Applied;
use crate::rules::{Pack, Severity};
use clap::{Args, ValueEnum};
use std::io::{BufWriter, Write};
use trailhound_ingest::lake::Lake;
use trailhound_ingest::metrics::Metric;
use trailhound_ingest::privacy::Privacy;

/// Run the rules over what was ingested since the last run.
#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    #[command(flatten)]
    raw: RawFlag,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    local: LocalFlag,
    /// Exit with 1 when there is a new finding of this severity or a higher one.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// How findings are printed.
    #[arg(long, default_value = "table")]
    format: Format,
    /// Print the counters as one JSON object on stdout, instead of the findings.
    #[arg(long)]
    report: Option<ReportFormat>,
    #[command(flatten)]
    destinations: Destinations,
}

/// How the counters are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReportFormat {
    /// One JSON object.
    Json,
}

fn metrics_of(detected: &Detected, delivered: &[Delivered]) -> [Metric; 7] {
    [
        ("LagSeconds", "Seconds", detected.lag_seconds),
        ("Events", "Count", count(usize::try_from(detected.events).unwrap_or(usize::MAX))),
        ("Findings", "Count", count(detected.findings.len())),
        ("Hidden", "Count", count(detected.hidden.len())),
        ("Sent", "Count", count(sum(delivered, |to| to.sent))),
        ("Unsent", "Count", count(sum(delivered, |to| to.unsent))),
        ("DurationSeconds", "Seconds", detected.seconds),
    ]
}

fn sum(delivered: &[Delivered], of: impl Fn(&Delivered) -> usize) -> usize {
    delivered.iter().map(of).sum()
}

impl Detect {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        if self.format == Format::Cloudtrail {
            anyhow::bail!(
                "findings are no CloudTrail records\nhint: --format takes table, json, ndjson, csv, parquet or markdown here"
            );
        }
        if self.range.is_given() && self.raw.raw.is_empty() {
            anyhow::bail!(
                "--since and --until are for --raw\nhint: `trailhound rules backtest --since` looks at the past of a lake"
            );
        }
        let pack = Pack::load(&self.source.rules)?;
        tell_blind(pack.rules());
        let applied = self.local.apply(&pack)?;
        if self.raw.raw.is_empty() {
            self.over_the_lake(&pack, &applied).await
        } else {
            unless_stopped(Box::pin(self.over_files(&applied, privacy))).await
        }
    }

    async fn over_the_lake(&self, pack: &Pack, applied: &Applied) -> anyhow::Result<Outcome> {
        // Before the work: a topic that cannot be is an error at once.
        let destinations = self.destinations.open().await?;
        // A lake must be there; a table that an older one lacks is made.
        Lake::open(&self.lake).await?;
        let lake = Lake::create_or_open(&self.lake).await?;
        let detected = detect(&lake, &ready(applied)).await?;
        self.print(&detected)?;
        let rules = pack.rules().iter().collect::<Vec<_>>();
        let delivered = destinations::send(&lake, &destinations, &rules).await?;
        self.report(&detected, &delivered)?;
        metrics::tell("detect", &metrics_of(&detected, &delivered))?;
        Ok(self.outcome(&detected, &delivered))
    }

    /// What is found is nowhere but on stdout: a second run would send it again.
    async fn over_files(&self, applied: &Applied, privacy: &Privacy) -> anyhow::Result<Outcome> {
        if self.destinations.any() {
            say("findings of --raw are not sent: nothing would know that they were");
        }
        let scratch = Scratch::of(&self.raw.raw, &self.range, privacy).await?;
        let detected = detect(&scratch.lake, &ready(applied)).await?;
        self.print(&detected)?;
        self.report(&detected, &[])?;
        match self.outcome(&detected, &[]) {
            Outcome::Done => Ok(scratch.outcome()),
            found => Ok(found),
        }
    }

    /// Before they are sent: a topic that hangs must not hide them.
    fn print(&self, detected: &Detected) -> anyhow::Result<()> {
        if self.report.is_some() {
            return Ok(());
        }
        if self.format == Format::Table {
            let mut out = anstream::stdout().lock();
            findings::write(&detected.findings, &mut out)?;
            return Ok(());
        }
        let batch = batch(&detected.findings)?;
        let answer = Answer { schema: batch.schema(), batches: vec![batch] };
        output::write(&answer, self.format, BufWriter::new(std::io::stdout()))?;
        Ok(())
    }

    fn report(&self, detected: &Detected, delivered: &[Delivered]) -> anyhow::Result<()> {
        if self.report.is_some() {
            let mut report = serde_json::to_value(detected)?;
            report["sent"] = sum(delivered, |to| to.sent).into();
            report["unsent"] = sum(delivered, |to| to.unsent).into();
            report["destinations"] = serde_json::to_value(delivered)?;
            writeln!(std::io::stdout(), "{report}")?;
            return Ok(());
        }
        let Detected { rules, events, repeated, findings, hidden, seconds, .. } = detected;
        let hidden = if hidden.is_empty() {
            String::new()
        } else {
            format!(", {} hidden by exceptions", hidden.len())
        };
        let sent = sum(delivered, |to| to.sent);
        let sent = if delivered.is_empty() { String::new() } else { format!(", {sent} sent") };
        say(&format!(
            "{rules} rules over {events} new events: {} findings{hidden}, {repeated} hits of known findings{sent}, {seconds:.2} s",
            findings.len()
        ));
        destinations::say_problems(delivered);
        Ok(())
    }

    fn outcome(&self, detected: &Detected, delivered: &[Delivered]) -> Outcome {
        if delivered.iter().any(|to| to.unsent > 0) {
            return Outcome::Failed;
        }
        let is_bad = |severity: Severity| self.fail_on.is_some_and(|least| severity >= least);
        let bad = detected.findings.iter().any(|finding| is_bad(finding.severity));
        if bad { Outcome::Found } else { Outcome::Done }
    }
}
