//! `trailhound rules backtest`: what rules would have found, how much a day, and which exception would cut most noise.

use super::{Source, print, print_columns, say};
use crate::cli::Outcome;
use crate::cli::local::{LocalFlag, ready};
use crate::cli::range::{self, Range};
use crate::cli::scratch::{RawFlag, Scratch};
use crate::cli::signals::unless_stopped;
use crate::detect::backtest::{RuleReport, backtest, best_exception, reports};
use crate::output::Format;
use crate::rules::Pack;
use clap::Args;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::time;

/// See what rules would have found in the past.
#[derive(Debug, Args)]
pub(crate) struct Backtest {
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    #[command(flatten)]
    raw: RawFlag,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    local: LocalFlag,
    /// From when on: `30d`, `2026-03-17` or `2026-03-17T09:00Z`.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = range::moment)]
    since: i64,
    /// Only this rule; can be given more than once.
    #[arg(long, value_name = "ID")]
    rule: Vec<String>,
    /// Exit with 1 when there are more findings a day, on average: `20/day`.
    #[arg(long, value_name = "N/day", value_parser = budget)]
    budget: Option<u32>,
    /// How the counts are printed.
    #[arg(long, default_value = "table")]
    format: Format,
}

fn budget(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/day").and_then(|number| number.parse().ok());
    number.ok_or_else(|| "a budget is a number of findings a day, such as 20/day".to_owned())
}

impl Backtest {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        if self.raw.raw.is_empty() {
            return self.over(&Lake::open(&self.lake).await?).await;
        }
        unless_stopped(Box::pin(async {
            let range = Range::from(time::day_of(self.since));
            let scratch = Scratch::of(&self.raw.raw, &range, privacy).await?;
            match self.over(&scratch.lake).await? {
                Outcome::Done => Ok(scratch.outcome()),
                found => Ok(found),
            }
        }))
        .await
    }

    async fn over(&self, lake: &Lake) -> anyhow::Result<Outcome> {
        let pack = Pack::load(&self.source.rules)?;
        pack.picked(&self.rule)?;
        let mut applied = self.local.apply(&pack)?;
        applied.rules.retain(|tuned| self.rule.is_empty() || self.rule.contains(&tuned.rule.id));
        let rules = ready(&applied);
        let result = backtest(lake, &rules, self.since).await?;
        let mut reports = reports(&result, &rules);
        reports.retain(|report| report.findings + report.hidden > 0);
        self.print(&reports)?;
        let today = time::day_of(time::now());
        if let Some(best) = best_exception(&result, &rules, today).filter(|_| self.format == Format::Table) {
            print(&format!(
                "\n# It would hide {} of {} findings.\n{}",
                best.hides,
                result.shown(),
                best.toml
            ))?;
        }
        let a_day = result.a_day(result.shown());
        say(&format!(
            "{} rules over {} events of {} days: {} findings, {a_day:.1} a day",
            rules.len(),
            result.events,
            result.days,
            result.shown()
        ));
        match self.budget {
            Some(budget) if a_day > f64::from(budget) => {
                say(&format!("over the budget of {budget} a day"));
                Ok(Outcome::Found)
            }
            _ => Ok(Outcome::Done),
        }
    }

    fn print(&self, reports: &[RuleReport]) -> anyhow::Result<()> {
        let column = |value: fn(&RuleReport) -> String| reports.iter().map(value).collect::<Vec<_>>();
        let columns = vec![
            ("rule", column(|report| report.rule.clone())),
            ("severity", column(|report| report.severity.name().to_owned())),
            ("findings", column(|report| report.findings.to_string())),
            ("a_day", column(|report| format!("{:.1}", report.a_day))),
            ("days", column(RuleReport::days_shown)),
            ("hidden", column(|report| report.hidden.to_string())),
            ("actors", column(RuleReport::actors_shown)),
        ];
        print_columns(columns, self.format)
    }
}
