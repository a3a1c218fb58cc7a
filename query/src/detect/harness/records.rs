//! Partial records of a test → whole ones, by when they arrive.
//!
//! A test event says only what matters; the rest is filled in. Control keys: `_at` moves an event by a duration, which
//! can be negative, `_repeat` makes copies `_every` so far apart, `{i}` in a text is the number of the copy, `_late` lets
//! an event arrive in a later run.

use super::super::finding::Finding;
use crate::rules::RuleError;
use crate::rules::Severity;
use crate::rules::duration::Seconds;
use crate::rules::file::{Rule, Test};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use trailhound_ingest::time;

/// 2026-01-15T12:00:00Z, when tests begin.
const BEGIN: i64 = 1_768_478_400_000_000;

/// Who does it, where a test does not say.
const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const ACCOUNT: &str = "111122223333";

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

/// The findings of other rules that a test says were there before. A finding says what matters: `rule`, `severity`, and
/// perhaps `_at`, `actor`, `account`, `eventids`, `attack`; the rest is filled in.
///
/// # Errors
/// They are no JSON objects, or one of their members is not known.
pub(super) fn findings(rule: &Rule, test: &Test) -> Result<Vec<Finding>, RuleError> {
    let bad = |what: String| RuleError::new(&rule.place, format!("test {:?}: findings: {what}", test.name));
    let text = test.findings.as_deref().unwrap_or_default();
    let parts = serde_json::Deserializer::from_str(text).into_iter::<Part>();
    parts.map(|part| part.map_err(|error| bad(error.to_string()))?.whole().map_err(bad)).collect()
}

/// What a test says of a finding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    rule: String,
    severity: Severity,
    #[serde(rename = "_at")]
    at: Option<String>,
    actor: Option<String>,
    account: Option<String>,
    #[serde(default)]
    eventids: Vec<String>,
    #[serde(default)]
    attack: Vec<String>,
}

impl Part {
    fn whole(self) -> Result<Finding, String> {
        let at = BEGIN + self.at.map_or(Ok(0), |text| signed(&text).ok_or("_at is no duration"))? * 1_000_000;
        let actor = self.actor.unwrap_or_else(|| ALICE.to_owned());
        let dedup_key = json!([actor]).to_string();
        Ok(Finding {
            id: Finding::id(&self.rule, &dedup_key, at),
            version: 1,
            severity: self.severity,
            title: self.rule.clone(),
            alert: self.rule.clone(),
            rule: self.rule,
            entities: BTreeMap::from([("actor".to_owned(), actor.clone())]),
            actor: Some(actor),
            dedup_key,
            first_time: at,
            last_time: at,
            count: 1,
            event_ids: self.eventids,
            attack: self.attack,
            params: "{}".to_owned(),
            late: false,
            account: Some(self.account.unwrap_or_else(|| ACCOUNT.to_owned())),
            region: Some("us-east-1".to_owned()),
            detect_time: at,
        })
    }
}

/// `5m` or `-20d` in seconds.
fn signed(text: &str) -> Option<i64> {
    let (sign, length) = text.strip_prefix('-').map_or((1, text), |length| (-1, length));
    Some(sign * Seconds::parse(length)?.0)
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
            let seconds = value.as_str().and_then(signed).filter(|seconds| *seconds >= 0 || key == "_at");
            seconds.ok_or_else(|| format!("{key} is not a duration such as \"15m\""))
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
            "arn": ALICE,
            "accountId": ACCOUNT,
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
        "recipientAccountId": ACCOUNT,
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
