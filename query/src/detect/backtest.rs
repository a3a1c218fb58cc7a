//! What rules would have found in a time that is past. Nothing is committed, and what is known already is found again.

use super::finding::Finding;
use super::state::State;
use super::{Ready, Work, bound, evaluate};
use crate::error::Error;
use crate::rules::Rule;
use std::collections::BTreeSet;
use trailhound_ingest::lake::{Lake, LakeTable};
use trailhound_ingest::time;

/// Marks the rules of a backtest: findings of the real ones, which are in the lake, are not theirs.
const MARK: &str = "backtest ";

/// What was found.
#[derive(Clone, Debug)]
pub struct Backtest {
    /// The findings, by time; also those that an exception hides.
    pub findings: Vec<Finding>,
    /// Days on which there were events.
    pub days: usize,
    /// Events that were looked at.
    pub events: u64,
}

/// What `rules` would have found from `since` on, in microseconds since 1970.
///
/// # Errors
/// The lake cannot be read, or a rule's statement fails.
pub async fn backtest(lake: &Lake, rules: &[Ready<'_>], since: i64) -> Result<Backtest, Error> {
    let snapshot = lake.snapshot(LakeTable::Events, None).await?;
    // A file that does not say how new its events are may have new ones.
    let is_in = |time: Option<i64>| time.is_none_or(|time| time >= since);
    let new =
        snapshot.files.iter().filter(|file| is_in(bound(file, "maxValues"))).cloned().collect::<Vec<_>>();
    let days = new.iter().map(|file| file.date).filter(|day| *day >= time::day_of(since));
    let days = days.collect::<BTreeSet<_>>().len();
    let events = new.iter().map(|file| file.rows).sum();
    let work = Work { version: snapshot.version, all: snapshot.files, new, late_before: None };
    let mark = |id: &String| format!("{MARK}{id}");
    let marked = rules.iter().map(|Ready { rule, .. }| {
        let supersedes = rule.supersedes.iter().map(mark).collect();
        Rule { id: mark(&rule.id), supersedes, ..(*rule).clone() }
    });
    let marked = marked.collect::<Vec<_>>();
    let ready =
        marked.iter().zip(rules).map(|(rule, ready)| Ready { rule, set: ready.set }).collect::<Vec<_>>();
    // What is new is what these events show to be new.
    let mut findings = evaluate::evaluate(lake, &ready, &work, &State::default()).await?.findings;
    findings.retain(|finding| finding.last_time >= since);
    for finding in &mut findings {
        finding.rule = finding.rule.trim_start_matches(MARK).to_owned();
    }
    Ok(Backtest { findings, days, events })
}
