//! Texts that repeat → one column chunk of Parquet: a dictionary and pages of keys into it.
//!
//! The Arrow writer of the parquet crate hashes and compares every value of every row again, also of a dictionary
//! array. Here a value is hashed when it is not that of the row before, and becomes a key; a page is made of keys. It
//! saves a fifth of the CPU of an ingest. What is written is what that writer would write: pages of
//! [`PAGE_ROWS`](super::settings::PAGE_ROWS) rows, definition levels, a dictionary page in front, an offset index, and
//! where the settings ask for them bounds by page and chunk and a bloom filter.

use super::bounds::{greatest, least};
use super::hybrid::{encode, repeat, width_for};
use super::settings::ColumnSetting;
use super::squeeze::Squeeze;
use super::values::{Key, NONE, Values};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// The pages of one column so far. Their offsets count from the first data page, since the dictionary, which comes
/// first in the file, is known last.
pub(super) struct DictionaryChunk {
    column: ColumnDescPtr,
    setting: ColumnSetting,
    pages: TrackedWrite<Vec<u8>>,
    rows: u64,
    nulls: u64,
    uncompressed: usize,
    offsets: OffsetIndexBuilder,
    bounds: ColumnIndexBuilder,
    /// Scratch: levels, keys and the page they become.
    levels: Vec<u32>,
    keys: Vec<Key>,
    body: Vec<u8>,
    /// By key: the number of the last page that has it.
    seen: Vec<u32>,
}

impl DictionaryChunk {
    pub(super) fn new(column: ColumnDescPtr, setting: ColumnSetting) -> Self {
        Self {
            column,
            setting,
            pages: TrackedWrite::new(Vec::new()),
            rows: 0,
            nulls: 0,
            uncompressed: 0,
            offsets: OffsetIndexBuilder::new(),
            bounds: ColumnIndexBuilder::new(Type::BYTE_ARRAY),
            levels: Vec::new(),
            keys: Vec::new(),
            body: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Makes a page of the keys of its rows.
    pub(super) fn page(
        &mut self,
        keys: &[Key],
        values: &Values,
        squeeze: &mut Squeeze,
    ) -> Result<(), ParquetError> {
        self.body.clear();
        // The length of the levels, filled in below.
        self.body.extend_from_slice(&[0; 4]);
        self.keys.clear();
        self.keys.extend(keys.iter().filter(|&&key| key != NONE));
        if self.keys.is_empty() || self.keys.len() == keys.len() {
            repeat(u32::from(!self.keys.is_empty()), keys.len(), 1, &mut self.body);
        } else {
            self.levels.clear();
            self.levels.extend(keys.iter().map(|&key| u32::from(key != NONE)));
            encode(&self.levels, 1, &mut self.body);
        }
        let levels = u32::try_from(self.body.len() - 4).unwrap_or(u32::MAX);
        self.body[..4].copy_from_slice(&levels.to_le_bytes());
        let width = width_for(values.len());
        self.body.push(width.to_le_bytes()[0]);
        encode(&self.keys, width, &mut self.body);
        if self.setting.bounds {
            self.page_bounds(keys.len(), values);
        }
        self.write_page(keys.len(), squeeze)
    }

    fn write_page(&mut self, rows: usize, squeeze: &mut Squeeze) -> Result<(), ParquetError> {
        let page = Page::DataPage {
            buf: squeeze.squeeze(&self.body)?,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = write(&mut self.pages, page, self.body.len())?;
        self.uncompressed += spec.uncompressed_size;
        self.offsets.append_row_count(number(rows));
        let size = i32::try_from(spec.compressed_size).unwrap_or(i32::MAX);
        self.offsets.append_offset_and_size(i64::try_from(spec.offset).unwrap_or(i64::MAX), size);
        self.rows += rows as u64;
        self.nulls += (rows - self.keys.len()) as u64;
        Ok(())
    }

    /// Least and greatest value of a page; each value is compared once, however many rows have it.
    fn page_bounds(&mut self, rows: usize, values: &Values) {
        self.seen.resize(values.len(), u32::MAX);
        let page = u32::try_from(self.rows).unwrap_or(u32::MAX);
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
        mut self,
        values: &Values,
        squeeze: &mut Squeeze,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let pages = std::mem::replace(&mut self.pages, TrackedWrite::new(Vec::new())).into_inner()?;
        let mut chunk = TrackedWrite::new(Vec::new());
        let dictionary = plain(values);
        let page = Page::DictionaryPage {
            buf: squeeze.squeeze(&dictionary)?,
            num_values: u32::try_from(values.len()).unwrap_or(u32::MAX),
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec = write(&mut chunk, page, dictionary.len())?;
        self.uncompressed += spec.uncompressed_size;
        let mut bytes = chunk.into_inner()?;
        let first_page = number(bytes.len());
        bytes.extend_from_slice(&pages);
        let close = self.close(values, number(bytes.len()), first_page)?;
        Ok((bytes.into(), close))
    }

    fn close(self, values: &Values, size: i64, first_page: i64) -> Result<ColumnCloseResult, ParquetError> {
        let (bloom, has_bounds, rows) = (self.setting.bloom, self.setting.bounds, self.rows);
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(super::settings::ZSTD_LEVEL)?))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_num_values(i64::try_from(rows).unwrap_or(i64::MAX))
            .set_total_compressed_size(size)
            .set_total_uncompressed_size(number(self.uncompressed))
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(first_page);
        if has_bounds {
            metadata = metadata.set_statistics(chunk_bounds(values, self.nulls));
        }
        let mut offset_index = self.offsets.build();
        for page in &mut offset_index.page_locations {
            page.offset += first_page;
        }
        Ok(ColumnCloseResult {
            bytes_written: u64::try_from(size).unwrap_or(0),
            rows_written: rows,
            metadata: metadata.build()?,
            bloom_filter: bloom.then(|| filter(values)).transpose()?,
            column_index: has_bounds.then(|| self.bounds.build()).transpose()?,
            offset_index: Some(offset_index),
        })
    }
}

/// Writes a page and its header.
fn write(sink: &mut TrackedWrite<Vec<u8>>, page: Page, size: usize) -> Result<PageWriteSpec, ParquetError> {
    SerializedPageWriter::new(sink).write_page(CompressedPage::new(page, size))
}

/// The values one after the other, each led by its length.
fn plain(values: &Values) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.bytes() + 4 * values.len());
    for value in values.iter() {
        out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(value);
    }
    out
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
    let mut filter = Sbbf::new_with_ndv_fpp(values.len().max(1) as u64, super::settings::FALSE_POSITIVES)?;
    values.iter().for_each(|value| filter.insert(value));
    Ok(filter)
}

fn number(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
