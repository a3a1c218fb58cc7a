//! What a table of the lake is made of at one version.

use serde_json::Value;

/// The tables of a lake.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum LakeTable {
    /// CloudTrail records.
    Events,
    /// Aggregated-activity records.
    Aggregated,
    /// Log objects that were read.
    Logfiles,
    /// Records and files that could not be used.
    Quarantine,
    /// What rules found.
    Findings,
    /// Delivery attempts of findings.
    Notifications,
}

impl LakeTable {
    /// All tables.
    pub const ALL: [Self; 6] =
        [Self::Events, Self::Aggregated, Self::Logfiles, Self::Quarantine, Self::Findings, Self::Notifications];

    /// The folder of the table in the lake, which is also its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Aggregated => "aggregated",
            Self::Logfiles => "logfiles",
            Self::Quarantine => "quarantine",
            Self::Findings => "findings",
            Self::Notifications => "notifications",
        }
    }
}

/// A data file that the log of a table names.
#[derive(Clone, PartialEq, Debug)]
pub struct LakeFile {
    /// Path below the table's folder, decoded.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Its partition: days since 1970-01-01.
    pub date: i32,
    /// Rows.
    pub rows: u64,
    /// When it was written, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Delta's statistics: `numRecords`, `minValues`, `maxValues`, `nullCount`.
    pub stats: Value,
}

/// A table at one version.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    /// Its data files.
    pub files: Vec<LakeFile>,
}
