//! How the rows of a table are ordered and written.

use crate::lake::files::LakeTable;
use crate::lake::tables;
use crate::schema::Table;
use crate::write::settings::{self, ColumnSetting};
use arrow::datatypes::SchemaRef;

/// A table that is compacted.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) table: LakeTable,
    /// Which records its rows are; `None` where they are none, so that there are no duplicates.
    pub(super) records: Option<Table>,
    pub(super) schema: SchemaRef,
    pub(super) settings: &'static [ColumnSetting],
    /// The column by whose time rows are ordered.
    pub(super) time: &'static str,
    /// The columns by whose texts the rows of a row group are ordered, before their time.
    pub(super) order: &'static [&'static str],
}

/// What one principal did comes together: its pages can be found by it, and whatever belongs to it is stored once.
const EVENTS: &[&str] = &["eventname", "actor", "useridentity_accesskeyid"];

/// The tables that get a file or more for each batch that is ingested, or looked at.
pub(super) fn all() -> [Layout; 6] {
    let layout = |table, records, time, order| {
        let settings = match records {
            Some(records) => settings::of(records),
            None => &[],
        };
        Layout { table, records, schema: tables::file_schema(table), settings, time, order }
    };
    [
        layout(LakeTable::Events, Some(Table::Events), "eventtime", EVENTS),
        layout(LakeTable::Aggregated, Some(Table::Aggregated), "timewindow_windowstart", &["actor"]),
        layout(LakeTable::Logfiles, None, "ingesttime", &[]),
        layout(LakeTable::Quarantine, None, "ingesttime", &[]),
        layout(LakeTable::Activity, None, "hour", &["eventname", "actor"]),
        layout(LakeTable::Baselines, None, "lasttime", &["rule", "key"]),
    ]
}
