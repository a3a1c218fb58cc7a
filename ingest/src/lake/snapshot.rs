//! A table at one version, and what came between two.
//!
//! In: the log of a table. Out: its files with their statistics, the values of applications, the newest version.

use super::{
    Lake,
    error::LakeError,
    files::{LakeFile, LakeTable, Snapshot},
    tables::EVENTS_ID,
    tail::read_commit,
};
use deltalake::{
    kernel::{Snapshot as LazySnapshot, transaction::PROTOCOL},
    table::state::DeltaTableState,
};
use futures::{StreamExt, TryStreamExt, stream};

/// Commits that are read at the same time.
const READS: usize = 16;

impl Lake {
    /// The files of `table` at `version`, or at its newest.
    pub async fn snapshot(&self, table: LakeTable, version: Option<u64>) -> Result<Snapshot, LakeError> {
        let state = self.state(table, version).await?;
        Ok(Snapshot { version: state.version(), files: files_of(&state) })
    }

    /// The newest version of `table`.
    pub async fn latest_version(&self, table: LakeTable) -> Result<u64, LakeError> {
        Ok(self.lazy_snapshot(table).await?.version())
    }

    /// The data files that versions after `after`, up to `upto`, added with new rows. What a compaction moved does
    /// not count.
    pub async fn added(&self, table: LakeTable, after: u64, upto: u64) -> Result<Vec<LakeFile>, LakeError> {
        let mut commits =
            stream::iter(after + 1..=upto).map(|version| read_commit(self, table, version)).buffered(READS);
        let mut files = Vec::new();
        while let Some(commit) = commits.try_next().await? {
            files.extend(commit.added.into_iter().filter(|added| added.is_new_data).map(|added| added.file));
        }
        Ok(files)
    }

    /// The value that application `app` last stored in `table`.
    pub async fn txn(&self, table: LakeTable, app: &str) -> Result<Option<i64>, LakeError> {
        let state = self.state(table, None).await?;
        self.txn_of(table, &state, app).await
    }

    pub(super) async fn txn_of(
        &self,
        table: LakeTable,
        state: &DeltaTableState,
        app: &str,
    ) -> Result<Option<i64>, LakeError> {
        let value = state.transaction_version(self.log(table).as_ref(), app).await;
        value.map_err(|error| self.failed(table, "read", error))
    }

    pub(super) async fn state(
        &self,
        table: LakeTable,
        version: Option<u64>,
    ) -> Result<DeltaTableState, LakeError> {
        let error = match DeltaTableState::try_new(self.log(table).as_ref(), version).await {
            Ok(state) => return Ok(state),
            Err(error) => error,
        };
        if let Some(version) = version {
            let newest = self.latest_version(table).await?;
            if newest < version {
                return Err(LakeError::NoVersion { table: table.name(), version, newest });
            }
        }
        Err(self.failed(table, "open", error))
    }

    /// The newest state of a table that this build knows how to write.
    pub(super) async fn writable_state(&self, table: LakeTable) -> Result<DeltaTableState, LakeError> {
        let state = self.state(table, None).await?;
        match PROTOCOL.can_write_to(&state) {
            Ok(()) => Ok(state),
            Err(error) => Err(LakeError::Unwritable { table: table.name(), source: error.into() }),
        }
    }

    /// The id of the table `events`, which it keeps until it is dropped.
    pub(super) async fn events_id(&self) -> Result<String, LakeError> {
        Ok(self.lazy_snapshot(LakeTable::Events).await?.metadata().id().to_owned())
    }

    /// Checks that `logfiles` keeps the ledger of the table `events` with this id.
    pub(super) async fn check_ledger_is_of(&self, found: &str) -> Result<(), LakeError> {
        let logfiles = self.lazy_snapshot(LakeTable::Logfiles).await?;
        match logfiles.metadata().configuration().get(EVENTS_ID) {
            Some(recorded) if recorded != found => {
                Err(LakeError::LedgerOfAnotherTable { found: found.to_owned(), recorded: recorded.clone() })
            }
            _ => Ok(()),
        }
    }

    /// A snapshot that has not read the list of files.
    async fn lazy_snapshot(&self, table: LakeTable) -> Result<LazySnapshot, LakeError> {
        let snapshot = LazySnapshot::try_new(self.log(table).as_ref(), None).await;
        snapshot.map_err(|error| self.failed(table, "open", error))
    }
}

/// The files of a state, with what the log says of each.
pub(super) fn files_of(state: &DeltaTableState) -> Vec<LakeFile> {
    let views = state.log_data();
    let file = |view: deltalake::kernel::LogicalFileView| {
        let mut partition = view.partition_values_map();
        let date = partition.remove(crate::schema::DATE).flatten();
        let stats = view.stats();
        LakeFile::new(&view.path(), view.size(), date.as_deref(), stats.as_deref(), view.modification_time())
    };
    views.iter().map(file).collect()
}
