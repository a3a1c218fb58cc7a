//! `trailhound lake vacuum --lake URL`

use super::ReportFormat;
use crate::cli::{Outcome, say};
use crate::output::visible::visible;
use crate::rules::duration::Seconds;
use clap::Args;
use std::io::Write;
use std::time::Duration;
use trailhound_ingest::lake::{Lake, VacuumConfig};

/// Delete data files and log entries that no kept version needs.
#[derive(Debug, Args)]
pub(crate) struct Vacuum {
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// How long versions stay readable; at least six hours, since a writer may take that long to commit a file.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span)]
    keep: Duration,
    /// Delete nothing, and print on stdout what would go.
    #[arg(long)]
    dry_run: bool,
    /// Print the counters as one JSON object on stdout, instead of a line on stderr.
    #[arg(long, conflicts_with = "dry_run")]
    report: Option<ReportFormat>,
}

/// `7d` → a time.
fn span(text: &str) -> Result<Duration, String> {
    let micros = Seconds::parse(text).and_then(|span| u64::try_from(span.micros()).ok());
    micros.map(Duration::from_micros).ok_or_else(|| "a span is needed, such as 12h or 7d".to_owned())
}

impl Vacuum {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        // A lake must be there; a table that an older one lacks is made.
        Lake::open(&self.lake).await?;
        let lake = Lake::create_or_open(&self.lake).await?;
        let config = VacuumConfig { keep: self.keep, dry_run: self.dry_run };
        let mut out = std::io::stdout().lock();
        let mut printed = Ok(());
        let done = lake
            .vacuum(config, |file| {
                if config.dry_run && printed.is_ok() {
                    printed = writeln!(out, "{}/{}", file.table.name(), visible(&file.path));
                }
            })
            .await?;
        printed?;
        match self.report {
            None => say(&done.to_string()),
            Some(ReportFormat::Json) => writeln!(out, "{}", serde_json::to_string(&done)?)?,
        }
        Ok(Outcome::Done)
    }
}
