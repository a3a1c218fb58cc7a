//! `trailhound sql "QUERY" --lake URL`

use super::Outcome;
use crate::engine::Engine;
use crate::output::{Format, Printer};
use crate::rules::params::Values;
use clap::Args;
use futures::TryStreamExt;
use std::io::BufWriter;
use trailhound_ingest::lake::Lake;

/// Ask the lake a question.
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// One statement that reads; tables: cloudtrail, aggregated, logfiles, quarantine, findings, notifications,
    /// `activity_hourly`, `baselines`, `actor_chain`.
    query: String,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// How the answer is printed.
    #[arg(long, default_value = "table")]
    format: Format,
}

impl Sql {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let lake = Lake::open(&self.lake).await?;
        let (schema, mut rows) = Engine::open(&lake).await?.stream(&self.query, &Values::new()).await?;
        let mut printer = Printer::new(schema, self.format, BufWriter::new(std::io::stdout()));
        while let Some(batch) = rows.try_next().await? {
            printer.write(&batch)?;
        }
        printer.finish()?;
        Ok(Outcome::Done)
    }
}
