//! `--local FILE`: the policy of this company, for every verb that runs or shows rules.

use super::say;
use crate::detect::Ready;
use crate::rules::Pack;
use crate::rules::local::{Applied, Local};
use clap::Args;
use std::path::PathBuf;
use trailhound_ingest::time;

/// Where the local policy is.
#[derive(Debug, Args)]
pub(crate) struct LocalFlag {
    /// The local policy: params, settings of single rules, and exceptions, in TOML.
    #[arg(long, value_name = "FILE", env = "TRAILHOUND_LOCAL")]
    local: Option<PathBuf>,
}

impl LocalFlag {
    /// The policy; an empty one if none is named.
    pub(crate) fn read(&self) -> anyhow::Result<Local> {
        Ok(self.local.as_deref().map(Local::read).transpose()?.unwrap_or_default())
    }

    /// The rules of `pack` as they are to run. What the person should know of exceptions is said.
    pub(crate) fn apply(&self, pack: &Pack) -> anyhow::Result<Applied> {
        let applied = self.read()?.apply(pack, time::day_of(time::now()))?;
        for notice in &applied.notices {
            say(&format!("warning: {notice}"));
        }
        Ok(applied)
    }
}

/// The rules for a run.
pub(crate) fn ready(applied: &Applied) -> Vec<Ready<'_>> {
    applied.rules.iter().map(|tuned| Ready { rule: &tuned.rule, set: &tuned.set }).collect()
}
