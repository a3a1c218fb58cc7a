//! Rows of a rule's statement → findings: hits of one dedup key, within its time, are one.
//!
//! Rows come in the order of event time, and only what is open is kept: memory is bounded by the number of different
//! keys, not of hits.

use super::finding::{Finding, SAMPLES};
use super::known::Known;
use super::rows::{At, Columns, Rows};
use crate::error::Error;
use crate::rules::file::Dedup;
use crate::rules::local::HIDDEN_BY;
use crate::rules::params::Values;
use crate::rules::template::fill;
use crate::rules::{Rule, Severity};
use datafusion::arrow::array::RecordBatch;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What all rules of a run share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    /// Findings of earlier runs.
    pub(super) known: &'a Known,
    /// An event before this time came late.
    pub(super) late_before: Option<i64>,
    /// When the run began.
    pub(super) now: i64,
}

/// Gathers the hits of one rule.
pub(super) struct Hits<'a> {
    rule: &'a Rule,
    dedup: Dedup,
    params: String,
    shared: Shared<'a>,
    /// Events that a rule which supersedes this one has found.
    superseded: &'a HashSet<String>,
    open: HashMap<String, Finding>,
    closed: Vec<Finding>,
    repeated: u64,
    /// The events of all hits, where the rule supersedes others.
    events: HashSet<String>,
}

/// An event, or the last of several, that a rule has found. Most belong to a finding that is there, and give it no more
/// than their time and id.
#[derive(Clone)]
pub(super) struct Hit<'a> {
    /// Its row.
    columns: &'a Columns,
    row: usize,
    /// The rows before it, in order; what they say and it does not stands.
    before: Vec<(&'a Columns, usize)>,
    pub(super) time: i64,
    /// Event time of the first of several.
    pub(super) first: i64,
    /// What a threshold has counted, or how many events it took.
    pub(super) count: Option<i64>,
}

impl<'a> Hit<'a> {
    /// The hit of one row.
    pub(super) fn of(columns: &'a Columns, row: usize) -> Self {
        let time = columns.time(row);
        let (first, count) = (columns.first(row).unwrap_or(time), columns.count(row));
        Self { columns, row, before: Vec::new(), time, first, count }
    }

    /// The same, where so much was counted since `first`.
    pub(super) fn counted(self, first: i64, count: i64) -> Self {
        Self { first, count: Some(count), ..self }
    }

    /// The hit of several rows, which are in order.
    pub(super) fn of_chain(rows: &'a Rows, chain: &[At], first: i64) -> Option<Self> {
        let (&last, before) = chain.split_last()?;
        let (columns, row) = rows.get(last);
        let before = before.iter().map(|&at| rows.get(at)).collect();
        let count = i64::try_from(chain.len()).ok();
        Some(Self { before, first, count, ..Self::of(columns, row) })
    }

    /// The value of `name`.
    fn value(&self, name: &str) -> Option<&'a str> {
        let before = self.before.iter().rev().find_map(|(columns, row)| columns.value(name, *row));
        self.columns.value(name, self.row).or(before)
    }

    /// The id of its event, the last if there are several.
    pub(super) fn event(&self) -> Option<&'a str> {
        self.columns.value("eventID", self.row)
    }

    /// The ids of its events.
    fn events(&self) -> impl Iterator<Item = &'a str> {
        let before = self.before.iter().filter_map(|(columns, row)| columns.value("eventID", *row));
        before.chain(self.event())
    }

    fn severity(&self) -> Option<Severity> {
        Severity::parse(self.columns.severity(self.row)?)
    }

    /// All values, by name; later ones stand over earlier ones.
    fn values(&self) -> BTreeMap<String, String> {
        let rows = self.before.iter().copied().chain([(self.columns, self.row)]);
        rows.flat_map(|(columns, row)| columns.values(row)).collect()
    }
}

impl<'a> Hits<'a> {
    pub(super) fn new(
        rule: &'a Rule,
        values: &Values,
        shared: Shared<'a>,
        superseded: &'a HashSet<String>,
    ) -> Result<Self, Error> {
        let params = serde_json::to_string(values).map_err(|error| Error::Format(error.to_string()))?;
        let (open, closed, events) = (HashMap::new(), Vec::new(), HashSet::new());
        Ok(Self { rule, dedup: rule.dedup(), params, shared, superseded, open, closed, repeated: 0, events })
    }

    /// Takes the rows of a batch that `wanted` picks.
    pub(super) fn take(
        &mut self,
        batch: &RecordBatch,
        wanted: impl Fn(&Columns, usize) -> bool,
    ) -> Result<(), Error> {
        let columns = Columns::of(batch)?;
        for row in (0..columns.len()).filter(|&row| wanted(&columns, row)) {
            self.hit(&Hit::of(&columns, row));
        }
        Ok(())
    }

    /// Takes a hit; hits come in the order of event time.
    pub(super) fn hit(&mut self, hit: &Hit<'_>) {
        if hit.event().is_some_and(|event| self.superseded.contains(event)) {
            return;
        }
        if !self.rule.supersedes.is_empty() {
            self.events.extend(hit.events().map(str::to_owned));
        }
        // What an exception hides must not stand for what is found when the exception is gone.
        let hidden = hit.value(HIDDEN_BY).map(Some);
        let key = self.dedup.by.iter().map(|name| hit.value(name)).chain(hidden).collect::<Vec<_>>();
        let key = serde_json::json!(key).to_string();
        let span = self.dedup.span.micros();
        let severity = self.severity(hit);
        let is_late = self.shared.late_before.is_some_and(|bound| hit.time < bound);
        if let Some(open) = self.open.get_mut(&key)
            && hit.time <= open.first_time.saturating_add(span)
        {
            open.count = hit.count.map_or(open.count + 1, |counted| counted.max(open.count));
            open.last_time = open.last_time.max(hit.time);
            open.late |= is_late;
            open.severity = open.severity.max(severity);
            note(&mut open.event_ids, hit.events());
            return;
        }
        self.closed.extend(self.open.remove(&key));
        let known = self.shared.known.covering(&self.rule.id, &key, hit.time, span);
        // What got worse is told again; whoever was told of a try would not hear that it has succeeded.
        if known.is_some_and(|known| severity <= known) {
            self.repeated += 1;
            return;
        }
        let mut finding = self.begin(hit, key.clone(), is_late);
        if known.is_some() {
            finding.id = Finding::id(&self.rule.id, &format!("{key} {}", severity.name()), hit.first);
        }
        self.open.insert(key, finding);
    }

    fn severity(&self, hit: &Hit<'_>) -> Severity {
        hit.severity().unwrap_or(self.rule.severity)
    }

    fn begin(&self, hit: &Hit<'_>, dedup_key: String, late: bool) -> Finding {
        let mut event_ids = Vec::new();
        note(&mut event_ids, hit.events());
        let entities = hit.values();
        Finding {
            id: Finding::id(&self.rule.id, &dedup_key, hit.first),
            rule: self.rule.id.clone(),
            version: self.rule.version,
            severity: self.severity(hit),
            title: self.rule.title.clone(),
            actor: entities.get("actor").cloned(),
            alert: String::new(),
            account: entities.get("recipientAccountId").cloned(),
            region: entities.get("awsRegion").cloned(),
            entities,
            dedup_key,
            first_time: hit.first,
            last_time: hit.time,
            count: hit.count.unwrap_or(1),
            event_ids,
            attack: self.rule.attack.clone(),
            params: self.params.clone(),
            late,
            detect_time: self.shared.now,
        }
    }

    /// What was found, by first event time.
    pub(super) fn finish(mut self) -> Told {
        self.closed.extend(self.open.into_values());
        let within = self.rule.threshold.as_ref().map(|threshold| threshold.within);
        let within = within.or(self.rule.sequence.as_ref().map(|sequence| sequence.within));
        for finding in &mut self.closed {
            if let Some(within) = within {
                finding.entities.insert("count".to_owned(), finding.count.to_string());
                finding.entities.insert("window".to_owned(), within.to_string());
            }
            finding.alert = fill(&self.rule.alert, &finding.entities);
        }
        self.closed.sort_by(|a, b| (a.first_time, &a.id).cmp(&(b.first_time, &b.id)));
        Told { findings: self.closed, repeated: self.repeated, events: self.events }
    }
}

/// What a rule has to tell.
pub(super) struct Told {
    pub(super) findings: Vec<Finding>,
    /// Hits that belong to a finding of an earlier run.
    pub(super) repeated: u64,
    /// The events of all hits, where the rule supersedes others.
    pub(super) events: HashSet<String>,
}

/// A hit on a list has a row for each item, with one event id.
fn note<'a>(ids: &mut Vec<String>, more: impl Iterator<Item = &'a str>) {
    for id in more {
        if ids.len() == SAMPLES {
            break;
        }
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
}
