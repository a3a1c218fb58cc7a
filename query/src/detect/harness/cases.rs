//! Tests of rules → what was found, with many tests in one lake.
//!
//! A lake and a run cost more than a test, so tests share them. Each sees its own events alone: its log files are below
//! a folder of its own, and a condition on `sourceFile` stands beside those of its rule. Everything else is as it runs.

use super::super::conjuncts::Term;
use super::super::finding::{Finding, Row, store};
use super::super::{Ready, detect};
use super::records::{BASELINE, Rounds, findings, rounds};
use crate::error::Error;
use crate::rules::RuleError;
use crate::rules::file::{Rule, Test};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use trailhound_ingest::lake::{Lake, LakeTable};
use trailhound_ingest::time::day_of;
use trailhound_ingest::{IngestConfig, ingest};

/// A test of a rule.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) rule: &'a Rule,
    pub(super) test: &'a Test,
    /// Of the condition of the rule.
    pub(super) terms: &'a [Term],
}

/// What a test has shown.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    /// The terms without which something would have been found in its new events.
    pub(super) fires_without: BTreeSet<usize>,
}

/// Cases that can share a lake.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Company {
    /// With anyone.
    Anyone,
    /// With those whose lake begins at the same time: what a rule has learnt depends on it.
    Since(String),
    /// With nobody: a query reads the whole lake, and what counts as late depends on all that came before.
    Nobody,
}

impl Case<'_> {
    /// Whom it can share a lake with.
    ///
    /// # Errors
    /// Its events cannot be read.
    pub(super) fn company(&self) -> Result<Company, RuleError> {
        if self.rule.query.is_some() || self.test.findings.is_some() || self.test.expect.late.is_some() {
            return Ok(Company::Nobody);
        }
        if self.rule.first_seen.is_none() {
            return Ok(Company::Anyone);
        }
        let rounds = rounds(self.rule, self.test, &mut 0)?;
        if rounds.keys().any(|round| *round > 0) {
            return Ok(Company::Nobody);
        }
        let first = rounds.into_values().next().unwrap_or_default();
        let times = first.iter().filter_map(|record| record["eventTime"].as_str());
        Ok(Company::Since(times.min().unwrap_or_default().to_owned()))
    }
}

/// Who a finding is for: a case, and the term that its rule goes without.
type Of = (usize, Option<usize>);

/// Runs `cases` in one lake; what each has shown, in their order.
///
/// # Errors
/// A lake cannot be made in the temporary folder. [`Error::Rule`] if one of the tests is at fault.
pub(super) async fn run(cases: &[Case<'_>]) -> Result<Vec<Seen>, Error> {
    let folder = tempfile::tempdir()?;
    let variants = variants(cases, folder.path());
    let ready = variants.iter().map(|(rule, (case, _))| Ready { rule, set: &cases[*case].test.params });
    let ready = ready.collect::<Vec<_>>();
    let of = variants.iter().map(|(rule, of)| (rule.id.as_str(), *of)).collect::<HashMap<_, Of>>();
    let mut seen = cases.iter().map(|_| Seen::default()).collect::<Vec<_>>();
    let lake = folder.path().join("lake").to_string_lossy().into_owned();
    let mut earlier = Some(earlier(cases)?);
    for (round, logs) in arrivals(cases, folder.path())? {
        let report = ingest(&IngestConfig::new(logs, lake.clone()), Arc::new(())).await?;
        if report.quarantined > 0 || report.duplicate > 0 {
            let (rule, test) = (cases[0].rule, &cases[0].test.name);
            return Err(RuleError::new(&rule.place, format!("test {test:?}: {report}")).into());
        }
        let lake = Lake::open(&lake).await?;
        if let Some(findings) = earlier.take() {
            commit_findings(&lake, findings).await?;
        }
        let found = detect(&lake, &ready).await?.findings;
        // What happened before is nobody's finding.
        for finding in found.into_iter().filter(|_| round != BASELINE) {
            match of.get(finding.rule.as_str()) {
                Some((case, None)) => seen[*case].findings.push(named(finding, cases[*case].rule)),
                Some((case, Some(term))) => _ = seen[*case].fires_without.insert(*term),
                None => {}
            }
        }
    }
    // In the order in which a run tells them.
    for seen in &mut seen {
        seen.findings.sort_by(|a, b| (a.first_time, &a.id).cmp(&(b.first_time, &b.id)));
    }
    Ok(seen)
}

/// The findings that tests say were there before.
fn earlier(cases: &[Case<'_>]) -> Result<Vec<Finding>, Error> {
    let mut all = Vec::new();
    for case in cases {
        all.extend(findings(case.rule, case.test)?);
    }
    Ok(all)
}

async fn commit_findings(lake: &Lake, findings: Vec<Finding>) -> Result<(), Error> {
    if findings.is_empty() {
        return Ok(());
    }
    let rows = findings.iter().map(Row::from).collect::<Vec<_>>();
    let file = store(lake, LakeTable::Findings, day_of(findings[0].first_time), &rows).await?;
    // Without the watermark of the detector, which has not seen anything yet.
    lake.append_plain(LakeTable::Findings, vec![file]).await?;
    Ok(())
}

/// A finding of a variant, as `rule` itself would have told it.
fn named(finding: Finding, rule: &Rule) -> Finding {
    let id = Finding::id(&rule.id, &finding.dedup_key, finding.first_time);
    Finding { id, rule: rule.id.clone(), ..finding }
}

/// The rules to run: for each case its own; and, where nothing must be found, that without each of its terms.
fn variants(cases: &[Case<'_>], folder: &Path) -> Vec<(Rule, Of)> {
    let mut variants = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let mut add = |rule: &Rule, term: Option<usize>| {
            // Each has an id of its own, since findings and baselines are kept by it.
            let mut variant = Rule { id: format!("case-{}", variants.len()), ..rule.clone() };
            if cases.len() > 1 {
                variant.narrow(&format!("starts_with(sourceFile, {})", quoted(&place(folder, number))));
            }
            variants.push((variant, (number, term)));
        };
        add(case.rule, None);
        let terms = case.terms.iter().enumerate().filter(|_| !case.test.fires);
        terms.for_each(|(term, without)| add(&without.rest, Some(term)));
    }
    variants
}

/// Writes the log files of all cases; their paths, by the round in which they arrive.
fn arrivals(cases: &[Case<'_>], folder: &Path) -> Result<BTreeMap<i64, Vec<String>>, Error> {
    let mut arrivals = BTreeMap::<i64, Vec<String>>::new();
    let mut record = 0;
    for (number, case) in cases.iter().enumerate() {
        let rounds: Rounds = rounds(case.rule, case.test, &mut record)?;
        let place = place(folder, number);
        std::fs::create_dir(&place)?;
        for (round, records) in rounds {
            let log = format!("{place}{round}.json");
            std::fs::write(&log, json!({ "Records": records }).to_string())?;
            arrivals.entry(round).or_default().push(log);
        }
    }
    Ok(arrivals)
}

/// Where the log files of a case are.
fn place(folder: &Path, case: usize) -> String {
    format!("{}/{case}/", folder.display())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Rule {
    /// Adds a condition to what it looks for.
    fn narrow(&mut self, condition: &str) {
        let steps = self.steps.iter_mut().map(|step| &mut step.predicate);
        for predicate in steps.chain([&mut self.predicate]) {
            *predicate = Some(match predicate.take() {
                Some(own) => format!("{condition}\nAND ({own})"),
                None => condition.to_owned(),
            });
        }
    }
}
