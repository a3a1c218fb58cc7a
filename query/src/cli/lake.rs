//! `trailhound lake …`: looking after the lake.

mod compact;
mod export_ddl;
mod info;
mod vacuum;

use super::{Outcome, export};
use clap::{Args, Subcommand, ValueEnum};
use trailhound_ingest::privacy::Privacy;

/// Look after the lake: merge small files, delete what nobody needs, see what is in it, export a part, show it to Athena.
#[derive(Debug, Args)]
pub(crate) struct Lake {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Merge small data files into large ones, and drop duplicates that came late.
    Compact(compact::Compact),
    /// Delete data files and log entries that no kept version needs.
    Vacuum(vacuum::Vacuum),
    /// See what is in the lake, and for which hours no log object was read.
    Info(info::Info),
    /// Write a part of the lake back as log files of CloudTrail, redacted as `[privacy]` says.
    Export(export::Export),
    // Its words, the long ones included, are those of the struct.
    ExportDdl(export_ddl::ExportDdl),
}

/// How the counters are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReportFormat {
    /// One JSON object.
    Json,
}

impl Lake {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        match self.verb {
            Verb::Compact(verb) => verb.run().await,
            Verb::Vacuum(verb) => verb.run().await,
            Verb::Info(verb) => verb.run().await,
            Verb::Export(verb) => verb.run(privacy).await,
            Verb::ExportDdl(verb) => verb.run(),
        }
    }
}
