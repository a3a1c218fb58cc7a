//! `detections/coverage.toml` → what coverage is counted against.
//!
//! The words that tags of rules may name, with what each is about, techniques of MITRE ATT&CK with their names, and AWS
//! services with their events. It is in the binary, and the same for rules of any folder.

use crate::rules::Rule;
use crate::rules::glob::fits;
use serde::Deserialize;
use std::sync::LazyLock;

/// A file that cannot be read would be as good as none; a test sees to it that it can.
static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../../detections/coverage.toml")).unwrap_or_default()
});

/// What coverage is counted against.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Tactics of ATT&CK, in the order of an attack.
    pub tactics: Vec<Tactic>,
    /// Techniques of ATT&CK: those that rules name, and those of the cloud that none names.
    pub techniques: Vec<Technique>,
    /// Services of AWS.
    pub services: Vec<Service>,
    /// Lists of what a tag can name.
    #[serde(rename = "framework")]
    pub frameworks: Vec<Framework>,
}

/// A tactic of ATT&CK.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tactic {
    /// `TA0001`.
    pub id: String,
    /// What the Navigator calls it.
    pub slug: String,
    /// What people call it.
    pub name: String,
}

/// A technique of ATT&CK.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    /// `T1078.004`.
    pub id: String,
    /// Its name, after that of the technique it belongs to.
    pub name: String,
    /// Why no rule names it.
    #[serde(default)]
    pub none: Option<String>,
}

/// A service of AWS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What people call it.
    pub name: String,
    /// Its events, as rules write them, with `*` for anything.
    pub events: Vec<String>,
}

/// A list of what tags can name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// What its tags begin with, before a colon; several lists may share it.
    pub prefix: String,
    /// What people call it.
    pub name: String,
    /// What a reader has to know of it.
    pub note: String,
    /// What it lists.
    pub rows: Vec<Entry>,
}

/// What a tag can name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The tag without its prefix.
    pub id: String,
    /// What it is about.
    pub about: String,
    /// Families whose rules count as well.
    #[serde(default)]
    pub families: Vec<String>,
    /// Plain tags whose rules count as well.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Why no rule covers it.
    #[serde(default)]
    pub none: Option<String>,
}

impl Vocabulary {
    /// The one in the binary.
    #[must_use]
    pub fn get() -> &'static Self {
        &VOCABULARY
    }

    /// What tags of this prefix can name; nothing, if tags of this prefix are free.
    pub fn ids<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> + Clone {
        let of_prefix = self.frameworks.iter().filter(move |framework| framework.prefix == prefix);
        of_prefix.flat_map(|framework| &framework.rows).map(|entry| entry.id.as_str())
    }
}

impl Entry {
    /// Whether a rule covers it.
    #[must_use]
    pub fn is_met_by(&self, prefix: &str, rule: &Rule) -> bool {
        let is_meant = |tag: &String| {
            let id = tag.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(':'));
            id.is_some_and(|id| fits(id, &self.id)) || self.tags.contains(tag)
        };
        self.families.contains(&rule.family) || rule.tags.iter().any(is_meant)
    }
}

impl Service {
    /// Whether a rule looks at events of it by name. One for all events does not.
    #[must_use]
    pub fn is_met_by(&self, rule: &Rule) -> bool {
        rule.all_events().any(|event| self.has(event)) || sources(rule).any(|source| self.has(&source))
    }

    /// Whether an event of a rule is one of the service. Its `*` ends a prefix; what stands before it has to fit.
    fn has(&self, event: &str) -> bool {
        self.events.iter().any(|glob| fits(glob, event.trim_end_matches('*')))
    }
}

/// The event sources that a query names, as events. What else it looks for it says nowhere.
fn sources(rule: &Rule) -> impl Iterator<Item = String> {
    let quoted = rule.query.as_deref().unwrap_or_default().split('\'').skip(1).step_by(2);
    quoted.filter_map(|text| text.strip_suffix(".amazonaws.com")).map(|source| format!("{source}:*"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Pack;
    use std::collections::BTreeSet;

    #[test]
    fn the_file_can_be_read_and_names_nothing_twice() {
        let vocabulary: Vocabulary =
            toml::from_str(include_str!("../../../../detections/coverage.toml")).unwrap();
        let frameworks = vocabulary.frameworks.iter();
        let tags =
            frameworks.flat_map(|list| list.rows.iter().map(|row| format!("{}:{}", list.prefix, row.id)));
        let techniques = vocabulary.techniques.iter().map(|technique| technique.id.clone());
        let services = vocabulary.services.iter().map(|service| service.name.clone());
        let mut seen = BTreeSet::new();
        for name in tags.chain(techniques).chain(services) {
            assert!(seen.insert(name.clone()), "{name} is there twice");
        }
    }

    #[test]
    fn all_that_the_rules_name_is_in_the_file() {
        let vocabulary = Vocabulary::get();
        for rule in Pack::built_in().unwrap().rules() {
            for (tactic, technique) in rule.attack.iter().filter_map(|attack| attack.split_once('/')) {
                assert!(vocabulary.tactics.iter().any(|known| known.id == tactic), "{}: {tactic}", rule.id);
                assert!(
                    vocabulary.techniques.iter().any(|known| known.id == technique),
                    "{}: {technique}",
                    rule.id
                );
            }
            for event in rule.all_events().filter(|event| *event != "*") {
                let mut services = vocabulary.services.iter();
                assert!(services.any(|service| service.has(event)), "{}: no service has {event}", rule.id);
            }
        }
    }

    #[test]
    fn an_event_belongs_to_services() {
        let names = |event: &str| {
            let services = Vocabulary::get().services.iter().filter(|service| service.has(event));
            services.map(|service| service.name.as_str()).collect::<Vec<_>>()
        };
        for (event, expected) in [
            ("rds:DeleteDBCluster", vec!["RDS", "Aurora"]),
            ("rds:DeleteDBInstance", vec!["RDS"]),
            ("ec2:CreateVpc", vec!["VPC", "EC2"]),
            ("ec2:Create*", vec!["EC2"]),
            ("iam:*", vec!["IAM"]),
            ("*", vec![]),
        ] {
            assert_eq!(names(event), expected, "{event}");
        }
    }

    #[test]
    fn a_query_names_its_services_in_its_conditions() {
        let pack = Pack::built_in().unwrap();
        let of = |id: &str| sources(pack.get(id).unwrap()).collect::<BTreeSet<_>>();
        assert_eq!(of("bedrock_invoke_burst"), BTreeSet::from(["bedrock:*".to_owned()]));
        assert_eq!(of("principal_risk_accumulated"), BTreeSet::new());
    }
}
