//! Partial records of a test → whole ones, by when they arrive.
//!
//! A test event says only what matters; the rest is filled in. Control keys: `_at` moves an event by a duration, which
//! can be negative, `_repeat` makes copies `_every` so far apart, `{i}` in a text is the number of the copy, `_late` lets
//! an event arrive in a later run.

use crate::rules::RuleError;
use crate::rules::duration::Seconds;
use crate::rules::file::{Rule, Test};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use trailhound_ingest::time;

/// 2026-01-15T12:00:00Z, when tests begin.
const BEGIN: i64 = 1_768_478_400_000_000;

/// Copies that one event may ask for.
const MOST_COPIES: i64 = 10_000;

/// The round in which the baseline of a test arrives.
pub(super) const BASELINE: i64 = -1;

/// Records by how late they arrive, in seconds; those of a baseline come before.
pub(super) type Rounds = BTreeMap<i64, Vec<Value>>;

/// The records of a test. `number` is that of the last record, from which identities are made: the records of tests that
/// meet in one lake must not be duplicates of each other.
///
/// # Errors
/// The events are no JSON objects, or a control key says nothing sensible.
pub(super) fn rounds(rule: &Rule, test: &Test, number: &mut u32) -> Result<Rounds, RuleError> {
    let bad = |what: String| RuleError::new(&rule.place, format!("test {:?}: {what}", test.name));
    let mut rounds = Rounds::new();
    let events = [(Some(BASELINE), test.baseline.as_deref().unwrap_or_default()), (None, &test.events)];
    for (round, events) in events {
        for event in serde_json::Deserializer::from_str(events).into_iter::<Map<String, Value>>() {
            let event = event.map_err(|error| bad(format!("events: {error}")))?;
            let (late, records) = records(rule, event, number).map_err(bad)?;
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
