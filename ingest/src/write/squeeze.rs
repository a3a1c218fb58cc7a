//! Bytes of a page → the same, compressed.

use bytes::Bytes;
use parquet::errors::ParquetError;
use zstd::bulk::Compressor;

/// Bytes of memory that are kept from one page to the next.
const MOST_HELD: usize = 16 << 20;

/// A zstd context that is used again and again.
pub(super) struct Squeeze {
    zstd: Compressor<'static>,
    buffer: Vec<u8>,
}

impl Squeeze {
    pub(super) fn new(level: i32) -> Result<Self, ParquetError> {
        Ok(Self { zstd: Compressor::new(level)?, buffer: Vec::new() })
    }

    pub(super) fn squeeze(&mut self, bytes: &[u8]) -> Result<Bytes, ParquetError> {
        let most = zstd::zstd_safe::compress_bound(bytes.len());
        self.buffer.resize(most.max(self.buffer.len()), 0);
        let length = self.zstd.compress_to_buffer(bytes, &mut self.buffer[..])?;
        let squeezed = Bytes::copy_from_slice(&self.buffer[..length]);
        if self.buffer.len() > MOST_HELD {
            self.buffer = Vec::new();
        }
        Ok(squeezed)
    }
}
