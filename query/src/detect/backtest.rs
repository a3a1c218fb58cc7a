//! What rules would have found in a time that is past. Nothing is committed, and what is known already is found again.

use super::finding::Finding;
use super::state::State;
use super::{Ready, Work, bound, evaluate};
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::{Rule, Severity};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
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
    let engine = Engine::at(lake, work.all.clone())?;
    let mut findings = evaluate::evaluate(lake, &engine, &ready, &work, &State::default()).await?.findings;
    findings.retain(|finding| finding.last_time >= since);
    for finding in &mut findings {
        finding.rule = finding.rule.trim_start_matches(MARK).to_owned();
    }
    Ok(Backtest { findings, days, events })
}

impl Backtest {
    /// Findings that no exception hides.
    #[must_use]
    pub fn shown(&self) -> usize {
        self.findings.iter().filter(|finding| finding.hidden_by().is_none()).count()
    }

    /// How many `findings` are a day, of the days that had events.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many findings")]
    pub fn a_day(&self, findings: usize) -> f64 {
        findings as f64 / self.days.max(1) as f64
    }
}

/// What one rule would have found.
#[derive(Clone, Debug)]
pub struct RuleReport {
    /// The rule.
    pub rule: String,
    /// Its severity.
    pub severity: Severity,
    /// Findings that no exception hides.
    pub findings: usize,
    /// The same on an average day with events.
    pub a_day: f64,
    /// The same by day.
    pub days: BTreeMap<i32, usize>,
    /// Findings that an exception hides.
    pub hidden: usize,
    /// Who did it, with how many findings, most of them first.
    pub actors: Vec<(String, usize)>,
}

/// Actors that a report names, at most.
const ACTORS: usize = 3;

impl RuleReport {
    /// The days in one line: `2026-03-17 2, 2026-03-18 1`.
    #[must_use]
    pub fn days_shown(&self) -> String {
        let days = self.days.iter().map(|(day, count)| format!("{} {count}", time::format_date(*day)));
        days.collect::<Vec<_>>().join(", ")
    }

    /// The first actors in one line.
    #[must_use]
    pub fn actors_shown(&self) -> String {
        let actors = self.actors.iter().take(ACTORS).map(|(actor, count)| format!("{actor} {count}"));
        actors.collect::<Vec<_>>().join(", ")
    }
}

/// Findings by rule, those with most first.
#[must_use]
pub fn reports(backtest: &Backtest, rules: &[Ready<'_>]) -> Vec<RuleReport> {
    let report = |ready: &Ready<'_>| {
        let of_rule = backtest.findings.iter().filter(|finding| finding.rule == ready.rule.id);
        let (hidden, shown) = of_rule.partition::<Vec<_>, _>(|finding| finding.hidden_by().is_some());
        let (mut days, mut actors) = (BTreeMap::new(), BTreeMap::new());
        for finding in &shown {
            *days.entry(time::day_of(finding.first_time)).or_insert(0) += 1;
            *actors.entry(finding.actor.clone().unwrap_or_else(|| "(unknown)".to_owned())).or_insert(0) += 1;
        }
        let mut actors = actors.into_iter().collect::<Vec<_>>();
        actors.sort_by_key(|(_, count)| Reverse(*count));
        RuleReport {
            rule: ready.rule.id.clone(),
            severity: ready.rule.severity,
            findings: shown.len(),
            a_day: backtest.a_day(shown.len()),
            days,
            hidden: hidden.len(),
            actors,
        }
    };
    let mut reports = rules.iter().map(report).collect::<Vec<_>>();
    reports.sort_by_key(|report| Reverse(report.findings));
    reports
}

/// An exception to think about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    /// Findings that it would hide.
    pub hides: usize,
    /// The exception, for the local policy.
    pub toml: String,
}

/// Days for which a suggested exception holds.
const HOLDS: i32 = 90;

/// Of all findings of one actor that it hides, so many hundredths an exception for one resource must hide to be preferred.
const NARROW: usize = 80;

/// The exception that would hide most findings: of one rule and one actor, and of one resource if that is nearly all of
/// them. `None` if there is nothing to hide.
#[must_use]
pub fn best_exception(backtest: &Backtest, rules: &[Ready<'_>], today: i32) -> Option<Suggestion> {
    let mut counts = BTreeMap::<(&str, &str), Vec<&Finding>>::new();
    for finding in backtest.findings.iter().filter(|finding| finding.hidden_by().is_none()) {
        if let Some(actor) = &finding.actor {
            counts.entry((finding.rule.as_str(), actor.as_str())).or_default().push(finding);
        }
    }
    let ((id, actor), findings) = counts.into_iter().max_by_key(|(_, findings)| findings.len())?;
    let rule = rules.iter().find(|ready| ready.rule.id == id)?.rule;
    let mut predicate = format!("actor = {}", quoted(actor));
    let mut hides = findings.len();
    let resource = rule.dedup().by.into_iter().find(|name| rule.fields.contains_key(name));
    if let Some(name) = resource {
        let mut values = BTreeMap::<&str, usize>::new();
        for value in findings.iter().filter_map(|finding| finding.entities.get(&name)) {
            *values.entry(value.as_str()).or_default() += 1;
        }
        if let Some((value, count)) = values.into_iter().max_by_key(|(_, count)| *count)
            && count * 100 >= hides * NARROW
        {
            predicate = format!("{predicate} AND {name} = {}", quoted(value));
            hides = count;
        }
    }
    let reason = format!("a backtest found it {hides} times; say here why it is harmless");
    let toml = format!(
        "[[exception]]\nrule    = {}\nwhere   = {}\nreason  = {}\nowner   = \"say here who answers for it\"\nexpires = {}\n",
        toml_text(id),
        toml_text(&predicate),
        toml_text(&reason),
        time::format_date(today + HOLDS)
    );
    Some(Suggestion { hides, toml })
}

/// A text as SQL has it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text as TOML has it: an attacker chose some of it.
fn toml_text(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_an_attacker_stays_one_text() {
        let hostile = "a\"\nrule = \"*\"\\\u{7f}'";
        let text = format!("x = {}", toml_text(&quoted(hostile)));
        let table = text.parse::<toml::Table>().unwrap();
        assert_eq!(table["x"].as_str(), Some("'a\"\nrule = \"*\"\\\u{7f}'''"));
    }
}
