//! How many within what time: a window that slides over the event time of each group.
//!
//! The statement of the rule says the same in SQL ([`crate::rules::statement`]), and the tests hold both against each
//! other. Events of one time are in the window together.

use super::rows::{At, Measured, Rows};
use crate::rules::file::Threshold;
use datafusion::arrow::array::{Array, AsArray, StringArray};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

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

fn has_values(rows: &Rows, at: At) -> bool {
    let (columns, row) = rows.get(at);
    match &columns.measured {
        Measured::Values(lists) => lists.is_valid(row) && lists.value_length(row) > 0,
        _ => true,
    }
}

/// What is in the window.
#[derive(Default)]
struct Tally {
    events: i64,
    /// Texts, and how often each is there.
    values: HashMap<String, i64>,
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
            Measured::Values(lists) => {
                for value in texts(&lists.value(row)) {
                    let times = self.values.entry(value.to_owned()).or_default();
                    *times += by;
                    if *times == 0 {
                        self.values.remove(value);
                    }
                }
            }
            Measured::Number(numbers) if numbers.is_null(row) => {}
            Measured::Number(numbers) => {
                self.numbers += by;
                #[expect(clippy::cast_precision_loss, reason = "it is 1 or -1")]
                let by = by as f64;
                self.sum += by * numbers.value(row);
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

fn texts(list: &Arc<dyn Array>) -> impl Iterator<Item = &str> {
    let list: Option<&StringArray> = list.as_string_opt::<i32>();
    list.into_iter().flatten().flatten()
}
