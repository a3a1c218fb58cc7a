//! `trailhound sql "QUERY" --lake URL`

use super::Outcome;
use crate::engine::Engine;
use crate::output::{self, Format};
use clap::Args;
use std::io::{BufWriter, Write};
use trailhound_ingest::lake::Lake;

/// Ask the lake a question.
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// One statement that reads; tables: cloudtrail, aggregated, logfiles, quarantine, findings, notifications.
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
        let answer = Engine::open(&lake).await?.sql(&self.query).await?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        output::write(&answer, self.format, &mut out)?;
        out.flush()?;
        Ok(Outcome::Done)
    }
}
