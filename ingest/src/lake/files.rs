//! What a table of the lake is made of at one version.

use super::date::{date_text, parse_date};
use deltalake::kernel::{Add, Remove};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::HashMap, time::SystemTime};

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
    /// What happened in each hour, counted.
    Activity,
    /// What rules that look for something new have seen.
    Baselines,
}

impl LakeTable {
    /// All tables.
    pub const ALL: [Self; 8] = [
        Self::Events,
        Self::Aggregated,
        Self::Logfiles,
        Self::Quarantine,
        Self::Findings,
        Self::Notifications,
        Self::Activity,
        Self::Baselines,
    ];

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
            Self::Activity => "activity_hourly",
            Self::Baselines => "baselines",
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
    /// Rows; 0 when another tool wrote the file without saying.
    pub rows: u64,
    /// When it was written, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Delta's statistics: `numRecords`, `minValues`, `maxValues`, `nullCount`; null when there are none.
    pub stats: Value,
}

impl LakeFile {
    /// The file that an `add` action names.
    pub(super) fn from_add(add: &Add) -> Self {
        let date = add.partition_values.get(crate::schema::DATE).cloned().flatten();
        let stats = add.stats.as_deref();
        Self::new(&add.path, add.size, date.as_deref(), stats, add.modification_time)
    }

    /// The file with these facts, as the log spells them.
    pub(super) fn new(
        path: &str,
        size: i64,
        date: Option<&str>,
        stats: Option<&str>,
        modified_ms: i64,
    ) -> Self {
        let stats = stats.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        Self {
            path: path.to_owned(),
            size: u64::try_from(size).unwrap_or(0),
            date: date.and_then(parse_date).unwrap_or(0),
            rows: stats.get("numRecords").and_then(Value::as_u64).unwrap_or(0),
            modified_ms,
            stats,
        }
    }

    /// The action that takes it out of its table, where other files have its rows; whether those differ.
    pub(super) fn remove(&self, is_new_data: bool) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change: is_new_data,
            deletion_timestamp: Some(now_ms()),
            extended_file_metadata: Some(true),
            partition_values: Some(partition(self.date)),
            size: i64::try_from(self.size).ok(),
            ..Remove::default()
        }
    }
}

/// A data file that is in place, but that no commit names yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewFile {
    /// Path below the table's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Its partition: days since 1970-01-01.
    pub date: i32,
    /// Rows.
    pub rows: u64,
    /// Delta's statistics; `numRecords` at least.
    pub stats: Value,
}

/// The partition as the log spells it.
fn partition(date: i32) -> HashMap<String, Option<String>> {
    HashMap::from([(crate::schema::DATE.to_owned(), Some(date_text(date)))])
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl NewFile {
    /// The action that adds it to its table; whether its rows are new there.
    pub(super) fn add(&self, is_new_data: bool) -> Add {
        Add {
            path: self.path.clone(),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            partition_values: partition(self.date),
            modification_time: now_ms(),
            data_change: is_new_data,
            stats: Some(self.stats.to_string()),
            ..Add::default()
        }
    }
}

/// A table at one version.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    /// Its data files.
    pub files: Vec<LakeFile>,
}
