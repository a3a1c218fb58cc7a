//! What can stop a run. Bad data is no error: it goes to the quarantine.

use crate::lake::LakeError;

/// Why a run could not go on, or could not read one of its sources.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A source or an object that cannot be used.
    #[error("cannot use {name}: {why}")]
    Source {
        /// The source as it was given, or the object.
        name: String,
        /// Why, and what to do.
        why: String,
    },
    /// Several sources, none of which can be used; a line for each.
    #[error("{}", .0.join("\nerror: "))]
    Sources(Vec<String>),
    /// The file system said no.
    #[error("cannot {doing} {name}: {source}")]
    Io {
        /// The verb.
        doing: &'static str,
        /// The file or folder.
        name: String,
        /// The reason.
        source: std::io::Error,
    },
    /// The lake could not be read or written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A data file could not be built.
    #[error("cannot build a data file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A data file of the lake that has to be left alone.
    #[error("cannot use {path}: {why}")]
    DataFile {
        /// Its path in the table.
        path: String,
        /// Why, and what to do.
        why: String,
    },
    /// What was to take the place of data files lacks rows: a bug of ours. Nothing was committed.
    #[error("{read} rows were read, but {written} written and {duplicates} found twice; nothing was changed")]
    RowsLost {
        /// Rows read.
        read: u64,
        /// Rows written.
        written: u64,
        /// Rows left out.
        duplicates: u64,
    },
    /// Rows of the lake could not be turned back into records.
    #[error("cannot read a row of the lake: {0}")]
    Rebuild(#[from] crate::rebuild::RebuildError),
    /// Columns that do not fit together: a bug of ours.
    #[error("cannot build the rows of a table: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A setting that means nothing, or that is missing.
    #[error("{0}")]
    Settings(String),
    /// A worker stopped without a word: a bug of ours.
    #[error("a worker stopped: {0}")]
    Worker(String),
}
