//! `trailhound sql "QUERY" --lake URL`, or `--raw SRC`

use super::ingest::{outcome, say_problems};
use super::progress::Bar;
use super::range::Range;
use super::screen::screen;
use super::{Outcome, say};
use crate::engine::Engine;
use crate::output::{Format, Printer};
use crate::rules::params::Values;
use clap::Args;
use futures::TryStreamExt;
use std::io::BufWriter;
use std::sync::Arc;
use trailhound_ingest::IngestConfig;
use trailhound_ingest::config::Policy;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::raw::Raw;

/// Ask the lake a question, or log files as they are.
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// One statement that reads; tables: cloudtrail, aggregated, logfiles, quarantine, findings, notifications,
    /// `activity_hourly`, `baselines`, `actor_chain`; queries for Athena and CloudTrail Lake run as they are.
    // A query may begin with a comment, `-- who`.
    #[arg(allow_hyphen_values = true)]
    pub(crate) query: String,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    pub(crate) lake: String,
    /// Ask these log files instead of a lake: a file, a folder, or `s3://bucket/prefix`; can be given more than once. The
    /// tables are cloudtrail and `actor_chain`, and an event that was delivered twice is there twice.
    #[arg(long, value_name = "SRC")]
    pub(crate) raw: Vec<String>,
    #[command(flatten)]
    pub(crate) range: Range,
    /// How the answer is printed.
    #[arg(long, default_value = "table")]
    pub(crate) format: Format,
}

impl Sql {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        Ok(self.ask(&Values::new(), privacy).await?.0)
    }

    /// The same with values for the `$names` of the query; and how many rows there were.
    pub(crate) async fn ask(self, values: &Values, privacy: &Privacy) -> anyhow::Result<(Outcome, usize)> {
        if self.raw.is_empty() {
            if self.range.is_given() {
                anyhow::bail!(
                    "--since and --until are for --raw\nhint: in a lake, say WHERE eventTime >= '2026-03-17'"
                );
            }
            let lake = Lake::open(&self.lake).await?;
            let rows = self.answer(&Engine::open(&lake).await?, values, &|| ()).await?;
            return Ok((Outcome::Done, rows));
        }
        let bar = Arc::new(Bar::new());
        let config = IngestConfig {
            days: self.range.days()?,
            policy: Policy { filters: vec![], redaction: privacy.redaction()? },
            ..IngestConfig::new(self.raw.clone(), String::new())
        };
        let raw =
            Arc::new(Raw::find(config, Arc::clone(&bar) as Arc<dyn trailhound_ingest::Progress>).await?);
        let answered = self.answer(&Engine::raw(Arc::clone(&raw))?, values, &|| bar.finish()).await;
        bar.finish();
        let rows = answered?;
        let report = raw.report();
        say_problems(&report);
        say(&format!(
            "{} records in {} of {} files read, {} quarantined",
            report.records_read,
            report.objects,
            raw.objects().len(),
            report.quarantined
        ));
        Ok((outcome(&report, false), rows))
    }

    /// Prints the answer, and counts its rows; `begin` is called before its first line.
    async fn answer(
        &self,
        engine: &Engine,
        values: &Values,
        begin: &(dyn Fn() + Sync),
    ) -> anyhow::Result<usize> {
        let (schema, mut rows) = engine.stream(&self.query, values).await?;
        let mut printer = Printer::new(schema, self.format, BufWriter::new(std::io::stdout())).on(screen());
        let mut count = 0;
        while let Some(batch) = rows.try_next().await? {
            begin();
            count += batch.num_rows();
            printer.write(&batch)?;
        }
        printer.finish()?;
        Ok(count)
    }
}
