//! `trailhound rules list|show|sql|lint|test|backtest|coverage|exceptions|new`

mod backtest;
mod coverage;
mod exceptions;
mod lint;
mod new;
mod test;

use super::geoip::tell_blind;
use super::local::LocalFlag;
use super::{Outcome, say};
use crate::engine::Answer;
use crate::output::{self, Format};
use crate::rules::Pack;
use crate::rules::statement::written;
use clap::{Args, Subcommand};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use trailhound_ingest::privacy::Privacy;

/// Look at detection rules, and prove them.
#[derive(Debug, Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    verb: Verb,
}

/// Where rules come from.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Take the rules of this folder instead of those in the binary; can be given more than once.
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print a line for each rule.
    List {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        local: LocalFlag,
        /// How the list is printed.
        #[arg(long, default_value = "table")]
        format: Format,
    },
    /// Print the file of a rule.
    Show {
        #[command(flatten)]
        source: Source,
        /// The rule.
        id: String,
    },
    /// Print the statement that finds a rule's hits; it runs in `trailhound sql`.
    Sql {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        local: LocalFlag,
        /// The rule.
        id: String,
    },
    /// Look for what rules say and probably do not mean. Exits with 1 when there is any.
    Lint(lint::Lint),
    /// Run the tests in the rule files.
    Test(test::Test),
    /// See what rules would have found in the past. Nothing is stored or sent.
    Backtest(backtest::Backtest),
    /// See what rules cover: controls, techniques, findings and services, and what a lake has no events for.
    Coverage(coverage::Coverage),
    /// List what the exceptions of the local policy have hidden.
    Exceptions(exceptions::Exceptions),
    /// Begin a rule: write a file that passes its tests, to be changed.
    New(new::New),
}

impl Rules {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        match self.verb {
            Verb::List { source, local, format } => list(&Pack::load(&source.rules)?, &local, format),
            Verb::Show { source, id } => print(&Pack::load(&source.rules)?.get(&id)?.source),
            Verb::Sql { source, local, id } => sql(&Pack::load(&source.rules)?, &local, &id),
            Verb::Lint(verb) => verb.run(),
            Verb::Test(verb) => verb.run().await,
            Verb::Backtest(verb) => verb.run(privacy).await,
            Verb::Coverage(verb) => verb.run().await,
            Verb::Exceptions(verb) => verb.run().await,
            Verb::New(verb) => verb.run(),
        }
    }
}

fn print(text: &str) -> anyhow::Result<Outcome> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}

/// Prints columns of texts.
pub(crate) fn print_columns(columns: Vec<(&str, Vec<String>)>, format: Format) -> anyhow::Result<()> {
    if format == Format::Cloudtrail {
        anyhow::bail!(
            "these are no CloudTrail records\nhint: --format takes table, json, ndjson, csv, parquet or markdown here"
        );
    }
    let columns = columns.into_iter().map(|(name, values)| {
        let values: ArrayRef = Arc::new(values.into_iter().map(Some).collect::<StringArray>());
        (name, values)
    });
    let batch = RecordBatch::try_from_iter(columns)?;
    let answer = Answer { schema: batch.schema(), batches: vec![batch] };
    output::write(&answer, format, BufWriter::new(std::io::stdout()))?;
    Ok(())
}

/// The rules as they run under the local policy.
fn list(pack: &Pack, local: &LocalFlag, format: Format) -> anyhow::Result<Outcome> {
    tell_blind(pack.rules());
    let applied = local.apply(pack)?;
    let column = |value: fn(&crate::rules::Rule) -> String| {
        applied.rules.iter().map(|tuned| value(&tuned.rule)).collect::<Vec<_>>()
    };
    let columns = vec![
        ("id", column(|rule| rule.id.clone())),
        ("family", column(|rule| rule.family.clone())),
        ("severity", column(|rule| rule.severity.name().to_owned())),
        ("kind", column(|rule| rule.kind.name().to_owned())),
        ("attack", column(|rule| rule.attack.join(" "))),
        ("title", column(|rule| rule.title.clone())),
    ];
    print_columns(columns, format)?;
    Ok(Outcome::Done)
}

fn sql(pack: &Pack, local: &LocalFlag, id: &str) -> anyhow::Result<Outcome> {
    pack.get(id)?;
    let applied = local.apply(pack)?;
    let Some(tuned) = applied.rules.iter().find(|tuned| tuned.rule.id == id) else {
        anyhow::bail!("the local policy disables {id}");
    };
    print(&format!("{}\n", written(&tuned.rule, &tuned.set)?))
}
