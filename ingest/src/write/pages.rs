//! The data pages of one column chunk: levels, body, header, and the place of each page.
//!
//! Their offsets count from the first data page, since a dictionary, which comes first in the file, is known last.

use super::hybrid::{encode, repeat};
use super::settings::{ColumnSetting, ZSTD_LEVEL};
use super::squeeze::Squeeze;
use super::values::NONE;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder, OffsetIndexBuilder};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::sync::Arc;

/// The pages so far, and the one that is being made.
pub(super) struct Pages {
    column: ColumnDescPtr,
    pub(super) setting: ColumnSetting,
    sink: TrackedWrite<Vec<u8>>,
    pub(super) rows: u64,
    pub(super) nulls: u64,
    uncompressed: usize,
    offsets: OffsetIndexBuilder,
    levels: Vec<u32>,
    /// The page, not compressed.
    pub(super) body: Vec<u8>,
}

/// All pages of a chunk, one after the other.
pub(super) struct Finished {
    pub(super) bytes: Vec<u8>,
    /// Where each begins in `bytes`.
    pub(super) offsets: OffsetIndexMetaData,
    pub(super) rows: u64,
    pub(super) nulls: u64,
    pub(super) uncompressed: usize,
    pub(super) setting: ColumnSetting,
    column: ColumnDescPtr,
}

impl Pages {
    pub(super) fn new(column: ColumnDescPtr, setting: ColumnSetting) -> Self {
        Self {
            column,
            setting,
            sink: TrackedWrite::new(Vec::new()),
            rows: 0,
            nulls: 0,
            uncompressed: 0,
            offsets: OffsetIndexBuilder::new(),
            levels: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Begins a page for these rows, of which [`NONE`] has no value; `values` is how many have one.
    pub(super) fn begin(&mut self, rows: &[u32], values: usize) {
        self.body.clear();
        // The length of the levels, filled in below.
        self.body.extend_from_slice(&[0; 4]);
        if values == 0 || values == rows.len() {
            repeat(u32::from(values > 0), rows.len(), 1, &mut self.body);
        } else {
            self.levels.clear();
            self.levels.extend(rows.iter().map(|&row| u32::from(row != NONE)));
            encode(&self.levels, 1, &mut self.body);
        }
        let levels = u32::try_from(self.body.len() - 4).unwrap_or(u32::MAX);
        self.body[..4].copy_from_slice(&levels.to_le_bytes());
    }

    /// Ends the page.
    pub(super) fn end(
        &mut self,
        rows: usize,
        values: usize,
        encoding: Encoding,
        squeeze: &mut Squeeze,
    ) -> Result<(), ParquetError> {
        let page = Page::DataPage {
            buf: squeeze.squeeze(&self.body)?,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = write_page(&mut self.sink, page, self.body.len())?;
        self.uncompressed += spec.uncompressed_size;
        self.offsets.append_row_count(number(rows));
        let size = i32::try_from(spec.compressed_size).unwrap_or(i32::MAX);
        self.offsets.append_offset_and_size(i64::try_from(spec.offset).unwrap_or(i64::MAX), size);
        self.rows += rows as u64;
        self.nulls += (rows - values) as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Finished, ParquetError> {
        Ok(Finished {
            bytes: self.sink.into_inner()?,
            offsets: self.offsets.build(),
            rows: self.rows,
            nulls: self.nulls,
            uncompressed: self.uncompressed,
            setting: self.setting,
            column: self.column,
        })
    }
}

impl Finished {
    /// What the footer says of a chunk of `size` bytes whose data pages begin at `first_page`.
    pub(super) fn metadata(
        &mut self,
        size: i64,
        first_page: i64,
        encodings: Vec<Encoding>,
    ) -> Result<ColumnChunkMetaDataBuilder, ParquetError> {
        for page in &mut self.offsets.page_locations {
            page.offset += first_page;
        }
        Ok(ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_encodings(encodings)
            .set_num_values(i64::try_from(self.rows).unwrap_or(i64::MAX))
            .set_total_compressed_size(size)
            .set_total_uncompressed_size(number(self.uncompressed))
            .set_data_page_offset(first_page))
    }
}

/// Writes a page and its header.
pub(super) fn write_page(
    sink: &mut TrackedWrite<Vec<u8>>,
    page: Page,
    size: usize,
) -> Result<PageWriteSpec, ParquetError> {
    SerializedPageWriter::new(sink).write_page(CompressedPage::new(page, size))
}

/// A length as the format's numbers have it.
pub(super) fn number(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
