//! Log files → a lake that goes when its question is answered, in a private folder below `TMPDIR`.
//!
//! Rules of every kind need what a lake has and files have not: each event once, in the order of its time. To read files
//! into one costs about as much as to scan them (see ingest/README.md), and so there is one way that rules run, not two.

use super::Outcome;
use super::ingest::{outcome, say_problems};
use super::progress::Bar;
use super::range::Range;
use super::say;
use anyhow::Context;
use clap::Args;
use std::sync::Arc;
use tempfile::TempDir;
use trailhound_ingest::config::Policy;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::{IngestConfig, Report, ingest};

/// Log files in the place of a lake, as flags.
#[derive(Debug, Default, Args)]
pub(crate) struct RawFlag {
    /// Take these log files instead of a lake: a file, a folder, or `s3://bucket/prefix`; can be given more than once.
    /// They are read into a temporary lake.
    #[arg(long, value_name = "SRC")]
    pub(crate) raw: Vec<String>,
}

/// Such a lake.
pub(crate) struct Scratch {
    pub(crate) lake: Lake,
    report: Report,
    // It goes with the value.
    _folder: TempDir,
}

impl Scratch {
    /// A lake of the log files in `raw`, of the days in `range`.
    ///
    /// # Errors
    /// There is no room for it, or a source is not there.
    pub(crate) async fn of(raw: &[String], range: &Range, privacy: &Privacy) -> anyhow::Result<Self> {
        // Only its owner can read what is in it.
        let folder = tempfile::Builder::new().prefix("trailhound-raw-").tempdir();
        let folder = folder.context("cannot make a temporary folder\nhint: TMPDIR says where")?;
        let place = folder.path().join("lake").to_string_lossy().into_owned();
        let config = IngestConfig {
            days: range.days()?,
            policy: Policy { filters: vec![], redaction: privacy.redaction()? },
            ..IngestConfig::new(raw.to_vec(), place.clone())
        };
        let bar = Arc::new(Bar::new());
        let report = ingest(&config, Arc::clone(&bar) as Arc<dyn trailhound_ingest::Progress>).await;
        bar.finish();
        let report = report?;
        say_problems(&report);
        say(&report.to_string());
        // What an ingest had nothing to write to is no lake yet.
        Ok(Self { lake: Lake::create_or_open(&place).await?, report, _folder: folder })
    }

    /// What became of the reading; the work on it may have ended otherwise.
    pub(crate) fn outcome(&self) -> Outcome {
        outcome(&self.report, false)
    }
}
