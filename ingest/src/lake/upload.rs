//! A data file goes up while it is being made, so that it need not fit into memory.

use super::{Lake, error::LakeError, files::LakeTable};
use bytes::Bytes;
use deltalake::{
    Path,
    logstore::object_store::{ObjectStoreExt, WriteMultipart},
};

/// Bytes of one part; S3 takes no fewer than 5 MB and no more than 10,000 parts.
const PART: usize = 8 << 20;

/// Parts that are on their way at the same time.
const IN_FLIGHT: usize = 3;

/// A file on its way into the folder of a table. It is there when [`Upload::finish`] says so, and not before.
pub(crate) struct Upload<'a> {
    lake: &'a Lake,
    table: LakeTable,
    path: String,
    /// What is not on its way yet, while it is little.
    waiting: Vec<u8>,
    parts: Option<WriteMultipart>,
    size: u64,
}

impl Lake {
    /// Begins a file in the folder of `table`.
    pub(crate) fn upload(&self, table: LakeTable, path: String) -> Upload<'_> {
        Upload { lake: self, table, path, waiting: Vec::new(), parts: None, size: 0 }
    }
}

impl Upload<'_> {
    /// Where it goes.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Appends to the file.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), LakeError> {
        self.size += bytes.len() as u64;
        if self.parts.is_none() && self.waiting.len() + bytes.len() <= PART {
            self.waiting.extend_from_slice(&bytes);
            return Ok(());
        }
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => {
                let store = self.lake.store(self.table);
                let begun = store.put_multipart(&Path::from(self.path.as_str())).await;
                let begun = begun.map_err(|error| self.lake.failed(self.table, WRITE, error))?;
                let parts = none.insert(WriteMultipart::new_with_chunk_size(begun, PART));
                parts.put(std::mem::take(&mut self.waiting).into());
                parts
            }
        };
        parts.put(Bytes::from(bytes));
        let room = parts.wait_for_capacity(IN_FLIGHT).await;
        room.map_err(|error| self.lake.failed(self.table, WRITE, error))
    }

    /// Ends the file and says how many bytes it has.
    pub(crate) async fn finish(self) -> Result<u64, LakeError> {
        let Some(parts) = self.parts else {
            self.lake.put(self.table, &self.path, self.waiting.into()).await?;
            return Ok(self.size);
        };
        #[cfg(test)]
        let is_unheard = self.lake.settings.faults.upload(self.table).await?;
        let stored = parts.finish().await;
        #[cfg(test)]
        if is_unheard {
            return Err(super::faults::Fault::LostResponse.storage(self.table));
        }
        stored.map(|_| self.size).map_err(|error| self.lake.failed(self.table, WRITE, error))
    }
}

const WRITE: &str = "write a file of";
