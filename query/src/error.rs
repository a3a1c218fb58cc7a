//! What can stop a question.

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;
use trailhound_ingest::lake::{LakeError, LakeTable};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lake cannot be opened or read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The query is not understood, not allowed, or failed.
    #[error("{}", plain(.0))]
    Sql(#[from] DataFusionError),
    /// The answer could not be printed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A rule cannot be used.
    #[error(transparent)]
    Rule(#[from] crate::rules::RuleError),
    /// Log files cannot be read into a lake.
    #[error(transparent)]
    Ingest(#[from] trailhound_ingest::Error),
    /// A place that findings are sent to cannot be used.
    #[error("{0}")]
    Notify(String),
    /// A file with what is known about addresses cannot be used.
    #[error("cannot use {} for country and asn: {why}", path.display())]
    Geoip {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        why: String,
    },
    /// Athena cannot be told of a lake by this URL, or in this database.
    #[error("{0}")]
    Athena(String),
    /// A log file of an export could not be written.
    #[error(
        "cannot write {name}: {why}\nhint: run again; what is there already is written over with the same"
    )]
    Export {
        /// The log file.
        name: String,
        /// Why.
        why: String,
    },
    /// An investigation cannot be used, or does not take what it was given.
    #[error("{0}")]
    Cookbook(String),
    /// The answer does not fit the format.
    #[error("{0}")]
    Format(String),
}

impl From<datafusion::arrow::error::ArrowError> for Error {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Self::Sql(error.into())
    }
}

impl From<datafusion::parquet::errors::ParquetError> for Error {
    fn from(error: datafusion::parquet::errors::ParquetError) -> Self {
        Self::Sql(error.into())
    }
}

/// What the engine puts before its messages, which says nothing to who asked.
const PREFIXES: [&str; 9] = [
    "Arrow error: ",
    "Error during planning: ",
    "Execution error: ",
    "Internal error: ",
    "Parser error: ",
    "Schema error: ",
    "SQL error: ",
    "External error: ",
    "This feature is not implemented: ",
];

/// One line, in the names that people know, and a hint.
fn plain(error: &DataFusionError) -> String {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = schema.as_ref()
    {
        if let Some(why) = crate::names::unsupported::column(field.name()) {
            return why;
        }
        let names = crate::names::DOCUMENTED.iter().map(|name| name.split('.').next().unwrap_or(name));
        return with_nearest(&format!("there is no column {}", field.name()), field.name(), names);
    }
    if let DataFusionError::ResourcesExhausted(text) = error.find_root() {
        return exhausted(text);
    }
    if let DataFusionError::SQL(error, _) = error.find_root() {
        return unparsed(error);
    }
    let text = error.find_root().strip_backtrace();
    if text.contains("used disk space during the spilling") {
        return exhausted("disk space");
    }
    // A hint of ours is on a line of its own; what else the engine adds is for its makers.
    let (text, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
    if let Some(plain) = misused(text) {
        return plain;
    }
    let hint = hint.lines().next().filter(|hint| !hint.is_empty());
    let mut text = text.lines().next().unwrap_or_default();
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest;
    }
    if let Some((time, _)) =
        text.strip_prefix("Error parsing timestamp from '").and_then(|rest| rest.rsplit_once("': "))
    {
        return format!("'{time}' is no time\nhint: write it as '2026-03-17 08:00:00'");
    }
    let missing = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    match missing.and_then(|name| name.rsplit('.').next()) {
        Some(name) => no_table(name),
        None => hint.map_or_else(|| text.to_owned(), |hint| format!("{text}\nhint: {hint}")),
    }
}

/// What a parser did not understand: `expected an expression, found FROM at line 1, column 8`.
fn unparsed(error: &ParserError) -> String {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
            text.lines().next().unwrap_or_default()
        }
        ParserError::RecursionLimitExceeded => return "this is nested too deeply".to_owned(),
    };
    let (text, place) = match text.rsplit_once(" at Line: ") {
        Some((text, place)) => (text, format!(" at line {}", place.replacen("Column:", "column", 1))),
        None => (text, String::new()),
    };
    let text = match text.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: ")) {
        Some((expected, found)) => format!("expected {expected}, found {found}"),
        None => text.to_owned(),
    };
    format!("{text}{place}")
}

/// A function that is none, or is given what it does not take. The engine tells each signature that it has tried.
fn misused(text: &str) -> Option<String> {
    let named = |after: &str| text.split_once(after)?.1.split('\'').next();
    if let Some(name) = named("Invalid function '") {
        let hint = match named("Did you mean '") {
            Some(near) => format!("did you mean {near}?"),
            None => "SHOW FUNCTIONS lists all".to_owned(),
        };
        return Some(format!("there is no function {name}\nhint: {hint}"));
    }
    let is_refused = ["failed to match any signature", "Failed to coerce arguments", "No function matches"];
    let name = named("call to '").or_else(|| named("Function '"))?;
    is_refused.iter().any(|words| text.contains(words)).then(|| {
        format!("{name} does not take these values\nhint: casts make others: CAST(x AS VARCHAR), TRY_CAST(x AS BIGINT)")
    })
}

/// Which limit was met. The engine says it in many words, and names its operators.
fn exhausted(text: &str) -> String {
    let what = if text.contains("disk space") {
        "temporary files than --spill-bytes allows"
    } else {
        "memory than --memory allows"
    };
    format!("the query needs more {what}\nhint: ask for fewer rows or columns, or raise the limit")
}

/// Whoever pasted a query has the events in mind.
fn no_table(name: &str) -> String {
    let text = with_nearest(&format!("there is no table {name}"), name, tables());
    if text.contains("\nhint: ") {
        return text;
    }
    format!(
        "{text}\nhint: the events are in cloudtrail, or in the columns of others in athena.cloudtrail_logs"
    )
}

fn tables() -> impl Iterator<Item = &'static str> {
    let others = LakeTable::ALL.into_iter().filter(|table| *table != LakeTable::Events);
    others.map(LakeTable::name).chain([crate::engine::CLOUDTRAIL, crate::chain::ACTOR_CHAIN])
}

fn with_nearest<'a>(text: &str, name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let hint = crate::names::nearest(name, names).map(|near| format!("\nhint: did you mean {near}?"));
    format!("{text}{}", hint.unwrap_or_default())
}
