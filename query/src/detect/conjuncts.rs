//! Whether the tests of a rule prove each term of its condition.
//!
//! A term that can be left out, and no test that must not fire begins to, is proved by nothing: it may be wrong, or do
//! nothing. All variants of a rule, each without one term, look at the lake that a test has made.

use super::state::State;
use super::{Ready, evaluate, new_work};
use crate::error::Error;
use crate::names::expression::{terms, tree};
use crate::rules::Rule;
use crate::rules::params::Values;
use std::collections::BTreeSet;
use trailhound_ingest::lake::Lake;

/// The terms of a rule's condition, and those that a test has proved.
pub(super) struct Conjuncts {
    terms: Vec<String>,
    variants: Vec<Rule>,
    proved: BTreeSet<String>,
}

impl Conjuncts {
    pub(super) fn new(rule: &Rule) -> Self {
        let mut conjuncts = Self::none();
        conjuncts.add(rule, rule.predicate.as_deref(), |variant, rest| variant.predicate = rest);
        for (number, step) in rule.steps.iter().enumerate() {
            let set = |variant: &mut Rule, rest| variant.steps[number].predicate = rest;
            conjuncts.add(rule, step.predicate.as_deref(), set);
        }
        conjuncts
    }

    /// No terms: there is nothing to prove.
    pub(super) fn none() -> Self {
        Self { terms: Vec::new(), variants: Vec::new(), proved: BTreeSet::new() }
    }

    /// Adds the terms of one condition; `set` gives a rule what is left of it.
    fn add(&mut self, rule: &Rule, predicate: Option<&str>, set: impl Fn(&mut Rule, Option<String>)) {
        let Some(tree) = predicate.and_then(|sql| tree(sql).ok()) else { return };
        let terms = terms(&tree).iter().map(ToString::to_string).collect::<Vec<_>>();
        for left_out in 0..terms.len() {
            let rest = terms.iter().enumerate().filter(|(at, _)| *at != left_out);
            let rest = rest.map(|(_, term)| format!("({term})")).collect::<Vec<_>>();
            let mut variant = Rule { id: self.terms.len().to_string(), ..rule.clone() };
            set(&mut variant, (!rest.is_empty()).then(|| rest.join("\nAND ")));
            self.variants.push(variant);
            self.terms.push(terms[left_out].clone());
        }
    }

    /// How many terms there are.
    pub(super) fn len(&self) -> usize {
        self.terms.len()
    }

    /// Looks at the lake of a test that must not fire, with the settings of the test: which variants fire now?
    pub(super) async fn try_on(&mut self, lake: &Lake, set: &Values) -> Result<(), Error> {
        let open = self.variants.iter().filter(|variant| !self.proved.contains(&variant.id));
        let ready = open.map(|rule| Ready { rule, set }).collect::<Vec<_>>();
        if ready.is_empty() {
            return Ok(());
        }
        let work = new_work(lake, None, None).await?;
        let told = evaluate::evaluate(lake, &ready, &work, &State::default()).await?;
        self.proved.extend(told.findings.into_iter().map(|finding| finding.rule));
        Ok(())
    }

    /// The terms that no test has proved.
    pub(super) fn unproved(self) -> Vec<String> {
        let open = self.variants.iter().map(|variant| !self.proved.contains(&variant.id));
        self.terms.iter().zip(open).filter(|(_, is_open)| *is_open).map(|(term, _)| term.clone()).collect()
    }
}
