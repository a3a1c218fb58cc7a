//! What a pack covers, counted against lists of techniques, controls, findings and services ([`vocabulary`]), and which
//! rules a lake has no events for.
//!
//! In: rules, and perhaps what was ever recorded in a lake. Out: tables for people, also as a page of the project
//! ([`page`]), or a layer of the ATT&CK Navigator.

mod vocabulary;
pub mod page;

pub use vocabulary::{Entry, Framework, Service, Tactic, Technique, Vocabulary};

use super::Rule;
use super::probe::Pattern;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the table of ATT&CK is called.
pub const ATTACK: &str = "attack";
/// What the table of services is called.
pub const SERVICE: &str = "service";

/// What is counted together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// What people call it.
    pub name: &'static str,
    /// What a reader has to know of it.
    pub note: &'static str,
    /// What is counted.
    pub rows: Vec<Row>,
}

/// A line of a table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// `attack`, `service`, the prefix of a tag, or `blind`.
    pub part: &'static str,
    /// Tactic and technique, a service, what a tag names, or id of a rule that can never fire.
    pub item: String,
    /// What it is about; of a rule that can never fire, why.
    pub about: String,
    /// The rules that cover it.
    pub rules: Vec<String>,
    /// Why no rule covers it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub none: Option<&'static str>,
}

impl Table {
    /// How many of its items have rules, and how many there are. A technique counts once, whatever tactics it serves.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let item = |row: &Row| match row.part {
            ATTACK => row.item.rsplit('/').next().unwrap_or_default().to_owned(),
            _ => row.item.clone(),
        };
        let all = self.rows.iter().map(item).collect::<BTreeSet<_>>();
        let covered = self.rows.iter().filter(|row| !row.rules.is_empty()).map(item).collect::<BTreeSet<_>>();
        (covered.len(), all.len())
    }
}

/// What was ever recorded in a lake.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// `eventSource` and `eventName`.
    pub events: BTreeSet<(String, String)>,
    /// Event sources of data events.
    pub data: BTreeSet<String>,
}

/// What `rules` cover, and what they do not: the lists that tags name, techniques of ATT&CK, and services.
#[must_use]
pub fn tables(rules: &[&Rule]) -> Vec<Table> {
    let vocabulary = Vocabulary::get();
    let lists = vocabulary.frameworks.iter().map(|framework| listed(framework, rules));
    lists.chain([attack(vocabulary, rules), services(vocabulary, rules)]).collect()
}

/// The rows of all tables.
#[must_use]
pub fn covered(rules: &[&Rule]) -> Vec<Row> {
    tables(rules).into_iter().flat_map(|table| table.rows).collect()
}

/// Ids of the rules that meet a condition.
fn ids(rules: &[&Rule], is_met: impl Fn(&Rule) -> bool) -> Vec<String> {
    rules.iter().filter(|rule| is_met(rule)).map(|rule| rule.id.clone()).collect()
}

fn listed(framework: &'static Framework, rules: &[&Rule]) -> Table {
    let row = |entry: &'static Entry| {
        let rules = ids(rules, |rule| entry.is_met_by(&framework.prefix, rule));
        let none = entry.none.as_deref().filter(|_| rules.is_empty());
        Row { part: &framework.prefix, item: entry.id.clone(), about: entry.about.clone(), rules, none }
    };
    Table { name: &framework.name, note: &framework.note, rows: framework.rows.iter().map(row).collect() }
}

/// The techniques that rules name, by tactic, and then those that none names.
fn attack(vocabulary: &'static Vocabulary, rules: &[&Rule]) -> Table {
    let by = techniques(rules);
    let place = |tactic: &str| vocabulary.tactics.iter().position(|known| known.id == tactic);
    let about = |tactic: &str, technique: &str| {
        let tactic = place(tactic).map(|at| vocabulary.tactics[at].name.as_str());
        let technique = vocabulary.techniques.iter().find(|known| known.id == technique);
        let names = tactic.into_iter().chain(technique.map(|technique| technique.name.as_str()));
        names.collect::<Vec<_>>().join(": ")
    };
    let mut rows = by.iter().collect::<Vec<_>>();
    rows.sort_by_key(|((tactic, technique), _)| (place(tactic), *technique));
    let rows = rows.into_iter().map(|((tactic, technique), rules)| {
        let (item, about) = (format!("{tactic}/{technique}"), about(tactic, technique));
        Row { part: ATTACK, item, about, rules: rules.clone(), none: None }
    });
    let is_named = |id: &str| by.keys().any(|(_, technique)| *technique == id);
    let rest = vocabulary.techniques.iter().filter(|technique| !is_named(&technique.id)).map(|technique| {
        let (item, about) = (technique.id.clone(), technique.name.clone());
        Row { part: ATTACK, item, about, rules: Vec::new(), none: technique.none.as_deref() }
    });
    Table {
        name: "MITRE ATT&CK",
        note: "Techniques that rules name, by tactic, and those of the matrix for infrastructure as a service that none names.",
        rows: rows.chain(rest).collect(),
    }
}

fn services(vocabulary: &'static Vocabulary, rules: &[&Rule]) -> Table {
    let row = |service: &Service| {
        let rules = ids(rules, |rule| service.is_met_by(rule));
        let (item, about) = (service.name.clone(), service.events.join(" "));
        Row { part: SERVICE, item, about, rules, none: None }
    };
    Table {
        name: "AWS services",
        note: "Rules that name events of a service, or whose query names its eventSource. Those for the events of all services count for none.",
        rows: vocabulary.services.iter().map(row).collect(),
    }
}

/// Ids of rules by tactic and technique.
fn techniques<'a>(rules: &[&'a Rule]) -> BTreeMap<(&'a str, &'a str), Vec<String>> {
    let mut by = BTreeMap::<_, Vec<String>>::new();
    for rule in rules {
        for pair in rule.attack.iter().filter_map(|attack| attack.split_once('/')) {
            by.entry(pair).or_default().push(rule.id.clone());
        }
    }
    by
}

/// The rules that can never fire, since what they look for was never recorded.
#[must_use]
pub fn blind(rules: &[&Rule], recorded: &Recorded) -> Vec<Row> {
    rules
        .iter()
        .filter_map(|rule| {
            let about = why_blind(rule, recorded)?;
            Some(Row { part: "blind", item: rule.id.clone(), about, rules: Vec::new(), none: None })
        })
        .collect()
}

fn why_blind(rule: &Rule, recorded: &Recorded) -> Option<String> {
    let is_missing = |need: &&String| {
        let source = need.strip_prefix("data:").map(|source| format!("{source}.amazonaws.com"));
        source.is_some_and(|source| !recorded.data.contains(&source))
    };
    if let Some(need) = rule.needs.iter().find(is_missing) {
        return Some(format!("it needs {need}, and no such event was ever recorded"));
    }
    // A sequence needs an event of each of its steps; a query says nowhere what it needs.
    let seen = |patterns: &[String]| {
        let patterns = patterns.iter().filter_map(|pattern| Pattern::parse(pattern)).collect::<Vec<_>>();
        let takes =
            |(source, name): &(String, String)| patterns.iter().any(|pattern| pattern.takes(source, name));
        recorded.events.iter().any(takes)
    };
    let probes = rule.probes();
    let unseen = probes.iter().find(|probe| !seen(probe.events))?;
    Some(format!("no event of {} was ever recorded", unseen.events.join(", ")))
}

/// A layer of the ATT&CK Navigator, format 4.5: each technique with the number of rules that cover it
/// (<https://github.com/mitre-attack/attack-navigator/blob/master/layers/spec/v4.5/layerformat.md>).
#[must_use]
pub fn navigator(rules: &[&Rule]) -> Value {
    let by = techniques(rules);
    let most = by.values().map(Vec::len).max().unwrap_or(1);
    let techniques = by.into_iter().map(|((tactic, technique), rules)| {
        let mut entry = json!({
            "techniqueID": technique,
            "score": rules.len(),
            "comment": rules.join(", "),
            "enabled": true,
            "showSubtechniques": technique.contains('.'),
        });
        if let Some(known) = Vocabulary::get().tactics.iter().find(|known| known.id == tactic) {
            entry["tactic"] = json!(known.slug);
        }
        entry
    });
    json!({
        "name": "Trailhound",
        "description": "Detection rules for CloudTrail, by technique",
        "domain": "enterprise-attack",
        "versions": {"layer": "4.5", "navigator": "5.1.0"},
        "sorting": 3,
        "hideDisabled": false,
        "techniques": techniques.collect::<Vec<_>>(),
        "gradient": {"colors": ["#ffffffff", "#2f7ebaff"], "minValue": 0, "maxValue": most},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Pack;

    #[test]
    fn a_row_without_a_rule_says_why_and_one_with_rules_does_not() {
        let pack = Pack::built_in().unwrap();
        let rules = pack.rules().iter().collect::<Vec<_>>();
        let vocabulary = Vocabulary::get();
        for table in tables(&rules) {
            for row in table.rows {
                assert_eq!(row.rules.is_empty(), row.none.is_some(), "{} {}", row.part, row.item);
            }
        }
        // A reason that is not shown is stale.
        let entries = vocabulary.frameworks.iter().flat_map(|list| {
            let rows = list.rows.iter().filter(|entry| entry.none.is_some());
            rows.filter(|entry| rules.iter().any(|rule| entry.is_met_by(&list.prefix, rule)))
        });
        let techniques = techniques(&rules);
        let named = |id: &str| techniques.keys().any(|(_, technique)| *technique == id);
        let stale = vocabulary.techniques.iter().filter(|known| known.none.is_some() && named(&known.id));
        let stale = entries.map(|entry| &entry.id).chain(stale.map(|known| &known.id)).collect::<Vec<_>>();
        assert!(stale.is_empty(), "{stale:?}");
    }

    #[test]
    fn reasons_name_rules_that_are_there() {
        let pack = Pack::built_in().unwrap();
        let rules = pack.rules().iter().collect::<Vec<_>>();
        for row in covered(&rules) {
            for word in row.none.unwrap_or_default().split('`').skip(1).step_by(2) {
                assert!(word.starts_with("trailhound ") || pack.get(word).is_ok(), "{}: {word}", row.item);
            }
        }
    }

    #[test]
    fn a_technique_counts_once_for_all_its_tactics() {
        let row = |item: &str, rules: &[&str]| Row {
            part: ATTACK,
            item: item.to_owned(),
            about: String::new(),
            rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
            none: None,
        };
        let rows = vec![row("TA0001/T1", &["a"]), row("TA0002/T1", &["b"]), row("T2", &[])];
        assert_eq!(Table { name: "", note: "", rows }.counts(), (1, 2));
    }
}
