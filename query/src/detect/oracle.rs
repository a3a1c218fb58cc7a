//! The pass over all rules against its oracle: what each rule's own statement finds in `trailhound sql`.
//!
//! Random events of few people, names and seconds, so that windows, groups and steps meet; rules whose hits are each a
//! finding of their own. Once all events come at once, once in two runs, which must find the same in the end.

use super::{Ready, detect};
use crate::engine::Engine;
use crate::rules::Rule;
use crate::rules::params::Values;
use crate::rules::statement::{Range, statement};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest, time};

/// Rules of every kind, without what is the same in all.
const RULES: [(&str, &str); 9] = [
    (
        "plain",
        "kind = 'match'\nevents = ['s3:Get*', 'iam:CreateUser']\nwhere = \"requestParameters.n > 3 OR requestParameters.name = 'x'\"\n\
         severity_when = [{ if = \"requestParameters.n = 5\", severity = 'high' }]",
    ),
    ("failures", "kind = 'match'\nevents = ['*']\noutcome = 'failure'\nwhere = \"actor LIKE '%alice'\""),
    (
        "count",
        "kind = 'threshold'\nevents = ['s3:*']\nthreshold = { count = 3, within = '5s', by = ['actor'] }",
    ),
    (
        "distinct",
        "kind = 'threshold'\nevents = ['s3:*']\noutcome = 'any'\nthreshold = { count = 3, within = '9s', by = ['actor', 'eventName'], \
         distinct = \"json_values(requestParameters, 'items[*]')\" }",
    ),
    (
        "sum",
        "kind = 'threshold'\nevents = ['s3:GetObject']\nthreshold = { count = 12, within = '7s', by = [], sum = 'requestParameters.n' }",
    ),
    (
        "strict",
        "kind = 'sequence'\nsequence = { by = ['actor', 'name'], within = '12s' }\nfields = { name = 'requestParameters.name' }\n\
         step = [{ name = 'a', events = ['iam:CreateUser'] }, { name = 'b', events = ['iam:Put*'] }, { name = 'c', events = ['s3:GetObject'] }]",
    ),
    (
        "counted",
        "kind = 'sequence'\nsequence = { by = ['actor'], within = '10s' }\n\
         step = [{ name = 'a', events = ['*'], outcome = 'failure', at_least = 3 }, { name = 'b', events = ['iam:CreateUser'] }]",
    ),
    (
        "any",
        "kind = 'sequence'\nsequence = { by = ['who'], within = '6s', order = 'any' }\n\
         step = [{ name = 'a', events = ['iam:CreateUser'], fields = { who = 'actor' } }, \
                 { name = 'b', events = ['s3:GetObject'], at_least = 2, fields = { who = 'userIdentity.arn' } }]",
    ),
    (
        "novel",
        "kind = 'first_seen'\nevents = ['*']\nfields = { name = 'requestParameters.name' }\n\
         first_seen = { keys = ['actor', 'name'], learn = '20s', forget_after = '90d' }",
    ),
];

fn rules() -> Vec<Rule> {
    let rule = |(id, text): (&str, &str)| {
        let tests = "test = [{ name = 'a', fires = true, events = '{}' }, { name = 'b', fires = false, events = '{}' }]";
        let text = format!(
            "id = '{id}'\ntitle = 't'\nseverity = 'low'\nstatus = 'stable'\nversion = 1\ndescription = 'd'\nrunbook = 'r'\n\
             alert = 'a'\ndedup = {{ by = ['eventID'], for = '0s' }}\n{tests}\n{text}"
        );
        Rule::parse(&format!("x/{id}.toml"), &text).unwrap()
    };
    RULES.into_iter().map(rule).collect()
}

/// A source of numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}

fn event(dice: &mut Dice, number: usize) -> Value {
    let (source, name) = match dice.below(5) {
        0 => ("iam", "CreateUser"),
        1 => ("iam", "PutUserPolicy"),
        2 => ("s3", "ListBuckets"),
        _ => ("s3", "GetObject"),
    };
    let arn = format!("arn:aws:iam::111122223333:user/{}", dice.of(&["alice", "bob"]));
    let items = (0..dice.below(3)).map(|_| dice.of(&["p", "q", "r", "s"])).collect::<Vec<_>>();
    let name_of = [json!("x"), json!("y"), Value::Null][usize::try_from(dice.below(3)).unwrap()].clone();
    let at = 1_768_478_400_000_000 + i64::try_from(dice.below(60)).unwrap() * 1_000_000;
    let mut event = json!({
        "eventVersion": "1.11", "eventTime": time::format(at), "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "awsRegion": "us-east-1", "userIdentity": {"type": "IAMUser", "arn": arn},
        "eventID": format!("00000000-0000-4000-8000-{number:012}"), "recipientAccountId": "111122223333",
        "requestParameters": {"n": dice.below(8), "name": name_of, "items": items},
    });
    if dice.below(3) == 0 {
        event["errorCode"] = json!("AccessDenied");
    }
    event
}

async fn bring(folder: &Path, name: &str, events: &[Value]) -> Lake {
    let log = folder.join(name).to_string_lossy().into_owned();
    std::fs::write(&log, json!({ "Records": events }).to_string()).unwrap();
    let place = folder.join("lake").to_string_lossy().into_owned();
    ingest(&IngestConfig::new(vec![log], place.clone()), Arc::new(())).await.unwrap();
    Lake::open(&place).await.unwrap()
}

/// Rule, event, and when it began and what was counted, where that says something.
type Found = BTreeSet<(String, String, i64, i64)>;

async fn found(lake: &Lake, rules: &[Rule]) -> Found {
    let set = Values::new();
    let ready = rules.iter().map(|rule| Ready { rule, set: &set }).collect::<Vec<_>>();
    let findings = detect(lake, &ready).await.unwrap().findings;
    let found = findings.into_iter().map(|finding| {
        let rule = rules.iter().find(|rule| rule.id == finding.rule).unwrap();
        let event = finding.entities["eventID"].clone();
        let count = if rule.threshold.is_some() { finding.count } else { 0 };
        (finding.rule, event, finding.first_time, count)
    });
    found.collect()
}

async fn expected(lake: &Lake, rules: &[Rule]) -> Found {
    let engine = Engine::open(lake).await.unwrap();
    let mut found = Found::new();
    for rule in rules {
        let values = rule.values(&Values::new()).unwrap();
        let batches = engine.rows(&statement(rule, &Range::default()), &values).await;
        for batch in batches.unwrap_or_else(|error| panic!("{}: {error}", rule.id)) {
            let columns = super::rows::Columns::of(&batch).unwrap();
            for row in 0..columns.len() {
                let hit = super::hits::Hit::of(&columns, row);
                found.insert((
                    rule.id.clone(),
                    hit.event().unwrap().to_owned(),
                    hit.first,
                    hit.count.unwrap_or(0),
                ));
            }
        }
    }
    found
}

/// The rule and the event alone.
fn events(found: &Found) -> BTreeSet<(&str, &str)> {
    found.iter().map(|(rule, event, ..)| (rule.as_str(), event.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_rules_at_once_find_what_each_finds_alone() {
    let rules = rules();
    let mut firing = BTreeSet::new();
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let all = (0..60).map(|number| event(&mut dice, number)).collect::<Vec<_>>();
        let folder = tempfile::tempdir().unwrap();
        let lake = bring(folder.path(), "all.json", &all).await;
        let (found, expected) = (found(&lake, &rules).await, expected(&lake, &rules).await);
        assert_eq!(found, expected, "seed {seed}");
        firing.extend(found.iter().map(|(rule, ..)| rule.clone()));

        // In two runs, whichever events come first. What is novel depends on what is known, so it stays out.
        let halves = tempfile::tempdir().unwrap();
        let (one, other) = all.iter().cloned().partition::<Vec<_>, _>(|_| dice.below(2) == 0);
        let some = rules.iter().filter(|rule| rule.first_seen.is_none()).cloned().collect::<Vec<_>>();
        let lake = bring(halves.path(), "one.json", &one).await;
        let mut twice = self::found(&lake, &some).await;
        twice.extend(self::found(&bring(halves.path(), "other.json", &other).await, &some).await);
        let expected = expected.into_iter().filter(|(rule, ..)| rule != "novel").collect::<Found>();
        assert_eq!(events(&twice), events(&expected), "seed {seed}, in two runs");
    }
    assert_eq!(firing.len(), rules.len(), "a rule that finds nothing proves nothing: {firing:?}");
}
