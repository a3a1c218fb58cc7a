//! What the tables of a lake hold: their columns for Parquet, their schema and properties for Delta.
//!
//! What must hold: protocol (1,2) without features, so that any tool reads it and this build may write it; times in
//! microseconds, UTC; every column nullable but the partition `date`, which is not in the files.

use super::files::LakeTable;
use crate::schema::{self, DATE, Table};
use arrow::{
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use deltalake::kernel::{
    DataType as DeltaType, PrimitiveType, StructField, StructType, engine::arrow_conversion::TryFromArrow,
};
use std::sync::{Arc, LazyLock};

/// The property of `logfiles` that says which table `events` its ledger is of.
pub(super) const EVENTS_ID: &str = "trailhound.eventsId";

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Long,
    Bool,
    Time,
    Bytes,
    Texts,
}

use Kind::{Bool, Bytes, Long, Text, Texts, Time};

const LOGFILES: [(&str, Kind); 17] = [
    ("sourcefile", Text),
    ("etag", Text),
    ("size", Long),
    ("sourcehash", Text),
    ("sha256", Text),
    ("inflated", Long),
    ("records_read", Long),
    ("written", Long),
    ("duplicate", Long),
    ("filtered", Long),
    ("quarantined", Long),
    ("firsteventtime", Time),
    ("lasteventtime", Time),
    ("state", Text),
    ("reason", Text),
    ("integrity", Text),
    ("ingesttime", Time),
];

const QUARANTINE: [(&str, Kind); 9] = [
    ("sourcefile", Text),
    ("sourcehash", Text),
    ("ingesttime", Time),
    ("kind", Text),
    ("recordindex", Long),
    ("byteoffset", Long),
    ("length", Long),
    ("reason", Text),
    ("bytes", Bytes),
];

const FINDINGS: [(&str, Kind); 19] = [
    ("id", Text),
    ("rule", Text),
    ("version", Long),
    ("severity", Text),
    ("title", Text),
    ("actor", Text),
    ("alert", Text),
    ("entities", Text),
    ("dedupkey", Text),
    ("firsttime", Time),
    ("lasttime", Time),
    ("count", Long),
    ("eventids", Texts),
    ("attack", Texts),
    ("params", Text),
    ("late", Bool),
    ("account", Text),
    ("region", Text),
    ("detecttime", Time),
];

const NOTIFICATIONS: [(&str, Kind); 7] = [
    ("findingid", Text),
    ("destination", Text),
    ("status", Text),
    ("messageid", Text),
    ("attempt", Long),
    ("error", Text),
    ("time", Time),
];

const ACTIVITY: [(&str, Kind); 12] = [
    ("hour", Time),
    ("recipientaccountid", Text),
    ("awsregion", Text),
    ("actor", Text),
    ("accesskeyid", Text),
    ("network", Text),
    ("eventsource", Text),
    ("eventname", Text),
    ("failed", Bool),
    ("calls", Long),
    ("bytesout", Long),
    ("eventsversion", Long),
];

const BASELINES: [(&str, Kind); 5] =
    [("rule", Text), ("key", Text), ("firsttime", Time), ("lasttime", Time), ("eventsversion", Long)];

/// What a data file of `table` holds, without the partition column `date`.
#[must_use]
pub fn file_schema(table: LakeTable) -> SchemaRef {
    static OURS: LazyLock<[SchemaRef; 6]> = LazyLock::new(|| {
        [
            arrow_schema(&LOGFILES),
            arrow_schema(&QUARANTINE),
            arrow_schema(&FINDINGS),
            arrow_schema(&NOTIFICATIONS),
            arrow_schema(&ACTIVITY),
            arrow_schema(&BASELINES),
        ]
    });
    match table {
        LakeTable::Events => schema::file_schema(Table::Events),
        LakeTable::Aggregated => schema::file_schema(Table::Aggregated),
        LakeTable::Logfiles => Arc::clone(&OURS[0]),
        LakeTable::Quarantine => Arc::clone(&OURS[1]),
        LakeTable::Findings => Arc::clone(&OURS[2]),
        LakeTable::Notifications => Arc::clone(&OURS[3]),
        LakeTable::Activity => Arc::clone(&OURS[4]),
        LakeTable::Baselines => Arc::clone(&OURS[5]),
    }
}

fn arrow_schema(columns: &[(&str, Kind)]) -> SchemaRef {
    Arc::new(Schema::new(
        columns.iter().map(|&(name, kind)| Field::new(name, data_type(kind), true)).collect::<Vec<_>>(),
    ))
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Text => DataType::Utf8,
        Long => DataType::Int64,
        Bool => DataType::Boolean,
        Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Bytes => DataType::Binary,
        Texts => DataType::List(Arc::new(Field::new("element", DataType::Utf8, true))),
    }
}

/// The columns of `table` for Delta: those of its files but for [`schema::SEARCHED`], then `date`.
pub(super) fn delta_columns(table: LakeTable) -> Result<Vec<StructField>, ArrowError> {
    let columns = StructType::try_from_arrow(file_schema(table).as_ref())?;
    let is_told = |field: &&StructField| schema::SEARCHED.iter().all(|(_, column)| column != field.name());
    let date = StructField::new(DATE, DeltaType::Primitive(PrimitiveType::Date), false);
    Ok(columns.fields().filter(is_told).cloned().chain([date]).collect())
}

/// The properties of every table.
pub(super) fn properties() -> Vec<(String, Option<String>)> {
    [
        // A writer that slept over a cleaning would commit into the gap, see `Tail`.
        ("delta.enableExpiredLogCleanup", "false"),
        ("delta.checkpointInterval", "50"),
        // Statistics of all columns survive a checkpoint, not only those of the first 32.
        ("delta.dataSkippingNumIndexedCols", "-1"),
    ]
    .map(|(key, value)| (key.to_owned(), Some(value.to_owned())))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_delta_schema() {
        for table in LakeTable::ALL {
            let (files, delta) = (file_schema(table), delta_columns(table).unwrap());
            let searched = if table == LakeTable::Events { schema::SEARCHED.len() } else { 0 };
            assert_eq!(delta.len(), files.fields().len() + 1 - searched);
            let (date, columns) = delta.split_last().unwrap();
            assert!(date.name() == "date" && !date.is_nullable());
            assert!(columns.iter().all(StructField::is_nullable));
            assert!(
                files
                    .fields()
                    .iter()
                    .all(|f| f.name().chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c)))
            );
        }
    }
}
