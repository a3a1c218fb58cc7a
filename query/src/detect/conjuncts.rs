//! The terms of a rule's condition, joined by AND, and the rule without each of them.

use crate::names::expression::{terms, tree};
use crate::rules::Rule;

/// A term of the condition of a rule, or of one of its steps.
pub(super) struct Term {
    /// In SQL.
    pub(super) text: String,
    /// The rule without it.
    pub(super) rest: Rule,
}

/// The terms of `rule`. A query has none, nor has what cannot be read.
pub(super) fn without_each(rule: &Rule) -> Vec<Term> {
    let mut all = Vec::new();
    add(&mut all, rule, rule.predicate.as_deref(), |variant, rest| variant.predicate = rest);
    for (number, step) in rule.steps.iter().enumerate() {
        let set = |variant: &mut Rule, rest| variant.steps[number].predicate = rest;
        add(&mut all, rule, step.predicate.as_deref(), set);
    }
    all
}

/// Adds the terms of one condition; `set` gives a rule what is left of it.
fn add(all: &mut Vec<Term>, rule: &Rule, predicate: Option<&str>, set: impl Fn(&mut Rule, Option<String>)) {
    let Some(tree) = predicate.and_then(|sql| tree(sql).ok()) else { return };
    let terms = terms(&tree).iter().map(ToString::to_string).collect::<Vec<_>>();
    for left_out in 0..terms.len() {
        let rest = terms.iter().enumerate().filter(|(at, _)| *at != left_out);
        let rest = rest.map(|(_, term)| format!("({term})")).collect::<Vec<_>>();
        let mut variant = rule.clone();
        set(&mut variant, (!rest.is_empty()).then(|| rest.join("\nAND ")));
        all.push(Term { text: terms[left_out].clone(), rest: variant });
    }
}
