//! Calls that changed something → what was created, changed and deleted.
//!
//! CloudTrail has no field for the thing that a call is about. Each service names it in its own way, in the request or,
//! where the call made it, in the answer; what is looked for first is named first below.

use super::scope::Scope;
use crate::engine::Engine;
use crate::error::Error;
use crate::output::cells;
use futures::TryStreamExt;
use serde_json::Value;
use std::collections::HashMap;

/// Things that are told apart; calls about others are counted.
const THINGS: usize = 2_000;

/// Levels of a document that are looked into.
const DEPTH: usize = 4;

/// Members that name a thing, the most telling first.
const NAMES: [&str; 45] = [
    "bucketName",
    "functionName",
    "dBInstanceIdentifier",
    "dBClusterIdentifier",
    "dBSnapshotIdentifier",
    "snapshotId",
    "volumeId",
    "instanceId",
    "instanceIds",
    "imageId",
    "groupId",
    "groupName",
    "accessKeyId",
    "userName",
    "roleName",
    "roleArn",
    "policyArn",
    "policyName",
    "keyId",
    "secretId",
    "tableName",
    "topicArn",
    "queueUrl",
    "queueName",
    "stackName",
    "clusterName",
    "trailName",
    "keyName",
    "repositoryName",
    "vpcId",
    "subnetId",
    "allocationId",
    "logGroupName",
    "domainName",
    "loadBalancerArn",
    "hostedZoneId",
    "serialNumber",
    "service",
    "resourceArn",
    "resourceId",
    "arn",
    "aRN",
    "name",
    "id",
    "identifier",
];

/// What happened to a thing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Verb {
    Created,
    Changed,
    Deleted,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// Calls of one name about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) verb: Verb,
    pub(super) service: String,
    pub(super) call: String,
    pub(super) thing: String,
    pub(super) calls: u64,
    pub(super) first: String,
    pub(super) last: String,
}

/// What the events in `scope` changed, in order of time, and how many calls are about things beyond the bound.
pub(super) async fn changes(engine: &Engine, scope: &Scope) -> Result<(Vec<Change>, u64), Error> {
    let sql = format!(
        "SELECT eventTime, replace(eventSource, '.amazonaws.com', ''), eventName, requestParameters, responseElements \
         FROM cloudtrail WHERE ({}) AND readOnly = false AND errorCode IS NULL \
         AND NOT coalesce(responseElements.ConsoleLogin = 'Failure', false)",
        scope.by
    );
    let (_, mut rows) = engine.stream(&sql, &scope.values).await?;
    let (mut known, mut beyond) = (HashMap::<[String; 3], Change>::new(), 0);
    while let Some(batch) = rows.try_next().await? {
        for row in cells(&batch)? {
            let Ok([time, service, call, request, answer]) = <[String; 5]>::try_from(row) else { continue };
            let verb = verb(&call);
            for thing in things(verb, &request, &answer) {
                let key = [service.clone(), call.clone(), thing];
                if known.len() == THINGS && !known.contains_key(&key) {
                    beyond += 1;
                    continue;
                }
                let change = known.entry(key).or_insert_with_key(|[service, call, thing]| Change {
                    verb,
                    service: service.clone(),
                    call: call.clone(),
                    thing: thing.clone(),
                    calls: 0,
                    first: time.clone(),
                    last: time.clone(),
                });
                change.calls += 1;
                // Times of one form are in the order of their texts.
                change.first = change.first.clone().min(time.clone());
                change.last = change.last.clone().max(time.clone());
            }
        }
    }
    let mut changes = known.into_values().collect::<Vec<_>>();
    changes.sort_by(|a, b| {
        (&a.first, &a.service, &a.call, &a.thing).cmp(&(&b.first, &b.service, &b.call, &b.thing))
    });
    Ok((changes, beyond))
}

/// What a call does, by the first word of its name.
fn verb(call: &str) -> Verb {
    const CREATE: [&str; 14] = [
        "Create",
        "Run",
        "Allocate",
        "Launch",
        "Register",
        "Import",
        "Copy",
        "Upload",
        "Request",
        "Issue",
        "Generate",
        "Publish",
        "AssumeRole",
        "GetFederationToken",
    ];
    const DELETE: [&str; 10] = [
        "Delete",
        "Terminate",
        "Deregister",
        "Release",
        "Remove",
        "Purge",
        "ScheduleKeyDeletion",
        "Destroy",
        "BatchDelete",
        "Deactivate",
    ];
    let begins = |words: &[&str]| words.iter().any(|word| call.starts_with(word));
    if begins(&DELETE) {
        Verb::Deleted
    } else if begins(&CREATE) {
        Verb::Created
    } else {
        Verb::Changed
    }
}

/// The things that a call is about; one without a name, where nothing says what.
fn things(verb: Verb, request: &str, answer: &str) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (request, answer) = (read(request), read(answer));
    // What was made is named by the answer; its request names what it was made from.
    let documents = if verb == Verb::Created { [answer, request] } else { [request, answer] };
    // Near the top first: what is deep below is about something else.
    let mut levels = documents.iter().flat_map(|document| (0..DEPTH).map(move |depth| (document, depth)));
    let named = levels.find_map(|(document, depth)| {
        let names = named(document, depth);
        (!names.is_empty()).then_some(names)
    });
    named.unwrap_or_else(|| vec![String::new()])
}

/// The names in the members `depth` levels down: those of the first member that has any, and of all items of a list.
fn named(value: &Value, depth: usize) -> Vec<String> {
    match value {
        Value::Object(members) if depth == 0 => {
            first(NAMES.iter().filter_map(|name| members.get(*name)).map(texts))
        }
        Value::Object(members) => first(members.values().map(|member| named(member, depth - 1))),
        Value::Array(items) => items.iter().flat_map(|item| named(item, depth)).collect(),
        _ => Vec::new(),
    }
}

/// The first that has any.
fn first(mut names: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    names.find(|names| !names.is_empty()).unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_its_things() {
        let two =
            r#"{"instancesSet":{"items":[{"instanceId":"i-1","imageId":"ami-1"},{"instanceId":"i-2"}]}}"#;
        for (verb, request, answer, expected) in [
            (Verb::Changed, r#"{"bucketName":"b","key":"k"}"#, "", &["b"][..]),
            (Verb::Deleted, two, "", &["i-1", "i-2"]),
            (Verb::Created, r#"{"imageId":"ami-1"}"#, two, &["i-1", "i-2"]),
            (Verb::Created, r#"{"volumeId":"vol-1"}"#, r#"{"snapshotId":"snap-1"}"#, &["snap-1"]),
            (Verb::Created, r#"{"bucketName":"b"}"#, "null", &["b"]),
            (Verb::Changed, r#"{"userName":"ada","policyArn":"arn:aws:iam::aws:policy/X"}"#, "", &["ada"]),
            (Verb::Changed, r#"{"secretId":7}"#, "", &["7"]),
            (Verb::Changed, r#"{"instanceIds":["i-1","i-2"]}"#, "", &["i-1", "i-2"]),
            (Verb::Changed, r#"{"x":{"y":{"z":{"deep":{"name":"n"}}}}}"#, "null", &[""]),
            (Verb::Changed, "", "", &[""]),
            (Verb::Changed, "[[[[", "{", &[""]),
        ] {
            assert_eq!(things(verb, request, answer), expected, "{request} {answer}");
        }
    }

    #[test]
    fn a_call_says_what_it_does() {
        assert_eq!(
            ["CreateUser", "RunInstances", "DeleteBucket", "PutBucketPolicy", ""].map(verb),
            [Verb::Created, Verb::Created, Verb::Deleted, Verb::Changed, Verb::Changed]
        );
    }
}
