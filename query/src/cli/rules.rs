//! `trailhound rules list|show|sql|test`

use super::{Outcome, say};
use crate::detect::harness;
use crate::engine::Answer;
use crate::names::bind::written_out;
use crate::output::{self, Format};
use crate::rules::Pack;
use crate::rules::file::Rule;
use crate::rules::params::Values;
use crate::rules::statement::{Range, statement};
use clap::{Args, Subcommand};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

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
        /// The rule.
        id: String,
    },
    /// Run the tests in the rule files.
    Test {
        #[command(flatten)]
        source: Source,
        /// Only these rules.
        ids: Vec<String>,
    },
}

impl Rules {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self.verb {
            Verb::List { source, format } => list(&Pack::load(&source.rules)?, format),
            Verb::Show { source, id } => print(&Pack::load(&source.rules)?.get(&id)?.source),
            Verb::Sql { source, id } => {
                let pack = Pack::load(&source.rules)?;
                let rule = pack.get(&id)?;
                let values = rule.values(&Values::new())?;
                print(&format!("{}\n", written_out(&statement(rule, &Range::default()), &values)?))
            }
            Verb::Test { source, ids } => test(&Pack::load(&source.rules)?, &ids).await,
        }
    }
}

fn print(text: &str) -> anyhow::Result<Outcome> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn list(pack: &Pack, format: Format) -> anyhow::Result<Outcome> {
    let column = |value: fn(&Rule) -> String| -> ArrayRef {
        Arc::new(pack.rules().iter().map(|rule| Some(value(rule))).collect::<StringArray>())
    };
    let batch = RecordBatch::try_from_iter([
        ("id", column(|rule| rule.id.clone())),
        ("family", column(|rule| rule.family.clone())),
        ("severity", column(|rule| rule.severity.name().to_owned())),
        ("kind", column(|rule| rule.kind.name().to_owned())),
        ("attack", column(|rule| rule.attack.join(" "))),
        ("title", column(|rule| rule.title.clone())),
    ])?;
    let answer = Answer { schema: batch.schema(), batches: vec![batch] };
    output::write(&answer, format, BufWriter::new(std::io::stdout()))?;
    Ok(Outcome::Done)
}

async fn test(pack: &Pack, ids: &[String]) -> anyhow::Result<Outcome> {
    let rules = match ids {
        [] => pack.rules().iter().collect::<Vec<_>>(),
        ids => ids.iter().map(|id| pack.get(id)).collect::<Result<_, _>>()?,
    };
    let (mut passed, mut failed) = (0, 0);
    for rule in rules {
        for verdict in harness::test(rule).await? {
            match verdict.failure {
                None => passed += 1,
                Some(why) => {
                    failed += 1;
                    say(&format!("{}: {:?}: {why}", rule.place, verdict.test));
                }
            }
        }
    }
    say(&format!("{passed} tests passed, {failed} failed"));
    Ok(if failed == 0 { Outcome::Done } else { Outcome::Failed })
}
