//! `trailhound rules lint`

use super::{Source, print_columns, say};
use crate::cli::Outcome;
use crate::detect::harness;
use crate::output::Format;
use crate::rules::Pack;
use crate::rules::lint::{Remark, lint};
use clap::Args;

/// Look for what rules say and probably do not mean.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    #[command(flatten)]
    source: Source,
    /// How remarks are printed.
    #[arg(long, default_value = "table")]
    format: Format,
    /// Only these rules.
    ids: Vec<String>,
}

impl Lint {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let pack = Pack::load(&self.source.rules)?;
        let rules = pack.picked(&self.ids)?;
        let mut remarks = Vec::new();
        for &rule in &rules {
            remarks.extend(lint(rule));
            // It lints tests, which are read where they are run.
            remarks.extend(harness::near_misses(rule)?.into_iter().map(|verdict| Remark {
                file: rule.place.clone(),
                line: None,
                rule: rule.id.clone(),
                code: "no-near-miss",
                what: format!("the test {:?}: {}", verdict.test, verdict.failure.unwrap_or_default()),
                hint: "give it an event of a name that a firing test has".to_owned(),
            }));
        }
        if self.format == Format::Table {
            for Remark { file, line, code, what, hint, .. } in &remarks {
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                super::print(&format!("{file}{line}: {code}: {what}\n  hint: {hint}\n"))?;
            }
        } else {
            let column = |value: fn(&Remark) -> String| remarks.iter().map(value).collect::<Vec<_>>();
            let columns = vec![
                ("file", column(|remark| remark.file.clone())),
                ("line", column(|remark| remark.line.map(|line| line.to_string()).unwrap_or_default())),
                ("rule", column(|remark| remark.rule.clone())),
                ("code", column(|remark| remark.code.to_owned())),
                ("what", column(|remark| remark.what.clone())),
                ("hint", column(|remark| remark.hint.clone())),
            ];
            print_columns(columns, self.format)?;
        }
        say(&format!("{} rules, {} remarks", rules.len(), remarks.len()));
        Ok(if remarks.is_empty() { Outcome::Done } else { Outcome::Found })
    }
}
