//! What a pack covers: techniques of MITRE ATT&CK, controls of CIS, and which rules a lake has no events for.
//!
//! In: rules, and perhaps what was ever recorded in a lake. Out: rows for people, or a layer of the ATT&CK Navigator.

use super::Rule;
use super::probe::Pattern;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Tactics of ATT&CK for enterprises, as the Navigator names them.
const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "reconnaissance"),
    ("TA0042", "resource-development"),
    ("TA0001", "initial-access"),
    ("TA0002", "execution"),
    ("TA0003", "persistence"),
    ("TA0004", "privilege-escalation"),
    ("TA0005", "defense-evasion"),
    ("TA0006", "credential-access"),
    ("TA0007", "discovery"),
    ("TA0008", "lateral-movement"),
    ("TA0009", "collection"),
    ("TA0011", "command-and-control"),
    ("TA0010", "exfiltration"),
    ("TA0040", "impact"),
];

/// Controls of section 4 (monitoring) of the CIS AWS Foundations Benchmark, by number, and what each is about.
const CIS: [(&str, &str); 16] = [
    ("4.1", "unauthorized API calls"),
    ("4.2", "console sign-in without MFA"),
    ("4.3", "use of the root user"),
    ("4.4", "changes of IAM policies"),
    ("4.5", "changes of CloudTrail"),
    ("4.6", "failed console sign-ins"),
    ("4.7", "customer keys disabled or scheduled for deletion"),
    ("4.8", "changes of bucket policies"),
    ("4.9", "changes of AWS Config"),
    ("4.10", "changes of security groups"),
    ("4.11", "changes of network ACLs"),
    ("4.12", "changes of network gateways"),
    ("4.13", "changes of route tables"),
    ("4.14", "changes of VPCs"),
    ("4.15", "changes of AWS Organizations"),
    ("4.16", "Security Hub"),
];

/// A line of the table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// `attack`, `cis` or `blind`.
    pub part: &'static str,
    /// Tactic and technique, number of the control, or id of a rule that can never fire.
    pub item: String,
    /// What it is about; of a rule that can never fire, why.
    pub about: String,
    /// The rules that cover it.
    pub rules: Vec<String>,
}

/// What was ever recorded in a lake.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// `eventSource` and `eventName`.
    pub events: BTreeSet<(String, String)>,
    /// Event sources of data events.
    pub data: BTreeSet<String>,
}

/// The techniques and controls that `rules` cover; controls that none covers are there with no rule.
#[must_use]
pub fn covered(rules: &[&Rule]) -> Vec<Row> {
    let technique = |((tactic, technique), rules): ((&str, &str), Vec<String>)| {
        let about = TACTICS.iter().find(|(id, _)| *id == tactic).map_or(tactic, |(_, name)| *name).to_owned();
        Row { part: "attack", item: format!("{tactic}/{technique}"), about, rules }
    };
    let control = |&(number, about): &(&str, &str)| {
        let tag = format!("cis:{number}");
        let of_tag = rules.iter().filter(|rule| rule.tags.contains(&tag));
        let rules = of_tag.map(|rule| rule.id.clone()).collect();
        Row { part: "cis", item: number.to_owned(), about: about.to_owned(), rules }
    };
    techniques(rules).into_iter().map(technique).chain(CIS.iter().map(control)).collect()
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
            Some(Row { part: "blind", item: rule.id.clone(), about, rules: Vec::new() })
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
        if let Some((_, name)) = TACTICS.iter().find(|(id, _)| *id == tactic) {
            entry["tactic"] = json!(name);
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
