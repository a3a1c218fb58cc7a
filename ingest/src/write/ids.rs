//! Texts that never repeat → one column chunk of Parquet: lengths, then texts (`DELTA_LENGTH_BYTE_ARRAY`).
//!
//! The Arrow writer of the parquet crate checks again that the texts are UTF-8, and goes value by value; here a page is
//! two copies.

use super::delta;
use super::pages::{Pages, number};
use super::settings::{ColumnSetting, FALSE_POSITIVES};
use super::squeeze::Squeeze;
use super::texts::Texts;
use super::values::NONE;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

/// The pages of a column of ids so far.
pub(super) struct IdChunk {
    pages: Pages,
    bloom: Option<Sbbf>,
    /// Scratch: the lengths of a page.
    lengths: Vec<u32>,
}

impl IdChunk {
    /// A chunk for `rows` rows.
    pub(super) fn new(
        column: ColumnDescPtr,
        setting: ColumnSetting,
        rows: usize,
    ) -> Result<Self, ParquetError> {
        let bloom = setting.bloom.then(|| Sbbf::new_with_ndv_fpp(rows.max(1) as u64, FALSE_POSITIVES));
        Ok(Self { pages: Pages::new(column, setting), bloom: bloom.transpose()?, lengths: Vec::new() })
    }

    /// Makes a page of its rows.
    pub(super) fn page(&mut self, texts: &Texts, squeeze: &mut Squeeze) -> Result<(), ParquetError> {
        self.lengths.clear();
        self.lengths.extend(texts.lengths().iter().filter(|&&length| length != NONE));
        let (rows, values) = (texts.lengths().len(), self.lengths.len());
        self.pages.begin(texts.lengths(), values);
        delta::encode(&self.lengths, &mut self.pages.body);
        self.pages.body.extend_from_slice(texts.bytes());
        if let Some(bloom) = &mut self.bloom {
            texts.iter().for_each(|text| bloom.insert(text));
        }
        self.pages.end(rows, values, Encoding::DELTA_LENGTH_BYTE_ARRAY, squeeze)
    }

    /// The chunk as it goes into a row group: its bytes, and what the footer says of them.
    pub(super) fn finish(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let mut pages = self.pages.finish()?;
        let size = number(pages.bytes.len());
        let encodings = vec![Encoding::RLE, Encoding::DELTA_LENGTH_BYTE_ARRAY];
        let metadata = pages.metadata(size, 0, encodings)?.build()?;
        let close = ColumnCloseResult {
            bytes_written: u64::try_from(size).unwrap_or(0),
            rows_written: pages.rows,
            metadata,
            bloom_filter: self.bloom,
            column_index: None,
            offset_index: Some(pages.offsets),
        };
        Ok((pages.bytes.into(), close))
    }
}
