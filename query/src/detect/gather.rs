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
use foldhash::{HashMap, HashMapExt};

/// Bytes of the rows of all rules.
const MOST: usize = 384 << 20;

/// Memory of the rows of all rules.
#[derive(Default)]
pub(super) struct Budget {
    used: usize,
}

/// The values of a group.
type Group = Vec<Option<String>>;

/// Times of the first and the last new event.
type Times = (i64, i64);

/// Groups that new events touch.
pub(super) type Touched = HashMap<Group, Times>;

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
        if self.is_over {
            // Which groups are touched matters still.
            self.touch(&Columns::of(batch)?, 0);
            return Ok(());
        }
        let first = self.rows.step(step).len();
        self.keep(step, batch, budget)?;
        let rows = std::mem::take(self.rows.step(step));
        self.touch(&rows, first);
        *self.rows.step(step) = rows;
        self.drop_over(budget);
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
        let columns = Columns::of(batch)?;
        let mut times = None;
        let near = columns.runs(by, 0).map(|(row, is_same)| {
            if !is_same {
                times = self.touched.get(&owned(&columns.key(by, row)));
            }
            let time = columns.time(row);
            times.is_some_and(|&(first, last)| {
                first.saturating_sub(within) <= time && time <= last.saturating_add(within)
            })
        });
        let near = filter_record_batch(batch, &near.map(Some).collect::<BooleanArray>())?;
        if near.num_rows() > 0 {
            self.keep(step, &near, budget)?;
            self.drop_over(budget);
        }
        Ok(())
    }

    fn keep(&mut self, step: usize, batch: &RecordBatch, budget: &mut Budget) -> Result<(), Error> {
        let columns = self.rows.step(step);
        let before = columns.bytes();
        columns.append(batch)?;
        budget.used += columns.bytes() - before;
        Ok(())
    }

    /// Gives up what is kept, where all rules together keep too much.
    fn drop_over(&mut self, budget: &mut Budget) {
        if budget.used > MOST {
            self.is_over = true;
            budget.used = budget.used.saturating_sub(self.rows.bytes());
            self.rows = Rows::default();
        }
    }

    /// Notes when the groups of new events were touched, from the row `first` on, run by run of one group.
    fn touch(&mut self, columns: &Columns, first: usize) {
        let Some((by, _)) = self.group else { return };
        let mut run: Option<(Group, Times)> = None;
        for (row, is_same) in columns.runs(by, first) {
            let time = columns.time(row);
            match &mut run {
                Some((_, times)) if is_same => *times = (times.0.min(time), times.1.max(time)),
                _ => {
                    self.note(run.replace((owned(&columns.key(by, row)), (time, time))));
                }
            }
        }
        self.note(run);
    }

    fn note(&mut self, run: Option<(Group, Times)>) {
        let Some((key, (first, last))) = run else { return };
        let times = self.touched.entry(key).or_insert((first, last));
        *times = (times.0.min(first), times.1.max(last));
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

fn owned(key: &Key<'_>) -> Group {
    key.iter().map(|value| value.map(str::to_owned)).collect()
}
