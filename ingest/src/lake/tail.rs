//! The end of a table's log, followed version by version.
//!
//! In: a version up to which everything is known. Out: the commits behind it, and the proof that the next slot is
//! free. What must hold: a version is never skipped, and the proof ages.
//!
//! Why it ages: a writer that sleeps long enough may wake up after the log behind its version was cleaned. The slot
//! it then finds absent was filled once; its commit would succeed and never be seen. A slot that was absent at a
//! time T can be filled and cleaned only after T plus the retention of the log, so absence proves something as long
//! as the last proof is younger than the age limit, which is far below the retention. An older one proves nothing:
//! the log has to be listed again, or read from the start.

use super::{Lake, clock::Moment, commit::Commit, error::LakeError, files::LakeTable};
use bytes::Bytes;
use deltalake::{DeltaTableError, logstore::LogStoreRef};
use futures::{StreamExt, TryStreamExt, stream};
use std::time::Duration;

/// Commits that are read at the same time.
const READS: usize = 16;

/// A position in the log of a table.
pub(super) struct Tail {
    pub(super) lake: Lake,
    pub(super) table: LakeTable,
    pub(super) log: LogStoreRef,
    /// The last version that was read.
    upto: u64,
    /// When the slot behind it was known to be free.
    fresh: Moment,
    limit: Duration,
}

impl Tail {
    /// A position behind `upto`, the tip of the log at `fresh` or before.
    pub(super) fn new(lake: &Lake, table: LakeTable, upto: u64, fresh: Moment, limit: Duration) -> Self {
        Self { lake: lake.clone(), table, log: lake.log(table), upto, fresh, limit }
    }

    pub(super) fn upto(&self) -> u64 {
        self.upto
    }

    /// Whether the log should be listed before anything is committed.
    pub(super) fn is_aging(&self) -> bool {
        self.fresh.age() > self.limit / 2
    }

    /// An error when what was seen since the last proof counts for nothing.
    pub(super) fn check_age(&self) -> Result<(), LakeError> {
        if self.fresh.age() > self.limit { Err(self.too_old()) } else { Ok(()) }
    }

    /// Too much time has passed since something that was to be committed was still sure.
    pub(super) fn too_old(&self) -> LakeError {
        LakeError::TooOld { table: self.table.name(), limit: self.limit }
    }

    /// Moves behind `version`, which we filled ourselves after `before`, when it was still free.
    pub(super) fn move_behind(&mut self, version: u64, before: Moment) {
        self.upto = version;
        self.fresh = before;
    }

    /// Lists the log, which proves where it ends, and reads what is new.
    pub(super) async fn list(&mut self, mut seen: impl FnMut(Commit)) -> Result<(), LakeError> {
        let fresh = Moment::now();
        let newest = match self.log.get_latest_version(self.upto).await {
            Ok(newest) => newest,
            Err(DeltaTableError::InvalidVersion(version)) => return Err(self.missing(version)),
            Err(error) => return Err(self.lake.failed(self.table, "list the log of", error)),
        };
        let mut commits = stream::iter(self.upto + 1..=newest)
            .map(|version| read_commit(&self.lake, self.table, version))
            .buffered(READS);
        while let Some(commit) = commits.try_next().await? {
            seen(commit);
        }
        drop(commits);
        self.upto = newest;
        self.fresh = fresh;
        Ok(())
    }

    /// Reads the next version; `None` when its slot is free.
    pub(super) async fn next(&mut self) -> Result<Option<Commit>, LakeError> {
        let before = Moment::now();
        let version = self.upto + 1;
        let bytes = read_slot(&self.lake, self.table, version).await?;
        self.check_age()?;
        let Some(bytes) = bytes else {
            self.fresh = before;
            return Ok(None);
        };
        let commit = Commit::parse(self.table, version, &bytes)?;
        self.upto = version;
        Ok(Some(commit))
    }

    fn missing(&self, version: u64) -> LakeError {
        LakeError::LedgerIncomplete { table: self.table.name(), version }
    }
}

/// The bytes of a version; `None` when its slot is free.
async fn read_slot(lake: &Lake, table: LakeTable, version: u64) -> Result<Option<Bytes>, LakeError> {
    let bytes = lake.log(table).read_commit_entry(version).await;
    bytes.map_err(|error| lake.failed(table, "read the log of", error))
}

/// A version that must be there.
pub(super) async fn read_commit(lake: &Lake, table: LakeTable, version: u64) -> Result<Commit, LakeError> {
    match read_slot(lake, table, version).await? {
        Some(bytes) => Commit::parse(table, version, &bytes),
        None => Err(LakeError::LedgerIncomplete { table: table.name(), version }),
    }
}
