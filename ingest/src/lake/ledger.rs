//! Which log objects a table has rows of, and which files, as far as the log was followed.
//!
//! In: for `events`, the table `logfiles` and the commits it does not cover yet; for the others, their own commits.
//! Out: whether an object is known, and the files that are new since somebody last asked. What must hold: a commit
//! that is missing is an error, never a gap.
//!
//! `logfiles` is partitioned by the day of delivery, which the key of an object tells. So a writer reads the days that
//! it has objects of ([`Ledger::look_up`]), and what it holds does not grow with the age of the lake.

use super::{
    Lake,
    clock::Moment,
    commit::Commit,
    days::Days,
    error::LakeError,
    files::{LakeFile, LakeTable},
    object_id::ObjectId,
    settings::CommitSettings,
    snapshot::files_of,
    tail::Tail,
};
use hashbrown::HashSet;

/// The ledger of one table.
pub(super) struct Ledger {
    pub(super) tail: Tail,
    known: HashSet<ObjectId>,
    /// Files of `logfiles` that were not read yet. All are of one version, since what came later is in the tail.
    unread: Vec<LakeFile>,
    files: Option<Files>,
    is_altered: bool,
    /// The commit with the token that [`Ledger::load`] was told to look for.
    own: Option<u64>,
}

/// The files of a table, for those who look for late duplicates.
struct Files {
    active: Vec<LakeFile>,
    /// Those with new rows since [`Ledger::take_new_files`].
    new: Vec<LakeFile>,
    /// The version they were loaded at.
    version: u64,
}

impl Ledger {
    /// Reads the ledger of `table` up to the end of its log. A commit with `token` on the way is remembered.
    pub(super) async fn load(
        lake: &Lake,
        table: LakeTable,
        settings: &CommitSettings,
        token: Option<&str>,
    ) -> Result<Self, LakeError> {
        let (unread, covered) = match table {
            LakeTable::Events => lake.logfiles_and_covered().await?,
            _ => (Vec::new(), 0),
        };
        let state = lake.writable_state(table).await?;
        if table == LakeTable::Events {
            lake.check_ledger_is_of(state.metadata().id()).await?;
        }
        let files = match table {
            LakeTable::Events | LakeTable::Aggregated => {
                Some(Files { active: files_of(&state), new: Vec::new(), version: state.version() })
            }
            _ => None,
        };
        let tail = Tail::new(lake, table, covered, Moment::now(), settings.age_limit);
        let mut ledger = Self { tail, known: HashSet::new(), unread, files, is_altered: false, own: None };
        ledger.list(token).await?;
        ledger.is_altered = false;
        Ok(ledger)
    }

    /// Makes sure that the objects of `days` are known.
    pub(super) async fn look_up(&mut self, lake: &Lake, days: &Days) -> Result<(), LakeError> {
        let wanted = self.unread.extract_if(.., |file| days.have(file.date)).collect::<Vec<_>>();
        match lake.objects_in(wanted.clone()).await {
            Ok(objects) => {
                self.known.extend(objects);
                Ok(())
            }
            Err(error) => {
                self.unread.extend(wanted);
                Err(error)
            }
        }
    }

    /// Lists the log and takes in what is new; true if there was anything.
    pub(super) async fn catch_up(&mut self) -> Result<bool, LakeError> {
        let before = self.tail.upto();
        self.list(None).await?;
        Ok(self.tail.upto() != before)
    }

    /// Takes in what is new without listing, as cheaply as a free slot can be seen.
    pub(super) async fn follow(&mut self) -> Result<(), LakeError> {
        while let Some(commit) = self.tail.next().await? {
            self.absorb(commit);
        }
        Ok(())
    }

    async fn list(&mut self, token: Option<&str>) -> Result<(), LakeError> {
        let mut commits = Vec::new();
        self.tail.list(|commit| commits.push(commit)).await?;
        for commit in commits {
            if token.is_some() && commit.token.as_deref() == token {
                self.own = Some(commit.version);
            }
            self.absorb(commit);
        }
        Ok(())
    }

    /// Takes a commit in; every version exactly once, in order.
    pub(super) fn absorb(&mut self, commit: Commit) {
        let table = self.tail.table.name();
        if commit.is_foreign() {
            tracing::warn!(
                table,
                version = commit.version,
                "another tool added rows without a ledger: they cannot be told from duplicates"
            );
        }
        for object in commit.objects.iter().flatten() {
            // One of a day that was not looked up yet is not noticed.
            if !self.known.insert(*object) {
                tracing::error!(table, version = commit.version, %object, "object is in the ledger twice");
            }
        }
        self.is_altered |= commit.alters;
        if let Some(files) = &mut self.files {
            files.absorb(commit);
        }
    }

    /// All of the days that were looked up, and some more.
    pub(super) fn known(&self) -> &HashSet<ObjectId> {
        &self.known
    }

    pub(super) fn knows(&self, object: ObjectId) -> bool {
        self.known.contains(&object)
    }

    /// The files of the table; none for tables nobody looks for duplicates in.
    pub(super) fn files(&self) -> &[LakeFile] {
        self.files.as_ref().map_or(&[], |files| &files.active)
    }

    /// The files with new rows since this was last called.
    pub(super) fn take_new_files(&mut self) -> Vec<LakeFile> {
        self.files.as_mut().map(|files| std::mem::take(&mut files.new)).unwrap_or_default()
    }

    /// Whether a commit changed schema, properties or protocol since this was last called.
    pub(super) fn take_altered(&mut self) -> bool {
        std::mem::take(&mut self.is_altered)
    }

    /// The version with the token that [`Ledger::load`] looked for.
    pub(super) fn own(&self) -> Option<u64> {
        self.own
    }
}

impl Files {
    fn absorb(&mut self, commit: Commit) {
        if commit.version <= self.version {
            return;
        }
        if !commit.removed.is_empty() {
            let removed = commit.removed.iter().collect::<HashSet<_>>();
            self.active.retain(|file| !removed.contains(&file.path));
        }
        for added in commit.added {
            if added.is_new_data {
                self.new.push(added.file.clone());
            }
            self.active.push(added.file);
        }
    }
}
