//! Many small data files → few large ones, in order of time, without the duplicates that came late.
//!
//! plan → input → index → duplicates → merge → one commit that exchanges the files. In: a lake that others may be
//! writing and reading. Out: the same rows in fewer files. What must hold: a crash at any instant leaves the old files
//! or the new ones, never both and never neither; each row is kept, but for one that the table has once more. Rows are
//! moved as they are, so their `sourcefile` and `sourcehash` stay true; the ledger is in `logfiles` and in the commits,
//! not in the files, so what was read stays read. Memory is bounded by a setting, not by the files.

mod plan;
mod layout;
mod input;
mod ranks;
mod index;
mod duplicates;
mod merge;
mod report;

pub(crate) use input::conform;
pub use report::Compacted;

use crate::error::Error;
use crate::find::Days;
use crate::lake::files::{LakeFile, LakeTable};
use crate::lake::replace::{Base, Exchange, Exchanged};
use crate::lake::{Lake, NewFile};
use crate::run::Progress;
use input::Input;
use layout::Layout;
use plan::{Bounds, Group};
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

/// How often another compaction may be faster in one partition before it is left to that one.
const GIVE_UPS: u32 = 5;

/// What a compaction does.
#[derive(Clone, Copy, Debug)]
pub struct CompactConfig {
    /// Bytes that a data file should have; one of half the size is left alone.
    pub target: u64,
    /// Bytes that rows may take in memory while they are sorted. The process takes about twice as much, and 50 MB.
    pub memory: usize,
    /// Partitions to look at.
    pub days: Days,
}

impl Default for CompactConfig {
    fn default() -> Self {
        Self { target: 128 << 20, memory: 160 << 20, days: Days::default() }
    }
}

/// Compacts the partitions of `lake` that need it.
///
/// A file that cannot be read, or that another tool has given columns we do not know, is a line in
/// [`Compacted::problems`], and stays as it is.
///
/// # Errors
/// The lake cannot be read or written. What was committed stays; a later run goes on from there.
pub async fn compact(
    lake: &Lake,
    config: &CompactConfig,
    progress: &dyn Progress,
) -> Result<Compacted, Error> {
    let began = Instant::now();
    let (passed, unusable, report) = (HashSet::new(), HashSet::new(), Compacted::default());
    let mut run = Run { lake, config, progress, passed, unusable, report };
    let mut work = Vec::new();
    let (mut files, mut bytes) = (0, 0);
    for layout in layout::all() {
        let base = lake.base(layout.table).await?;
        run.report.files_seen += base.files.len() as u64;
        for (date, partition) in run.partitions(&base) {
            let groups = plan::plan(&partition, run.bounds(&layout), &run.passed);
            if !groups.is_empty() {
                let planned = groups.iter().flat_map(|group| &group.files);
                files += planned.clone().count() as u64;
                bytes += planned.map(|file| file.size).sum::<u64>();
                work.push((layout.clone(), date));
            }
        }
    }
    progress.found(files, bytes);
    for (layout, date) in work {
        run.partition(&layout, date).await?;
    }
    run.report.seconds = began.elapsed().as_secs_f64();
    Ok(run.report)
}

/// How many of the `files` of a table a compaction would merge.
pub(crate) fn to_merge(table: LakeTable, files: &[LakeFile], target: u64) -> u64 {
    let Some(layout) = layout::all().into_iter().find(|layout| layout.table == table) else { return 0 };
    let mut days = BTreeMap::<i32, Vec<LakeFile>>::new();
    for file in files {
        days.entry(file.date).or_default().push(file.clone());
    }
    let bounds = Bounds { target, rows: u64::MAX, records: layout.records };
    let groups = days.values().flat_map(|files| plan::plan(files, bounds, &HashSet::new()));
    groups.filter(|group| !group.only_duplicates).map(|group| group.files.len() as u64).sum()
}

struct Run<'a> {
    lake: &'a Lake,
    config: &'a CompactConfig,
    progress: &'a dyn Progress,
    /// Files that this run leaves alone.
    passed: HashSet<String>,
    /// Those among them that cannot be read.
    unusable: HashSet<String>,
    report: Compacted,
}

impl Run<'_> {
    fn bounds(&self, layout: &Layout) -> Bounds {
        Bounds {
            target: self.config.target,
            rows: (self.config.memory / index::ROW_BYTES) as u64,
            records: layout.records,
        }
    }

    /// The files of the days that were asked for, day by day.
    fn partitions(&self, base: &Base) -> BTreeMap<i32, Vec<LakeFile>> {
        let mut days = BTreeMap::<i32, Vec<LakeFile>>::new();
        for file in base.files.iter().filter(|file| self.config.days.contain(Some(file.date))) {
            days.entry(file.date).or_default().push(file.clone());
        }
        days
    }

    /// Group after group, each planned on the table as it then is, until there is nothing left to do.
    async fn partition(&mut self, layout: &Layout, date: i32) -> Result<(), Error> {
        let mut gave_up = 0;
        while gave_up < GIVE_UPS {
            let base = self.lake.base(layout.table).await?;
            let files = self.partitions(&base).remove(&date).unwrap_or_default();
            let groups = plan::plan(&files, self.bounds(layout), &self.passed);
            let Some(group) = groups.into_iter().next() else { return Ok(()) };
            match self.group(layout, &base, &files, &group).await {
                Ok(Some(Exchanged::Committed(version))) => {
                    tracing::debug!(
                        table = layout.table.name(),
                        version,
                        files = group.files.len(),
                        "merged"
                    );
                }
                // Nothing is wrong with these files, so nobody has to look again.
                Ok(None) => self.pass(&group.files),
                Ok(Some(Exchanged::GaveUp)) => {
                    self.report.gave_up += 1;
                    gave_up += 1;
                }
                Err(Error::DataFile { path, why }) if self.unusable.insert(path.clone()) => {
                    self.report.problems.push(format!("left alone {}/{path}: {why}", layout.table.name()));
                    self.passed.insert(path);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn pass(&mut self, files: &[LakeFile]) {
        self.passed.extend(files.iter().map(|file| file.path.clone()));
    }

    /// Merges one group; `None` if it was only looked at for duplicates and has none.
    async fn group(
        &mut self,
        layout: &Layout,
        base: &Base,
        partition: &[LakeFile],
        group: &Group,
    ) -> Result<Option<Exchanged>, Error> {
        let inputs = input::open_all(self.lake, layout, &group.files).await?;
        let mut rows = index::index(layout, &inputs).await?;
        let read = rows.len() as u64;
        let found = match layout.records {
            Some(records) => {
                let mut others = others(partition, group);
                others.retain(|file| !self.unusable.contains(&file.path));
                duplicates::find(self.lake, layout, records, &inputs, &rows, &others).await?
            }
            None => duplicates::Found::default(),
        };
        let bytes = group.files.iter().map(|file| file.size).sum::<u64>();
        self.progress.done(read, bytes);
        if group.only_duplicates && found.rows.is_empty() {
            return Ok(None);
        }
        let mut number = 0;
        rows.retain(|_| {
            number += 1;
            !found.rows.contains(&(number - 1))
        });
        let adds = self.write(layout, group, &inputs, rows).await?;
        let duplicates = found.rows.len() as u64;
        let written = adds.iter().map(|file| file.rows).sum::<u64>();
        if read != written + duplicates {
            return Err(Error::RowsLost { read, written, duplicates });
        }
        let exchange = Exchange {
            removes: &group.files,
            adds: &adds,
            relied: &found.relied,
            duplicates,
            is_update: false,
        };
        let exchanged = self.lake.exchange(layout.table, base, exchange).await?;
        if let Exchanged::Committed(_) = exchanged {
            self.report.count(&group.files, &adds, duplicates);
        }
        Ok(Some(exchanged))
    }

    async fn write(
        &self,
        layout: &Layout,
        group: &Group,
        inputs: &[Input],
        rows: Vec<index::Row>,
    ) -> Result<Vec<NewFile>, Error> {
        #[cfg(test)]
        self.lake.settings().faults.reach(layout.table, crate::lake::faults::Point::BeforeWrite).await?;
        let mut adds = Vec::new();
        if !rows.is_empty() {
            let date = group.files.first().map_or(0, |file| file.date);
            adds.push(merge::merge(self.lake, layout, date, inputs, rows, self.config.memory).await?);
        }
        #[cfg(test)]
        self.lake.settings().faults.reach(layout.table, crate::lake::faults::Point::AfterWrite).await?;
        Ok(adds)
    }
}

/// The files of a partition that are not in `group`.
fn others(partition: &[LakeFile], group: &Group) -> Vec<LakeFile> {
    let inside = group.files.iter().map(|file| file.path.as_str()).collect::<HashSet<_>>();
    partition.iter().filter(|file| !inside.contains(file.path.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests;
