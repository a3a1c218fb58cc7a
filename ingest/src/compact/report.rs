//! Counters that reconcile: rows read = rows written + duplicates.

use crate::lake::NewFile;
use crate::lake::files::LakeFile;
use serde::Serialize;
use std::fmt;

/// What a compaction did.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct Compacted {
    /// Data files of the tables, before.
    pub files_seen: u64,
    /// Data files that were taken out.
    pub files_in: u64,
    /// Data files that took their place.
    pub files_out: u64,
    /// Commits.
    pub commits: u64,
    /// Rows of the files that were taken out.
    pub rows_in: u64,
    /// Rows of those that took their place.
    pub rows_out: u64,
    /// Rows that were left out, since the table has them once more.
    pub duplicates: u64,
    /// Bytes of the files that were taken out.
    pub bytes_in: u64,
    /// Bytes of those that took their place.
    pub bytes_out: u64,
    /// Exchanges that were given up, since another one was faster.
    pub gave_up: u64,
    /// Wall clock.
    pub seconds: f64,
    /// One line for each file that had to be left alone.
    pub problems: Vec<String>,
}

impl Compacted {
    /// Whether every row that was read is accounted for.
    #[must_use]
    pub fn reconciles(&self) -> bool {
        self.rows_in == self.rows_out + self.duplicates
    }

    /// Takes an exchange in.
    pub(super) fn count(&mut self, removes: &[LakeFile], adds: &[NewFile], duplicates: u64) {
        self.commits += 1;
        self.files_in += removes.len() as u64;
        self.files_out += adds.len() as u64;
        let written = adds.iter().map(|file| file.rows).sum::<u64>();
        self.rows_in += written + duplicates;
        self.rows_out += written;
        self.duplicates += duplicates;
        self.bytes_in += removes.iter().map(|file| file.size).sum::<u64>();
        self.bytes_out += adds.iter().map(|file| file.size).sum::<u64>();
    }
}

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files_seen, files_in, files_out, commits, rows_in, rows_out, .. } = self;
        let Self { duplicates, gave_up, seconds, .. } = self;
        if self.commits == 0 {
            write!(f, "nothing to do: {files_seen} data files looked at")?;
        } else {
            writeln!(f, "{rows_in} rows read = {rows_out} written + {duplicates} duplicate")?;
            write!(
                f,
                "{files_in} files became {files_out} in {commits} commits, {:.1} MB became {:.1} MB",
                mega(self.bytes_in),
                mega(self.bytes_out),
            )?;
        }
        if *gave_up > 0 {
            write!(f, "; {gave_up} times another compaction was faster")?;
        }
        write!(f, "; {seconds:.1} s")
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
