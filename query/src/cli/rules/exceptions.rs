//! `trailhound rules exceptions`: what was hidden, by which exception, how often.

use super::{Source, print_columns};
use crate::cli::Outcome;
use crate::cli::local::LocalFlag;
use crate::cli::range;
use crate::detect::finding;
use crate::output::Format;
use crate::rules::Pack;
use clap::Args;
use std::collections::BTreeMap;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::time;

/// List what the exceptions of the local policy have hidden.
#[derive(Debug, Args)]
pub(crate) struct Exceptions {
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    local: LocalFlag,
    /// Only what happened from then on: `7d`, `2026-03-17` or `2026-03-17T09:00Z`.
    #[arg(long, value_name = "TIME", value_parser = range::moment)]
    since: Option<i64>,
    /// How the list is printed.
    #[arg(long, default_value = "table")]
    format: Format,
}

/// What one exception has hidden of one rule.
#[derive(Default)]
struct Hidden {
    findings: i64,
    events: i64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Exceptions {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let lake = Lake::open(&self.lake).await?;
        let mut by = BTreeMap::<(String, String), Hidden>::new();
        // An exception that hides nothing is worth knowing as well.
        self.local.apply(&Pack::load(&self.source.rules)?)?;
        for exception in self.local.read()?.exceptions() {
            by.entry((exception.label(), exception.rule.clone())).or_default();
        }
        for finding in finding::hidden(&lake, self.since).await? {
            let Some(label) = finding.hidden_by() else { continue };
            // What the policy has now is shown once, by its rules.
            by.retain(|(known, _), hidden| known != label || hidden.findings > 0);
            let hidden = by.entry((label.to_owned(), finding.rule.clone())).or_default();
            hidden.findings += 1;
            hidden.events += finding.count;
            hidden.first = hidden.first.into_iter().chain([finding.first_time]).min();
            hidden.last = hidden.last.max(Some(finding.last_time));
        }
        let column = |value: fn(&(String, String), &Hidden) -> String| {
            by.iter().map(|(key, hidden)| value(key, hidden)).collect::<Vec<_>>()
        };
        let columns = vec![
            ("exception", column(|(label, _), _| label.clone())),
            ("rule", column(|(_, rule), _| rule.clone())),
            ("findings", column(|_, hidden| hidden.findings.to_string())),
            ("events", column(|_, hidden| hidden.events.to_string())),
            ("first", column(|_, hidden| hidden.first.map(time::format).unwrap_or_default())),
            ("last", column(|_, hidden| hidden.last.map(time::format).unwrap_or_default())),
        ];
        print_columns(columns, self.format)?;
        Ok(Outcome::Done)
    }
}
