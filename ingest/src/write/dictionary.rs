//! Texts that repeat → one column chunk of Parquet: a dictionary and pages of keys into it.
//!
//! The Arrow writer of the parquet crate hashes and compares every value of every row again, also of a dictionary
//! array. Here a value is hashed when it is not that of the row before, and becomes a key; a page is made of keys. It
//! saves a fifth of the CPU of an ingest. What is written is what that writer would write: pages of
//! [`PAGE_ROWS`](super::settings::PAGE_ROWS) rows, definition levels, a dictionary page in front, an offset index, and
//! where the settings ask for them bounds by page and chunk and a bloom filter.

use super::bounds::{greatest, least};
use super::hybrid::{encode, width_for};
use super::pages::{Finished, Pages, number, write_page};
use super::settings::{ColumnSetting, FALSE_POSITIVES};
use super::squeeze::Squeeze;
use super::values::{Key, NONE, Values};
use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::Page;
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::TrackedWrite;
use parquet::schema::types::ColumnDescPtr;

/// The pages of one column so far.
pub(super) struct DictionaryChunk {
    pages: Pages,
    bounds: ColumnIndexBuilder,
    /// Scratch: the keys of a page.
    keys: Vec<Key>,
    /// By key: the number of the last page that has it.
    seen: Vec<u32>,
}

impl DictionaryChunk {
    pub(super) fn new(column: ColumnDescPtr, setting: ColumnSetting) -> Self {
        let bounds = ColumnIndexBuilder::new(Type::BYTE_ARRAY);
        Self { pages: Pages::new(column, setting), bounds, keys: Vec::new(), seen: Vec::new() }
    }

    /// Makes a page of the keys of its rows.
    pub(super) fn page(
        &mut self,
        keys: &[Key],
        values: &Values,
        squeeze: &mut Squeeze,
    ) -> Result<(), ParquetError> {
        self.keys.clear();
        self.keys.extend(keys.iter().filter(|&&key| key != NONE));
        self.pages.begin(keys, self.keys.len());
        let width = width_for(values.len());
        self.pages.body.push(width.to_le_bytes()[0]);
        encode(&self.keys, width, &mut self.pages.body);
        if self.pages.setting.bounds {
            self.page_bounds(keys.len(), values);
        }
        self.pages.end(keys.len(), self.keys.len(), Encoding::RLE_DICTIONARY, squeeze)
    }

    /// Least and greatest value of a page; each value is compared once, however many rows have it.
    fn page_bounds(&mut self, rows: usize, values: &Values) {
        self.seen.resize(values.len(), u32::MAX);
        let page = u32::try_from(self.pages.rows).unwrap_or(u32::MAX);
        let (mut low, mut high) = (None, None);
        for &key in &self.keys {
            let seen = &mut self.seen[key as usize];
            if *seen == page {
                continue;
            }
            *seen = page;
            let value = values.get(key);
            if low.is_none_or(|low| value < low) {
                low = Some(value);
            }
            if high.is_none_or(|high| value > high) {
                high = Some(value);
            }
        }
        let nulls = number(rows - self.keys.len());
        match (low, high) {
            (Some(low), Some(high)) => {
                self.bounds.append(false, least(low).0.to_vec(), greatest(high).0.into_owned(), nulls);
            }
            _ => self.bounds.append(true, vec![], vec![], nulls),
        }
    }

    /// The chunk as it goes into a row group: its bytes, and what the footer says of them.
    pub(super) fn finish(
        self,
        values: &Values,
        squeeze: &mut Squeeze,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let mut pages = self.pages.finish()?;
        let mut chunk = TrackedWrite::new(Vec::new());
        let dictionary = values.plain();
        let page = Page::DictionaryPage {
            buf: squeeze.squeeze(dictionary)?,
            num_values: u32::try_from(values.len()).unwrap_or(u32::MAX),
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = write_page(&mut chunk, page, dictionary.len())?;
        pages.uncompressed += spec.uncompressed_size;
        let mut bytes = chunk.into_inner()?;
        let first_page = number(bytes.len());
        bytes.extend_from_slice(&pages.bytes);
        let close = close(pages, self.bounds, values, number(bytes.len()), first_page)?;
        Ok((bytes.into(), close))
    }
}

fn close(
    mut pages: Finished,
    bounds: ColumnIndexBuilder,
    values: &Values,
    size: i64,
    first_page: i64,
) -> Result<ColumnCloseResult, ParquetError> {
    let encodings = vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
    let (setting, nulls) = (pages.setting, pages.nulls);
    let mut metadata = pages.metadata(size, first_page, encodings)?.set_dictionary_page_offset(Some(0));
    if setting.bounds {
        metadata = metadata.set_statistics(chunk_bounds(values, nulls));
    }
    Ok(ColumnCloseResult {
        bytes_written: u64::try_from(size).unwrap_or(0),
        rows_written: pages.rows,
        metadata: metadata.build()?,
        bloom_filter: setting.bloom.then(|| filter(values)).transpose()?,
        column_index: setting.bounds.then(|| bounds.build()).transpose()?,
        offset_index: Some(pages.offsets),
    })
}

/// Least and greatest of all values; each value is in some row.
fn chunk_bounds(values: &Values, nulls: u64) -> Statistics {
    let low = values.iter().min().map(least);
    let high = values.iter().max().map(greatest);
    let (low_exact, high_exact) = (low.is_none_or(|low| low.1), high.as_ref().is_none_or(|high| high.1));
    let low = low.map(|(text, _)| ByteArray::from(text.to_vec()));
    let high = high.map(|(text, _)| ByteArray::from(text.into_owned()));
    let bounds = ValueStatistics::new(low, high, None, Some(nulls), false);
    Statistics::ByteArray(bounds.with_min_is_exact(low_exact).with_max_is_exact(high_exact))
}

/// A bloom filter for as many values as there are.
fn filter(values: &Values) -> Result<Sbbf, ParquetError> {
    let mut filter = Sbbf::new_with_ndv_fpp(values.len().max(1) as u64, FALSE_POSITIVES)?;
    values.iter().for_each(|value| filter.insert(value));
    Ok(filter)
}
