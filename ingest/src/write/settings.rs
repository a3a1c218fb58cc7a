//! How each column is laid out in a Parquet file, and what a reader can skip by.
//!
//! One table for all: an encoding that suits ids wastes space on names, statistics of JSON texts help nobody, and a
//! bloom filter pays only where people look for needles. Measured on a million events: ids without dictionary and
//! as `DELTA_LENGTH` save 0.2 s and 3 MB of 108, five bloom filters cost 0.13 s and 2.7 MB, statistics on useful
//! columns only save 0.1 s.

use crate::schema::Table;
use arrow::datatypes::Schema as ArrowSchema;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// How the values of a column are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Values that repeat, each stored once.
    Dictionary,
    /// Random texts of one length: nothing repeats and nothing compresses.
    Id,
    /// Numbers or times near their neighbours.
    Delta,
}

/// How one column is written. A column without a setting has a dictionary, no bloom filter and no bounds.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSetting {
    /// The column.
    pub column: &'static str,
    /// How its values are stored.
    pub layout: Layout,
    /// Whether a file can be skipped when a value is not in it.
    pub bloom: bool,
    /// Whether least and greatest value are kept, by page and file, and in the Delta log.
    pub bounds: bool,
}

impl ColumnSetting {
    /// A column with a dictionary and nothing else.
    #[must_use]
    pub const fn new(column: &'static str) -> Self {
        Self { column, layout: Layout::Dictionary, bloom: false, bounds: false }
    }

    /// The same, stored as random texts.
    #[must_use]
    pub const fn id(self) -> Self {
        Self { layout: Layout::Id, ..self }
    }

    /// The same, stored as differences.
    #[must_use]
    pub const fn delta(self) -> Self {
        Self { layout: Layout::Delta, ..self }
    }

    /// The same with a bloom filter.
    #[must_use]
    pub const fn bloom(self) -> Self {
        Self { bloom: true, ..self }
    }

    /// The same with bounds.
    #[must_use]
    pub const fn bounds(self) -> Self {
        Self { bounds: true, ..self }
    }
}

const fn column(name: &'static str) -> ColumnSetting {
    ColumnSetting::new(name)
}

/// Settings of the table `events`.
pub const EVENTS: &[ColumnSetting] = &[
    column("eventtime").delta().bounds(),
    column("eventsource").bounds(),
    column("eventname").bounds(),
    column("awsregion").bounds(),
    column("sourceipaddress").bounds().bloom(),
    column("errorcode").bounds(),
    column("recipientaccountid").bounds(),
    column("useridentity_type").bounds(),
    column("useridentity_arn").bounds().bloom(),
    column("useridentity_accountid").bounds(),
    column("useridentity_accesskeyid").bounds().bloom(),
    column("actor").bounds(),
    column("eventtype").bounds(),
    column("eventcategory").bounds(),
    column("readonly").bounds(),
    column("managementevent").bounds(),
    column("ingesttime").delta().bounds(),
    column("eventid").id().bloom(),
    column("requestid").id().bloom(),
    column("sharedeventid").id(),
];

/// Settings of the table `aggregated`. Its `eventId` has the column name of the `eventID` of events.
pub const AGGREGATED: &[ColumnSetting] = &[
    column("timewindow_windowstart").delta().bounds(),
    column("timewindow_windowend").delta().bounds(),
    column("eventsource").bounds(),
    column("awsregion").bounds(),
    column("accountid").bounds(),
    column("eventtype").bounds(),
    column("eventcategory").bounds(),
    column("actor").bounds(),
    column("ingesttime").delta().bounds(),
    column("eventid").id().bloom(),
];

/// The settings of a table of records.
#[must_use]
pub const fn of(table: Table) -> &'static [ColumnSetting] {
    match table {
        Table::Events => EVENTS,
        Table::Aggregated => AGGREGATED,
    }
}

/// The setting of a column of records, whichever table it is in.
pub(crate) fn find(column: &str) -> Option<&'static ColumnSetting> {
    EVENTS.iter().chain(AGGREGATED).find(|setting| setting.column == column)
}

/// Rows of a data page. With rows in the order of their event names, pages of 5,000 leave 5 to 18 % of the rows to a
/// query for one name, pages of 20,000 leave 11 to 26 %; the file grows by 0.5 %.
pub const PAGE_ROWS: usize = 5_000;

/// Rows of a row group in the tables without records; a file of records has one row group.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// Bounds of texts are cut to this many bytes, the upper one rounded up.
pub(super) const BOUND_BYTES: usize = 64;

/// One in twenty row groups that do not have a value is read in vain, at most: a filter's size is a power of two, so it
/// is one in fifty mostly. Filters for one in a hundred are 64 KB longer for an id of a row group, which is more than
/// what is read less, a fiftieth of 1.2 MB.
pub(super) const FALSE_POSITIVES: f64 = 0.05;

/// Level 2 and 3 take 0.3 and 0.7 s more per million events and save a hundredth of the bytes.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// How hard a file is compressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    level: i32,
    /// A dictionary may have this many bytes before its column falls back to plain values.
    dictionary: usize,
    /// Columns without a dictionary, because nearly all their values differ: lengths and keys are bytes as well.
    plain: &'static [&'static str],
}

/// For files that are written while somebody waits.
pub(super) const QUICK: Effort = Effort { level: ZSTD_LEVEL, dictionary: 4 << 20, plain: &[] };

/// For files that are written once more. Against level 6 it takes a tenth more CPU and saves 0.3 % of the bytes; level
/// 12 takes 40 % more for 0.8 %.
pub(super) const HARD: Effort = Effort { level: 9, dictionary: 64 << 20, plain: &["additionaleventdata"] };

/// Writer properties for a file whose row groups have `rows` rows.
pub(super) fn properties(
    settings: &[ColumnSetting],
    schema: &ArrowSchema,
    rows: usize,
    effort: &Effort,
) -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(effort.level)?))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_page_size_limit(effort.dictionary)
        .set_statistics_truncate_length(Some(BOUND_BYTES))
        .set_column_index_truncate_length(Some(BOUND_BYTES))
        .set_statistics_enabled(EnabledStatistics::None);
    for column in effort.plain {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    // A filter is sized for the rows of a row group; left at its default of a million it costs 0.25 s per million events.
    let distinct = u64::try_from(rows.max(1)).unwrap_or(u64::MAX);
    for setting in settings.iter().filter(|setting| schema.index_of(setting.column).is_ok()) {
        let path = ColumnPath::from(setting.column);
        let encoding = match setting.layout {
            Layout::Dictionary => None,
            Layout::Id => Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
            Layout::Delta => Some(Encoding::DELTA_BINARY_PACKED),
        };
        if setting.layout == Layout::Id {
            // Random digits give nothing to find, and looking harder makes them longer.
            let level = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
            properties = properties.set_column_compression(path.clone(), level);
        }
        if let Some(encoding) = encoding {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), encoding);
        }
        if setting.bounds {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::Page);
        }
        if setting.bloom {
            properties = properties
                .set_column_bloom_filter_fpp(path.clone(), FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path, distinct);
        }
    }
    Ok(properties.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::file_schema;

    #[test]
    fn every_setting_names_a_column() {
        for table in [Table::Events, Table::Aggregated] {
            let schema = file_schema(table);
            for setting in of(table) {
                assert!(schema.index_of(setting.column).is_ok(), "{table:?} {}", setting.column);
            }
        }
    }
}
