//! `trailhound lake export`

use super::settings::privacy::Privacy;
use super::{Outcome, export};
use clap::{Args, Subcommand};

/// Look after the lake.
#[derive(Debug, Args)]
pub(crate) struct Lake {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a part of the lake back as log files of CloudTrail, redacted as `[privacy]` says.
    Export(export::Export),
}

impl Lake {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        match self.verb {
            Verb::Export(verb) => verb.run(privacy).await,
        }
    }
}
