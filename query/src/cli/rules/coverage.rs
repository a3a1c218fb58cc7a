//! `trailhound rules coverage`

use super::{Source, print, print_columns, say};
use crate::cli::Outcome;
use crate::cli::local::LocalFlag;
use crate::engine::Engine;
use crate::output::Format;
use crate::rules::Pack;
use crate::rules::Rule;
use crate::rules::coverage::{Recorded, Row, Table, blind, navigator, tables};
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
    /// Count by one of these only.
    #[arg(long, value_name = "LIST")]
    by: Option<By>,
    /// How it is printed.
    #[arg(long, default_value = "table")]
    format: Shape,
}

/// What coverage is counted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum By {
    /// Techniques of MITRE ATT&CK.
    Attack,
    /// Rules that can never fire, since the lake has no events for them.
    Blind,
    /// Controls of the CIS AWS Foundations Benchmark.
    Cis,
    /// What guides of AWS say about services and controls.
    Control,
    /// Findings that `GuardDuty` makes of CloudTrail.
    Guardduty,
    /// AWS services.
    Service,
    /// Techniques of Stratus Red Team.
    Stratus,
}

impl By {
    /// What its rows say that they are part of.
    fn part(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Blind => "blind",
            Self::Cis => "cis",
            Self::Control => "control",
            Self::Guardduty => "guardduty",
            Self::Service => "service",
            Self::Stratus => "stratus",
        }
    }
}

/// How coverage is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Shape {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated, with a header.
    Csv,
    /// A Parquet file.
    Parquet,
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
        if self.format == Shape::Navigator {
            return print(&format!("{:#}\n", navigator(&rules)));
        }
        let rows = self.rows(&rules).await?;
        let lines = || rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        match self.format {
            Shape::Json => print(&format!("{}\n", serde_json::to_string_pretty(&rows)?)),
            Shape::Ndjson => print(&format!("{}\n", lines()?.join("\n"))),
            Shape::Csv => columns(&rows, Format::Csv),
            Shape::Parquet => columns(&rows, Format::Parquet),
            Shape::Markdown => columns(&rows, Format::Markdown),
            Shape::Table | Shape::Navigator => columns(&rows, Format::Table),
        }
    }

    /// The rows that were asked for. Tells how many of each table have rules.
    async fn rows(&self, rules: &[&Rule]) -> anyhow::Result<Vec<Row>> {
        let is_wanted = |part: &str| self.by.is_none_or(|by| by.part() == part);
        let of = |table: &Table| table.rows.first().is_some_and(|row| is_wanted(row.part));
        let tables = tables(rules).into_iter().filter(of).collect::<Vec<_>>();
        for table in &tables {
            let (covered, all) = table.counts();
            say(&format!("{}: {covered} of {all} have rules", table.name));
        }
        let mut rows = tables.into_iter().flat_map(|table| table.rows).collect::<Vec<_>>();
        match &self.lake {
            Some(lake) if is_wanted("blind") => rows.extend(blind(rules, &recorded(lake).await?)),
            None if self.by == Some(By::Blind) => {
                anyhow::bail!("--by blind needs a lake to look at\nhint: --lake URL, or TRAILHOUND_LAKE")
            }
            _ => {}
        }
        Ok(rows)
    }
}

fn columns(rows: &[Row], format: Format) -> anyhow::Result<Outcome> {
    let column = |value: fn(&Row) -> String| rows.iter().map(value).collect::<Vec<_>>();
    let columns = vec![
        ("part", column(|row| row.part.to_owned())),
        ("item", column(|row| row.item.clone())),
        ("about", column(|row| row.about.clone())),
        ("count", column(|row| row.rules.len().to_string())),
        ("rules", column(|row| row.rules.join(" "))),
        ("none", column(|row| row.none.unwrap_or_default().to_owned())),
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
