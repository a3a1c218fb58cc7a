//! Files of a table are exchanged for others that hold the same rows: one version, one conditional PUT. An update is the
//! same, but for some values in the rows.
//!
//! In: a table as it was seen, files of it, and uploaded files with their rows. Out: the version in which the exchange
//! took place, or the news that another one was faster. What must hold: of two exchanges that touch one file, one gives
//! up, or its rows would be in the table twice. The library's own `optimize` does not check that. Rows that were left
//! out because another file holds them bind that file too: if it goes, the exchange is off, or of two that each rely on
//! the other's file both copies would be dropped. What is appended in between does not matter.

use super::{
    Lake, checkpoint,
    clock::Moment,
    commit::{Commit, Draft},
    error::LakeError,
    files::{LakeFile, LakeTable, NewFile},
    slot::{self, Turn},
    snapshot::files_of,
    tail::Tail,
};
use std::collections::HashSet;
use uuid::Uuid;

/// A table as it was seen.
#[derive(Debug)]
pub(crate) struct Base {
    version: u64,
    fresh: Moment,
    /// Its data files.
    pub(crate) files: Vec<LakeFile>,
}

/// An exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    /// Files of the table.
    pub(crate) removes: &'a [LakeFile],
    /// What takes their place, uploaded since the table was seen.
    pub(crate) adds: &'a [NewFile],
    /// Other files of the table that hold rows which `adds` lacks.
    pub(crate) relied: &'a [String],
    /// How many rows `adds` lacks.
    pub(crate) duplicates: u64,
    /// Whether rows have other values than before: whoever follows the table has to see them again.
    pub(crate) is_update: bool,
}

/// How an exchange ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exchanged {
    /// It is this version.
    Committed(u64),
    /// Another exchange took one of the files, or it took too long. Nothing was changed.
    GaveUp,
}

impl Lake {
    /// The table as it is now.
    ///
    /// # Errors
    /// It cannot be read, or must not be written by this build.
    pub(crate) async fn base(&self, table: LakeTable) -> Result<Base, LakeError> {
        #[cfg(test)]
        self.settings.faults.reach(table, super::faults::Point::BeforeLoad).await?;
        let fresh = Moment::now();
        let state = self.writable_state(table).await?;
        Ok(Base { version: state.version(), fresh, files: files_of(&state) })
    }

    /// Exchanges files of `table`, which was seen as `base`.
    ///
    /// # Errors
    /// After an error it is open whether the exchange took place. Either way the table is whole.
    pub(crate) async fn exchange(
        &self,
        table: LakeTable,
        base: &Base,
        exchange: Exchange<'_>,
    ) -> Result<Exchanged, LakeError> {
        let token = Uuid::new_v4().to_string();
        match self.take_slot_for(table, base, exchange, &token).await {
            // Either it is in the log, or what was uploaded is left to the vacuum.
            Err(error) if error.wants_reload() => {
                let found = self.find_token(table, Some(base.version), &token).await?;
                Ok(found.map_or(Exchanged::GaveUp, Exchanged::Committed))
            }
            result => result,
        }
    }

    async fn take_slot_for(
        &self,
        table: LakeTable,
        base: &Base,
        exchange: Exchange<'_>,
        token: &str,
    ) -> Result<Exchanged, LakeError> {
        let Exchange { removes, adds, relied, duplicates, is_update } = exchange;
        let draft = Draft { adds, removes, duplicates, is_update, token, ..Draft::default() };
        let needed = removes.iter().map(|file| file.path.as_str());
        let needed = needed.chain(relied.iter().map(String::as_str)).collect::<HashSet<_>>();
        let mut tail = Tail::new(self, table, base.version, base.fresh, self.settings.age_limit);
        let mut lost = 0;
        loop {
            #[cfg(test)]
            self.settings.faults.reach(table, super::faults::Point::BeforePut).await?;
            // What was uploaded since may be gone soon: see `vacuum`.
            if base.fresh.age() > self.settings.file_limit() {
                return Ok(Exchanged::GaveUp);
            }
            let mut seen = Vec::new();
            if tail.is_aging() {
                tail.list(|commit| seen.push(commit)).await?;
            }
            let turn = if seen.is_empty() {
                slot::take(&mut tail, &draft, &self.settings, &mut seen).await?
            } else {
                Turn::Lost
            };
            if let Turn::Won(version) = turn {
                checkpoint::make_if_due(self, table, version, &self.settings).await;
                #[cfg(test)]
                self.settings.faults.reach(table, super::faults::Point::AfterCommit).await?;
                return Ok(Exchanged::Committed(version));
            }
            if takes_one_of(&seen, &needed) {
                return Ok(Exchanged::GaveUp);
            }
            if seen.iter().any(|commit| commit.alters) {
                self.writable_state(table).await?;
            }
            lost += 1;
            self.settings.back_off(lost).await;
        }
    }
}

/// Whether one of `commits` removed one of the files that are `needed`.
fn takes_one_of(commits: &[Commit], needed: &HashSet<&str>) -> bool {
    commits.iter().flat_map(|commit| &commit.removed).any(|path| needed.contains(path.as_str()))
}

#[cfg(test)]
mod tests;
