//! What can stop a question.

use datafusion::common::{DataFusionError, SchemaError};
use trailhound_ingest::lake::LakeError;

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

/// One line, in the names that people know.
fn plain(error: &DataFusionError) -> String {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, .. } = schema.as_ref()
    {
        let names = crate::names::DOCUMENTED.iter().map(|name| name.split('.').next().unwrap_or(name));
        let hint = crate::names::nearest(field.name(), names);
        let hint = hint.map(|name| format!("\nhint: did you mean {name}?")).unwrap_or_default();
        return format!("there is no column {}{hint}", field.name());
    }
    let text = error.find_root().strip_backtrace();
    text.lines().next().unwrap_or_default().to_owned()
}
