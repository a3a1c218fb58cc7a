//! The lake: Delta tables of Parquet, written by one protocol.
//!
//! In: data files that a pipeline uploaded and what they hold. Out: versions of tables that any Delta reader reads.
//! What must hold: a log object is in `events` once, whatever crashes, is retried or races.
//!
//! Delta has no commit across tables, so the commit of `events` is the one atomic point. It carries its own ledger:
//! the identities of the objects whose rows it adds, and the files with their rows of `logfiles`. `logfiles` is
//! derived from these commits, by whoever comes next ([`Lake::sync_logfiles`]). `aggregated` and `quarantine` have a
//! ledger of their own in the same way, and are committed before `events`.
//!
//! From the outside in: a place ([`location`]) and its store ([`patient`]), its tables ([`tables`], [`files`]), a table at a version
//! ([`snapshot`]); then how one is written: what goes into a version ([`commit`]), the end of the log ([`tail`]), one
//! version written once ([`slot`]), the ledger ([`ledger`]), an append ([`append`]), the rest ([`txn`],
//! [`logfiles`], [`checkpoint`]); last, how files are exchanged for others that hold the same rows ([`replace`]), and
//! how what nobody needs is deleted ([`vacuum`]).

use bytes::Bytes;
use deltalake::{
    DeltaTableError, ObjectStore, Path,
    kernel::transaction::CommitProperties,
    logstore::{LogStoreRef, StorageConfig, logstore_for, logstore_with, object_store::ObjectStoreExt},
    operations::create::CreateBuilder,
    protocol::SaveMode,
};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Instant;
use url::Url;

pub mod object_id;
pub mod date;
pub mod error;
pub mod files;
mod location;
mod patient;
pub mod tables;
pub mod settings;
mod reader;
mod snapshot;
mod clock;
mod commit;
mod tail;
mod slot;
mod days;
mod ledger;
pub mod append;
pub mod txn;
pub(crate) mod replace;
mod upload;
mod logfiles;
mod checkpoint;
mod listing;
pub mod vacuum;
#[cfg(test)]
pub(crate) mod faults;
#[cfg(test)]
mod toy;

pub use append::{Appender, Committed, Pending, Written};
pub(crate) use clock::Moment;
pub use days::Days;
pub use error::LakeError;
pub use files::{LakeFile, LakeTable, NewFile, Snapshot};
pub use location::{lake_url, require_tls};
pub use object_id::ObjectId;
pub(crate) use reader::Reader;
pub use settings::CommitSettings;
pub use txn::{DETECTOR, TxnOutcome};
pub use vacuum::{Doomed, VacuumConfig, Vacuumed};

/// A directive for log filters: of two who make a lake at once, one comes second. The Delta library logs that as an error,
/// and here it is none.
pub const UNSAID: &str = "deltalake_core::kernel::transaction=off";

/// The tables at one place. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    inner: Arc<Inner>,
    settings: CommitSettings,
}

struct Inner {
    url: Url,
    /// By table, in the order of [`LakeTable::ALL`].
    logs: [LogStoreRef; LakeTable::ALL.len()],
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lake({})", self.inner.url)
    }
}

impl Lake {
    /// The lake at `url`, a folder or `s3://bucket/prefix`; tables that are missing are made.
    pub async fn create_or_open(url: &str) -> Result<Self, LakeError> {
        let lake = Self::at(url).await?;
        // `logfiles` records the id of `events`, so `events` comes first.
        for table in LakeTable::ALL {
            if !lake.has(table).await? {
                lake.create(table).await?;
            }
        }
        Ok(lake)
    }

    /// The lake at `url`.
    ///
    /// # Errors
    /// [`LakeError::NoLake`] if there is none.
    pub async fn open(url: &str) -> Result<Self, LakeError> {
        let lake = Self::at(url).await?;
        if lake.has(LakeTable::Events).await? {
            Ok(lake)
        } else {
            Err(LakeError::NoLake { url: lake.inner.url.clone() })
        }
    }

    /// The place, whether there are tables or not.
    async fn at(text: &str) -> Result<Self, LakeError> {
        let location = location::Location::resolve(text).await?;
        let failed = |error| LakeError::storage(&location.url, LakeTable::Events, "reach", error);
        let config = StorageConfig::parse_options(location.options.clone()).map_err(failed)?;
        let events =
            logstore_for(&table_url(&location.url, LakeTable::Events), config.clone()).map_err(failed)?;
        let mut root = events.root_object_store(None);
        if location.url.scheme() == "s3" {
            root = Arc::new(patient::Patient::new(root));
        }
        let log = |table| logstore_with(Arc::clone(&root), &table_url(&location.url, table), config.clone());
        let mut logs = LakeTable::ALL.map(|_| Arc::clone(&events));
        for (slot, table) in logs.iter_mut().zip(LakeTable::ALL) {
            *slot = log(table).map_err(failed)?;
        }
        Ok(Self { inner: Arc::new(Inner { url: location.url, logs }), settings: CommitSettings::default() })
    }

    /// The same lake, where [`Lake::commit_with_txn`] and its kin commit with `settings`.
    #[must_use]
    pub fn with_settings(mut self, settings: CommitSettings) -> Self {
        self.settings = settings;
        self
    }

    /// How it is written.
    pub(crate) fn settings(&self) -> &CommitSettings {
        &self.settings
    }

    /// Where it is; ends in a slash.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.inner.url
    }

    /// The object store whose root is the folder of `table`.
    #[must_use]
    pub fn store(&self, table: LakeTable) -> Arc<dyn ObjectStore> {
        self.log(table).object_store(None)
    }

    /// Writes a file into the folder of `table`. It is not part of the table before a commit names it.
    pub async fn put(&self, table: LakeTable, path: &str, bytes: Bytes) -> Result<(), LakeError> {
        #[cfg(test)]
        let is_unheard = self.settings.faults.upload(table).await?;
        let stored = self.store(table).put(&Path::from(path), bytes.into()).await;
        #[cfg(test)]
        if is_unheard {
            return Err(faults::Fault::LostResponse.storage(table));
        }
        stored.map(drop).map_err(|error| self.failed(table, "write a file of", error))
    }

    pub(in crate::lake) fn log(&self, table: LakeTable) -> LogStoreRef {
        let index = LakeTable::ALL.iter().position(|other| *other == table).unwrap_or_default();
        Arc::clone(&self.inner.logs[index])
    }

    /// An error of the storage, told apart; `action` completes "could not … the table".
    pub(crate) fn failed(
        &self,
        table: LakeTable,
        action: &'static str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> LakeError {
        LakeError::storage(&self.inner.url, table, action, error)
    }

    /// Whether `table` has a log. A folder that is missing has none; a bucket that is missing is an error.
    async fn has(&self, table: LakeTable) -> Result<bool, LakeError> {
        let store = self.store(table);
        let first = store.list(Some(&Path::from("_delta_log"))).next().await;
        match first {
            Some(Ok(_)) => Ok(true),
            Some(Err(deltalake::ObjectStoreError::NotFound { .. })) if self.inner.url.scheme() == "s3" => {
                Err(LakeError::NoBucket { url: self.inner.url.clone() })
            }
            None | Some(Err(deltalake::ObjectStoreError::NotFound { .. })) => Ok(false),
            Some(Err(error)) => Err(self.failed(table, "look for", error)),
        }
    }

    /// Makes `table`, unless somebody else does at the same moment.
    async fn create(&self, table: LakeTable) -> Result<(), LakeError> {
        let (mut tried, began) = (0, Instant::now());
        loop {
            let Err(error) = self.create_once(table).await else { return Ok(()) };
            // As with any commit, an error does not tell whether it is there.
            if self.log(table).read_commit_entry(0).await.is_ok_and(|commit| commit.is_some()) {
                return Ok(());
            }
            tried += 1;
            if !error.is_transient() || !self.settings.allow(tried, began) {
                return Err(error.given_up(began.elapsed()));
            }
            self.settings.back_off(tried).await;
        }
    }

    async fn create_once(&self, table: LakeTable) -> Result<(), LakeError> {
        let mut properties = tables::properties();
        if table == LakeTable::Logfiles {
            properties.push((tables::EVENTS_ID.to_owned(), Some(self.events_id().await?)));
        }
        let columns = tables::delta_columns(table).map_err(|error| self.failed(table, "describe", error))?;
        let created: Result<_, DeltaTableError> = CreateBuilder::new()
            .with_log_store(self.log(table))
            .with_table_name(table.name())
            .with_columns(columns)
            .with_partition_columns([crate::schema::DATE])
            .with_configuration(properties)
            .with_raise_if_key_not_exists(false)
            .with_save_mode(SaveMode::Ignore)
            .with_commit_properties(CommitProperties::default().with_max_retries(0))
            .await;
        created.map(drop).map_err(|error| self.failed(table, "create", error))
    }
}

/// An object store whose root is `url`, a folder or `s3://bucket/prefix`, for files that are no tables.
///
/// # Errors
/// As for [`Lake::open`], but for a lake that is not there.
pub async fn store_at(url: &str) -> Result<Arc<dyn ObjectStore>, LakeError> {
    let location = location::Location::resolve(url).await?;
    let failed = |error| LakeError::storage(&location.url, LakeTable::Events, "reach", error);
    let config = StorageConfig::parse_options(location.options.clone()).map_err(failed)?;
    Ok(logstore_for(&location.url, config).map_err(failed)?.object_store(None))
}

fn table_url(lake: &Url, table: LakeTable) -> Url {
    let mut url = lake.clone();
    url.set_path(&format!("{}{}/", lake.path(), table.name()));
    url
}

#[cfg(test)]
mod tests {
    use super::{
        toy::{append, new_lake, settings},
        *,
    };

    #[tokio::test]
    async fn tables_are_plain() {
        let (_folder, lake) = new_lake().await;
        for table in LakeTable::ALL {
            let state = lake.writable_state(table).await.unwrap();
            let protocol = state.protocol();
            assert_eq!((protocol.min_reader_version(), protocol.min_writer_version()), (1, 2));
            assert_eq!(protocol.writer_features(), None);
            assert_eq!(state.metadata().partition_columns(), &["date"]);
            assert_eq!(state.metadata().configuration()["delta.enableExpiredLogCleanup"], "false");
        }
    }

    #[tokio::test]
    async fn what_is_not_a_lake_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let open =
            async |path: &std::path::Path| Lake::open(path.to_str().unwrap()).await.unwrap_err().to_string();
        assert!(open(folder.path()).await.starts_with("no lake at file://"));
        assert!(open(&folder.path().join("none")).await.contains("\nhint: `trailhound ingest"));
        assert!(open(&file).await.ends_with("is a file\nhint: give a folder or s3://bucket/prefix"));
        assert!(
            open(&file.join("below")).await.ends_with("is a file\nhint: give a folder or s3://bucket/prefix")
        );
    }

    #[tokio::test]
    async fn missing_tables_are_made_and_others_kept() {
        let (folder, lake) = new_lake().await;
        append(&lake, &settings(&[]), 0..3).await.unwrap();
        let path = folder.path().join("lake");
        std::fs::remove_dir_all(path.join("notifications")).unwrap();
        let lake = Lake::create_or_open(path.to_str().unwrap()).await.unwrap();
        assert_eq!(lake.latest_version(LakeTable::Events).await.unwrap(), 1);
        assert_eq!(lake.latest_version(LakeTable::Notifications).await.unwrap(), 0);
        Lake::open(path.to_str().unwrap()).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_may_create_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a lake").to_str().unwrap().to_owned();
        let (one, other) = tokio::join!(Lake::create_or_open(&path), Lake::create_or_open(&path));
        one.unwrap();
        append(&other.unwrap(), &settings(&[]), 0..3).await.unwrap();
    }

    #[tokio::test]
    async fn versions_are_read_as_they_were() {
        let (_folder, lake) = new_lake().await;
        append(&lake, &settings(&[]), [1]).await.unwrap();
        append(&lake, &settings(&[]), [2]).await.unwrap();
        let files = async |version| lake.snapshot(LakeTable::Events, version).await.map(|s| s.files.len());
        assert_eq!(
            (files(Some(0)).await.unwrap(), files(Some(1)).await.unwrap(), files(None).await.unwrap()),
            (0, 1, 2)
        );
        assert!(matches!(files(Some(3)).await, Err(LakeError::NoVersion { version: 3, newest: 2, .. })));
        let file = lake.added(LakeTable::Events, 1, 2).await.unwrap().remove(0);
        assert_eq!((file.rows, file.date, &file.stats["nullCount"]["actor"]), (2, toy::DAY, &2.into()));
        assert!(file.modified_ms > 1_700_000_000_000 && file.path.starts_with("date=2025-12-01/"));
    }
}
