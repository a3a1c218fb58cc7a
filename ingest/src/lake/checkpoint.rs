//! Checkpoints: without them every reader replays the log from its first version.
//!
//! In: a version that was just committed. Out: a checkpoint of it, when one is due. One that fails costs readers
//! time and nothing else, so it is only a warning; the next due version makes up for it.
//!
//! The library blocks the thread that a checkpoint is made on. Were that the only thread of a runtime, nobody would
//! drive the connections to the storage, and it would wait for ever (seen with S3 and `current_thread`). So it gets a
//! thread that may block.

use super::{Lake, error::LakeError, files::LakeTable, settings::CommitSettings};
use deltalake::{DeltaTable, checkpoints::create_checkpoint};
use tokio::{runtime::Handle, task::spawn_blocking};

/// Makes a checkpoint of `version` if it is one of those that get one.
pub(super) async fn make_if_due(lake: &Lake, table: LakeTable, version: u64, settings: &CommitSettings) {
    let every = settings.checkpoint_every;
    if every == 0 || !version.is_multiple_of(every) {
        return;
    }
    if let Err(error) = make(lake, table, version, settings).await {
        tracing::warn!(table = table.name(), version, %error, "checkpoint failed");
    }
}

#[cfg_attr(not(test), expect(unused_variables, reason = "tests stop here"))]
async fn make(
    lake: &Lake,
    table: LakeTable,
    version: u64,
    settings: &CommitSettings,
) -> Result<(), LakeError> {
    #[cfg(test)]
    settings.faults.reach(table, super::faults::Point::BeforeCheckpoint).await?;
    let mut state = DeltaTable::new(lake.log(table));
    let runtime = Handle::current();
    let made = spawn_blocking(move || {
        runtime.block_on(async {
            state.load_version(version).await?;
            create_checkpoint(&state, None).await
        })
    });
    let made = made.await.map_err(|error| lake.failed(table, "checkpoint", error))?;
    made.map_err(|error| lake.failed(table, "checkpoint", error))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            faults::{Fault, Point},
            toy::{append, check, clean_log, new_lake, settings},
        },
        *,
    };

    #[tokio::test]
    async fn a_checkpoint_stands_in_for_the_log() {
        let (_folder, lake) = new_lake().await;
        let settings = CommitSettings { checkpoint_every: 4, ..settings(&[]) };
        for object in 0..6 {
            append(&lake, &settings, [object]).await.unwrap();
        }
        lake.sync_logfiles().await.unwrap();
        let sorted = |mut snapshot: super::super::Snapshot| {
            snapshot.files.sort_by(|a, b| a.path.cmp(&b.path));
            snapshot
        };
        let before = sorted(lake.snapshot(LakeTable::Events, None).await.unwrap());
        clean_log(&lake, LakeTable::Events, 4);
        assert_eq!(sorted(lake.snapshot(LakeTable::Events, None).await.unwrap()), before);
        assert_eq!(before.files.len(), 4);
        check(&lake, LakeTable::Events, 6).await;
    }

    #[tokio::test]
    async fn a_failed_checkpoint_does_not_fail_the_commit() {
        let (_folder, lake) = new_lake().await;
        let broken =
            CommitSettings { checkpoint_every: 1, ..settings(&[(Point::BeforeCheckpoint, Fault::Crash)]) };
        assert_eq!(append(&lake, &broken, 0..3).await.unwrap().version, Some(1));
        check(&lake, LakeTable::Events, 3).await;
    }
}
