//! `trailhound rules new ID`: a rule that passes its tests, to be changed.

use super::{Source, say};
use crate::cli::Outcome;
use crate::rules::{Kind, begin};
use clap::Args;
use std::path::PathBuf;

/// Begin a rule.
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(flatten)]
    source: Source,
    /// The folder of the rule below that of all rules, which is `detections` unless `--rules` says otherwise.
    #[arg(long, required = true)]
    family: String,
    /// How it looks at events.
    #[arg(long, default_value = "match")]
    kind: Kind,
    /// The rule: `bucket_policy_deleted`.
    id: String,
}

impl New {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let folder = self.source.rules.first().cloned().unwrap_or_else(|| PathBuf::from("detections"));
        let path = folder.join(&self.family).join(format!("{}.toml", self.id));
        let text = begin::text(&self.id, &self.family, self.kind)?;
        if path.exists() {
            anyhow::bail!("{} is there already", path.display());
        }
        let place = path.display().to_string();
        let parent = path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        std::fs::create_dir_all(&parent)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| anyhow::anyhow!("cannot write {place}: {error}"))?;
        super::print(&format!("{place}\n"))?;
        say(&format!(
            "hint: change it, then `trailhound rules test --rules {0} {1}` and `trailhound rules lint --rules {0} {1}`",
            folder.display(),
            self.id
        ));
        Ok(Outcome::Done)
    }
}
