//! `trailhound lake export --where PREDICATE --out URL`

use super::progress::Bar;
use super::{Outcome, say};
use crate::export::{Wanted, export};
use clap::{Args, ValueEnum};
use std::io::Write;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::privacy::Privacy;

/// Write a part of the lake back as log files of CloudTrail, redacted as `[privacy]` says.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The events to write (aggregated records are not among them): SQL on `cloudtrail`, such as "recipientAccountId = '111122223333'"; `true` for all.
    #[arg(long = "where", value_name = "PREDICATE", required = true)]
    predicate: String,
    /// Where to write them, below AWSLogs/: a folder, or `s3://bucket/prefix`.
    #[arg(long, value_name = "URL", required = true)]
    out: String,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// Bytes of a log file before it is compressed; CloudTrail writes up to 50 MB.
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    file_bytes: usize,
    /// Print the counters as one JSON object on stdout, instead of a line on stderr.
    #[arg(long)]
    report: Option<ReportFormat>,
}

/// How the counters are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReportFormat {
    /// One JSON object.
    Json,
}

impl Export {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        let redaction = privacy.redaction()?;
        let lake = Lake::open(&self.lake).await?;
        let wanted =
            Wanted { predicate: self.predicate, out: self.out, file_bytes: self.file_bytes, redaction };
        let bar = Bar::new();
        let report = export(&lake, &wanted, &bar).await;
        bar.finish();
        let report = report?;
        match self.report {
            None => say(&report.to_string()),
            Some(ReportFormat::Json) => writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?,
        }
        Ok(Outcome::Done)
    }
}
