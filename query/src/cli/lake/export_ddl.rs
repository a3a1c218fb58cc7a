//! `trailhound lake export-ddl --lake URL`

use crate::athena::{Relation, Statement, statements};
use crate::cli::Outcome;
use clap::{Args, ValueEnum};
use std::io::Write;

/// Print the statements that make the lake known to Amazon Athena, under AWS's own column names.
///
/// They make a database, the Delta tables, and a view `cloudtrail` with the columns of AWS's table over log files, such as
/// `useridentity.arn`. Nothing is sent to AWS, and the lake need not be there yet; Athena needs it before a table is
/// made. Run them one after the other, in the order in which they are printed, on engine version 3.
#[derive(Debug, Args)]
pub(crate) struct ExportDdl {
    /// The lake: `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// The database of the Glue Data Catalog for the tables and the view.
    #[arg(long, value_name = "NAME", default_value = "trailhound")]
    database: String,
    /// Only this table, or the view `cloudtrail`; can be given more than once. Without it, all and the database.
    #[arg(long = "table", value_name = "TABLE", value_parser = relation)]
    tables: Vec<Relation>,
    /// How the statements are printed.
    #[arg(long, default_value = "sql")]
    format: Format,
}

/// How statements are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// A semicolon behind each.
    Sql,
    /// An array of objects with `name` and `sql`.
    Json,
}

fn relation(text: &str) -> Result<Relation, String> {
    let found = Relation::all().find(|relation| relation.name() == text);
    found.ok_or_else(|| {
        let names = Relation::all().map(Relation::name).collect::<Vec<_>>().join(", ");
        format!("there is no such table\nhint: it is one of {names}")
    })
}

impl ExportDdl {
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let statements = statements(&self.lake, &self.database, &self.tables)?;
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Sql => {
                let texts = statements.into_iter().map(|Statement { sql, .. }| format!("{sql};\n"));
                out.write_all(texts.collect::<Vec<_>>().join("\n").as_bytes())?;
            }
            Format::Json => writeln!(out, "{}", serde_json::to_string(&statements)?)?,
        }
        Ok(Outcome::Done)
    }
}
