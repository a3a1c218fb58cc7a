//! Rules over the new events: one pass over these, at most one over older ones, then each rule judges what it got.
//!
//! A rule of kind `match` looks at new events alone. Thresholds and sequences look at every group that a new event touches,
//! over event time, so that events which come in two halves, or in the wrong order, are counted together.

use super::activity::Activity;
use super::gather::{Budget, Gathered};
use super::hits::{Hit, Hits, Shared};
use super::known::Known;
use super::novelty::Novelty;
use super::rows::Columns;
use super::scan::Scan;
use super::state::{Span, State, WATCHED};
use super::{Finding, Ready, Work, bound, sequence, threshold};
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::params::{Value, Values};
use crate::rules::statement::{Range, statement};
use crate::rules::{Rule, RuleError};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ident, lit};
use futures::TryStreamExt;
use std::collections::{HashMap, HashSet};
use std::time::Instant;
use trailhound_ingest::lake::{Lake, LakeFile};
use trailhound_ingest::time;

/// What a run has found.
#[derive(Default)]
pub(super) struct Evaluated {
    /// By time.
    pub(super) findings: Vec<Finding>,
    /// Hits that belong to a finding of an earlier run.
    pub(super) repeated: u64,
    /// What rules of kind `first_seen` have seen.
    pub(super) state: State,
    /// What happened.
    pub(super) activity: Activity,
}

/// What `rules` find in the new events of `work`, beside what is known. `all` has the events and the other tables of the lake.
pub(super) async fn evaluate(
    lake: &Lake,
    all: &Engine,
    rules: &[Ready<'_>],
    work: &Work,
    before: &State,
) -> Result<Evaluated, Error> {
    let known = Known::load(all, known_from(rules, work)).await?;
    let values = rules.iter().map(|ready| ready.rule.values(ready.set)).collect::<Result<Vec<_>, _>>()?;
    let mut gathered = rules.iter().map(|ready| Gathered::of(ready.rule)).collect::<Vec<_>>();
    let mut novelties = rules.iter().map(|ready| Novelty::of(ready.rule)).collect::<Vec<_>>();
    let mut passes = Passes { lake, rules, values: &values, work, budget: Budget::default() };
    let mut told = Evaluated::default();
    let began = Instant::now();
    passes.over_new(all, &mut gathered, &mut novelties, &mut told.activity).await?;
    tracing::debug!("looked at new events: {:.3} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    passes.over_old(all, &mut gathered).await?;
    tracing::debug!("looked at older events: {:.3} s", began.elapsed().as_secs_f64());
    let watched = work.watched();
    let shared = Shared { known: &known, late_before: work.late_before, now: time::now() };
    let mut superseded = HashMap::<&str, HashSet<String>>::new();
    for number in in_turn(rules) {
        let (rule, values, began) = (rules[number].rule, &values[number], Instant::now());
        let none = HashSet::new();
        let mut hits = Hits::new(rule, values, shared, superseded.get(rule.id.as_str()).unwrap_or(&none))?;
        let judge = Judge { rule, values, all, gathered: &gathered[number], lake, work };
        let judged = match &novelties[number] {
            Some(novelty) => {
                novelty.judge(before.of(&rule.id), watched.map(|span| span.first), &mut hits);
                told.state.merge(&rule.id, novelty.seen().chain(watched.map(|span| (&WATCHED, span))));
                Ok(())
            }
            None => judge.judge(&mut hits).await,
        };
        judged.map_err(|error| RuleError::new(&rule.place, error.to_string()))?;
        let of_rule = hits.finish();
        tracing::debug!("{} judged: {:.3} s", rule.id, began.elapsed().as_secs_f64());
        told.findings.extend(of_rule.findings);
        told.repeated += of_rule.repeated;
        for id in &rule.supersedes {
            superseded.entry(id).or_default().extend(of_rule.events.iter().cloned());
        }
    }
    told.findings.sort_by(|a, b| (a.first_time, &a.id).cmp(&(b.first_time, &b.id)));
    Ok(told)
}

/// From when on findings may go on: the oldest new event, less the longest time that hits are one finding.
fn known_from(rules: &[Ready<'_>], work: &Work) -> Option<i64> {
    let span = rules.iter().map(|ready| ready.rule.dedup().span.micros()).max().unwrap_or(0);
    let oldest = work.new.iter().map(|file| bound(file, "minValues")).collect::<Option<Vec<_>>>()?;
    oldest.into_iter().min().map(|oldest| oldest.saturating_sub(span))
}

/// The rules by number, those that supersede others before these. In a circle, which a pack is not, the first comes first.
fn in_turn(rules: &[Ready<'_>]) -> Vec<usize> {
    let numbers = rules.iter().enumerate().map(|(number, ready)| (ready.rule.id.as_str(), number));
    let numbers = numbers.collect::<HashMap<_, _>>();
    let mut over = vec![Vec::new(); rules.len()];
    for (number, ready) in rules.iter().enumerate() {
        for below in ready.rule.supersedes.iter().filter_map(|id| numbers.get(id.as_str())) {
            over[*below].push(number);
        }
    }
    let (mut turn, mut is_placed) = (Vec::new(), vec![false; rules.len()]);
    for number in 0..rules.len() {
        place(number, &over, &mut is_placed, &mut turn);
    }
    turn
}

fn place(number: usize, over: &[Vec<usize>], is_placed: &mut [bool], turn: &mut Vec<usize>) {
    if std::mem::replace(&mut is_placed[number], true) {
        return;
    }
    for &above in &over[number] {
        place(above, over, is_placed, turn);
    }
    turn.push(number);
}

/// The passes over events.
struct Passes<'a> {
    lake: &'a Lake,
    rules: &'a [Ready<'a>],
    values: &'a [Values],
    work: &'a Work,
    budget: Budget,
}

impl<'a> Passes<'a> {
    /// A scan for the probes of the rules that are `wanted`, and for each probe its rule and step.
    async fn scan(
        &self,
        engine: &Engine,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<(Scan<'a>, Vec<(usize, usize)>), Error> {
        let (mut probes, mut of) = (Vec::new(), Vec::new());
        for (number, ready) in self.rules.iter().enumerate().filter(|(number, _)| wanted(*number)) {
            for (step, probe) in ready.rule.probes().into_iter().enumerate() {
                probes.push((probe, &self.values[number], ready.rule.columns()));
                of.push((number, step));
            }
        }
        let named = |number: usize, error: Error| -> Error {
            RuleError::new(&self.rules[of[number].0].rule.place, error.to_string()).into()
        };
        let began = Instant::now();
        let scan = Scan::new(engine, probes).await.map_err(|(number, error)| named(number, error))?;
        tracing::debug!("compiled {} probes: {:.3} s", of.len(), began.elapsed().as_secs_f64());
        Ok((scan, of))
    }

    async fn over_new(
        &mut self,
        all: &Engine,
        gathered: &mut [Gathered<'_>],
        novelties: &mut [Option<Novelty<'_>>],
        activity: &mut Activity,
    ) -> Result<(), Error> {
        let (mut scan, of) = self.scan(all, |_| true).await?;
        let new = all.beside(self.lake, self.work.new.clone())?;
        let budget = &mut self.budget;
        let hit = |probe: usize, batch| {
            let (rule, step) = of[probe];
            match &mut novelties[rule] {
                Some(novelty) => novelty.take(&Columns::of(&batch)?),
                None => gathered[rule].take_new(step, &batch, budget)?,
            }
            Ok(())
        };
        let all = |batch: &RecordBatch| activity.count(batch);
        scan.run(&new, [], all, hit).await
    }

    /// Looks for older events in the groups that new ones touch.
    async fn over_old(&mut self, all: &Engine, gathered: &mut [Gathered<'_>]) -> Result<(), Error> {
        let reaches = gathered.iter().map(|of_rule| of_rule.reach().filter(|_| !of_rule.is_over));
        let reaches = reaches.collect::<Vec<_>>();
        let Some(from) = reaches.iter().flatten().map(|(from, _)| *from).min() else { return Ok(()) };
        let until = reaches.iter().flatten().map(|(_, until)| *until).max().unwrap_or(from);
        let old = self.work.old(from, until);
        if old.is_empty() {
            return Ok(());
        }
        let (mut scan, of) = self.scan(all, |number| reaches[number].is_some()).await?;
        let budget = &mut self.budget;
        let hit = |probe: usize, batch| {
            let (rule, step) = of[probe];
            gathered[rule].take_old(step, &batch, budget)
        };
        scan.run(&all.beside(self.lake, old)?, between(from, until), |_| Ok(()), hit).await
    }
}

/// Events of these times; those whose time cannot be read belong to no window.
fn between(from: i64, until: i64) -> [Expr; 2] {
    let time = |micros| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    [ident("eventtime").gt_eq(time(from)), ident("eventtime").lt_eq(time(until))]
}

impl Work {
    /// The times of the first and the last new event.
    fn watched(&self) -> Option<Span> {
        let times = |side| self.new.iter().filter_map(move |file| bound(file, side));
        Some(Span { first: times("minValues").min()?, last: times("maxValues").max()? })
    }

    /// Files without new events that may have events of these times.
    fn old(&self, from: i64, until: i64) -> Vec<LakeFile> {
        let new = self.new.iter().map(|file| file.path.as_str()).collect::<HashSet<_>>();
        let reaches = |file: &&LakeFile| {
            bound(file, "maxValues").is_none_or(|last| last >= from)
                && bound(file, "minValues").is_none_or(|first| first <= until)
        };
        self.all.iter().filter(|file| !new.contains(file.path.as_str())).filter(reaches).cloned().collect()
    }
}

/// A rule, before what was gathered for it.
struct Judge<'a> {
    rule: &'a Rule,
    values: &'a Values,
    all: &'a Engine,
    gathered: &'a Gathered<'a>,
    lake: &'a Lake,
    work: &'a Work,
}

impl Judge<'_> {
    async fn judge(&self, hits: &mut Hits<'_>) -> Result<(), Error> {
        if self.rule.query.is_some() {
            return self.query(hits).await;
        }
        if self.gathered.is_over {
            return self.by_statement(hits).await;
        }
        let rows = &self.gathered.rows;
        let mut found = Vec::new();
        for (key, group) in rows.by(self.gathered.by()) {
            if let Some(threshold) = &self.rule.threshold {
                let full = threshold::full(rows, &group, threshold).into_iter();
                found.extend(full.filter(|full| self.gathered.is_news(&key, full.at.time)).map(|full| {
                    let (columns, row) = rows.get(full.at);
                    Hit::of(columns, row).counted(full.first, full.count)
                }));
            } else if let Some(sequence) = &self.rule.sequence {
                if key.iter().any(Option::is_none) {
                    continue;
                }
                let complete = sequence::complete(&group, &self.rule.steps, sequence).into_iter();
                let news = |chain: &[super::rows::At]| {
                    chain.last().is_some_and(|at| self.gathered.is_news(&key, at.time))
                };
                let complete = complete.filter(|complete| news(&complete.chain));
                found.extend(
                    complete.filter_map(|complete| Hit::of_chain(rows, &complete.chain, complete.first)),
                );
            } else {
                found.extend(group.into_iter().map(|at| {
                    let (columns, row) = rows.get(at);
                    Hit::of(columns, row)
                }));
            }
        }
        found.sort_by_key(|hit| (hit.time, hit.event()));
        for hit in &found {
            hits.hit(hit);
        }
        Ok(())
    }

    /// For a rule with more rows than memory is for: the statement sorts them, on disk where it has to.
    async fn by_statement(&self, hits: &mut Hits<'_>) -> Result<(), Error> {
        let reach = self.gathered.reach();
        let new;
        let (engine, range) = match reach {
            None => {
                new = self.all.beside(self.lake, self.work.new.clone())?;
                (&new, Range::default())
            }
            Some((from, until)) => {
                (self.all, Range { from: Some(time::format(from)), until: Some(time::format(until)) })
            }
        };
        let (_, mut rows) = engine.stream(&statement(self.rule, &range), self.values).await?;
        let by = self.gathered.by();
        while let Some(batch) = rows.try_next().await? {
            let is_news = |columns: &Columns, row: usize| {
                self.gathered.is_news(&columns.key(by, row), columns.time(row))
            };
            hits.take(&batch, is_news)?;
        }
        Ok(())
    }

    /// A query looks at what it likes; `$from` and `$to` are the times of the first and the last new event.
    async fn query(&self, hits: &mut Hits<'_>) -> Result<(), Error> {
        let (from, to) = self.work.watched().map_or((0, 0), |span| (span.first, span.last));
        let mut values = self.values.clone();
        values.insert("from".to_owned(), Value::Text(time::format(from)));
        values.insert("to".to_owned(), Value::Text(time::format(to)));
        let (_, mut rows) = self.all.stream(&statement(self.rule, &Range::default()), &values).await?;
        let mut found = Columns::default();
        while let Some(batch) = rows.try_next().await? {
            found.append(&batch)?;
        }
        let mut rows = (0..found.len()).map(|row| Hit::of(&found, row)).collect::<Vec<_>>();
        rows.sort_by_key(|hit| hit.time);
        for hit in &rows {
            hits.hit(hit);
        }
        Ok(())
    }
}
