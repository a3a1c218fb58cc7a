//! Events of several kinds within a time: steps that share the values that join them.
//!
//! The statement of the rule says the same in SQL ([`crate::rules::statement`]), and the tests hold both against each
//! other. Events of one time count as in order, since CloudTrail's times are whole seconds.

use super::rows::At;
use crate::rules::file::{Order, Sequence, Step};
use std::collections::VecDeque;

/// A sequence that is complete.
pub(super) struct Complete {
    /// Its events, in order; the last is the one that completed it.
    pub(super) chain: Vec<At>,
    /// Event time of the first.
    pub(super) first: i64,
}

/// The sequences in one group, whose events are in order.
pub(super) fn complete(group: &[At], steps: &[Step], sequence: &Sequence) -> Vec<Complete> {
    match sequence.order {
        Order::Strict => in_order(group, steps, sequence.within.micros()),
        Order::Any => in_any_order(group, steps, sequence.within.micros()),
    }
}

/// For each step the chain that completes it and has begun latest: no other can still complete when it cannot.
fn in_order(group: &[At], steps: &[Step], within: i64) -> Vec<Complete> {
    let mut chains: Vec<Option<Vec<At>>> = vec![None; steps.len()];
    let mut first_steps = VecDeque::new();
    let mut found = Vec::new();
    for &at in group {
        let chain = if at.step == 0 {
            let times = usize::try_from(steps[0].at_least).unwrap_or(usize::MAX);
            first_steps.push_back(at);
            if first_steps.len() > times {
                first_steps.pop_front();
            }
            (first_steps.len() == times).then(|| first_steps.iter().copied().collect::<Vec<_>>())
        } else {
            let before =
                chains[at.step - 1].as_ref().filter(|chain| chain[0].time >= at.time.saturating_sub(within));
            before.map(|chain| [&chain[..], &[at]].concat())
        };
        let Some(chain) = chain else { continue };
        let first = chain[0].time;
        if at.step == steps.len() - 1 {
            found.push(Complete { chain, first });
        } else if chains[at.step].as_ref().is_none_or(|known| known[0].time <= first) {
            chains[at.step] = Some(chain);
        }
    }
    found
}

fn in_any_order(group: &[At], steps: &[Step], within: i64) -> Vec<Complete> {
    let mut window = VecDeque::new();
    let mut times = vec![0_u32; steps.len()];
    let mut found = Vec::new();
    for same_time in group.chunk_by(|a, b| a.time == b.time) {
        for &at in same_time {
            times[at.step] += 1;
            window.push_back(at);
        }
        let from = same_time[0].time.saturating_sub(within);
        while let Some(old) = window.pop_front_if(|at: &mut At| at.time < from) {
            times[old.step] -= 1;
        }
        if times.iter().zip(steps).all(|(times, step)| *times >= step.at_least) {
            let first = window.front().map_or(from, |at| at.time);
            found.extend(
                same_time.iter().map(|&last| Complete { chain: latest(&window, steps, last), first }),
            );
        }
    }
    found
}

/// As many of the latest events of each step as it needs, and `last` behind them.
fn latest(window: &VecDeque<At>, steps: &[Step], last: At) -> Vec<At> {
    let mut wanted = steps.iter().map(|step| step.at_least).collect::<Vec<_>>();
    wanted[last.step] = wanted[last.step].saturating_sub(1);
    let mut chain = vec![last];
    for &at in window.iter().rev().filter(|at| **at != last) {
        if wanted[at.step] > 0 {
            wanted[at.step] -= 1;
            chain.push(at);
        }
    }
    chain.reverse();
    chain
}
