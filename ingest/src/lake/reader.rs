//! A data file in an object store, read range by range.

use super::files::LakeFile;
use bytes::Bytes;
use deltalake::{
    ObjectStore, Path,
    logstore::object_store::{self, ObjectStoreExt},
};
use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use parquet::{
    arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
    errors::ParquetError,
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
};
use std::{ops::Range, sync::Arc};

/// Reads a file of the table whose folder is the root of `store`.
#[derive(Clone)]
pub(crate) struct Reader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

impl Reader {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, file: &LakeFile) -> Self {
        Self { store, path: Path::from(file.path.as_str()), size: file.size }
    }
}

fn failed(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.store.get_range(&self.path, range).map_err(failed).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(failed) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let size = self.size;
        ParquetMetaDataReader::new().load_and_finish(self, size).map_ok(Arc::new).boxed()
    }
}
