//! What a run keeps of the events that met a rule's probes, until the rule can judge them.
//!
//! A rule that looks at one event at a time keeps its rows. One that looks at groups keeps them too, and which groups a
//! new event touches, and when: rows of older events are looked for in those groups only. Memory is bounded for all rules
//! together; a rule that is over it keeps no rows, and is judged by its statement instead, which sorts on disk.

use super::rows::{Columns, Key, Rows};
use crate::error::Error;
use crate::rules::Rule;
use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use std::collections::HashMap;

/// Bytes of the rows of all rules.
const MOST: usize = 256 << 20;

/// Memory that is left.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MOST)
    }
}

/// Groups that new events touch, and the times of the first and the last of these.
pub(super) type Touched = HashMap<Vec<Option<String>>, (i64, i64)>;

/// What is kept for one rule.
pub(super) struct Gathered<'a> {
    /// The values that it groups by, and the time that its groups reach over; none if it looks at single events.
    group: Option<(&'a [String], i64)>,
    pub(super) rows: Rows,
    pub(super) touched: Touched,
    /// There are more rows than memory is for.
    pub(super) is_over: bool,
}

impl<'a> Gathered<'a> {
    pub(super) fn of(rule: &'a Rule) -> Self {
        let threshold =
            rule.threshold.as_ref().map(|threshold| (&threshold.by[..], threshold.within.micros()));
        let sequence = rule.sequence.as_ref().map(|sequence| (&sequence.by[..], sequence.within.micros()));
        Self { group: threshold.or(sequence), rows: Rows::default(), touched: Touched::new(), is_over: false }
    }

    /// Takes rows of new events.
    pub(super) fn take_new(
        &mut self,
        step: usize,
        batch: &RecordBatch,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let columns = Columns::new(batch)?;
        if let Some((by, _)) = self.group {
            for (row, key) in columns.keys(by).enumerate() {
                self.touch(&key, columns.time(row));
            }
        }
        self.keep(step, columns, batch.get_array_memory_size(), budget);
        Ok(())
    }

    /// Takes those rows of older events that are near a new event of their group.
    pub(super) fn take_old(
        &mut self,
        step: usize,
        batch: &RecordBatch,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let Some((by, within)) = self.group.filter(|_| !self.is_over) else { return Ok(()) };
        let columns = Columns::new(batch)?;
        let near = columns.keys(by).enumerate().map(|(row, key)| {
            let time = columns.time(row);
            self.touched.get(&owned(&key)).is_some_and(|&(first, last)| {
                first.saturating_sub(within) <= time && time <= last.saturating_add(within)
            })
        });
        let near = filter_record_batch(batch, &near.map(Some).collect::<BooleanArray>())?;
        if near.num_rows() > 0 {
            self.keep(step, Columns::new(&near)?, near.get_array_memory_size(), budget);
        }
        Ok(())
    }

    fn keep(&mut self, step: usize, columns: Columns, bytes: usize, budget: &mut Budget) {
        if self.is_over {
            return;
        }
        if bytes > budget.0 {
            self.is_over = true;
            budget.0 += self.rows.clear();
            return;
        }
        budget.0 -= bytes;
        self.rows.push(step, columns, bytes);
    }

    fn touch(&mut self, key: &Key<'_>, time: i64) {
        let times = self.touched.entry(owned(key)).or_insert((time, time));
        *times = (times.0.min(time), times.1.max(time));
    }

    /// The times at which older events can belong to a group that a new one touches.
    pub(super) fn reach(&self) -> Option<(i64, i64)> {
        let (_, within) = self.group?;
        let first = self.touched.values().map(|(first, _)| *first).min()?;
        let last = self.touched.values().map(|(_, last)| *last).max()?;
        Some((first.saturating_sub(within), last.saturating_add(within)))
    }

    /// Whether something that ends at `time` in the group of `key` is news: what ends before the first new event of the
    /// group, or begins after the last, was looked at before.
    pub(super) fn is_news(&self, key: &Key<'_>, time: i64) -> bool {
        let Some((_, within)) = self.group else { return true };
        let times = self.touched.get(&owned(key));
        times.is_some_and(|&(first, last)| first <= time && time <= last.saturating_add(within))
    }

    /// The values that it groups by.
    pub(super) fn by(&self) -> &'a [String] {
        self.group.map_or(&[], |(by, _)| by)
    }
}

fn owned(key: &Key<'_>) -> Vec<Option<String>> {
    key.iter().map(|value| value.map(str::to_owned)).collect()
}
