//! Inline tests of rules: partial records → the real ingester → a lake → the rule → what it found.
//!
//! A test event says only what matters; the rest is filled in. Control keys: `_at` moves an event by a duration, which
//! can be negative, `_repeat` makes copies `_every` so far apart, `{i}` in a text is the number of the copy, `_late` lets an event arrive
//! in a later run. What is tested is what runs: the same parser, lake, statement and detector.

use super::finding::Finding;
use super::{Ready, detect};
use crate::error::Error;
use crate::rules::RuleError;
use crate::rules::duration::Seconds;
use crate::rules::file::{Rule, Test};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest, time};

/// 2026-01-15T12:00:00Z, when tests begin.
const BEGIN: i64 = 1_768_478_400_000_000;

/// Copies that one event may ask for.
const MOST_COPIES: i64 = 10_000;

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

/// Runs the tests of `rule`.
///
/// # Errors
/// A lake cannot be made in the temporary folder. A test that fails is no error.
pub async fn test(rule: &Rule) -> Result<Vec<Verdict>, Error> {
    let mut verdicts = Vec::new();
    for test in &rule.tests {
        let failure = match run(rule, test).await {
            Ok(findings) => judge(test, &findings),
            Err(Error::Rule(error)) => Some(error.what),
            Err(error) => return Err(error),
        };
        verdicts.push(Verdict { rule: rule.id.clone(), test: test.name.clone(), failure });
    }
    verdicts.extend(near_misses(rule)?);
    Ok(verdicts)
}

/// What `rule` finds in the events of `test`.
async fn run(rule: &Rule, test: &Test) -> Result<Vec<Finding>, Error> {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let ready = Ready { rule, set: &test.params };
    let mut findings = Vec::new();
    for (late, records) in rounds(rule, test)? {
        let log = place(&format!("arrived-{late}.json"));
        std::fs::write(&log, json!({ "Records": records }).to_string())?;
        let report = ingest(&IngestConfig::new(vec![log], place("lake")), Arc::new(())).await?;
        if report.quarantined > 0 || report.duplicate > 0 {
            let what = format!("test {:?}: {report}", test.name);
            return Err(RuleError::new(&rule.place, what).into());
        }
        let lake = Lake::open(&place("lake")).await?;
        let found = detect(&lake, &[ready]).await?.findings;
        // What happened before is nobody's finding.
        if late != BASELINE {
            findings.extend(found);
        }
    }
    Ok(findings)
}

/// The round in which the baseline of a test arrives.
const BASELINE: i64 = -1;

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
fn near_misses(rule: &Rule) -> Result<Vec<Verdict>, Error> {
    let names = |test: &Test| -> Result<Vec<String>, RuleError> {
        let rounds = rounds(rule, test)?;
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

/// The records of a test, by how late they arrive in seconds; those of its baseline come before.
fn rounds(rule: &Rule, test: &Test) -> Result<BTreeMap<i64, Vec<Value>>, RuleError> {
    let bad = |what: String| RuleError::new(&rule.place, format!("test {:?}: {what}", test.name));
    let mut rounds = BTreeMap::<i64, Vec<Value>>::new();
    let mut number = 0;
    let events = [(Some(BASELINE), test.baseline.as_deref().unwrap_or_default()), (None, &test.events)];
    for (round, events) in events {
        for event in serde_json::Deserializer::from_str(events).into_iter::<Map<String, Value>>() {
            let event = event.map_err(|error| bad(format!("events: {error}")))?;
            let (late, records) = records(rule, event, &mut number).map_err(bad)?;
            rounds.entry(round.unwrap_or(late)).or_default().extend(records);
        }
    }
    if rounds.keys().all(|round| *round == BASELINE) {
        return Err(bad("there are no events".to_owned()));
    }
    Ok(rounds)
}

/// The records of one event, and how late they arrive in seconds. `number` is that of the last record.
fn records(
    rule: &Rule,
    mut event: Map<String, Value>,
    number: &mut u32,
) -> Result<(i64, Vec<Value>), String> {
    let mut span = |key: &str, default: i64| match event.remove(key) {
        None => Ok(default),
        Some(value) => {
            let text = value.as_str().unwrap_or_default();
            let (sign, length) = text.strip_prefix('-').map_or((1, text), |length| (-1, length));
            let seconds = Seconds::parse(length).filter(|_| sign == 1 || key == "_at");
            let seconds = seconds.ok_or_else(|| format!("{key} is not a duration such as \"15m\""))?;
            Ok::<_, String>(sign * seconds.0)
        }
    };
    let (at, every, late) = (span("_at", 0)?, span("_every", 1)?, span("_late", 0)?);
    let copies = event.remove("_repeat").map_or(Some(1), |value| value.as_i64());
    let copies = copies.filter(|copies| (1..=MOST_COPIES).contains(copies));
    let copies = copies.ok_or_else(|| format!("_repeat is not a number from 1 to {MOST_COPIES}"))?;
    if let Some(key) = event.keys().find(|key| key.starts_with('_')) {
        return Err(format!("{key} is no control key; there are _at, _repeat, _every and _late"));
    }
    let records = (0..copies).map(|copy| {
        *number += 1;
        record(rule, &event, copy, BEGIN + (at + copy * every) * 1_000_000, *number)
    });
    Ok((late, records.collect()))
}

/// A whole record: what the test says, over what nearly every record has.
fn record(rule: &Rule, event: &Map<String, Value>, copy: i64, at: i64, number: u32) -> Value {
    let (source, name) = named(rule, event);
    let reads = ["Get", "List", "Describe", "Head"].iter().any(|verb| name.starts_with(verb));
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEALICE00000",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIAEXAMPLEALICE0000",
            "userName": "alice",
        },
        "eventTime": time::format(at),
        "eventSource": source,
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.17.0",
        "requestParameters": null,
        "responseElements": null,
        "requestID": format!("00000000-0000-4000-9000-{number:012}"),
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "readOnly": reads,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    for (key, value) in event {
        record[key] = numbered(value, copy);
    }
    record
}

/// `eventSource` and `eventName` as the test says, else from the first of the rule's events that fits.
fn named(rule: &Rule, event: &Map<String, Value>) -> (String, String) {
    let said = |key: &str| event.get(key).and_then(Value::as_str).map(str::to_owned);
    let patterns = rule.all_events().filter_map(|pattern| pattern.split_once(':')).collect::<Vec<_>>();
    let patterns = patterns.iter().map(|(source, name)| (*source, name.trim_end_matches('*')));
    let name = said("eventName");
    let fits = |(_, pattern): &(&str, &str)| name.as_ref().is_none_or(|name| name.starts_with(pattern));
    let (source, pattern) =
        patterns.clone().find(fits).or(patterns.clone().next()).unwrap_or(("s3", "GetObject"));
    let source = said("eventSource").unwrap_or_else(|| format!("{source}.amazonaws.com"));
    (source, name.unwrap_or_else(|| pattern.to_owned()))
}

/// `value` with the number of the copy for `{i}`.
fn numbered(value: &Value, copy: i64) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{i}", &copy.to_string())),
        Value::Array(items) => items.iter().map(|item| numbered(item, copy)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| (key.clone(), numbered(member, copy)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}
