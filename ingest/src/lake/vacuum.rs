//! What nobody needs any more is deleted: data files, and the log before a checkpoint.
//!
//! In: how long versions are kept. Out: what was deleted. What must hold: a version that is kept stays readable, and
//! nothing goes that somebody is about to name. A file is needed when a version within the retention has it, when the
//! detector has not seen it, or when a commit of `events` names it for `logfiles`, which was not brought up yet. What
//! nobody names may be about to be named, so it goes only when it is older than the retention, which is never shorter
//! than twice [`CommitSettings::file_limit`](super::CommitSettings::file_limit), beyond which no writer names a file.
//!
//! A path in the log only ever protects: by its last part, however it is spelled. Deleted is what a listing of the
//! table's own folder shows, if its path is plain and no link on the way leads elsewhere. The logs of `aggregated` and
//! `quarantine` are kept whole, since they are the ledgers of these tables; that of `events` up to what `logfiles`
//! covers and the detector has seen.

use super::{
    Lake,
    clock::Moment,
    error::LakeError,
    files::LakeTable,
    listing::{Listed, Listing},
    logfiles::EVENTS,
    tail::{Tail, read_commit},
    txn::DETECTOR,
};
use deltalake::{ObjectStore, Path};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use std::{
    collections::HashSet,
    fmt,
    time::{Duration, SystemTime},
};

/// Commits that are read at the same time.
const READS: usize = 16;

/// What a vacuum does.
#[derive(Clone, Copy, Debug)]
pub struct VacuumConfig {
    /// How long versions are kept.
    pub keep: Duration,
    /// Nothing is deleted, only told.
    pub dry_run: bool,
}

impl Default for VacuumConfig {
    fn default() -> Self {
        Self { keep: Duration::from_hours(7 * 24), dry_run: false }
    }
}

/// A file that goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doomed {
    /// The table in whose folder it is.
    pub table: LakeTable,
    /// Its path in that folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// What a vacuum did, or would do.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct Vacuumed {
    /// Data files.
    pub data_files: u64,
    /// Their bytes.
    pub data_bytes: u64,
    /// Commits and checkpoints.
    pub log_files: u64,
    /// Their bytes.
    pub log_bytes: u64,
    /// Whether nothing was deleted.
    pub dry_run: bool,
    /// Wall clock.
    pub seconds: f64,
}

impl fmt::Display for Vacuumed {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data_files, log_files, dry_run, seconds, .. } = self;
        let verb = if *dry_run { "would go" } else { "deleted" };
        write!(
            f,
            "{verb}: {data_files} data files ({:.1} MB) and {log_files} files of the log ({:.1} MB); {seconds:.1} s",
            self.data_bytes as f64 / 1e6,
            self.log_bytes as f64 / 1e6,
        )
    }
}

impl Lake {
    /// Deletes what nobody needs; `doomed` hears of each file before it goes.
    ///
    /// # Errors
    /// [`LakeError::KeepTooShort`]; or the lake cannot be read, after which nothing more is deleted.
    pub async fn vacuum(
        &self,
        config: VacuumConfig,
        mut doomed: impl FnMut(&Doomed),
    ) -> Result<Vacuumed, LakeError> {
        let began = Moment::now();
        let least = self.settings.file_limit() * 2;
        if config.keep < least {
            return Err(LakeError::KeepTooShort { keep: config.keep, least });
        }
        let cutoff = SystemTime::now().checked_sub(config.keep).unwrap_or(SystemTime::UNIX_EPOCH);
        if !config.dry_run {
            self.sync_logfiles().await?;
        }
        let mut done = Vacuumed { dry_run: config.dry_run, ..Vacuumed::default() };
        for table in LakeTable::ALL {
            // What is committed while we read the log was listed before, or is young.
            let listing = self.listing(table).await?;
            let seen = match table {
                LakeTable::Events => self.txn(LakeTable::Findings, DETECTOR).await?,
                _ => None,
            };
            let needed = self.needed(table, &listing, cutoff, seen).await?;
            let data = listing.data.iter().filter(|file| file.modified < cutoff && !needed.has(&file.path));
            let data = data.collect::<Vec<_>>();
            let log = match self.log_bound(table, seen).await? {
                Some(bound) => self.expired_log(table, &listing, cutoff, bound).await?,
                None => vec![],
            };
            done.data_files += data.len() as u64;
            done.data_bytes += data.iter().map(|file| file.size).sum::<u64>();
            done.log_files += log.len() as u64;
            done.log_bytes += log.iter().map(|file| file.size).sum::<u64>();
            for file in data.iter().chain(&log) {
                doomed(&Doomed { table, path: file.path.clone(), size: file.size });
            }
            if !config.dry_run {
                self.delete(table, data.into_iter().chain(log)).await?;
            }
        }
        done.seconds = began.age().as_secs_f64();
        Ok(done)
    }

    /// The data files of `table` that somebody needs.
    async fn needed(
        &self,
        table: LakeTable,
        listing: &Listing,
        cutoff: SystemTime,
        seen: Option<i64>,
    ) -> Result<Needed, LakeError> {
        let mut needed = Needed::default();
        let snapshot = self.snapshot(table, None).await?;
        snapshot.files.iter().for_each(|file| needed.add(&file.path));
        // The versions within the retention have what the newest has, and what went since.
        let kept = listing.commits.iter().filter(|(_, commit)| commit.modified >= cutoff);
        let kept = kept.map(|(version, _)| *version).min();
        let unseen = seen.and_then(|seen| u64::try_from(seen).ok()).map(|seen| seen + 1);
        let from = [kept, unseen].into_iter().flatten().min().unwrap_or(snapshot.version + 1);
        let commits = stream::iter(from..=snapshot.version);
        let mut commits = commits.map(|version| read_commit(self, table, version)).buffered(READS);
        while let Some(commit) = commits.try_next().await? {
            commit.removed.iter().for_each(|path| needed.add(path));
            commit.added.iter().for_each(|added| needed.add(&added.file.path));
        }
        if table == LakeTable::Logfiles {
            let covered = self.txn(table, EVENTS).await?.and_then(|version| u64::try_from(version).ok());
            let (from, now, limit) = (covered.unwrap_or(0), Moment::now(), self.settings.age_limit);
            let mut tail = Tail::new(self, LakeTable::Events, from, now, limit);
            let waiting = |commit: super::commit::Commit| {
                commit.logfiles.iter().for_each(|file| needed.add(&file.path));
            };
            tail.list(waiting).await?;
        }
        Ok(needed)
    }

    /// The version of `table` from which its log has to be kept, whatever its age; `None` if that is the first.
    async fn log_bound(&self, table: LakeTable, seen: Option<i64>) -> Result<Option<u64>, LakeError> {
        Ok(match table {
            LakeTable::Aggregated | LakeTable::Quarantine => None,
            LakeTable::Events => {
                let covered = self.txn(LakeTable::Logfiles, EVENTS).await?.unwrap_or(0);
                u64::try_from(seen.map_or(covered, |seen| seen.min(covered))).ok()
            }
            LakeTable::Logfiles
            | LakeTable::Findings
            | LakeTable::Notifications
            | LakeTable::Activity
            | LakeTable::Baselines => Some(u64::MAX),
        })
    }

    /// The commits and checkpoints before the checkpoint that the first version to be kept can be read from.
    async fn expired_log<'a>(
        &self,
        table: LakeTable,
        listing: &'a Listing,
        cutoff: SystemTime,
        bound: u64,
    ) -> Result<Vec<&'a Listed>, LakeError> {
        let young = listing.commits.iter().filter(|(_, commit)| commit.modified >= cutoff);
        let first = young.map(|(version, _)| version.saturating_sub(1)).min().unwrap_or(u64::MAX);
        let Some((&keep, _)) = listing.checkpoints.range(..=first.min(bound)).next_back() else {
            return Ok(vec![]);
        };
        // A checkpoint that cannot be read must not be all that is left.
        self.state(table, Some(keep)).await?;
        let entries = listing.commits.range(..keep).chain(listing.checkpoints.range(..keep));
        Ok(entries.map(|(_, entry)| entry).filter(|entry| entry.modified < cutoff).collect())
    }

    async fn delete(
        &self,
        table: LakeTable,
        files: impl Iterator<Item = &Listed> + Send,
    ) -> Result<(), LakeError> {
        let paths = files.filter(|file| self.is_inside(table, &file.path));
        let paths = paths.map(|file| Ok(Path::from(file.path.as_str()))).collect::<Vec<_>>();
        let mut deleted = self.store(table).delete_stream(stream::iter(paths).boxed());
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(deltalake::ObjectStoreError::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(table, "delete a file of", error)),
            }
        }
        Ok(())
    }

    /// Whether a file that was listed in the folder of `table` is really there, and not behind a link.
    fn is_inside(&self, table: LakeTable, path: &str) -> bool {
        let Ok(root) = self.url().to_file_path() else { return true };
        let root = root.join(table.name());
        let real = |path: &std::path::Path| path.canonicalize().ok();
        let folder = root.join(path).parent().and_then(real);
        matches!((folder, real(&root)), (Some(folder), Some(root)) if folder.starts_with(&root))
    }
}

/// Names of files that somebody needs.
#[derive(Default)]
struct Needed(HashSet<String>);

impl Needed {
    /// Notes the last part of a path, as it is and decoded.
    fn add(&mut self, path: &str) {
        self.0.extend(names(path));
    }

    fn has(&self, path: &str) -> bool {
        names(path).any(|name| self.0.contains(&name))
    }
}

fn names(path: &str) -> impl Iterator<Item = String> {
    let decoded = Path::from_url_path(path).ok().and_then(|path| path.filename().map(str::to_owned));
    path.rsplit('/').next().map(str::to_owned).into_iter().chain(decoded)
}

#[cfg(test)]
mod tests;
