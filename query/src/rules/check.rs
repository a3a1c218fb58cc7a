//! What a rule must hold beyond being TOML: everything that could surprise its author later is refused at once.

use super::file::{Kind, Rule};
use super::local::HIDDEN_BY;
use super::params::Values;
use super::template::{ALWAYS, COUNTED};
use super::{RuleError, statement, template};
use crate::names::bind::parse_expression;
use std::collections::BTreeSet;

pub(super) fn check(rule: &Rule) -> Result<(), RuleError> {
    let is_snake = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let bad = |what: String| Err(RuleError::new(&rule.place, what));
    if !is_snake(&rule.id) {
        return bad(format!("the id {:?} is not snake_case", rule.id));
    }
    if let Some(name) = rule.fields.keys().chain(rule.params.keys()).find(|name| !is_snake(name)) {
        return bad(format!("the name {name:?} is not snake_case"));
    }
    let reserved = ALWAYS.into_iter().chain(COUNTED).chain(["first", HIDDEN_BY]);
    if let Some(name) =
        reserved.into_iter().find(|&name| rule.fields.keys().any(|f| f.eq_ignore_ascii_case(name)))
    {
        return bad(format!("every hit has {name:?} already; name the field otherwise"));
    }
    for event in &rule.events {
        statement::event(event).ok_or_else(|| {
            RuleError::new(
                &rule.place,
                format!("events: {event:?} is not like \"ec2:RunInstances\", \"ec2:Run*\" or \"*\""),
            )
        })?;
    }
    if rule.events.is_empty() {
        return bad("events is empty; \"*\" means all".to_owned());
    }
    if (rule.kind == Kind::Threshold) != rule.threshold.is_some() {
        return bad("a [threshold] and kind = \"threshold\" need each other".to_owned());
    }
    check_words(rule)?;
    check_sql(rule)?;
    check_tests(rule)
}

/// Names in alert, runbook, dedup and threshold.
fn check_words(rule: &Rule) -> Result<(), RuleError> {
    let mut known = ALWAYS.to_vec();
    known.extend(rule.fields.keys().map(String::as_str));
    let dedup = rule.dedup();
    let by = rule.threshold.iter().flat_map(|threshold| &threshold.by).chain(&dedup.by);
    for name in by {
        template::check(&rule.place, "by", &format!("{{{name}}}"), &known)?;
    }
    if let Some(threshold) = &rule.threshold {
        known.extend(COUNTED);
        if threshold.count < 1 || threshold.within.0 < 1 {
            return Err(RuleError::new(&rule.place, "a threshold counts to 1 at least, within 1s at least"));
        }
        if threshold.distinct.is_some() && threshold.sum.is_some() {
            return Err(RuleError::new(&rule.place, "a threshold has distinct or sum, not both"));
        }
    }
    template::check(&rule.place, "alert", &rule.alert, &known)?;
    template::check(&rule.place, "runbook", &rule.runbook, &known)
}

/// Each piece of SQL is one expression, and its `$names` are the declared params.
fn check_sql(rule: &Rule) -> Result<(), RuleError> {
    let mut used = BTreeSet::new();
    let threshold =
        rule.threshold.iter().flat_map(|t| t.distinct.iter().chain(&t.sum)).map(|sql| ("threshold", sql));
    let pieces = rule.predicate.iter().map(|sql| ("where", sql));
    let pieces = pieces.chain(rule.fields.iter().map(|(name, sql)| (name.as_str(), sql))).chain(threshold);
    for (key, sql) in pieces {
        let names = parse_expression(sql);
        used.extend(names.map_err(|why| RuleError::new(&rule.place, format!("{key}: {why}")))?);
    }
    let declared = rule.params.keys().cloned().collect::<BTreeSet<_>>();
    if let Some(name) = used.difference(&declared).next() {
        return Err(RuleError::new(&rule.place, format!("${name} is used, but not declared in [params]")));
    }
    if let Some(name) = declared.difference(&used).next() {
        return Err(RuleError::new(
            &rule.place,
            format!("param {name} is declared, but no SQL uses ${name}"),
        ));
    }
    rule.values(&Values::new()).map(drop)
}

/// A rule without a test of both signs is not proved.
fn check_tests(rule: &Rule) -> Result<(), RuleError> {
    for fires in [true, false] {
        if !rule.tests.iter().any(|test| test.fires == fires) {
            return Err(RuleError::new(&rule.place, format!("there is no [[test]] with fires = {fires}")));
        }
    }
    for test in &rule.tests {
        rule.values(&test.params)
            .map_err(|error| RuleError::new(&rule.place, format!("test {:?}: {}", test.name, error.what)))?;
    }
    Ok(())
}
