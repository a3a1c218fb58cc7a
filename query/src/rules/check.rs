//! What a rule must hold beyond being TOML: everything that could surprise its author later is refused at once.

use super::file::{Kind, Order, Rule};
use super::params::Values;
use super::probe::Pattern;
use super::template::{ALWAYS, COUNTED};
use super::{RuleError, template};
use crate::names::bind::parse_expression;
use std::collections::BTreeSet;

/// Columns that statements have besides those of [`ALWAYS`].
const OURS: [&str; 7] = ["first", "step", "before", "since", "measured", "severity", "ingestTime"];

pub(super) fn check(rule: &Rule) -> Result<(), RuleError> {
    check_names(rule)?;
    check_kind(rule)?;
    check_events(rule)?;
    check_words(rule)?;
    check_sql(rule)?;
    check_tests(rule)
}

fn bad(rule: &Rule, what: impl Into<String>) -> RuleError {
    RuleError::new(&rule.place, what)
}

fn is_snake(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The names that a rule gives.
fn check_names(rule: &Rule) -> Result<(), RuleError> {
    if !is_snake(&rule.id) {
        return Err(bad(rule, format!("the id {:?} is not snake_case", rule.id)));
    }
    let fields = || rule.fields.keys().chain(rule.steps.iter().flat_map(|step| step.fields.keys()));
    let steps = rule.steps.iter().map(|step| &step.name);
    if let Some(name) = fields().chain(rule.params.keys()).chain(steps).find(|name| !is_snake(name)) {
        return Err(bad(rule, format!("the name {name:?} is not snake_case")));
    }
    let mut reserved = ALWAYS.into_iter().chain(COUNTED).chain(OURS);
    if let Some(name) = reserved.find(|&name| fields().any(|field| field.eq_ignore_ascii_case(name))) {
        return Err(bad(rule, format!("every hit has {name:?} already; name the field otherwise")));
    }
    match rule.supersedes.iter().find(|id| !is_snake(id) || **id == rule.id) {
        Some(id) => Err(bad(rule, format!("supersedes: {id:?} is not the id of another rule"))),
        None => Ok(()),
    }
}

/// Each kind has a table of its own, and no other.
fn check_kind(rule: &Rule) -> Result<(), RuleError> {
    let has = [
        (Kind::Threshold, "[threshold]", rule.threshold.is_some()),
        (Kind::Sequence, "[sequence]", rule.sequence.is_some()),
        (Kind::Sequence, "[[step]]", !rule.steps.is_empty()),
        (Kind::FirstSeen, "[first_seen]", rule.first_seen.is_some()),
        (Kind::Sql, "query", rule.query.is_some()),
    ];
    if let Some((kind, key, _)) = has.into_iter().find(|(kind, _, has)| (rule.kind == *kind) != *has) {
        return Err(bad(rule, format!("{key} and kind = {:?} need each other", kind.name())));
    }
    if rule.kind == Kind::Sql && !rule.severity_when.is_empty() {
        return Err(bad(rule, "a query has no severity_when\nhint: give it a column severity"));
    }
    if let Some(threshold) = &rule.threshold {
        if threshold.count < 1 || threshold.within.0 < 1 {
            return Err(bad(rule, "a threshold counts to 1 at least, within 1s at least"));
        }
        if threshold.distinct.is_some() && threshold.sum.is_some() {
            return Err(bad(rule, "a threshold has distinct or sum, not both"));
        }
    }
    check_sequence(rule)
}

fn check_sequence(rule: &Rule) -> Result<(), RuleError> {
    let Some(sequence) = &rule.sequence else { return Ok(()) };
    if rule.steps.len() < 2 || sequence.within.0 < 1 {
        return Err(bad(rule, "a sequence has two steps at least, within 1s at least"));
    }
    let later = &rule.steps[1..];
    if let Some(step) = later.iter().find(|step| sequence.order == Order::Strict && step.at_least != 1) {
        let what = format!("step {:?}: in a strict order only the first step can have at_least", step.name);
        return Err(bad(rule, format!("{what}\nhint: order = \"any\"")));
    }
    if rule.steps[0].at_least < 1 || later.iter().any(|step| step.at_least < 1) {
        return Err(bad(rule, "a step has at_least = 1 at least"));
    }
    for name in &sequence.by {
        let is_there = |fields: &std::collections::BTreeMap<String, String>| fields.contains_key(name);
        let lacks = rule.steps.iter().find(|step| !is_there(&step.fields) && !is_there(&rule.fields));
        if let Some(step) = lacks.filter(|_| !ALWAYS.contains(&name.as_str())) {
            return Err(bad(
                rule,
                format!("step {:?} has no field {name:?}, which the steps are joined by", step.name),
            ));
        }
    }
    Ok(())
}

/// A rule, or each of its steps, says which events it looks at.
fn check_events(rule: &Rule) -> Result<(), RuleError> {
    let well_formed = rule.all_events().find(|event| Pattern::parse(event).is_none());
    if let Some(event) = well_formed {
        let what = format!("events: {event:?} is not like \"ec2:RunInstances\", \"ec2:Run*\" or \"*\"");
        return Err(bad(rule, what));
    }
    let of_its_own = !matches!(rule.kind, Kind::Sequence | Kind::Sql);
    if of_its_own == rule.events.is_empty() {
        let what = if of_its_own {
            "events is empty; \"*\" means all"
        } else {
            "only steps, and the query, say which events"
        };
        return Err(bad(rule, what));
    }
    if !of_its_own && rule.predicate.is_some() {
        return Err(bad(rule, "only steps, and the query, have conditions"));
    }
    match rule.steps.iter().find(|step| step.events.is_empty()) {
        Some(step) => Err(bad(rule, format!("step {:?}: events is empty; \"*\" means all", step.name))),
        None => Ok(()),
    }
}

/// Names in alert, runbook, dedup and what a kind counts by. What a query gives, nobody knows before it runs.
fn check_words(rule: &Rule) -> Result<(), RuleError> {
    if rule.kind == Kind::Sql {
        return Ok(());
    }
    let fields = rule.fields.keys().chain(rule.steps.iter().flat_map(|step| step.fields.keys()));
    let mut known = ALWAYS.into_iter().chain(fields.map(String::as_str)).collect::<Vec<_>>();
    let dedup = rule.dedup();
    let by = rule.threshold.iter().flat_map(|threshold| &threshold.by);
    let by = by.chain(rule.sequence.iter().flat_map(|sequence| &sequence.by));
    let by = by.chain(rule.first_seen.iter().flat_map(|first_seen| &first_seen.keys));
    for name in by.chain(&dedup.by) {
        template::check(&rule.place, "by", &format!("{{{name}}}"), &known)?;
    }
    if matches!(rule.kind, Kind::Threshold | Kind::Sequence) {
        known.extend(COUNTED);
    }
    template::check(&rule.place, "alert", &rule.alert, &known)?;
    template::check(&rule.place, "runbook", &rule.runbook, &known)
}

/// Each piece of SQL is one expression, and its `$names` are the declared params.
fn check_sql(rule: &Rule) -> Result<(), RuleError> {
    let mut used = BTreeSet::new();
    let pieces =
        rule.threshold.iter().flat_map(|t| t.distinct.iter().chain(&t.sum)).map(|sql| ("threshold", sql));
    let pieces = pieces.chain(rule.predicate.iter().map(|sql| ("where", sql)));
    let pieces = pieces.chain(rule.fields.iter().map(|(name, sql)| (name.as_str(), sql)));
    let pieces = pieces.chain(rule.severity_when.iter().map(|when| ("severity_when", &when.condition)));
    let of_steps = rule.steps.iter().flat_map(|step| {
        let fields = step.fields.iter().map(|(name, sql)| (name.as_str(), sql));
        step.predicate.iter().map(|sql| (step.name.as_str(), sql)).chain(fields)
    });
    for (key, sql) in pieces.chain(of_steps) {
        let names = parse_expression(sql);
        used.extend(names.map_err(|why| bad(rule, format!("{key}: {why}")))?);
    }
    let declared = rule.params.keys().cloned().collect::<BTreeSet<_>>();
    if let Some(query) = &rule.query {
        let names = crate::names::bind::names_in(query).map_err(|why| bad(rule, format!("query: {why}")))?;
        used.extend(names.into_iter().filter(|name| !super::QUERY_VALUES.contains(&name.as_str())));
    }
    if let Some(name) = used.difference(&declared).next() {
        return Err(bad(rule, format!("${name} is used, but not declared in [params]")));
    }
    if let Some(name) = declared.difference(&used).next() {
        return Err(bad(rule, format!("param {name} is declared, but no SQL uses ${name}")));
    }
    rule.values(&Values::new()).map(drop)
}

/// A rule without a test of both signs is not proved.
fn check_tests(rule: &Rule) -> Result<(), RuleError> {
    for fires in [true, false] {
        if !rule.tests.iter().any(|test| test.fires == fires) {
            return Err(bad(rule, format!("there is no [[test]] with fires = {fires}")));
        }
    }
    for test in &rule.tests {
        rule.values(&test.params)
            .map_err(|error| bad(rule, format!("test {:?}: {}", test.name, error.what)))?;
    }
    Ok(())
}
