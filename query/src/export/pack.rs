//! Records with their places → log files, compressed as they come and named by what is in them.

use super::Exported;
use super::place::Place;
use crate::error::Error;
use bytes::Bytes;
use deltalake::ObjectStore;
use deltalake::Path;
use deltalake::logstore::object_store::ObjectStoreExt;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Log files that are open at the same time, each with a compressor of 300 kB and what it made so far.
pub(super) const MOST_OPEN: usize = 64;

/// Log files that are uploaded at the same time.
const UPLOADS: usize = 8;

/// Puts records into log files.
pub(super) struct Pack {
    store: Arc<dyn ObjectStore>,
    file_bytes: usize,
    open: BTreeMap<Place, Open>,
    uploads: JoinSet<Result<(), Error>>,
    report: Exported,
}

/// A log file that is being written.
struct Open {
    gzip: GzEncoder<Vec<u8>>,
    hash: Sha256,
    bytes: usize,
    /// The time of its first record.
    time: Option<i64>,
}

impl Open {
    fn new(time: Option<i64>) -> Self {
        let gzip = GzEncoder::new(Vec::new(), Compression::default());
        Self { gzip, hash: Sha256::new(), bytes: 0, time }
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.hash.update(text.as_bytes());
        self.bytes += text.len();
        self.gzip.write_all(text.as_bytes())
    }
}

impl Pack {
    pub(super) fn new(store: Arc<dyn ObjectStore>, file_bytes: usize) -> Self {
        let (open, uploads, report) = (BTreeMap::new(), JoinSet::new(), Exported::default());
        Self { store, file_bytes, open, uploads, report }
    }

    /// Records so far.
    pub(super) fn written(&self) -> u64 {
        self.report.written
    }

    /// Adds a record to the file of its place.
    pub(super) async fn add(&mut self, place: Place, time: Option<i64>, text: &str) -> Result<(), Error> {
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&place) {
            self.close_all().await?;
        }
        self.report.records_read += 1;
        self.report.written += 1;
        self.report.unplaced += u64::from(!place.is_known());
        let open = self.open.entry(place.clone()).or_insert_with(|| Open::new(time));
        open.write(if open.bytes == 0 { "{\"Records\":[" } else { "," })?;
        open.write(text)?;
        if open.bytes >= self.file_bytes
            && let Some(open) = self.open.remove(&place)
        {
            self.close(&place, open).await?;
        }
        Ok(())
    }

    /// Closes all files: what comes next belongs to other ones.
    pub(super) async fn close_all(&mut self) -> Result<(), Error> {
        while let Some((place, open)) = self.open.pop_first() {
            self.close(&place, open).await?;
        }
        Ok(())
    }

    async fn close(&mut self, place: &Place, mut open: Open) -> Result<(), Error> {
        open.write("]}")?;
        let bytes = Bytes::from(open.gzip.finish()?);
        self.report.objects += 1;
        self.report.bytes_inflated += open.bytes as u64;
        self.report.bytes_out += bytes.len() as u64;
        let path = Path::from(place.key(open.time, &unique(&open.hash.finalize())));
        if self.uploads.len() >= UPLOADS {
            self.one_uploaded().await?;
        }
        let store = Arc::clone(&self.store);
        self.uploads.spawn(async move {
            let stored = store.put(&path, bytes.into()).await;
            stored.map(drop).map_err(|error| Error::Export { name: path.to_string(), why: error.to_string() })
        });
        Ok(())
    }

    async fn one_uploaded(&mut self) -> Result<(), Error> {
        match self.uploads.join_next().await {
            Some(Ok(uploaded)) => uploaded,
            Some(Err(panic)) => Err(Error::Export { name: "a log file".to_owned(), why: panic.to_string() }),
            None => Ok(()),
        }
    }

    /// Waits until all is there.
    pub(super) async fn finish(mut self) -> Result<Exported, Error> {
        self.close_all().await?;
        while !self.uploads.is_empty() {
            self.one_uploaded().await?;
        }
        Ok(self.report)
    }
}

/// Sixteen letters and digits, as at the end of CloudTrail's own names, that depend on the content alone.
fn unique(hash: &[u8]) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = hash.first_chunk::<16>().map_or(0, |chunk| u128::from_le_bytes(*chunk));
    let letters = (0..16).map(|_| {
        let letter = LETTERS[usize::try_from(number % 62).unwrap_or(0)];
        number /= 62;
        char::from(letter)
    });
    letters.collect()
}
