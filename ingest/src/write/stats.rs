//! The footer of a Parquet file → Delta's statistics of it.
//!
//! Readers skip files by them, so a bound may be too wide but never too narrow: texts are cut with the upper bound
//! rounded up, times are in milliseconds with the upper bound rounded up.

use super::settings::ColumnSetting;
use crate::time;
use arrow::datatypes::{DataType, Schema as ArrowSchema};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value, json};

/// What Delta allows a text in its statistics, in characters.
const TEXT_CHARS: usize = 64;

/// Rows, and for each column with bounds its least value, greatest value and number of nulls.
pub(super) fn delta(metadata: &ParquetMetaData, schema: &ArrowSchema, settings: &[ColumnSetting]) -> Value {
    let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for setting in settings.iter().filter(|setting| setting.bounds) {
        let name = setting.column;
        let Ok(field) = schema.field_with_name(name) else { continue };
        let Some(chunks) = chunks(metadata, name) else { continue };
        if let Some(count) = chunks.iter().map(|chunk| chunk.null_count_opt()).sum::<Option<u64>>() {
            nulls.insert(name.to_owned(), count.into());
        }
        let (low, high) = bounds(&chunks, field.data_type());
        least.extend(low.map(|value| (name.to_owned(), value)));
        greatest.extend(high.map(|value| (name.to_owned(), value)));
    }
    json!({
        "numRecords": metadata.file_metadata().num_rows(),
        "minValues": least,
        "maxValues": greatest,
        "nullCount": nulls,
    })
}

/// The statistics of a column in each row group; `None` when one has none.
fn chunks<'a>(metadata: &'a ParquetMetaData, name: &str) -> Option<Vec<&'a Statistics>> {
    let descriptor = metadata.file_metadata().schema_descr();
    let at = descriptor.columns().iter().position(|column| column.path().string() == name)?;
    metadata.row_groups().iter().map(|group| group.column(at).statistics()).collect()
}

/// Least and greatest value; nothing for types that Delta keeps no bounds of, and for columns of nulls.
fn bounds(chunks: &[&Statistics], data_type: &DataType) -> (Option<Value>, Option<Value>) {
    if let DataType::Timestamp(..) = data_type {
        let (low, high) = numbers(chunks);
        let up = high.map(|micros| micros.saturating_add(999));
        return (low.map(timestamp), up.map(timestamp));
    }
    if data_type.is_integer() {
        let (low, high) = numbers(chunks);
        return (low.map(Value::from), high.map(Value::from));
    }
    let low = chunks.iter().filter_map(|chunk| text(chunk.min_bytes_opt(), chunk)).min();
    let high = chunks.iter().filter_map(|chunk| text(chunk.max_bytes_opt(), chunk)).max();
    // An upper bound that could not be cut is rare enough to go without.
    let high = high.filter(|text| text.chars().count() <= TEXT_CHARS);
    (low.map(Value::from), high.map(Value::from))
}

fn numbers(chunks: &[&Statistics]) -> (Option<i64>, Option<i64>) {
    let bound = |chunk: &Statistics, which: Bound| match (chunk, which) {
        (Statistics::Int64(values), Bound::Least) => values.min_opt().copied(),
        (Statistics::Int64(values), Bound::Greatest) => values.max_opt().copied(),
        (Statistics::Int32(values), Bound::Least) => values.min_opt().copied().map(i64::from),
        (Statistics::Int32(values), Bound::Greatest) => values.max_opt().copied().map(i64::from),
        _ => None,
    };
    let least = chunks.iter().filter_map(|chunk| bound(chunk, Bound::Least)).min();
    (least, chunks.iter().filter_map(|chunk| bound(chunk, Bound::Greatest)).max())
}

#[derive(Clone, Copy)]
enum Bound {
    Least,
    Greatest,
}

fn text<'a>(bytes: Option<&'a [u8]>, chunk: &Statistics) -> Option<&'a str> {
    match chunk {
        Statistics::ByteArray(_) => bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()),
        _ => None,
    }
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`.
fn timestamp(micros: i64) -> Value {
    let seconds = time::format(micros);
    let millis = micros.rem_euclid(1_000_000) / 1000;
    Value::from(format!("{}.{millis:03}Z", seconds.trim_end_matches('Z')))
}
