//! Counters that reconcile: records read = written + duplicate + filtered + quarantined.

use crate::find::Place;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// What a run did.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Log objects that this run read and committed.
    pub objects: u64,
    /// Log objects that the lake knew already, or that another writer committed first.
    pub objects_skipped: u64,
    /// Log objects that could not be fetched, or are not known to be in the lake; a later run tries them again.
    pub objects_failed: u64,
    /// Log objects that nobody has begun with when the time of the run was up.
    pub objects_left: u64,
    /// Digest files, counted and left alone.
    pub digests: u64,
    /// Other objects that were announced: folders, and files that are no log files.
    pub passed_over: u64,
    /// Elements of `Records`, lines of NDJSON: everything that should have been a record.
    pub records_read: u64,
    /// Records that this run added to the lake.
    pub written: u64,
    /// Records that the lake, or this run, had already: CloudTrail delivers some twice.
    pub duplicate: u64,
    /// Records for which a filter is not true.
    pub filtered: u64,
    /// Records that could not be used.
    pub quarantined: u64,
    /// Objects that could not be read to their end.
    pub files_quarantined: u64,
    /// Bytes of the objects, as stored.
    pub bytes_in: u64,
    /// Bytes of the objects, inflated.
    pub bytes_inflated: u64,
    /// Bytes of the data files.
    pub bytes_out: u64,
    /// LIST requests to S3.
    pub list_requests: u64,
    /// GET requests to S3, those that had to be made again included.
    pub get_requests: u64,
    /// The filters: what is kept.
    pub filters: Vec<String>,
    /// Values that were redacted, by the rule of `[privacy]`.
    pub redacted: BTreeMap<String, u64>,
    /// Wall clock.
    pub seconds: f64,
    /// The objects of [`Report::objects_failed`] and [`Report::objects_left`].
    #[serde(skip)]
    pub open: Vec<Place>,
    /// One line for each source or object that failed, and for each file that was quarantined.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether every record that was read is accounted for.
    #[must_use]
    pub fn reconciles(&self) -> bool {
        self.records_read == self.written + self.duplicate + self.filtered + self.quarantined
    }
}

impl AddAssign<Self> for Report {
    fn add_assign(&mut self, other: Self) {
        self.objects += other.objects;
        self.objects_skipped += other.objects_skipped;
        self.objects_failed += other.objects_failed;
        self.objects_left += other.objects_left;
        self.digests += other.digests;
        self.passed_over += other.passed_over;
        self.records_read += other.records_read;
        self.written += other.written;
        self.duplicate += other.duplicate;
        self.filtered += other.filtered;
        self.quarantined += other.quarantined;
        self.files_quarantined += other.files_quarantined;
        self.bytes_in += other.bytes_in;
        self.bytes_inflated += other.bytes_inflated;
        self.bytes_out += other.bytes_out;
        self.list_requests += other.list_requests;
        self.get_requests += other.get_requests;
        for (rule, values) in other.redacted {
            *self.redacted.entry(rule).or_default() += values;
        }
        self.filters.extend(other.filters);
        self.seconds = self.seconds.max(other.seconds);
        self.open.extend(other.open);
        self.problems.extend(other.problems);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objects, objects_skipped, digests, records_read, written, duplicate, .. } = self;
        let Self { filtered, quarantined, files_quarantined, objects_failed, seconds, .. } = self;
        writeln!(
            f,
            "{records_read} records read = {written} written + {duplicate} duplicate + {filtered} filtered + {quarantined} quarantined"
        )?;
        write!(
            f,
            "{objects} objects read, {objects_skipped} known already, {digests} digests left alone, \
             {files_quarantined} files quarantined, {objects_failed} failed; {:.1} MB in, {:.1} MB inflated, {:.1} MB out; {seconds:.1} s",
            mega(self.bytes_in),
            mega(self.bytes_inflated),
            mega(self.bytes_out),
        )?;
        if !self.filters.is_empty() {
            write!(f, "\nonly records are kept for which {}", self.filters.join(", and "))?;
        }
        for (rule, values) in &self.redacted {
            write!(f, "\n{values} values redacted by {rule}")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_add_up() {
        let part = Report { records_read: 3, written: 1, duplicate: 1, quarantined: 1, ..Report::default() };
        let mut sum = part.clone();
        sum += part;
        assert!(sum.reconciles());
        assert!(
            sum.to_string()
                .starts_with("6 records read = 2 written + 2 duplicate + 0 filtered + 2 quarantined")
        );
    }
}
