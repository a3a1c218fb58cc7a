//! Inline tests of rules: partial records → the real ingester → a lake → the rule → what it found.
//!
//! What is tested is what runs: the same parser, lake, statement and detector. A term of a condition that can be left
//! out, and no test that must not fire begins to, is proved by nothing: it may be wrong, or do nothing.

mod cases;
mod records;

use super::conjuncts::{Term, without_each};
use super::finding::Finding;
use crate::error::Error;
use crate::rules::RuleError;
use crate::rules::file::{Rule, Test};
use cases::{Case, Company, Seen};
use futures::{StreamExt, TryStreamExt};
use records::rounds;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;

/// Rules whose tests share a lake: more save little, and where one is wrong all of them are run again by themselves.
const RULES_AT_ONCE: usize = 16;

/// How a test ended.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The rule.
    pub rule: String,
    /// The test.
    pub test: String,
    /// Why it failed; nothing if it passed.
    pub failure: Option<String>,
}

/// How the tests of a rule ended.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Each test, and what else is wrong with them.
    pub verdicts: Vec<Verdict>,
    /// Terms of the condition, joined by AND.
    pub terms: usize,
    /// Those that can be left out, and no test that must not fire begins to.
    pub unproved: Vec<String>,
}

/// Runs the tests of `rule`.
///
/// # Errors
/// A lake cannot be made in the temporary folder. A test that fails is no error.
pub async fn test(rule: &Rule) -> Result<Vec<Verdict>, Error> {
    Ok(prove(&[rule]).await?.into_iter().flat_map(|proof| proof.verdicts).collect())
}

/// Runs the tests of `rules`, and looks whether they prove each term of their conditions; a proof for each rule. Needs
/// tokio's runtime with threads to use all processors.
///
/// # Errors
/// As for [`test`].
pub async fn prove(rules: &[&Rule]) -> Result<Vec<Proof>, Error> {
    let parts = rules.chunks(RULES_AT_ONCE).map(|some| some.iter().copied().cloned().collect::<Vec<Rule>>());
    let at_once = std::thread::available_parallelism().map_or(1, NonZero::get);
    let proofs = futures::stream::iter(parts)
        .map(|some| tokio::spawn(async move { some_of(&some).await }))
        .buffered(at_once)
        .map(|done| done.map_err(|error| Error::Io(error.into()))?);
    Ok(proofs.try_collect::<Vec<_>>().await?.concat())
}

/// Runs the tests of `rules` in one lake.
async fn some_of(rules: &[Rule]) -> Result<Vec<Proof>, Error> {
    let terms = rules.iter().map(without_each).collect::<Vec<_>>();
    let tests = rules.iter().zip(&terms);
    let cases = tests.flat_map(|(rule, terms)| rule.tests.iter().map(move |test| Case { rule, test, terms }));
    let mut seen = run(&cases.collect::<Vec<_>>()).await?.into_iter();
    let of_rule =
        |(rule, terms): (&Rule, &Vec<Term>)| proof(rule, terms, seen.by_ref().take(rule.tests.len()));
    rules.iter().zip(&terms).map(of_rule).collect()
}

/// What each of `cases` has shown, or why it could not.
async fn run(cases: &[Case<'_>]) -> Result<Vec<Result<Seen, RuleError>>, Error> {
    let mut companies = BTreeMap::<Company, Vec<usize>>::new();
    for (number, case) in cases.iter().enumerate() {
        // Whose events cannot be read says so by itself.
        companies.entry(case.company().unwrap_or(Company::Nobody)).or_default().push(number);
    }
    let mut all = BTreeMap::new();
    for (company, numbers) in companies {
        let some = numbers.iter().map(|&number| cases[number]).collect::<Vec<_>>();
        let together = if company == Company::Nobody { None } else { together(&some).await? };
        match together {
            Some(seen) => all.extend(numbers.into_iter().zip(seen.into_iter().map(Ok))),
            None => {
                for number in numbers {
                    all.insert(number, alone(cases[number]).await?);
                }
            }
        }
    }
    Ok(all.into_values().collect())
}

/// What cases have shown that share a lake; `None` if there was an error, which may be that of any of them.
async fn together(cases: &[Case<'_>]) -> Result<Option<Vec<Seen>>, Error> {
    match cases::run(cases).await {
        Ok(seen) => Ok(Some(seen)),
        Err(Error::Rule(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn alone(case: Case<'_>) -> Result<Result<Seen, RuleError>, Error> {
    match cases::run(&[case]).await {
        Ok(seen) => Ok(Ok(seen.into_iter().next().unwrap_or_default())),
        Err(Error::Rule(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

fn proof(
    rule: &Rule,
    terms: &[Term],
    seen: impl Iterator<Item = Result<Seen, RuleError>>,
) -> Result<Proof, Error> {
    let mut proved = BTreeSet::new();
    let mut verdicts = Vec::new();
    for (test, seen) in rule.tests.iter().zip(seen) {
        let failure = match seen {
            Ok(seen) => {
                proved.extend(seen.fires_without);
                judge(test, &seen.findings)
            }
            Err(error) => Some(error.what),
        };
        verdicts.push(Verdict { rule: rule.id.clone(), test: test.name.clone(), failure });
    }
    verdicts.extend(near_misses(rule)?);
    let unproved = terms.iter().enumerate().filter(|(number, _)| !proved.contains(number));
    let unproved = unproved.map(|(_, term)| term.text.clone()).collect();
    Ok(Proof { verdicts, terms: terms.len(), unproved })
}

fn judge(test: &Test, findings: &[Finding]) -> Option<String> {
    if test.fires == findings.is_empty() {
        let found = findings
            .first()
            .map_or_else(|| "nothing was found".to_owned(), |f| format!("it found: {}", f.alert));
        return Some(format!("fires = {} was expected, but {found}", test.fires));
    }
    let expect = &test.expect;
    if let Some(wanted) = expect.findings.filter(|&wanted| wanted != findings.len()) {
        return Some(format!("{wanted} findings were expected, not {}", findings.len()));
    }
    let first = findings.first()?;
    if let Some(wanted) = expect.count.filter(|&wanted| wanted != first.count) {
        return Some(format!("a count of {wanted} was expected, not {}", first.count));
    }
    if let Some(wanted) = expect.severity.filter(|&wanted| wanted != first.severity) {
        return Some(format!("severity {} was expected, not {}", wanted.name(), first.severity.name()));
    }
    if let Some(wanted) = expect.late.filter(|&wanted| wanted != first.late) {
        return Some(format!("late = {wanted} was expected, not {}", first.late));
    }
    let wanted = expect.title.as_ref().filter(|&wanted| *wanted != first.alert)?;
    Some(format!("the alert {wanted:?} was expected, not {:?}", first.alert))
}

/// A test that must not fire proves nothing with an event that no firing test has.
///
/// # Errors
/// The events of a test cannot be read.
pub fn near_misses(rule: &Rule) -> Result<Vec<Verdict>, Error> {
    let names = |test: &Test| -> Result<Vec<String>, RuleError> {
        let rounds = rounds(rule, test, &mut 0)?;
        Ok(rounds
            .values()
            .flatten()
            .filter_map(|record| record["eventName"].as_str().map(str::to_owned))
            .collect())
    };
    let mut positive = Vec::new();
    for test in rule.tests.iter().filter(|test| test.fires) {
        positive.extend(names(test)?);
    }
    let mut verdicts = Vec::new();
    for test in rule.tests.iter().filter(|test| !test.fires) {
        if !names(test)?.iter().any(|name| positive.contains(name)) {
            let failure =
                Some("it shares no eventName with a test that fires, so it proves nothing".to_owned());
            verdicts.push(Verdict { rule: rule.id.clone(), test: test.name.clone(), failure });
        }
    }
    Ok(verdicts)
}
