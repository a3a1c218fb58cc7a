//! `trailhound rules coverage`

use super::{Source, print, print_columns};
use crate::cli::Outcome;
use crate::cli::local::LocalFlag;
use crate::engine::Engine;
use crate::output::Format;
use crate::rules::Pack;
use crate::rules::coverage::{Recorded, Row, blind, covered, navigator};
use clap::{Args, ValueEnum};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use trailhound_ingest::lake::Lake;

/// See what rules cover.
#[derive(Debug, Args)]
pub(crate) struct Coverage {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    local: LocalFlag,
    /// Also look which rules can never fire, since this lake has no events for them.
    #[arg(long, value_name = "URL", env = "TRAILHOUND_LAKE")]
    lake: Option<String>,
    /// How it is printed.
    #[arg(long, default_value = "table")]
    format: Shape,
}

/// How coverage is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Shape {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// A Markdown table.
    Markdown,
    /// A layer of the MITRE ATT&CK Navigator.
    Navigator,
}

impl Coverage {
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let pack = Pack::load(&self.source.rules)?;
        let applied = self.local.apply(&pack)?;
        let rules = applied.rules.iter().map(|tuned| &tuned.rule).collect::<Vec<_>>();
        let mut rows = covered(&rules);
        if let Some(lake) = &self.lake {
            rows.extend(blind(&rules, &recorded(lake).await?));
        }
        match self.format {
            Shape::Navigator => print(&format!("{:#}\n", navigator(&rules))),
            Shape::Json => print(&format!("{}\n", serde_json::to_string_pretty(&rows)?)),
            Shape::Table => table(&rows, Format::Table),
            Shape::Markdown => table(&rows, Format::Markdown),
        }
    }
}

fn table(rows: &[Row], format: Format) -> anyhow::Result<Outcome> {
    let column = |value: fn(&Row) -> String| rows.iter().map(value).collect::<Vec<_>>();
    let columns = vec![
        ("part", column(|row| row.part.to_owned())),
        ("item", column(|row| row.item.clone())),
        ("about", column(|row| row.about.clone())),
        ("count", column(|row| row.rules.len().to_string())),
        ("rules", column(|row| row.rules.join(" "))),
    ];
    print_columns(columns, format)?;
    Ok(Outcome::Done)
}

/// What was ever recorded in a lake.
async fn recorded(lake: &str) -> anyhow::Result<Recorded> {
    let engine = Engine::open(&Lake::open(lake).await?).await?;
    let mut recorded = Recorded::default();
    for (source, name) in pairs(&engine, "SELECT DISTINCT eventSource, eventName FROM cloudtrail").await? {
        recorded.events.insert((source, name));
    }
    let data = "SELECT DISTINCT eventSource, eventCategory FROM cloudtrail WHERE eventCategory = 'Data'";
    recorded.data.extend(pairs(&engine, data).await?.into_iter().map(|(source, _)| source));
    Ok(recorded)
}

/// The rows of a query of two texts, as far as both are there.
async fn pairs(engine: &Engine, query: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for batch in engine.sql(query).await?.batches {
        let (first, second) =
            (cast(batch.column(0), &DataType::Utf8)?, cast(batch.column(1), &DataType::Utf8)?);
        let (first, second) = (first.as_string::<i32>(), second.as_string::<i32>());
        let rows = (0..batch.num_rows()).filter(|&row| first.is_valid(row) && second.is_valid(row));
        pairs.extend(rows.map(|row| (first.value(row).to_owned(), second.value(row).to_owned())));
    }
    Ok(pairs)
}
