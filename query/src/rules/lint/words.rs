//! What a rule says: whether its alert tells who did it, its fields are used, and its condition begins with what is cheap.

use super::{Remark, remark};
use crate::names::expression::{columns, terms, tree};
use crate::names::is_json_column;
use crate::rules::{Rule, template};
use std::collections::BTreeSet;

/// Parts of an SQL expression that say who did something.
const WHO: [&str; 3] = ["actor", "userIdentity", "accessKeyId"];

pub(super) fn look(rule: &Rule, remarks: &mut Vec<Remark>) {
    let is_who = |name: &str| {
        let of_steps = rule.steps.iter().filter_map(|step| step.fields.get(name));
        name == "actor"
            || rule
                .fields
                .get(name)
                .into_iter()
                .chain(of_steps)
                .any(|sql| WHO.iter().any(|who| sql.contains(who)))
    };
    // Of root there is one in an account.
    let says_root =
        rule.alert.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("root"));
    if !says_root && !template::names(&rule.alert).any(is_who) {
        let what = "the alert does not say who did it".to_owned();
        remarks.push(remark(rule, "no-actor", ("alert", ""), what, "begin with {actor}"));
    }
    let fields = rule.fields.keys().chain(rule.steps.iter().flat_map(|step| step.fields.keys()));
    let fields = fields.collect::<BTreeSet<_>>();
    for name in fields.into_iter().filter(|name| !is_used(rule, name)) {
        let what = format!("the field {name} is in no alert, runbook, by or condition");
        let hint = format!("name it where people see it, as {{{name}}}, or leave it out");
        remarks.push(remark(rule, "unused-field", (name, ""), what, &hint));
    }
    let is_slow = |sql: &str| {
        let tree = tree(sql).ok();
        let first = tree.as_ref().and_then(|tree| terms(tree).first().copied());
        let columns = first.map(columns).unwrap_or_default();
        columns.iter().any(|column| is_json_column(&column.to_lowercase()))
    };
    let probes = rule.probes();
    let mut all = probes.iter().filter(|probe| probe.events.iter().any(|pattern| pattern == "*"));
    if all.any(|probe| probe.predicate.is_some_and(is_slow)) {
        let what = "where: every event is looked at, and its JSON is read first".to_owned();
        let hint = "name the events, or begin with a column: eventName, userIdentity.type, errorCode";
        remarks.push(remark(rule, "slow-where", ("where", ""), what, hint));
    }
}

/// Whether a field is named anywhere but where it is made: `{name}` in a text, `"name"` in a list, or as a name in the
/// condition of a severity.
fn is_used(rule: &Rule, name: &str) -> bool {
    let words = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    rule.source.contains(&format!("{{{name}}}"))
        || rule.source.contains(&format!("\"{name}\""))
        || rule.source.lines().any(|line| (line.contains("if =") || line.contains("if=")) && words(line))
}
