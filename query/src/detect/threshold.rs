//! How many within what time: a window that slides over the event time of each group.
//!
//! The statement of the rule says the same in SQL ([`crate::rules::statement`]), and the tests hold both against each
//! other. Events of one time are in the window together.

use super::rows::{At, Measured, Rows};
use crate::rules::file::Threshold;
use foldhash::HashMap;
use std::collections::VecDeque;

/// An event at which the window that ends with it is full.
pub(super) struct Full {
    pub(super) at: At,
    /// Event time of the first event in the window.
    pub(super) first: i64,
    /// What was counted.
    pub(super) count: i64,
}

/// The events of one group, which are in order, at which the window is full.
pub(super) fn full(rows: &Rows, group: &[At], threshold: &Threshold) -> Vec<Full> {
    if !can_be_full(rows, group, threshold) {
        return Vec::new();
    }
    let within = threshold.within.micros();
    let (mut window, mut tally) = (VecDeque::new(), Tally::default());
    let mut found = Vec::new();
    // An event with nothing to count is none.
    let group = group.iter().copied().filter(|&at| has_values(rows, at)).collect::<Vec<_>>();
    for same_time in group.chunk_by(|a, b| a.time == b.time) {
        let time = same_time[0].time;
        for &at in same_time {
            tally.add(rows, at, 1);
            window.push_back(at);
        }
        while let Some(&at) = window.front().filter(|at| at.time < time.saturating_sub(within)) {
            tally.add(rows, at, -1);
            window.pop_front();
        }
        let count = tally.count(threshold);
        if count.is_some_and(|count| count >= threshold.count) {
            let (first, count) = (window.front().map_or(time, |at| at.time), count.unwrap_or_default());
            found.extend(same_time.iter().map(|&at| Full { at, first, count }));
        }
    }
    found
}

/// Whether all events of the group together are as many as one window needs. Most groups are small.
fn can_be_full(rows: &Rows, group: &[At], threshold: &Threshold) -> bool {
    let many = |count: usize| i64::try_from(count).is_ok_and(|count| count >= threshold.count);
    match (&threshold.distinct, &threshold.sum) {
        (Some(_), _) => {
            let mut values = group.iter().flat_map(|&at| values(rows, at));
            let Some(first) = values.next() else { return false };
            // Two that differ are what most rules ask for, and most groups have one.
            threshold.count < 2 || values.any(|value| value != first)
        }
        (None, Some(_)) => true,
        (None, None) => many(group.len()),
    }
}

fn has_values(rows: &Rows, at: At) -> bool {
    let (columns, row) = rows.get(at);
    match &columns.measured {
        Measured::Values(lists) => lists.get(row).next().is_some(),
        _ => true,
    }
}

/// The values that an event is measured by; equal ones of one step are equal numbers.
fn values(rows: &Rows, at: At) -> impl Iterator<Item = u32> {
    let (columns, row) = rows.get(at);
    let lists = match &columns.measured {
        Measured::Values(lists) => Some(lists),
        _ => None,
    };
    lists.into_iter().flat_map(move |lists| lists.get(row))
}

/// What is in the window.
#[derive(Default)]
struct Tally {
    events: i64,
    /// Values, and how often each is there.
    values: HashMap<u32, i64>,
    numbers: i64,
    sum: f64,
}

impl Tally {
    /// Takes an event in, or out when `by` is -1.
    fn add(&mut self, rows: &Rows, at: At, by: i64) {
        self.events += by;
        let (columns, row) = rows.get(at);
        match &columns.measured {
            Measured::Once => {}
            Measured::Values(_) => {
                for value in values(rows, at) {
                    let times = self.values.entry(value).or_default();
                    *times += by;
                    if *times == 0 {
                        self.values.remove(&value);
                    }
                }
            }
            Measured::Numbers(numbers) => {
                let Some(number) = numbers[row] else { return };
                self.numbers += by;
                #[expect(clippy::cast_precision_loss, reason = "it is 1 or -1")]
                let by = by as f64;
                self.sum += by * number;
            }
        }
    }

    /// What the threshold counts; `None` where it adds up numbers and there is none.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a sum of bytes is far below 2^63, and is shown, not computed with"
    )]
    fn count(&self, threshold: &Threshold) -> Option<i64> {
        match (&threshold.distinct, &threshold.sum) {
            (Some(_), _) => i64::try_from(self.values.len()).ok(),
            (None, Some(_)) => (self.numbers > 0).then_some(self.sum as i64),
            (None, None) => Some(self.events),
        }
    }
}
