//! `logfiles`, derived from the commits of `events`.
//!
//! In: the commits of `events` that `logfiles` does not cover yet, each naming the files with its rows; they were
//! uploaded before the commit. Out: a version of `logfiles` with those files, and the watermark "complete up to this
//! version of `events`" in the same commit. Nothing is computed again, so a crash anywhere is repaired by the next
//! call, and of two that do the same work one commits. Also here: reading the ledger back.

use super::{
    Lake,
    clock::Moment,
    commit::Commit,
    error::LakeError,
    files::{LakeFile, LakeTable},
    object_id::ObjectId,
    reader::Reader,
    snapshot::files_of,
    tail::Tail,
    txn::TxnOutcome,
};
use arrow::array::{Array, AsArray};
use deltalake::ObjectStore;
use futures::{StreamExt, TryStreamExt, stream};
use parquet::{
    arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask, arrow_reader::ArrowReaderOptions},
    errors::ParquetError,
};
use std::sync::Arc;
use uuid::Uuid;

/// The application whose value in `logfiles` is the version of `events` it is complete up to.
pub(super) const EVENTS: &str = "events";

/// The column with the identity of the object.
const SOURCE_HASH: &str = "sourcehash";

/// Files that are read at the same time.
const READS: usize = 8;

impl Lake {
    /// Brings `logfiles` up to the newest version of `events`. Returns that version, or `None` when there was
    /// nothing to do or somebody else did it.
    ///
    /// # Errors
    /// [`LakeError::LedgerIncomplete`] if a commit in between is gone.
    pub async fn sync_logfiles(&self) -> Result<Option<u64>, LakeError> {
        self.check_ledger_is_of(&self.events_id().await?).await?;
        let covered = self.txn(LakeTable::Logfiles, EVENTS).await?;
        let from = as_version(covered);
        let mut tail = Tail::new(self, LakeTable::Events, from, Moment::now(), self.settings.age_limit);
        let mut commits = Vec::new();
        tail.list(|commit| commits.push(commit)).await?;
        for commit in &commits {
            check_is_listed(commit)?;
        }
        let adds = commits.into_iter().flat_map(|commit| commit.logfiles).collect::<Vec<_>>();
        if adds.is_empty() {
            return Ok(None);
        }
        let upto = i64::try_from(tail.upto()).unwrap_or(i64::MAX);
        let token = Uuid::new_v4().to_string();
        match self.commit_with_txn(LakeTable::Logfiles, adds, EVENTS, covered, upto, &token).await? {
            TxnOutcome::Committed(_) => Ok(Some(tail.upto())),
            TxnOutcome::Moved(_) => Ok(None),
        }
    }

    /// The files of `logfiles`, and the version of `events` they are complete up to.
    pub(super) async fn logfiles_and_covered(&self) -> Result<(Vec<LakeFile>, u64), LakeError> {
        let state = self.state(LakeTable::Logfiles, None).await?;
        let covered = self.txn_of(LakeTable::Logfiles, &state, EVENTS).await?;
        Ok((files_of(&state), as_version(covered)))
    }

    /// The objects that `files` of `logfiles` list.
    pub(super) async fn objects_in(&self, files: Vec<LakeFile>) -> Result<Vec<ObjectId>, LakeError> {
        let mut known = Vec::new();
        let mut reads = stream::iter(files).map(|file| self.read_hashes(file)).buffer_unordered(READS);
        while let Some(objects) = reads.try_next().await? {
            known.extend(objects);
        }
        Ok(known)
    }

    async fn read_hashes(&self, file: LakeFile) -> Result<Vec<ObjectId>, LakeError> {
        let hashes = hashes_in(self.store(LakeTable::Logfiles), &file).await;
        hashes.map_err(|error| self.failed(LakeTable::Logfiles, "read the ledger in", error))
    }
}

fn as_version(covered: Option<i64>) -> u64 {
    covered.and_then(|version| u64::try_from(version).ok()).unwrap_or(0)
}

/// A commit that names objects must name the files that list them, or the ledger would forget them here.
fn check_is_listed(commit: &Commit) -> Result<(), LakeError> {
    match &commit.objects {
        Some(objects) if !objects.is_empty() && commit.logfiles.is_empty() => {
            Err(LakeError::NoLogfiles { objects: objects.len() })
        }
        _ => Ok(()),
    }
}

/// The identities in the column `sourcehash`; no other column is fetched.
pub(super) async fn hashes_in(
    store: Arc<dyn ObjectStore>,
    file: &LakeFile,
) -> Result<Vec<ObjectId>, ParquetError> {
    let reader = Reader::new(store, file);
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, plain).await?;
    let column = ProjectionMask::columns(builder.parquet_schema(), [SOURCE_HASH]);
    let mut batches = builder.with_projection(column).build()?;
    let mut objects = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        let bad = || ParquetError::General(format!("column {SOURCE_HASH} of '{}' is not text", file.path));
        let texts =
            batch.column_by_name(SOURCE_HASH).and_then(|c| c.as_string_opt::<i32>()).ok_or_else(bad)?;
        for text in (0..texts.len()).map(|row| texts.value(row)) {
            objects.push(text.parse().map_err(|error| ParquetError::External(Box::new(error)))?);
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Appender, Days,
            toy::{DAY, append, check, clean_log, id, new_lake, settings},
        },
        *,
    };

    #[tokio::test]
    async fn whoever_comes_next_brings_it_up() {
        let (_folder, lake) = new_lake().await;
        assert_eq!(lake.sync_logfiles().await.unwrap(), None);
        append(&lake, &settings(&[]), 0..4).await.unwrap();
        append(&lake, &settings(&[]), 4..6).await.unwrap();
        assert_eq!(lake.sync_logfiles().await.unwrap(), Some(2));
        assert_eq!(lake.sync_logfiles().await.unwrap(), None);
        append(&lake, &settings(&[]), 6..7).await.unwrap();
        check(&lake, LakeTable::Events, 7).await;
        assert_eq!(lake.txn(LakeTable::Logfiles, EVENTS).await.unwrap(), Some(3));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_two_at_once_one_does_it() {
        let (_folder, lake) = new_lake().await;
        append(&lake, &settings(&[]), 0..4).await.unwrap();
        let (one, other) = tokio::join!(lake.sync_logfiles(), lake.sync_logfiles());
        assert!(one.unwrap().or(other.unwrap()) == Some(1));
        check(&lake, LakeTable::Events, 4).await;
    }

    #[tokio::test]
    async fn the_ledger_outlives_the_log() {
        let (_folder, lake) = new_lake().await;
        let checkpoints = super::super::CommitSettings { checkpoint_every: 2, ..settings(&[]) };
        append(&lake, &checkpoints, 0..4).await.unwrap();
        append(&lake, &checkpoints, 4..6).await.unwrap();
        lake.sync_logfiles().await.unwrap();
        clean_log(&lake, LakeTable::Events, 2);
        let mut appender = Appender::open(&lake, LakeTable::Events, &settings(&[])).await.unwrap();
        appender.look_up(&Days::All).await.unwrap();
        assert!((0..6).all(|object| appender.knows(id(object))) && !appender.knows(id(6)));
        assert_eq!(appender.version(), 2);
    }

    #[tokio::test]
    async fn only_the_days_in_question_are_read() {
        let (_folder, lake) = new_lake().await;
        // Objects of even numbers are of one day, the others of the next.
        append(&lake, &settings(&[]), 0..6).await.unwrap();
        lake.sync_logfiles().await.unwrap();
        append(&lake, &settings(&[]), 6..8).await.unwrap();
        let mut appender = Appender::open(&lake, LakeTable::Events, &settings(&[])).await.unwrap();
        let known = |appender: &Appender| (0..8).filter(|n| appender.knows(id(*n))).collect::<Vec<_>>();
        assert_eq!(known(&appender), [6, 7], "what `logfiles` does not cover");
        let next = Days::from_iter([Some(DAY + 1)]);
        appender.look_up(&next).await.unwrap();
        assert_eq!(known(&appender), [1, 3, 5, 6, 7]);
        std::fs::remove_dir_all(lake.url().to_file_path().unwrap().join("logfiles/date=2025-12-01")).unwrap();
        appender.look_up(&next).await.unwrap();
        appender.look_up(&Days::All).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_new_table_of_the_old_name_is_noticed() {
        let (_folder, lake) = new_lake().await;
        std::fs::remove_dir_all(lake.url().to_file_path().unwrap().join("events")).unwrap();
        let path = lake.url().to_file_path().unwrap();
        let lake = Lake::create_or_open(path.to_str().unwrap()).await.unwrap();
        let opened = Appender::open(&lake, LakeTable::Events, &settings(&[])).await;
        assert!(matches!(opened.err(), Some(LakeError::LedgerOfAnotherTable { .. })));
        assert!(matches!(lake.sync_logfiles().await, Err(LakeError::LedgerOfAnotherTable { .. })));
    }
}
