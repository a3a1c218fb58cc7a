//! What is in the lake: for each table files, rows, bytes, times and versions.
//!
//! In: the log of each table and nothing else; no data file is read.

use crate::compact;
use crate::error::Error;
use crate::lake::files::{LakeFile, LakeTable};
use crate::lake::{Lake, date::date_text};
use serde::Serialize;

/// What a table has.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TableInfo {
    /// Its name.
    pub table: &'static str,
    /// Data files.
    pub files: u64,
    /// Data files of less than half the size that a compaction aims at.
    pub small_files: u64,
    /// Data files that a compaction would merge.
    pub to_merge: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes of the data files.
    pub bytes: u64,
    /// Time of the oldest event, as ISO 8601; in tables of other things the first partition.
    pub oldest: Option<String>,
    /// The same of the newest.
    pub newest: Option<String>,
    /// The oldest version that can still be read.
    pub first_version: u64,
    /// The newest version.
    pub version: u64,
}

/// Looks at all tables of `lake`; `target` is the size of a data file that a compaction aims at.
///
/// # Errors
/// The log of a table cannot be read.
pub async fn info(lake: &Lake, target: u64) -> Result<Vec<TableInfo>, Error> {
    let mut tables = Vec::new();
    for table in LakeTable::ALL {
        let snapshot = lake.snapshot(table, None).await?;
        let files = &snapshot.files;
        let (oldest, newest) = span(table, files);
        tables.push(TableInfo {
            table: table.name(),
            files: files.len() as u64,
            small_files: files.iter().filter(|file| file.size < target / 2).count() as u64,
            to_merge: compact::to_merge(table, files, target),
            rows: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.size).sum(),
            oldest,
            newest,
            first_version: lake.first_version(table).await?,
            version: snapshot.version,
        });
    }
    Ok(tables)
}

/// Oldest and newest time by the statistics of the files, or by their partitions.
fn span(table: LakeTable, files: &[LakeFile]) -> (Option<String>, Option<String>) {
    let column = match table {
        LakeTable::Events => Some("eventtime"),
        LakeTable::Aggregated => Some("timewindow_windowstart"),
        LakeTable::Findings => Some("firsttime"),
        LakeTable::Activity => Some("hour"),
        _ => None,
    };
    let Some(column) = column else {
        let dates = files.iter().map(|file| file.date);
        return (dates.clone().min().map(date_text), dates.max().map(date_text));
    };
    let bound = |side: &str| {
        files.iter().filter_map(|file| file.stats.get(side)?.get(column)?.as_str()).collect::<Vec<_>>()
    };
    // To the second, like the times of events.
    let second = |time: &str| format!("{}Z", time.split(['.', 'Z']).next().unwrap_or(time));
    (bound("minValues").into_iter().min().map(second), bound("maxValues").into_iter().max().map(second))
}
