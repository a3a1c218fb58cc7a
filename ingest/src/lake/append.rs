//! Commits what a pipeline has read: each object once, whoever else writes.
//!
//! In: something [`Pending`]: objects, and how to write their rows. Out: the version that holds them, or the news
//! that somebody else brought them all. What must hold: after any crash, retry or race, an object is named by exactly
//! one commit, and its rows are in the files of that commit and in no other. Data files are never deleted here: one
//! that no commit names is left to the vacuum.

use super::{
    Lake, checkpoint,
    clock::Moment,
    commit::{Commit, Draft},
    days::Days,
    error::LakeError,
    files::{LakeFile, LakeTable, NewFile},
    ledger::Ledger,
    object_id::ObjectId,
    settings::CommitSettings,
    slot::{self, Turn},
};
use std::collections::HashSet;
use std::future::Future;
use uuid::Uuid;

/// How often a ledger is read from the start for one commit before its error is the caller's.
const RELOADS: u32 = 3;

/// How often the same rows are written because their files grew too old to be committed.
const REWRITES: u32 = 3;

/// What waits to be committed. The methods are called in turns until a commit holds.
pub trait Pending: Send {
    /// The objects that a commit would name now. None means that there is nothing left to commit.
    fn objects(&self) -> Vec<ObjectId>;

    /// Their days of delivery.
    fn days(&self) -> Days;

    /// Forgets objects that are in the table already: their rows are not to be written.
    fn drop_objects(&mut self, known: &[ObjectId]);

    /// Forgets records that the files shown so far hold already; true if there were any. In an append, the first call
    /// shows all files of the table, later ones those that others added meanwhile. After [`Pending::drop_objects`] it
    /// is called even when there are none: what repeated a record of a forgotten object has to be looked for as well.
    fn drop_duplicates(
        &mut self,
        lake: &Lake,
        files: &[LakeFile],
    ) -> impl Future<Output = Result<bool, LakeError>> + Send;

    /// Uploads the data files of what is left, under new names. Called again after something was forgotten, and when
    /// files are older than [`CommitSettings::file_limit`]: those must not be named again.
    fn write(&mut self, lake: &Lake) -> impl Future<Output = Result<Written, LakeError>> + Send;
}

/// What [`Pending::write`] uploaded.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Data files of the table; there may be none, if no object had a row.
    pub adds: Vec<NewFile>,
    /// For `events`: the files in the folder of `logfiles`, one per date, with a row for every object.
    pub logfiles: Vec<NewFile>,
}

/// How an append ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    /// The version that holds what was pending; `None` when nothing was left to commit.
    pub version: Option<u64>,
}

/// The writer of one table, with its ledger.
pub struct Appender {
    lake: Lake,
    table: LakeTable,
    settings: CommitSettings,
    ledger: Ledger,
    /// The ledger has to be read again, because an append ended with an error or was dropped.
    is_stale: bool,
}

impl Appender {
    /// Reads the ledger of `table`, which is `events`, `aggregated` or `quarantine`.
    ///
    /// # Errors
    /// Among others [`LakeError::LedgerIncomplete`], after which nothing must be ingested.
    pub async fn open(lake: &Lake, table: LakeTable, settings: &CommitSettings) -> Result<Self, LakeError> {
        #[cfg(test)]
        settings.faults.reach(table, super::faults::Point::BeforeLoad).await?;
        let ledger = Ledger::load(lake, table, settings, None).await?;
        Ok(Self { lake: lake.clone(), table, settings: settings.clone(), ledger, is_stale: false })
    }

    /// Finds out which objects of `days` the table has.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub async fn look_up(&mut self, days: &Days) -> Result<(), LakeError> {
        if self.is_stale {
            self.ledger = Ledger::load(&self.lake, self.table, &self.settings, None).await?;
        }
        // A file that is gone was exchanged for another, which a newer ledger names.
        self.is_stale = true;
        self.ledger.look_up(&self.lake, days).await?;
        self.is_stale = false;
        Ok(())
    }

    /// Whether the table has this object, which is of a day that was looked up, as far as the log was followed.
    #[must_use]
    pub fn knows(&self, object: ObjectId) -> bool {
        self.ledger.knows(object)
    }

    /// All objects of the days that were looked up that the table has, as far as the log was followed.
    #[must_use]
    pub fn known(&self) -> HashSet<ObjectId> {
        self.ledger.known().iter().copied().collect()
    }

    /// The files of the table, as far as the log was followed; none for `quarantine`.
    #[must_use]
    pub fn files(&self) -> &[LakeFile] {
        self.ledger.files()
    }

    /// The version up to which the log was followed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.ledger.tail.upto()
    }

    /// Commits what is pending.
    ///
    /// # Errors
    /// After an error it is open whether the commit is there; the next append finds out. Dropping the future is
    /// like a crash: nothing is lost or doubled.
    pub async fn append<P: Pending>(&mut self, pending: &mut P) -> Result<Committed, LakeError> {
        let token = Uuid::new_v4().to_string();
        let mut reloads = 0;
        loop {
            match self.append_or_stale(pending, &token).await {
                Err(error) if error.wants_reload() && reloads < RELOADS => {
                    reloads += 1;
                    tracing::warn!(table = self.table.name(), %error, "reading the ledger again");
                }
                result => return result,
            }
        }
    }

    async fn append_or_stale<P: Pending>(
        &mut self,
        pending: &mut P,
        token: &str,
    ) -> Result<Committed, LakeError> {
        if self.is_stale {
            self.ledger = Ledger::load(&self.lake, self.table, &self.settings, Some(token)).await?;
            if let Some(version) = self.ledger.own() {
                self.is_stale = false;
                return Ok(Committed { version: Some(version) });
            }
        }
        self.is_stale = true;
        let committed = self.append_once(pending, token).await?;
        self.is_stale = false;
        Ok(committed)
    }

    /// Steps 3 to 7 of the protocol: forget what is known, write, commit; on a conflict again.
    async fn append_once<P: Pending>(
        &mut self,
        pending: &mut P,
        token: &str,
    ) -> Result<Committed, LakeError> {
        self.ledger.take_new_files();
        if !pending.objects().is_empty() {
            self.ledger.look_up(&self.lake, &pending.days()).await?;
            pending.drop_duplicates(&self.lake, self.ledger.files()).await?;
        }
        let mut written = None;
        let (mut writes, mut lost) = (0, 0);
        loop {
            if self.forget_known(pending).await? {
                (written, writes) = (None, 0);
            }
            let objects = pending.objects();
            if objects.is_empty() {
                return Ok(Committed { version: None });
            }
            let (ready, since) = match written.take() {
                Some((ready, since)) if !self.is_old(since) => (ready, since),
                _ if writes == REWRITES => return Err(self.ledger.tail.too_old()),
                _ => {
                    writes += 1;
                    let since = Moment::now();
                    (self.write(pending, objects.len()).await?, since)
                }
            };
            if self.ledger.tail.is_aging() && self.ledger.catch_up().await? || self.is_old(since) {
                written = Some((ready, since));
                continue;
            }
            match self.commit(&objects, &ready, token).await? {
                Turn::Won(version) => return Ok(Committed { version: Some(version) }),
                Turn::Lost => written = Some((ready, since)),
            }
            lost += 1;
            self.settings.back_off(lost).await;
            self.ledger.follow().await?;
        }
    }

    /// Whether files that were written `since` then may be gone soon: see `vacuum`.
    fn is_old(&self, since: Moment) -> bool {
        since.age() > self.settings.file_limit()
    }

    /// Makes `pending` forget what others committed; true if anything changed.
    async fn forget_known<P: Pending>(&mut self, pending: &mut P) -> Result<bool, LakeError> {
        if self.ledger.take_altered() {
            self.lake.writable_state(self.table).await?;
        }
        let mut changed = false;
        let known = pending.objects().into_iter().filter(|id| self.ledger.knows(*id)).collect::<Vec<_>>();
        if !known.is_empty() {
            pending.drop_objects(&known);
            changed = true;
        }
        let new = self.ledger.take_new_files();
        if (changed || !new.is_empty()) && !pending.objects().is_empty() {
            changed |= pending.drop_duplicates(&self.lake, &new).await?;
        }
        Ok(changed)
    }

    async fn write<P: Pending>(&self, pending: &mut P, objects: usize) -> Result<Written, LakeError> {
        #[cfg(test)]
        self.settings.faults.reach(self.table, super::faults::Point::BeforeWrite).await?;
        let written = pending.write(&self.lake).await?;
        if self.table == LakeTable::Events && written.logfiles.is_empty() {
            return Err(LakeError::NoLogfiles { objects });
        }
        #[cfg(test)]
        self.settings.faults.reach(self.table, super::faults::Point::AfterWrite).await?;
        Ok(written)
    }

    async fn commit(
        &mut self,
        objects: &[ObjectId],
        written: &Written,
        token: &str,
    ) -> Result<Turn, LakeError> {
        #[cfg(test)]
        self.settings.faults.reach(self.table, super::faults::Point::BeforePut).await?;
        let draft = Draft {
            adds: &written.adds,
            objects: Some(objects),
            logfiles: &written.logfiles,
            token,
            ..Draft::default()
        };
        let mut seen: Vec<Commit> = Vec::new();
        let turn = slot::take(&mut self.ledger.tail, &draft, &self.settings, &mut seen).await?;
        for commit in seen {
            self.ledger.absorb(commit);
        }
        if let Turn::Won(version) = turn {
            checkpoint::make_if_due(&self.lake, self.table, version, &self.settings).await;
            #[cfg(test)]
            self.settings.faults.reach(self.table, super::faults::Point::AfterCommit).await?;
        }
        Ok(turn)
    }
}

#[cfg(test)]
mod tests;
